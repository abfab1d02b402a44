"""Argo's errors made legible: what a vendor said stands in them as the repr of a Python exception.

`Error code: 400 - {'error': {'message': "...", 'param': 'temperature', 'code': 'unsupported_value'}}` is OpenAI's error
as its SDK prints it; Anthropic's and Google's look alike. Recorded from production in May 2026 and in issues before.
"""

from __future__ import annotations

import ast
import re
from typing import Any, Final

import msgspec

from argo_relay.dialects.anthropic import errors as anthropic
from argo_relay.dialects.google import errors as google
from argo_relay.dialects.statuses import kind_of
from argo_relay.neutral.failure import Failure

_LONGEST: Final = 64 * 1024
_DEEPEST: Final = 4
"""How many wrappings are taken off: a message of our own making could hold any number."""
_WRAPPED: Final = re.compile(r"\s*(?:Error code: (\d{3}) - |(\d{3}) [A-Z_]+\.?:? )?(\{.*\})\s*", re.DOTALL)
_STATUSES: Final = anthropic.STATUSES | google.STATUSES
"""What a vendor's word means where no number says it."""
_CODED: Final = re.compile(
    r"Error code: (\d{3})\b|\b(429|503|504) (?:RESOURCE_EXHAUSTED|UNAVAILABLE|DEADLINE_EXCEEDED)\b"
)
_OWN_CODES: Final = frozenset({"internal_error"})
"""What Argo calls whatever went wrong."""
_FIELD: Final = r"[a-z_]+(?:\.[a-z_]+|\[\d+\]|\.\d+)*"
_NAMED: Final = re.compile(rf"(?:`({_FIELD})` (?:is|must|and|cannot)|({_FIELD}): |({_FIELD}) is required)")
_INSIDE: Final = re.compile(r"'[A-Za-z]+' object .*|.* object has no attribute .*|Cannot read propert.*", re.DOTALL)


def legible(failure: Failure) -> Failure:
    """Return the failure that the wrapping hides; the same object where there is none."""
    told = failure
    for _ in range(_DEEPEST):
        inner = _unwrapped(told)
        if inner is None:
            break
        told = inner
    return _finished(told)


def _unwrapped(failure: Failure) -> Failure | None:
    found = _WRAPPED.fullmatch(failure.message[:_LONGEST])
    value = _literal(found[3]) if found else None
    if found is None or not isinstance(value, dict):
        return None
    error = value.get("error", value)
    error = error if isinstance(error, dict) else {"message": error}
    message = error.get("message")
    if not isinstance(message, str) or not message:
        return None
    status = _status(found[1] or found[2], error) or failure.status
    return msgspec.structs.replace(
        failure,
        kind=kind_of(status),
        status=status,
        message=message,
        code=_code(error) or failure.code,
        param=_text(error.get("param")) or failure.param,
        upstream_request_id=_text(value.get("request_id")) or failure.upstream_request_id,
    )


def _literal(text: str) -> Any:
    """Return the value of a Python literal; None for anything else. Nothing is ever evaluated."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _status(said: str | None, error: dict[str, Any]) -> int | None:
    for one in (said, error.get("code")):
        if str(one).isdecimal() and 400 <= int(str(one)) < 600:
            return int(str(one))
    return next((_STATUSES[str(error[name])] for name in ("type", "status") if str(error.get(name)) in _STATUSES), None)


def _code(error: dict[str, Any]) -> str | None:
    """Return the vendor's word; Google's `code` is the status once more, and its `status` the word."""
    code = error.get("status") if isinstance(error.get("code"), int) else error.get("code")
    return _text(code) or _text(error.get("type"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _finished(told: Failure) -> Failure:
    """Say what the words still hold: a status, the field at fault, or nothing that helps anybody."""
    changes: dict[str, Any] = {}
    if told.code in _OWN_CODES:
        changes["code"] = None
    if told.code == "model_not_found" and told.status == 400:
        # The vendors' own status for it, which their SDKs have an exception for.
        changes |= {"status": 404, "kind": kind_of(404), "param": "model"}
    coded = _CODED.search(told.message)
    if coded and told.status in (200, 500, 502):
        status = int(coded[1] or coded[2])
        if 400 <= status < 600:
            changes |= {"status": status, "kind": kind_of(status)}
    if told.param is None and told.status == 400 and (named := _NAMED.match(told.message)):
        changes["param"] = next(name for name in named.groups() if name)
    if _INSIDE.fullmatch(told.message):
        changes["message"] = (
            f"Argo failed inside ({told.message}). With Gemini this happens now and then, most of all with a low limit "
            "of output tokens, which its thoughts use up. Try again, or raise the limit."
        )
    return msgspec.structs.replace(told, **changes) if changes else told
