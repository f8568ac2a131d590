"""Faults of Kafka, and of replicas that are no longer the owners they take themselves for."""

from tests.protections.removal import Edit, Removal
from tests.protections.stories import scene, seeds

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
        tests=("unit/kafka/test_bounded_calls.py::test_that_a_call_ends_by_its_deadline_whatever_it_does",),
    ),
    Removal(
        1,
        "the producer of webhooks and copies is replaced after its first error",
        (
            Edit(
                "kafka/plain_producer.py",
                "            self._producer = None\n            stopping",
                "            stopping",
            ),
        ),
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
                "                self._telemetry.partition_not_opened(self.partition, str(error))\n"
                "                return\n",
            ),
        ),
        stories=(seeds(1, 2, "I[14] lost"),),
    ),
    Removal(
        2,
        "a webhook that Kafka does not take is answered 503",
        (
            Edit(
                "web/receiver.py",
                "            raise _Refused(HookOutcome.UNAVAILABLE, answer) from error\n        finally:\n"
                "            self._waiting",
                "            del error, answer\n        finally:\n            self._waiting",
            ),
        ),
        tests=("wire/web/test_receiver.py::test_without_kafka_the_webhook_is_sent_back",),
        raises=("KeyError",),
    ),
    Removal(
        2,
        "at most 1,000 webhooks wait for Kafka",
        (
            Edit(
                "web/receiver.py",
                "if self._waiting >= WAITING_LIMIT:",
                "if self._waiting < 0:",
            ),
        ),
        tests=("wire/web/test_receiver.py::test_not_more_than_a_bounded_number_waits_for_kafka",),
    ),
    Removal(
        2,
        "a webhook has a deadline of its own",
        (
            Edit(
                "web/receiver.py",
                "with self._deadlines.running():",
                "if True:",
            ),
        ),
        tests=("wire/web/test_receiver.py::test_a_log_that_never_answers_is_not_waited_for",),
    ),
    Removal(
        2,
        "a replica that does not reach the broker is not ready",
        (
            Edit(
                "status.py",
                '"kafka": None if group.is_member else "not',
                '"kafka": None if group.opening is not None else "not',
            ),
        ),
        stories=(scene("the_broker_is_away_for_minutes", "ready"),),
    ),
    Removal(
        2,
        "a replica that does not reach the broker is alive",
        (
            Edit(
                "status.py",
                "return self._clock.monotonic() - turned < STUCK_AFTER",
                "return self._app.group.is_member",
            ),
        ),
        stories=(scene("the_broker_is_away_for_minutes", "alive"),),
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
        tests=("unit/kafka/test_transactional_log.py::test_a_commit_without_a_clear_answer_is_not_taken_for_done",),
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
        tests=("unit/kafka/test_transactional_log.py::test_a_commit_that_is_not_answered_ends_by_its_deadline",),
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
        stories=(scene("heartbeats_of_an_owner_get_lost", "I2 doubled"),),
    ),
    Removal(
        4,
        "the closing boundary of an upload leaves only while the lease holds",
        (
            Edit(
                "engine/owner.py",
                "return not self._lost and self._services.lease.holds",
                "return not self._lost",
            ),
        ),
        stories=(scene("an_upload_goes_on_before_its_process_looks_around", "a twin"),),
    ),
    Removal(
        4,
        "a lease ends, and is renewed only while the coordinator answers",
        (
            Edit(
                "engine/lease.py",
                "return self._clock.monotonic() - self._renewed_at < self._seconds",
                "return True",
            ),
        ),
        tests=("unit/engine/test_lease.py::test_that_it_runs_out_and_is_renewed",),
    ),
    Removal(
        4,
        "a process that stood still joins again",
        (
            Edit(
                "kafka/group.py",
                "if self.alive_at - before > LEASE:",
                "if self.alive_at < before:",
            ),
        ),
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
)
