"""Faults of what is remembered for long, and of what several share: forgetting, claims, gathers, ancestry."""

from tests.protections.removal import Edit, Removal
from tests.protections.stories import crashes, scene

_FORMER_OWNERS = "simulation/test_former_owners.py::test_a_former_owner_hides_nothing"

REMOVALS = (
    Removal(
        4,
        "without transactions, rows of a former owner do not count",
        (
            Edit(
                "kafka/restore.py",
                "        elif owner != self._owner:\n            self.result.shadowed.add(key)\n            return\n",
                "",
            ),
        ),
        tests=(
            "unit/state/test_fold.py::test_a_removal_counts_only_if_the_owner_of_the_claim_wrote_it",
            "unit/state/test_fold.py::test_transactions_end_the_time_of_claims",
            _FORMER_OWNERS,
        ),
    ),
    Removal(
        4,
        "an owner notices that somebody else writes to its ledger",
        (Edit("kafka/plain_log.py", "            self._check_alone(stored)\n", ""),),
        tests=(_FORMER_OWNERS,),
    ),
    Removal(
        4,
        "what a former owner's late rows hide is written again",
        (
            Edit(
                "kafka/opening.py",
                "            await _bring_forward(restored, header, partition, state, log)\n",
                "",
            ),
        ),
        tests=(_FORMER_OWNERS,),
    ),
    Removal(
        5,
        "a confirmed annotation is taken out of Rossum only once it is on Kafka",
        (Edit("engine/claiming.py", "        await self._committer.commit(NOTHING)\n", ""),),
        tests=(
            "unit/engine/test_claiming.py::test_a_claim_waits_for_the_commit",
            "unit/engine/test_claiming.py::test_what_could_not_be_committed_is_not_claimed",
        ),
    ),
    Removal(
        8,
        "the intent of all is committed before the first byte of what they share leaves",
        (
            Edit(
                "engine/gathering.py",
                "await self._committer.commit(Outcome(rows={**intents, entity: row}))",
                "self._committer.submit(Outcome(rows={**intents, entity: row}))",
            ),
        ),
        stories=(crashes("commit gather intent", "a twin"),),
    ),
    Removal(
        8,
        "only what certainly was not imported is void",
        (
            Edit(
                "engine/gathering.py",
                "GatherState.UNKNOWN if isinstance(error, Ambiguous) else GatherState.VOID",
                "GatherState.VOID",
            ),
        ),
        stories=(crashes("commit gather void", "a twin"),),
    ),
    Removal(
        11,
        "a part of a split is known by the mark of whom it comes from",
        (
            Edit(
                "engine/ancestry.py",
                "        if marked is not None and (mark := marked.mark) is not None:\n",
                "        if marked is not None and (mark := marked.mark) is None:\n",
            ),
        ),
        tests=(
            "unit/engine/test_ancestry.py::test_the_mark_of_the_root_is_found_however_far_up",
            "simulation/test_document_trees.py::test_a_part_with_the_metadata_of_its_root_knows_it",
        ),
        raises=("KeyError",),
    ),
    Removal(
        11,
        "what lies below the floor is no news",
        (
            Edit(
                "domain/retention.py",
                "    if floor is None:\n        return set()\n",
                "    if floor is None or reading:\n        return set()\n",
            ),
        ),
        tests=(
            "unit/domain/test_retention.py::test_what_was_told_and_forgotten_is_never_told_again",
            "unit/domain/test_retention.py::test_what_arrived_above_the_floor_is_told_without_clocks",
        ),
        # Of several examples that fail.
        raises=("ExceptionGroup",),
    ),
    Removal(
        11,
        "the floor is committed with what it stands for",
        (
            Edit(
                "engine/forgetting.py",
                "Outcome(rows={self._floor_key: floor, **dict.fromkeys(gone)})",
                "Outcome(rows={**dict.fromkeys(gone)})",
            ),
        ),
        tests=("unit/engine/test_forgetting.py::test_what_ended_long_ago_goes_with_its_floor_in_one_transaction",),
    ),
    Removal(
        11,
        "an arrival of a forgotten import is dropped",
        (
            Edit(
                "engine/import_desk.py",
                "        if await self._is_forgotten(copy):\n",
                "        if copy is None:\n",
            ),
        ),
        stories=(scene("a_copy_of_a_forgotten_import_comes_again", "of 1 copies accepted 2 times"),),
    ),
    Removal(
        11,
        "an import whose arrival can be read again is not forgotten",
        (
            Edit(
                "engine/forgetting.py",
                "if left is None or _is_readable(row, left)}",
                "if left is row}",
            ),
        ),
        tests=("unit/engine/test_forgetting.py::test_an_import_stays_while_its_arrival_can_come_again",),
    ),
    Removal(
        11,
        "nothing is forgotten that a sweep has still to pass",
        (
            Edit(
                "engine/forgetting.py",
                "        return min(format_clock(now - timedelta(seconds=self._retention)), *self._swept.values())\n",
                "        return format_clock(now - timedelta(seconds=self._retention))\n",
            ),
        ),
        tests=("unit/engine/test_forgetting.py::test_nothing_goes_before_all_sweeps_have_passed_it",),
    ),
    Removal(
        14,
        "a state that reaches beyond its ledger is not used",
        (
            Edit(
                "kafka/restore.py",
                "    if state.ledger_end and not starts[ledger] <= state.ledger_end <= end:\n",
                "    if state.ledger_end < 0:\n",
            ),
        ),
        tests=("integration/test_restore.py::test_a_state_that_does_not_fit_the_ledger_is_told",),
        stories=(crashes("write to the local state", "I1 lost"),),
    ),
    Removal(
        14,
        "a state takes in only what is known to be committed",
        (
            Edit(
                "engine/ledger_view.py",
                "        self._overlay.update(rows)\n",
                "        self._overlay.update(rows)\n"
                "        self.state.apply(rows, ledger_end=self.state.ledger_end)\n",
            ),
        ),
        stories=(crashes("commit annotation", "I7 row without event"),),
    ),
    Removal(
        15,
        "without the right to transactions nothing starts",
        (
            Edit(
                "kafka/preflight.py",
                "        raise Refused(str(error)) from error\n",
                "        del error\n",
            ),
        ),
        tests=(
            "unit/kafka/test_transactional_rights.py::test_a_missing_right_is_refused_at_the_start_with_its_remedy",
            "simulation/test_rights.py::test_without_the_right_to_transactions_nothing_starts",
        ),
    ),
    Removal(
        17,
        "documents that went up together go up alone once one of them is refused",
        (
            Edit(
                "engine/gathering.py",
                "        if isinstance(outcome, Refused):\n",
                "        if outcome is None:\n",
            ),
        ),
        stories=(scene("rossum_refuses_several", "I1 lost"),),
    ),
    Removal(
        17,
        "a document that breaks an upload of several takes others along only once",
        (
            Edit(
                "engine/gathering.py",
                "            rows = {import_id: replace(row, alone=True) for import_id, row in rows.items()}\n",
                "            rows = {**rows}\n",
            ),
        ),
        stories=(
            scene("one_of_several_breaks_connections", "the bad one went up"),
            scene("rossum_refuses_several_and_then_fails_at_each"),
        ),
    ),
    Removal(
        17,
        "a document at which Rossum fails takes others along only once",
        (
            Edit(
                "domain/import_state.py",
                "alone=True if row.gather is not None else row.alone)",
                "alone=row.alone)",
            ),
        ),
        tests=("unit/domain/test_import_state.py::test_an_upload_of_several_is_made_again_one_by_one",),
        stories=(scene("rossum_fails_at_one_of_several_and_nobody_hears", "the bad one went up"),),
    ),
)
