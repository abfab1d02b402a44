"""How a vendor fails behind Argo, whatever the dialect in which Argo tells.

Each was reported from streams that had begun under status 200, but for the words of `unauthorized` and `unavailable`,
of which only the status is known.
"""

from __future__ import annotations

import msgspec


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One way to fail: what its status would be, Anthropic's type, and its words."""

    status: int
    type: str
    message: str


FAILURES = {
    "quota": Failure(
        status=429,
        type="rate_limit_error",
        message="RESOURCE_EXHAUSTED: Resource exhausted. Quota exceeded for aiplatform.googleapis.com.",
    ),
    "overloaded": Failure(status=529, type="overloaded_error", message="Overloaded"),
    "too_long": Failure(
        status=400, type="invalid_request_error", message="prompt is too long: 1000000 tokens > 922000 maximum"
    ),
    "unauthorized": Failure(
        status=401, type="authentication_error", message="Request had invalid authentication credentials."
    ),
    "unavailable": Failure(status=503, type="api_error", message="The service is currently unavailable."),
    "internal": Failure(status=500, type="api_error", message="Internal server error"),
}
