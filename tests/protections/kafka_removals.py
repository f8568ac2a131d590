"""Faults of Kafka and of the processes that own its partitions."""

from tests.protections.removal import Edit, Removal, Story


def seeds(first: int, count: int, says: str) -> Story:
    """Simulated deployments."""
    return Story("simulation", f"--first {first} --seeds {count} --workers 1", says)


def scene(name: str, says: str = "") -> Story:
    """A simulated deployment in which one thing happens at one moment."""
    return Story("simulation.scenes", name, f"^{name}: {says}")


def crashes(boundary: str, says: str) -> Story:
    """The cells of the crash matrix with that boundary."""
    return Story("simulation.crash_matrix", f"--boundary '{boundary}' --workers 1", says)


REMOVALS = (
    Removal(
        1,
        "every call of Kafka ends by a deadline",
        (
            Edit(
                "kafka/connection.py",
                "done, _ = await asyncio.wait({task}, timeout=seconds)",
                "done, _ = await asyncio.wait({task})",
            ),
        ),
        stories=(seeds(0, 30, "I[14] lost"),),
    ),
    Removal(
        1,
        "the producer of webhooks and copies is replaced after its first error",
        (Edit("kafka/plain_producer.py", "            self._producer = None\n            stopping", "            stopping"),),
        tests=("unit/kafka/test_plain_producer.py::test_that_a_client_is_not_used_again_after_an_error",),
        raises=("KafkaUnavailable",),
    ),
    Removal(
        1,
        "a partition whose owner failed is opened again",
        (
            Edit(
                "kafka/holding.py",
                "                self._telemetry.partition_not_opened(self.partition, str(error))\n",
                "                self._telemetry.partition_not_opened(self.partition, str(error))\n                return\n",
            ),
        ),
        stories=(seeds(0, 30, "I[14] lost"),),
    ),
    Removal(
        2,
        "a webhook that Kafka does not take is answered 503",
        (
            Edit(
                "web/receiver.py",
                "            raise _Refused(HookOutcome.UNAVAILABLE, answer) from error\n        finally:\n            self._waiting",
                "            del error, answer\n        finally:\n            self._waiting",
            ),
        ),
        ("wire/web/test_receiver.py::test_without_kafka_the_webhook_is_sent_back",),
        raises=("KeyError",),
    ),
    Removal(
        2,
        "at most 1,000 webhooks wait for Kafka",
        (Edit("web/receiver.py", "if self._waiting >= WAITING_LIMIT:", "if self._waiting < 0:"),),
        ("wire/web/test_receiver.py::test_not_more_than_a_bounded_number_waits_for_kafka",),
    ),
    Removal(
        2,
        "a webhook has a deadline of its own",
        (Edit("web/receiver.py", "async with asyncio.timeout(self._deadline):", "async with asyncio.timeout(None):"),),
        ("wire/web/test_receiver.py::test_a_log_that_never_answers_is_not_waited_for",),
    ),
    Removal(
        3,
        "a commit without a clear answer is never taken for done",
        (
            Edit(
                "kafka/transactional_log.py",
                "            raise KafkaUnavailable(msg) from error\n",
                "            return self.ledger_end\n",
            ),
        ),
        stories=(seeds(0, 10, r"I\d "),),
    ),
    Removal(
        3,
        "a transaction ends by a deadline",
        (
            Edit(
                "kafka/transactional_log.py",
                "return await bounded(COMMIT_DEADLINE, self._commit(batch))",
                "return await self._commit(batch)",
            ),
        ),
        stories=(seeds(0, 30, "I[14] lost"),),
    ),
    Removal(
        4,
        "the transactional id is the partition's, so that its new owner fences the old one",
        (
            Edit(
                "kafka/transactional_log.py",
                "transactional_id=names.transactional_id(partition),",
                'transactional_id=f"{names.transactional_id(partition)}-{id(names)}",',
            ),
        ),
        stories=(seeds(0, 30, "I2"),),
    ),
    Removal(
        4,
        "the closing boundary of an upload leaves only while the lease holds",
        (Edit("engine/owner.py", "return not self._lost and self._services.lease.holds", "return not self._lost"),),
        stories=(scene("an_upload_goes_on_before_its_process_looks_around", "a twin"),),
    ),
    Removal(
        4,
        "a lease ends, and is renewed only while the coordinator answers",
        (Edit("engine/lease.py", "return self._clock.monotonic() - self._renewed_at < self._seconds", "return True"),),
        ("unit/engine/test_lease.py::test_that_it_runs_out_and_is_renewed",),
    ),
    Removal(
        4,
        "a process that stood still joins again",
        (Edit("kafka/group.py", "if self.alive_at - before > LEASE:", "if self.alive_at < before:"),),
        stories=(scene("an_upload_goes_on_after_its_process_has_polled", "a twin"),),
    ),
    Removal(
        4,
        "trimming stops below a copy that a row still needs",
        (
            Edit(
                "engine/owner.py",
                "offsets[TopicRole.IMPORTS] = min(offsets[TopicRole.IMPORTS], held)",
                "offsets[TopicRole.IMPORTS] = max(offsets[TopicRole.IMPORTS], held)",
            ),
        ),
        stories=(scene("a_parked_copy_outlives_trimming"),),
    ),
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
        (Edit("kafka/restore.py", 'isolation_level="read_uncommitted"', 'isolation_level="read_committed"'),),
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
        ("unit/engine/test_offsets.py::test_only_the_finished_prefix_may_be_committed",),
        stories=(seeds(0, 10, "I[14] lost"),),
    ),
    Removal(
        6,
        "a producer whose commit was repeated is not used again",
        (Edit("kafka/transactional_log.py", "if self._wires() != wires:", "if not wires and self._wires():"),),
        stories=(scene("commits_arrive_late_and_again"),),
    ),
    Removal(
        22,
        "at SIGTERM nothing new is begun and what runs is waited for",
        (Edit("kafka/group.py", "            await self._drain(DRAIN_DEADLINE)\n", ""),),
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
        ("acceptance/test_membership.py::test_a_start_that_waits_for_rossum_can_be_stopped",),
    ),
    Removal(
        24,
        "an owner that is fenced joins again instead of stopping for good",
        (Edit("kafka/group.py", "            self._rejoin.set()\n", "            self._held.pop(partition, None)\n"),),
        stories=(seeds(0, 30, "I[14] lost"),),
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
        stories=(seeds(0, 30, r"I\d "),),
    ),
)
