"""Brokers that all workers of a test run share: the process that hands out the tests starts each when first asked.

A broker of each worker's own would start, warm up and keep its clocks as many times over, on the cores that the tests
need. Names that nobody else uses keep the tests apart, as on a broker that was there before.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from multiprocessing.connection import Client, Connection, Listener
from threading import Thread
from typing import Self

from tests.support.find_kafka import Kafka, NoKafka, best_kafka, local_kafka

#: How a version is wished for that is whatever the machine has.
BEST = ""


def kafka_of(version: str) -> AbstractContextManager[Kafka]:
    """A broker of that version, or the best one, as long as the context lasts.

    Raises:
        NoKafka: None can be had here.
    """
    return best_kafka() if version == BEST else local_kafka(version)


class Lender:
    """Lends brokers to other processes until it is closed.

    Args:
        start: Makes a broker of a version.

    Attributes:
        address: Where to ask; only this user can.
        lent: What was asked for by now, by version: the broker, or the sentence that says why there is none.
    """

    def __init__(self, start: Callable[[str], AbstractContextManager[Kafka]] = kafka_of) -> None:
        self._start = start
        self._brokers = ExitStack()
        self._listener = Listener(family="AF_UNIX")
        self.address = str(self._listener.address)
        self.lent: dict[str, Kafka | str] = {}
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the brokers."""
        with suppress(OSError), Client(self.address, family="AF_UNIX") as asking:
            asking.send(None)
        self._thread.join()
        self._listener.close()
        self._brokers.close()

    def _serve(self) -> None:
        wish: str | None = BEST
        while wish is not None:
            with self._listener.accept() as asking, suppress(EOFError, OSError):
                # Whoever asks meanwhile waits: as a rule for the same broker.
                wish = self._answer(asking)

    def _answer(self, asking: Connection) -> str | None:
        wish: str | None = asking.recv()
        if wish is not None:
            if wish not in self.lent:
                self.lent[wish] = self._started(wish)
            asking.send(self.lent[wish])
        return wish

    def _started(self, version: str) -> Kafka | str:
        try:
            return self._brokers.enter_context(self._start(version))
        except Exception as error:  # noqa: BLE001 - the tests that ask tell it
            return str(error)


def borrow(address: str, version: str = BEST) -> Kafka:
    """The broker of the lender at that address; nobody gives it back.

    Raises:
        NoKafka: None can be had here.
    """
    with Client(address, family="AF_UNIX") as asking:
        asking.send(version)
        answer: Kafka | str = asking.recv()
    if isinstance(answer, str):
        raise NoKafka(answer)
    return answer
