"""The envelopes of Argo's errors on the routes that speak OpenAI's dialects.

Argo wraps the exception of a vendor's SDK: the vendor's error stands as a Python repr inside `message`, `type` is the
exception's class. Bodies were recorded from production in May 2026; the ones that were not say so.
"""

from __future__ import annotations

from typing import Any

from argo_relay.simulator.failures import FAILURES
from argo_relay.simulator.ids import request_id
from argo_relay.simulator.request import Refusal
from argo_relay.simulator.wire import HTML_HEADERS, JSON_HEADERS, Headers, encode

WHOLE_LIMIT = 21_000
"""Tokens: what Anthropic's SDK reckons to fit in ten minutes without a stream."""
STREAMING_REQUIRED = (
    "Streaming is required for operations that may take longer than 10 minutes. "
    "See https://github.com/anthropics/anthropic-sdk-python#long-requests for more details"
)
"""What that SDK says otherwise."""

_SDK_CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}
_NGINX_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def error(message: str, kind: str, code: str = "internal_error") -> dict[str, Any]:
    """Return Argo's envelope around `message`."""
    return {"error": {"message": message, "type": kind, "code": code}}


def wrapped(status: int, inner: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope around a vendor's error, which becomes a Python repr."""
    kind = _SDK_CLASSES.get(status, "InternalServerError" if status >= 500 else "APIStatusError")
    relayed = {"error": inner}
    return error(f"Error code: {status} - {relayed}", kind)


def relayed(message: str, kind: str, param: str | None, code: str | None) -> Refusal:
    """Return a vendor's 400, wrapped."""
    inner = {"message": message, "type": kind, "param": param, "code": code}
    return Refusal(status=400, body=encode(wrapped(400, inner)))


def relayed_from_claude(message: str) -> Refusal:
    """Return Anthropic's 400 on chat; that it is wrapped like OpenAI's is inferred."""
    inner = {"type": "invalid_request_error", "message": message}
    shown = {"type": "error", "error": inner, "request_id": request_id()}
    return Refusal(status=400, body=encode(error(f"Error code: 400 - {shown}", _SDK_CLASSES[400])))


def crashed() -> Refusal:
    """Return what becomes of a reply without parts, which Argo takes for a list of them; as recorded of Gemini."""
    return Refusal(status=500, body=encode(error("'NoneType' object is not iterable", "TypeError")))


def unsupported_operation(operation: str, model: str) -> Refusal:
    """Return the refusal of a model that does other things; in Azure's words, Argo's were not recorded."""
    message = (
        f"The {operation} operation does not work with the specified model, {model}. "
        "Please choose different model and try again."
    )
    return Refusal(status=400, body=encode(wrapped(400, {"code": "OperationNotSupported", "message": message})))


def invalid_request(message: str) -> Refusal:
    """Return a refusal of Argo's own, with no vendor behind it."""
    return Refusal(status=400, body=encode(error(message, "invalid_request_error", "invalid_request")))


def invalid_model(name: str) -> Refusal:
    """Return the refusal of a name that Argo does not know; its words are known, its type and code inferred."""
    return Refusal(status=400, body=encode(error(f"Invalid model: {name}", "invalid_request_error", "model_not_found")))


def nameless() -> Refusal:
    """Return what a body without `user` got when Argo wanted one: a 500 is known, its words are inferred."""
    return Refusal(status=500, body=encode(error("'user'", "KeyError")))


def bad_directive(message: str) -> Refusal:
    """Return the simulator's own refusal, the one that Argo never gives."""
    return Refusal(status=400, body=encode(error(message, "invalid_request_error", "simulator_directive")))


QUOTA = wrapped(
    429,
    {
        "code": 429,
        "message": "Resource exhausted. Quota exceeded for aiplatform.googleapis.com/generate_content_requests.",
        "status": "RESOURCE_EXHAUSTED",
    },
)
"""How a stream fails that has begun."""


def fault(name: str) -> dict[str, Any]:
    """Return the body of a failure of this name."""
    if name == "quota":
        return QUOTA
    failure = FAILURES[name]
    return wrapped(failure.status, {"message": failure.message, "type": failure.type, "param": None, "code": None})


def failed(name: str) -> Refusal:
    """Return the same with its status, for a reply that has not begun."""
    return Refusal(status=FAILURES[name].status, body=encode(fault(name)))


def quota(retry_after: float | None = None) -> Refusal:
    """Return the same as a 429, for a reply that has not begun."""
    return Refusal(status=429, body=encode(QUOTA), headers=(*JSON_HEADERS, *retrying(retry_after)))


def retrying(retry_after: float | None) -> Headers:
    """Return the header that says when to come back."""
    return () if retry_after is None else ((b"retry-after", f"{retry_after:g}".encode()),)


def bad_gateway(retry_after: float | None) -> Refusal:
    """Return the page of the web server before Argo, whichever the dialect."""
    return Refusal(status=502, body=_NGINX_PAGE, headers=(*HTML_HEADERS, *retrying(retry_after)))


def ordered(status: int, retry_after: float | None) -> Refusal:
    """Return the error that a directive orders."""
    if status == 502:
        return bad_gateway(retry_after)
    if status == 429:
        return quota(retry_after)
    inner = {
        "message": f"The simulator was told to answer {status}.",
        "type": "server_error",
        "param": None,
        "code": None,
    }
    if status < 500:
        inner["type"] = "invalid_request_error"
    return Refusal(status=status, body=encode(wrapped(status, inner)), headers=(*JSON_HEADERS, *retrying(retry_after)))
