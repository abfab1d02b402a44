"""Errors both ways, and as the official client understands them."""

from __future__ import annotations

import json
from typing import Any

import httpx2  # what the official client speaks HTTP with
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.dialects.openai_chat.errors import decode_error, decode_inner_error, encode_error, encode_stream_error
from argo_relay.framing import sse
from argo_relay.framing.sse import Splitter
from argo_relay.neutral.failure import Failure, FailureKind

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TYPES = {
    "bad_request": "invalid_request_error",
    "authentication": "authentication_error",
    "permission": "permission_error",
    "not_found": "not_found_error",
    "method_not_allowed": "invalid_request_error",
    "slow_request": "timeout_error",
    "too_large": "invalid_request_error",
    "rate_limit": "rate_limit_error",
    "overloaded": "overloaded_error",
    "timeout": "timeout_error",
    "upstream": "upstream_error",
    "internal": "server_error",
}
LATE = Failure(
    kind=FailureKind.TIMEOUT,
    status=504,
    message="It took longer than its total timeout of 1 s.",
    code="timeout_total",
    param="timeout",
    timer="total",
)
CHUNK = sse.write(
    b'{"id":"1","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":"hi"}}]}'
)


def body(**error: Any) -> bytes:
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize("kind", FailureKind)
def test_each_kind_has_its_type(kind: FailureKind) -> None:
    failure = Failure(kind=kind, status=418, message="No.", code="c", param="p")
    error = {"message": "No.", "type": TYPES[kind.value], "param": "p", "code": "c"}
    assert json.loads(encode_error(failure)) == {"error": error}


def test_what_is_not_known_is_null() -> None:
    failure = Failure(kind=FailureKind.INTERNAL, status=500, message="No.")
    error = {"message": "No.", "type": "server_error", "param": None, "code": None}
    assert json.loads(encode_error(failure)) == {"error": error}


def test_an_error_in_a_stream_is_one_frame_and_no_end() -> None:
    (frame,) = Splitter().feed(encode_stream_error(LATE))
    assert frame.data == encode_error(LATE)
    assert b"[DONE]" not in encode_stream_error(LATE)


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
        (418, FailureKind.BAD_REQUEST),
        (422, FailureKind.BAD_REQUEST),
        (429, FailureKind.RATE_LIMIT),
        (500, FailureKind.UPSTREAM),
        (502, FailureKind.UPSTREAM),
        (503, FailureKind.OVERLOADED),
        (504, FailureKind.TIMEOUT),
        (529, FailureKind.OVERLOADED),
        (599, FailureKind.UPSTREAM),
    ],
)
def test_a_status_says_what_kind_it_is(status: int, kind: FailureKind) -> None:
    for text in (body(message="No."), b"<html>"):
        failure = decode_error(status, "Reason", text)
        assert (failure.kind, failure.status, failure.at_fault) == (kind, status, "upstream")


@pytest.mark.parametrize(
    ("text", "message", "code", "param"),
    [
        (body(message="No.", type="t", param="temperature", code="unsupported"), "No.", "unsupported", "temperature"),
        (body(message="No.", type="t", param=None, code=None), "No.", None, None),
        (body(message="No.", code=400), "No.", "400", None),
        (body(message={"detail": "No."}), "{'detail': 'No.'}", None, None),
        (body(message=""), "The upstream answered 400 Bad Request.", None, None),
        (body(type="t"), "The upstream answered 400 Bad Request.", None, None),
        (b'{"error":"No."}', "No.", None, None),
        (b'{"error":"No.","code":"invalid-argument"}', "No.", "invalid-argument", None),
        (b'{"object":"error","message":"No.","code":"3051","param":null}', "No.", "3051", None),
        (b'[{"error":{"code":400,"message":"No.","status":"INVALID_ARGUMENT"}}]', "No.", "400", None),
        (
            body(
                message="Error code: 400 - {'error': {'message': \"Unsupported value\", 'param': 'temperature'}}",
                type="BadRequestError",
                code="internal_error",
            ),
            "Error code: 400 - {'error': {'message': \"Unsupported value\", 'param': 'temperature'}}",
            "internal_error",
            None,
        ),
    ],
)
def test_an_error_object_is_read(text: bytes, message: str, code: str | None, param: str | None) -> None:
    failure = decode_error(400, "Bad Request", text)
    assert (failure.message, failure.code, failure.param) == (message, code, param)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html><body><h1>502 Bad Gateway</h1>nginx at secret.example</body></html>",
        b"secret",
        b"null",
        b'"secret"',
        b'["secret"]',
        b'{"detail":{"secret":1}}',
        b'{"detail":[]}',
        b'{"error":null}',
        b'{"error":["secret"]}',
        b'{"error":5}',
        b'{"error":{"message":"\xff"}}',
        b"[" * 10_000,
    ],
)
def test_what_is_no_error_object_is_only_named(text: bytes) -> None:
    refused = decode_error(422, "Unprocessable", text)
    assert refused.message == "The upstream answered 422 Unprocessable without an error object."
    assert (refused.code, refused.param) == ("upstream_422", None)
    broken = decode_error(502, "Bad Gateway", text)
    assert broken.message.startswith("The upstream answered 502 Bad Gateway without an error object. Try again")
    assert "secret" not in broken.message


@pytest.mark.parametrize("detail", ['"field required"', '[{"msg":"field required","loc":["body"],"input":"secret"}]'])
def test_what_a_framework_says_of_a_request_is_told(detail: str) -> None:
    refused = decode_error(422, "Unprocessable", b'{"detail":' + detail.encode() + b"}")
    said = "The upstream answered 422 Unprocessable without an error object: field required."
    assert (refused.message, refused.code) == (said, "upstream_422")


@UNTIMED
@given(
    st.sampled_from([(400, FailureKind.BAD_REQUEST), (429, FailureKind.RATE_LIMIT), (502, FailureKind.UPSTREAM)]),
    st.text(min_size=1),
    st.none() | st.text(),
    st.none() | st.text(),
)
def test_what_is_encoded_is_decoded(
    status: tuple[int, FailureKind], message: str, code: str | None, param: str | None
) -> None:
    failure = Failure(kind=status[1], status=status[0], message=message, code=code, param=param, at_fault="upstream")
    assert decode_error(failure.status, "Reason", encode_error(failure)) == failure
    (frame,) = Splitter().feed(encode_stream_error(failure))
    assert frame.data == encode_error(failure)


@pytest.mark.parametrize(
    ("value", "status", "kind", "message"),
    [
        ({"error": {"code": 429, "message": "Slow down."}}, 429, FailureKind.RATE_LIMIT, "Slow down."),
        ({"error": {"code": "model_not_found", "message": "No."}}, 404, FailureKind.NOT_FOUND, "No."),
        ({"error": {"type": "overloaded_error", "message": "Busy."}}, 503, FailureKind.OVERLOADED, "Busy."),
        ({"error": {"message": "No.", "code": 7}}, 502, FailureKind.UPSTREAM, "No."),
        ({"error": "No.", "choices": []}, 502, FailureKind.UPSTREAM, "No."),
        ({"object": "error", "message": "No.", "code": 400}, 400, FailureKind.BAD_REQUEST, "No."),
        ({"choices": [{"error": {"code": 500, "message": "No."}}]}, 500, FailureKind.UPSTREAM, "No."),
    ],
)
def test_an_error_in_a_200_has_the_status_that_it_names(
    value: dict[str, Any], status: int, kind: FailureKind, message: str
) -> None:
    failure = decode_inner_error(value)
    assert failure is not None
    assert (failure.status, failure.kind, failure.message, failure.at_fault) == (status, kind, message, "upstream")


@pytest.mark.parametrize("error", [True, 5, ["No."], {"code": None}, {"message": {}}])
def test_an_error_in_a_200_that_says_nothing_is_one(error: Any) -> None:
    for value in ({"error": error}, {"choices": [{"error": error}]}):
        failure = decode_inner_error(value)
        assert failure is not None
        assert (failure.status, failure.message.endswith("Try again.")) == (502, True)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"choices": []},
        {"error": None, "choices": [{"error": None}, 5]},
        {"choices": [], "message": "fine"},
        {"type": "message_start", "message": {"id": "msg_1"}},
    ],
)
def test_what_is_no_error_in_a_200(value: dict[str, Any]) -> None:
    assert decode_inner_error(value) is None


def client(status: int, kind: str, content: bytes) -> openai.OpenAI:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers={"content-type": kind}, content=content)

    transport = httpx2.MockTransport(answer)
    return openai.OpenAI(
        api_key="dummy", base_url="http://relay.test/v1", max_retries=0, http_client=httpx2.Client(transport=transport)
    )


def test_the_official_client_raises_at_an_error_in_a_stream() -> None:
    content = b": keep-alive\n\n" + CHUNK + encode_stream_error(LATE)
    with client(200, "text/event-stream", content) as speaking:
        stream = speaking.chat.completions.create(model="m", messages=[], stream=True)
        assert next(stream).choices[0].delta.content == "hi"
        with pytest.raises(openai.APIError) as caught:
            next(stream)
    assert caught.value.message == LATE.message
    assert (caught.value.code, caught.value.param) == ("timeout_total", "timeout")
    assert caught.value.type == "timeout_error"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (504, openai.InternalServerError),
    ],
)
def test_the_official_client_reads_an_error_reply(status: int, expected: type[openai.APIStatusError]) -> None:
    with (
        client(status, "application/json", encode_error(LATE)) as speaking,
        pytest.raises(expected) as caught,
    ):
        speaking.chat.completions.create(model="m", messages=[])
    assert LATE.message in caught.value.message
    assert (caught.value.code, caught.value.param) == ("timeout_total", "timeout")
    assert caught.value.type == "timeout_error"
