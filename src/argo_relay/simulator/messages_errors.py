"""The envelopes of Argo's errors on the routes that speak Anthropic's dialect.

A vendor's error stands as a Python repr inside `message`, as everywhere in Argo, with the id of the request at Vertex.
"""

from __future__ import annotations

from typing import Any

from argo_relay.simulator.errors import bad_gateway, retrying
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


def quota() -> dict[str, Any]:
    """Return how a stream fails that has begun, and a whole reply with 429."""
    return wrapped(429, "RESOURCE_EXHAUSTED: Resource exhausted. Quota exceeded for aiplatform.googleapis.com.")


def hidden() -> dict[str, Any]:
    """Return the error that came with status 200, as recorded for Opus 4.1."""
    inner = {"details": None, "type": "api_error", "message": "Internal server error"}
    return envelope("api_error", str({"type": "error", "error": inner, "request_id": request_id()}))


def ordered(status: int, retry_after: float | None) -> Refusal:
    """Return the error that a directive orders."""
    if status == 502:
        return bad_gateway(retry_after)
    body = quota() if status == 429 else wrapped(status, f"The simulator was told to answer {status}.")
    return Refusal(status=status, body=encode(body), headers=(*JSON_HEADERS, *retrying(retry_after)))
