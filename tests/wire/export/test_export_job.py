"""Exports of a fixed set: what is left out is told, moves survive lost answers, parts are fetched once."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.domain.ids import AnnotationId
from connector.domain.readings import AnnotationReading
from connector.errors import Retryable
from connector.export.csv_form import CsvForm
from connector.export.forms import Form
from connector.export.json_form import JsonForm
from connector.export.tables import Columns
from connector.export.xlsx_form import XlsxForm
from connector.export.xml_form import XmlForm
from connector.ports import Lane
from tests.support.waiting import eventually
from tests.wire.export.exporting import INSIDE, Disturbed, Export
from tests.wire.rossum.client_harness import Side, connected

FORMS = [JsonForm(), CsvForm(Columns()), XmlForm(), XlsxForm(Columns())]
GET_EXPORT = "GET /queues/{id}/export"
CONFIRMED = frozenset({"confirmed"})


async def statuses_of(side: Side, numbers: list[int]) -> list[str]:
    """Their statuses in Rossum now."""
    readings = await side.client.annotations([AnnotationId(number) for number in numbers])
    return [readings[AnnotationId(number)].status for number in numbers]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: type(form).__name__)
async def test_what_is_left_out_is_told(tmp_path: Path, form: Form) -> None:
    """In every form: an annotation that left the queue meanwhile, with where it is; all others are there."""
    async with connected() as side:
        numbers = await side.finished(130, **INSIDE)
        export = Export(tmp_path, side.client, form)
        found = await export.chosen()
        await side.control("POST", f"/annotations/{numbers[7]}/move", {"queue": 8199})

        job = await export.fetched(found)

    parts = job.parts()
    assert job.left_out() == {numbers[7]: "is in queue 8199"}
    assert [number for part in parts for number in part.ids] == numbers[:7] + numbers[8:]
    assert all(form.found(part.path) == set(part.ids) for part in parts)


async def test_annotations_are_named_by_id() -> None:
    """In the order in which they were named, each once; what can't be exported is told with its reason."""
    async with connected() as side:
        numbers = await side.finished(3)
        (elsewhere,) = await side.finished(1, queue=8199)
        (rejected,) = await side.finished(1, status="rejected")
        export = Export(Path(), side.client, statuses=frozenset({"exported"}))

        found = await export.chosen(numbers[2], numbers[0], 999, elsewhere, rejected, numbers[2])

    assert list(found.statuses.items()) == [(numbers[2], "exported"), (numbers[0], "exported")]
    assert found.left_out == {
        999: "is not in Rossum, or not for these credentials",
        elsewhere: "is in queue 8199",
        rejected: "is rejected",
    }


async def test_a_window_holds_its_first_instant_and_not_its_last() -> None:
    """So that windows in a row have every annotation once."""
    edges = {"from": "2026-05-01T00:00:00Z", "to": "2026-05-01T01:00:00Z"}
    async with connected() as side:
        first, middle, _ = await side.finished(3, **edges)

        found = await Export(Path(), side.client).chosen()

    assert list(found.statuses) == [first, middle]


@pytest.mark.parametrize("clock", ["arrived_at", "confirmed_at", "exported_at"])
async def test_every_clock_can_be_meant(clock: str) -> None:
    """Annotations that were exported within the hour arrived and were confirmed in it too."""
    async with connected() as side:
        numbers = await side.finished(120, **{"from": "2026-05-01T00:10:00Z", "to": "2026-05-01T00:20:00Z"})
        await side.finished(5)

        found = await Export(Path(), side.client).chosen(clock=clock)

    assert sorted(found.statuses) == numbers


@pytest.mark.parametrize("target", ["exporting", "exported"])
async def test_what_is_exported_is_moved(tmp_path: Path, target: str) -> None:
    """All of it, each once, although the answers to the first moves get lost."""
    async with connected() as side:
        numbers = await side.finished(45, status="confirmed", **INSIDE)
        await side.fault("/export", "drop-after", method="POST", times=2)
        export = Export(tmp_path, side.client, statuses=CONFIRMED, to_status=target)

        job = await export.fetched(await export.chosen(clock="confirmed_at"))

        exported = export.elements(job)
        await eventually(lambda: _all(side, numbers, "exported"))
        readings = await side.client.annotations([AnnotationId(number) for number in numbers])
    assert (export.numbers(job), job.left_out()) == (numbers, {})
    assert {element["status"] for element in exported} <= {"exporting", "exported"}
    assert len({reading.clocks["exported_at"] for reading in readings.values()}) > 1


class Behind(Disturbed):
    """Rossum, whose list shows two times that nothing has been moved."""

    looks = 0

    async def annotations(
        self, ids: Collection[AnnotationId], *, lane: Lane = Lane.READS
    ) -> Mapping[AnnotationId, AnnotationReading]:
        """With the status from before."""
        readings = await super().annotations(ids, lane=lane)
        self.looks += 1
        return {n: replace(one, status="confirmed") if self.looks <= 2 else one for n, one in readings.items()}


async def test_what_was_moved_is_exported_while_lists_lag(tmp_path: Path) -> None:
    """The answer to the move gets lost, and Rossum shows the status from before for a while."""
    async with connected() as side:
        numbers = await side.finished(3, status="confirmed", **INSIDE)
        await side.fault("/export", "drop-after", method="POST")
        behind = Behind(side.client, side.client.server_time)
        export = Export(tmp_path, behind, statuses=CONFIRMED, to_status="exported")

        job = await export.fetched(await export.chosen(clock="confirmed_at"))

    assert (export.numbers(job), job.left_out()) == (numbers, {})


async def _all(side: Side, numbers: list[int], status: str) -> bool:
    return set(await statuses_of(side, numbers)) == {status}


async def test_what_went_back_to_review_is_not_moved(tmp_path: Path) -> None:
    """It is left out with the reason; what somebody else exported meanwhile is not."""
    async with connected() as side:
        numbers = await side.finished(4, status="confirmed", **INSIDE)
        export = Export(tmp_path, side.client, statuses=CONFIRMED, to_status="exported")
        found = await export.chosen(clock="confirmed_at")
        await side.control("POST", f"/annotations/{numbers[1]}/status", {"status": "to_review"})
        await side.control("POST", f"/annotations/{numbers[2]}/status", {"status": "exported"})

        job = await export.fetched(found)

        statuses = await statuses_of(side, numbers)
    assert job.left_out() == {numbers[1]: "was not moved: it is to_review now"}
    assert export.numbers(job) == [numbers[0], *numbers[2:]]
    assert statuses == ["exported", "to_review", "exported", "exported"]


async def test_an_interrupted_export_fetches_each_part_once(tmp_path: Path) -> None:
    """What was there is not asked for again, and the whole is what it would have been."""
    async with connected() as side:
        numbers = await side.finished(450, **INSIDE)
        export = Export(tmp_path, side.client)
        found = await export.chosen()
        await side.fault("/export", "delay:0", times=2)
        await side.fault("/export", "status:503", times=0)
        with pytest.raises(ExceptionGroup) as failed:
            await export.fetched(found)
        before = await side.control("GET", "/counters")
        there = _done(tmp_path)
        await side.control("DELETE", "/faults")

        job = await export.fetched(found)

        asked = (await side.control("GET", "/counters"))[GET_EXPORT]["200"] - before[GET_EXPORT].get("200", 0)
    assert failed.group_contains(Retryable)
    assert (there, asked) == (2, 3)
    assert export.numbers(job) == numbers


def _done(folder: Path) -> int:
    return len(list(folder.glob("*.done")))


@pytest.mark.parametrize("fault", ["truncate", "garbage", "drop-after", "status:502"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: type(form).__name__)
async def test_a_spoilt_answer_is_asked_for_again(tmp_path: Path, form: Form, fault: str) -> None:
    """Nothing of it gets into the export."""
    async with connected() as side:
        numbers = await side.finished(3, **INSIDE)
        await side.fault("/export", fault)
        export = Export(tmp_path, side.client, form)

        job = await export.fetched(await export.chosen())

    (part,) = job.parts()
    assert form.found(part.path) == set(part.ids) == set(numbers)


async def test_a_part_that_is_too_large_comes_in_pieces(tmp_path: Path) -> None:
    """So that memory stays small; an annotation that is too large by itself comes all the same."""
    async with connected() as side:
        numbers = await side.finished(20, **INSIDE)
        whole = Export(tmp_path / "whole", side.client)
        pieces = Export(tmp_path / "pieces", side.client, more={"largest_part": 12_000})
        tiny = Export(tmp_path / "tiny", side.client, more={"largest_part": 1})
        found = await whole.chosen()

        results: list[Any] = [(await export.fetched(found), export) for export in (whole, pieces, tiny)]

    assert [export.elements(job) for job, export in results[1:]] == [whole.elements(results[0][0])] * 2
    assert [len(job.parts()) for job, _ in results] == [1, len(results[1][0].parts()), len(numbers)]
    assert 2 < len(results[1][0].parts()) < len(numbers)
