"""What a vendor said is what the client hears, however Argo wraps it; nothing is ever evaluated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.upstreams.argo.errors import legible

INNER = {"message": "Only the default (1) value is supported.", "type": "invalid_request_error"}


def failure(message: str, status: int = 400, **fields: Any) -> Failure:
    return Failure(kind=FailureKind.UPSTREAM, status=status, message=message, at_fault="upstream", **fields)


def told(message: str, status: int = 400, **fields: Any) -> tuple[int, str, str | None, str | None]:
    read = legible(failure(message, status, **fields))
    return read.status, read.message, read.code, read.param


def test_openais_error_is_its_own_again() -> None:
    inner = INNER | {"param": "temperature", "code": "unsupported_value"}
    wrapped = f"Error code: 400 - { ({'error': inner}) }"
    assert told(wrapped, code="internal_error") == (400, INNER["message"], "unsupported_value", "temperature")


def test_anthropics_error_keeps_its_request_id_and_names_the_field() -> None:
    for message, param in (
        ("`temperature` is deprecated for this model.", "temperature"),
        ("`max_tokens` must be greater than `thinking.budget_tokens`. Please consult", "max_tokens"),
        ("thinking.adaptive.budget_tokens: Extra inputs are not permitted", "thinking.adaptive.budget_tokens"),
        ("messages.3.content.1: something", "messages.3.content.1"),
        ("max_tokens is required", "max_tokens"),
        ("Something else.", None),
    ):
        inner = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
        wrapped = f"Error code: 400 - {inner | {'request_id': 'req_vrtx_1'}}"
        read = legible(failure(wrapped))
        assert (read.message, read.param, read.upstream_request_id) == (message, param, "req_vrtx_1")
        assert (read.kind, read.code) == (FailureKind.BAD_REQUEST, "invalid_request_error")


@pytest.mark.parametrize(
    ("message", "status", "kind"),
    [
        (repr({"type": "error", "error": {"details": None, "type": "api_error", "message": "no"}}), 500, "upstream"),
        (repr({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}), 529, "overloaded"),
        (
            "429 RESOURCE_EXHAUSTED. " + repr({"error": {"code": 429, "message": "no", "status": "X"}}),
            429,
            "rate_limit",
        ),
        ("Error code: 503 - " + repr({"error": {"message": "no"}}), 503, "overloaded"),
        ("Error code: 429 - quota", 429, "rate_limit"),
        ("Vertex said 429 RESOURCE_EXHAUSTED, Quota exceeded", 429, "rate_limit"),
    ],
)
def test_an_error_within_a_200_gets_the_status_that_it_had(message: str, status: int, kind: str) -> None:
    read = legible(failure(message, 502))
    assert (read.status, read.kind.value) == (status, kind)


def test_two_wrappings_come_off() -> None:
    once = f"Error code: 400 - { ({'error': INNER}) }"
    twice = f"Error code: 500 - { ({'error': {'message': once, 'type': 'BadRequestError'}}) }"
    assert told(twice, 500)[:2] == (400, INNER["message"])


def test_python_that_failed_inside_is_said_to_have() -> None:
    status, message, code, _ = told("'NoneType' object is not iterable", 500, code="internal_error")
    assert (status, code) == (500, None)
    assert "'NoneType' object is not iterable" in message
    assert "Try again" in message


def test_a_model_that_is_listed_and_yet_refused_is_not_found() -> None:
    read = legible(failure("Invalid model: gpt4olatest", code="model_not_found"))
    assert (read.status, read.kind, read.param) == (404, FailureKind.NOT_FOUND, "model")


@pytest.mark.parametrize(
    "message",
    [
        "a plain sentence",
        "Error code: 400 - {'error': __import__('os').system('true')}",
        "{'a': 1}",
        "{" * 2000 + "}" * 2000,
        "Error code: 400 - {'error': {'message': 5}}",
        "{'message': 'x'}{'message': 'y'}",
        "",
    ],
)
def test_what_is_no_wrapping_stays_as_it_is(message: str) -> None:
    before = failure(message)
    assert legible(before) is before


@given(st.text(max_size=300), st.integers(400, 599))
def test_nothing_that_an_upstream_says_breaks_it(text: str, status: int) -> None:
    assert legible(failure(text, status)).status in range(400, 600)
    wrapped = f"Error code: {status} - { ({'error': {'message': text or 'x', 'code': text}}) }"
    read = legible(failure(wrapped, status))
    assert read.status in range(400, 600)
