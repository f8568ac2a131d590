"""Telemetry is a list of named facts: each method says what happened, counts it and, where people want it, logs it.

Nothing else in the product touches metrics or logs of its flows. Labels are bounded sets, never ids or messages.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

NAMESPACE = "rossum_connector"
_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


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
    "consumer_lag": (("topic", "partition"), "Messages behind the end of an inner log."),
    "intake_paused": ((), "1 while somebody holds back new arrivals."),
    "parked_imports": ((), "Imports that wait parked."),
    "ambiguous_imports": ((), "Imports that a person must decide."),
    "ledger_rows": ((), "Rows in the state of this replica."),
    "api_budget_waiting": (("lane",), "Calls that wait for the API budget."),
    "api_budget_rate": ((), "Calls a second that the budget allows this replica now; 0 = no limit."),
    "api_budget_paused_seconds": ((), "Seconds until Rossum may be called again."),
}


def _short(metric: Counter | Gauge | Histogram) -> str:
    name = metric._name.removeprefix(f"{NAMESPACE}_")  # noqa: SLF001 - as told below
    return f"{name}_total" if isinstance(metric, Counter) else name


class _Metrics:
    """Every metric, in one place."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, namespace=NAMESPACE, registry=registry)

        def histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = _FAST) -> Histogram:
            return Histogram(name, text, labels, namespace=NAMESPACE, registry=registry, buckets=buckets)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, namespace=NAMESPACE, registry=registry)

        self.copied = counter("arrivals_copied_total", "Arrivals copied to the inner log.")
        self.arrivals = counter("arrivals_total", "Arrivals by what became of them at once.", "outcome")
        self.uploads = counter("uploads_total", "Upload attempts by outcome.", "outcome")
        self.upload_seconds = histogram("upload_seconds", "Duration of upload attempts.", buckets=_SLOW)
        self.upload_bytes = counter("upload_bytes_total", "Bytes of accepted uploads, where the size is known.")
        self.resolved = counter(
            "uploads_resolved_total", "Uploads with an unknown outcome, by how it was found.", "how"
        )
        self.parked = counter("imports_parked_total", "Imports parked for later.")
        self.hooks = counter("hooks_total", "Webhook requests by outcome.", "outcome")
        for outcome in HookOutcome:
            # There from the start: an alert on the first one needs the zero before it.
            self.hooks.labels(outcome)
        self.hooks_old = counter("hooks_old_total", "Genuine webhooks more than a day old: replays.")
        self.hook_seconds = histogram("hook_seconds", "Webhook request to answer.")
        self.hints = counter("hints_written_total", "Hints written to the inner log.", "via")
        self.hints_done = counter("hints_finished_total", "Hints by how they ended.", "via", "how")
        self.first_seen = counter(
            "first_seen_total",
            "Facts by who announced them first; via=sweep are lost or late webhooks.",
            "via",
            "event",
        )
        self.events = counter("events_published_total", "Events published, committed.", "event")
        self.latency = histogram("event_latency_seconds", "Rossum's clock of a fact to its commit.", buckets=_SLOW)
        self.transactions = counter("transactions_total", "Transactions by outcome.", "outcome")
        self.transaction_seconds = histogram("transaction_seconds", "Duration of transactions.")
        self.passes = counter("sweep_passes_total", "Complete sweep passes.", "clock")
        self.sweep_seen = counter("sweep_annotations_total", "Annotations listed by sweeps.", "clock")
        self.sweep_recovered = counter("sweep_recovered_total", "Facts that only sweeps had announced.", "clock")
        self.sweep_seconds = histogram("sweep_pass_seconds", "Duration of sweep passes.", "clock", buckets=_SLOW)
        self.sweep_failures = counter("sweep_failures_total", "Sweep passes that failed.", "clock", "reason")
        self.api = counter("api_calls_total", "Calls of Rossum's API.", "lane", "method", "endpoint", "status")
        self.api_seconds = histogram("api_call_seconds", "Duration of API calls.", "lane", buckets=_SLOW)
        self.partitions = gauge("partitions_ready", "Work partitions owned and ready.")
        self.lost = counter("partitions_lost_total", "Work partitions given up.", "reason")
        self.restore_seconds = histogram("partition_open_seconds", "From assignment to ready.", buckets=_SLOW)
        self.rebalances = counter("rebalances_total", "Rebalances of the consumer group.")
        self.circuits = gauge("circuit_open", "1 while a circuit is open.", "circuit")


class Telemetry(Collector):
    """See the module; `registry` is what `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._m = _Metrics(self.registry)
        self._log = structlog.get_logger("rossum_connector")
        self._gauges: dict[str, tuple[str, tuple[str, ...], Callable[[], Mapping[tuple[str, ...], float]]]] = {}
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def observe(self, name: str, read: Callable[[], Mapping[tuple[str, ...], float]]) -> None:
        """A gauge of :data:`OBSERVED`, read when somebody looks: values by label values."""
        labels, text = OBSERVED[name]
        self._gauges[f"{NAMESPACE}_{name}"] = (text, labels, read)

    @classmethod
    def described(cls) -> list[tuple[str, str, tuple[str, ...], str]]:
        """Every metric: name without the namespace, kind, labels, text."""
        metrics = vars(_Metrics(CollectorRegistry())).values()
        fixed = [(_short(metric), metric._type, metric._labelnames, metric._documentation) for metric in metrics]  # noqa: SLF001 - the library tells its metrics' texts nowhere else
        observed = [(name, "gauge", labels, text) for name, (labels, text) in OBSERVED.items()]
        return sorted(fixed + observed)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The observed gauges, for Prometheus."""
        for name, (text, labels, read) in self._gauges.items():
            family = GaugeMetricFamily(name, text, labels=labels)
            for values, number in read().items():
                family.add_metric(list(values), number)
            yield family

    # --- arrivals and imports --------------------------------------------------------------------------------

    def arrival_copied(self, partition: int) -> None:
        """An arrival was copied to the inner log."""
        del partition
        self._m.copied.inc()

    def arrival_repeated(self) -> None:
        """An arrival was announced before."""
        self._m.arrivals.labels("repeated").inc()

    def arrival_skipped(self) -> None:
        """An arrival without a value, or a record that is not ours, was passed over."""
        self._m.arrivals.labels("skipped").inc()

    def arrival_dead_lettered(self, reason: str, import_id: str, sentence: str) -> None:
        """An import failed for good."""
        self._m.arrivals.labels("dead_lettered").inc()
        self._log.warning("import_failed", import_id=import_id, stage=reason, reason=sentence)

    def upload_started(self, import_id: str) -> None:
        """The intent is committed, bytes leave now."""
        self._log.debug("upload_started", import_id=import_id)

    def upload_finished(self, outcome: str, seconds: float, size: int | None, *, import_id: str) -> None:
        """An attempt has ended."""
        self._m.uploads.labels(outcome).inc()
        self._m.upload_seconds.observe(seconds)
        if outcome == "accepted" and size:
            self._m.upload_bytes.inc(size)
        self._log.info("upload_finished", import_id=import_id, outcome=outcome, seconds=round(seconds, 3))

    def upload_resolved(self, how: str, *, import_id: str) -> None:
        """An unknown outcome became known (or certainly never will)."""
        self._m.resolved.labels(how).inc()
        self._log.info("upload_resolved", import_id=import_id, how=how)

    def import_parked(self, import_id: str, attempt: int, due: str, reason: str) -> None:
        """An import waits longer than its offset may."""
        self._m.parked.inc()
        self._log.info("import_parked", import_id=import_id, attempt=attempt, due=due, reason=reason)

    # --- hints and events ------------------------------------------------------------------------------------

    def hook_received(self, outcome: HookOutcome, seconds: float) -> None:
        """A webhook was answered."""
        self._m.hooks.labels(outcome).inc()
        self._m.hook_seconds.observe(seconds)

    def hook_old(self) -> None:
        """A genuine webhook was made long ago."""
        self._m.hooks_old.inc()

    def hints_written(self, via: str, count: int) -> None:
        """Hints are acknowledged by Kafka."""
        self._m.hints.labels(via).inc(count)

    def hint_finished(self, via: str, how: str) -> None:
        """A hint is decided."""
        self._m.hints_done.labels(via, how).inc()

    def first_seen(self, via: str, event: str) -> None:
        """A fact became an event, and who announced it first."""
        self._m.first_seen.labels(via, event).inc()

    def event_published(self, name: str, subject: str, seconds: float | None) -> None:
        """An event is committed; `seconds` since Rossum's clock of the fact."""
        self._m.events.labels(name).inc()
        if seconds is not None:
            self._m.latency.observe(max(seconds, 0.0))
        self._log.info("event_published", event_name=name, subject=subject)

    def transaction_committed(self, partition: int, seconds: float, records: int, rows: int) -> None:
        """A transaction of one partition is committed."""
        del partition, records, rows
        self._m.transactions.labels("committed").inc()
        self._m.transaction_seconds.observe(seconds)

    def transaction_failed(self, partition: int, reason: str) -> None:
        """A transaction failed or its outcome is unknown."""
        self._m.transactions.labels("failed").inc()
        self._log.warning("transaction_failed", partition=partition, reason=reason)

    # --- sweeps and the API ----------------------------------------------------------------------------------

    def sweep_pass(self, clock: str, counts: tuple[int, int, int], seconds: float) -> None:
        """A pass is complete; counts are seen, new, recovered."""
        seen, new, recovered = counts
        self._m.passes.labels(clock).inc()
        self._m.sweep_seen.labels(clock).inc(seen)
        self._m.sweep_recovered.labels(clock).inc(recovered)
        self._m.sweep_seconds.labels(clock).observe(seconds)
        if new or recovered:
            self._log.info("sweep_pass", clock=clock, seen=seen, new=new, recovered=recovered)

    def sweep_failed(self, clock: str, reason: str) -> None:
        """A pass could not be completed; it goes on later."""
        self._m.sweep_failures.labels(clock, reason).inc()
        self._log.warning("sweep_failed", clock=clock, reason=reason)

    def api_call(self, lane: str, route: tuple[str, str], status: str, seconds: float) -> None:
        """Rossum answered (or did not: status `none`); `route` is method and endpoint."""
        self._m.api.labels(lane, *route, status).inc()
        self._m.api_seconds.labels(lane).observe(seconds)

    # --- ownership -------------------------------------------------------------------------------------------

    def started(self, webhook_url: str, ops_url: str) -> None:
        """The connector listens."""
        self._log.info("started", webhook_url=webhook_url, ops_url=ops_url)

    def partition_assigned(self, partition: int) -> None:
        """A work partition is ours; it is being opened."""
        self._log.info("partition_assigned", partition=partition)

    def partition_ready(self, partition: int, seconds: float, rows: int) -> None:
        """A work partition is restored and works."""
        self._m.partitions.inc()
        self._m.restore_seconds.observe(seconds)
        self._log.info("partition_ready", partition=partition, seconds=round(seconds, 3), rows=rows)

    def partition_ended(self, partition: int, reason: str, sentence: str = "") -> None:
        """A ready partition stopped working."""
        self._m.partitions.dec()
        self._m.lost.labels(reason).inc()
        self._log.info("partition_ended", partition=partition, reason=reason, sentence=sentence)

    def partition_not_opened(self, partition: int, sentence: str) -> None:
        """A partition could not be opened now; it is tried again."""
        self._log.warning("partition_not_opened", partition=partition, reason=sentence)

    def rebalanced(self) -> None:
        """The group is joining again."""
        self._m.rebalances.inc()
        self._log.info("rebalance")

    def circuit(self, name: str, *, open: bool, reason: str) -> None:  # noqa: A002 - the field's own word
        """A circuit opened or closed."""
        self._m.circuits.labels(name).set(open)
        log = self._log.warning if open else self._log.info
        log("circuit_open" if open else "circuit_closed", circuit=name, reason=reason)

    def failed_unexpectedly(self, where: str, error: BaseException) -> None:
        """A defect of ours surfaced; what it touched starts afresh."""
        self._log.error("unexpected_error", where=where, error=type(error).__name__, exc_info=error)
