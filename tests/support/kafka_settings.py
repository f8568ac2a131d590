"""The settings of a test broker: one KRaft node, small and quick to start, the same in Docker and out of it."""

import os
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass

#: 22 characters, as Kafka wants them.
CLUSTER_ID = "VGVzdHNPZlRoZUNvbm5lYw"
#: Below the range from which systems take the ports of outgoing connections (Linux: 32768, others: 49152): a client
#: that keeps trying to reach a stopped broker would in the end connect to itself on that port and block its return.
_PORTS = range(18000, 32000)
_TRIES = 200
#: Each worker of a run has a part of them of its own: what one has taken may be free for a moment, between the end of a
#: process and its next life.
_PARTS = 8
_taken: set[int] = set()
_FOR_TESTS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "delete.topic.enable": "true",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "5",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "5",
    # The transaction of a frozen producer is aborted at its timeout, not up to ten seconds later.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
    # A single broker that a busy machine holds up for longer loses its partitions for a moment, and since 4.1 markers
    # of transactions with them (`outlives_itself`).
    "broker.session.timeout.ms": "30000",
    "broker.heartbeat.interval.ms": "500",
}
#: For a broker that is killed: it is back within 8 s of a kill -9 instead of half a minute, and others of a cluster
#: take its place as soon.
SOON_BACK = {"broker.session.timeout.ms": "6000"}
_SINCE_4 = {
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
_REPLICATED = (
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
)
_REPLICATED_SINCE_4 = ("share.coordinator.state.topic.replication.factor",)
_MIN_ISR = ("min.insync.replicas", "transaction.state.log.min.isr")
_MIN_ISR_SINCE_4 = ("share.coordinator.state.topic.min.isr",)


@dataclass(frozen=True, slots=True)
class Door:
    """Another listener of a broker: who comes by it is told to come back by another port, which a proxy may hold.

    Attributes:
        inside: The port that the broker listens on.
        outside: The port that it tells its clients.
    """

    inside: int
    outside: int


def settings(version: str, *, port: int, controller_port: int, data: str, host: str = "127.0.0.1") -> dict[str, str]:
    """The broker's properties; `host` is the address it binds, clients are always told 127.0.0.1."""
    return {
        **_FOR_TESTS,
        **(_SINCE_4 if _since_4(version) else {}),
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "log.dirs": data,
    }


def with_doors(properties: dict[str, str], doors: Sequence[Door]) -> dict[str, str]:
    """The same broker with more listeners."""
    if not doors:
        return properties
    names = [f"DOOR{number}" for number in range(len(doors))]
    inside = [f"{name}://127.0.0.1:{door.inside}" for name, door in zip(names, doors, strict=True)]
    outside = [f"{name}://127.0.0.1:{door.outside}" for name, door in zip(names, doors, strict=True)]
    protocols = [f"{name}:PLAINTEXT" for name in names]
    more = {
        "listeners": inside,
        "advertised.listeners": outside,
        "listener.security.protocol.map": protocols,
    }
    return properties | {name: ",".join([properties[name], *added]) for name, added in more.items()}


def of_cluster(version: str, node: int, controller_ports: Sequence[int]) -> dict[str, str]:
    """What a broker of several has otherwise: its number from 1, all voters, everything on three, two must have it."""
    three = dict.fromkeys([*_REPLICATED, *(_REPLICATED_SINCE_4 if _since_4(version) else ())], "3")
    two = dict.fromkeys([*_MIN_ISR, *(_MIN_ISR_SINCE_4 if _since_4(version) else ())], "2")
    voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(controller_ports, start=1))
    return {"node.id": str(node), "controller.quorum.voters": voters, **SOON_BACK, **three, **two}


def _since_4(version: str) -> bool:
    return int(version.split(".", maxsplit=1)[0]) >= 4


def free_ports(count: int) -> list[int]:
    """That many different ports of 127.0.0.1 that nobody listens on now and no outgoing connection takes by chance.

    None is given out twice by the workers of one run, as long as they are not more than there are parts.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = [port for port in _PORTS[worker % _PARTS :: _PARTS] if port not in _taken]
    free: list[int] = []
    for port in random.sample(own, min(_TRIES, len(own))):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)) != 0 and _can_bind(port):
                free.append(port)
        if len(free) == count:
            _taken.update(free)
            return free
    raise OSError(f"no {count} free ports among {_TRIES} of {_PORTS.start} to {_PORTS.stop} on 127.0.0.1")


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
