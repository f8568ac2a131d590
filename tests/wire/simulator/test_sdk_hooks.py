"""The vendor's client makes hooks, calls them, and reads the log of their calls."""

from rossum_api.clients.external_sync_client import SyncRossumAPIClientWithDefaultDeserializer as SyncClient
from rossum_api.models.hook import Hook, HookEventAndAction

from tests.wire.simulator.sdk_clients import client_of, everything, with_sync_client
from tests.wire.simulator.simulator_harness import UNREVIEWED, receiving, running


async def test_a_hook_is_made_called_read_and_removed() -> None:
    """create, list by filter and order, change, generate_payload, test, logs, delete."""
    async with receiving() as receiver, running(UNREVIEWED) as rossum, client_of(rossum) as client:
        queue = f"{rossum.simulator.base_url}/queues/8198"
        wanted = {
            "name": "status",
            "type": "webhook",
            "queues": [queue],
            "events": ["annotation_status"],
            "config": {"url": receiver.url, "payload_logging_enabled": True},
        }
        made = await client.create_new_hook(wanted)
        changed = await client.update_part_hook(made.id, {"config": {"secret": "s3cret"}})
        listed = await everything(client.list_hooks(ordering=["name"], queue=8198, active=True))
        kept = await client.retrieve_hook(made.id)
        (number,) = await rossum.finished(1, status="to_review")
        event = {"event": "annotation_status", "action": "changed", "annotation": number, "status": "to_review"}
        payload = await client.request_json("POST", f"hooks/{made.id}/generate_payload", json=event)
        tested = await client.request_json("POST", f"hooks/{made.id}/test", json={"payload": payload})
        await client.start_annotation(number)
        await receiver.wait_for_calls(2)
        logs = await everything(client.list_hook_run_data(hook=made.id))
        await client.delete_hook(made.id)
        left = await everything(client.list_hooks())

    assert changed.config == {**made.config, "secret": "s3cret"}
    assert changed.events == [HookEventAndAction.ANNOTATION_STATUS_CHANGED]
    assert listed == [kept] == [changed]
    assert (payload["annotation"]["id"], payload["event"]) == (number, "annotation_status")
    assert tested["response"]["status_code"] == 200
    assert receiver.calls[0].payload == payload
    assert [(log.annotation_id, log.status, log.response) for log in logs] == [(number, "completed", "{}")]
    assert left == []


def _hooks(sync: SyncClient, url: str, queue: str) -> list[Hook]:
    made = sync.create_new_hook({"name": "one", "queues": [queue], "events": [], "config": {"url": url}})
    sync.update_part_hook(made.id, {"active": False})
    kept, listed = sync.retrieve_hook(made.id), list(sync.list_hooks(active=False))
    assert list(sync.list_hook_run_data()) == []
    sync.delete_hook(made.id)
    return [kept, *listed]


async def test_the_synchronous_client_makes_hooks_as_well() -> None:
    """The same calls with the other client."""
    async with running(UNREVIEWED) as rossum:
        queue = f"{rossum.simulator.base_url}/queues/8198"
        first, second = await with_sync_client(rossum, lambda sync: _hooks(sync, "http://127.0.0.1:9/", queue))

    assert first == second
    assert not first.active
