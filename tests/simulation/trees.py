"""Families of documents in a simulated world: what people and other programs do to them in Rossum, and what is told."""

import asyncio
import base64
import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import aiohttp
import orjson
from aiokafka.structs import TopicPartition

from tests.simulation.checker import CAPTURED, LIFECYCLE, header, name_of
from tests.simulation.run import add_hook
from tests.simulation.virtual_loop import VirtualLoop, pause
from tests.simulation.world import FIRST_OPS_PORT, TOKEN, World, new_world, run_in_virtual_time

#: Virtual seconds until what a test waits for must be there.
WITHIN = 120.0
PDF = b"%PDF-1.4\n"
#: Whose documents nobody reviews but the test.
BY_HAND = {"review": -1, "processing": 0.5}


@dataclass(frozen=True, slots=True)
class Told:
    """One event: its topic, name, key and data."""

    topic: str
    name: str
    key: str
    source: str
    data: Any

    @property
    def number(self) -> int:
        """The annotation that it is about."""
        return int(self.data["annotation"]["id"])


@dataclass(frozen=True, slots=True)
class Family:
    """Acts in a world as people and other programs do."""

    world: World

    async def upload(self, name: str, content: bytes, metadata: Any = None, queue: int = 8198) -> None:
        """Upload by another door: without any mark of ours."""
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("content", content, filename=name)
        form.add_field("metadata", orjson.dumps(metadata or {"sandbox": BY_HAND}).decode())
        url = f"{self.world.simulator.base_url}/uploads?queue={queue}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.world.http.post(url, data=form, headers=headers) as response:
            assert response.status == 202, await response.text()

    async def mail(self, *names: str) -> None:
        """A message with documents comes to the inbox of the first queue."""
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("raw_message", message(*names), filename="message.eml")
        form.add_field("recipient", "invoices@sandbox.example")
        form.add_field("metadata", orjson.dumps({"sandbox": BY_HAND}).decode())
        url, headers = f"{self.world.simulator.base_url}/emails/import", {"Authorization": f"Bearer {TOKEN}"}
        async with self.world.http.post(url, data=form, headers=headers) as response:
            assert response.status == 202, await response.text()

    def announce(self, key: str, content: bytes, name: str, **sandbox: Any) -> None:
        """An arrival on Kafka."""
        arrival = {
            "source": {"kind": "inline", "base64": base64.b64encode(content).decode()},
            "document_id": key,
            "file_name": name,
            "metadata": {"sandbox": {**BY_HAND, **sandbox}},
        }
        self.world.broker.append(TopicPartition("documents.arrived", 0), (None, orjson.dumps(arrival), ()))

    async def annotations(self, name: str) -> list[int]:
        """The annotations of all documents of that file name, once there are some."""
        return [int(a["id"]) for document in await self._documents(name) for a in document["annotations"]]

    async def parts(self, name: str) -> list[int]:
        """The annotations of the parts of a document, once it is split."""
        (document,) = await self._documents(name)

        async def found() -> list[int]:
            rows = await self.world.control("/documents")
            return [int(a["id"]) for row in rows if row["parent"] == document["id"] for a in row["annotations"]]

        numbers: list[int] = await self.until(found)
        return numbers

    async def _documents(self, name: str) -> list[Any]:
        async def found() -> list[Any]:
            rows = await self.world.control("/documents")
            return [row for row in rows if row["file_name"] == name and row["annotations"]]

        documents: list[Any] = await self.until(found)
        return documents

    async def until_status(self, number: int, status: str) -> None:
        """Wait until Rossum has an annotation there."""

        async def there() -> bool:
            return bool((await self.world.api("GET", f"/annotations/{number}"))["status"] == status)

        await self.until(there)

    async def act(self, number: int, what: str, **body: Any) -> Any:
        """Do something to an annotation."""
        return await self.world.control(f"/annotations/{number}/{what}", body)

    async def export(self, *numbers: int) -> None:
        """A person exports these."""
        for number in numbers:
            await self.act(number, "status", status="exported")

    def told(self, *topics: str) -> list[Told]:
        """All events about annotations so far."""
        return [
            Told(record.topic, name_of(record), (record.key or b"").decode(), header(record, "ce_source"), data)
            for topic in topics or (CAPTURED, LIFECYCLE)
            for record in self.world.records(topic)
            if "annotation" in (data := orjson.loads(record.value or b"{}"))
        ]

    async def captured(self, *numbers: int, times: int = 1) -> list[Told]:
        """The captured events of these, once each has so many."""

        async def all_there() -> list[Told]:
            found = [event for event in self.told(CAPTURED) if event.number in numbers]
            counts = [sum(event.number == number for event in found) for number in numbers]
            return found if min(counts) >= times else []

        events: list[Told] = await self.until(all_there)
        return events

    async def named(self, name: str, *numbers: int) -> list[Told]:
        """Lifecycle events of that name about these, once there is one of each."""

        async def all_there() -> list[Told]:
            found = [event for event in self.told(LIFECYCLE) if event.name == name and event.number in numbers]
            return found if {event.number for event in found} == set(numbers) else []

        events: list[Told] = await self.until(all_there)
        return events

    async def leave(self) -> None:
        """The connector is stopped, until a replica is started again."""
        for replica in self.world.replicas:
            replica.stop.set()
            await asyncio.gather(replica.task, return_exceptions=True)

    async def metric(self, sample: str) -> float:
        """A sample of the replica's metrics; 0 where it is not there."""
        async with self.world.http.get(f"http://127.0.0.1:{FIRST_OPS_PORT}/metrics") as response:
            lines = (await response.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"rossum_connector_{sample} "))

    async def until(self, probe: Callable[[], Awaitable[Any]]) -> Any:
        """The first true answer."""
        ends = self.world.loop.time() + WITHIN
        while not (found := await probe()):
            assert self.world.loop.time() < ends, f"still {found!r} after {WITHIN} s; told: {self.told()}"
            await pause(0.5)
        return found


def archive(*names: str) -> bytes:
    """A ZIP of documents."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name in names:
            file.writestr(name, PDF + name.encode())
    return packed.getvalue()


def message(*names: str) -> bytes:
    """A message with documents of these names, and a signature that is none."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Invoices", "seller@example.com", "invoices@sandbox.example"
    mail.set_content("Please find our invoices attached.")
    for name in names:
        mail.add_attachment(PDF + name.encode(), maintype="application", subtype="pdf", filename=name)
    mail.add_attachment("Kind regards", filename="signature.txt")
    return mail.as_bytes()


@asynccontextmanager
async def living(loop: VirtualLoop, settings: Mapping[str, str], *, hooks: bool) -> AsyncIterator[Family]:
    """A world with one replica, that is put away properly."""
    world = await new_world(1, loop, **settings)
    world.start_replica(0)
    family = Family(world)
    await family.until(lambda: _is_ready(family))
    if hooks:
        await add_hook(world, 0)
    try:
        yield family
        assert world.failures == []
        assert family.told() == list({(t.topic, repr(t)): t for t in family.told()}.values()), "something came twice"
    finally:
        await family.leave()
        await world.http.close()
        await world.simulator.__aexit__(None, None, None)


async def _is_ready(family: Family) -> bool:
    try:
        async with family.world.http.get(f"http://127.0.0.1:{FIRST_OPS_PORT}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


def played(
    story: Callable[[Family], Coroutine[Any, Any, None]],
    settings: Mapping[str, str] | None = None,
    *,
    hooks: bool = True,
) -> None:
    """Play a story in a world of its own, in virtual time."""

    async def main(loop: VirtualLoop) -> None:
        async with living(loop, settings or {}, hooks=hooks) as family:
            await story(family)

    run_in_virtual_time(main)
