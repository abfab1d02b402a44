"""What must add up after the chaos run: the relay's log and figures, the upstreams' accounts, and what clients saw."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

from chaos_client import Asked
from chaos_draw import KEEP_SECONDS, ROUTES, UNREACHED
from chaos_upstreams import Generation
from chaos_watch import Watch
from prometheus_client.parser import text_string_to_metric_families

LATE_SECONDS: Final = 0.1
_NUMBER: Final = re.compile(r"chaos-(\d+)-")
_GOOD: Final = ("whole", "stream")
_PATIENCE_SECONDS: Final = 10.0
_FORESEEN: Final = ("rests, and is tried last", "does not say which models it has")


@dataclass
class Books:
    """Everything that is known after a run; `records` are one relay's log lines of exchanges, `relay` its name."""

    relay: str
    asked: list[Asked]
    records: list[dict[str, Any]]
    warnings: list[str]
    figures: dict[str, list[tuple[dict[str, str], float]]]
    calls: Counter[int]
    """Calls that upstreams counted, by the request's number."""
    problems: list[str] = field(default_factory=list)

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of a figure's series that have these labels."""
        return sum(value for found, value in self.figures[name] if labels.items() <= found.items())

    def check(self) -> list[str]:
        """Return what does not add up."""
        by_id: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in self.records:
            by_id[record["request_id"]].append(record)
        for asked in self.asked:
            self._check_one(asked, by_id.pop(asked.id, []))
        self._wrong(bool(by_id), f"exchanges that nobody asked for: {list(by_id)[:5]}")
        self._check_figures()
        self._check_calls()
        bugs = [line for line in self.warnings if not any(words in line for words in _FORESEEN)]
        self._wrong(bool(bugs), f"{len(bugs)} lines of trouble in the log: {bugs[:3]}")
        return self.problems

    def _wrong(self, wrong: bool, what: str) -> None:
        if wrong:
            self.problems.append(f"relay {self.relay}: {what}")

    def _check_one(self, asked: Asked, records: list[dict[str, Any]]) -> None:
        """Compare what a client saw with what the log says."""
        about = f"{asked.id}: {asked.end.kind if asked.end else 'no end'}, {asked.case.told}"
        if len(records) != 1:
            # A connection that is reset takes what the relay has not read yet with it.
            self._wrong(len(records) > 1 or not (asked.left and asked.case.reset), f"{len(records)} records of {about}")
            return
        (record,) = records
        if asked.left or asked.end is None or not asked.end.kind:
            return
        end, outcome, partial = asked.end, record["outcome"], record.get("partial", False)
        wanted = {"ok"} if end.kind in _GOOD else {"timeout"} if "partial" in end.kind else {"error", "timeout"}
        if partial:
            wanted = {"timeout"} if end.kind in (*_GOOD, "partial", "partial stream") else set()
        elif "partial" in end.kind:
            wanted = set()
        elif end.kind.startswith("error"):
            # The log of the one who joined another's reply does not say which timer ended that.
            timed = record.get("timer") is not None or asked.rejoined
            wanted = {"timeout"} if timed else {"error"}
            self._wrong(
                not asked.rejoined and end.timer is not None and end.timer != record.get("timer"),
                f"another timer: {about} {record}",
            )
            self._wrong(
                timed
                and not asked.rejoined
                and end.timer is None
                and "imeout" not in end.text
                and "DEADLINE" not in end.text,
                f"a timer that the client is not told of: {about} {record} {end.text}",
            )
        self._wrong(outcome not in wanted and not asked.rejoined, f"the log says {record} of {about}")
        self._wrong(record.get("status") != asked.status, f"the log says status {record.get('status')} of {about}")
        self._wrong(bool(record.get("rejoined")) != asked.rejoined, f"rejoined or not: {about} {record}")

    def _check_figures(self) -> None:
        records = self.records
        exchanges = "argo_relay_exchanges_total"
        self._same("exchanges", self.sum(exchanges), len(records))
        for outcome in ("ok", "error", "timeout", "cancelled"):
            count = sum(one["outcome"] == outcome for one in records)
            self._same(f"exchanges that ended as {outcome}", self.sum(exchanges, outcome=outcome), count)
        self._same("durations", self.sum("gen_ai_server_request_duration_seconds_count"), len(records))
        self._same("timeouts", self._total("timeouts"), sum(one.get("timer") is not None for one in records))
        self._same("cancellations", self._total("cancellations"), sum(one["outcome"] == "cancelled" for one in records))
        self._same("partial results", self._total("partial_results"), sum(one.get("partial", False) for one in records))
        self._same("rejoined", self._total("rejoined"), sum("rejoined" in one for one in records))
        for name in ("attempts", "fallbacks", "hedges", "events"):
            self._same(name, self._total(name), sum(one.get(name, 0) for one in records))
        for gauge in ("argo_relay_in_flight", "argo_relay_queue_depth", "argo_relay_upstream_in_flight"):
            self._same(gauge, self.sum(gauge), 0)

    def _total(self, name: str) -> float:
        return self.sum(f"argo_relay_{name}_total") if f"argo_relay_{name}_total" in self.figures else 0

    def _same(self, what: str, figure: float, count: int) -> None:
        self._wrong(figure != count, f"{what}: /metrics says {figure:g}, and it is {count}")

    def _check_calls(self) -> None:
        """Compare the attempts with the calls that upstreams counted."""
        made: Counter[int] = Counter()
        explained = set()
        for record in self.records:
            number = int(_NUMBER.search(record["request_id"] + "-")[1])  # type: ignore[index]
            made[number] += record.get("attempts", 0)
            if record["outcome"] != "ok" or record.get("hedges"):
                explained.add(number)
        for asked in self.asked:
            number = asked.case.number
            unreached = any(f"{name}/" in ROUTES.get(asked.case.model, "") for name in UNREACHED)
            lacking = made[number] - self.calls[number]
            # A call may be cut before the upstream has read it; one that nobody has made must not be there.
            wrong = lacking < 0 or (lacking > 0 and not unreached and number not in explained)
            self._wrong(wrong, f"{made[number]} attempts, {self.calls[number]} calls upstream: {asked.case.told}")


def overstayed(
    generations: Iterable[Generation], asked: Iterable[Asked], watch: Watch, names: tuple[str, str]
) -> Iterator[tuple[float, Generation, Asked]]:
    """Yield how long each generation went on after its client had its reply or had left, beyond what the machine owes.

    `names` are the relays' as `watch` knows them: the one, and the one that keeps replies.
    """
    last: dict[int, tuple[float, Asked]] = {}
    for one in asked:
        until = one.over + (KEEP_SECONDS if one.case.keep and one.left else 0.0)
        if one.case.number not in last or last[one.case.number][0] < until:
            last[one.case.number] = until, one
    for generation in generations:
        until, one = last[generation.number]
        over = generation.over if generation.over is not None else until + 1000
        late = over - until
        if late > LATE_SECONDS:
            late -= watch.own(until - 0.05, over + 0.05) + watch.kept(names[one.case.keep], until - 0.05, over)
        yield late, generation, one


def read_figures(url: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return what /metrics says, by name."""
    with urlopen(url, timeout=_PATIENCE_SECONDS) as page:
        text = page.read().decode()
    figures: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            figures[sample.name].append((sample.labels, sample.value))
    return figures


def read_log(file: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the exchanges of a log, and all other lines."""
    records, others = [], []
    for line in file.read_text().splitlines():
        value = json.loads(line)
        if "outcome" in value:
            records.append(value)
        else:
            others.append(line)
    return records, others


def simulated(url: str, offset: float) -> list[Generation]:
    """Return what the simulator was asked; `offset` is its clock's beyond `time.monotonic`."""
    with urlopen(f"{url}/simulator/exchanges", timeout=_PATIENCE_SECONDS) as page:
        rows = json.loads(page.read())
    found = []
    for row in rows:
        number = _NUMBER.search(json.dumps(row["body"]))
        if number is None:
            continue
        over = None if row["ended"] is None else row["ended"] - offset
        found.append(
            Generation(int(number[1]), "simulator", row["path"], row["started"] - offset, over, how=row["state"])
        )
    return found
