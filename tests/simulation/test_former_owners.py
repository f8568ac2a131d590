"""At least once: a former owner's late rows neither count nor make the cleaner remove the rows that do."""

from collections import Counter

from aiokafka.structs import TopicPartition

from connector.domain.rows import CLAIM_PREFIX, AnyRow, ImportRow, ImportState, encode_row
from connector.kafka.restore import Fold
from connector.state.memory import MemoryState
from tests.simulation.checker import is_settled
from tests.simulation.stored import Stored
from tests.simulation.virtual_loop import VirtualLoop, pause
from tests.simulation.workload import Document, put
from tests.simulation.world import World, new_world, run_in_virtual_time

LATE = encode_row(ImportRow(ImportState.WAITING, "late"), "a former owner")


def test_a_former_owner_hides_nothing() -> None:
    """The owner notices at its next row, opens the partition anew and writes again what was hidden."""

    async def main(loop: VirtualLoop) -> None:
        ours = await new_world(7, loop, KAFKA__DELIVERY="at-least-once")
        ours.start_replica(0)
        await _worked(ours, "first", 12)
        before = _imports(ours)

        for place, entity in before:
            ours.broker.append(place, (entity.encode(), LATE, ()))
        for place in _ledger(ours):
            # An import that has been forgotten, say: no row of it is left that could be written again.
            ours.broker.append(place, (b"import/forgotten", LATE, ()))
        # Rows in every partition: of imports, of their annotations.
        await _worked(ours, "second", 24)
        for place in _ledger(ours):
            ours.broker.log(place).compact()

        after = _imports(ours)
        assert len(before) == 12
        assert {key: after.get(key) for key in before} == before
        assert not [place for place, entity in after if entity == "import/forgotten"]
        for replica in list(ours.replicas):
            ours.kill(replica)

    run_in_virtual_time(main)


def test_claims_do_not_pile_up() -> None:
    """Each owner removes those before it once nothing rests on them; all rows stay."""

    async def main(loop: VirtualLoop) -> None:
        ours = await new_world(7, loop, KAFKA__DELIVERY="at-least-once")
        ours.start_replica(0)
        await _worked(ours, "first", 12)
        before = _imports(ours)
        for number in range(4):
            for replica in list(ours.replicas):
                ours.kill(replica)
            ours.start_replica(0)
            await _worked(ours, f"again-{number}", 2)
            for place in _ledger(ours):
                ours.broker.log(place).compact()

        after = _imports(ours)
        claims = Counter(r.partition for r in ours.records("rossum.connector.ledger") if _claims(r))
        assert {key: after.get(key) for key in before} == before
        assert {*claims.values()} == {1}
        for replica in list(ours.replicas):
            ours.kill(replica)

    run_in_virtual_time(main)


def _claims(record: Stored) -> bool:
    return (record.key or b"").startswith(CLAIM_PREFIX.encode()) and record.value is not None


async def _worked(ours: World, name: str, count: int) -> None:
    documents = [Document(f"{name}-{number}", "exported") for number in range(count)]
    for document in documents:
        put(ours, document)
    while not await is_settled(ours, documents):
        await pause(1.0)
    await pause(5.0)


def _ledger(ours: World) -> list[TopicPartition]:
    return [place for place in ours.broker.logs if place.topic.endswith("ledger")]


def _imports(ours: World) -> dict[tuple[TopicPartition, str], AnyRow]:
    """Imports as whoever restores the ledger now finds them."""
    found: dict[tuple[TopicPartition, str], AnyRow] = {}
    for place in _ledger(ours):
        state = MemoryState()
        records, _ = ours.broker.log(place).read(0, 1_000_000, committed_only=True)
        Fold(state).take(records)
        found |= {(place, key): row for key, row in state.items() if isinstance(row, ImportRow)}
    return found
