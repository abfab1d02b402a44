"""Requests in each dialect, and what came of them: when it ended, with which status, and how."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass
from textwrap import shorten
from typing import Any, Final

import httpx
from peers import KEY, System, Wish

PATIENCE: Final = 14.0
"""Seconds that a client of the bench waits."""

_COMPLETE: Final = re.compile(
    rb'\[DONE\]|"message_stop"|"response\.completed"|"(?:finishReason|finish_reason|stop_reason)"\s*:\s*"'
)
_FAILED: Final = re.compile(rb'event: error|"response\.failed"|"error"\s*:\s*[{"]')
_SHOWN: Final = 160
"""Characters of an error's message."""
_TIMERS: Final = re.compile(r"total|first.?event|ttft|idle|connect|read timeout|request_timeout|stream_timeout")


@dataclass(frozen=True)
class Request:
    """What is posted where."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """What a client saw; `took` counts from the moment its request was sent, in seconds."""

    took: float
    end: str
    """`whole`: the reply's framing ended it; `broken`: the connection did; `open`: the client's patience."""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def how(self) -> str:
        """Return in a few words how it ended, with the error's type where there is one."""
        if self.end == "open":
            return "nothing" if not self.status else "still open"
        if self.status != 200:
            return f"{self.status or 'no status'} {self.kind}".strip()
        if _FAILED.search(self.body):
            return f"error event {self.kind}".strip()
        if self.end == "broken":
            return "connection broken"
        return "served" if _COMPLETE.search(self.body) else "ends, no error"

    @property
    def error(self) -> dict[str, Any]:
        """Return the error in the reply, or in the last event of a stream that has one; empty when there is none."""
        for text in reversed([line.removeprefix("data:").strip() for line in self.body.decode().splitlines()]):
            try:
                value = json.loads(text)
            except ValueError:
                continue
            if isinstance(value, dict):
                found = value.get("error") or value.get("response", {}).get("error")
                if found:
                    return found if isinstance(found, dict) else {"message": str(found)}
        return {}

    @property
    def kind(self) -> str:
        """Return the error's type, its status in Google's dialect, or its code."""
        kind = self.error.get("type") or self.error.get("status") or self.error.get("code") or ""
        return str(kind)

    @property
    def message(self) -> str:
        """Return how the error's message begins, or what came in its place; empty when all went well."""
        if self.status == 200 and not self.error:
            return ""
        said = self.error.get("message") or self.body.decode(errors="replace")
        return shorten(str(said), _SHOWN, placeholder=" ...")

    @property
    def names_timer(self) -> str:
        """Return whether the error says which timer has run out."""
        if not self.message:
            return "no error"
        named = _TIMERS.search(self.message.lower()) is not None or "x-timeout-timer" in dict(self.headers)
        return "yes" if named else "no"

    @property
    def retry(self) -> str:
        """Return what it tells the official SDKs about trying again, which they do when it says nothing."""
        return dict(self.headers).get("x-should-retry", "says nothing" if self.message else "no error")


def request(system: System, dialect: str, prompt: str, stream: bool, wish: Wish) -> Request:
    """Return a request for one reply to a prompt."""
    headers, members = system.asks(wish)
    said = [{"role": "user", "content": prompt}]
    named: dict[str, Any] = {"model": system.model, "stream": stream}
    google = "streamGenerateContent?alt=sse" if stream else "generateContent"
    paths_and_bodies: dict[str, tuple[str, dict[str, Any]]] = {
        "chat": ("/v1/chat/completions", named | {"messages": said}),
        "responses": ("/v1/responses", named | {"input": prompt}),
        "messages": ("/v1/messages", named | {"messages": said, "max_tokens": 64}),
        "google": (
            f"/v1beta/models/{system.model}:{google}",
            {"contents": [{"role": "user", "parts": [{"text": prompt}]}]},
        ),
    }
    path, body = paths_and_bodies[dialect]
    shown = {"authorization": f"Bearer {KEY}"}
    if dialect == "messages":
        shown |= {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    return Request(system.prefix + path, shown | headers, body | members)


def clients() -> httpx.AsyncClient:
    """Return what posts requests, each on a connection of its own; for loopback, so without certificates."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(timeout=None, verify=False, trust_env=False, limits=limits)


async def answer(client: httpx.AsyncClient, url: str, asked: Request) -> Seen:
    """Post a request on a connection of its own, and return what came of it."""
    body = b""
    status = 0
    headers: tuple[tuple[str, str], ...] = ()
    end = "whole"
    start = time.perf_counter()
    try:
        async with (
            asyncio.timeout(PATIENCE),
            client.stream("POST", url + asked.path, headers=asked.headers, json=asked.body) as reply,
        ):
            status, headers = reply.status_code, tuple(reply.headers.items())
            async for piece in reply.aiter_bytes():
                body += piece
    except TimeoutError:
        end = "open"
    except httpx.HTTPError:
        end = "broken"
    return Seen(time.perf_counter() - start, end, status, headers, body)


async def leave(client: httpx.AsyncClient, url: str, asked: Request, after: float) -> float:
    """Post a request and close its connection after some seconds; return when that was, as `time.perf_counter`."""
    task = asyncio.create_task(answer(client, url, asked))
    await asyncio.sleep(after)
    left = time.perf_counter()
    task.cancel()
    await asyncio.wait([task])
    return left
