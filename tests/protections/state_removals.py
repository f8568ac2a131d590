"""Faults of the ledger, and of what goes through it."""

from tests.protections.removal import Edit, Removal
from tests.protections.stories import scene, seeds

REMOVALS = (
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
        tests=("unit/kafka/test_ledger_refusals.py::test_an_emptied_ledger_is_refused",),
    ),
    Removal(
        15,
        "a ledger of another incarnation is refused",
        (
            Edit(
                "kafka/opening.py",
                'if stamp.get("incarnation", restored.header.incarnation) != restored.header.incarnation:',
                "if stamp is None:",
            ),
        ),
        tests=("unit/kafka/test_ledger_refusals.py::test_another_ledger_than_that_of_the_offsets_is_refused",),
    ),
    Removal(
        15,
        "a ledger that has become shorter is refused",
        (
            Edit(
                "kafka/opening.py",
                'if stamp.get("ledger_end", 0) > restored.end:',
                "if stamp is None:",
            ),
        ),
        tests=("unit/kafka/test_ledger_refusals.py::test_a_shortened_ledger_is_refused",),
    ),
    Removal(
        15,
        "another deployment's ledger is refused",
        (
            Edit(
                "kafka/opening.py",
                "            if expected != found:\n",
                "            if expected is None:\n",
            ),
        ),
        tests=("unit/kafka/test_ledger_refusals.py::test_the_ledger_of_another_deployment_is_refused",),
    ),
    Removal(
        15,
        "a wrong number of partitions is refused",
        (
            Edit(
                "kafka/topics.py",
                "if topic.role in INNER and existing.partitions != topic.partitions:",
                "if existing.partitions < 0:",
            ),
        ),
        tests=("unit/kafka/test_topic_findings.py::test_a_wrong_number_of_partitions_is_told",),
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
        tests=("unit/kafka/test_topic_findings.py::test_a_wrong_cleanup_policy_is_told",),
    ),
    Removal(
        15,
        "a retention by time of an inner log is refused",
        (
            Edit(
                "kafka/topics.py",
                "        if retention != _FOREVER:\n",
                '        if retention == "":\n',
            ),
        ),
        tests=("unit/kafka/test_topic_findings.py::test_a_retention_of_an_inner_log_is_told",),
    ),
    Removal(
        16,
        "an arrival that nobody can read ends as a dead letter",
        (
            Edit(
                "engine/import_steps.py",
                "            await self._book.fail(copy.import_id, fresh, error)\n            return\n"
                "        fresh = replace(",
                "            del error\n            return\n        fresh = replace(",
            ),
        ),
        stories=(seeds(0, 3, "I1 lost"),),
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
        stories=(scene("failures_leave_letters"),),
    ),
    Removal(
        16,
        "a letter is the arrival, byte for byte",
        (
            Edit(
                "contracts/dead_letters.py",
                "    return KafkaRecord(key, value, (",
                '    return KafkaRecord(key, (value or b"")[::-1], (',
            ),
        ),
        tests=("unit/contracts/test_dead_letters.py::test_the_arrival_is_kept_byte_for_byte",),
    ),
    Removal(
        16,
        "an arrival that is nested too deep is refused",
        (
            Edit(
                "contracts/arrivals.py",
                "if _deeper_than(value, MAX_DEPTH):",
                "if value is None:",
            ),
        ),
        tests=("unit/contracts/test_arrivals.py::test_nesting_is_limited",),
    ),
    Removal(
        17,
        "what Rossum refuses for good ends its import",
        (
            Edit(
                "rossum/failures.py",
                "        return Rejected(said, stage=Stage.UPLOAD, http_status=status)",
                "        return Retryable(said)",
            ),
        ),
        tests=(
            "wire/rossum/test_client_uploads.py::test_a_refused_document_is_rejected_with_rossums_words",
            "unit/rossum/test_rossum_failures.py::test_a_refusal_tells_stage_and_status",
        ),
        raises=("Retryable",),
    ),
    Removal(
        17,
        "a document that Rossum could not read fails",
        (
            Edit(
                "domain/import_state.py",
                '    if all(status == "failed_import" for status in statuses):',
                '    if "failed_import" not in statuses and not statuses:',
            ),
        ),
        tests=("unit/domain/test_import_state.py::test_a_document_that_rossum_could_not_import_fails",),
        stories=(seeds(0, 6, "I1 lost"),),
    ),
    Removal(
        23,
        "rows keep the fields that only a later version knows",
        (
            Edit(
                "domain/rows.py",
                "        known[_LATER] = {name: value for name, value in content.items() if name not in names}\n",
                "",
            ),
        ),
        tests=("unit/domain/test_rows.py::test_what_a_later_version_added_is_kept",),
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
        tests=("unit/domain/test_rows.py::test_a_row_of_a_later_version_holds_its_copy",),
        raises=("ValueError",),
    ),
    Removal(
        23,
        "messages that only a later version knows are passed by",
        (
            Edit(
                "domain/messages.py",
                "if element and element[0] in _DECODERS]",
                "if element]",
            ),
        ),
        tests=("unit/domain/test_messages.py::test_kinds_of_a_later_version_are_left_out",),
        raises=("ValueError",),
    ),
)
