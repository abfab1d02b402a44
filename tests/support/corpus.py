"""Reads what the laws are held against: the project's own small cases, and exchanges recorded from real upstreams.

The recordings are other people's data and no part of the project: they lie in `../shared/corpus` beside it, or where
`ARGO_RELAY_CORPUS` says. Without them the laws hold for the project's own cases only, and the test run says so.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from argo_relay.dialects.base import Incoming
from argo_relay.framing import jsonx, sse
from support.tree import ROOT

CASES: Final = ROOT / "tests" / "golden" / "cases"
_GOOGLE_MODEL: Final = re.compile(r"models/([^:/?]+):(\w+)")
_AZURE_MODEL: Final = re.compile(r"^/openai/deployments/([^/]+)/")
_OWN_MODEL: Final = "case-model"


@dataclass(frozen=True)
class Exchange:
    """One request and what came back for it: a whole `reply` or a `stream`, as bytes; None for what is not known."""

    id: str
    dialect: str
    body: Any = None
    reply: bytes | None = None
    stream: bytes | None = None
    status: int = 200
    path: str = ""
    upstream: str = "golden"

    @property
    def incoming(self) -> Incoming:
        """Return the request as the relay takes it in."""
        found = _GOOGLE_MODEL.search(self.path)
        if self.dialect != "google":
            return Incoming(body=jsonx.encode(self.body))
        streams = found[2].startswith("stream") if found else self.stream is not None
        return Incoming(body=jsonx.encode(self.body), model=found[1] if found else _OWN_MODEL, stream=streams)

    @property
    def asked(self) -> bool:
        """Tell whether the request is known."""
        return isinstance(self.body, dict)

    @property
    def answered(self) -> bool:
        """Tell whether a whole reply came that is no error."""
        return self.reply is not None and self.status < 400

    @property
    def streamed(self) -> bool:
        """Tell whether a stream came."""
        return self.stream is not None and self.status < 400

    @property
    def refused(self) -> bool:
        """Tell whether an error came."""
        return self.status >= 400 and self.reply is not None


def folder() -> Path:
    """Return where the recordings lie, if they do."""
    named = os.environ.get("ARGO_RELAY_CORPUS")
    return Path(named) if named else ROOT.parent / "shared" / "corpus"


def absent() -> str | None:
    """Say that there are no recordings; None when there are."""
    if any(folder().glob("*.jsonl.gz")):
        return None
    return f"no recorded exchanges in {folder()}: the laws were held to the project's own cases only"


@cache
def exchanges(dialect: str) -> tuple[Exchange, ...]:
    """Return the project's own cases of a dialect, then the recorded exchanges."""
    return (*own(dialect), *_recorded(dialect))


@dataclass(frozen=True)
class Probe:
    """One request to production of Argo in May 2026, and what came back; a long `reply` is cut."""

    name: str
    path: str
    body: dict[str, Any]
    status: int
    reply: str

    @property
    def failed(self) -> bool:
        """Tell whether an error came, under whatever status."""
        return self.status >= 400 or self.reply.startswith('{"type":"error"')


@cache
def probes() -> tuple[Probe, ...]:
    """Return what was asked of Argo's production; nothing where there are no recordings."""
    path = folder() / "argo_probe.jsonl"
    if not path.exists():
        return ()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return tuple(
        Probe(
            name=f"{row['model']} {row['variant']}",
            path=urlsplit(row["endpoint"]).path.removeprefix("/argoapi"),
            body=row["request_body"],
            status=row["status"],
            reply=row["body_snippet"],
        )
        for row in rows
    )


def own(dialect: str) -> Iterator[Exchange]:
    """Yield the project's own cases of a dialect."""
    for path in sorted(CASES.glob(f"*.{dialect}.json")):
        case = json.loads(path.read_bytes())
        stream = case.get("stream")
        yield Exchange(
            id=path.name.removesuffix(f".{dialect}.json"),
            dialect=dialect,
            body=case.get("request"),
            reply=jsonx.encode(case["reply"]) if "reply" in case else None,
            stream=None if stream is None else "".join(stream).encode(),
        )


def _recorded(dialect: str) -> Iterator[Exchange]:
    path = folder() / f"{dialect}.jsonl.gz"
    if not path.exists():
        return
    with gzip.open(path, "rb") as lines:
        for line in lines:
            record = json.loads(line)
            # Counting tokens and compacting are other endpoints, with other bodies.
            if record["endpoint"] == "generate":
                yield _exchange(record)


def _exchange(record: dict[str, Any]) -> Exchange:
    request = record["request"] or {}
    body = request.get("body")
    deployment = _AZURE_MODEL.match(request.get("path") or "")
    if deployment and isinstance(body, dict) and not body.get("model"):
        # Azure's old paths name the model, and the body did not have to: the relay has no such paths.
        body = {**body, "model": deployment[1]}
    answer = record.get("response")
    events = record.get("events")
    if isinstance(answer, list):
        # Google's stream without `alt=sse` is an array of what would be its events.
        events, answer = [{"data": json.dumps(element)} for element in answer], None
    return Exchange(
        id=record["id"],
        dialect=record["dialect"],
        body=body,
        reply=None if answer is None else jsonx.encode(answer),
        stream=None if events is None else b"".join(map(_frame, events)),
        status=record["status"],
        path=request.get("path") or "",
        upstream=record["provider"],
    )


def _frame(event: dict[str, str]) -> bytes:
    if "comment" in event:
        return f": {event['comment']}\n\n".encode()
    return sse.write(event["data"].encode("utf-8", "backslashreplace"), event.get("event", "").encode())
