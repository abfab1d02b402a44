from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.statuses import INCOMPLETE, UNREADABLE, failure_without_object, kind_of
from argo_relay.neutral.failure import FailureKind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.BAD_REQUEST),
        (418, FailureKind.BAD_REQUEST),
        (429, FailureKind.RATE_LIMIT),
        (500, FailureKind.UPSTREAM),
        (503, FailureKind.OVERLOADED),
        (504, FailureKind.TIMEOUT),
        (599, FailureKind.UPSTREAM),
    ],
)
def test_a_status_says_what_kind_of_failure_it_is(status: int, kind: FailureKind) -> None:
    assert kind_of(status) is kind


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "."),
        ({"detail": "Not here."}, ": Not here.."),
        ({"detail": [{"msg": "one"}, {"msg": "two"}, 3]}, ": one; two."),
        ({"detail": {"a": 1}}, "."),
        ({"detail": "x" * 400}, f": {'x' * 300}."),
        (["x"], "."),
    ],
)
def test_what_is_no_error_object_is_only_named(value: Any, told: str) -> None:
    failure = failure_without_object(404, "Not Found", value)
    assert failure.message == f"The upstream answered 404 Not Found without an error object{told}"
    assert (failure.status, failure.code, failure.at_fault) == (404, "upstream_404", "upstream")
    assert failure_without_object(500, "Oh", value).message.endswith(" Try again in a moment.")


def test_a_stream_that_broke_off_is_the_upstreams_fault() -> None:
    assert {failure.code for failure in (INCOMPLETE, UNREADABLE)} == {"upstream_incomplete", "upstream_unreadable"}
    assert all((one.status, one.at_fault) == (502, "upstream") for one in (INCOMPLETE, UNREADABLE))
