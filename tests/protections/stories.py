"""Commands of the simulation that notice what is missing."""

from tests.protections.removal import Story


def seeds(first: int, count: int, says: str) -> Story:
    """Simulated deployments with 25 faults each."""
    return Story("simulation", f"--first {first} --seeds {count} --workers 1", says)


def scene(name: str, says: str = "") -> Story:
    """A simulated deployment in which one thing happens at one moment."""
    return Story("simulation.scenes", name, f"^{name}: {says}")


def crashes(boundary: str, says: str) -> Story:
    """The cells of the crash matrix with that boundary."""
    return Story("simulation.crash_matrix", f"--boundary '{boundary}' --workers 1", says)
