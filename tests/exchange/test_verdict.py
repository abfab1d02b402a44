"""What an attempt's end says of what may be tried next; what it says of the upstream is in test_attempts."""

from __future__ import annotations

import pytest

from argo_relay.errors import BadJson, ConnectFailed, ConnectionBroken, DeadlinePassed, Refused, RelayError
from argo_relay.exchange.lane import UpstreamRefused
from argo_relay.exchange.verdict import trouble_of
from argo_relay.neutral.failure import Failure, FailureKind, bad_request
from argo_relay.policy.retry import Broke, Trouble


def refused(status: int, retry_after: float | None = None, *, final: bool = False) -> Failure:
    return Failure(
        kind=FailureKind.UPSTREAM,
        message="no",
        status=status,
        retry_after=retry_after,
        final=final,
        at_fault="upstream",
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectFailed("refused"), Trouble(broke=Broke.CONNECTION)),
        (ConnectionBroken("cut"), Trouble(broke=Broke.CONNECTION)),
        (DeadlinePassed("connect"), Trouble(broke=Broke.TIMER)),
        (UpstreamRefused(refused(503), None, []), Trouble(broke=Broke.STATUS, status=503)),
        (
            UpstreamRefused(refused(429), b"{}", [("retry-after", "7")]),
            Trouble(broke=Broke.STATUS, status=429, retry_after=7),
        ),
        (
            UpstreamRefused(refused(429), b"{}", [("retry-after", "0")]),
            Trouble(broke=Broke.STATUS, status=429, retry_after=0),
        ),
        (UpstreamRefused(refused(429, 3), b"{}", []), Trouble(broke=Broke.STATUS, status=429, retry_after=3)),
        (
            UpstreamRefused(refused(429, final=True), None, []),
            Trouble(broke=Broke.STATUS, status=429, final=True),
        ),
        (Refused(refused(502)), Trouble(broke=Broke.REPLY)),
        (Refused(bad_request("`n` must be 1 here.", "n")), None),
        (BadJson("odd"), None),
    ],
)
def test_what_an_error_says(error: RelayError, expected: Trouble | None) -> None:
    assert trouble_of(error, 0) == expected
