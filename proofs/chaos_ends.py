"""Whether what a client of the chaos run got is one well-formed end in its dialect, and which.

Each function below returns what is wrong, in words; nothing where all is well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from chaos_draw import Case

_MARK: Final = re.compile(rb"<chaos-(\d+)-")
_CUT: Final = ("length", "max_tokens", "incomplete", "MAX_TOKENS")
"""How a partial reply says that it ended."""
_NOISE: Final = {"garbage", "nothing"}
"""Deeds of upstreams that say what is no event of any dialect."""


@dataclass
class Reply:
    """What came over the wire; `complete`: in HTTP's own terms."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False


@dataclass
class End:
    """kind: whole | partial | stream | partial stream | error | error in stream | none."""

    kind: str
    problems: list[str] = field(default_factory=list)
    timer: str | None = None
    """The one that fired, as far as the client is told."""
    text: str = ""


class _Wrong(Exception):
    """What came is not well-formed."""


def end_of(case: Case, reply: Reply) -> End:
    """Return how a reply ended; to be asked of replies that are complete."""
    body = bytes(reply.body)
    try:
        end = _read(case, reply, body)
    except _Wrong as wrong:
        end = End("malformed", [f"{wrong}: {reply.status} {body[:200]!r} ... {body[-300:]!r}"])
    strangers = {found for found in _MARK.findall(body) if int(found) != case.number}
    if strangers:
        end.problems.append(f"it holds words for request {strangers}")
    if b"after the end" in body:
        end.problems.append("it holds what the upstream said after its end")
    if b"internal_error" in body:
        end.problems.append("the relay failed inside")
    for header in ("x-request-id", "x-timeout", "x-timeout-source"):
        if header not in reply.headers:
            end.problems.append(f"no {header}")
    return end


def _read(case: Case, reply: Reply, body: bytes) -> End:
    if reply.status >= 400:
        return _error(case, reply, body)
    if reply.status != 200:
        raise _Wrong("a status that is neither good nor an error")
    media = reply.headers.get("content-type", "").partition(";")[0]
    if not case.stream or case.array:
        if media != "application/json":
            raise _Wrong(f"the type is {media}")
        return _array(_json(body)) if case.array else _whole(case, reply, _json(body))
    if media != "text/event-stream":
        raise _Wrong(f"the type is {media}")
    return _stream(case, body)


def _stream(case: Case, body: bytes) -> End:
    try:
        return _STREAMS[case.dialect](_events(body))
    except _Wrong:
        if not _NOISE & {deed.name for deed in case.deeds}:
            raise
    # What an upstream says in the client's own dialect goes out as it came, noise too; the end must be told even so.
    end = _STREAMS[case.dialect](_events(body.decode(errors="replace").encode())[-1:])
    if end.kind != "error in stream":
        raise _Wrong("noise that ends well")
    return end


def _error(case: Case, reply: Reply, body: bytes) -> End:
    value = _json(body)
    if case.array and isinstance(value, list) and len(value) == 1:
        value = value[0]
    end = End("error", _wrong_error(case.dialect, value), reply.headers.get("x-timeout-timer"), str(value)[:400])
    if end.timer and (reply.status != 504 or reply.headers.get("x-should-retry") != "false"):
        end.problems.append(f"a timeout with status {reply.status}, or one that SDKs would send again")
    if end.timer and end.timer not in end.text and not (end.timer == "queue" and "turn" in end.text):
        end.problems.append("the error does not name its timer")
    return end


def _wrong_error(dialect: str, value: Any) -> list[str]:
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str) or not error["message"]:
        return [f"no error of this dialect: {str(value)[:300]}"]
    if dialect == "messages" and (value.get("type") != "error" or not isinstance(error.get("type"), str)):
        return [f"no error of Messages: {value}"]
    if dialect == "google" and not isinstance(error.get("code"), int):
        return [f"no error of Google's: {value}"]
    if "127.0.0.1" in error["message"]:
        return [f"it tells the upstream's address: {value}"]
    return []


def _whole(case: Case, reply: Reply, value: Any) -> End:
    if isinstance(value, dict) and value.get("error") and "id" not in value:
        # After white space that keeps the connection alive the status is fixed.
        return End("error", _wrong_error(case.dialect, value), _timer_in(str(value)), str(value)[:400])
    stop = _stop_of(case, value)
    told = reply.headers.get("x-timeout-partial") == "true"
    if told and not case.partial:
        raise _Wrong("a partial reply that nobody wants")
    if told and "x-timeout-timer" not in reply.headers:
        raise _Wrong("a partial reply that names no timer")
    return End("partial" if told or stop in _CUT else "whole", timer=reply.headers.get("x-timeout-timer"))


def _stop_of(case: Case, value: Any) -> str:
    """Return why a whole reply ended."""
    dialect = case.dialect
    try:
        if dialect == "chat":
            stop = value["choices"][0].get("finish_reason")
            fine = value["object"] == "chat.completion" and "message" in value["choices"][0]
        elif dialect == "messages":
            stop, fine = value.get("stop_reason"), value["type"] == "message" and isinstance(value["content"], list)
        elif dialect == "responses":
            stop, fine = value["status"], value["object"] == "response" and isinstance(value["output"], list)
        else:
            stop, fine = value["candidates"][0].get("finishReason"), True
    except (KeyError, IndexError, TypeError):
        raise _Wrong("no reply of this dialect") from None
    if not fine:
        raise _Wrong("no reply of this dialect")
    if stop is None and b"[no_finish]" in case.body:
        # A whole reply in the client's own dialect goes out as it came.
        return "unsaid"
    if not isinstance(stop, str):
        raise _Wrong("a reply that does not say why it ended")
    return stop


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise _Wrong("no JSON") from None


def _events(body: bytes) -> list[tuple[str, str]]:
    """Return the name and the data of each event."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _Wrong("no UTF-8") from None
    text = text.replace("\r\n", "\n")
    if text and not text.endswith("\n\n") and text.strip():
        raise _Wrong("half an event at the end")
    events = []
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        fields = [line.partition(":")[::2] for line in lines]
        data = [value.removeprefix(" ") for name, value in fields if name == "data"]
        name = next((value.removeprefix(" ") for name, value in fields if name == "event"), "")
        if data:
            events.append((name, "\n".join(data)))
    if not events:
        raise _Wrong("a stream without an event")
    return events


def _values(events: list[tuple[str, str]]) -> list[Any]:
    values = []
    for _, data in events:
        try:
            values.append(json.loads(data))
        except ValueError:
            raise _Wrong(f"an event that is no JSON: {data[:100]!r}") from None
    return values


def _one_end(flags: list[bool]) -> None:
    if flags.count(True) != 1 or not flags[-1]:
        raise _Wrong(f"{flags.count(True)} ends, the last event {'is' if flags[-1] else 'is none'}")


def _chat_stream(events: list[tuple[str, str]]) -> End:
    done = [data == "[DONE]" for _, data in events]
    values = _values([event for event, last in zip(events, done, strict=True) if not last])
    failed = [isinstance(value, dict) and bool(value.get("error")) for value in values]
    if any(failed):
        _one_end([*failed, *([False] if any(done) else [])])
        return _failed("chat", values[-1])
    _one_end(done)
    stops = [choice["finish_reason"] for value in values for choice in value.get("choices") or [] if _stops(choice)]
    if not stops and any(value.get("choices") for value in values):
        raise _Wrong("no finish reason")
    return End("partial stream" if stops and stops[-1] in _CUT else "stream")


def _stops(choice: Any) -> bool:
    return isinstance(choice, dict) and bool(choice.get("finish_reason"))


def _messages_stream(events: list[tuple[str, str]]) -> End:
    values = _values(events)
    kinds = [value.get("type") if isinstance(value, dict) else None for value in values]
    if any(name and name != kind for (name, _), kind in zip(events, kinds, strict=True)):
        raise _Wrong("an event whose name is not its type")
    _one_end([kind in ("message_stop", "error") for kind in kinds])
    if kinds[-1] == "error":
        return _failed("messages", values[-1])
    if kinds.count("message_start") != 1 or kinds.count("content_block_start") != kinds.count("content_block_stop"):
        raise _Wrong("blocks that are not closed, or no start")
    stops = [value["delta"].get("stop_reason") for value in values if value.get("type") == "message_delta"]
    if not stops or not stops[-1]:
        raise _Wrong("no stop reason")
    return End("partial stream" if stops[-1] in _CUT else "stream")


def _responses_stream(events: list[tuple[str, str]]) -> End:
    values = _values(events)
    kinds = [str(value.get("type")) if isinstance(value, dict) else "" for value in values]
    ends = ("response.completed", "response.incomplete", "response.failed", "error")
    # The official SDKs raise at any event with an `error`.
    failed = [bool(value.get("error")) if isinstance(value, dict) else False for value in values]
    _one_end([kind in ends or fail for kind, fail in zip(kinds, failed, strict=True)])
    if kinds[-1] in ("response.failed", "error") or failed[-1]:
        return _failed("responses", values[-1].get("response") or values[-1])
    if kinds[0] != "response.created":
        raise _Wrong("the first event does not create the response")
    return End("partial stream" if kinds[-1] == "response.incomplete" else "stream")


def _google_stream(events: list[tuple[str, str]]) -> End:
    return _array(_values(events))


def _array(values: Any) -> End:
    if not isinstance(values, list) or not values:
        raise _Wrong("no stream of Google's")
    failed = [isinstance(value, dict) and bool(value.get("error")) for value in values]
    if any(failed):
        _one_end(failed)
        return _failed("google", values[-1])
    stops = [value["candidates"][0].get("finishReason") for value in values if value.get("candidates")]
    if not any(stops):
        raise _Wrong("no finish reason")
    # Some say how much it cost after that, and nothing more.
    after = stops[next(at for at, stop in enumerate(stops) if stop) + 1 :]
    if any(after):
        raise _Wrong("several finish reasons")
    return End("partial stream" if any(stop in _CUT for stop in stops) else "stream")


def _failed(dialect: str, value: Any) -> End:
    told = str(value)[:600]
    error = value.get("error") if isinstance(value, dict) else None
    fine = isinstance(error, dict) and isinstance(error.get("message"), str)
    return End("error in stream", [] if fine else [f"an error without words: {dialect} {told}"], _timer_in(told), told)


def _timer_in(text: str) -> str | None:
    found = re.search(r"timeout_(total|connect|first_event|idle|queue|patience)\b", text)
    return found[1] if found else None


_STREAMS: Final[dict[str, Callable[[list[tuple[str, str]]], End]]] = {
    "chat": _chat_stream,
    "messages": _messages_stream,
    "responses": _responses_stream,
    "google": _google_stream,
}
