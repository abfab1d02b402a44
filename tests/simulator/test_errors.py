from __future__ import annotations

import json

import pytest

from argo_relay.simulator.errors import (
    QUOTA,
    bad_directive,
    invalid_model,
    invalid_request,
    ordered,
    quota,
    relayed,
    unsupported_operation,
)


def test_an_unknown_model_and_a_bad_directive_are_400s_of_argos_shape() -> None:
    for refusal, message in ((invalid_model("gpt-4o"), "Invalid model: gpt-4o"), (bad_directive("no"), "no")):
        assert refusal.status == 400
        body = json.loads(refusal.body)
        assert list(body["error"]) == ["message", "type", "code"]
        assert body["error"]["message"] == message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (418, "APIStatusError"),
        (500, "InternalServerError"),
        (503, "InternalServerError"),
    ],
)
def test_an_ordered_error_is_wrapped(status: int, kind: str) -> None:
    refusal = ordered(status, None)
    error = json.loads(refusal.body)["error"]
    assert (refusal.status, error["type"], error["code"]) == (status, kind, "internal_error")
    assert error["message"].startswith(f"Error code: {status} - {{'error': {{'message': ")


def test_an_ordered_429_is_the_quota_and_may_name_a_time() -> None:
    refusal = ordered(429, 1.5)
    assert json.loads(refusal.body) == QUOTA
    assert "RESOURCE_EXHAUSTED" in QUOTA["error"]["message"]
    assert refusal.headers == ((b"content-type", b"application/json"), (b"retry-after", b"1.5"))


def test_an_ordered_502_is_the_web_servers_page() -> None:
    refusal = ordered(502, 3)
    assert b"<center>nginx</center>" in refusal.body
    assert refusal.headers == ((b"content-type", b"text/html"), (b"retry-after", b"3"))


def test_what_a_vendor_says_is_wrapped() -> None:
    assert json.loads(relayed("no", "kind", None, None).body)["error"] == {
        "message": "Error code: 400 - {'error': {'message': 'no', 'type': 'kind', 'param': None, 'code': None}}",
        "type": "BadRequestError",
        "code": "internal_error",
    }
    assert b"The embeddings operation does not work" in unsupported_operation("embeddings", "gpt-4o").body


def test_what_argo_says_itself_is_not() -> None:
    refusal = invalid_request("input is required")
    assert (refusal.status, json.loads(refusal.body)["error"]["message"]) == (400, "input is required")


def test_a_spent_quota_is_a_429() -> None:
    assert (quota().status, json.loads(quota().body)) == (429, QUOTA)
