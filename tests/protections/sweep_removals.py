"""Faults of what tells us of changes: webhooks, lists, clocks."""

from tests.protections.removal import Edit, Removal
from tests.protections.stories import scene, seeds

REMOVALS = (
    Removal(
        11,
        "sweeps find what no webhook told",
        (
            Edit(
                "engine/sweep_desk.py",
                "                await self._pass(sweep)\n",
                "                await asyncio.sleep(0)\n",
            ),
        ),
        stories=(seeds(0, 4, "I[14] lost"),),
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
        tests=("unit/domain/test_annotation_decisions.py::test_the_same_look_twice_publishes_once_and_writes_nothing",),
        stories=(seeds(1, 3, "I2"),),
    ),
    Removal(
        11,
        "a read that shows less than the row or the hint is repeated",
        (
            Edit(
                "domain/annotation_hints.py",
                "    return any(not _kept(hint, reading) for hint in hints) or (row is not None and "
                "_went_back(row, reading))",
                "    return not (row, hints, reading)",
            ),
        ),
        tests=(
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
        tests=("unit/domain/test_push_health.py::test_lost_announcements_bring_push_down_and_new_ones_up_again",),
    ),
    Removal(
        12,
        "a window is walked by value, and what can't be is read until two reads agree",
        (
            Edit(
                "domain/sweep_state.py",
                "    return cursor if cursor > walk.cursor else None",
                "    return None",
            ),
            Edit(
                "domain/sweep_state.py",
                "    if walk.previous != this:\n",
                "    if walk.reads < 0:\n",
            ),
        ),
        tests=("unit/domain/test_sweep_state.py::test_rows_that_leave_shift_nothing_out_of_sight",),
    ),
    Removal(
        12,
        "a stretch within one second is read until two reads agree",
        (
            Edit(
                "domain/sweep_state.py",
                "    if walk.previous != this:\n",
                "    if walk.reads < 0:\n",
            ),
        ),
        tests=("unit/domain/test_sweep_state.py::test_ties_larger_than_a_page_are_read_until_two_reads_agree",),
    ),
    Removal(
        12,
        "each step goes back by a second",
        (
            Edit(
                "domain/sweep_state.py",
                "fromisoformat(last) - STEP_BACK)",
                "fromisoformat(last) + STEP_BACK)",
            ),
        ),
        tests=("unit/domain/test_sweep_state.py::test_a_pass_sees_every_row",),
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
        tests=("unit/rossum/test_rossum_time.py::test_a_clock_that_is_set_is_followed",),
    ),
    Removal(
        13,
        "a window never starts after Rossum's present",
        (
            Edit(
                "domain/sweep_state.py",
                "after=min(watermark, end) - timedelta",
                "after=watermark - timedelta",
            ),
        ),
        tests=("unit/domain/test_sweep_windows.py::test_a_clock_that_was_set_back_hides_nothing",),
    ),
    Removal(
        13,
        "every 15 minutes a pass looks back 15 minutes",
        (
            Edit(
                "domain/sweep_state.py",
                "overlap = policy.deep_overlap if deep else policy.overlap",
                "overlap = policy.overlap",
            ),
        ),
        tests=("unit/domain/test_sweep_windows.py::test_a_deep_pass_looks_back_far",),
    ),
)
