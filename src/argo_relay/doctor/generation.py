"""One short answer, asked for as a client of the relay would: the only check that costs anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from argo_relay.config.named import MAIN
from argo_relay.dialects.base import Headers
from argo_relay.dialects.table import DIALECTS
from argo_relay.doctor.case import Case
from argo_relay.doctor.finding import Check, Finding, Trouble, fine
from argo_relay.errors import BadJson
from argo_relay.exchange.directory import Directory
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.relay import Relay
from argo_relay.exchange.run import Exchange
from argo_relay.exchange.site import Site
from argo_relay.framing import jsonx
from argo_relay.models.roster import Roster
from argo_relay.policy.defaults import default_layer
from argo_relay.upstreams.argo.notices import ADVICE

_SECONDS: Final = 60
_TOKENS: Final = 64
"""Enough for Gemini, which thinks first, and fails below that."""
_PROMPT: Final = "Answer with the word OK."
_CHEAP: Final = ("nano", "lite", "mini", "flash", "haiku", "small")
"""What the cheaper models of a family are called, the cheapest first."""
_SHOWN: Final = 300

_DENIED_ADVICE: Final = (
    "Check `user` in the configuration: the bare ANL domain name, lower case, without @anl.gov. If it is right, ask "
    "your division's DOO, or your Directorate's AI representative, for access to Argo."
)
_USAGE_ADVICE: Final = "Nothing on this machine can change that; a new month does."
_OTHER_ADVICE: Final = (
    "The relay reached the upstream, which refused this request; try another model with --model NAME."
)
_NOTICES: Final = {"argo_access_denied": _DENIED_ADVICE, "argo_quota_exceeded": _USAGE_ADVICE}
"""By the code of the error that the relay makes of one of Argo's notices."""


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer or an error says; an error of ours has a code."""

    text: str
    code: str | None = None
    tokens: int = 0


class _Asking:
    """A client that asks once and keeps the answer; see exchange.client.Client."""

    def __init__(self, body: bytes) -> None:
        self.request_headers: Mapping[str, str] = {}
        self.status = 0
        self.body = b""
        self._unread: bytes | None = body

    async def receive(self) -> bytes | None:
        """Return the body, once."""
        piece, self._unread = self._unread, None
        return piece

    def watch(self, on_leave: Callable[[], None]) -> None:
        """Never leave."""

    async def begin(self, status: int, headers: Headers) -> None:
        """Keep the status."""
        self.status = status

    async def write(self, data: bytes, last: bool = False) -> None:
        """Keep the body."""
        self.body += data

    def write_nowait(self, data: bytes) -> bool:
        """Keep the body."""
        self.body += data
        return True

    def abort(self) -> None:
        """Have no connection to cut."""


async def check_generation(case: Case, directory: Directory) -> Finding:
    """Ask a model for one word; raise Trouble."""
    model = case.model or cheapest(directory.roster)
    if model is None:
        raise Trouble(Check.GENERATION, "the upstream lists no model to chat with", "Name one with --model NAME.")
    config = case.loaded.config
    # It is this upstream that is examined, as it is now: no other may answer in its place, nor it itself later.
    alone = msgspec.structs.replace(config, upstream=case.row, routes={}, retries=0)
    site = Site(MAIN, case.upstream, directory, alone, case.clock)
    relay = Relay(alone, default_layer(config.timeouts, set()), [site], lambda _: None, case.clock)
    message = {"role": "user", "content": _PROMPT}
    asked = {"model": model, "messages": [message], "max_tokens": _TOKENS, "timeout": _SECONDS}
    client = _Asking(jsonx.encode(asked))
    began = case.clock.now()
    await Exchange(relay, Entry(dialect=DIALECTS["openai_chat"]), client).run()
    said = _read(client.body)
    if said.code in _NOTICES:
        words = plain_text(said.text.removesuffix(ADVICE.get(client.status, "")))
        found = f"{model}: Argo turns the user {config.user} away, with status 200 and a notice for an answer"
        raise Trouble(Check.GENERATION, found, f"{words} {_NOTICES[said.code]}")
    if client.status != 200:
        found = f"{model} was refused with status {client.status}: {plain_text(said.text)}"
        raise Trouble(Check.GENERATION, found, _OTHER_ADVICE)
    took = case.clock.now() - began
    return fine(Check.GENERATION, f"{model} answered within {took:.1f} s, for {said.tokens} tokens")


def cheapest(roster: Roster) -> str | None:
    """Return the chat model that probably costs least; nobody tells prices, so it goes by the name."""
    names = [model.public_id for model in roster.listed() if model.kind == "chat"]
    return min(names, key=lambda name: (_rank(name), name), default=None)


def plain_text(text: str) -> str:
    """Return a notice or a message as one short line, without its ornaments."""
    words = re.sub(r"[^\x20-\x7e]|\*\*", " ", text)
    line = " ".join(words.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."


def _rank(name: str) -> int:
    return next((rank for rank, word in enumerate(_CHEAP) if word in name.lower()), len(_CHEAP))


def _read(body: bytes) -> _Said:
    try:
        value: Any = jsonx.decode(body)
        if "error" in value:
            return _Said(text=str(value["error"]["message"]), code=value["error"].get("code"))
        usage = value.get("usage") or {}
        text = value["choices"][0]["message"].get("content") or ""
        return _Said(text=str(text), tokens=int(usage.get("total_tokens") or 0))
    except (BadJson, LookupError, TypeError, AttributeError):
        return _Said(text=body.decode(errors="replace"))
