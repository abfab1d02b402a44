"""A Chat Completions stream, watched while it is relayed.

It knows three things that the relay needs: when content came (for the timers), whether the stream ended properly, and
what it cost. It also mends one thing: a stream that is complete but lacks a `finish_reason` gets one, because a popular
client (opencode 1.18) repeats the request without pause when it is missing.

https://platform.openai.com/docs/api-reference/chat/streaming
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from argo_relay.dialects.openai_chat.errors import decode_inner_error, encode_stream_error
from argo_relay.dialects.openai_chat.usage import usage_of
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.reply import Usage

_DONE: Final = b"[DONE]"


def plain_text(chunk: dict[str, Any]) -> str | None:
    """Return the text of a chunk that says nothing but text, as most do; None for any other chunk.

    It spares them all other questions, which take 4 us an event to decode and 1 to watch (`bench/translate.py`).
    """
    choices = chunk.get("choices")
    if not isinstance(choices, list) or len(choices) != 1:
        return None
    if chunk.get("usage") or chunk.get("error") or chunk.get("x_groq"):
        return None
    choice = choices[0]
    delta = choice.get("delta") if isinstance(choice, dict) else None
    if not isinstance(delta, dict) or choice.get("finish_reason") or choice.get("logprobs") or choice.get("error"):
        return None
    text = delta.get("content")
    if choice.get("index") or not isinstance(text, str) or not text:
        return None
    if len(delta) > 1:
        for name, value in delta.items():
            if value and name not in _TEXT:
                return None
    return text


_TEXT: Final = frozenset({"content", "role"})


class _Delta(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    content: Annotated[str, msgspec.Meta(min_length=1)]
    role: str | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    audio: None = None
    reasoning_content: None = None
    reasoning: None = None


class _Choice(msgspec.Struct, frozen=True, gc=False):
    delta: _Delta
    index: Literal[0] = 0
    finish_reason: None = None
    logprobs: None = None
    error: None = None


class _Plain(msgspec.Struct, frozen=True, gc=False):
    """A chunk of which `plain_text` is sure: what it must not say is null or left out. Nothing else is made of it."""

    choices: tuple[_Choice]
    usage: None = None
    error: None = None
    x_groq: None = None


_plain: Final = msgspec.json.Decoder(_Plain)


def plain_text_of(data: bytes) -> str | None:
    """Return the same of a frame's data, where a glance tells."""
    if b'"content"' not in data:
        return None
    chunk = jsonx.decode_shaped(_plain, data)
    return None if chunk is None else chunk.choices[0].delta.content


def _is_plain(frame: bytes) -> bool:
    """Tell whether a frame, its end left out, is one line with a chunk of nothing but text."""
    return (
        frame.startswith(sse.DATA)
        and b"\n" not in frame
        and b'"content"' in frame
        and jsonx.decode_shaped(_plain, frame[6:]) is not None
    )


class ChatStreamWatch:
    """Follows one stream; fed every frame in order."""

    __slots__ = ("_chunk", "_closing", "_cut", "_finished", "_open", "_skimmed", "ended", "failure", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.ended = False
        self.failure: Failure | None = None
        self._chunk: dict[str, Any] = {}
        self._skimmed = b""
        """The last chunk, where it was skimmed: then it is not in `_chunk`."""
        self._closing = b""
        self._cut = False
        self._open: dict[int, str] = {}
        self._finished: set[int] = set()

    def feed(self, frame: Frame) -> tuple[bool, bytes]:
        """Read a frame; before a `[DONE]` that came too early for some choice, the missing finish goes out."""
        raw = frame.raw
        if raw.endswith(b"\n\n"):
            self._closing = b""
        elif raw.strip():
            self._closing = sse.closing(raw)
        if frame.data is None:
            # Comments aside, not even the name of a last frame's field has arrived whole.
            self._cut = bool(self._closing) and not raw.startswith(b":")
            return False, b""
        if frame.data.strip() == _DONE:
            self.ended = True
            return False, self._missing_finish()
        try:
            chunk = jsonx.decode_loosely(frame.data)
        except BadJson:
            # Only a stream's last frame can lack its blank line, and then it was cut off before its end.
            self._cut = bool(self._closing)
            return False, b""
        return self._read(chunk) if isinstance(chunk, dict) else False, b""

    def skim(self, frames: list[bytes], start: int) -> int:
        """Read chunks that say nothing but text; see StreamWatch."""
        at = start
        while at < len(frames) and _is_plain(frames[at]):
            at += 1
        if at > start:
            self._closing = b""
            self._skimmed = frames[at - 1][len(sse.DATA) :]
            self._say_more()
        return at - start

    def finish(self) -> bytes | None:
        """Return what completes a stream whose connection ended: a last blank line, and `[DONE]` after a finish."""
        if self.ended or self.failure is not None:
            return self._closing
        complete = self._finished and not self._open and not self._cut
        return self._closing + sse.write(_DONE) if complete else None

    def fail(self, failure: Failure) -> bytes:
        """Return the error as the stream's last event."""
        return encode_stream_error(failure)

    def _read(self, chunk: dict[str, Any]) -> bool:
        if plain_text(chunk) is not None:
            self._chunk, self._skimmed = chunk, b""
            self._say_more()
            return True
        self.failure = decode_inner_error(chunk)
        if self.failure is not None:
            return True
        if usage := usage_of(chunk):
            self.usage = usage
        content = False
        choices: Any = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                content = self._read_choice(choice) or content
                self._chunk, self._skimmed = chunk, b""
        return content

    def _say_more(self) -> None:
        if 0 not in self._finished:
            self._open.setdefault(0, "stop")

    def _read_choice(self, choice: dict[str, Any]) -> bool:
        index = choice.get("index")
        index = index if isinstance(index, int) else 0
        delta = choice.get("delta")
        carried = (
            [field for field, value in delta.items() if value and field != "role"] if isinstance(delta, dict) else []
        )
        if choice.get("finish_reason"):
            self._open.pop(index, None)
            self._finished.add(index)
            return True
        if index not in self._finished:
            called = "tool_calls" in carried or self._open.get(index) == "tool_calls"
            self._open[index] = "tool_calls" if called else "stop"
        # Legacy completions stream their text here.
        return bool(carried or choice.get("text"))

    def _missing_finish(self) -> bytes:
        if not self._open:
            return b""
        last: dict[str, Any] = jsonx.decode_loosely(self._skimmed) if self._skimmed else self._chunk
        chunk: dict[str, Any] = {key: last[key] for key in ("id", "object", "created", "model") if key in last}
        chunk["choices"] = [
            {"index": index, "delta": {}, "finish_reason": reason, "logprobs": None}
            for index, reason in sorted(self._open.items())
        ]
        self._open.clear()
        return sse.write(jsonx.encode(chunk))
