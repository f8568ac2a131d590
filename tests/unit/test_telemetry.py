"""Each fact is counted once, under bounded labels, and told where people want to know."""

import inspect
import re
from collections.abc import Callable

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from connector.metrics import NAMESPACE, OBSERVED, HookOutcome
from connector.telemetry import Telemetry

Fact = Callable[[Telemetry], None]
Sample = tuple[str, dict[str, str], float]
SECRETIVE = "import-4711"
NOT_SENT = {"outcome": "not_sent"}

COUNTED: list[tuple[str, Fact, list[Sample]]] = [
    ("arrivals_copied", lambda t: t.arrivals_copied(1), [("arrivals_copied_total", {}, 1)]),
    ("arrival_repeated", lambda t: t.arrival_repeated(), [("arrivals_total", {"outcome": "repeated"}, 1)]),
    ("arrival_forgotten", lambda t: t.arrival_forgotten(), [("arrivals_total", {"outcome": "forgotten"}, 1)]),
    ("arrival_skipped", lambda t: t.arrival_skipped(), [("arrivals_total", {"outcome": "skipped"}, 1)]),
    (
        "arrival_dead_lettered",
        lambda t: t.arrival_dead_lettered("fetch", SECRETIVE, "the host is not allowed"),
        [("arrivals_total", {"outcome": "dead_lettered"}, 1)],
    ),
    (
        "upload_finished",
        lambda t: t.upload_finished("accepted", 0.2, 1000, import_id=SECRETIVE),
        [
            ("uploads_total", {"outcome": "accepted"}, 1),
            ("upload_seconds_count", {}, 1),
            ("upload_bytes_total", {}, 1000),
        ],
    ),
    ("upload_not_sent", lambda t: t.upload_not_sent("again", import_id=SECRETIVE), [("uploads_total", NOT_SENT, 1)]),
    (
        "upload_resolved",
        lambda t: t.upload_resolved("found", import_id=SECRETIVE),
        [("uploads_resolved_total", {"how": "found"}, 1)],
    ),
    ("gather_finished", lambda t: t.gather_finished("void", 9), [("gathered_documents_sum", {"outcome": "void"}, 9)]),
    ("import_overdue", lambda t: t.import_overdue(SECRETIVE, "accepted"), [("imports_overdue_total", {}, 1)]),
    ("claimed", lambda t: t.claimed(3), [("claims_total", {"outcome": "claimed"}, 3)]),
    ("moved", lambda t: t.moved(7, 8198, 9, configured=False), [("moves_total", {"to": "other"}, 1)]),
    ("moved_out_of_reach", lambda t: t.moved_out_of_reach(7, 9), [("moves_total", {"to": "refused"}, 1)]),
    ("claim_failed", lambda t: t.claim_failed(7, "later"), [("claims_total", {"outcome": "failed"}, 1)]),
    ("state_lost", lambda t: t.state_lost(3, "damaged"), [("state_losses_total", {}, 1)]),
    ("twin", lambda t: t.twin("found", SECRETIVE, 7), [("twins_total", {"what": "found"}, 1)]),
    ("import_parked", lambda t: t.import_parked(SECRETIVE, 2, "", "", is_new=True), [("imports_parked_total", {}, 1)]),
    (
        "hook_received",
        lambda t: t.hook_received(HookOutcome.FORGED, 0.01),
        [("hooks_total", {"outcome": "forged"}, 1), ("hook_seconds_count", {}, 1)],
    ),
    ("hook_old", lambda t: t.hook_old(90_000.0, is_told=True), [("hooks_old_total", {}, 1)]),
    ("hook_drift", lambda t: t.hook_drift({"url"}), [("hook_drift", {"kind": "url"}, 1)]),
    (
        "hook_calls",
        lambda t: t.hook_calls(taken=3, lost=2),
        [("hook_calls_total", {"outcome": "taken"}, 3), ("hook_calls_total", {"outcome": "lost"}, 2)],
    ),
    ("hook_watch_failed", lambda t: t.hook_watch_failed("x"), [("hook_watch_failures_total", {}, 1)]),
    ("hints_written", lambda t: t.hints_written("sweep", 7), [("hints_written_total", {"via": "sweep"}, 7)]),
    (
        "hint_finished",
        lambda t: t.hint_finished("webhook", "known"),
        [("hints_finished_total", {"via": "webhook", "how": "known"}, 1)],
    ),
    (
        "first_seen",
        lambda t: t.first_seen("sweep", "annotation.captured"),
        [("first_seen_total", {"via": "sweep", "event": "annotation.captured"}, 1)],
    ),
    (
        "event_published",
        lambda t: t.event_published("annotation.captured", "annotations/4711", 1.5),
        [
            ("events_published_total", {"event": "annotation.captured"}, 1),
            ("event_latency_seconds_count", {}, 1),
            ("event_latency_seconds_sum", {}, 1.5),
        ],
    ),
    (
        "transaction_committed",
        lambda t: t.transaction_committed(0, 0.03, 2, 1, [("annotations/4711", SECRETIVE)]),
        [("transactions_total", {"outcome": "committed"}, 1), ("transaction_seconds_count", {}, 1)],
    ),
    ("transaction_failed", lambda t: t.transaction_failed(0, "x"), [("transactions_total", {"outcome": "failed"}, 1)]),
    (
        "sweep_pass",
        lambda t: t.sweep_pass("exported_at", (20, 3, 2), 0.5),
        [
            ("sweep_passes_total", {"clock": "exported_at"}, 1),
            ("sweep_annotations_total", {"clock": "exported_at"}, 20),
            ("sweep_recovered_total", {"clock": "exported_at"}, 2),
            ("sweep_pass_seconds_count", {"clock": "exported_at"}, 1),
        ],
    ),
    (
        "sweep_failed",
        lambda t: t.sweep_failed("exported_at", "Throttled"),
        [("sweep_failures_total", {"clock": "exported_at", "reason": "Throttled"}, 1)],
    ),
    (
        "api_call",
        lambda t: t.api_call("reads", ("GET", "annotations"), "200", 0.1),
        [
            ("api_calls_total", {"lane": "reads", "method": "GET", "endpoint": "annotations", "status": "200"}, 1),
            ("api_call_seconds_count", {"lane": "reads"}, 1),
        ],
    ),
    (
        "partition_ready",
        lambda t: t.partition_ready(0, 0.4, 10),
        [("partitions_ready", {}, 1), ("partition_open_seconds_count", {}, 1)],
    ),
    (
        "partition_ended",
        lambda t: t.partition_ended(0, "revoked"),
        [("partitions_lost_total", {"reason": "revoked"}, 1), ("partitions_ready", {}, -1)],
    ),
    ("rebalanced", lambda t: t.rebalanced(), [("rebalances_total", {}, 1)]),
    ("forgotten", lambda t: t.forgotten(["import"]), [("ledger_rows_forgotten_total", {"kind": "import"}, 1)]),
    ("trimmed", lambda t: t.trimmed(3), [("trims_total", {"outcome": "trimmed"}, 1)]),
    ("trim_failed", lambda t: t.trim_failed("x"), [("trims_total", {"outcome": "failed"}, 1)]),
    ("circuit", lambda t: t.circuit("rossum", open=True, reason="401"), [("circuit_open", {"circuit": "rossum"}, 1)]),
]
TOLD: list[tuple[str, Fact, str, str]] = [
    ("upload_started", lambda t: t.upload_started(SECRETIVE), "debug", "upload_started"),
    ("started", lambda t: t.started("http://h/hooks", "http://h"), "info", "started"),
    ("unmanaged", lambda t: t.unmanaged(), "warning", "kafka_unmanaged"),
    ("partition_assigned", lambda t: t.partition_assigned(0), "info", "partition_assigned"),
    ("partition_not_opened", lambda t: t.partition_not_opened(0, "x"), "warning", "partition_not_opened"),
    ("records_lost", lambda t: t.records_lost("work", "topic[3]", range(5, 9), "x"), "error", "records_lost"),
    ("failed_unexpectedly", lambda t: t.failed_unexpectedly("here", KeyError("k")), "error", "unexpected_error"),
]
#: Facts that do both, and what they say.
BOTH = {
    "state_lost": ("warning", "state_lost"),
    "claim_failed": ("warning", "claim_failed"),
    "moved": ("warning", "annotation_moved"),
    "moved_out_of_reach": ("warning", "annotation_out_of_reach"),
    "arrival_dead_lettered": ("warning", "import_failed"),
    "upload_finished": ("info", "upload_finished"),
    "upload_not_sent": ("info", "upload_not_sent"),
    "upload_resolved": ("info", "upload_resolved"),
    "import_parked": ("info", "import_parked"),
    "gather_finished": ("info", "gather_finished"),
    "import_overdue": ("warning", "import_overdue"),
    "twin": ("warning", "import_twin"),
    "event_published": ("debug", "event_published"),
    "transaction_committed": ("info", "published"),
    "transaction_failed": ("warning", "transaction_failed"),
    "sweep_pass": ("info", "sweep_pass"),
    "sweep_failed": ("warning", "sweep_failed"),
    "partition_ready": ("info", "partition_ready"),
    "partition_ended": ("info", "partition_ended"),
    "rebalanced": ("info", "rebalance"),
    "hook_old": ("warning", "webhook_old"),
    "hook_drift": ("warning", "hook_drift"),
    "hook_calls": ("warning", "webhooks_lost"),
    "hook_watch_failed": ("warning", "hook_watch_failed"),
    "trimmed": ("debug", "trimmed"),
    "trim_failed": ("warning", "trim_failed"),
    "circuit": ("warning", "circuit_open"),
}
NO_FACTS = {"observe", "described", "collect", "describe"}


def value_of(telemetry: Telemetry, name: str, labels: dict[str, str]) -> float:
    """A sample as `/metrics` shows it; 0 where there is none."""
    return telemetry.registry.get_sample_value(f"{NAMESPACE}_{name}", labels) or 0.0


@pytest.mark.parametrize(("fact", "samples"), [case[1:] for case in COUNTED], ids=[case[0] for case in COUNTED])
def test_a_fact_is_counted_once(fact: Fact, samples: list[Sample]) -> None:
    """Each metric that stands for it moves by as much as happened."""
    telemetry = Telemetry()

    fact(telemetry)

    assert [(name, labels, value_of(telemetry, name, labels)) for name, labels, _ in samples] == samples


@pytest.mark.parametrize(("fact", "level", "event"), [case[1:] for case in TOLD], ids=[case[0] for case in TOLD])
def test_a_fact_is_told_once(fact: Fact, level: str, event: str) -> None:
    """One line, at its level."""
    with capture_logs() as lines:
        fact(Telemetry())

    assert [(line["log_level"], line["event"]) for line in lines] == [(level, event)]


@pytest.mark.parametrize(("name", "fact"), [case[:2] for case in COUNTED], ids=[case[0] for case in COUNTED])
def test_a_counted_fact_is_told_where_people_want_to_know(name: str, fact: Fact) -> None:
    """Hot facts are silent, the others have exactly one line."""
    with capture_logs() as lines:
        fact(Telemetry())

    assert [(line["log_level"], line["event"]) for line in lines] == ([BOTH[name]] if name in BOTH else [])


def test_every_fact_is_in_these_tables() -> None:
    """A fact that nobody checks is no fact."""
    methods = {name for name, _ in inspect.getmembers(Telemetry, inspect.isfunction) if not name.startswith("_")}

    assert methods - NO_FACTS == {case[0] for case in COUNTED} | {case[0] for case in TOLD}


def test_ids_are_never_labels() -> None:
    """What has no bound would fill the memory of whoever collects the metrics."""
    telemetry = Telemetry()
    for _, fact, _ in COUNTED:
        fact(telemetry)

    labels = re.findall(rb"\{(.*)\}", generate_latest(telemetry.registry))
    assert labels
    assert not [text for text in labels if b"4711" in text or SECRETIVE.encode() in text]


def test_an_upload_that_failed_adds_no_bytes() -> None:
    """Only what Rossum has taken counts."""
    telemetry = Telemetry()

    telemetry.upload_finished("again", 0.1, 1000, import_id=SECRETIVE)

    assert value_of(telemetry, "upload_bytes_total", {}) == 0


def test_a_fact_of_the_future_has_no_negative_latency() -> None:
    """Rossum's clock may be ahead of ours."""
    telemetry = Telemetry()

    telemetry.event_published("annotation.captured", "annotations/1", -5.0)

    assert value_of(telemetry, "event_latency_seconds_sum", {}) == 0


def test_a_closed_circuit_is_zero_again() -> None:
    """The gauge follows."""
    telemetry = Telemetry()
    telemetry.circuit("rossum", open=True, reason="401")

    telemetry.circuit("rossum", open=False, reason="answered")

    assert value_of(telemetry, "circuit_open", {"circuit": "rossum"}) == 0


def test_an_observed_gauge_is_read_when_somebody_looks() -> None:
    """Its value is that of the moment, not of the registration."""
    telemetry = Telemetry()
    lag: dict[tuple[str, ...], float] = {("work", "0"): 1.0}
    telemetry.observe("consumer_lag", lambda: lag)

    lag[("work", "0")] = 5.0

    assert value_of(telemetry, "consumer_lag", {"topic": "work", "partition": "0"}) == 5


def test_every_outcome_of_a_webhook_is_there_before_the_first() -> None:
    """An alert on the first forged one needs the zero before it."""
    shown = generate_latest(Telemetry().registry).decode()

    assert all(f'{NAMESPACE}_hooks_total{{outcome="{outcome}"}} 0.0' in shown for outcome in HookOutcome)


def test_memory_and_descriptors_of_the_process_are_shown() -> None:
    """Under the names that every dashboard knows."""
    registry = Telemetry().registry

    assert (registry.get_sample_value("process_resident_memory_bytes") or 0) > 1_000_000
    assert (registry.get_sample_value("process_open_fds") or 0) > 0


def test_registries_are_apart() -> None:
    """Two connectors in one process count for themselves."""
    one, other = Telemetry(), Telemetry()

    one.rebalanced()

    assert value_of(other, "rebalances_total", {}) == 0


def test_what_is_described_is_what_is_shown() -> None:
    """The documentation's list has every metric, counters with their ending, and each has a text."""
    telemetry = Telemetry()
    for name in OBSERVED:
        telemetry.observe(name, dict)

    described = {name: kind for name, kind, _, _ in Telemetry.described()}
    names = {family.name for family in telemetry.registry.collect()}
    shown = {name.removeprefix(f"{NAMESPACE}_") for name in names if not name.startswith("process_")}
    assert all(name.startswith((f"{NAMESPACE}_", "process_")) for name in names)
    assert {name.removesuffix("_total") for name in described} == shown
    assert all(name.endswith("_total") for name, kind in described.items() if kind == "counter")
    assert all(text for _, _, _, text in Telemetry.described())
