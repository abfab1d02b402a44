from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from argo_relay.dialects.openai_responses.errors import (
    decode_error,
    decode_failed,
    decode_inner_error,
    encode_error,
    encode_failed,
    encode_stream_error,
)
from argo_relay.framing import jsonx
from argo_relay.framing.sse import Splitter
from argo_relay.neutral.failure import Failure, FailureKind, bad_request
from support.replies import JSON

LIMIT = {"message": "Too much.", "type": "tokens", "param": None, "code": "rate_limit_exceeded"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "message"),
    [
        (429, {"error": LIMIT}, FailureKind.RATE_LIMIT, "rate_limit_exceeded", "Too much."),
        (400, [{"error": {"code": 400, "message": "a", "status": "INVALID"}}], FailureKind.BAD_REQUEST, "INVALID", "a"),
        (529, {"type": "error", "error": {"message": "b"}}, FailureKind.OVERLOADED, None, "b"),
        (400, {"code": "bad", "error": "broken"}, FailureKind.BAD_REQUEST, "bad", "broken"),
        (404, {"error": "Not Found", "detail": "No such model."}, FailureKind.NOT_FOUND, None, "No such model."),
        (502, {"message": "gateway"}, FailureKind.UPSTREAM, None, "gateway"),
        (504, {"error": {"code": "x"}}, FailureKind.TIMEOUT, "x", "The upstream answered 504 X."),
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
    assert (failure.kind, failure.code) == (FailureKind.OVERLOADED, "upstream_503")
    assert "secret" not in failure.message


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ({"code": "rate_limit_exceeded"}, 429, FailureKind.RATE_LIMIT),
        ({"code": "server_is_overloaded"}, 503, FailureKind.OVERLOADED),
        ({"code": "odd", "type": "invalid_request_error"}, 400, FailureKind.BAD_REQUEST),
        ({"code": "server_error"}, 502, FailureKind.UPSTREAM),
        (None, 502, FailureKind.UPSTREAM),
        ([1], 502, FailureKind.UPSTREAM),
    ],
)
def test_an_error_in_a_stream_has_the_status_that_its_words_mean(error: Any, status: int, kind: FailureKind) -> None:
    failure = decode_failed(error)
    assert (failure.status, failure.kind) == (status, kind)
    assert failure.message


def test_an_error_in_place_of_a_reply_is_found() -> None:
    assert decode_inner_error({"status": "completed", "error": None}) is None
    failed = decode_inner_error({"status": "failed", "error": {"message": "No."}})
    assert failed is not None
    assert failed.message == "No."
    assert decode_inner_error({"status": "failed"}) is not None


def test_an_error_reply() -> None:
    assert jsonx.decode(encode_error(bad_request("No.", "input"))) == {
        "error": {"message": "No.", "type": "invalid_request_error", "param": "input", "code": "invalid_value"}
    }


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FailureKind.OVERLOADED, "server_is_overloaded"),
        (FailureKind.RATE_LIMIT, "rate_limit_exceeded"),
        (FailureKind.TIMEOUT, "idle_timeout"),
    ],
)
def test_codex_finds_the_words_that_it_acts_upon(kind: FailureKind, code: str) -> None:
    failure = Failure(kind=kind, status=500, message="m", code="idle_timeout")
    assert encode_failed(failure) == {"code": code, "message": "m"}


def test_a_relayed_stream_ends_with_a_failed_response() -> None:
    failure = Failure(kind=FailureKind.INTERNAL, status=500, message="m")
    (frame,) = Splitter().feed(encode_stream_error(failure, {"id": "resp_1", "status": "in_progress", "model": "m"}, 7))
    said = jsonx.decode(frame.data or b"")
    assert (frame.event, said["type"]) == (b"response.failed", "response.failed")
    assert (said["response"]["id"], said["response"]["model"]) == ("resp_1", "m")
    assert (said["response"]["status"], said["response"]["error"]) == (
        "failed",
        {"code": "server_error", "message": "m"},
    )


def test_every_kind_is_written_and_read_back() -> None:
    for kind in FailureKind:
        failure = Failure(kind=kind, status=500, message="m", code="c", param="p")
        again = decode_error(500, "", encode_error(failure))
        assert (again.message, again.code, again.param) == ("m", "c", "p")


@given(JSON)
def test_no_error_is_too_strange(value: Any) -> None:
    for strange in (value, {"error": value}, [value], {"message": value}, {"detail": value}):
        assert decode_error(500, "x", jsonx.encode(strange)).status == 500
    assert decode_failed(value).status >= 400
    assert decode_failed({"code": value, "type": value, "message": value}).status >= 400
