"""Replies that are no exchanges."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from argo_relay.dialects.table import DIALECTS
from argo_relay.neutral.failure import Failure, FailureKind, bad_request
from argo_relay.server.responses import error_response, json_response, request_id_header


def test_json() -> None:
    reply = json_response({"name": "é"}, 503)
    assert reply.status_code == 503
    assert reply.body == '{"name":"é"}'.encode()
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert json_response([]).status_code == 200


def test_an_error_has_its_own_status_and_the_headers_it_is_given() -> None:
    reply = error_response(bad_request("No.", "model"), {"x-request-id": "r1", "allow": "GET"}, DIALECTS["openai_chat"])
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"] == "r1"
    assert reply.headers["allow"] == "GET"
    assert "retry-after" not in reply.headers
    assert json.loads(bytes(reply.body)) == {
        "error": {"message": "No.", "type": "invalid_request_error", "param": "model", "code": "invalid_value"}
    }


@pytest.mark.parametrize(
    ("dialect", "shape"),
    [
        ("openai_responses", {"error": {"message": "No.", "type": "invalid_request_error", "param": "model"}}),
        ("anthropic", {"type": "error", "error": {"type": "invalid_request_error", "message": "No."}}),
        ("google", {"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT"}}),
    ],
)
def test_an_error_has_its_dialects_own_shape(dialect: str, shape: dict[str, Any]) -> None:
    reply = error_response(bad_request("No.", "model"), {}, DIALECTS[dialect])
    assert within(json.loads(bytes(reply.body)), shape)


def within(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return all(name in whole and within(whole[name], value) for name, value in part.items())
    return bool(whole == part)


@pytest.mark.parametrize(("given", "kept"), [("mine", True), ("a b", False), ("", False), ("x" * 129, False)])
def test_a_request_is_named_by_its_client_or_anew(given: str, kept: bool) -> None:
    scope = {"type": "http", "headers": [(b"x-request-id", given.encode())]}
    named = request_id_header(HTTPConnection(scope))["x-request-id"]
    assert named == given if kept else named.startswith("req_")


def test_an_error_says_when_to_come_back() -> None:
    given = {"x-request-id": "r1"}
    for seconds, shown in ((1.0, "1"), (0.5, "0.5"), (0.0, "0")):
        failure = Failure(kind=FailureKind.OVERLOADED, status=503, message="Busy.", retry_after=seconds)
        assert error_response(failure, given, DIALECTS["anthropic"]).headers["retry-after"] == shown
    assert given == {"x-request-id": "r1"}, "what was given stays as it was"
