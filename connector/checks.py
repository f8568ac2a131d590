"""Everything that can be wrong before the service starts, one line each with its remedy; changes nothing anywhere.

Each check stands for itself: one that fails never hides the others.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from connector import assembly
from connector.clock import Clock
from connector.contracts.captured_form import strangers
from connector.documents.file import FileDocuments
from connector.documents.https import tls_context
from connector.documents.locations import AllowedHosts
from connector.documents.object_checks import look
from connector.documents.objects import bucket_of
from connector.domain.check import Check, told_as
from connector.domain.hook_plan import plan
from connector.domain.ids import QueueId
from connector.domain.schema_readings import QueueReading
from connector.kafka.broker_checks import check_broker
from connector.rossum.client import RossumClient
from connector.settings import Settings

#: Seconds by which our clock may differ from Rossum's: windows of sweeps are in Rossum's time, waiting in ours.
MOST_SKEW = 5.0
#: Roles of Rossum's that may not import documents (https://elis.rossum.ai/api/docs/#user-role). Of all others nothing
#: is said: an organisation has roles of its own, and Rossum adds some.
WITHOUT_IMPORT = frozenset({"viewer", "approver", "annotator_limited"})


async def check_everything(settings: Settings, clock: Clock) -> AsyncIterator[Check]:
    """All checks, in the order in which a deployment is set up."""
    areas: tuple[Callable[[list[Check]], Awaitable[None]], ...] = (
        lambda found: storage(settings, found),
        lambda found: object_stores(settings, found),
        lambda found: check_broker(settings.kafka, clock, found, retention=settings.state.retention),
        lambda found: _rossum(settings, clock, found),
    )
    for area in areas:
        found: list[Check] = []
        await area(found)
        for check in found:
            yield check


# --- storage -------------------------------------------------------------------------------------------------------


async def storage(settings: Settings, found: list[Check]) -> None:
    """A line for the folder of the state, and for everything of the document sources that lies on this machine."""
    if (directory := settings.state.directory) is not None:
        found.append(_folder("state directory", "STATE__DIRECTORY", directory, os.R_OK | os.W_OK | os.X_OK))
    # What `run` makes of them at its start, each for itself.
    for host in settings.imports.allowed_hosts:
        async with told_as("document host", found):
            AllowedHosts((host,))
            found.append(Check("document host", is_fine=True, sentence=host))
    for root in settings.imports.file_roots:
        async with told_as("file root", found):
            FileDocuments((root,))
            found.append(_folder("file root", "IMPORTS__FILE_ROOTS", root, os.R_OK | os.X_OK))
    if (ca_file := settings.imports.ca_file) is not None:
        async with told_as("ca file", found):
            tls_context(ca_file)
            found.append(Check("ca file", is_fine=True, sentence=str(ca_file)))


def _folder(name: str, setting: str, path: Path, rights: int) -> Check:
    if not path.is_dir():
        return Check(name, is_fine=False, sentence=f"{path} is no folder: make it, or correct {setting}")
    if not os.access(path, rights):
        wanted = "read and written" if rights & os.W_OK else "read"
        return Check(name, is_fine=False, sentence=f"{path} can't be {wanted} by this user: change its mode or owner")
    return Check(name, is_fine=True, sentence=str(path))


async def object_stores(settings: Settings, found: list[Check]) -> None:
    """A line for every bucket that documents are read from, and for that of the claim store."""
    places = [("IMPORTS__ALLOWED_BUCKETS", entry) for entry in settings.imports.allowed_buckets]
    if (store := settings.capture.claim_store) is not None:
        places.append(("CAPTURE__CLAIM_STORE", "/".join(store.split("/")[:3])))
    for setting, place in places:
        name = f"object store {place}"
        async with told_as(name, found):
            found.append(Check(name, is_fine=True, sentence=await look(*bucket_of(place), setting)))


# --- Rossum --------------------------------------------------------------------------------------------------------


async def _rossum(settings: Settings, clock: Clock, found: list[Check]) -> None:
    connection = assembly.rossum_connection(settings.rossum)
    embedded = assembly.embedded_connection(settings)
    async with RossumClient(connection, clock=clock, on_call=lambda _call: None, embedded=embedded) as rossum:
        organization = None
        async with told_as("rossum", found):
            organization = await rossum.organization()
            sentence = f"{settings.rossum.base_url} (organisation {organization})"
            found.append(Check("rossum", is_fine=True, sentence=sentence))
        if organization is None:
            return
        found.append(_clock_skew((rossum.now() - clock.now()).total_seconds()))
        async with told_as("role", found):
            found.append(_role(await rossum.users.roles()))
        for alias, queue in settings.rossum.queues.items():
            async with told_as(f"queue {alias}", found):
                found.append(_queue(alias, queue, await rossum.queue(QueueId(queue))))
        if embedded is not None:
            async with told_as("embedded user", found):
                await rossum.embedding.check_user()
                sentence = "Rossum knows the user of embedded URLs"
                found.append(Check("embedded user", is_fine=True, sentence=sentence))
        if settings.capture.fields or settings.capture.queue_fields:
            async with told_as("captured fields", found):
                found.append(await _captured_fields(settings, rossum))
        if settings.webhook.public_url is not None:
            async with told_as("hook", found):
                found.append(await _hook(settings, rossum))


def _clock_skew(seconds: float) -> Check:
    is_fine = abs(seconds) <= MOST_SKEW
    advice = "" if is_fine else ": set this machine's clock (NTP)"
    return Check("clock", is_fine, f"Rossum's is {round(seconds):+d} s from ours{advice}")


def _role(roles: frozenset[str]) -> Check:
    """A user with several roles may do what one of them may; one whose role is not known counts as able."""
    shown = ", ".join(sorted(roles)) or "Rossum does not tell it"
    if roles and roles <= WITHOUT_IMPORT:
        advice = "give the user of ROSSUM__TOKEN (or ROSSUM__USERNAME) the role annotator, manager or admin"
        return Check("role", is_fine=False, sentence=f"{shown}, who may not import documents: {advice}")
    return Check("role", is_fine=True, sentence=shown)


def _queue(alias: str, queue: int, shown: QueueReading | None) -> Check:
    if shown is None:
        advice = "correct ROSSUM__QUEUES, or give the user of the token access to it"
        return Check(f"queue {alias}", is_fine=False, sentence=f"Rossum shows no queue {queue}: {advice}")
    return Check(f"queue {alias}", is_fine=True, sentence=f"{queue} ({shown.name})")


async def _captured_fields(settings: Settings, rossum: RossumClient) -> Check:
    """Whether every field that is named for events is one that a queue exports."""
    form = assembly.captured_form(settings)
    exported: dict[int, frozenset[str]] = {}
    for queue in {*settings.rossum.queues.values(), *form.by_queue}:
        shown = await rossum.queue(QueueId(queue))
        schema = await rossum.schema(shown.schema) if shown is not None and shown.schema is not None else None
        exported[queue] = schema.exported if schema is not None else frozenset()
    others = frozenset().union(*(ids for queue, ids in exported.items() if queue not in form.by_queue))
    wrong = [f"CAPTURE__FIELDS: {unknown}" for unknown in strangers(form.names, others)]
    for queue, names in form.by_queue.items():
        wrong += [f"CAPTURE__QUEUE_FIELDS of queue {queue}: {name}" for name in strangers(names, exported[queue])]
    if wrong:
        sentence = f"no schema of these queues exports what is named: {'; '.join(wrong)}"
        return Check("captured fields", is_fine=False, sentence=sentence)
    return Check("captured fields", is_fine=True, sentence="every named field is exported by a queue")


async def _hook(settings: Settings, rossum: RossumClient) -> Check:
    found = plan(assembly.wanted_hook(settings), await rossum.hooks())
    if found.differences:
        names = ", ".join(difference.name for difference in found.differences)
        return Check("hook", is_fine=False, sentence=f"differs in {names}: see `rossum-connector hooks plan`")
    return Check("hook", is_fine=True, sentence=f"calls {settings.webhook.public_url}")
