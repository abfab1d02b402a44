"""Replies that are no exchanges."""

from __future__ import annotations

import json

from argo_relay.neutral.failure import Failure, FailureKind, bad_request
from argo_relay.server.responses import error_response, json_response


def test_json() -> None:
    reply = json_response({"name": "é"}, 503)
    assert reply.status_code == 503
    assert reply.body == '{"name":"é"}'.encode()
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert json_response([]).status_code == 200


def test_an_error_has_its_own_status_and_the_headers_it_is_given() -> None:
    reply = error_response(bad_request("No.", "model"), {"x-request-id": "r1", "allow": "GET"})
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"] == "r1"
    assert reply.headers["allow"] == "GET"
    assert "retry-after" not in reply.headers
    assert json.loads(bytes(reply.body)) == {
        "error": {"message": "No.", "type": "invalid_request_error", "param": "model", "code": "invalid_value"}
    }


def test_an_error_says_when_to_come_back() -> None:
    given = {"x-request-id": "r1"}
    for seconds, shown in ((1.0, "1"), (0.5, "0.5"), (0.0, "0")):
        failure = Failure(kind=FailureKind.OVERLOADED, status=503, message="Busy.", retry_after=seconds)
        assert error_response(failure, given).headers["retry-after"] == shown
    assert given == {"x-request-id": "r1"}, "what was given stays as it was"
