"""The ledger as a replay reads it: partition by partition, each folded into what is asked for."""

from connector.domain.rows import HeaderRow
from connector.errors import Refused
from connector.kafka.connection import KafkaConnection
from connector.kafka.reading import fold, stretches
from connector.kafka.restore import RowSink


class Ledger:
    """See the module."""

    def __init__(self, connection: KafkaConnection, topic: str) -> None:
        self._connection = connection
        self._topic = topic

    async def partitions(self) -> int:
        """How many there are.

        Raises:
            Refused: The topic does not exist.
        """
        return len(await stretches(self._connection, [self._topic]))

    async def fold(self, partition: int, sink: RowSink) -> None:
        """Read a partition to its end into `sink`."""
        await fold(self._connection, self._topic, partition, sink)

    async def header(self) -> HeaderRow:
        """Which deployment it belongs to.

        Raises:
            Refused: It holds nothing.
        """
        restored = await fold(self._connection, self._topic, 0, _Nowhere())
        if restored.header is None:
            raise Refused(f"the ledger {self._topic} holds nothing: has this deployment ever been started?")
        return restored.header


class _Nowhere:
    """Takes rows and keeps none."""

    ledger_end = 0

    def apply(self, rows: object, *, ledger_end: int) -> None:
        """Forget them."""
        del rows, ledger_end
