"""Faults in the middle of something: crashes, late answers, signals, transactions that the broker gives up."""

from tests.protections.removal import Edit, Removal
from tests.protections.stories import crashes, scene

REMOVALS = (
    Removal(
        5,
        "the intent is committed before the first byte leaves",
        (
            Edit(
                "engine/uploader.py",
                "await self._committer.commit(Outcome(rows={import_entity(received.import_id): row}))",
                "",
            ),
        ),
        stories=(crashes("answer to POST /uploads", "a twin"),),
    ),
    Removal(
        5,
        "events, rows and offsets are one transaction",
        (
            Edit(
                "kafka/transactional_log.py",
                "        rows = [\n            await producer.send(",
                "        await asyncio.gather(*sends)\n        await producer.commit_transaction()\n"
                "        await producer.begin_transaction()\n        rows = [\n            await producer.send(",
            ),
        ),
        stories=(crashes("send annotation row", r"I\d "),),
    ),
    Removal(
        5,
        "a restore waits for the markers of the former owner",
        (
            Edit(
                "kafka/restore.py",
                'isolation_level="read_uncommitted"',
                'isolation_level="read_committed"',
            ),
        ),
        tests=("integration/test_restore.py::test_rows_whose_markers_are_on_their_way_are_waited_for",),
    ),
    Removal(
        5,
        "only the finished prefix of a log is committed",
        (
            Edit(
                "engine/offsets.py",
                "return next(iter(self._unfinished), self._position)",
                "return self._position",
            ),
        ),
        tests=("unit/engine/test_offsets.py::test_only_the_finished_prefix_may_be_committed",),
    ),
    Removal(
        6,
        "a producer whose commit was repeated is not used again",
        (
            Edit(
                "kafka/transactional_log.py",
                "if self._wires() != wires:",
                "if not wires and self._wires():",
            ),
        ),
        tests=("unit/kafka/test_transactional_log.py::test_a_repeated_commit_is_the_last_of_its_producer",),
        stories=(scene("commits_arrive_late_and_again"),),
    ),
    Removal(
        6,
        "a commit is given up before the client repeats it",
        (
            Edit(
                "kafka/transactional_log.py",
                "COMMIT_DEADLINE = REQUEST_TIMEOUT - 1.0",
                "COMMIT_DEADLINE = REQUEST_TIMEOUT + 1.0",
            ),
        ),
        tests=("unit/kafka/test_transactional_log.py::test_a_commit_is_given_up_before_the_client_repeats_it",),
    ),
    Removal(
        22,
        "at SIGTERM nothing new is begun and what runs is waited for",
        (
            Edit(
                "kafka/group.py",
                "            await self._drain(DRAIN_DEADLINE)\n",
                "",
            ),
        ),
        stories=(scene("a_signal_in_the_middle_of_uploads"),),
    ),
    Removal(
        22,
        "what has not started yet is given up at a signal",
        (
            Edit(
                "serving.py",
                "await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)",
                "await asyncio.wait({serving})",
            ),
        ),
        tests=("acceptance/test_membership.py::test_a_start_that_waits_for_rossum_can_be_stopped",),
    ),
    Removal(
        24,
        "an owner that is fenced joins again instead of stopping for good",
        (
            Edit(
                "kafka/group.py",
                "            self._rejoin.set()\n",
                "            self._held.pop(partition, None)\n",
            ),
        ),
        stories=(scene("the_broker_fences_those_who_are_still_owners", "I1 lost"),),
    ),
    Removal(
        24,
        "a fenced commit ends the ownership",
        (
            Edit(
                "kafka/transactional_log.py",
                "            raise PartitionLost(msg) from error\n        except CommitRepeated",
                "            return self.ledger_end\n        except CommitRepeated",
            ),
        ),
        tests=("unit/kafka/test_transactional_log.py::test_a_fenced_commit_means_that_the_partition_is_lost",),
    ),
)
