"""The soak's clients: what they ask, how they behave, and whether what they got is right."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from soak_upstream import words_of

DIALECTS: Final = ("chat", "messages", "responses", "google")
_PATIENCE_SECONDS: Final = 60.0
_TALK: Final = "some earlier words of a long talk, and then some more of them. "
_CHUNK: Final = re.compile(rb"([0-9a-fA-F]+)\r\n")
_UPSTREAMS_FAULT: Final = frozenset({429, 500, 502, 503, 504, 529})
_OWN_FAULT: Final = "internal_error"
_TOO_LATE: Final = "an answer after its limit"
_OTHER_LIMIT: Final = "another error where a limit passes"
_WELL: Final = "an error of an upstream that is well"


@dataclass(frozen=True)
class Asked:
    """One request. `model` is a route's name: `steady`, `flappy` (the flaky one, then the steady), `alone`."""

    number: int
    dialect: str
    model: str
    stream: bool
    words: int
    size: int
    """Bytes of talk before."""
    manner: str = "stays"
    """`stays`, `leaves` midway, `hurries` (its limit passes), or `dawdles` (reads slowly)."""

    @property
    def kind(self) -> str:
        """What it is counted as."""
        return f"{self.model}, {'stream' if self.stream else 'whole'}, {self.manner}"

    @property
    def prompt(self) -> str:
        """What it says: see `soak_upstream`."""
        late = 3.0 if self.manner == "hurries" else 0.0
        return f"{_TALK * (self.size // len(_TALK))}soak {self.number} {self.words} {0.05 if self.stream else 0} {late}"

    @property
    def limit(self) -> float:
        """Seconds that it may take."""
        return 0.5 if self.manner == "hurries" else 8.0

    def bytes(self) -> bytes:
        """Return it as it is sent."""
        path, body = _BODIES[self.dialect](self)
        data = json.dumps({**body, "timeout": self.limit}).encode()
        lines = (
            f"POST {path} HTTP/1.1",
            "host: localhost",
            "content-type: application/json",
            "connection: close",
            f"content-length: {len(data)}",
        )
        return "\r\n".join((*lines, "", "")).encode() + data


def draw(number: int, rng: Random) -> Asked:
    """Return a request of the mix."""
    stream = rng.random() < 0.6
    manner = rng.choices(("stays", "leaves", "hurries", "dawdles"), (80, 8, 6, 6))[0]
    return Asked(
        number=number,
        dialect=rng.choice(DIALECTS),
        model=rng.choices(("steady", "flappy", "alone"), (60, 25, 15))[0],
        stream=stream or manner in ("leaves", "dawdles"),
        words=rng.choice((3, 20, 60)),
        size=rng.choice((500, 1_000, 4_000, 20_000, 250_000)),
        manner=manner,
    )


async def ask(asked: Asked, port: int) -> str:
    """Ask; return how it ended: `right`, `left`, the upstream's error, or after `WRONG: ` what must not be.

    `LATE: `: it must not be where an upstream that is well, and its client, always get their turns.
    `not reached` and `cut off` (without a byte of reply) are right only where the relay was being ended.
    """
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 16)
            try:
                writer.write(asked.bytes())
                return await _read(asked, reader)
            finally:
                writer.transport.abort()
    except TimeoutError:
        return f"WRONG: no end within {_PATIENCE_SECONDS:g} s"
    except ConnectionRefusedError:
        return "not reached"
    except OSError:
        return "cut off"


async def _read(asked: Asked, reader: asyncio.StreamReader) -> str:
    if asked.manner == "leaves":
        await reader.read(400)
        return "left"
    pieces = []
    try:
        while piece := await reader.read(512 if asked.manner == "dawdles" else 65536):
            pieces.append(piece)
            if asked.manner == "dawdles":
                await asyncio.sleep(0.05)
    except OSError:
        return "WRONG: a reset within its reply" if pieces else "cut off"
    return judge(asked, b"".join(pieces))


def judge(asked: Asked, reply: bytes) -> str:
    """Say what a reply is worth; see `ask`."""
    head, _, body = reply.partition(b"\r\n\r\n")
    if not head:
        return "cut off"
    status = int(head[9:12])
    try:
        values = list(_values(_unchunked(body) if b"chunked" in head.lower() else body))
    except ValueError as error:
        return f"WRONG: {status}, {error}: {body[-120:]!r}"
    errors = [found for value in values if (found := _error_of(value))]
    text = "".join(_text_of(value) for value in values)
    wrong = _wrong(asked, status, errors, text)
    if wrong:
        kind = "LATE" if wrong in (_TOO_LATE, _OTHER_LIMIT, _WELL) else "WRONG"
        return f"{kind}: {status}, {wrong}: {body[-200:]!r}"
    if not errors:
        return "right"
    if asked.manner == "hurries":
        return "its limit passed"
    return f"the upstream's error {status}" if status != 200 else "the upstream's error, in a stream"


def _wrong(asked: Asked, status: int, errors: list[str], text: str) -> str:
    """Say what is wrong with a reply, or nothing."""
    expected = words_of(asked.number, asked.words)
    hurries, said = asked.manner == "hurries", str(errors)
    wrongs = {
        "the relay's own fault": _OWN_FAULT in said,
        "a status that no upstream's failure has": status != 200 and status not in _UPSTREAMS_FAULT,
        "no error where there is no answer": status != 200 and not errors,
        _TOO_LATE: not errors and hurries,
        "another text": not expected.startswith(text) or (not errors and text != expected),
        _OTHER_LIMIT: hurries and asked.model == "steady" and "took longer than its total" not in said,
        _WELL: bool(errors) and asked.model == "steady" and not hurries,
    }
    return next((what for what, is_so in wrongs.items() if is_so), "")


def _unchunked(body: bytes) -> bytes:
    pieces: list[bytes] = []
    at = 0
    while match := _CHUNK.match(body, at):
        size = int(match[1], 16)
        if size == 0:
            return b"".join(pieces)
        pieces.append(body[match.end() : match.end() + size])
        at = match.end() + size + 2
    raise ValueError("cut off within its chunks")


def _values(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the JSON of a whole reply, or of all events of a stream, of which the last must be an end."""
    if body.lstrip()[:1] in (b"{", b"["):
        value = json.loads(body)
        yield from value if isinstance(value, list) else [value]
        return
    last = ""
    for line in body.decode().splitlines():
        if line.startswith("data:"):
            last = line[5:].strip()
            if last != "[DONE]":
                yield json.loads(last)
    if not any(end in last for end in _ENDS):
        raise ValueError("no end of a stream")


_ENDS: Final = ("[DONE]", "message_stop", "response.completed", "response.failed", "finishReason", '"error"')


def _error_of(value: dict[str, Any]) -> str:
    error = value.get("error") or (value.get("response") or {}).get("error")
    return json.dumps(error) if error else ""


def _text_of(value: dict[str, Any]) -> str:
    """Return the text in a whole reply, or in an event, of whichever dialect."""
    if value.get("type") == "response.output_text.delta":
        return str(value["delta"])
    if value.get("type") == "content_block_delta":
        return str(value["delta"].get("text", ""))
    choices = "".join(
        (one.get("message") or one.get("delta") or {}).get("content") or "" for one in value.get("choices", ())
    )
    parts = [part for one in value.get("candidates", ()) for part in one.get("content", {}).get("parts", ())]
    parts += [part for part in value.get("content", ()) if isinstance(part, dict)]
    parts += [part for item in value.get("output", ()) for part in item.get("content", ())]
    return choices + "".join(part.get("text", "") for part in parts)


def _chat(asked: Asked) -> tuple[str, dict[str, Any]]:
    messages = [{"role": "user", "content": asked.prompt}]
    return "/v1/chat/completions", {"model": asked.model, "messages": messages, "stream": asked.stream}


def _messages(asked: Asked) -> tuple[str, dict[str, Any]]:
    return "/v1/messages", {**_chat(asked)[1], "max_tokens": 4000}


def _responses(asked: Asked) -> tuple[str, dict[str, Any]]:
    return "/v1/responses", {"model": asked.model, "input": asked.prompt, "stream": asked.stream}


def _google(asked: Asked) -> tuple[str, dict[str, Any]]:
    verb = "streamGenerateContent?alt=sse" if asked.stream else "generateContent"
    contents = [{"role": "user", "parts": [{"text": asked.prompt}]}]
    return f"/v1beta/models/{asked.model}:{verb}", {"contents": contents}


_BODIES: Final = {"chat": _chat, "messages": _messages, "responses": _responses, "google": _google}
