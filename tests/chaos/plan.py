"""What a round of chaos does, in an order that its seed decides."""

import random
from dataclasses import dataclass
from enum import StrEnum

#: Swallowed upload answers of one stroke.
SWALLOWED_AT_ONCE = 10
#: Strokes that end by themselves, beside the ones that are counted: one to so many.
OTHERS_EVERY = 3


class Stroke(StrEnum):
    """One fault."""

    KILL = "kill -9 of a replica"
    STOP_BROKER = "clean restart of the broker"
    KILL_BROKER = "kill -9 of the broker"
    FREEZE = "SIGSTOP of a replica, whatever it does"
    FREEZE_IN_TRANSACTION = "SIGSTOP of a replica whose commit is on its way"
    FREEZE_IN_UPLOAD = "SIGSTOP of a replica that waits for an upload's answer"
    SWALLOW = "uploads are accepted, their answers swallowed"
    CUT_UPLOAD = "connections to Rossum cut in mid-request"
    RESET_ROSSUM = "connections to Rossum reset"
    HOLE_ROSSUM = "no byte to or from Rossum"
    RESET_KAFKA = "connections to Kafka reset"
    HOLE_KAFKA = "no byte to or from Kafka"
    DOWN_KAFKA = "Kafka refuses connections"
    SLOW_KAFKA = "every packet to Kafka late"
    THROTTLED = "Rossum answers 429"
    UNAVAILABLE = "Rossum answers 503"


FREEZES = (Stroke.FREEZE, Stroke.FREEZE_IN_TRANSACTION, Stroke.FREEZE_IN_UPLOAD)
BOUNCES = (Stroke.STOP_BROKER, Stroke.KILL_BROKER)
OTHERS = (
    Stroke.CUT_UPLOAD, Stroke.RESET_ROSSUM, Stroke.HOLE_ROSSUM, Stroke.RESET_KAFKA, Stroke.HOLE_KAFKA,
    Stroke.DOWN_KAFKA, Stroke.SLOW_KAFKA, Stroke.THROTTLED, Stroke.UNAVAILABLE,
)  # fmt: skip


def split(whole: int, part: int, of: int) -> int:
    """How much of it one of several parts has."""
    return whole // of + (part < whole % of)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything.

    Attributes:
        swallowed: Upload answers to swallow.
        static: How many of the replicas have an instance id of their own.
    """

    documents: int
    kills: int
    bounces: int = 0
    zombies: int = 0
    swallowed: int = 0
    seed: int = 1
    replicas: int = 3
    static: int = 2

    def share(self, part: int, of: int, *, seed: int) -> "Plan":
        """One of several rounds that do all of it together, each by a seed of its own."""
        return Plan(
            split(self.documents, part, of),
            split(self.kills, part, of),
            split(self.bounces, part, of),
            split(self.zombies, part, of),
            split(self.swallowed, part, of),
            seed=seed,
            replicas=self.replicas,
            static=self.static,
        )

    def strokes(self) -> list[Stroke]:
        """All of them, in the order of the seed; each kind of bounce, zombie and network fault in turn."""
        counted = [Stroke.KILL] * self.kills
        counted += [BOUNCES[number % len(BOUNCES)] for number in range(self.bounces)]
        counted += [FREEZES[number % len(FREEZES)] for number in range(self.zombies)]
        counted += [Stroke.SWALLOW] * -(-self.swallowed // SWALLOWED_AT_ONCE)
        first = self.seed % len(OTHERS)
        others = [OTHERS[(first + number) % len(OTHERS)] for number in range(-(-len(counted) // OTHERS_EVERY))]
        strokes = counted + others
        random.Random(self.seed).shuffle(strokes)  # noqa: S311 - an order, no secret
        return strokes
