"""Three real Apache Kafka brokers that replicate everything, on one machine: any one may die."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from tests.support.kafka_broker import DEFAULT_VERSION, LocalKafka
from tests.support.kafka_settings import free_ports, of_cluster

NODES = 3


class LocalCluster:
    """See the module.

    Attributes:
        nodes: The brokers by their id, from 1.
    """

    def __init__(self, version: str = DEFAULT_VERSION) -> None:
        ports = free_ports(NODES)
        self.nodes = {
            node: LocalKafka(version, controller_port=port, properties=of_cluster(version, node, ports))
            for node, port in enumerate(ports, start=1)
        }

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect: all of them."""
        return ",".join(node.bootstrap_servers for node in self.nodes.values())

    def start(self) -> None:
        """Start all at once: one alone waits for a second."""
        with ThreadPoolExecutor(NODES) as threads:
            list(threads.map(LocalKafka.start, self.nodes.values()))


@contextmanager
def local_cluster(version: str = DEFAULT_VERSION) -> Iterator[LocalCluster]:
    """A cluster as long as the context lasts.

    Raises:
        NoArtifacts: Java or the artifacts are missing.
    """
    with ExitStack() as stack:
        cluster = LocalCluster(version)
        for node in cluster.nodes.values():
            # Killed in the end: without a quorum a clean stop would hang.
            stack.callback(node.close)
        cluster.start()
        yield cluster
