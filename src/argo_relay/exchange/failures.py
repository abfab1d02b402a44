"""What a client is told of failures that are nobody's words: an upstream's silence, a bug of ours; and the headers."""

from __future__ import annotations

from typing import Final

from argo_relay.dialects.base import Headers
from argo_relay.errors import ConnectFailed, UpstreamError
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.deadline import shown


def failure_headers(failure: Failure, passed: Headers) -> Headers:
    """Return what goes out with a failure besides what every reply has; `passed` is the upstream's own."""
    headers = list(passed)
    given = {name for name, _ in passed}
    if failure.timer or failure.final:
        # Without it the official SDKs send the same paid request twice more.
        headers.append(("x-should-retry", "false"))
    if failure.timer:
        headers.append(("x-timeout-timer", failure.timer))
    if failure.retry_after is not None and "retry-after" not in given:
        headers.append(("retry-after", shown(failure.retry_after)))
    if failure.upstream_request_id is not None and "x-upstream-request-id" not in given:
        headers.append(("x-upstream-request-id", failure.upstream_request_id))
    if failure.kind is FailureKind.SLOW_REQUEST:
        # The rest of the body may still come, and must not be taken for the next request.
        headers.append(("connection", "close"))
    return headers


def upstream_failed(error: UpstreamError) -> Failure:
    """Return the 502 for an upstream that could not be reached, or broke off."""
    code = "upstream_unreachable" if isinstance(error, ConnectFailed) else "upstream_disconnected"
    return Failure(
        kind=FailureKind.UPSTREAM,
        status=502,
        code=code,
        message=f"The upstream failed: {error}. Try again; `/ready` says whether the upstream can be reached.",
        at_fault="upstream",
    )


INTERNAL: Final = Failure(
    kind=FailureKind.INTERNAL,
    status=500,
    code="internal_error",
    message="The relay failed on this request. Its log says where, under this reply's x-request-id.",
)
