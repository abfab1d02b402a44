"""Legacy completions: one prompt in, one text out, asked as a chat and told as a completion.

https://platform.openai.com/docs/api-reference/completions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.dialects.bodies import read_body
from argo_relay.dialects.openai_chat.dialect import OPENAI_CHAT
from argo_relay.dialects.openai_chat.errors import decode_inner_error, encode_stream_error
from argo_relay.dialects.openai_chat.usage import decode_usage
from argo_relay.errors import BadJson, Refused
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame
from argo_relay.neutral.content import Refusal, Text
from argo_relay.neutral.events import Ended, Event, Failed, Heartbeat, PartStarted, Started, TextDelta, UsageSeen
from argo_relay.neutral.failure import Failure, bad_request
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.reply import Reply, Stop, Usage
from argo_relay.neutral.request import Request

_SAME: Final = (
    "model", "max_tokens", "temperature", "top_p", "stop", "seed", "stream", "stream_options", "presence_penalty",
    "frequency_penalty", "logit_bias", "user", "n",
)  # fmt: skip
_NOTHING: Final[dict[str, tuple[object, ...]]] = {
    "echo": (False,), "suffix": ("",), "best_of": (1,), "logprobs": (0,),
}  # fmt: skip
"""Members that a chat cannot say, with the values that ask for nothing."""
_DONE: Final = b"[DONE]"
_FINISHES: Final = {"length": "length", "context_full": "length", "content_filter": "content_filter"}


def outline(incoming: Incoming) -> Outline:
    """Read a request; raise Refused (400, the field named) when it cannot be one."""
    document = read_body(incoming, {})
    values = document.values
    model = values.get("model")
    if not isinstance(model, str) or not model:
        raise Refused(bad_request("`model` is required: the name of a model.", "model", "missing_required_parameter"))
    return Outline(model=model, stream=values.get("stream") is True, timeout=values.get("timeout"), body=document)


def decode_request(outline: Outline) -> Request:
    """Return the chat that asks for the completion: the prompt is what the user says."""
    values = outline.body.values
    chat: dict[str, Any] = {name: values[name] for name in _SAME if name in values}
    chat["messages"] = [{"role": "user", "content": _prompt(values.get("prompt"))}]
    for name, nothing in _NOTHING.items():
        value = values.get(name)
        if value is not None and value not in nothing:
            raise Refused(bad_request(f"`{name}` is not supported for this model: it is asked as a chat.", name))
    incoming = Incoming(body=jsonx.encode(chat))
    return OPENAI_CHAT.decode_request(OPENAI_CHAT.outline(incoming))


def _prompt(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and value:
        return value
    raise Refused(bad_request("`prompt` must be one text for this model: send one request a prompt.", "prompt"))


def encode_reply(reply: Reply, request: Request) -> tuple[bytes, Losses]:
    """Return a reply as a completion."""
    losses: Losses = []
    said = []
    for index, part in enumerate(reply.parts):
        if isinstance(part, Text | Refusal):
            said.append(part.text)
        else:
            losses.append(_lost(index, part))
    body = _head(reply.id, reply.model, reply.created or request.received)
    body["choices"] = [_choice("".join(said), reply.stop)]
    if reply.usage is not None:
        body["usage"] = _usage(reply.usage)
    return jsonx.encode(body), losses


class CompletionStreamEncoder:
    """Writes a reply as a stream of completions."""

    def __init__(self, request: Request) -> None:
        self.losses: Losses = []
        self._include_usage = request.include_usage
        self._received = request.received
        self._head: dict[str, Any] = {}
        self._said: set[int] = set()
        self._usage: Usage | None = None

    def feed(self, event: Event) -> bytes:
        """Return what an event looks like."""
        if isinstance(event, TextDelta):
            return self._chunk([_choice(event.text, None)]) if event.index in self._said else b""
        if isinstance(event, PartStarted):
            return self._start(event)
        if isinstance(event, Started):
            self._head = _head(event.id, event.model, event.created or self._received)
        elif isinstance(event, UsageSeen):
            self._usage = event.usage.over(self._usage)
        elif isinstance(event, Ended):
            return self._end(event.stop)
        elif isinstance(event, Failed):
            return encode_stream_error(event.failure)
        elif isinstance(event, Heartbeat):
            return OPENAI_CHAT.heartbeat
        return b""

    def _start(self, event: PartStarted) -> bytes:
        if not isinstance(event.part, Text | Refusal):
            self.losses.append(_lost(event.index, event.part))
            return b""
        self._said.add(event.index)
        return self._chunk([_choice(event.part.text, None)]) if event.part.text else b""

    def _end(self, stop: Stop) -> bytes:
        end = self._chunk([_choice("", stop)])
        if self._include_usage and self._usage is not None:
            end += self._chunk([], usage=_usage(self._usage))
        return end + sse.write(_DONE)

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return sse.write(jsonx.encode(self._head | {"choices": choices} | more))


class CompletionStreamWatch:
    """Follows a stream of completions that is relayed as it came; see `dialects.base.StreamWatch`."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.ended = False
        self.failure: Failure | None = None
        self._finished = False
        self._cut = False
        self._closing = b""

    def feed(self, frame: Frame) -> tuple[bool, bytes]:
        """Read a frame; nothing ever has to go out before one."""
        if frame.data is None:
            return False, b""
        self._closing = sse.closing(frame.raw)
        if frame.data.strip() == _DONE:
            self.ended = True
            return False, b""
        try:
            chunk: Any = jsonx.decode_loosely(frame.data)
        except BadJson:
            # Only a stream's last frame can lack its blank line, and then it was cut off before its end.
            self._cut = bool(self._closing)
            return False, b""
        return self._read(chunk) if isinstance(chunk, dict) else False, b""

    def skim(self, frames: list[bytes], start: int) -> int:
        """Leave all frames to `feed`."""
        del frames, start
        return 0

    def finish(self) -> bytes | None:
        """Return what completes a stream whose connection ended: a last blank line, and `[DONE]` after a finish."""
        if self.ended or self.failure is not None:
            return self._closing
        return self._closing + sse.write(_DONE) if self._finished and not self._cut else None

    def fail(self, failure: Failure) -> bytes:
        """Return the error as the stream's last event."""
        return encode_stream_error(failure)

    def _read(self, chunk: dict[str, Any]) -> bool:
        self.failure = decode_inner_error(chunk)
        usage = decode_usage(chunk.get("usage"))
        self.usage = usage or self.usage
        choices = chunk.get("choices")
        choices = [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []
        finished = any(one.get("finish_reason") for one in choices)
        self._finished = self._finished or finished
        return self.failure is not None or finished or usage is not None or any(one.get("text") for one in choices)


def _head(identifier: str, model: str, created: int | None) -> dict[str, Any]:
    bare = identifier.removeprefix("chatcmpl-")
    return {"id": f"cmpl-{bare}", "object": "text_completion", "created": created or 0, "model": model}


def _choice(text: str, stop: Stop | None) -> dict[str, Any]:
    finish = None if stop is None else _FINISHES.get(stop.reason, "stop")
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}


def _usage(usage: Usage) -> Mapping[str, int]:
    tokens_in, tokens_out = usage.input or 0, usage.output or 0
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def _lost(index: int, part: object) -> Loss:
    what = type(part).__name__.lower()
    return Loss(path=f"parts[{index}]", what=what, why="A completion holds text only.")


COMPLETIONS: Final = msgspec.structs.replace(
    OPENAI_CHAT,
    name="openai_completions",
    outline=outline,
    watch_stream=CompletionStreamWatch,
    decode_request=decode_request,
    encode_reply=encode_reply,
    stream_encoder=CompletionStreamEncoder,
)
"""The client's side of it; an upstream that has such completions itself is relayed to as it is."""
