"""The envelopes of Argo's errors on the routes that speak Anthropic's dialect.

A vendor's error stands as a Python repr inside `message`, as everywhere in Argo, with the id of the request at Vertex.
"""

from __future__ import annotations

from typing import Any

from argo_relay.simulator.errors import bad_gateway, retrying
from argo_relay.simulator.failures import FAILURES
from argo_relay.simulator.ids import request_id
from argo_relay.simulator.request import Refusal
from argo_relay.simulator.wire import JSON_HEADERS, encode

_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def envelope(kind: str, message: str) -> dict[str, Any]:
    """Return Anthropic's envelope around `message`."""
    return {"type": "error", "error": {"type": kind, "message": message}}


def _kind(status: int) -> str:
    return _KINDS.get(status, "api_error" if status >= 500 else "invalid_request_error")


def wrapped(status: int, message: str) -> dict[str, Any]:
    """Return the envelope around a vendor's error, which becomes a Python repr."""
    kind = _kind(status)
    return envelope(kind, f"Error code: {status} - {envelope(kind, message) | {'request_id': request_id()}}")


def _refusal(status: int, body: dict[str, Any]) -> Refusal:
    return Refusal(status=status, body=encode(body))


def invalid_request(message: str) -> Refusal:
    """Return a refusal of Argo's own."""
    return _refusal(400, envelope("invalid_request_error", message))


def relayed(message: str) -> Refusal:
    """Return a vendor's 400, wrapped."""
    return _refusal(400, wrapped(400, message))


def failure(message: str) -> Refusal:
    """Return what becomes of an exception in Argo itself; the kind is inferred."""
    return _refusal(500, envelope("api_error", message))


def invalid_model(name: str) -> Refusal:
    """Return the refusal of a name that Argo does not know; inferred from the one on chat."""
    return invalid_request(f"Invalid model: {name}")


def bad_directive(message: str) -> Refusal:
    """Return the simulator's own refusal, the one that Argo never gives."""
    return invalid_request(message)


def hidden() -> dict[str, Any]:
    """Return the error that came with status 200, as recorded for Opus 4.1."""
    inner = {"details": None, "type": "api_error", "message": "Internal server error"}
    return envelope("api_error", str({"type": "error", "error": inner, "request_id": request_id()}))


def fault(name: str) -> dict[str, Any]:
    """Return the body of a failure of this name; that of an overloaded Claude comes as Anthropic sends it."""
    failure = FAILURES[name]
    if name == "overloaded":
        return envelope(failure.type, failure.message)
    return hidden() if name == "internal" else wrapped(failure.status, failure.message)


def failed(name: str) -> Refusal:
    """Return the same with its status, for a reply that has not begun."""
    return _refusal(FAILURES[name].status, fault(name))


def crashed() -> Refusal:
    """Return what becomes of a reply without parts; inferred from the one on chat."""
    return failure("'NoneType' object is not iterable")


def ordered(status: int, retry_after: float | None) -> Refusal:
    """Return the error that a directive orders."""
    if status == 502:
        return bad_gateway(retry_after)
    body = fault("quota") if status == 429 else wrapped(status, f"The simulator was told to answer {status}.")
    return Refusal(status=status, body=encode(body), headers=(*JSON_HEADERS, *retrying(retry_after)))
