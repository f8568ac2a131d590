"""Which webhooks are sent again, how often and for how long."""

import asyncio

import pytest

from connector.sandbox.simulator import hook_delivery
from tests.wire.simulator.simulator_harness import UNREVIEWED, receiving, running

STATUS = "annotation_status.changed"
EXPORT = "annotation_content.export"


async def test_only_documented_failures_are_retried() -> None:
    """408, 429 and 5xx of the list are sent again after a second; other answers end it for good."""
    again = {f"/{status}": [status] for status in (408, 429, 500, 502, 503, 504)}
    never = {f"/{status}": [status] for status in (400, 401, 404, 422, 501)}
    async with receiving() as receiver, running(UNREVIEWED) as rossum:
        receiver.answers = {**again, **never, "/any": [404]}
        for path in (*again, *never):
            await rossum.hook(receiver.url + path, STATUS)
        await rossum.hook(receiver.url + "/any", STATUS, config={"retry_on_any_non_2xx": True})
        await rossum.import_one()
        await receiver.wait_for_calls(2 * len(again) + len(never) + 2)

    assert receiver.paths == {**dict.fromkeys([*again, "/any"], 2), **dict.fromkeys(never, 1)}


async def test_retry_count_ends_the_attempts() -> None:
    """``retry_count`` 1 is two attempts, the log tells both as failed; 0 is one."""
    async with receiving() as receiver, running(UNREVIEWED) as rossum:
        receiver.answers = {"/one": [503] * 9, "/none": [503] * 9}
        one = await rossum.hook(receiver.url + "/one", STATUS, config={"retry_count": 1})
        await rossum.hook(receiver.url + "/none", STATUS, config={"retry_count": 0})
        await rossum.import_one()
        await receiver.wait_for_calls(3)
        logs = (await rossum.get(f"/hooks/logs?hook={one['id']}&status=failed"))["results"]

    assert receiver.paths == {"/one": 2, "/none": 1}
    assert all(line["queue_id"] == 8198 and line["event"] == "annotation_status" for line in logs)
    assert len({line["request_id"] for line in logs}) == 1


async def test_attempts_that_time_out_are_all_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long they take: only the pauses between them count against the window."""
    monkeypatch.setattr(hook_delivery, "RETRY_WINDOW", 0.4)
    wires: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, wire: wires.append(wire), "127.0.0.1", 0)
    async with server, running() as rossum:
        await rossum.behave(hook_pause=0.02)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await rossum.hook(url, EXPORT, config={"timeout_s": 0.2})
        number = await rossum.import_one()
        await rossum.until_status(number, "failed_export")
        logs = (await rossum.get("/hooks/logs?status=failed"))["results"]
        for wire in wires:
            wire.close()

    assert (len(wires), len(logs)) == (5, 5)


async def test_the_window_of_the_retries_ends_the_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause that does not fit into it is not waited for."""
    monkeypatch.setattr(hook_delivery, "RETRY_WINDOW", 0.1)
    async with receiving() as receiver, running() as rossum:
        await rossum.behave(hook_pause=0.02)
        receiver.answers = {"/": [503] * 9}
        await rossum.hook(receiver.url, EXPORT)
        number = await rossum.import_one()
        await rossum.until_status(number, "failed_export")

    assert receiver.paths == {"/": 3}
