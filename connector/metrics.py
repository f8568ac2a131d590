"""Every metric of the product, in one place, and which of them are read when somebody looks."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

NAMESPACE = "rossum_connector"
#: What is read with committed offsets, and may lose its beginning before that.
LOGS = ("arrived", "imports", "work")
_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
#: Documents of one upload.
_COUNTS = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


class HookOutcome(StrEnum):
    """What became of a request to the webhook port."""

    ACCEPTED = "accepted"
    DROPPED = "dropped"
    OTHER_QUEUE = "other_queue"
    FORGED = "forged"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    SLOW = "slow"
    CUT_OFF = "cut_off"
    UNAVAILABLE = "unavailable"
    NOT_ALLOWED = "not_allowed"
    NOT_FOUND = "not_found"
    FAILED = "failed"


#: Gauges that are read from the running parts when somebody looks: labels and text.
OBSERVED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "undecided": ((), "Annotations that wait for a decision."),
    "open_entities": (("kind",), "Imports and annotations not at rest."),
    "oldest_open_seconds": (("kind",), "Age of the oldest open one."),
    "oldest_unfinished_seconds": (("log",), "Age of the oldest unfinished message."),
    "consumer_lag": (("topic", "partition"), "Messages behind the end of arrivals or of an inner log."),
    "intake_paused": ((), "1 while somebody holds back new arrivals."),
    "parked_imports": ((), "Imports that wait parked."),
    "ambiguous_imports": ((), "Imports that a person must decide."),
    "ledger_rows": ((), "Rows in the state of this replica."),
    "api_budget_waiting": (("lane",), "Calls that wait for the API budget."),
    "api_budget_rate": ((), "Calls a second that the budget allows this replica now; 0 = no limit."),
    "push_loss_ratio": ((), "Part of the last facts that no webhook announced, 0 to 1."),
    "api_budget_paused_seconds": ((), "Seconds until Rossum may be called again."),
}


def short_name(metric: Counter | Gauge | Histogram) -> str:
    """A metric's name as the reference shows it: without the namespace, counters with their ending."""
    name = metric._name.removeprefix(f"{NAMESPACE}_")  # noqa: SLF001 - as told below
    return f"{name}_total" if isinstance(metric, Counter) else name


_Metric = TypeVar("_Metric", Counter, Gauge, Histogram)


def _quick(metric: _Metric) -> _Metric:
    """Finds its children by one look-up: the library's way takes longer than counting, and labels are bounded sets."""
    metric.labels = cache(metric.labels)  # type: ignore[method-assign] # of this one object
    return metric


class _Maker:
    """Makes metrics of one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        return _quick(Counter(name, text, labels, namespace=NAMESPACE, registry=self._registry))

    def histogram(self, name: str, text: str, *labels: str, buckets: tuple[float, ...] = _FAST) -> Histogram:
        return _quick(Histogram(name, text, labels, namespace=NAMESPACE, registry=self._registry, buckets=buckets))

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return _quick(Gauge(name, text, labels, namespace=NAMESPACE, registry=self._registry))


class Metrics:
    """Every metric, in one place."""

    def __init__(self, registry: CollectorRegistry) -> None:
        make = _Maker(registry)
        self._imports(make)
        self._hooks(make)
        self._events(make)
        self._sweeps_and_calls(make)
        self._ownership(make)

    def _imports(self, make: _Maker) -> None:
        self.copied = make.counter("arrivals_copied_total", "Arrivals copied to the inner log.")
        self.records_lost = make.counter("records_lost_total", "Offsets deleted before they were read.", "log")
        for log in LOGS:
            # As below: for an alert on the first one.
            self.records_lost.labels(log)
        self.arrivals = make.counter(
            "arrivals_total", "Arrivals that led to nothing or failed, by what became of them.", "outcome"
        )
        self.uploads = make.counter(
            "uploads_total", "Uploads by outcome; `not_sent` = ended before its upload was started.", "outcome"
        )
        self.upload_seconds = make.histogram(
            "upload_seconds", "From an upload's start to its end, with the wait for the API budget.", buckets=_SLOW
        )
        self.upload_bytes = make.counter("upload_bytes_total", "Bytes of accepted uploads, where the size is known.")
        self.resolved = make.counter(
            "uploads_resolved_total", "Uploads with an unknown outcome, by how it was found.", "how"
        )
        self.gathered = make.histogram(
            "gathered_documents", "Documents of uploads of several, by outcome.", "outcome", buckets=_COUNTS
        )
        self.overdue = make.counter("imports_overdue_total", "Imports without an end at IMPORTS__DEADLINE.")
        self.twins = make.counter("twins_total", "Twins of imports by what became of them.", "what")
        self.parked = make.counter("imports_parked_total", "Imports that began to wait parked.")

    def _hooks(self, make: _Maker) -> None:
        self.hooks = make.counter("hooks_total", "Webhook requests by outcome.", "outcome")
        for outcome in HookOutcome:
            # There from the start: an alert on the first one needs the zero before it.
            self.hooks.labels(outcome)
        self.hooks_old = make.counter("hooks_old_total", "Genuine webhooks more than a day old: replays.")
        self.hook_seconds = make.histogram("hook_seconds", "Webhook request to answer.")
        self.hook_drift = make.gauge("hook_drift", "1 where Rossum's hook is not as it should be.", "kind")
        self.hook_calls = make.counter("hook_calls_total", "Calls in Rossum's own log of the hook.", "outcome")
        self.hook_watch_failures = make.counter("hook_watch_failures_total", "Looks at Rossum's hook that failed.")

    def _events(self, make: _Maker) -> None:
        self.hints = make.counter("hints_written_total", "Hints written to the inner log.", "via")
        self.hints_done = make.counter("hints_finished_total", "Hints by how they ended.", "via", "how")
        self.first_seen = make.counter(
            "first_seen_total",
            "Facts by who announced them first; via=sweep are lost or late webhooks.",
            "via",
            "event",
        )
        self.events = make.counter("events_published_total", "Events published, committed.", "event")
        self.latency = make.histogram("event_latency_seconds", "Rossum's clock of a fact to its commit.", buckets=_SLOW)
        self.transactions = make.counter("transactions_total", "Transactions by outcome.", "outcome")
        self.transaction_seconds = make.histogram("transaction_seconds", "Duration of transactions.")

    def _sweeps_and_calls(self, make: _Maker) -> None:
        self.passes = make.counter("sweep_passes_total", "Complete sweep passes.", "clock")
        self.sweep_seen = make.counter("sweep_annotations_total", "Annotations listed by sweeps.", "clock")
        self.sweep_recovered = make.counter("sweep_recovered_total", "Facts that only sweeps had announced.", "clock")
        self.sweep_seconds = make.histogram("sweep_pass_seconds", "Duration of sweep passes.", "clock", buckets=_SLOW)
        self.sweep_failures = make.counter("sweep_failures_total", "Sweep passes that failed.", "clock", "reason")
        self.api = make.counter("api_calls_total", "Calls of Rossum's API.", "lane", "method", "endpoint", "status")
        self.api_seconds = make.histogram("api_call_seconds", "Duration of API calls.", "lane", buckets=_SLOW)

    def _ownership(self, make: _Maker) -> None:
        self.partitions = make.gauge("partitions_ready", "Work partitions owned and ready.")
        self.lost = make.counter("partitions_lost_total", "Work partitions given up.", "reason")
        self.restore_seconds = make.histogram(
            "partition_open_seconds",
            "Duration of a partition's opening, without failed tries before it.",
            buckets=_SLOW,
        )
        self.moves = make.counter(
            "moves_total",
            "Annotations seen in another queue than before: `configured`, `other` (nobody sweeps it), or `refused` (a "
            "queue whose captured data Rossum does not give us; each look counts).",
            "to",
        )
        self.claims = make.counter(
            "claims_total", "Claims of confirmed annotations of CAPTURE__CLAIM_QUEUES.", "outcome"
        )
        self.state_losses = make.counter("state_losses_total", "Local states thrown away: rebuilt, or kept in memory.")
        self.forgotten = make.counter("ledger_rows_forgotten_total", "Rows removed after STATE__RETENTION.", "kind")
        self.trims = make.counter("trims_total", "Trimmings of the inner logs by outcome.", "outcome")
        self.rebalances = make.counter("rebalances_total", "Rebalances of the consumer group.")
        self.circuits = make.gauge("circuit_open", "1 while a circuit is open.", "circuit")
