"""Errors as Google's APIs write them: https://ai.google.dev/gemini-api/docs/troubleshooting and google.rpc.Status."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.statuses import failure_without_object, kind_of
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.neutral.failure import Failure, FailureKind

_WORDS: Final = {
    FailureKind.BAD_REQUEST: "INVALID_ARGUMENT",
    FailureKind.AUTHENTICATION: "UNAUTHENTICATED",
    FailureKind.PERMISSION: "PERMISSION_DENIED",
    FailureKind.NOT_FOUND: "NOT_FOUND",
    FailureKind.METHOD: "UNIMPLEMENTED",
    FailureKind.SLOW_REQUEST: "DEADLINE_EXCEEDED",
    FailureKind.TOO_LARGE: "INVALID_ARGUMENT",
    FailureKind.RATE_LIMIT: "RESOURCE_EXHAUSTED",
    FailureKind.OVERLOADED: "UNAVAILABLE",
    FailureKind.TIMEOUT: "DEADLINE_EXCEEDED",
    FailureKind.UPSTREAM: "UNAVAILABLE",
    FailureKind.INTERNAL: "INTERNAL",
}
# https://cloud.google.com/apis/design/errors: what a word means where no HTTP status says it, as in a stream.
STATUSES: Final = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_RPC: Final = "type.googleapis.com/google.rpc."


def encode_error(failure: Failure) -> bytes:
    """Return the JSON body of an error reply."""
    return jsonx.encode(error_object(failure))


def encode_stream_error(failure: Failure) -> bytes:
    """Return the frame that ends a stream: the official clients raise at it, wherever it stands."""
    return sse.write(encode_error(failure))


def error_object(failure: Failure) -> dict[str, Any]:
    """Return a failure as the object that stands in error replies and in streams."""
    error: dict[str, Any] = {
        "code": failure.status,
        "message": failure.message,
        "status": _word(failure),
    }
    if details := list(_details(failure)):
        error["details"] = details
    return {"error": error}


def _word(failure: Failure) -> str:
    """Return Google's word; an upstream that has failed inside is not one that is away."""
    return "INTERNAL" if failure.status == 500 else _WORDS[failure.kind]


def _details(failure: Failure) -> list[dict[str, Any]]:
    details: list[dict[str, Any]] = []
    if failure.code and failure.code != _word(failure):
        details.append({"@type": f"{_RPC}ErrorInfo", "reason": failure.code, "domain": "argo-relay"})
    if failure.param:
        violation = {"field": failure.param, "description": failure.message}
        details.append({"@type": f"{_RPC}BadRequest", "fieldViolations": [violation]})
    if failure.retry_after is not None:
        details.append({"@type": f"{_RPC}RetryInfo", "retryDelay": f"{failure.retry_after:g}s"})
    return details


def decode_error(status: int, reason: str, body: bytes) -> Failure:
    """Return an upstream's error as a Failure, whoever's form it has; what is no error object is only named."""
    try:
        value = jsonx.decode(body)
    except BadJson:
        value = None
    error = _error_in(value)
    if error is not None:
        return decode_error_object(error, status, reason)
    return failure_without_object(status, reason, value)


def decode_error_object(error: Any, status: int | None = None, reason: str = "") -> Failure:
    """Return what an `error` member says; without a status (in a stream, in a 200) its own code or word gives one."""
    members = error if isinstance(error, dict) else {"message": error if isinstance(error, str) else ""}
    word = members.get("status")
    code, known = members.get("code"), status is not None
    if status is None:
        status = code if isinstance(code, int) and 400 <= code < 600 else STATUSES.get(str(word), 502)
    named = word or (None if isinstance(code, int) else code) or members.get("type")
    fallback = f"The upstream answered {status} {reason}".rstrip() if known else "The upstream reported an error"
    details = members.get("details")
    found = [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []
    return Failure(
        kind=kind_of(status),
        status=status,
        message=str(members.get("message") or f"{fallback}."),
        code=str(named) if named else None,
        param=_param(members, found),
        retry_after=_retry_after(found),
        at_fault="upstream",
    )


def error_in_reply(value: Any) -> Any:
    """Return the `error` member of what came in place of a reply, also where it is the one element of a list."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value.get("error") or None if isinstance(value, dict) else None


def _error_in(value: Any) -> Any:
    error = error_in_reply(value)
    if isinstance(error, str | dict):
        return error
    if isinstance(value, dict) and isinstance(value.get("message"), str):
        return value
    return None


def _param(members: dict[str, Any], details: list[dict[str, Any]]) -> str | None:
    param = members.get("param")
    if isinstance(param, str):
        return param
    for detail in details:
        violations = detail.get("fieldViolations")
        first = violations[0] if isinstance(violations, list) and violations else None
        field = first.get("field") if isinstance(first, dict) else None
        if isinstance(field, str) and field:
            return field
    return None


def _retry_after(details: list[dict[str, Any]]) -> float | None:
    """Return the seconds of a RetryInfo, which writes them as `36s` or `1.5s`."""
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and delay.endswith("s") and delay[:-1].replace(".", "", 1).isdecimal():
            return float(delay[:-1])
    return None
