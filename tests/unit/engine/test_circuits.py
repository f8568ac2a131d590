"""A circuit opens when the other side fails, tells of it once, and heals by itself."""

import pytest

from connector.engine.circuits import JITTER, PAUSES, Circuit
from connector.telemetry import Telemetry
from tests.support.virtual_clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    """Set by the test."""
    return VirtualClock()


@pytest.fixture
def telemetry() -> Telemetry:
    """A registry of its own."""
    return Telemetry()


@pytest.fixture
def circuit(clock: VirtualClock, telemetry: Telemetry) -> Circuit:
    """A closed one."""
    return Circuit("rossum", clock=clock, telemetry=telemetry)


def shown(telemetry: Telemetry) -> float | None:
    """The gauge that people look at."""
    return telemetry.registry.get_sample_value("rossum_connector_circuit_open", {"circuit": "rossum"})


async def test_it_is_told_once_and_heals(circuit: Circuit, clock: VirtualClock, telemetry: Telemetry) -> None:
    """Open while the other side fails, closed by the first answer that makes sense."""
    circuit.failed("not_ours")
    opened = (circuit.is_open, circuit.failing, shown(telemetry))
    await clock.advance(PAUSES[0])
    due = (circuit.is_open, circuit.failing, shown(telemetry))
    circuit.worked()

    assert opened == (True, True, 1.0)
    assert due == (False, True, 1.0)
    assert (circuit.is_open, circuit.failing, shown(telemetry)) == (False, False, 0.0)


async def test_one_attempt_decides_for_all(circuit: Circuit, clock: VirtualClock) -> None:
    """After a failure nobody begins within the pause, then one, and the others wait for what it finds."""
    circuit.failed("unreachable")
    within = circuit.admits()
    await clock.advance(PAUSES[0])
    after = [circuit.admits() for _ in range(3)]
    circuit.worked()

    assert within is False
    assert after == [True, False, False]
    assert [circuit.admits() for _ in range(3)] == [True, True, True]


async def test_pauses_grow_with_failures_in_a_row_and_not_with_those_of_one_moment(
    circuit: Circuit, clock: VirtualClock
) -> None:
    """A hundred attempts that were under way together are one failure."""
    pauses = []
    for _ in PAUSES:
        pauses.append(circuit.failed("unreachable"))
        together = [circuit.failed("unreachable") for _ in range(100)]
        assert together == pytest.approx([pauses[-1]] * 100)
        await clock.advance(pauses[-1] + 0.001)

    assert all((1 - JITTER) * longest <= pause <= longest for pause, longest in zip(pauses, PAUSES, strict=True))


async def test_replicas_that_failed_together_come_back_apart(clock: VirtualClock, telemetry: Telemetry) -> None:
    """A part of each pause is left to chance."""
    pauses = {Circuit("rossum", clock=clock, telemetry=telemetry).failed("unreachable") for _ in range(100)}

    assert len(pauses) > 90
