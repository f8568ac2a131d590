"""Faults of documents, of webhooks, of the ledger and the state that is kept of it."""

from tests.protections.kafka_removals import crashes, seeds
from tests.protections.removal import Edit, Removal

REMOVALS = (
    Removal(
        14,
        "a damaged state is thrown away",
        (
            Edit(
                "state/folder.py",
                "            except StateFailed as error:\n                return self.afresh(partition, str(error))\n        return",
                "            except RecursionError as error:\n                return self.afresh(partition, str(error))\n        return",
            ),
        ),
        (
            "unit/state/test_folder.py::test_a_damaged_state_is_thrown_away",
            "unit/state/test_folder.py::test_another_format_is_thrown_away",
        ),
        raises=("StateFailed",),
    ),
    Removal(
        14,
        "a state that was never complete is thrown away",
        (Edit("state/folder.py", "if meta.incarnation is None:", "if meta.format is None:"),),
        ("unit/state/test_folder.py::test_a_state_that_was_never_complete_is_thrown_away",),
    ),
    Removal(
        14,
        "a state that is too old is thrown away",
        (Edit("state/folder.py", "if not -STALE_AFTER < age < STALE_AFTER:", "if not age:"),),
        ("unit/state/test_folder.py::test_a_state_that_is_too_old_is_thrown_away",),
    ),
    Removal(
        14,
        "a disk that fails is not used again",
        (Edit("state/folder.py", "            self._failed = True\n", ""),),
        ("unit/state/test_folder.py::test_a_disk_that_fails_is_not_used_again",),
    ),
    Removal(
        14,
        "rows and the offset that they reach are one batch",
        (
            Edit(
                "state/disk.py",
                "        self._write(batch, ledger_end)\n        for key, wanted",
                "        self._write(WriteBatch(raw_mode=True), ledger_end)\n        self._database.write(batch)\n"
                "        for key, wanted",
            ),
        ),
        ("unit/state/test_folder.py::test_a_process_that_dies_between_two_writes_leaves_the_state_of_one_moment",),
    ),
    Removal(
        15,
        "an emptied ledger is refused",
        (
            Edit(
                "kafka/opening.py",
                "        if restored.header is None:\n",
                "        if restored.header is None:\n            return\n        if restored.header is None:\n",
            ),
        ),
        ("unit/kafka/test_ledger_refusals.py::test_an_emptied_ledger_is_refused",),
    ),
    Removal(
        15,
        "a ledger of another incarnation is refused",
        (Edit("kafka/opening.py", 'if stamp.get("incarnation", restored.header.incarnation) != restored.header.incarnation:', "if stamp is None:"),),
        ("unit/kafka/test_ledger_refusals.py::test_another_ledger_than_that_of_the_offsets_is_refused",),
    ),
    Removal(
        15,
        "a ledger that has become shorter is refused",
        (Edit("kafka/opening.py", 'if stamp.get("ledger_end", 0) > restored.end:', "if stamp is None:"),),
        ("unit/kafka/test_ledger_refusals.py::test_a_shortened_ledger_is_refused",),
    ),
    Removal(
        15,
        "another deployment's ledger is refused",
        (Edit("kafka/opening.py", "            if expected != found:\n", "            if expected is None:\n"),),
        ("unit/kafka/test_ledger_refusals.py::test_the_ledger_of_another_deployment_is_refused",),
    ),
    Removal(
        15,
        "a wrong number of partitions is refused",
        (Edit("kafka/topics.py", "if topic.role in INNER and existing.partitions != topic.partitions:", "if existing.partitions < 0:"),),
        ("unit/kafka/test_topic_findings.py::test_a_wrong_number_of_partitions_is_told",),
    ),
    Removal(
        15,
        "a wrong cleanup policy is refused",
        (
            Edit(
                "kafka/topics.py",
                'policy is not None and policy != topic.configs["cleanup.policy"]:',
                'policy is not None and policy == "nobody\'s":',
            ),
        ),
        ("unit/kafka/test_topic_findings.py::test_a_wrong_cleanup_policy_is_told",),
    ),
    Removal(
        15,
        "a retention by time of an inner log is refused",
        (Edit("kafka/topics.py", "        if retention != _FOREVER:\n", '        if retention == "":\n'),),
        ("unit/kafka/test_topic_findings.py::test_a_retention_of_an_inner_log_is_told",),
    ),
    Removal(
        16,
        "an arrival that nobody can read ends as a dead letter",
        (
            Edit(
                "engine/import_steps.py",
                "            await self._book.fail(copy.import_id, fresh, error)\n            return\n        fresh = replace(",
                "            del error\n            return\n        fresh = replace(",
            ),
        ),
        stories=(seeds(0, 10, "I1 lost"),),
    ),
    Removal(
        16,
        "the letter is written in the transaction of its event, row and offset",
        (
            Edit(
                "engine/committer.py",
                "        records += [(TopicRole.DEAD_LETTERS, record) for record in outcome.dead_letters]\n",
                "",
            ),
        ),
        stories=(crashes("send dead letter", "never reached"),),
    ),
    Removal(
        16,
        "a letter is the arrival, byte for byte",
        (Edit("contracts/dead_letters.py", "    return KafkaRecord(key, value, (", "    return KafkaRecord(key, (value or b\"\")[::-1], ("),),
        ("unit/contracts/test_dead_letters.py::test_the_arrival_is_kept_byte_for_byte",),
    ),
    Removal(
        16,
        "an arrival that is nested too deep is refused",
        (Edit("contracts/arrivals.py", "if _deeper_than(value, MAX_DEPTH):", "if value is None:"),),
        ("unit/contracts/test_arrivals.py::test_nesting_is_limited",),
    ),
    Removal(
        18,
        "bytes are counted against the cap while they come",
        (Edit("documents/guard.py", "        if self._total > self._expected.max_bytes:\n", "        if self._total < 0:\n"),),
        ("wire/documents/test_https_failures.py::test_too_large_is_refused_by_its_bytes",),
    ),
    Removal(
        18,
        "an announced size above the cap is refused unread",
        (Edit("documents/guard.py", "        if size is not None and size > self._expected.max_bytes:\n", "        if size is not None and size < 0:\n"),),
        ("wire/documents/test_https_failures.py::test_too_large_is_refused_by_its_announcement",),
    ),
    Removal(
        18,
        "fewer bytes than announced are no document",
        (Edit("documents/guard.py", "        if announced is not None and announced != self._total:\n", "        if announced == -1:\n"),),
        ("unit/documents/test_document_meter.py::test_another_number_of_bytes_than_announced_is_tried_again",),
    ),
    Removal(
        18,
        "a document is streamed",
        (
            Edit(
                "documents/https.py",
                "                chunk = await response.content.read(CHUNK)\n",
                "                chunk = await response.content.read()\n",
            ),
        ),
        (
            "wire/documents/test_document_memory.py::test_a_large_document_needs_little_memory",
            "wire/documents/test_https_source.py::test_pieces_are_small",
        ),
    ),
    Removal(
        18,
        "the last piece is held back until all is known to be right",
        (
            Edit(
                "documents/guard.py",
                "    meter.finish()\n    yield held",
                "    yield held\n    meter.finish()",
            ),
        ),
        ("unit/documents/test_inline_source.py::test_a_wrong_document_is_never_completed",),
    ),
    Removal(
        19,
        "a webhook's signature is checked before anything is read of it",
        (Edit("rossum/signature.py", "    if not genuine:\n", "    if genuine is None:\n"),),
        (
            "unit/rossum/test_hook_signature.py::test_a_signature_of_another_secret_is_forged",
            "unit/rossum/test_hook_signature.py::test_a_changed_body_is_forged",
            "wire/web/test_receiver.py::test_a_forged_webhook_is_turned_away",
        ),
    ),
    Removal(
        19,
        "an empty secret verifies nothing",
        (Edit("rossum/signature.py", " and bool(secret)", ""),),
        ("unit/rossum/test_hook_signature.py::test_an_empty_secret_verifies_nothing_even_what_it_signed",),
    ),
    Removal(
        19,
        "a replayed webhook is known by its clocks and ends there",
        (Edit("domain/annotation_hints.py", "    if not unknown:\n        return Need.NOTHING\n", ""),),
        ("unit/domain/test_annotation_lag.py::test_a_hint_that_is_known_asks_rossum_nothing",),
    ),
    Removal(
        19,
        "hints of queues that nobody configured are dropped",
        (Edit("web/receiver.py", "[hint for hint in found if hint.queue in self._queues]", "list(found)"),),
        ("wire/web/test_receiver.py::test_queues_that_nobody_configured_are_counted_apart",),
    ),
    Removal(
        19,
        "a body is counted while it comes",
        (
            Edit(
                "web/receiver.py",
                "                if size > self._settings.max_body:\n                    raise self._too_large()\n",
                "",
            ),
        ),
        ("wire/web/test_receiver_abuse.py::test_a_body_without_a_length_is_counted",),
    ),
    Removal(
        19,
        "long bodies have limited room together",
        (Edit("web/receiver.py", "        if self._large + more > max(LARGE_BODIES, self._settings.max_body):\n", "        if more < 0:\n"),),
        ("wire/web/test_receiver_abuse.py::test_long_bodies_have_limited_room_together",),
    ),
    Removal(
        19,
        "a body that does not come is not waited for",
        (Edit("web/receiver.py", "async with asyncio.timeout(self._deadline):", "async with asyncio.timeout(None):"),),
        ("wire/web/test_receiver_abuse.py::test_a_body_that_does_not_come_is_not_waited_for",),
    ),
    Removal(
        19,
        "a connection that asks nothing is closed",
        (
            Edit(
                "web/server.py",
                "self._silent[handler] = self._loop.call_later(self._headers_within, handler.force_close)",
                "self._silent[handler] = self._loop.call_later(1e6, handler.force_close)",
            ),
        ),
        ("wire/web/test_receiver_abuse.py::test_a_connection_that_asks_nothing_is_closed",),
    ),
    Removal(
        19,
        "compressed bodies are refused",
        (
            Edit(
                "web/receiver.py",
                'if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":',
                'if request.headers.get(hdrs.CONTENT_ENCODING, "identity") == "":',
            ),
        ),
        ("wire/web/test_receiver.py::test_compressed_bodies_are_refused",),
    ),
    Removal(
        20,
        "a name's addresses are checked where they are connected to",
        (Edit("documents/resolver.py", "        for answer in answers:\n            self._check(host, answer[\"host\"])\n", ""),),
        ("wire/documents/test_forbidden_addresses.py::test_a_name_that_resolves_to_it_is_refused",),
        raises=("Retryable",),
    ),
    Removal(
        20,
        "nothing but those two lines keeps packets from a forbidden address",
        (
            Edit("documents/resolver.py", "        for answer in answers:\n            self._check(host, answer[\"host\"])\n", ""),
            Edit("documents/resolver.py", '            raise PermissionError("the address is not allowed")\n', "            pass\n"),
        ),
        ("wire/documents/test_forbidden_addresses.py::test_a_name_that_changes_its_mind_gains_nothing",),
        raises=("Retryable",),
    ),
    Removal(
        20,
        "no socket is made for a forbidden address, however it came",
        (
            Edit(
                "documents/resolver.py",
                '            raise PermissionError("the address is not allowed")\n',
                "            pass\n",
            ),
        ),
        ("unit/documents/test_guarded_resolver.py::test_no_socket_for_a_forbidden_address",),
    ),
    Removal(
        20,
        "addresses in URLs are read in every spelling",
        (
            Edit(
                "documents/https.py",
                "        if location.address is not None:\n",
                "        if location.address == location.host:\n",
            ),
        ),
        ("wire/documents/test_forbidden_addresses.py::test_a_literal_is_refused",),
        raises=("Retryable",),
    ),
    Removal(
        20,
        "metadata services are refused whatever is allowed",
        (Edit("documents/addresses.py", "        if _is_never(end):\n", "        if end is None:\n"),),
        ("wire/documents/test_forbidden_addresses.py::test_no_private_network_opens_the_worst",
         "unit/documents/test_address_policy.py::test_some_addresses_are_never_fine"),
    ),
    Removal(
        20,
        "IPv4 addresses inside IPv6 are unwrapped",
        (Edit("documents/addresses.py", "    if any(address in network for network in _CARRIERS):\n        return (low,)\n", ""),),
        ("unit/documents/test_address_policy.py::test_every_wrapping_is_seen_through",),
    ),
    Removal(
        20,
        "each redirect is checked anew",
        (
            Edit(
                "documents/https.py",
                "            self._check(location)\n            response = await self._send(location)\n",
                "            if location.url.startswith('https') and _ == 0:\n                self._check(location)\n            response = await self._send(location)\n",
            ),
        ),
        ("wire/documents/test_forbidden_addresses.py::test_a_redirect_to_it_is_refused",),
    ),
    Removal(
        20,
        "hosts have to be allowed",
        (Edit("documents/https.py", "        if not self._hosts.permits(location):\n", "        if location.host is None:\n"),),
        ("wire/documents/test_forbidden_addresses.py::test_a_trick_is_refused",),
    ),
    Removal(
        20,
        "no symbolic link below a root is followed",
        (Edit("documents/file.py", "_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC", "_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC"),),
        ("unit/documents/test_file_source.py::test_a_link_at_any_level_is_not_followed",),
    ),
    Removal(
        20,
        "only regular files are read",
        (Edit("documents/file.py", "            if not stat.S_ISREG(status.st_mode):\n", "            if status is None:\n"),),
        ("unit/documents/test_file_source.py::test_a_device_is_refused",),
    ),
    Removal(
        23,
        "rows keep the fields that only a later version knows",
        (Edit("domain/rows.py", "    if unknown := content.keys() - _FIELDS[kind]:\n", "    if unknown := content.keys() - content.keys():\n"),),
        ("unit/domain/test_rows.py::test_what_a_later_version_added_is_kept",),
    ),
    Removal(
        23,
        "rows of kinds that only a later version knows are kept",
        (
            Edit(
                "domain/rows.py",
                "        return UnknownRow(str(kind), {**content})\n",
                '        raise ValueError("unknown")\n',
            ),
        ),
        ("unit/domain/test_rows.py::test_a_row_of_a_later_version_holds_its_copy",),
        raises=("ValueError",),
    ),
    Removal(
        23,
        "messages that only a later version knows are passed by",
        (Edit("domain/messages.py", "if element and element[0] in _DECODERS]", "if element]"),),
        ("unit/domain/test_messages.py::test_kinds_of_a_later_version_are_left_out",),
        raises=("ValueError",),
    ),
)
