"""Law 5: the vendor's own SDK makes the same message of our stream as of our whole reply.

The SDKs talk to a transport in memory; nothing is sent.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

import httpx2
import msgspec

from argo_relay.dialects.base import Dialect, encode_events
from argo_relay.neutral.fold import unfold
from support.corpus import Exchange
from support.law_streams import asker, whole
from support.sights import differences, events_of, folded, frames_of

_HELLO: Final[Any] = [{"role": "user", "content": "Hello."}]


class Wire:
    """An upstream in memory: it answers every request with the same bytes."""

    def __init__(self) -> None:
        self.body = b""
        self.client = httpx2.Client(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        kind = "application/json" if self.body.startswith((b"{", b"[")) else "text/event-stream"
        return httpx2.Response(200, headers={"content-type": kind}, content=self.body)


WIRE: Final = Wire()


@cache
def _openai() -> Any:
    from openai import OpenAI

    return OpenAI(api_key="x", base_url="http://sdk.test/v1", max_retries=0, http_client=WIRE.client)


@cache
def _anthropic() -> Any:
    from anthropic import Anthropic

    return Anthropic(api_key="x", base_url="http://sdk.test", max_retries=0, http_client=WIRE.client)


@cache
def _google() -> Any:
    from google import genai

    options = genai.types.HttpOptions(base_url="http://sdk.test", httpx_client=WIRE.client)
    return genai.Client(api_key="x", http_options=options)


def _chat(*, stream: bool) -> Any:
    from openai.lib.streaming.chat import ChatCompletionStreamState

    chat = _openai().chat.completions
    if not stream:
        return chat.create(model="m", messages=_HELLO)
    state = ChatCompletionStreamState()
    for chunk in chat.create(model="m", messages=_HELLO, stream=True):
        state.handle_chunk(chunk)
    return state.current_completion_snapshot


def _responses(*, stream: bool) -> Any:
    responses = _openai().responses
    if not stream:
        return responses.create(model="m", input="Hello.")
    with responses.stream(model="m", input="Hello.") as events:
        for _ in events:
            pass
        return events.get_final_response()


def _messages(*, stream: bool) -> Any:
    asked = {"model": "m", "max_tokens": 9, "messages": _HELLO}
    if not stream:
        return _anthropic().messages.create(**asked)
    with _anthropic().messages.stream(**asked) as events:
        return events.get_final_message()


def _generated(*, stream: bool) -> Any:
    models = _google().models
    asked = {"model": "m", "contents": "Hello."}
    chunks = models.generate_content_stream(**asked) if stream else [models.generate_content(**asked)]
    return _gathered([chunk.model_dump(mode="json", by_alias=True, exclude_none=True) for chunk in chunks])


def _gathered(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return chunks as one reply, as Google's clients gather them: neighbouring texts of one sort are one."""
    reply: dict[str, Any] = {}
    parts: list[dict[str, Any]] = []
    candidate: dict[str, Any] = {}
    for chunk in chunks:
        reply.update({key: value for key, value in chunk.items() if key not in {"candidates", "sdkHttpResponse"}})
        for one in chunk.get("candidates", [])[:1]:
            for part in one.get("content", {}).get("parts", []):
                _gather(parts, part)
            candidate.update({key: value for key, value in one.items() if key != "content"})
    content = {"role": "model", "parts": [part for part in parts if part != {"text": ""}]}
    return {**reply, "candidates": [{**candidate, "content": content}]}


def _gather(parts: list[dict[str, Any]], part: dict[str, Any]) -> None:
    last = parts[-1] if parts else {}
    sealed = "thoughtSignature" in last
    if "text" in part and "text" in last and not sealed and part.get("thought") == last.get("thought"):
        parts[-1] = {**last, **part, "text": last["text"] + part["text"]}
    else:
        parts.append(part)


_ASK: Final[dict[str, Callable[..., Any]]] = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic": _messages,
    "google": _generated,
}


def streamed(dialect: str, stream: bytes) -> dict[str, Any]:
    """Return the message that the SDK makes of a stream."""
    return _heard(dialect, stream, stream=True)


def streamed_short(dialect: str, stream: bytes) -> dict[str, Any]:
    """Return the message that the SDK makes of a stream which ended at a length limit.

    The Responses API's helper has no final response then: programs take it from the last event.
    """
    if dialect != "openai_responses":
        return streamed(dialect, stream)
    WIRE.body = stream
    with _openai().responses.stream(model="m", input="Hello.") as events:
        *_, last = events
    made: dict[str, Any] = last.response.to_dict(mode="json", exclude_unset=False)
    return made


def answered(dialect: str, body: bytes) -> dict[str, Any]:
    """Return the message that the SDK makes of a whole reply."""
    return _heard(dialect, body, stream=False)


def _heard(dialect: str, body: bytes, *, stream: bool) -> dict[str, Any]:
    WIRE.body = body
    with warnings.catch_warnings():
        # The SDKs warn of words that are newer than they are.
        warnings.simplefilter("ignore")
        made = _ASK[dialect](stream=stream)
        plain: dict[str, Any] = made if isinstance(made, dict) else made.to_dict(mode="json", exclude_unset=False)
    return plain


def reads_alike(dialect: Dialect, exchange: Exchange) -> Iterator[str]:
    """Yield where the SDK's message of the stream differs from the one of the whole reply."""
    asked = asker(dialect, exchange)
    if exchange.stream is not None:
        fold = folded(events_of(dialect, frames_of(dialect, exchange.stream)))
        reply = fold.reply() if fold.stop is not None else None
    else:
        reply = whole(dialect, exchange)
    if reply is None:
        return
    # A stream has no place for a reply's extras.
    reply = msgspec.structs.replace(reply, extras={})
    text, _ = dialect.encode_reply(reply, asked)
    stream = encode_events(dialect.stream_encoder(asked), unfold(reply))
    want = _settled(_heard(dialect.name, text, stream=False))
    got = _settled(_heard(dialect.name, stream, stream=True))
    for message in (want, got):
        if dialect.name == "anthropic" and "usage" in message:
            message["usage"] = {key: value for key, value in message["usage"].items() if key not in _START_ONLY}
    yield from differences(want, got)


_FORM: Final = {"object", "obfuscation", "parsed", "parsed_arguments", "output_parsed", "index"}
"""What says only which form it was, or what the SDK's stream adds of its own."""

_START_ONLY: Final = {"cache_creation", "inference_geo", "iterations", "service_tier", "speed"}
"""Of Anthropic's usage the SDK takes these from a stream's start alone, where a translated one has none yet."""


def _settled(value: Any) -> Any:
    """Return a message without what is null or empty, which one form may leave out."""
    if isinstance(value, dict):
        kept = {key: _settled(one) for key, one in value.items() if key not in _FORM}
        return {key: one for key, one in kept.items() if one not in (None, [], {}, "")}
    return [_settled(one) for one in value] if isinstance(value, list) else value
