"""The ways to work with Rossum, each from beginning to end; the README shows these very sessions.

`make transcripts` writes them into the README.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.deployment import DEFAULT_PARTITIONS, Deployment, deployment, pdf, spawn
from tests.support.find_kafka import Kafka
from tests.support.kafka_settings import free_ports
from tests.support.reader import CAPTURED, LIFECYCLE, READY
from tests.support.transcripts import README, ROOT, Terminal, block, with_block
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

REVIEWED = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
#: Nobody reviews before the test does.
UNREVIEWED = ("--rate-limit", "0", "--processing", "0", "--review", "-1")
Told = Callable[[str, Terminal], None]
RUN = "rossum-connector run 2> connector.log &"


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Told:
    """Compares a transcript with the README's; with `--write-transcripts` writes it there."""

    def tell(name: str, terminal: Terminal) -> None:
        transcript, readme = terminal.transcript(), README.read_text(encoding="utf-8")
        if request.config.getoption("--write-transcripts"):
            README.write_text(with_block(readme, name, transcript), encoding="utf-8", newline="\n")
            return
        assert transcript == block(readme, name), "the README shows another session: run `make transcripts`"

    return tell


@asynccontextmanager
async def at_work(
    kafka: Kafka, name: str, folder: Path, *, simulator: tuple[str, ...] = REVIEWED, **settings: str
) -> AsyncIterator[tuple[Deployment, Terminal]]:
    """A deployment, and a terminal in a folder with three invoices."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/hooks/rossum"
    settings |= DEFAULT_PARTITIONS | {"WEBHOOK__PUBLIC_URL": url, "WEBHOOK__PORT": str(port)}
    settings |= {"ROSSUM__REQUESTS_PER_SECOND": "0"}
    async with deployment(kafka.bootstrap_servers, name, folder, simulator=simulator, **settings) as world:
        names = {
            world.base_url: "https://example.rossum.app/api/v1",
            url: "https://connector.example.com/hooks/rossum",
            kafka.bootstrap_servers: "kafka:9092",
            f"{world.prefix}group": "rossum-connector",
            world.prefix: "",
        }
        desk = folder / "desk"
        (desk / "invoices").mkdir(parents=True)
        for number in (1, 2, 3):
            (desk / "invoices" / f"scan-{number}.pdf").write_bytes(pdf(f"invoice {number}"))
        (desk / "examples").symlink_to(ROOT / "examples")
        time = await world.control("/time", {"shift": 0})
        yield world, Terminal(desk, world.settings, names, time["now"][:10])


async def reviewed(world: Deployment) -> None:
    """A person has confirmed everything a minute ago."""
    for document in await world.control("/documents"):
        for annotation in document["annotations"]:
            await world.control(f"/annotations/{annotation['id']}/status", {"status": "exported"})
    await world.control("/time", {"shift": 60})


async def repeated(world: Deployment) -> bool:
    """Whether the connector has recognised three arrivals that it knew."""
    return await world.metric(0, r'arrivals_total\{outcome="repeated"\}') == 3


def captured(kafka: Kafka, world: Deployment, count: int) -> str:
    """The command that reads so many captured documents."""
    return f"python examples/captured.py {kafka.bootstrap_servers} {world.prefix}{CAPTURED} {count}"


async def test_manual(kafka: Kafka, tmp_path: Path, told: Told) -> None:
    """Documents are put in when there are some, and a queue is taken out by time."""
    async with at_work(kafka, "manual", tmp_path, simulator=UNREVIEWED) as (world, terminal):
        await terminal.run("rossum-connector import invoices/ --queue invoices")
        terminal.show("$ # … somebody reviews them in Rossum …")
        await reviewed(world)
        table = "--format csv --columns meta_file_name,document_id,date_due,amount_total,currency"
        await terminal.run(f"rossum-connector export --queue invoices --from {terminal.day} {table} -o march.csv")
        shown = await terminal.run("sort march.csv")

    assert shown.count("scan-") == 3
    told("manual", terminal)


async def test_one_by_one(kafka: Kafka, tmp_path: Path, told: Told) -> None:
    """One command brings a document to Rossum, waits, and has its data."""
    async with at_work(kafka, "one", tmp_path) as (_, terminal):
        table = "--format csv --columns meta_file_name,document_id,date_due,amount_total,currency"
        await terminal.run(f"rossum-connector extract invoices/scan-1.pdf --queue invoices {table}")
        await terminal.run("rossum-connector extract invoices/ --queue invoices -o captured/ --quiet")
        listed = await terminal.run("ls captured")

    assert listed.split() == [f"scan-{number}.pdf.json" for number in (1, 2, 3)]
    told("one-by-one", terminal)


async def test_batch(kafka: Kafka, tmp_path: Path, told: Told) -> None:
    """A queue as a flow: what is announced is imported once, what is captured is found by sweeps alone."""
    async with at_work(kafka, "batch", tmp_path) as (world, terminal):
        terminal.show(f"$ {RUN}")
        await world.start_replica()
        await terminal.run("rossum-connector import invoices/ --queue invoices --via-kafka")
        await eventually(lambda: len(world.reader.captured()) == 3, within=60)
        await terminal.run("rossum-connector import invoices/ --queue invoices --via-kafka --quiet")
        shown = await terminal.run(captured(kafka, world, 3) + " | sort")
        await eventually(lambda: repeated(world), within=60)
        await eventually(world.reader.caught_up, within=60)

    assert shown.count("seen by sweep") == 3
    assert len(world.reader.captured()) == 3
    told("batch", terminal)


async def test_push(kafka: Kafka, tmp_path: Path, told: Told) -> None:
    """Whoever uploads a document, its data are on Kafka as soon as Rossum has exported it: no sweep is due."""
    async with at_work(kafka, "push", tmp_path, SWEEP__INTERVAL="1h") as (world, terminal):
        await terminal.run("rossum-connector hooks apply --yes")
        terminal.show(f"$ {RUN}")
        await world.start_replica(WEBHOOK__PORT=world.settings["CONNECTOR_WEBHOOK__PORT"])
        await terminal.run("rossum-connector import invoices/scan-1.pdf --queue invoices --no-wait")
        shown = await terminal.run(captured(kafka, world, 1))

    assert "seen by webhook" in shown
    told("push", terminal)


async def test_embedded(kafka: Kafka, tmp_path: Path, told: Told, browser: Browser) -> None:
    """A person validates a document inside of another application, in a real browser; there are no webhooks."""
    async with at_work(kafka, "embedded", tmp_path, simulator=UNREVIEWED, OPS__TOKEN="ops token") as (world, terminal):
        terminal.show(f"$ export CONNECTOR_OPS__TOKEN='{world.settings['CONNECTOR_OPS__TOKEN']}'", f"$ {RUN}")
        await world.start_replica()
        await terminal.run("rossum-connector import invoices/scan-1.pdf --queue invoices")
        (ready,) = await eventually(lambda: [event for event in world.reader.events if event.topic == READY], within=60)
        page, log = await application(kafka, world, terminal)
        await eventually(lambda: "told" in log.read_text(encoding="utf-8"), within=60)
        await browser.go(page)
        await browser.shows("#documents li", "scan-1.pdf to_review")
        terminal.show("$ # … somebody opens the document in a browser and confirms it …")
        await browser.click("#documents a")
        await browser.enter_frame("iframe")
        await browser.shows("#status", "reviewing")
        await browser.click("#confirm")
        await browser.leave_frame()
        await browser.shows("#documents li", "scan-1.pdf exported")
        here = await browser.url()
        await eventually(lambda: "captured" in log.read_text(encoding="utf-8"), within=60)
        await terminal.run("cat application.log")
        shown = await terminal.run(captured(kafka, world, 1))

    assert ready.headers["ce_observedvia"] == "sweep"
    assert here == page
    assert "seen by sweep" in shown
    told("embedded", terminal)


async def application(kafka: Kafka, world: Deployment, terminal: Terminal) -> tuple[str, Path]:
    """The example application at work; the address of its page, and its log."""
    (port,) = free_ports(1)
    arguments = [kafka.bootstrap_servers, world.prefix + LIFECYCLE, world.ops_urls[0], "invoices", str(port)]
    terminal.names = {**terminal.names, world.ops_urls[0]: "http://connector:9090", f" {port} ": " 8000 "}
    terminal.show(f"$ python examples/embedded.py {' '.join(arguments)} 2> application.log &")
    command = [str(ROOT / "examples" / "embedded.py"), *arguments]
    log = terminal.folder / "application.log"
    await spawn(command, log, world.settings, world.stack)
    return f"http://127.0.0.1:{port}/", log
