"""Faults of documents and of the addresses that they are fetched from."""

from tests.protections.removal import Edit, Removal

REMOVALS = (
    Removal(
        18,
        "bytes are counted against the cap while they come",
        (
            Edit(
                "documents/guard.py",
                "        if self._total > self._expected.max_bytes:\n",
                "        if self._total < 0:\n",
            ),
        ),
        tests=("wire/documents/test_https_failures.py::test_too_large_is_refused_by_its_bytes",),
    ),
    Removal(
        18,
        "an announced size above the cap is refused unread",
        (
            Edit(
                "documents/guard.py",
                "        if size is not None and size > self._expected.max_bytes:\n",
                "        if size is not None and size < 0:\n",
            ),
        ),
        tests=("wire/documents/test_https_failures.py::test_too_large_is_refused_by_its_announcement",),
    ),
    Removal(
        18,
        "fewer bytes than announced are no document",
        (
            Edit(
                "documents/guard.py",
                "        if announced is not None and announced != self._total:\n",
                "        if announced == -1:\n",
            ),
        ),
        tests=("unit/documents/test_document_meter.py::test_another_number_of_bytes_than_announced_is_tried_again",),
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
        tests=(
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
        tests=("unit/documents/test_inline_source.py::test_a_wrong_document_is_never_completed",),
    ),
    Removal(
        20,
        "a name's addresses are checked where they are connected to",
        (
            Edit(
                "documents/resolver.py",
                '        for answer in answers:\n            self._check(host, answer["host"])\n',
                "",
            ),
        ),
        tests=("wire/documents/test_forbidden_addresses.py::test_a_name_that_resolves_to_it_is_refused",),
        raises=("Retryable",),
    ),
    Removal(
        20,
        "nothing but those two lines keeps packets from a forbidden address",
        (
            Edit(
                "documents/resolver.py",
                '        for answer in answers:\n            self._check(host, answer["host"])\n',
                "",
            ),
            Edit(
                "documents/resolver.py",
                '            raise PermissionError("the address is not allowed")\n',
                "            pass\n",
            ),
        ),
        tests=("wire/documents/test_forbidden_addresses.py::test_a_name_that_changes_its_mind_gains_nothing",),
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
        tests=("unit/documents/test_guarded_resolver.py::test_no_socket_for_a_forbidden_address",),
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
        tests=("wire/documents/test_forbidden_addresses.py::test_a_literal_is_refused",),
        raises=("Retryable",),
    ),
    Removal(
        20,
        "metadata services are refused whatever is allowed",
        (
            Edit(
                "documents/addresses.py",
                "        if _is_never(end):\n",
                "        if end is None:\n",
            ),
        ),
        tests=("unit/documents/test_address_policy.py::test_some_addresses_are_never_fine",),
    ),
    Removal(
        20,
        "IPv4 addresses inside IPv6 are unwrapped",
        (
            Edit(
                "documents/addresses.py",
                "    if any(address in network for network in _CARRIERS):\n        return (low,)\n",
                "",
            ),
        ),
        tests=("unit/documents/test_address_policy.py::test_every_wrapping_is_seen_through",),
    ),
    Removal(
        20,
        "each redirect is checked anew",
        (
            Edit(
                "documents/https.py",
                "            self._check(location)\n            response = await self._send(location)\n",
                "            if _ == 0:\n"
                "                self._check(location)\n            response = await self._send(location)\n",
            ),
        ),
        tests=("wire/documents/test_forbidden_addresses.py::test_a_redirect_to_it_is_refused",),
        raises=("Retryable",),
    ),
    Removal(
        20,
        "hosts have to be allowed",
        (
            Edit(
                "documents/https.py",
                "        if not self._hosts.permits(location):\n",
                "        if location.host is None:\n",
            ),
        ),
        tests=("wire/documents/test_forbidden_addresses.py::test_a_trick_is_refused",),
    ),
    Removal(
        20,
        "no symbolic link below a root is followed",
        (
            Edit(
                "documents/file.py",
                "_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC",
                "_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC",
            ),
        ),
        tests=("unit/documents/test_file_source.py::test_a_link_at_any_level_is_not_followed",),
    ),
    Removal(
        20,
        "only regular files are read",
        (
            Edit(
                "documents/file.py",
                "            if not stat.S_ISREG(status.st_mode):\n",
                "            if status is None:\n",
            ),
        ),
        tests=("unit/documents/test_file_source.py::test_a_device_is_refused",),
    ),
)
