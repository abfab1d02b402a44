"""Writes docs/argo.md from the rows that test_argo_table.py plays: `python -m support.argo_table` in tests/."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from support.argo_row import (
    ABSENT,
    ANTHROPIC,
    CHAT,
    DIALECTS,
    GOOGLE,
    MAKERS,
    MODES,
    NEWEST,
    PRESENT,
    RESPONSES,
    Answer,
    Gets,
    Row,
    cases,
)
from support.argo_rows import ASIDES, ROWS
from support.argo_stand import CLASSES
from support.tree import ROOT

PAGE: Final = ROOT / "docs" / "argo.md"
_INTRO: Final = """# Argo's ways, and what clients get

Argo is not quite OpenAI's, Anthropic's or Google's API: it says no in the form of an answer, wraps errors in Python,
refuses parameters by model, and changes from month to month. Clients of the relay need not know. This page says, thing
by thing, what Argo does and what a client of the relay gets for it.

Each row was played: by the four official SDKs (OpenAI's for Chat and for Responses, Anthropic's, Google's), whole and
streamed, through the real relay, before the simulator, which behaves as Argo was seen to: {count} requests in all. A
row holds for all of these clients but those that it excepts. The page is made from the rows of the test
(`tests/e2e/test_argo_table.py`; `python -m support.argo_table` in `tests/` writes it), so it says what the test has
shown. Sections have the numbers of the project's facts about Argo; with a month in brackets a row is about the Argo of
that month, else about today's.

- *gets*: the reply that the vendor's own API would give, or the SDK's own exception. What could not be kept of the
  request is in the header `x-losses`.
- *Argo receives*: what was looked at in the request that reached Argo. `absent`: it was taken out.

An error is raised by its status:

| status | OpenAI's SDK | Anthropic's SDK | Google's SDK |
|---|---|---|---|
{classes}

Of an error that comes after a stream's first words only the words are the same: OpenAI's SDK raises `APIError` for Chat
and hands out `response.failed` for Responses, Anthropic's raises `APIStatusError`, Google's the one above. No error has
Python's `{{'error': ...}}`, a page of HTML or an address of Argo's in it.
"""
_TITLES: Final = {
    "1.3": "Who asks",
    "1.4": "Notices in place of answers",
    "1.5": "Models and their names",
    "1.6": "Replies",
    "1.7": "Errors",
    "1.8": "Parameters by model",
    "1.9": "Limits, conversations, tools, images",
    "1.10": "The older API",
    "1.11": "What was otherwise in other months",
}
_NAMES: Final = {CHAT: "Chat", RESPONSES: "Responses", ANTHROPIC: "Messages", GOOGLE: "Google"}
_HEAD: Final = "| Argo | a client asks | models | gets | Argo receives |\n|---|---|---|---|---|"


def page() -> str:
    """Return the page."""
    count = sum(len(cases(row)) for row in ROWS)
    parts = [_INTRO.format(count=f"{count:,}", classes="\n".join(_classes()))]
    for section, title in _TITLES.items():
        parts.append(f"## {title} ({section})\n")
        if rows := [_line(row) for row in ROWS if row.section == section]:
            parts.append("\n".join([_HEAD, *rows]) + "\n")
        if asides := [f"- Argo {aside.does}: {aside.why}." for aside in ASIDES if aside.section == section]:
            parts.append("Not in the table:\n")
            parts.append("\n".join(asides) + "\n")
    return "\n".join(parts)


def _classes() -> Iterator[str]:
    for status, raised in CLASSES.items():
        names = [f"`{raised[maker].__name__}`" for maker in ("openai", "anthropic", "google")]
        yield f"| {status} | {' | '.join(names)} |"


def _line(row: Row) -> str:
    does = row.does if row.era in (NEWEST, *_months(row.does)) else f"{row.does} ({row.era})"
    cells = [does, _asks(row), _models(row.models, spelled=row.section == "1.5"), _all_gets(row), _sent(row)]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _months(text: str) -> list[str]:
    return [word.strip("(),") for word in text.split()]


def _asks(row: Row) -> str:
    left_out: dict[str, list[str]] = {}
    for who, why in row.without.items():
        left_out.setdefault(why, []).append(_who(who))
    return "; ".join([row.asks, *(f"not {_listed(names)}: {why}" for why, names in left_out.items())])


def _who(key: str) -> str:
    """Return the name of a dialect, a mode, or a dialect with something besides."""
    first, _, more = key.partition(" ")
    named = {"whole": "whole replies", "stream": "streams"}.get(first, _NAMES.get(first, first))
    if not more:
        return named
    return f"{named} {'whole' if more == 'whole' else 'streamed' if more == 'stream' else f'to {_models((more,))}'}"


def _models(models: tuple[str, ...], *, spelled: bool = False) -> str:
    """Return the names, as they were `spelled` where that matters."""
    if models == MAKERS:
        return "any"
    return ", ".join(f"`{model if spelled else model.removeprefix('argo:')}`" for model in models)


def _all_gets(row: Row) -> str:
    told = [_gets(row.gets), *(f"{_who(who)}: {_gets(gets)}" for who, gets in row.unlike.items())]
    if row.known:
        told.append(f"**not yet**: {row.known}")
    return "; ".join(told)


def _gets(gets: Gets) -> str:
    if isinstance(gets, Answer):
        return "; ".join([_answer(gets), *_losses(gets.losses)])
    where = f" about `{gets.param}`" if gets.param else ""
    code = f" `{gets.code}`" if gets.code else ""
    said = ", ".join(f"“{words}”" for words in gets.says)
    extra = [f"`retry-after: {gets.retry_after}`"] if gets.retry_after else []
    extra += ["the SDK does not try again"] if gets.final else []
    extra += ["in a stream after its first words"] if gets.after else []
    return "; ".join([f"**{gets.status}**{code}{where}: {said}", *extra])


def _answer(gets: Answer) -> str:
    if gets.note:
        return gets.note
    if gets.calls:
        return "a tool call" if gets.calls == 1 else f"{gets.calls} tool calls"
    told = "its answer" if gets.words else "an empty answer"
    if gets.stop == "cut":
        told += ", cut at the limit"
    if gets.thought:
        told += ", with its thoughts"
    if not gets.counted:
        told += ", with no tokens counted"
    if isinstance(gets.model, str) and gets.model:
        told += f", from `{gets.model}`"
    return told


def _losses(losses: str | Mapping[str, str]) -> Iterator[str]:
    if isinstance(losses, str):
        if losses:
            yield f"`x-losses: {losses}`"
        return
    by_loss: dict[str, list[str]] = {}
    for dialect in DIALECTS:
        if losses.get(dialect):
            by_loss.setdefault(losses[dialect], []).append(_NAMES[dialect])
    for loss, names in by_loss.items():
        yield f"{_listed(names)}: `x-losses: {loss}`"


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _sent(row: Row) -> str:
    if row.requests == 0:
        return "nothing"
    told = [_member(name, value) for name, value in row.sent.items()]
    if row.user != "tester":
        told.append(f"the user `{row.user}`")
    if isinstance(row.requests, tuple):
        told.append("one request more, once, from which the relay learns")
    return ", ".join(told)


def _member(name: str, value: Any) -> str:
    *conditions, path = name.split(":")
    words = {"chat": "on chat", "responses": "on Responses", "messages": "on Messages"}
    where = [words.get(one) or f"{'for' if one in MODES else 'from'} {_who(one)}" for one in conditions]
    said = {ABSENT: " absent", PRESENT: ""}.get(value) if isinstance(value, str) else None
    told = f"`{path}`{said}" if said is not None else f"`{path}: {json.dumps(value)}`"
    return " ".join([told, *where])


if __name__ == "__main__":
    PAGE.write_text(page())
