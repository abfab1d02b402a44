"""Holds dialects to the laws, case by case.

A case of a law is a recorded exchange or a row of a table; it yields its problems, one sentence each, and what it
raises is a problem too. A case that cannot pass is named in `exceptions.toml` with the reason, and a name there that
nothing needs is a problem as well.

From the folder `tests`: `python -m support.laws openai_chat [--law 3] [--show 20]` prints what fails and why.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Final, NamedTuple

from argo_relay.dialects.base import Dialect
from support import (
    corpus,
    law_crossings,
    law_cuts,
    law_requests,
    law_sdks,
    law_seals,
    law_silence,
    law_streams,
    silence_rows,
)
from support.corpus import Exchange
from support.table import TABLE

_LISTED: Final = Path(__file__).with_name("exceptions.toml")

Case = tuple[str, Callable[[], Iterable[str]]]
"""A name, and what finds its problems."""


class Law(NamedTuple):
    """One law: what it is about, and its cases for a dialect."""

    number: str
    about: str
    cases: Callable[[Dialect], Iterator[Case]]


def _recorded(
    takes: Callable[[Exchange], bool], problems: Callable[[Dialect, Exchange], Iterable[str]]
) -> Callable[[Dialect], Iterator[Case]]:
    """Return the cases of a law that is about exchanges."""

    def cases(dialect: Dialect) -> Iterator[Case]:
        for exchange in corpus.exchanges(dialect.name):
            if takes(exchange):
                yield exchange.id, partial(problems, dialect, exchange)

    return cases


def _requests_said(dialect: Dialect) -> Iterator[Case]:
    for row in silence_rows.rows():
        yield f"{dialect.name}: {row.field} {row.about}".strip(), partial(law_silence.silent, dialect, row)


def _replies_said(dialect: Dialect) -> Iterator[Case]:
    for name, part in law_silence.REPLIED.items():
        yield f"{dialect.name}: {name}", partial(law_silence.silent_replies, dialect, part)
    for reason in law_silence.STOPS:
        yield f"{dialect.name}: stop {reason}", partial(law_silence.wrong_stops, dialect, reason)


def _seals_kept(dialect: Dialect) -> Iterator[Case]:
    for seal in law_seals.SEALS:
        for source in TABLE:
            name = f"{dialect.name}: {seal.kind} of {seal.issuer}, client {source}"
            yield name, partial(law_seals.betrayed, dialect, seal, source)


def _seals_back(dialect: Dialect) -> Iterator[Case]:
    for seal in law_seals.SEALS:
        yield f"{dialect.name}: {seal.kind} of {seal.issuer}", partial(law_seals.lost, dialect, seal)


def _any_reply(exchange: Exchange) -> bool:
    return exchange.answered or exchange.streamed


def _asked(exchange: Exchange) -> bool:
    return exchange.asked


def _streamed(exchange: Exchange) -> bool:
    return exchange.streamed


def _refused(exchange: Exchange) -> bool:
    return exchange.refused


LAWS: Final[tuple[Law, ...]] = (
    Law("1", "a request comes out as it went in", _recorded(_asked, law_requests.comes_back)),
    Law("1x", "a request can be said in every dialect", _recorded(_asked, law_requests.crosses)),
    Law("2", "cuts in the bytes do not matter", _recorded(_streamed, law_streams.cut_anywhere)),
    Law("3", "decoders obey the grammar", _recorded(_streamed, law_streams.grammatical)),
    Law("4", "stream and whole reply say the same", _recorded(_any_reply, law_streams.one_thing)),
    Law("5", "the official SDK reads both alike", _recorded(_any_reply, law_sdks.reads_alike)),
    Law("6", "no request is said in part, in silence", _requests_said),
    Law("6x", "no reply is said in part, in silence", _replies_said),
    Law("7", "a seal is for its issuer alone", _seals_kept),
    Law("7x", "a seal comes back from a client", _seals_back),
    Law("8", "the watch sees what the decoder sees", _recorded(_any_reply, law_streams.watched)),
    Law("9", "a reply crosses to every dialect", _recorded(_any_reply, law_crossings.crosses)),
    Law("10", "a stream can be cut short after any event", _recorded(_streamed, law_cuts.cut_short)),
    Law("e", "an error is understood", _recorded(_refused, law_crossings.explains)),
)


@dataclass
class Verdict:
    """How one dialect stands to one law: failures and listed cases by name, and rows that nothing needs."""

    law: Law
    dialect: str
    count: int = 0
    failures: dict[str, list[str]] = field(default_factory=dict)
    listed: dict[str, str] = field(default_factory=dict)
    needless: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """Say it in one line."""
        passed = self.count - len(self.failures) - len(self.listed)
        told = [f"law {self.law.number} {self.dialect}: {passed} of {self.count} pass"]
        told += [f"listed: {len(self.listed)}"] if self.listed else []
        told += [f"FAIL: {len(self.failures)}"] if self.failures else []
        return "; ".join(told)

    @property
    def faults(self) -> list[str]:
        """Say what is wrong, a line each."""
        said = [f"{name}: {problem}" for name, found in self.failures.items() for problem in found[:3]]
        return said + [f"{name}: listed in {_LISTED.name}, but it passes" for name in self.needless]


@cache
def exceptions() -> dict[tuple[str, str], str]:
    """Return the cases that cannot pass: (law, name) to reason."""
    rows = tomllib.loads(_LISTED.read_text(encoding="utf-8"))
    return {
        (law, name): row["reason"] for row in rows.get("listed", []) for law in row["laws"] for name in row["cases"]
    }


def judge(law: Law, dialect: Dialect, only: str | None = None) -> Verdict:
    """Hold a dialect to a law, in all cases or in one."""
    verdict = Verdict(law, dialect.name)
    for name, find in law.cases(dialect):
        if only not in (None, name):
            continue
        verdict.count += 1
        found = _problems(find)
        reason = exceptions().get((law.number, name))
        if found and reason:
            verdict.listed[name] = reason
        elif found:
            verdict.failures[name] = found
        elif reason:
            verdict.needless.append(name)
    return verdict


def _problems(find: Callable[[], Iterable[str]]) -> list[str]:
    found: list[str] = []
    try:
        found.extend(find())
    except Exception as error:  # noqa: BLE001  (a codec may break in any way; here it is a finding)
        where = traceback.extract_tb(error.__traceback__)[-1]
        found.append(f"raised {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})")
    return found


def strangers() -> list[str]:
    """Return the listed cases that no law has; the recordings must be there."""
    names = {(law.number, name) for law in LAWS for dialect in TABLE.values() for name, _ in law.cases(dialect)}
    return [f"law {law}: {name}" for law, name in exceptions() if (law, name) not in names]


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dialect")
    parser.add_argument("--law", help="one law's number; all without it")
    parser.add_argument("--show", type=int, default=5, help="failures shown a law")
    parser.add_argument("--id", help="one case only")
    parser.add_argument("--width", type=int, default=600, help="characters a problem is cut to")
    asked = parser.parse_args()
    if asked.dialect not in TABLE:
        parser.error(f"no dialect {asked.dialect!r} imports")
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    print(corpus.absent() or f"dialects: {', '.join(TABLE)}")  # noqa: T201
    for law in LAWS:
        if asked.law in (None, law.number):
            verdict = judge(law, TABLE[asked.dialect], asked.id)
            print(f"{verdict.line}  ({law.about})")  # noqa: T201
            for fault in verdict.faults[: asked.show]:
                print(f"  {fault[: asked.width]}")  # noqa: T201


if __name__ == "__main__":
    _main()
