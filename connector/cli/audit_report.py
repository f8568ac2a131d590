"""How the result of an audit is told: lines for people, a document for programs."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from heapq import nsmallest
from typing import Any

from connector.audit.auditor import Report
from connector.audit.evidence import Head
from connector.audit.findings import Column, Line, Open, urgency
from connector.cli.instants import shown_instant
from connector.quantities import counted

_SHARES = [column for column in Column if column is not Column.IN]
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def as_lines(report: Report, listed: int) -> Iterator[str]:
    """Differences, open work, totals, and one sentence at the end."""
    for difference in report.verdict.differences:
        yield f"{difference.kind:14} {difference.entity}  {difference.fact}: {difference.sentence}"
    yield from _open_lines(report, listed)
    yield from _beyond_lines(report)
    yield ""
    for line in Line:
        yield _total(report, line)
    yield _topics(report)
    count = len(report.verdict.differences) + report.verdict.unlisted
    if report.verdict.unlisted:
        yield f"not listed here: {counted(report.verdict.unlisted, 'difference')}; something is wrong as a whole"
    yield counted(count, "difference") if count else "no difference"


def _open_lines(report: Report, listed: int) -> Iterator[str]:
    oldest = _oldest(report, listed)
    for item in oldest:
        yield f"{'open':14} {item.entity}  {item.stage}, {_age(report, item)}"
    count = report.verdict.stages.total()
    if count > len(oldest):
        stages = ", ".join(f"{number:,} {stage}" for stage, number in report.verdict.stages.most_common())
        yield f"{'open':14} {count:,} in all ({stages}); --open lists more of them"
    if report.gathered.waiting:
        yield f"{'open':14} {counted(report.gathered.waiting, 'arrival')} that the intake has not copied yet"


def _oldest(report: Report, listed: int) -> list[Open]:
    """The most urgent ones."""
    return nsmallest(listed, report.verdict.open, key=urgency)


def _beyond_lines(report: Report) -> Iterator[str]:
    counts, until = _forgotten(report)
    if until is not None:
        rows = " and ".join(counted(number, kind) for kind, number in sorted(counts.items()))
        yield f"{'retention':14} the ledger has forgotten {rows}, ended by {until}"
    for head in report.gathered.heads.cut:
        yield f"{'retention':14} {_head(report, head)}: what was before can't be compared"
    horizon = report.grounds.horizon
    if report.before_horizon:
        count = report.before_horizon
        yield f"{'horizon':14} captures in Rossum before {horizon}: {count:,}; --beyond-horizon compares them"
    else:
        for entity, clock in sorted(report.verdict.beyond):
            yield f"{'horizon':14} {entity}  {clock}, before {horizon}: only a replay publishes it"
    if report.gathered.foreign:
        yield f"{'foreign':14} {counted(report.gathered.foreign, 'record')} of others on the public topics"
    if report.unsettled:
        came = counted(report.unsettled, "difference")
        yield f"{'unsettled':14} {came} came and went: run the audit again when it is quieter"


def _forgotten(report: Report) -> tuple[Counter[str], str | None]:
    """How many rows the ledger has forgotten since its beginning, by kind, and the latest end of them."""
    counts: Counter[str] = Counter()
    for floor in report.gathered.floors.values():
        counts.update(floor.forgotten)
    return counts, max((floor.until for floor in report.gathered.floors.values()), default=None)


def _head(report: Report, head: Head) -> str:
    place = f"{report.grounds.topics[head.role]}[{head.partition}]"
    if head.first_ms is None:
        return f"{place} holds nothing below offset {head.offset}"
    return f"{place} begins at offset {head.offset} ({shown_instant(head.first_ms)})"


def _total(report: Report, line: Line) -> str:
    """The equation of a line; shares that are nothing are left out, except `out` and `open`."""
    totals = report.verdict.totals
    shares = [(c, totals[line, c]) for c in _SHARES if totals[line, c] or c in (Column.OUT, Column.OPEN)]
    return f"{line:20} {totals[line, Column.IN]:,} in = " + " + ".join(f"{n:,} {c}" for c, n in shares)


def _topics(report: Report) -> str:
    read = report.gathered.records
    counts = ", ".join(f"{read[role]:,} on {report.grounds.topics[role]}" for role in read)
    return f"{'records read':20} {counts or 'none'}; {report.gathered.replayed:,} of them by replays"


def as_json(report: Report, listed: int) -> dict[str, Any]:
    """The same for programs; every difference, the oldest open ones."""
    totals = {
        line.value: {column.value: report.verdict.totals[line, column] for column in Column}
        | {"balances": not report.verdict.totals[line, Column.MISSING]}
        for line in Line
    }
    forgotten, until = _forgotten(report)
    return {
        "differences": [
            {"kind": d.kind, "entity": d.entity, "fact": d.fact, "sentence": d.sentence}
            for d in report.verdict.differences
        ],
        "open": [
            {"entity": item.entity, "stage": item.stage, "since": item.since or None}
            for item in _oldest(report, listed)
        ],
        "unlisted_differences": report.verdict.unlisted,
        "stages": dict(report.verdict.stages),
        "totals": totals,
        "waiting_arrivals": report.gathered.waiting,
        "beyond_horizon": [{"entity": entity, "clock": clock} for entity, clock in sorted(report.verdict.beyond)],
        "before_horizon": report.before_horizon,
        "beyond_retention": [
            {
                "topic": report.grounds.topics[head.role],
                "partition": head.partition,
                "offset": head.offset,
                "time": None if head.first_ms is None else shown_instant(head.first_ms),
            }
            for head in report.gathered.heads.cut
        ],
        "forgotten": {"rows": dict(forgotten), "until": until},
        "records": {report.grounds.topics[role]: count for role, count in report.gathered.records.items()},
        "replayed": report.gathered.replayed,
        "foreign": report.gathered.foreign,
        "unsettled": report.unsettled,
        "looks": report.looks,
        "horizon": report.grounds.horizon,
        "window": {"after": report.window.after, "before": report.window.before},
    }


def _age(report: Report, item: Open) -> str:
    if not item.since:
        return "since it was announced"
    seconds = int((report.at - datetime.fromisoformat(item.since)).total_seconds())
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"for {seconds // unit} {name} (since {item.since})"
    return f"for {max(seconds, 0)} s (since {item.since})"
