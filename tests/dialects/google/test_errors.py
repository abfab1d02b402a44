from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.google.errors import (
    decode_error,
    decode_error_object,
    encode_error,
    encode_stream_error,
    error_in_reply,
)
from argo_relay.framing import jsonx
from argo_relay.neutral.failure import Failure, FailureKind, bad_request

QUOTA: dict[str, Any] = {
    "code": 429,
    "message": "Too much.",
    "status": "RESOURCE_EXHAUSTED",
    "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36s"}],
}


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "message"),
    [
        (429, {"error": QUOTA}, FailureKind.RATE_LIMIT, "RESOURCE_EXHAUSTED", "Too much."),
        (
            404,
            [{"error": {"code": 404, "message": "No.", "status": "NOT_FOUND"}}],
            FailureKind.NOT_FOUND,
            "NOT_FOUND",
            "No.",
        ),
        (
            400,
            {"error": {"message": "a", "type": "invalid_request_error", "code": "bad"}},
            FailureKind.BAD_REQUEST,
            "bad",
            "a",
        ),
        (
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "b"}},
            FailureKind.OVERLOADED,
            "overloaded_error",
            "b",
        ),
        (500, {"error": "broken"}, FailureKind.UPSTREAM, None, "broken"),
        (502, {"message": "gateway"}, FailureKind.UPSTREAM, None, "gateway"),
        (
            403,
            {"error": {}},
            FailureKind.PERMISSION,
            "upstream_403",
            "The upstream answered 403 X without an error object.",
        ),
        (
            504,
            {"error": {"status": "DEADLINE_EXCEEDED"}},
            FailureKind.TIMEOUT,
            "DEADLINE_EXCEEDED",
            "The upstream answered 504 X.",
        ),
        (
            422,
            {"detail": [{"msg": "field required"}]},
            FailureKind.BAD_REQUEST,
            "upstream_422",
            "The upstream answered 422 X without an error object: field required.",
        ),
    ],
)
def test_errors_of_every_form_are_read(status: int, body: Any, kind: FailureKind, code: str, message: str) -> None:
    failure = decode_error(status, "X", jsonx.encode(body))
    assert (failure.kind, failure.status, failure.code, failure.message) == (kind, status, code, message)
    assert failure.at_fault == "upstream"


def test_a_page_is_only_named() -> None:
    failure = decode_error(503, "Unavailable", b"<html>secret</html>")
    assert failure.code == "upstream_503"
    assert "secret" not in failure.message


def test_details_say_when_to_retry_and_which_field_is_wrong() -> None:
    assert decode_error_object(QUOTA).retry_after == 36
    violation = {"fieldViolations": [{"field": "contents", "description": "empty"}]}
    assert decode_error_object({"code": 400, "details": [violation]}).param == "contents"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 503, "status": "UNAVAILABLE"}, 503),
        ({"status": "INTERNAL"}, 500),
        ({"code": 14}, 502),
        ("broken", 502),
        (True, 502),
    ],
)
def test_an_error_in_a_stream_has_the_status_that_it_names(error: Any, status: int) -> None:
    assert decode_error_object(error).status == status


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"error": {"a": 1}}, {"a": 1}),
        ([{"error": "x"}], "x"),
        ([{}, {"error": 1}], None),
        ({"error": None}, None),
        (3, None),
    ],
)
def test_an_error_in_place_of_a_reply_is_found(value: Any, error: Any) -> None:
    assert error_in_reply(value) == error


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        (FailureKind.AUTHENTICATION, 401, "UNAUTHENTICATED"),
        (FailureKind.TIMEOUT, 504, "DEADLINE_EXCEEDED"),
        (FailureKind.RATE_LIMIT, 429, "RESOURCE_EXHAUSTED"),
        (FailureKind.INTERNAL, 500, "INTERNAL"),
        (FailureKind.UPSTREAM, 500, "INTERNAL"),
        (FailureKind.UPSTREAM, 502, "UNAVAILABLE"),
    ],
)
def test_kinds_have_googles_words(kind: FailureKind, status: int, word: str) -> None:
    failure = Failure(kind=kind, status=status, message="m")
    assert jsonx.decode(encode_error(failure)) == {"error": {"code": status, "message": "m", "status": word}}


def test_every_kind_is_written_and_read_back() -> None:
    for kind in FailureKind:
        failure = Failure(kind=kind, status=500, message="m", code="c", param="p", retry_after=1.5)
        again = decode_error(500, "", encode_error(failure))
        assert (again.message, again.param, again.retry_after) == ("m", "p", 1.5)


def test_a_stream_ends_with_the_error_as_an_event() -> None:
    failure = bad_request("No.", "contents")
    assert encode_stream_error(failure) == b"data: " + encode_error(failure) + b"\n\n"


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["error", "details", "message", "code"]), inner),
)


@given(json)
def test_no_error_is_too_strange(value: Any) -> None:
    assert decode_error(500, "x", jsonx.encode(value)).status == 500
    assert decode_error_object(value).status >= 400
