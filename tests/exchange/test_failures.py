"""What is told of failures: the headers that say what to do, and who is at fault."""

from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Headers
from argo_relay.errors import ConnectFailed, ConnectionBroken, UpstreamError
from argo_relay.exchange.failures import INTERNAL, failure_headers, upstream_failed
from argo_relay.neutral.failure import Failure, FailureKind


def failure(kind: FailureKind = FailureKind.UPSTREAM, **more: Any) -> Failure:
    return Failure(kind=kind, message="no", status=502, **more)


@pytest.mark.parametrize(
    ("said", "passed", "headers"),
    [
        (failure(), [], []),
        (failure(final=True), [], [("x-should-retry", "false")]),
        (failure(timer="idle"), [], [("x-should-retry", "false"), ("x-timeout-timer", "idle")]),
        (failure(retry_after=2.5), [], [("retry-after", "2.5")]),
        (failure(retry_after=2.5), [("retry-after", "7")], [("retry-after", "7")]),
        (failure(upstream_request_id="u1"), [], [("x-upstream-request-id", "u1")]),
        (failure(upstream_request_id="u1"), [("x-upstream-request-id", "u2")], [("x-upstream-request-id", "u2")]),
        (failure(FailureKind.SLOW_REQUEST), [], [("connection", "close")]),
    ],
)
def test_the_headers_of_a_failure(said: Failure, passed: Headers, headers: Headers) -> None:
    before = [*passed]
    assert failure_headers(said, passed) == headers
    assert passed == before


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConnectFailed("it refused"), "upstream_unreachable"), (ConnectionBroken("cut"), "upstream_disconnected")],
)
def test_an_upstream_that_cannot_be_asked_is_at_fault(error: UpstreamError, code: str) -> None:
    told = upstream_failed(error)
    assert (told.status, told.code, told.at_fault) == (502, code, "upstream")
    assert str(error) in told.message


def test_a_bug_tells_where_to_look_and_nothing_else() -> None:
    assert (INTERNAL.status, INTERNAL.code) == (500, "internal_error")
    assert "x-request-id" in INTERNAL.message
