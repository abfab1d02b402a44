from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.anthropic.errors import decode_error, decode_inner_error, encode_error, encode_stream_error
from argo_relay.framing.sse import Splitter
from argo_relay.neutral.failure import Failure, FailureKind

TYPES = {
    "bad_request": "invalid_request_error",
    "authentication": "authentication_error",
    "permission": "permission_error",
    "not_found": "not_found_error",
    "method_not_allowed": "invalid_request_error",
    "slow_request": "timeout_error",
    "too_large": "request_too_large",
    "rate_limit": "rate_limit_error",
    "overloaded": "overloaded_error",
    "timeout": "timeout_error",
    "upstream": "api_error",
    "internal": "api_error",
}


@pytest.mark.parametrize("kind", FailureKind)
def test_each_kind_has_its_type(kind: FailureKind) -> None:
    failure = Failure(kind=kind, status=418, message="No.")
    said = {"type": "error", "error": {"type": TYPES[kind.value], "message": "No."}}
    assert json.loads(encode_error(failure)) == said


def test_the_requests_id_stands_beside_the_error() -> None:
    failure = Failure(kind=FailureKind.TIMEOUT, status=504, message="Too late.", request_id="req_1")
    error = {"type": "timeout_error", "message": "Too late."}
    assert json.loads(encode_error(failure)) == {"type": "error", "error": error, "request_id": "req_1"}


def test_an_error_in_a_stream_is_one_named_frame() -> None:
    failure = Failure(kind=FailureKind.OVERLOADED, status=529, message="No.")
    (frame,) = Splitter().feed(encode_stream_error(failure))
    assert (frame.event, frame.data) == (b"error", encode_error(failure))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.BAD_REQUEST),
        (401, FailureKind.AUTHENTICATION),
        (402, FailureKind.BAD_REQUEST),
        (403, FailureKind.PERMISSION),
        (404, FailureKind.NOT_FOUND),
        (405, FailureKind.METHOD),
        (413, FailureKind.TOO_LARGE),
        (429, FailureKind.RATE_LIMIT),
        (500, FailureKind.UPSTREAM),
        (503, FailureKind.OVERLOADED),
        (504, FailureKind.TIMEOUT),
        (529, FailureKind.OVERLOADED),
    ],
)
def test_a_status_says_what_kind_it_is(status: int, kind: FailureKind) -> None:
    for body in (b'{"type":"error","error":{"type":"x","message":"No."}}', b"<html>"):
        failure = decode_error(status, "Reason", body)
        assert (failure.kind, failure.status, failure.at_fault) == (kind, status, "upstream")


@pytest.mark.parametrize(
    ("body", "message", "code", "param"),
    [
        ({"type": "error", "error": {"type": "invalid_request_error", "message": "No."}}, "No.", None, None),
        ({"error": {"message": "No.", "type": "t", "code": "c", "param": "p"}}, "No.", "c", "p"),
        ({"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT"}}, "No.", "400", None),
        ([{"error": {"code": 400, "message": "No."}}], "No.", "400", None),
        ({"error": "No."}, "No.", None, None),
        ({"error": {}}, "The upstream answered 400 Bad Request.", None, None),
    ],
)
def test_any_vendors_error_object_is_read(body: Any, message: str, code: str | None, param: str | None) -> None:
    failure = decode_error(400, "Bad Request", json.dumps(body).encode())
    assert (failure.message, failure.code, failure.param) == (message, code, param)


@pytest.mark.parametrize(
    "body", [b"", b"<html>secret</html>", b"null", b'["secret"]', b'{"error":["secret"]}', b"\xff"]
)
def test_what_is_no_error_object_is_only_named(body: bytes) -> None:
    failure = decode_error(502, "Bad Gateway", body)
    assert failure.code == "upstream_502"
    assert failure.message == "The upstream answered 502 Bad Gateway without an error object. Try again in a moment."


@pytest.mark.parametrize("detail", ["field required", [{"msg": "field required", "input": "secret"}]])
def test_what_a_framework_says_is_told(detail: object) -> None:
    failure = decode_error(422, "Unprocessable", json.dumps({"detail": detail}).encode())
    assert failure.message == "The upstream answered 422 Unprocessable without an error object: field required."


@pytest.mark.parametrize(
    ("kind", "status"),
    [("overloaded_error", 529), ("api_error", 500), ("timeout_error", 504), ("rate_limit_error", 429), (None, 502)],
)
def test_an_inner_error_has_the_status_of_its_type(kind: str | None, status: int) -> None:
    failure = decode_inner_error({"type": "error", "error": {"type": kind, "message": "No."}})
    assert failure is not None
    assert (failure.status, failure.message, failure.at_fault) == (status, "No.", "upstream")


@pytest.mark.parametrize("value", [{}, {"type": "error"}, {"type": "message", "content": [], "error": {"a": 1}}])
def test_what_is_no_error_is_none(value: dict[str, Any]) -> None:
    assert decode_inner_error(value) is None


@given(st.sampled_from([400, 429, 500, 529]), st.text(min_size=1))
def test_what_is_encoded_is_decoded(status: int, message: str) -> None:
    failure = decode_error(status, "Reason", json.dumps({"error": {"message": message}}).encode())
    assert decode_error(status, "Reason", encode_error(failure)) == failure
