"""Faults at our doors: strangers who send webhooks, and credentials that Rossum refuses."""

from tests.protections.removal import Edit, Removal

REMOVALS = (
    Removal(
        19,
        "a webhook's signature is checked before anything is read of it",
        (
            Edit(
                "rossum/signature.py",
                "    if not genuine:\n",
                "    if genuine is None:\n",
            ),
        ),
        tests=(
            "unit/rossum/test_hook_signature.py::test_a_signature_of_another_secret_is_forged",
            "unit/rossum/test_hook_signature.py::test_a_changed_body_is_forged",
            "wire/web/test_receiver.py::test_a_forged_webhook_is_turned_away",
        ),
    ),
    Removal(
        19,
        "an empty secret verifies nothing",
        (
            Edit(
                "rossum/signature.py",
                " and bool(secret)",
                "",
            ),
        ),
        tests=("unit/rossum/test_hook_signature.py::test_an_empty_secret_verifies_nothing_even_what_it_signed",),
    ),
    Removal(
        19,
        "a replayed webhook is known by its clocks and ends there",
        (
            Edit(
                "domain/annotation_hints.py",
                "    if not unknown:\n        return Need.NOTHING\n",
                "",
            ),
        ),
        tests=("unit/domain/test_annotation_lag.py::test_a_hint_that_is_known_asks_rossum_nothing",),
    ),
    Removal(
        19,
        "hints of queues that nobody configured are dropped",
        (
            Edit(
                "web/receiver.py",
                "[hint for hint in found if hint.queue in self._queues]",
                "list(found)",
            ),
        ),
        tests=("wire/web/test_receiver.py::test_queues_that_nobody_configured_are_counted_apart",),
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
        tests=("wire/web/test_receiver_abuse.py::test_a_body_without_a_length_is_counted",),
    ),
    Removal(
        19,
        "long bodies have limited room together",
        (
            Edit(
                "web/receiver.py",
                "        if self._large + more > max(LARGE_BODIES, self._settings.max_body):\n",
                "        if more < 0:\n",
            ),
        ),
        tests=("wire/web/test_receiver_abuse.py::test_long_bodies_have_limited_room_together",),
    ),
    Removal(
        19,
        "a body that does not come is not waited for",
        (
            Edit(
                "web/receiver.py",
                "with self._deadlines.running():",
                "if True:",
            ),
        ),
        tests=("wire/web/test_receiver_abuse.py::test_a_body_that_does_not_come_is_not_waited_for",),
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
        tests=("wire/web/test_receiver_abuse.py::test_a_connection_that_asks_nothing_is_closed",),
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
        tests=("wire/web/test_receiver.py::test_compressed_bodies_are_refused",),
    ),
    Removal(
        21,
        "one login serves all callers",
        (
            Edit(
                "rossum/login.py",
                "            if self._token is not None and self._token != refused:\n"
                "                return self._token\n",
                "",
            ),
        ),
        tests=("unit/rossum/test_rossum_login.py::test_one_login_serves_all_who_found_the_token_expired",),
        raises=("NotOurs",),
    ),
    Removal(
        21,
        "a login that does not help is not repeated quickly",
        (
            Edit(
                "rossum/login.py",
                "        if left <= 0:\n",
                "        if left:\n",
            ),
        ),
        tests=(
            "unit/rossum/test_rossum_login.py::test_a_refused_login_is_not_repeated_in_a_storm",
            "unit/rossum/test_rossum_login.py::test_a_token_that_does_not_help_is_not_replaced_in_a_storm",
            "wire/rossum/test_client_access.py::test_an_endless_401_makes_no_login_storm",
        ),
    ),
    Removal(
        21,
        "a token that expires in an upload costs no attempt",
        (
            Edit(
                "rossum/uploading.py",
                '        raise Throttled("the token had expired; the upload starts again with a new '
                'one", retry_after=_AFTER_RENEWAL)\n',
                "",
            ),
        ),
        tests=("wire/rossum/test_client_uploads.py::test_an_expired_token_costs_an_upload_no_attempt",),
        raises=("NotOurs",),
    ),
    Removal(
        21,
        "a revoked token opens a circuit that shows",
        (
            Edit(
                "engine/circuits.py",
                "            self._telemetry.circuit(self._name, open=True, reason=reason)\n",
                "            del reason\n",
            ),
        ),
        tests=("unit/engine/test_circuits.py::test_it_is_told_once_and_heals",),
    ),
    Removal(
        21,
        "an open circuit lets one attempt through at a time",
        (
            Edit(
                "engine/circuits.py",
                "        if self.is_open:\n            return False\n",
                "",
            ),
        ),
        tests=("unit/engine/test_circuits.py::test_one_attempt_decides_for_all",),
    ),
)
