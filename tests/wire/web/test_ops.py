"""The ops port: health for machines, metrics, and an API for whoever has the token."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from connector.errors import KafkaUnavailable
from connector.settings import OpsSettings
from connector.telemetry import Telemetry
from connector.web.embedded import EmbeddedApi
from connector.web.ops import OpsServer
from connector.web.server import listening
from tests.wire.web.web_harness import Answer, NoRossum, ask, request

TOKEN = "ops token"


@dataclass
class FakeConnector:
    """What the port asks, answered from fields."""

    alive: bool = True
    checks: dict[str, str | None] = field(default_factory=lambda: {"kafka": None, "rossum": None})
    warned: dict[str, str] = field(default_factory=dict)
    documents: dict[str, Any] = field(default_factory=dict)
    failure: Exception | None = None
    sweeps: int = 0
    counted: int = 0
    paused: bool = False

    def is_alive(self) -> bool:
        """As told."""
        return self.alive

    def readiness(self) -> Mapping[str, str | None]:
        """As told."""
        return self.checks

    def warnings(self) -> Mapping[str, str]:
        """As told."""
        return self.warned

    async def document(self, key: str) -> Any:
        """As told."""
        if self.failure is not None:
            raise self.failure
        return self.documents.get(key)

    async def refresh(self) -> None:
        """Counted."""
        self.counted += 1

    async def audit(self) -> Any:
        """Something."""
        return {"open": 3}

    async def sweep_now(self) -> None:
        """Counted."""
        if self.failure is not None:
            raise self.failure
        self.sweeps += 1

    def pause(self, *, paused: bool) -> None:
        """Kept."""
        self.paused = paused


@dataclass
class OpsPort:
    """An ops port, and what stands behind it."""

    port: int
    connector: FakeConnector
    telemetry: Telemetry

    async def ask(self, line: str, *, authorization: str | None = f"Bearer {TOKEN}") -> Answer:
        """The answer to `GET /path`, with the token unless told otherwise."""
        headers = [] if authorization is None else [f"Authorization: {authorization}"]
        return await ask(self.port, request(b"", *headers, line=f"{line} HTTP/1.1"))


@asynccontextmanager
async def ops_port(token: str | None = TOKEN) -> AsyncIterator[OpsPort]:
    """An ops port that listens."""
    connector, telemetry = FakeConnector(), Telemetry()
    embedded = EmbeddedApi({}, NoRossum())
    server = OpsServer(OpsSettings.model_validate({"token": token}), connector, telemetry, embedded)
    async with listening(server.handle, host="127.0.0.1", port=0) as port:
        yield OpsPort(port, connector, telemetry)


@pytest.mark.parametrize(("alive", "status"), [(True, 200), (False, 503)])
async def test_liveness_is_progress_and_nothing_else(*, alive: bool, status: int) -> None:
    """A connector that waits for Kafka is alive, one that stands still is not."""
    async with ops_port() as port:
        port.connector.alive = alive
        port.connector.checks = {"kafka": "no broker"}

        answer = await port.ask("GET /livez", authorization=None)

        assert (answer.status, json.loads(answer.body)) == (status, {"alive": alive})


async def test_ready_is_who_has_no_complaint() -> None:
    """Every check is shown."""
    async with ops_port() as port:
        answer = await port.ask("GET /readyz", authorization=None)

        assert answer.status == 200
        checks = {"kafka": "ok", "rossum": "ok"}
        assert json.loads(answer.body) == {"ready": True, "checks": checks, "warnings": {}}


async def test_a_warning_is_told_and_takes_no_traffic_away() -> None:
    """While Rossum fails its hooks must still reach somebody who stores them."""
    async with ops_port() as port:
        port.connector.warned["rossum"] = "Rossum fails or refuses us"

        answer = await port.ask("GET /readyz", authorization=None)

        assert answer.status == 200
        assert json.loads(answer.body)["warnings"] == {"rossum": "Rossum fails or refuses us"}


async def test_one_complaint_is_enough_not_to_be_ready() -> None:
    """And it is told."""
    async with ops_port() as port:
        port.connector.checks["kafka"] = "the broker does not answer"

        answer = await port.ask("GET /readyz", authorization=None)

        assert answer.status == 503
        assert json.loads(answer.body)["checks"]["kafka"] == "the broker does not answer"


async def test_metrics_are_those_of_the_connector() -> None:
    """In the form of Prometheus, counted anew."""
    async with ops_port() as port:
        port.telemetry.rebalanced()

        answer = await port.ask("GET /metrics", authorization=None)

        families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert families["rossum_connector_rebalances"].samples[0].value == 1
        assert port.connector.counted == 1


@pytest.mark.parametrize("line", ["GET /v1/audit", "POST /v1/sweeps", "POST /v1/pause", "GET /v1/documents/x"])
async def test_without_a_token_in_the_settings_the_api_is_off(line: str) -> None:
    """Whatever is sent, the answer says which setting is missing."""
    async with ops_port(token=None) as port:
        answer = await port.ask(line, authorization="Bearer ")

        assert answer.status == 403
        assert "CONNECTOR_OPS__TOKEN" in answer.detail


@pytest.mark.parametrize(
    "authorization", [None, "Bearer wrong", "Bearer ", f"Bearer {TOKEN}x", "Bearer \udcff", TOKEN, f"Token {TOKEN}"]
)
async def test_the_api_wants_its_token(authorization: str | None) -> None:
    """Without the right one nothing is done."""
    async with ops_port() as port:
        answer = await port.ask("POST /v1/sweeps", authorization=authorization)

        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert port.connector.sweeps == 0


async def test_a_token_need_not_be_ascii() -> None:
    """It is compared by its bytes."""
    async with ops_port(token="schlüssel") as port:
        answer = await port.ask("GET /v1/audit", authorization="Bearer schlüssel")

        assert answer.status == 200


@pytest.mark.parametrize("key", ["invoice-1", "2026/01/invoice-1", "with space"])
async def test_a_document_has_a_timeline(key: str) -> None:
    """By its key, which may hold anything."""
    async with ops_port() as port:
        port.connector.documents[key] = {"state": "captured"}

        answer = await port.ask(f"GET /v1/documents/{key.replace(' ', '%20')}")

        assert (answer.status, json.loads(answer.body)) == (200, {"state": "captured"})


async def test_an_unknown_document_is_not_found() -> None:
    """With a sentence."""
    async with ops_port() as port:
        answer = await port.ask("GET /v1/documents/nobody")

        assert answer.status == 404
        assert "knows no document" in answer.detail


async def test_the_audit_is_shown() -> None:
    """As it is."""
    async with ops_port() as port:
        answer = await port.ask("GET /v1/audit")

        assert (answer.status, json.loads(answer.body)) == (200, {"open": 3})


async def test_a_sweep_can_be_asked_for() -> None:
    """It is accepted, not waited for."""
    async with ops_port() as port:
        answer = await port.ask("POST /v1/sweeps")

        assert answer.status == 202
        assert port.connector.sweeps == 1


async def test_a_sweep_needs_kafka() -> None:
    """Without it the wish is refused."""
    async with ops_port() as port:
        port.connector.failure = KafkaUnavailable("the broker does not answer")

        answer = await port.ask("POST /v1/sweeps")

        assert (answer.status, answer.detail) == (503, "the broker does not answer")


async def test_the_connector_can_be_paused_and_resumed() -> None:
    """And says what it is now."""
    async with ops_port() as port:
        pausing = await port.ask("POST /v1/pause")
        paused = port.connector.paused
        resuming = await port.ask("POST /v1/resume")

        assert (json.loads(pausing.body), paused) == ({"paused": True}, True)
        assert (json.loads(resuming.body), port.connector.paused) == ({"paused": False}, False)


@pytest.mark.parametrize(
    "line", ["GET /", "GET /nothing", "GET /v1/", "GET /v1/nothing", "GET /v1/documents/", "GET /v1/audit/x"]
)
async def test_what_is_not_there_is_a_problem(line: str) -> None:
    """In the form of all errors."""
    async with ops_port() as port:
        answer = await port.ask(line)

        assert answer.status == 404
        assert answer.detail


async def test_health_is_read() -> None:
    """Another method is told which is right."""
    async with ops_port() as port:
        answer = await port.ask("POST /livez")

        assert (answer.status, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("line", "method"),
    [
        ("GET /v1/sweeps", "POST"),
        ("GET /v1/pause", "POST"),
        ("DELETE /v1/documents/x", "GET"),
        ("POST /v1/audit", "GET"),
    ],
)
async def test_an_operation_has_one_method(line: str, method: str) -> None:
    """Another is told which is right, and does nothing."""
    async with ops_port() as port:
        answer = await port.ask(line)

        assert (answer.status, answer.headers["allow"]) == (405, method)
        assert (port.connector.sweeps, port.connector.paused) == (0, False)


async def test_the_scheme_of_a_token_is_written_as_one_likes() -> None:
    """Names of schemes have no case."""
    async with ops_port() as port:
        answer = await port.ask("GET /v1/audit", authorization=f"bearer  {TOKEN}")

        assert answer.status == 200


async def test_a_defect_is_a_problem_too() -> None:
    """Its text stays here."""
    async with ops_port() as port:
        port.connector.failure = RuntimeError("what nobody should read")

        answer = await port.ask("GET /v1/documents/x")

        assert answer.status == 500
        assert "nobody" not in answer.detail
