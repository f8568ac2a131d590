"""A real Apache Kafka broker (KRaft, one node) of our own, which tests may stop, freeze and kill."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.kafka_artifacts import libraries
from tests.support.kafka_probe import answers
from tests.support.kafka_settings import CLUSTER_ID, Door, free_ports, settings, with_doors
from tests.support.waiting import until

DEFAULT_VERSION = os.environ.get("KAFKA_VERSION") or "4.4.0"
#: For tests that end a single broker while transactions are on their way; see `outlives_itself`.
DURABLE_VERSION = "3.9.2"
#: Seconds until it answers; it takes 2 to 4, a loaded machine more.
READY_WITHIN = 60.0
#: Seconds that a clean stop may take before it is killed; it takes about 1.
STOP_WITHIN = 15.0
#: Ends the broker when the test process is gone, however that went: its end closes the pipe.
_WATCHDOG = 'read _ || { kill -9 "$0"; rm -rf "$1"; }'
_OPTIONS = [
    "-Xmx512M",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
]


def outlives_itself(version: str) -> bool:
    """Whether a single broker keeps transactions all or nothing when it ends and comes back.

    Its partitions have no leader for a moment then. Since 4.1 the coordinator takes such a partition for a deleted one
    (`getPartitionLeaderEndpoint` of `KRaftMetadataCache`), leaves its marker out and calls the transaction complete:
    what was written there stays open, or shares the fate of the next transaction. With replicas on other brokers there
    is always a leader.
    """
    return tuple(map(int, version.split(".")[:2])) < (4, 1)


class LocalKafka:
    """One broker with its own port and data, from the Maven artifacts; usable as a context manager.

    Nothing of it outlives the process that made it.

    Args:
        doors: How many listeners to add that lead through a proxy.
        controller_port: Its controller's port where others have to know it; else a free one.
        properties: Settings that differ from those of a broker alone.

    Attributes:
        doors: These listeners.

    Raises:
        NoArtifacts: Java or the artifacts are missing.
    """

    def __init__(
        self,
        version: str = DEFAULT_VERSION,
        *,
        doors: int = 0,
        controller_port: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self._libraries = libraries(version)
        self._port, free, *ports = free_ports(2 + 2 * doors)
        self._controller_port = controller_port or free
        self.doors = [Door(*pair) for pair in zip(ports[::2], ports[1::2], strict=True)]
        self._properties = dict(properties or {})
        self._folder = Path(tempfile.mkdtemp(prefix="kafka-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._version = version
        atexit.register(self.close)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect; the same for its whole life."""
        return f"127.0.0.1:{self._port}"

    @property
    def version(self) -> str:
        """Which Apache Kafka it is."""
        return self._version

    @property
    def pid(self) -> int | None:
        """Of its process as it runs now."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers, on the data that it had before; does nothing when it runs.

        Raises:
            RuntimeError: It has ended or does not answer in time; says what it wrote last.
        """
        if self.running:
            return
        self._end(signal.SIGKILL)
        if answers(self._port):
            raise RuntimeError(f"another broker has taken {self.bootstrap_servers} meanwhile: end it")
        properties = self._formatted()
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C is for the tests, which then end their brokers in order.
            self._process = subprocess.Popen(
                [*self._java(*_OPTIONS), "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._watchdog = subprocess.Popen(
            ["sh", "-c", _WATCHDOG, str(self._process.pid), str(self._folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._wait_until_ready()

    def stop(self) -> None:
        """End it as an operator would (SIGTERM); after 15 s kill it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a word (SIGKILL); what the system has buffered of its data stays."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop when it runs, and start on the same port and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it (SIGSTOP) and see it frozen: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)
        assert self._process is not None
        # On a busy machine it works on until the thread that has the signal gets its turn.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill it and remove its data."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.close)

    def tool(self, name: str, *arguments: str) -> str:
        """Run one of Kafka's own tools by its class; what it says.

        Raises:
            RuntimeError: It has failed.
        """
        command = [*self._java("-Xmx128M", "-XX:TieredStopAtLevel=1"), name, *arguments]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=READY_WITHIN, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name} of Kafka {self._version}: {(done.stdout + done.stderr)[-1000:]}")
        return done.stdout

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _java(self, *options: str) -> list[str]:
        return ["java", *options, "-cp", f"{self._libraries}/*"]

    def _formatted(self) -> Path:
        """The properties file; the data folder is formatted when it is new."""
        file, data = self._folder / "server.properties", self._folder / "data"
        if file.exists():
            return file
        lines = settings(self._version, port=self._port, controller_port=self._controller_port, data=str(data))
        lines = with_doors(lines, self.doors) | self._properties
        written = self._folder / "new.properties"
        written.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
        self.tool("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(written))
        return written.rename(file)

    def _wait_until_ready(self) -> None:
        try:
            until(lambda: not self.running or answers(self._port), within=READY_WITHIN)
        except AssertionError:
            raise RuntimeError(self._failed(f"does not answer within {READY_WITHIN:g} s")) from None
        if not self.running:
            raise RuntimeError(self._failed("has ended instead of starting"))

    def _failed(self, how: str) -> str:
        said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
        self.kill()
        return f"Kafka {self._version} on {self.bootstrap_servers} {how}; it said: {said}"

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        watchdog, self._watchdog = self._watchdog, None
        if process is not None:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)  # a frozen one would not hear SIGTERM
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if watchdog is not None:
            # Killed, not let go: at the end of its pipe it would kill whoever has that process id by now.
            watchdog.kill()
            watchdog.communicate()

    def _signal(self, number: signal.Signals) -> None:
        if not self.running or self._process is None:
            raise RuntimeError(f"Kafka {self._version} on {self.bootstrap_servers} does not run: start() it first")
        self._process.send_signal(number)
