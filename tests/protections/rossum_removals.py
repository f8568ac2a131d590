"""Faults of Rossum, of the way there, and of clocks."""

from tests.protections.kafka_removals import crashes, scene, seeds
from tests.protections.removal import Edit, Removal

REMOVALS = (
    Removal(
        7,
        "one paced budget for all calls",
        (Edit("rossum/budget.py", "        self._all.spend(now, self._rate.configured)\n", ""), Edit("rossum/budget.py", "            self._main.spend(now, rate)\n", "            pass\n")),
        ("unit/rossum/test_api_budget.py::test_no_second_has_more_starts_than_the_rate_and_one",),
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
        (
            "wire/rossum/test_client_reads.py::test_throttled_reads_wait_and_succeed",
            "wire/rossum/test_client_uploads.py::test_a_throttled_upload_is_told_and_pauses_everybody",
        ),
    ),
    Removal(
        7,
        "the rate falls after a 429",
        (Edit("rossum/budget.py", "            self._rate.cut(now)\n", "            pass\n"),),
        ("unit/rossum/test_api_budget.py::test_the_rate_falls_once_for_calls_that_were_refused_together_and_recovers",),
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
        ("unit/rossum/test_rossum_failures.py::test_what_an_upload_makes_of_a_status",),
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
        ("unit/domain/test_import_state.py::test_attempts_of_a_failing_source_are_spaced_and_end",),
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
        (
            "wire/rossum/test_client_uploads.py::test_an_outcome_that_is_not_known_is_ambiguous",
            "unit/rossum/test_rossum_failures.py::test_a_connection_that_breaks_is_ambiguous_from_the_last_byte",
        ),
        stories=(crashes("answer to POST /uploads", "a twin"),),
        raises=("Retryable",),
    ),
    Removal(
        8,
        "a 5xx after the whole body is ambiguous",
        (Edit("rossum/failures.py", "    if not is_complete:\n        return BrokenOff(f\"{said}", "    if status:\n        return BrokenOff(f\"{said}"),),
        ("unit/rossum/test_rossum_failures.py::test_what_an_upload_makes_of_a_status",),
        raises=("BrokenOff",),
    ),
    Removal(
        8,
        "an unknown upload is looked up by mark, name and content",
        (Edit("engine/import_steps.py", "        if found.marks:\n            now, task_after = self._services.rossum.now(), self._services.imports.task_after\n            after = rules.marks(row, found.marks, now=now, task_after=task_after)\n            self._services.telemetry", "        if not found.settled and found.marks:\n            now, task_after = self._services.rossum.now(), self._services.imports.task_after\n            after = rules.marks(row, found.marks, now=now, task_after=task_after)\n            self._services.telemetry"),),
        stories=(crashes("POST /uploads", r"I\d "),),
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
        stories=(seeds(0, 30, "a twin"),),
    ),
    Removal(
        9,
        "an answer that is not JSON is no answer",
        (Edit("rossum/session.py", "    if not received.is_json:\n", "    if received.is_json is None:\n"),),
        ("wire/rossum/test_client_reads.py::test_a_read_without_a_sensible_answer_is_retryable",),
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
        ("wire/rossum/test_client_reads.py::test_a_read_without_a_sensible_answer_is_retryable",),
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
        ("wire/rossum/test_client_reads.py::test_a_read_without_a_sensible_answer_is_retryable",),
    ),
    Removal(
        9,
        "an endless answer is given up",
        (Edit("rossum/transport.py", "if size > LARGEST_ANSWER:", "if size < 0:"),),
        ("wire/rossum/test_client_access.py::test_an_endless_answer_is_given_up",),
    ),
    Removal(
        10,
        "a failed task ends its import",
        (Edit("engine/resolver.py", 'if task.status == "failed":', 'if task.status == "lost":'),),
        ("unit/engine/test_resolving.py::test_a_failed_task_ends_its_import",),
        stories=(seeds(0, 10, "I1 lost"),),
    ),
    Removal(
        10,
        "an upload without an annotation ends its import",
        (Edit("engine/resolver.py", "if not upload.annotations:", "if upload.annotations is None:"),),
        ("unit/engine/test_resolving.py::test_an_upload_without_an_annotation_ends_its_import",),
        stories=(seeds(0, 10, "I1 lost"),),
    ),
    Removal(
        10,
        "an expired task leads to a look-up",
        (
            Edit(
                "engine/resolver.py",
                "            return self._await_annotations(import_id, replace(row, overdue=True, task=None))",
                "            return Ask(row)",
            ),
        ),
        ("unit/engine/test_resolving.py::test_an_expired_task_leads_to_a_look_up",),
    ),
    Removal(
        11,
        "sweeps find what no webhook told",
        (Edit("engine/sweep_desk.py", "                await self._pass(sweep)\n", "                await asyncio.sleep(0)\n"),),
        stories=(seeds(0, 20, "I[14] lost"),),
    ),
    Removal(
        11,
        "a fact is published once per revision, however often it is told",
        (
            Edit(
                "domain/annotation_state.py",
                "    return value if value > known_until(published) else None\n\n\ndef facts",
                "    return value\n\n\ndef facts",
            ),
        ),
        ("unit/domain/test_annotation_decisions.py::test_the_same_look_twice_publishes_once_and_writes_nothing",),
        stories=(seeds(0, 10, "I2"),),
    ),
    Removal(
        11,
        "a read that shows less than the row or the hint is repeated",
        (
            Edit(
                "domain/annotation_hints.py",
                "    return any(not _kept(hint, reading) for hint in hints) or (row is not None and _went_back(row, reading))",
                "    return not (row, hints, reading)",
            ),
        ),
        (
            "unit/domain/test_annotation_lag.py::test_a_read_older_than_the_row_is_dropped",
            "unit/domain/test_annotation_lag.py::test_a_read_that_shows_less_than_promised_is_repeated",
        ),
    ),
    Removal(
        11,
        "sweeps tighten while push is down",
        (
            Edit(
                "domain/push_health.py",
                "return min(seconds, max(seconds / TIGHTENING, SHORTEST)) if self.is_down else seconds",
                "return seconds",
            ),
        ),
        ("unit/domain/test_push_health.py::test_lost_announcements_bring_push_down_and_new_ones_up_again",),
    ),
    Removal(
        12,
        "a window is walked by value, and what can't be is read until two reads agree",
        (
            Edit("domain/sweep_state.py", "    return cursor if cursor > walk.cursor else None", "    return None"),
            Edit("domain/sweep_state.py", "    if walk.previous != this:\n", "    if walk.reads < 0:\n"),
        ),
        ("unit/domain/test_sweep_state.py::test_rows_that_leave_shift_nothing_out_of_sight",),
    ),
    Removal(
        12,
        "a stretch within one second is read until two reads agree",
        (Edit("domain/sweep_state.py", "    if walk.previous != this:\n", "    if walk.reads < 0:\n"),),
        ("unit/domain/test_sweep_state.py::test_ties_larger_than_a_page_are_read_until_two_reads_agree",),
    ),
    Removal(
        12,
        "each step goes back by a second",
        (Edit("domain/sweep_state.py", "fromisoformat(last) - STEP_BACK)", "fromisoformat(last) + STEP_BACK)"),),
        ("unit/domain/test_sweep_state.py::test_a_pass_sees_every_row",),
    ),
    Removal(
        13,
        "windows rest on Rossum's clock, not on ours",
        (
            Edit(
                "engine/sweep_desk.py",
                "            now = await services.rossum.server_time()\n",
                "            now = services.clock.now()\n",
            ),
        ),
        stories=(scene("our_clocks_are_an_hour_slow"),),
    ),
    Removal(
        13,
        "a clock of Rossum's that is set back is followed",
        (
            Edit(
                "rossum/rossum_time.py",
                "if self._offset is None or not lowest <= self._offset <= highest:",
                "if self._offset is None:",
            ),
        ),
        ("unit/rossum/test_rossum_time.py::test_a_clock_that_is_set_is_followed",),
    ),
    Removal(
        13,
        "a window never starts after Rossum's present",
        (Edit("domain/sweep_state.py", "after=min(watermark, end) - timedelta", "after=watermark - timedelta"),),
        ("unit/domain/test_sweep_windows.py::test_a_clock_that_was_set_back_hides_nothing",),
    ),
    Removal(
        13,
        "every 15 minutes a pass looks back 15 minutes",
        (Edit("domain/sweep_state.py", "overlap = policy.deep_overlap if deep else policy.overlap", "overlap = policy.overlap"),),
        ("unit/domain/test_sweep_windows.py::test_a_deep_pass_looks_back_far",),
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
        (
            "wire/rossum/test_client_uploads.py::test_a_refused_document_is_rejected_with_rossums_words",
            "unit/rossum/test_rossum_failures.py::test_a_refusal_tells_stage_and_status",
        ),
        raises=("Retryable",),
    ),
    Removal(
        17,
        "a document that Rossum could not read fails",
        (Edit("domain/import_state.py", '    if all(status == "failed_import" for status in statuses):', '    if "failed_import" not in statuses and not statuses:'),),
        ("unit/domain/test_import_state.py::test_a_document_that_rossum_could_not_import_fails",),
        stories=(seeds(0, 10, "I1 lost"),),
    ),
    Removal(
        21,
        "one login serves all callers",
        (
            Edit(
                "rossum/login.py",
                "            if self._token is not None and self._token != refused:\n                return self._token\n",
                "",
            ),
        ),
        ("unit/rossum/test_rossum_login.py::test_one_login_serves_all_who_found_the_token_expired",),
    ),
    Removal(
        21,
        "a login that does not help is not repeated quickly",
        (Edit("rossum/login.py", "        if left <= 0:\n", "        if left:\n"),),
        (
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
                '        raise Throttled("the token had expired; the upload starts again with a new one", retry_after=_AFTER_RENEWAL)\n',
                "",
            ),
        ),
        ("wire/rossum/test_client_uploads.py::test_an_expired_token_costs_an_upload_no_attempt",),
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
        ("unit/engine/test_circuits.py::test_it_is_told_once_and_heals",),
    ),
    Removal(
        21,
        "an open circuit lets one attempt through at a time",
        (Edit("engine/circuits.py", "        if self.is_open:\n            return False\n", ""),),
        ("unit/engine/test_circuits.py::test_one_attempt_decides_for_all",),
    ),
)
