"""Faults of Rossum and of the way there."""

from tests.protections.removal import Edit, Removal
from tests.protections.stories import crashes, scene, seeds

REMOVALS = (
    Removal(
        7,
        "one paced budget for all calls",
        (
            Edit(
                "rossum/budget.py",
                "        self._all.spend(now, self._rate.configured)\n",
                "",
            ),
            Edit(
                "rossum/budget.py",
                "            self._main.spend(now, rate)\n",
                "            pass\n",
            ),
        ),
        tests=("unit/rossum/test_api_budget.py::test_no_second_has_more_starts_than_the_rate_and_one",),
    ),
    Removal(
        7,
        "a 429 pauses every caller for its Retry-After",
        (
            Edit(
                "rossum/session.py",
                "            self.budget.pause(received.retry_after, started=started)",
                "            del started",
            ),
        ),
        tests=(
            "wire/rossum/test_client_reads.py::test_throttled_reads_wait_and_succeed",
            "wire/rossum/test_client_uploads.py::test_a_throttled_upload_is_told_and_pauses_everybody",
        ),
    ),
    Removal(
        7,
        "pauses of replicas that failed together differ",
        (Edit("engine/circuits.py", "longest * RANDOM.uniform(1 - JITTER, 1)", "longest"),),
        tests=("unit/engine/test_circuits.py::test_replicas_that_failed_together_come_back_apart",),
    ),
    Removal(
        7,
        "the rate falls after a 429",
        (
            Edit(
                "rossum/budget.py",
                "            self._rate.cut(now)\n",
                "            pass\n",
            ),
        ),
        tests=(
            (
                "unit/rossum/test_api_budget.py::test_the_rate_falls_once_for_calls_that_were_refused_togeth"
                "er_and_recovers"
            ),
        ),
    ),
    Removal(
        7,
        "a 5xx or 429 never ends an import",
        (
            Edit(
                "rossum/failures.py",
                "    if status in _REFUSED:\n        return Rejected(said, stage=Stage.UPLOAD",
                "    if status in _REFUSED or status >= HTTPStatus.TOO_MANY_REQUESTS:\n"
                "        return Rejected(said, stage=Stage.UPLOAD",
            ),
        ),
        tests=("unit/rossum/test_rossum_failures.py::test_what_an_upload_makes_of_a_status",),
        stories=(seeds(0, 10, "I1 lost"),),
    ),
    Removal(
        7,
        "what is tried again is tried for RETRY_FOR and no longer",
        (
            Edit(
                "domain/import_state.py",
                "    if is_given_up(row, now=now, retry_for=retry_for):\n        return None\n",
                "    del retry_for\n",
            ),
        ),
        tests=("unit/domain/test_import_state.py::test_attempts_of_a_failing_source_are_spaced_and_end",),
    ),
    Removal(
        8,
        "an upload whose answer is lost is ambiguous, never simply repeated",
        (
            Edit(
                "rossum/failures.py",
                '    return Ambiguous(f"no answer to {endpoint} from Rossum: {_cause(error)}; {_LOOK}")',
                '    return Retryable(f"no answer to {endpoint} from Rossum: {_cause(error)}; {_LOOK}")',
            ),
        ),
        tests=(
            "wire/rossum/test_client_uploads.py::test_an_outcome_that_is_not_known_is_ambiguous",
            "unit/rossum/test_rossum_failures.py::test_a_connection_that_breaks_is_ambiguous_from_the_last_byte",
        ),
        stories=(seeds(10, 10, "a twin"),),
        raises=("Retryable",),
    ),
    Removal(
        8,
        "a 5xx after the whole body is ambiguous",
        (
            Edit(
                "rossum/failures.py",
                '    if not is_complete:\n        return BrokenOff(f"{said}',
                '    if status:\n        return BrokenOff(f"{said}',
            ),
        ),
        tests=("unit/rossum/test_rossum_failures.py::test_what_an_upload_makes_of_a_status",),
        raises=("BrokenOff",),
    ),
    Removal(
        8,
        "an upload without an answer is known by its mark, looked for and shown",
        (
            Edit(
                "engine/import_steps.py",
                "        if found.marks:\n"
                "            now, task_after = self._services.rossum.now(), self._services.imports.task_after\n"
                "            after = rules.marks(row, found.marks, now=now, task_after=task_after)\n"
                "            self._services.telemetry",
                "        if found.marks and not row:\n"
                "            now, task_after = self._services.rossum.now(), self._services.imports.task_after\n"
                "            after = rules.marks(row, found.marks, now=now, task_after=task_after)\n"
                "            self._services.telemetry",
            ),
            Edit(
                "domain/import_state.py",
                "    if fresh and (row.state in _UNDECIDED or",
                "    if not row and (row.state in _UNDECIDED or",
            ),
        ),
        tests=("unit/domain/test_import_state.py::test_a_mark_adopts_an_upload_whose_outcome_is_unknown",),
        stories=(crashes("answer to POST /uploads", "a twin"),),
    ),
    Removal(
        8,
        "nothing is sent again before the settle time has passed",
        (
            Edit(
                "engine/import_steps.py",
                "        elif not found.settled or (found.claim is not None and found.patient):",
                "        elif found.claim is not None and found.patient:",
            ),
        ),
        stories=(scene("lists_show_an_upload_late", "a twin"),),
    ),
    Removal(
        9,
        "an answer that is not JSON is no answer",
        (
            Edit(
                "rossum/session.py",
                "    if not received.is_json:\n",
                "    if received.is_json is None:\n",
            ),
        ),
        tests=("wire/rossum/test_client_reads.py::test_a_read_without_a_sensible_answer_is_retryable",),
    ),
    Removal(
        9,
        "half an answer is asked for again",
        (
            Edit(
                "rossum/session.py",
                '        raise answer.senseless("it is no JSON") from error',
                "        raise ValueError from error",
            ),
        ),
        tests=("wire/rossum/test_client_reads.py::test_a_read_without_a_sensible_answer_is_retryable",),
        raises=("ValueError",),
    ),
    Removal(
        9,
        "a call has a deadline however steadily its answer drips",
        (
            Edit(
                "rossum/transport.py",
                "return aiohttp.ClientTimeout(total=self.call, sock",
                "return aiohttp.ClientTimeout(total=None, sock",
            ),
        ),
        tests=("wire/rossum/test_client_reads.py::test_a_read_without_a_sensible_answer_is_retryable",),
    ),
    Removal(
        9,
        "an endless answer is given up",
        (
            Edit(
                "rossum/transport.py",
                "if size > LARGEST_ANSWER:",
                "if size < 0:",
            ),
        ),
        tests=("wire/rossum/test_client_access.py::test_an_endless_answer_is_given_up",),
    ),
    Removal(
        10,
        "a failed task ends its import",
        (
            Edit(
                "engine/resolver.py",
                'if task.status == "failed":',
                'if task.status == "lost":',
            ),
        ),
        tests=("unit/engine/test_resolving.py::test_a_failed_task_ends_its_import",),
        stories=(seeds(0, 10, "I1 lost"),),
    ),
    Removal(
        10,
        "an upload without an annotation ends its import",
        (
            Edit(
                "engine/resolver.py",
                "if not upload.annotations:",
                "if upload.annotations is None:",
            ),
        ),
        tests=("unit/engine/test_resolving.py::test_an_upload_without_an_annotation_ends_its_import",),
        stories=(seeds(0, 10, "I1 lost"),),
    ),
    Removal(
        10,
        "an expired task leads to a look-up",
        (
            Edit(
                "engine/resolver.py",
                "        if task is None:\n"
                "            return self._await_annotations(import_id, replace(row, overdue=True, task=None))",
                "        if task is None:\n            return Ask(row)",
            ),
        ),
        tests=("unit/engine/test_resolving.py::test_an_expired_task_leads_to_a_look_up",),
    ),
)
