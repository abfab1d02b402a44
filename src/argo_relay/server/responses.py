"""Replies that are not exchanges: small JSON, errors in the dialect that a path belongs to."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from argo_relay.dialects.openai_chat.errors import encode_error
from argo_relay.framing import jsonx
from argo_relay.neutral.failure import Failure
from argo_relay.policy.deadline import shown


def json_response(value: Any, status: int = 200) -> Response:
    """Return a value as a JSON reply."""
    return Response(jsonx.encode(value), status, media_type="application/json")


def error_response(failure: Failure, headers: dict[str, str] | None = None) -> Response:
    """Return a failure as an error reply."""
    extra = dict(headers or {})
    if failure.retry_after is not None:
        extra["retry-after"] = shown(failure.retry_after)
    return Response(encode_error(failure), failure.status, extra, "application/json")
