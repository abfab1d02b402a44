"""Writes what each case looks like in each dialect, to be compared with the files that were reviewed.

`tests/golden/cases/<case>.<dialect>.json` is what was said. Beside that folder `<case>.<from>-<to>.request.json` is the
request as it goes to an upstream that speaks `to`; `.reply.json` and `.stream.sse` are what a client that speaks `to`
gets when the upstream speaks `from`; `.losses.json` is what did not cross. `ARGO_RELAY_GOLDEN=write` writes them anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from argo_relay.dialects.base import Dialect, Target, encode_events
from argo_relay.errors import Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import Request
from support.corpus import Exchange
from support.law_requests import read
from support.sights import events_of, frames_of, plain_request
from support.tree import ROOT

FOLDER: Final = ROOT / "tests" / "golden"
WRITING: Final = os.environ.get("ARGO_RELAY_GOLDEN") == "write"


def crossing(source: Dialect, target: Dialect, case: Exchange) -> dict[str, bytes]:
    """Return the golden files of one case for one pair: name to content."""
    made: dict[str, bytes] = {}
    lost: dict[str, Any] = {}
    for suffix, content, losses in _forms(source, target, case):
        made[f"{case.id}.{source.name}-{target.name}.{suffix}"] = content
        if losses:
            lost[suffix.partition(".")[0]] = msgspec.to_builtins(losses)
    if lost:
        made[f"{case.id}.{source.name}-{target.name}.losses.json"] = _written(lost)
    return made


def _forms(source: Dialect, target: Dialect, case: Exchange) -> Iterator[tuple[str, bytes, Losses]]:
    if case.asked:
        body, losses = target.encode_request(read(source, case), Target(model="target-model"))
        yield "request.json", _written(jsonx.decode_loosely(jsonx.encode(body))), losses
    if case.reply is not None:
        try:
            text, losses = target.encode_reply(source.decode_reply(case.reply), _asker(source, target, case))
        except Refused as refused:
            text, losses = target.encode_error(refused.failure), []
        yield "reply.json", _written(jsonx.decode_loosely(text)), losses
    if case.stream is not None:
        encoder = target.stream_encoder(_asker(source, target, case))
        events = events_of(source, frames_of(source, case.stream))
        yield "stream.sse", encode_events(encoder, events), encoder.losses


def _asker(source: Dialect, target: Dialect, case: Exchange) -> Request:
    asked = plain_request(target.name, stream=case.stream is not None)
    return msgspec.structs.replace(asked, tools=read(source, case).tools) if case.asked else asked


def _written(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def difference(name: str, content: bytes) -> str | None:
    """Compare with the reviewed file, or write it; return what differs."""
    path = FOLDER / name
    if WRITING:
        path.write_bytes(content)
    if not path.exists():
        return f"{name}: not there; write it with ARGO_RELAY_GOLDEN=write and review it"
    if path.read_bytes() != content:
        return f"{name}: {_first(path.read_bytes(), content)}"
    return None


def _first(want: bytes, got: bytes) -> str:
    lines = zip([*want.splitlines(), b"<end>"], [*got.splitlines(), b"<end>"], strict=False)
    for number, (one, other) in enumerate(lines, 1):
        if one != other:
            return f"line {number} was {one.decode(errors='replace')!r}, is {other.decode(errors='replace')!r}"
    return "white space differs"


def reviewed() -> set[str]:
    """Return the names of all golden files."""
    return {path.name for path in FOLDER.iterdir() if path.is_file()}


def forget(names: set[str]) -> None:
    """Remove golden files that no case makes any more, while writing."""
    for name in names:
        Path(FOLDER / name).unlink()
