"""What a client of each dialect reads at a reply's end: an error, or as much as had been generated; read by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

BODIES: Final[dict[str, dict[str, Any]]] = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"model": "m", "input": "hi"},
    "anthropic": {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]},
    "google": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
WAYS: Final[dict[str, tuple[str, ...]]] = {
    "openai_chat": ("whole", "stream"),
    "openai_responses": ("whole", "stream"),
    "anthropic": ("whole", "stream"),
    "google": ("whole", "stream", "array"),
}
_STOPS: Final = {
    "openai_chat": "length",
    "openai_responses": "incomplete: max_output_tokens",
    "anthropic": "max_tokens",
    "google": "MAX_TOKENS",
}


class Got(NamedTuple):
    """A reply as far as it goes; `calls` are those that a client would run."""

    text: str
    calls: list[tuple[str, Any]]
    stop: str
    ended: bool
    """The dialect's own last words have come."""


def events(body: bytes) -> list[tuple[str, Any]]:
    """Return the events of a stream: name, and data (text where it is no JSON)."""
    found = []
    for block in body.split(b"\n\n"):
        name, data = "", []
        for line in block.split(b"\n"):
            if line.startswith(b"event: "):
                name = line[7:].decode()
            elif line.startswith(b"data: "):
                data.append(line[6:])
        if data:
            text = b"\n".join(data)
            found.append((name, json.loads(text) if text[:1] == b"{" else text.decode()))
    return found


def stream_of(way: str, body: bytes) -> list[tuple[str, Any]]:
    """Return the events of a stream in either form; an array must be a whole one."""
    return [("", element) for element in json.loads(body)] if way == "array" else events(body)


def error_wanted(client: str, timer: str, request_id: str | None) -> dict[str, Any]:
    """Return the error, all but its message; `request_id` None: within a stream."""
    code = f"timeout_{timer}"
    if client == "google":
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "argo-relay"}]
        return {"error": {"code": 504, "status": "DEADLINE_EXCEEDED", "details": details}}
    if client == "anthropic":
        told: dict[str, Any] = {"type": "error", "error": {"type": "timeout_error"}}
        return told | ({"request_id": request_id} if request_id else {})
    if client == "openai_responses" and request_id is None:
        return {"error": {"code": code}}
    return {"error": {"type": "timeout_error", "param": "timeout", "code": code}}


def error_told(client: str, way: str, body: bytes, *, streamed: bool) -> tuple[Any, str]:
    """Return the error that a reply is, or that its stream ends with; without its message, and that."""
    told = json.loads(body) if not streamed else _last_of(client, way, body)
    message = told["error"].pop("message")
    if client == "google" and told["error"].get("details"):
        details = told["error"]["details"]
        told["error"]["details"] = [one for one in details if not one["@type"].endswith(".BadRequest")]
    return told, message


def _last_of(client: str, way: str, body: bytes) -> Any:
    name, last = stream_of(way, body)[-1]
    if client == "anthropic":
        assert name == "error", f"the last event is {name}"
        last.pop("request_id", None)
    if client == "openai_responses":
        assert (name, last["type"], last["response"]["status"]) == ("response.failed", "response.failed", "failed")
        return {"error": last["response"]["error"]}
    return last


def ends_well(client: str, way: str, body: bytes) -> bool:
    """Say whether a stream ends with what tells its client that the answer is complete."""
    got = _streamed(client, stream_of(way, body))
    return got.ended


def got(client: str, way: str, body: bytes) -> Got:
    """Return a reply that was handed over."""
    return _whole(client, json.loads(body)) if way == "whole" else _streamed(client, stream_of(way, body))


def stop_wanted(client: str) -> str:
    """Return how a dialect says that a reply was cut at its length limit."""
    return _STOPS[client]


def _whole(client: str, body: Any) -> Got:
    if client == "openai_chat":
        choice = body["choices"][0]
        message = choice["message"]
        calls = [one["function"] for one in message.get("tool_calls") or ()]
        found = [(one["name"], json.loads(one["arguments"])) for one in calls]
        return Got(message.get("content") or "", found, choice["finish_reason"], True)
    if client == "anthropic":
        blocks = body["content"]
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        found = [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
        return Got(text, found, body["stop_reason"], True)
    if client == "google":
        return _gemini([body])
    return _response(body)


def _response(response: Any) -> Got:
    texts, calls = [], []
    for item in response["output"]:
        if item["type"] == "message":
            texts += [part["text"] for part in item["content"]]
        elif item["status"] == "completed":
            calls.append((item["name"], json.loads(item["arguments"])))
    stop = f"{response['status']}: {(response.get('incomplete_details') or {}).get('reason')}"
    return Got("".join(texts), calls, stop, True)


def _gemini(chunks: Sequence[Any]) -> Got:
    text, calls, stop = "", [], ""
    for chunk in chunks:
        for candidate in chunk.get("candidates", ()):
            for part in candidate.get("content", {}).get("parts", ()):
                text += part.get("text", "")
                if "functionCall" in part:
                    calls.append((part["functionCall"]["name"], part["functionCall"]["args"]))
            stop = candidate.get("finishReason") or stop
    return Got(text, calls, stop, bool(stop))


def _streamed(client: str, stream: list[tuple[str, Any]]) -> Got:
    if client == "google":
        return _gemini([data for _, data in stream if isinstance(data, dict)])
    if client == "openai_chat":
        return _chat(stream)
    return _messages(stream) if client == "anthropic" else _responses(stream)


def _chat(stream: list[tuple[str, Any]]) -> Got:
    text, stop, names, arguments = "", "", dict[int, str](), dict[int, str]()
    for _, data in stream:
        for choice in data.get("choices", ()) if isinstance(data, dict) else ():
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                names.setdefault(call["index"], call["function"].get("name", ""))
                arguments[call["index"]] = arguments.get(call["index"], "") + call["function"]["arguments"]
            stop = choice["finish_reason"] or stop
    return Got(text, _complete(names, arguments), stop, stream[-1][1] == "[DONE]")


def _messages(stream: list[tuple[str, Any]]) -> Got:
    text, stop, names, arguments, opened = "", "", dict[int, str](), dict[int, str](), set[int]()
    for name, data in stream:
        if name == "content_block_start":
            opened.add(data["index"])
            if data["content_block"]["type"] == "tool_use":
                names[data["index"]] = data["content_block"]["name"]
        elif name == "content_block_delta":
            text += data["delta"].get("text", "")
            arguments[data["index"]] = arguments.get(data["index"], "") + data["delta"].get("partial_json", "")
        elif name == "content_block_stop":
            opened.remove(data["index"])
        elif name == "message_delta":
            assert not opened, "a block is open at the stop reason"
            stop = data["delta"]["stop_reason"]
    return Got(text, _complete(names, arguments), stop, stream[-1][0] == "message_stop")


def _responses(stream: list[tuple[str, Any]]) -> Got:
    done = []
    for name, data in stream:
        assert name in ("", data["type"]), f"an event is {name} and {data['type']}"
        if name == "response.output_item.done" and data["item"]["type"] == "function_call":
            done.append((data["item"]["name"], json.loads(data["item"]["arguments"])))
    name, last = stream[-1]
    text = "".join(data["delta"] for name, data in stream if name == "response.output_text.delta")
    if name not in ("response.incomplete", "response.completed"):
        return Got(text, done, "", False)
    whole = _response(last["response"])
    assert (whole.text, whole.calls) == (text, done), "the last event says otherwise than those before it"
    return whole


def _complete(names: dict[int, str], arguments: dict[int, str]) -> list[tuple[str, Any]]:
    found = []
    for index, name in names.items():
        try:
            found.append((name, json.loads(arguments[index])))
        except ValueError:
            continue
    return found
