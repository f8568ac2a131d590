"""A Kafka that asks for rights: the ACLs of the README are enough, and a missing one is told before anything starts."""

import re
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.deployment import Deployment, deployment, inline, spawn
from tests.support.kafka_broker import DURABLE_VERSION, LocalKafka
from tests.support.proxy import proxied
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
#: The tests themselves come without a name and may do everything; who comes by the door has a name, and may do nothing.
SECURED = {
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DOOR0:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.door0.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'user_connector="its password";',
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}
BY_THE_DOOR = {
    "KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA__SASL_USERNAME": "connector",
    "KAFKA__SASL_PASSWORD": "its password",
}
TRANSACTIONS = "transactional-id"
ACLS = "it needs the ACLs Write and Describe on transactional ids that start with rossum-kafka-connector."


def told_by_the_readme() -> Iterator[tuple[str, list[str], list[str]]]:
    """Kind of resource, names and operations of each row."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("<!-- rights:begin -->")[2].partition("<!-- rights:end -->")[0]
    for row in table.strip().splitlines()[2:]:
        kind, names, operations = (cell.strip() for cell in row.strip("|").split("|"))
        yield kind, re.findall(r"`([^`]+)`", names), operations.split(", ")


def allow(broker: LocalKafka, world: Deployment, kind: str, names: list[str], operations: list[str]) -> None:
    """One row, with the names that this deployment has."""
    resource, _, pattern = kind.partition(" ")
    group = f"{world.prefix}group"
    shown = [world.prefix + n if resource == "topic" else n.replace("rossum-connector", group) for n in names]
    arguments = [word for name in shown for word in (f"--{resource}", name)]
    arguments += [word for operation in operations for word in ("--operation", operation)]
    arguments += ["--resource-pattern-type", "prefixed"] if pattern else []
    broker.tool(
        "kafka.admin.AclCommand",
        *("--bootstrap-server", broker.bootstrap_servers, "--add", "--allow-principal", "User:connector"),
        *arguments,
    )


async def ended(world: Deployment, command: str, settings: dict[str, str]) -> tuple[int, str]:
    """Exit code and words of a command that ends by itself."""
    log = world.folder / f"{command}.log"
    environment = world.settings | {f"CONNECTOR_{name}": value for name, value in settings.items()}
    process = (await spawn(["-m", "connector.cli.main", command], log, environment, world.stack)).process
    assert process.stdout is not None
    told = (await process.stdout.read()).decode()
    return await process.wait(), told + log.read_text(encoding="utf-8")


async def test_the_rights_of_the_readme_are_enough(own_kafka: Callable[..., LocalKafka], tmp_path: Path) -> None:
    """Without those to transactional ids it does not start; with them documents come through."""
    broker = own_kafka(DURABLE_VERSION, doors=1, properties=SECURED)
    (door,) = broker.doors
    rows = list(told_by_the_readme())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(proxied(door.inside, door.outside))
        world = await stack.enter_async_context(
            deployment(broker.bootstrap_servers, "rights", tmp_path, simulator=QUICK)
        )
        settings = BY_THE_DOOR | {"KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{door.outside}"}
        for row in rows:
            if not row[0].startswith(TRANSACTIONS):
                allow(broker, world, *row)
        address = {"KAFKA__BOOTSTRAP_SERVERS": settings["KAFKA__BOOTSTRAP_SERVERS"]}
        strange = await ended(world, "check", settings | {"KAFKA__SASL_PASSWORD": "another one"})
        scram = await ended(world, "check", settings | {"KAFKA__SASL_MECHANISM": "SCRAM-SHA-512"})
        nobody = await ended(world, "check", address)
        too_much = await ended(world, "check", BY_THE_DOOR | {"KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers})
        refused = await ended(world, "run", settings | {"WEBHOOK__PORT": "0", "OPS__PORT": "0"})
        wrong = await ended(world, "check", settings)
        for row in rows:
            if row[0].startswith(TRANSACTIONS):
                allow(broker, world, *row)
        fine = await ended(world, "check", settings)
        await world.start_replica(**settings)
        await world.announce([inline(1), inline(2), {"document_id": "bad", "source": "nonsense"}])
        await eventually(lambda: {e.key for e in world.reader.captured()} == {"doc-1", "doc-2"}, within=60)
        await eventually(lambda: len(world.reader.letters) == 1, within=60)
        codes = await world.stop_replicas()

    assert "SaslAuthenticationFailed; check KAFKA__SASL_USERNAME and KAFKA__SASL_PASSWORD" in strange[1]
    assert "the listener wants another KAFKA__SASL_MECHANISM" in scram[1]
    assert "the listener may want another KAFKA__SECURITY_PROTOCOL" in nobody[1]
    assert "the listener wants no login: check KAFKA__SECURITY_PROTOCOL" in too_much[1]
    assert refused[0] == 3
    assert ACLS in refused[1]
    assert wrong[0] == 3
    assert [line.split()[1] for line in wrong[1].splitlines() if line.startswith("WRONG")] == ["transactions"]
    assert fine[0] == 0, fine[1]
    assert codes == [0]
