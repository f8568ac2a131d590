"""Faults of the local state."""

from tests.protections.removal import Edit, Removal

REMOVALS = (
    Removal(
        14,
        "a damaged state is thrown away",
        (
            Edit(
                "state/folder.py",
                "            except StateFailed as error:\n"
                "                return self.afresh(partition, str(error))\n        return",
                "            except RecursionError as error:\n"
                "                return self.afresh(partition, str(error))\n        return",
            ),
        ),
        tests=(
            "unit/state/test_folder.py::test_a_damaged_state_is_thrown_away",
            "unit/state/test_folder.py::test_another_format_is_thrown_away",
        ),
        raises=("StateFailed",),
    ),
    Removal(
        14,
        "a state that was never complete is thrown away",
        (
            Edit(
                "state/folder.py",
                "if meta.incarnation is None:",
                "if meta.format is None:",
            ),
        ),
        tests=("unit/state/test_folder.py::test_a_state_that_was_never_complete_is_thrown_away",),
        raises=("ValueError",),
    ),
    Removal(
        14,
        "what was made without a log is on the disk before it counts as complete",
        (
            Edit(
                "state/disk.py",
                "        self.meta.incarnation = incarnation\n",
                "        is_new, self.meta.incarnation = self.meta.incarnation is None, incarnation\n",
            ),
            Edit(
                "state/disk.py",
                "        if self.meta.incarnation is None:\n            with self._telling():\n"
                "                self._database.flush()\n",
                "",
            ),
            Edit(
                "state/disk.py",
                "        self._write(WriteBatch(raw_mode=True), self.ledger_end)\n",
                "        self._write(WriteBatch(raw_mode=True), self.ledger_end)\n        if is_new:\n"
                "            self._database.flush()\n",
            ),
        ),
        tests=("unit/state/test_deaths.py::test_a_process_that_dies_before_its_rebuild_is_on_the_disk_leaves_nothing",),
    ),
    Removal(
        14,
        "a state that catches up stays as old as it was",
        (
            Edit(
                "state/disk.py",
                "        if self._is_complete:\n",
                "        if ledger_end:\n",
            ),
        ),
        tests=("unit/state/test_folder.py::test_catching_up_does_not_make_an_old_state_look_fresh",),
    ),
    Removal(
        14,
        "a state that is too old is thrown away",
        (
            Edit(
                "state/folder.py",
                "if not -STALE_AFTER < age < STALE_AFTER:",
                "if not age:",
            ),
        ),
        tests=("unit/state/test_folder.py::test_a_state_that_is_too_old_is_thrown_away",),
    ),
    Removal(
        14,
        "a disk that fails is not used again",
        (
            Edit(
                "state/folder.py",
                "            self._failed = True\n",
                "",
            ),
        ),
        tests=("unit/state/test_folder.py::test_a_disk_that_fails_is_not_used_again",),
    ),
    Removal(
        14,
        "rows and the offset that they reach are one batch",
        (
            Edit(
                "state/disk.py",
                "        self._write(batch, ledger_end)\n        for key, wanted",
                "        self._write(WriteBatch(raw_mode=True), ledger_end)\n"
                "        self._database.write(batch, self._writing)\n        for key, wanted",
            ),
        ),
        tests=(
            "unit/state/test_deaths.py::test_a_process_that_dies_between_two_writes_leaves_the_state_of_one_moment",
        ),
    ),
)
