"""A real Apache Kafka broker (KRaft, one node) of our own, which tests may stop, freeze and kill."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.kafka_artifacts import libraries

DEFAULT_VERSION = os.environ.get("KAFKA_VERSION", "4.4.0")
READY_WITHIN = 60.0
STOP_WITHIN = 15.0
_CLUSTER = "VGVzdHNPZlRoZUNvbm5lYw"
_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
default.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.num.partitions=5
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
"""
_SHARE_SETTINGS = """\
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""


class LocalKafka:
    """One broker with its own data; usable as a context manager."""

    def __init__(self, version: str = DEFAULT_VERSION) -> None:
        self.version = version
        self._folder = Path(tempfile.mkdtemp(prefix="kafka-"))
        self._port, self._controller = _free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        self._libraries = libraries(version)
        self._format()
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
        """Where clients connect."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start and wait until it accepts connections; the same port and data after a stop."""
        command = self._java("-Xmx512M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "kafka.Kafka", str(self._folder / "server.properties")], stdout=log, stderr=log
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """End it as an operator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a word."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill it and remove its data."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.close)

    def _java(self, *options: str) -> list[str]:
        return ["java", *options, "-cp", f"{self._libraries}/*"]

    def _format(self) -> None:
        text = _SETTINGS.format(port=self._port, controller=self._controller, folder=self._folder)
        if self.version.startswith("4"):
            text += _SHARE_SETTINGS
        properties = self._folder / "server.properties"
        properties.write_text(text, encoding="utf-8")
        tool = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(properties)]
        subprocess.run([*self._java("-Xmx128M"), *tool], check=True, capture_output=True)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        log = (self._folder / "broker.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"Kafka {self.version} does not start: {log}")

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
