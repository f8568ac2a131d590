"""Intake of webhooks - HMAC, parse, Kafka with acks=all, 2xx - against a bare aiohttp application, in turns."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks.broker import Topics, topics
from benchmarks.figures import Bar, Row, median
from benchmarks.load import POOL
from benchmarks.program import Program, program
from benchmarks.scale import Scale

#: The server has this core for itself; the load generator and a broker of ours share that one.
SERVER_CORE, LOAD_CORE = 0, 1
#: Bars by number of connections: (least ratio, most p99 to bare, longest request in ms, most memory in MB).
_BARS = {64: (0.75, 2.0, None, None), 256: (0.7, None, 1000.0, 90.0)}


@dataclass(slots=True)
class Rounds:
    """What one server did in all rounds with one number of connections."""

    results: list[dict[str, Any]] = field(default_factory=list)
    cpu_micros: list[float] = field(default_factory=list)

    def median(self, name: str) -> float:
        """Of a figure of the load generator."""
        return median([result[name] for result in self.results])

    def largest(self, name: str) -> float:
        """Of a figure of the load generator."""
        return max(float(result[name]) for result in self.results)


class Load:
    """Drives one server after the other; no annotation id is used twice."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._first = 1_000_001
        self.acknowledged: Counter[int] = Counter()
        self.other: Counter[str] = Counter()

    async def on(self, server: Program, port: int, rounds: Rounds, *, connections: int, kept: bool) -> None:
        """One round.

        Args:
            server: Its CPU time is taken.
            port: Where it listens.
            rounds: Gets the result.
            connections: How many at once.
            kept: Whether what it acknowledges must stand on Kafka.
        """
        arguments = [str(port), "--connections", str(connections), "--seconds", str(self._seconds)]
        before = server.cpu()
        async with program("benchmarks.load", *arguments, "--first", str(self._first), core=LOAD_CORE) as load:
            result = orjson.loads(await load.line())
        rounds.results.append(result)
        rounds.cpu_micros.append((server.cpu() - before) * 1e6 / max(1, result["answers"]))
        self._first += POOL
        self.other.update(result["other"])
        if kept:
            self.acknowledged.update({int(number): count for number, count in result["acknowledged"].items()})


async def run(bootstrap: str, scale: Scale) -> list[Row]:
    """Both servers in interleaved rounds, 64 and 256 connections."""
    load = Load(scale.seconds)
    async with topics(bootstrap) as ours:
        kafka = ["--bootstrap-servers", bootstrap, "--prefix", ours.prefix]
        async with (
            program("benchmarks.web_servers", "product", *kafka, core=SERVER_CORE) as product,
            program("benchmarks.web_servers", "bare", core=SERVER_CORE) as bare,
        ):
            ports = {name: int(await server.line()) for name, server in (("product", product), ("bare", bare))}
            await load.on(product, ports["product"], Rounds(), connections=64, kept=True)
            rows: list[Row] = []
            for connections in _BARS:
                done = Rounds(), Rounds()
                for _ in range(scale.rounds):
                    await load.on(bare, ports["bare"], done[1], connections=connections, kept=False)
                    await load.on(product, ports["product"], done[0], connections=connections, kept=True)
                rows += _rows(connections, *done, memory=product.memory())
        return [*rows, await _missing(ours, load)]


def _rows(connections: int, product: Rounds, bare: Rounds, *, memory: float) -> list[Row]:
    least, tail, longest, most_memory = _BARS[connections]
    name = f"{connections} connections"
    pairs = zip(product.results, bare.results, strict=True)
    ratios = [a["requests_per_second"] / b["requests_per_second"] for a, b in pairs]
    rate, p99, slowest = "requests_per_second", product.median("p99_ms"), product.largest("max_ms")
    cpu, bare_cpu = median(product.cpu_micros), median(bare.cpu_micros)
    spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
    return [
        Row(f"{name}: bare aiohttp", f"{bare.median(rate):,.0f} req/s, {bare_cpu:.0f} µs CPU each", 1.0),
        Row(
            f"{name}: connector, Kafka acks=all",
            f"{product.median(rate):,.0f} req/s, {cpu:.0f} µs CPU each; rounds {spread}",
            median(ratios),
            Bar(f">= {least} x bare", at_least=least),
        ),
        Row(f"{name}: the same in CPU time (feels other load less)", "bare / connector", bare_cpu / cpu),
        Row(f"{name}: p50", f"{product.median('p50_ms'):.1f} ms (bare {bare.median('p50_ms'):.1f})"),
        Row(
            f"{name}: p99",
            f"{p99:.1f} ms (bare {bare.median('p99_ms'):.1f})",
            p99 / bare.median("p99_ms"),
            Bar(f"<= {tail} x bare", at_most=tail) if tail else None,
        ),
        Row(
            f"{name}: longest request",
            f"{slowest:.0f} ms (bare {bare.largest('max_ms'):.0f})",
            bar=Bar("none over 1 s", at_most=longest) if longest else None,
            figure=slowest,
        ),
        Row(
            f"{name}: memory of the connector's intake",
            f"{memory:.0f} MB at most",
            bar=Bar(f"<= {most_memory:.0f} MB", at_most=most_memory) if most_memory else None,
            figure=memory,
        ),
    ]


async def _missing(ours: Topics, load: Load) -> Row:
    stored = await ours.stored()
    missing = load.acknowledged - stored
    answers = ", ".join(f"{count} x {what}" for what, count in load.other.items()) or "none but 2xx"
    return Row(
        "acknowledged, not on the topic",
        f"{missing.total():,} of {load.acknowledged.total():,} ({stored.total():,} stored; other answers: {answers})",
        bar=Bar("0", at_most=0),
        figure=float(missing.total()),
    )
