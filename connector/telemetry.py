"""Telemetry is a list of named facts: each method says what happened, counts it and, where people want it, logs it.

Nothing else in the product touches metrics or logs of its flows. Labels are bounded sets, never ids or messages.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from connector.metrics import NAMESPACE, OBSERVED, HookOutcome, Metrics, short_name

#: Subjects of one transaction that its line names.
SUBJECTS_TOLD = 20


class Telemetry(Collector):
    """See the module; `registry` is what `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._m = Metrics(self.registry)
        self._log = structlog.get_logger("rossum_connector")
        self._gauges: dict[str, tuple[tuple[str, ...], str, Callable[[], Mapping[tuple[str, ...], float]]]] = {}
        self._drifted: frozenset[str] = frozenset()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def observe(self, name: str, read: Callable[[], Mapping[tuple[str, ...], float]]) -> None:
        """A gauge of :data:`OBSERVED`, read when somebody looks: values by label values."""
        self._gauges[f"{NAMESPACE}_{name}"] = (*OBSERVED[name], read)

    @classmethod
    def described(cls) -> list[tuple[str, str, tuple[str, ...], str]]:
        """Every metric: name without the namespace, kind, labels, text."""
        metrics = vars(Metrics(CollectorRegistry())).values()
        fixed = [(short_name(metric), metric._type, metric._labelnames, metric._documentation) for metric in metrics]  # noqa: SLF001 - the library tells its metrics' texts nowhere else
        observed = [(name, "gauge", labels, text) for name, (labels, text) in OBSERVED.items()]
        return sorted(fixed + observed)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The observed gauges, for Prometheus."""
        for name, (labels, text, read) in self._gauges.items():
            family = GaugeMetricFamily(name, text, labels=labels)
            for values, number in read().items():
                family.add_metric(list(values), number)
            yield family

    # --- arrivals and imports --------------------------------------------------------------------------------

    def arrivals_copied(self, count: int) -> None:
        """Arrivals were copied to the inner log."""
        self._m.copied.inc(count)

    def records_lost(self, log: str, place: str, offsets: range, remedy: str) -> None:
        """These offsets, from the committed one to where the log begins, were deleted before they were read."""
        self._m.records_lost.labels(log).inc(len(offsets))
        self._log.error("records_lost", place=place, committed=offsets.start, begins=offsets.stop, remedy=remedy)

    def arrival_repeated(self) -> None:
        """An arrival was announced before."""
        self._m.arrivals.labels("repeated").inc()

    def arrival_skipped(self) -> None:
        """An arrival without a value, or a record that is not ours, was passed over."""
        self._m.arrivals.labels("skipped").inc()

    def arrival_forgotten(self) -> None:
        """An arrival came again after the row of its import was forgotten."""
        self._m.arrivals.labels("forgotten").inc()

    def arrival_dead_lettered(self, reason: str, import_id: str, sentence: str) -> None:
        """An import failed for good."""
        self._m.arrivals.labels("dead_lettered").inc()
        self._log.warning("import_failed", import_id=import_id, stage=reason, reason=sentence)

    def upload_started(self, import_id: str) -> None:
        """The intent is committed, bytes leave now."""
        self._log.debug("upload_started", import_id=import_id)

    def upload_finished(self, outcome: str, seconds: float, size: int | None, *, import_id: str) -> None:
        """An upload has ended."""
        self._m.uploads.labels(outcome).inc()
        self._m.upload_seconds.observe(seconds)
        if outcome == "accepted" and size:
            self._m.upload_bytes.inc(size)
        self._log.info("upload_finished", import_id=import_id, outcome=outcome, seconds=round(seconds, 3))

    def upload_not_sent(self, outcome: str, *, import_id: str) -> None:
        """An attempt has ended before its upload was started."""
        self._m.uploads.labels("not_sent").inc()
        self._log.info("upload_not_sent", import_id=import_id, outcome=outcome)

    def gather_finished(self, outcome: str, documents: int) -> None:
        """One upload of several documents has ended."""
        self._m.gathered.labels(outcome).observe(documents)
        self._log.info("gather_finished", outcome=outcome, documents=documents)

    def upload_resolved(self, how: str, *, import_id: str) -> None:
        """An unknown outcome became known (or certainly never will)."""
        self._m.resolved.labels(how).inc()
        self._log.info("upload_resolved", import_id=import_id, how=how)

    def import_overdue(self, import_id: str, stage: str) -> None:
        """An import has had no end for longer than `IMPORTS__DEADLINE`."""
        self._m.overdue.inc()
        self._log.warning("import_overdue", import_id=import_id, stage=stage)

    def twin(self, what: str, import_id: str, document: int) -> None:
        """A twin was found, or something was done about it."""
        self._m.twins.labels(what).inc()
        self._log.warning("import_twin", import_id=import_id, document=document, what=what)

    def import_parked(self, import_id: str, attempt: int, due: str, reason: str, *, is_new: bool) -> None:
        """An import waits longer than its offset may; counted where it did not wait so before."""
        self._m.parked.inc(is_new)
        self._log.info("import_parked", import_id=import_id, attempt=attempt, due=due, reason=reason)

    # --- hints and events ------------------------------------------------------------------------------------

    def hook_received(self, outcome: HookOutcome, seconds: float) -> None:
        """A webhook was answered."""
        self._m.hooks.labels(outcome).inc()
        self._m.hook_seconds.observe(seconds)

    def hook_old(self, age: float, *, is_told: bool) -> None:
        """A genuine webhook was made so many seconds ago; not each of a flood is told."""
        self._m.hooks_old.inc()
        if is_told:
            remedy = "a replay does no harm; if these are no replays, look at the clocks and at what delays webhooks"
            self._log.warning("webhook_old", age_seconds=round(age), remedy=remedy)

    def hook_drift(self, kinds: Iterable[str], *, is_seen: bool = True) -> None:
        """`kinds` of :class:`connector.domain.hook_plan.Drift`, none when all is well or another replica looks now."""
        drifted = frozenset(kinds)
        for kind in self._drifted | drifted:
            self._m.hook_drift.labels(kind).set(kind in drifted)
        if is_seen and drifted != self._drifted:
            log = self._log.warning if drifted else self._log.info
            log("hook_drift", kinds=sorted(drifted), remedy="rossum-connector hooks plan" if drifted else None)
        self._drifted = drifted

    def hook_calls(self, *, taken: int, lost: int) -> None:
        """Rossum's log of the hook was read: so many new calls."""
        self._m.hook_calls.labels("taken").inc(taken)
        self._m.hook_calls.labels("lost").inc(lost)
        if lost:
            self._log.warning("webhooks_lost", lost=lost, taken=taken)

    def hook_watch_failed(self, sentence: str) -> None:
        """Rossum's hook could not be looked at."""
        self._m.hook_watch_failures.inc()
        self._log.warning("hook_watch_failed", reason=sentence)

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
        self._log.debug("event_published", event_name=name, subject=subject)

    def transaction_committed(
        self, partition: int, seconds: float, records: int, rows: int, subjects: Iterable[tuple[str, str]]
    ) -> None:
        """A transaction is committed; one line tells of the first of its `subjects`, with their document keys."""
        self._m.transactions.labels("committed").inc()
        self._m.transaction_seconds.observe(seconds)
        if records:
            told = dict(islice(subjects, SUBJECTS_TOLD))
            self._log.info("published", partition=partition, records=records, rows=rows, subjects=told)

    def transaction_failed(self, partition: int, sentence: str) -> None:
        """A transaction failed or its outcome is unknown."""
        self._m.transactions.labels("failed").inc()
        self._log.warning("transaction_failed", partition=partition, reason=sentence)

    def moved(self, annotation: int, before: int, queue: int, *, configured: bool) -> None:
        """An annotation is in another queue than before; one that is not configured is nobody's to sweep."""
        self._m.moves.labels("configured" if configured else "other").inc()
        log = self._log.info if configured else self._log.warning
        remedy = None if configured else "add it to ROSSUM__QUEUES to have its annotations swept"
        log("annotation_moved", annotation=annotation, before=before, queue=queue, remedy=remedy)

    def moved_out_of_reach(self, annotation: int, queue: int) -> None:
        """An annotation is in a queue that is not configured, and Rossum refuses us its captured data."""
        self._m.moves.labels("refused").inc()
        remedy = "give the user of the token access to it, or move the annotation back"
        self._log.warning("annotation_out_of_reach", annotation=annotation, queue=queue, remedy=remedy)

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

    def unmanaged(self) -> None:
        """`KAFKA__MANAGED=false`: what the connector can't check or do on this broker."""
        off = ("topic checks", "check of the ledger's end", "trimming")
        self._log.warning("kafka_unmanaged", off=off, limits="one replica, at-least-once")

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

    def state_lost(self, partition: int | None, sentence: str) -> None:
        """Local state was thrown away and is rebuilt from the ledger; with None the disk is not used any more."""
        self._m.state_losses.inc()
        self._log.warning("state_lost", partition=partition, reason=sentence)

    def forgotten(self, kinds: Iterable[str]) -> None:
        """Rows that ended longer ago than `STATE__RETENTION` were removed from the ledger."""
        for kind in kinds:
            self._m.forgotten.labels(kind).inc()

    def claimed(self, annotations: int) -> None:
        """So many confirmed annotations are exported in Rossum now, by us."""
        self._m.claims.labels("claimed").inc(annotations)

    def claim_failed(self, annotation: int, sentence: str) -> None:
        """An annotation could not be claimed now; it is tried when it is read again."""
        self._m.claims.labels("failed").inc()
        self._log.warning("claim_failed", annotation=annotation, reason=sentence)

    def trimmed(self, partitions: int) -> None:
        """Finished records of so many partitions of the inner logs were deleted."""
        self._m.trims.labels("trimmed").inc()
        self._log.debug("trimmed", partitions=partitions)

    def trim_failed(self, sentence: str) -> None:
        """Finished records could not be deleted; they are kept until a later time."""
        self._m.trims.labels("failed").inc()
        self._log.warning("trim_failed", reason=sentence)

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
