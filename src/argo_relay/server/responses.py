"""Replies that are not exchanges: small JSON, and errors in the dialect that a path belongs to."""

from __future__ import annotations

from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response

from argo_relay.dialects.base import Dialect
from argo_relay.exchange.run import request_id_of
from argo_relay.framing import jsonx
from argo_relay.neutral.failure import Failure
from argo_relay.policy.deadline import shown


def json_response(value: Any, status: int = 200) -> Response:
    """Return a value as a JSON reply."""
    return Response(jsonx.encode(value), status, media_type="application/json")


def error_response(failure: Failure, headers: dict[str, str], dialect: Dialect) -> Response:
    """Return a failure as an error reply."""
    extra = dict(headers)
    if failure.retry_after is not None:
        extra["retry-after"] = shown(failure.retry_after)
    return Response(dialect.encode_error(failure), failure.status, extra, "application/json")


def request_id_header(request: HTTPConnection) -> dict[str, str]:
    """Return the header that names a request: by the client's own id, else by a new one."""
    return {"x-request-id": request_id_of(request.headers.get("x-request-id"))}
