"""What an import's task and upload object say, and what follows where they say nothing any more."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connector.domain.ids import ImportId, format_clock
from connector.domain.readings import TaskReading, UploadReading
from connector.domain.rows import ImportRow, ImportState
from connector.engine.resolver import Ask, Resolver

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TASK, UPLOAD = "https://example.test/api/v1/tasks/1", "https://example.test/api/v1/uploads/1"
ROW = ImportRow(ImportState.ACCEPTED, "doc-1", task=TASK, accepted_at=format_clock(NOW))


class Rossum:
    """Rossum as far as a task is concerned."""

    def __init__(self, task: TaskReading | None, upload: UploadReading | None = None) -> None:
        self._task = task
        self._upload = upload

    def now(self) -> datetime:
        """Rossum's time."""
        return NOW

    async def task(self, url: str) -> TaskReading | None:
        """As given."""
        assert url == TASK
        return self._task

    async def upload_object(self, url: str) -> UploadReading | None:
        """As given."""
        assert url == UPLOAD
        return self._upload


async def asked(rossum: Rossum, row: ImportRow = ROW) -> Ask:
    """What the resolver makes of it."""
    services = SimpleNamespace(rossum=rossum, imports=SimpleNamespace(task_after=300.0))
    return await Resolver(cast("Any", services)).ask(ImportId("import-1"), row)


async def test_an_expired_task_leads_to_a_look_up() -> None:
    """About six hours later Rossum has forgotten it: only the documents can tell, and people are told."""
    found = await asked(Rossum(None))

    assert found.forgotten
    assert (found.row.overdue, found.row.task, found.error) == (True, None, None)


async def test_an_expired_task_of_a_known_annotation_waits_for_that_one() -> None:
    """Its owner is asked how far it is."""
    found = await asked(Rossum(None), replace(ROW, single=False, annotations={"7": "importing"}))

    assert not found.forgotten
    assert found.row.expected == (7,)
    assert [message.annotation for message in found.messages] == [7]


async def test_a_failed_task_ends_its_import() -> None:
    """With Rossum's words."""
    found = await asked(Rossum(TaskReading("failed", detail="no such kind")))

    assert found.error is not None
    assert (found.error.stage, "no such kind" in str(found.error)) == ("task", True)


@pytest.mark.parametrize(("annotations", "ends"), [((), True), ((7, 8), False)])
async def test_an_upload_without_an_annotation_ends_its_import(annotations: tuple[Any, ...], *, ends: bool) -> None:
    """Nothing will come of it; with annotations they are waited for."""
    found = await asked(Rossum(TaskReading("succeeded", UPLOAD), UploadReading(annotations, ())))

    assert (found.error is not None) is ends
    assert found.row.expected == (annotations or None)


async def test_a_task_that_runs_is_asked_again() -> None:
    """Later."""
    found = await asked(Rossum(TaskReading("running")))

    assert (found.error, found.forgotten, found.messages) == (None, False, ())
    assert found.row.due is not None
    assert found.row.due > format_clock(NOW)
