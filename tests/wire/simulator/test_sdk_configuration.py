"""The vendor's client sets up an organisation: workspaces, schemas, queues, people, inboxes and what goes with them."""

from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from rossum_api.clients.external_async_client import AsyncRossumAPIClientWithDefaultDeserializer as AsyncClient
from rossum_api.clients.external_sync_client import SyncRossumAPIClientWithDefaultDeserializer as SyncClient
from rossum_api.exceptions import APIClientError
from rossum_api.models.task import TaskType

from connector.sandbox.pages import pdf
from tests.wire.simulator.sdk_clients import PASSWORD, client_of, everything, files_in, with_sync_client
from tests.wire.simulator.simulator_harness import UNREVIEWED, Rossum, id_in, running

NEWEST_FIRST: Any = ["-id"]  # as the vendor's README has it, though the client's types do not
SECTION = {"category": "section", "id": "basic", "label": "Basic", "children": []}


async def test_a_queue_is_set_up_used_and_taken_down(tmp_path: Path) -> None:
    """The vendor's own end-to-end flow: workspace, schema, queue, documents, export, and all of it deleted again."""
    async with running(UNREVIEWED) as rossum, client_of(rossum) as client:
        organization = await client.retrieve_own_organization()
        workspace = await client.create_new_workspace({"name": "Test", "organization": organization.url})
        schema = await client.create_new_schema({"name": "Test", "content": [SECTION]})
        queue = await client.create_new_queue({"name": "Run 1", "workspace": workspace.url, "schema": schema.url})
        tasks = await client.upload_document(queue.id, files_in(tmp_path))
        for task in tasks:
            await client.poll_task_until_succeeded(task.id, sleep_s=0)
        rows = await everything(client.list_annotations(queue=queue.id, queue__workspace=workspace.id))
        same: list[Any] = [await client.retrieve_workspace(workspace.id), await client.retrieve_schema(schema.id)]
        same += await everything(client.list_schemas(name="Test"))
        same += await everything(client.list_queues(name="Run 1"))
        with pytest.raises(APIClientError) as referenced:
            await client.delete_workspace(workspace.id)
        await client.delete_queue(queue.id)
        await client.delete_schema(schema.id)
        await client.delete_workspace(workspace.id)
        with pytest.raises(APIClientError) as closed:
            await client.upload_document(queue.id, files_in(tmp_path)[:1])
        kept = await client.retrieve_queue(queue.id)
        left = [row.id async for row in client.list_workspaces(ordering=NEWEST_FIRST, name="Test")]

    assert [row.queue for row in rows] == [queue.url] * 2
    assert [found.url for found in same] == [workspace.url, schema.url, schema.url, queue.url]
    assert (queue.workspace, queue.schema) == (workspace.url, schema.url)
    assert referenced.value.status_code == 409
    assert "conflict_referenced" in str(referenced.value)
    assert closed.value.status_code == 400
    assert (kept.status, left) == ("deletion_requested", [])


def _set_up(sync: SyncClient) -> list[object]:
    home = sync.retrieve_own_organization()
    workspace = sync.create_new_workspace({"name": "Test", "organization": home.url})
    schema = sync.create_new_schema({"name": "Test", "content": [SECTION]})
    queue = sync.create_new_queue({"name": "Run 1", "workspace": workspace.url, "schema": schema.url})
    names = [row.name for row in sync.list_queues(workspace=workspace.id)]
    (listed,), same = sync.list_workspaces(name="Test"), sync.retrieve_workspace(workspace.id)
    told = [listed == same, same.queues == [queue.url], sync.retrieve_schema(schema.id).queues == [queue.url]]
    sync.delete_queue(queue.id)
    sync.delete_schema(schema.id)
    sync.delete_workspace(workspace.id)
    return [*names, *told, *(row.name for row in sync.list_schemas())]


async def test_the_synchronous_client_sets_up_as_well() -> None:
    """The same calls with the other client."""
    async with running(UNREVIEWED) as rossum:
        found = await with_sync_client(rossum, _set_up)

    assert found == ["Run 1", True, True, True, "Schema of invoices", "Schema of receipts"]


async def test_an_email_brings_its_attachments() -> None:
    """inbox, `import_email`, task, e-mail object: each readable attachment becomes a document with an annotation."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann <ann@example.com>", "in@example.com", "Two invoices"
    message.set_content("Please pay.")
    message.add_attachment(pdf(["Invoice 1"]), maintype="application", subtype="pdf", filename="one.pdf")
    message.add_attachment(b"no document", maintype="text", subtype="calendar", filename="two.ics")
    async with running(UNREVIEWED) as rossum, client_of(rossum) as client:
        queue = f"{rossum.simulator.base_url}/queues/8198"
        inbox = await client.create_new_inbox({"name": "In", "queues": [queue], "email_prefix": "invoices"})
        task_url = await client.import_email(bytes(message), inbox.email)
        task = await client.poll_task_until_succeeded(id_in(task_url), sleep_s=0)
        letter = await client.retrieve_email(id_in(task.result_url or ""))
        raw = (await client.request("GET", letter.content or "")).content
        (document,) = [await client.retrieve_document(id_in(url)) for url in letter.documents]
        with pytest.raises(APIClientError) as refused:
            await client.import_email(bytes(message), "nobody@example.com")

    assert task.type is TaskType.EMAIL_IMPORTED
    assert (letter.subject, letter.body_text_plain) == ("Two invoices", "Please pay.\n")
    assert letter.annotations == document.annotations != []
    assert (letter.inbox, letter.queue) == (inbox.url, queue)
    assert (document.original_file_name, document.email) == ("one.pdf", letter.url)
    assert raw == bytes(message)
    assert refused.value.status_code == 400


async def test_people_and_groups_are_read_and_made() -> None:
    """users, roles, organisation, its group and its limits."""
    async with running(UNREVIEWED) as rossum, client_of(rossum) as client:
        home = await client.retrieve_own_organization()
        made = await client.create_new_user({"username": "new@example.com", "organization": home.url})
        users = await everything(client.list_users(ordering=["username"]))
        found = await client.retrieve_user(made.id)
        (manager,) = await everything(client.list_user_roles(name="manager"))
        groups = await everything(client.list_organization_groups())
        group = await client.retrieve_organization_group(id_in(home.organization_group))
        limits = await client.retrieve_organization_limit(home.id)
        organizations = [await client.retrieve_organization(home.id), *await everything(client.list_organizations())]

    names = ["embedded", "new", "reviewer", "sandbox"]
    assert [user.username for user in users] == [f"{name}@example.com" for name in names]
    assert found == made
    assert manager.name == "manager"
    assert groups == [group]
    assert limits.email_limits.count_total == 0
    assert organizations == [replace(home, users=[*home.users, made.url])] * 2


async def _kept(client: AsyncClient, rossum: Rossum) -> dict[str, list[Any]]:
    """What was created and what is read of each kind that the simulator only keeps."""
    base = rossum.simulator.base_url
    queue, (number,) = f"{base}/queues/8198", await rossum.finished(1)
    row = await client.retrieve_annotation(number)
    schema = (await client.retrieve_queue(8198)).schema
    rule = await client.create_new_rule({"name": "r", "schema": schema, "enabled": True})
    connector = await client.create_new_connector({"name": "c", "service_url": "https://x", "queues": [queue]})
    template = await client.create_new_email_template({"name": "t", "queue": queue, "subject": "s", "message": "m"})
    paper = {"type": "export", "annotation": row.url, "documents": [str(row.document)]}
    relation = await client.create_new_document_relation(paper)
    return {
        "rule": [await client.update_part_rule(rule.id, {"name": "r2"}), await client.retrieve_rule(rule.id)],
        "connector": [connector, await client.retrieve_connector(connector.id)],
        "template": [template, *await everything(client.list_email_templates(queue=8198))],
        "relation": [
            relation,
            await client.retrieve_document_relation(relation.id),
            *await everything(client.list_document_relations(annotation=number)),
        ],
        "changed": [
            await client.update_part_document_relation(relation.id, {"key": "k"}),
            await client.update_document_relation(relation.id, {**paper, "key": "k"}),
        ],
        "edit": [
            await client.create_new_relation({"type": "edit", "parent": row.url, "annotations": [row.url]}),
            *await everything(client.list_relations(type="edit")),
        ],
        "none": [
            *await everything(client.list_hook_templates()),
            *await everything(client.list_rules_execution_logs()),
        ],
    }


async def test_what_is_only_kept_is_read_as_it_was_made() -> None:
    """rules, connectors, templates, relations: made, read, listed and changed; deleted they are gone."""
    async with running(UNREVIEWED) as rossum, client_of(rossum) as client:
        found = await _kept(client, rossum)
        await client.delete_rule(found["rule"][0].id)
        await client.delete_document_relation(found["relation"][0].id)
        left = [*await everything(client.list_rules()), *await everything(client.list_document_relations())]
        (connector,) = await everything(client.list_connectors())
        template = await client.retrieve_email_template(found["template"][0].id)

    assert found.pop("none") == left == []
    for kind, (made, *read) in found.items():
        assert read == [made] * len(read) != [], kind
    assert found["rule"][0].name == "r2"
    assert [connector, template] == [found["connector"][0], found["template"][0]]


async def test_engines_and_their_fields_are_listed() -> None:
    """Engines, their queues, and their fields, which may be paged by number or by cursor."""
    async with running(UNREVIEWED) as rossum, client_of(rossum) as client:
        _, engine = await rossum.post("/engines", {"name": "e", "type": "extractor"})
        for name in ("one", "two", "three"):
            await rossum.post("/engine_fields", {"engine": engine["url"], "name": name, "type": "string"})
        known = await client.retrieve_engine(engine["id"])
        listed = await everything(client.list_engines())
        queues = await everything(client.retrieve_engine_queues(engine["id"]))
        fields = await everything(client.retrieve_engine_fields(engine["id"]))
        await rossum.behave(cursor_lists=True)
        walked = await everything(client.request_cursor_paginated("engine_fields", engine=engine["id"], page_size=2))

    assert listed == [known]
    assert queues == []
    assert [field.name for field in fields] == [field["name"] for field in walked] == ["one", "two", "three"]


def _all_else(sync: SyncClient, base: str, number: int) -> dict[str, list[Any]]:
    """What was created and what is read, of everything that the other tests do not ask the synchronous sync."""
    queue, row = f"{base}/queues/8198", sync.retrieve_annotation(number)
    paper = {"type": "export", "annotation": row.url, "documents": [str(row.document)]}
    rule = sync.create_new_rule({"name": "r", "schema": row.schema})
    connector = sync.create_new_connector({"name": "c", "service_url": "https://x", "queues": [queue]})
    template = sync.create_new_email_template({"name": "t", "queue": queue, "subject": "s", "message": "m"})
    relation = sync.create_new_document_relation(paper)
    user = sync.create_new_user({"username": "new@example.com", "organization": f"{base}/organizations/1"})
    found: dict[str, list[Any]] = {
        "rule": [sync.update_part_rule(rule.id, {"name": "r2"}), sync.retrieve_rule(rule.id), *sync.list_rules()],
        "connector": [connector, sync.retrieve_connector(connector.id), *sync.list_connectors()],
        "template": [template, sync.retrieve_email_template(template.id), *sync.list_email_templates()],
        "user": [user, sync.retrieve_user(user.id), *sync.list_users(username="new@example.com")],
        "relation": [relation, sync.retrieve_document_relation(relation.id), *sync.list_document_relations()],
        "changed": [
            sync.update_part_document_relation(relation.id, {"key": "k"}),
            sync.update_document_relation(relation.id, {**paper, "key": "k"}),
        ],
        "edit": [sync.create_new_relation({"type": "edit", "annotations": [row.url]}), *sync.list_relations()],
        "home": [sync.retrieve_own_organization(), sync.retrieve_organization(1), *sync.list_organizations()],
        "group": [sync.retrieve_organization_group(1), *sync.list_organization_groups()],
        "queue": [sync.retrieve_queue(8198), *sync.list_queues(id=8198)],
        "none": [*sync.list_hook_templates(), *sync.list_rules_execution_logs(), *sync.list_engines()],
        "limits": [sync.retrieve_organization_limit(1).email_limits.count_total, 0],
        "roles": [len(list(sync.list_user_roles())), 7],
        "time": [sync.retrieve_annotation_processing_duration(number).time_spent_overall, 0.0],
    }
    sync.delete_rule(rule.id)
    sync.delete_document_relation(relation.id)
    return found


def _by_other_ways(sync: SyncClient, base: str, engine: int, folder: Path) -> list[object]:
    """The rest of the synchronous client: engines, e-mail, the legacy import, documents, generic requests."""
    message = EmailMessage()
    message["Subject"] = "One invoice"
    message.add_attachment(pdf(["Invoice 2"]), maintype="application", subtype="pdf", filename="one.pdf")
    sync.authenticate()
    inbox = sync.create_new_inbox({"name": "In", "queues": [f"{base}/queues/8198"], "email_prefix": "invoices"})
    task = sync.poll_task_until_succeeded(id_in(sync.import_email(bytes(message), inbox.email)), sleep_s=0)
    letter = sync.retrieve_email(id_in(task.result_url or ""))
    (path, name), _ = files_in(folder)
    (number,) = sync.import_document(8198, [(path, name)])
    document = sync.create_new_document("more.pdf", pdf(["More"]))
    row = sync.create_new_annotation({"status": "created", "document": document.url, "queue": f"{base}/queues/8198"})
    sync.update_annotation(number, {"metadata": {"k": 1}})
    return [
        letter.subject,
        sync.retrieve_engine(engine).name,
        [field.name for field in sync.retrieve_engine_fields(engine)],
        list(sync.retrieve_engine_queues(engine)),
        [found["id"] for found in sync.request_cursor_paginated("engine_fields", page_size=1)] != [],
        {found["id"] for found in sync.request_paginated("annotations")} >= {number, row.id},
        {found.id for found in sync.list_annotations(metadata="ignored")} >= {number, row.id},
        sync.request("GET", f"annotations/{number}").json()["metadata"],
    ]


@pytest.mark.filterwarnings("ignore:`import_document` is deprecated:DeprecationWarning")
async def test_the_synchronous_client_does_the_rest_as_well(tmp_path: Path) -> None:
    """Every other call of it, with what was made and what is read."""
    async with running(UNREVIEWED) as rossum:
        base, (number,) = rossum.simulator.base_url, await rossum.finished(1)
        found = await with_sync_client(rossum, lambda sync: _all_else(sync, base, number))
        _, engine = await rossum.post("/engines", {"name": "e", "type": "extractor"})
        await rossum.post("/engine_fields", {"engine": engine["url"], "name": "one", "type": "string"})
        told = await with_sync_client(rossum, lambda sync: _by_other_ways(sync, base, engine["id"], tmp_path), PASSWORD)

    assert found.pop("none") == []
    for kind, (made, *read) in found.items():
        assert read == [made] * len(read) != [], kind
    assert told == ["One invoice", "e", ["one"], [], True, True, True, {"k": 1}]
