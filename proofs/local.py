"""Limits with a real model: a request that is cut, by a timer or by its client, leaves the model's slot at once.

`argo-relay serve --local` runs SmolLM2 in llama.cpp's server; each of the four dialects asks it, through its vendor's
own SDK, for far more text than its time allows, as a stream and whole. For each is measured when the client was told
(the limit is 2 s, and 0.1 s late is a failure), be it an error or what there was; when llama.cpp said that its slot is
free (100 ms after that is a failure); and the same for clients that leave, while the model writes and while it still
reads a long prompt. At last the relay is killed hard, and the model's process must be gone with it.

On a machine that is busy with other things all is late: a case that fails is tried twice more.

`make test-local` installs what it needs (130 MB) and runs it, in about a minute.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import anthropic
import httpx
import openai
import psutil
from google import genai
from google.genai.errors import APIError
from servers import free_port, process

LIMIT_SECONDS: Final = 2.0
LATE_SECONDS: Final = 0.1
FREE_SECONDS: Final = 0.1
_LEAVE_SECONDS: Final = 0.7
_CUT_SHORT: Final = {
    "Chat": "length",
    "Responses": "max_output_tokens",
    "Messages": "max_tokens",
    "Google": "MAX_TOKENS",
}
_WARM_SECONDS: Final = 0.3
_TRIES: Final = 3
_END_SECONDS: Final = 5.0
_WHOLE_SECONDS: Final = 300.0
"""All of it: reached only where slots are not freed."""
_PATIENCE_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.005
_MODEL: Final = "smollm2"
_WRITE: Final = "Repeat the word hello forever: hello hello hello hello hello hello hello hello hello hello"
"""Has the model write until its context is full."""
_MOST: Final = 8000
_READ: Final = " ".join(f"{number} bottles of beer on the wall." for number in range(700))
"""Takes the model tens of seconds to read."""

Limit = float | dict[str, Any]
"""`timeout` as it stands in a request's body."""


@dataclass
class Heard:
    """What an SDK got: how much text, why it ended, and the error that it raised, each empty where there was none."""

    text: int = 0
    ending: str = ""
    error: str = ""


Read = Callable[[Any, Heard], None]
"""Takes note of one event, or of a whole reply."""
Ask = Callable[[str, bool, Limit | None], Awaitable[Heard]]
"""Asks a question, as a stream or whole, with a timeout in the body or none."""


@dataclass(frozen=True)
class Result:
    """One case: what came of it, and why that is wrong if it is."""

    case: str
    told: float | None
    """Seconds after the request was sent; None where nobody was left to tell."""
    free: float
    """Seconds after that until the slot was free."""
    why: str = ""
    freed: str = "slot free"

    def line(self) -> str:
        """Return it as a line to print."""
        told = "" if self.told is None else f"told after {self.told:.3f} s, "
        reason = f": {self.why}" if self.why else ""
        return (
            f"{'FAIL' if self.why else 'ok':4} {self.case}: {told}{self.freed} after {self.free * 1000:.0f} ms{reason}"
        )


class Site:
    """The relay, and an SDK's client for each dialect."""

    def __init__(self, base: str) -> None:
        self.http = httpx.AsyncClient(base_url=base, timeout=_PATIENCE_SECONDS)
        self._openai = openai.AsyncOpenAI(base_url=f"{base}/v1", api_key="x", timeout=_PATIENCE_SECONDS, max_retries=0)
        self._anthropic = anthropic.AsyncAnthropic(base_url=base, api_key="x", timeout=_PATIENCE_SECONDS, max_retries=0)
        self._google = genai.Client(api_key="x", http_options={"base_url": base}).aio

    @property
    def dialects(self) -> dict[str, Ask]:
        """How each dialect is asked."""
        return {
            "Chat": self._chat,
            "Responses": self._responses,
            "Messages": self._messages,
            "Google": self._generate,
        }

    async def busy(self) -> int:
        """Return how many of the model's slots are at work, by llama.cpp's own word."""
        slots = (await self.http.get("/local/slots")).json()
        return sum(slot["is_processing"] for slot in slots)

    async def until(self, busy: int) -> float:
        """Wait until so many slots are at work; return the seconds that took."""
        start = time.monotonic()
        while await self.busy() != busy:
            if time.monotonic() - start > _PATIENCE_SECONDS:
                raise SystemExit(f"local: {busy} busy slots did not come about in {_PATIENCE_SECONDS:g} s")
            await asyncio.sleep(_PAUSE_SECONDS)
        return time.monotonic() - start

    async def _chat(self, prompt: str, stream: bool, limit: Limit | None) -> Heard:
        def ask() -> Awaitable[Any]:
            asked: Any = {"messages": [{"role": "user", "content": prompt}], "stream": stream, "max_tokens": _MOST}
            return self._openai.chat.completions.create(model=_MODEL, temperature=0, extra_body=_body(limit), **asked)

        def read(one: Any, heard: Heard) -> None:
            for choice in one.choices:
                heard.text += len((choice.delta if stream else choice.message).content or "")
                heard.ending = choice.finish_reason or heard.ending

        return await _heard(ask, read, stream)

    async def _responses(self, prompt: str, stream: bool, limit: Limit | None) -> Heard:
        def ask() -> Awaitable[Any]:
            asked: Any = {"input": prompt, "stream": stream, "max_output_tokens": _MOST}
            return self._openai.responses.create(model=_MODEL, temperature=0, extra_body=_body(limit), **asked)

        def read(one: Any, heard: Heard) -> None:
            last = one if not stream else getattr(one, "response", None)
            if stream and one.type == "response.output_text.delta":
                heard.text += len(one.delta)
            if not stream:
                heard.text = len(one.output_text)
            if last is not None and last.incomplete_details is not None:
                heard.ending = last.incomplete_details.reason
            if last is not None and last.error is not None:
                heard.error = last.error.code

        return await _heard(ask, read, stream)

    async def _messages(self, prompt: str, stream: bool, limit: Limit | None) -> Heard:
        def ask() -> Awaitable[Any]:
            asked: Any = {"messages": [{"role": "user", "content": prompt}], "stream": stream, "max_tokens": _MOST}
            return self._anthropic.messages.create(model=_MODEL, extra_body=_body(limit) | {"temperature": 0}, **asked)

        def read(one: Any, heard: Heard) -> None:
            if not stream:
                heard.text, heard.ending = sum(len(part.text) for part in one.content), one.stop_reason
            elif one.type == "content_block_delta":
                heard.text += len(one.delta.text)
            elif one.type == "message_delta":
                heard.ending = one.delta.stop_reason

        return await _heard(ask, read, stream)

    async def _generate(self, prompt: str, stream: bool, limit: Limit | None) -> Heard:
        options = {"extra_body": _body(limit), "retry_options": {"attempts": 1}}
        config: Any = {"temperature": 0, "max_output_tokens": _MOST, "http_options": options}

        def ask() -> Awaitable[Any]:
            models = self._google.models
            asked = models.generate_content_stream if stream else models.generate_content
            return asked(model=_MODEL, contents=prompt, config=config)

        def read(one: Any, heard: Heard) -> None:
            for candidate in one.candidates or ():
                parts = (candidate.content and candidate.content.parts) or ()
                heard.text += sum(len(part.text or "") for part in parts)
                heard.ending = candidate.finish_reason.name if candidate.finish_reason else heard.ending

        return await _heard(ask, read, stream)


def _body(limit: Limit | None) -> dict[str, Any]:
    return {} if limit is None else {"timeout": limit}


async def _heard(ask: Callable[[], Awaitable[Any]], read: Read, stream: bool) -> Heard:
    """Ask, and take note of all that comes; the stream is closed by whoever stops listening, as good clients do."""
    heard = Heard()
    try:
        reply = await ask()
        if not stream:
            read(reply, heard)
            return heard
        try:
            async for event in reply:
                read(event, heard)
        finally:
            await (reply.aclose() if hasattr(reply, "aclose") else reply.close())
    except (openai.APIError, anthropic.APIError, APIError) as error:
        heard.error = f"{type(error).__name__}: {error}"
    return heard


async def timer(site: Site, name: str, ask: Ask, *, stream: bool) -> Result:
    """Let the total cut a long reply."""
    heard, told, free = await _cut(site, ask, LIMIT_SECONDS, stream=stream)
    wrong = [*([] if "total" in heard.error else [f"the client got {heard}"]), *_faults(told, free)]
    return Result(f"{name}, {_form(stream)}, timeout {LIMIT_SECONDS:g}", told, free, "; ".join(wrong))


async def partial_reply(site: Site, name: str, ask: Ask, *, stream: bool) -> Result:
    """Take what there is when the total cuts a long reply."""
    limit = {"total": LIMIT_SECONDS, "on_timeout": "partial"}
    heard, told, free = await _cut(site, ask, limit, stream=stream)
    fine = heard.text and heard.ending == _CUT_SHORT[name] and not heard.error
    wrong = [*([] if fine else [f"the client got {heard}"]), *_faults(told, free)]
    case = f"{name}, {_form(stream)}, partial after {LIMIT_SECONDS:g}, {heard.text} characters"
    return Result(case, told, free, "; ".join(wrong))


async def _cut(site: Site, ask: Ask, limit: Limit, *, stream: bool) -> tuple[Heard, float, float]:
    """Ask for more than fits into a limit; return what came, when it ended, and how much later the slot was free."""
    start = time.monotonic()
    heard = await ask(_WRITE, stream, limit)
    told = time.monotonic() - start
    return heard, told, await site.until(0)


def _faults(told: float, free: float) -> list[str]:
    fine = LIMIT_SECONDS - 0.01 <= told <= LIMIT_SECONDS + LATE_SECONDS
    return [*([] if fine else ["told too early or too late"]), *_slow(free)]


def _form(stream: bool) -> str:
    return "stream" if stream else "whole"


async def leaving(site: Site, name: str, ask: Ask, *, stream: bool, reading: bool) -> Result:
    """Have the client leave while the model writes, or while it reads a prompt."""
    begun = time.monotonic()
    # Each prompt begins in its own way: the model knows the last one's beginning by heart.
    asking = asyncio.ensure_future(ask(f"{begun} {_READ}" if reading else _WRITE, stream, None))
    await site.until(1)
    await asyncio.wait([asking], timeout=_LEAVE_SECONDS)
    early = asking.done()
    asking.cancel()
    await asyncio.wait([asking])
    free = await site.until(0)
    wrong = [*(["it had ended before the client left"] if early else []), *_slow(free)]
    phase = "the prompt is read" if reading else "it writes"
    return Result(f"{name}, {_form(stream)}, left while {phase}", None, free, "; ".join(wrong))


def _slow(free: float) -> list[str]:
    return [] if free <= FREE_SECONDS else [f"the slot was still busy {FREE_SECONDS * 1000:.0f} ms later"]


async def killed(base: str) -> Result:
    """Kill the relay hard in the middle of a reply: its child, the model's process, ends with it."""
    relay, model = _processes(base)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))
    body = json.dumps({"model": _MODEL, "stream": True, "messages": [{"role": "user", "content": _WRITE}]})
    writer.write(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    await reader.readuntil(b"data:")
    relay.send_signal(signal.SIGKILL)
    start = time.monotonic()
    alive = True
    while alive and time.monotonic() - start < _END_SECONDS:
        await asyncio.sleep(_PAUSE_SECONDS)
        # A zombie has ended: it only waits for whoever has inherited it.
        alive = model.is_running() and model.status() != psutil.STATUS_ZOMBIE
    writer.close()
    why = "the model's process lives on" if alive else ""
    return Result("SIGKILL for the relay", None, time.monotonic() - start, why, freed="the model's process gone")


def _processes(base: str) -> tuple[psutil.Process, psutil.Process]:
    """Return the relay, which is our child, and the model's process, which is the relay's."""
    port = base.rpartition(":")[2]
    relay = next(one for one in psutil.Process().children() if port in one.cmdline())
    (model,) = relay.children()
    return relay, model


async def results(base: str) -> AsyncIterator[Result]:
    """Yield the results of all cases."""
    site = Site(base)
    for name, ask in site.dialects.items():
        for stream in (True, False):
            # SDKs read their own types at the first request, which takes a second.
            await ask("Say hi.", stream, _WARM_SECONDS)
            yield await _thrice(partial(timer, site, name, ask, stream=stream))
            yield await _thrice(partial(partial_reply, site, name, ask, stream=stream))
            yield await _thrice(partial(leaving, site, name, ask, stream=stream, reading=False))
            yield await _thrice(partial(leaving, site, name, ask, stream=stream, reading=True))
    yield await killed(base)


async def _thrice(case: Callable[[], Awaitable[Result]]) -> Result:
    """Return the first result without a fault, or the last."""
    for _ in range(_TRIES - 1):
        result = await case()
        if not result.why:
            return result
        print(f"     again: {result.line()}", flush=True)
    return await case()


async def _report(base: str) -> int:
    passed = failed = 0
    async for result in results(base):
        passed, failed = (passed, failed + 1) if result.why else (passed + 1, failed)
        print(result.line(), flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def main() -> int:
    """Run all cases; return the exit status."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("argo-relay")), "serve", "--local", "--port", str(port)]
    with (
        tempfile.TemporaryDirectory(prefix="local-") as folder,
        process(command, f"{base}/health", Path(folder)),
    ):
        return asyncio.run(asyncio.wait_for(_report(base), _WHOLE_SECONDS))


if __name__ == "__main__":
    sys.exit(main())
