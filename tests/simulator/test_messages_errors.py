from __future__ import annotations

import json
import re

import pytest

from argo_relay.simulator import messages_errors as errors

# As production answered on 2026-05-21, but for the id.
RECORDED = (
    '{"type":"error","error":{"type":"invalid_request_error","message":"Error code: 400 - '
    "{'type': 'error', 'error': {'type': 'invalid_request_error', "
    "'message': '`temperature` is deprecated for this model.'}, 'request_id': 'req_vrtx_1'}\"}}"
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_an_ordered_error_is_wrapped(status: int, kind: str) -> None:
    refusal = errors.ordered(status, 3)
    body = json.loads(refusal.body)
    assert (refusal.status, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert body["error"]["message"].startswith(
        f"Error code: {status} - {{'type': 'error', 'error': {{'type': '{kind}', 'message': "
    )
    assert dict(refusal.headers)[b"retry-after"] == b"3"


def test_an_ordered_502_is_the_web_servers_page() -> None:
    assert b"<center>nginx</center>" in errors.ordered(502, None).body


def test_a_vendors_400_as_recorded() -> None:
    body = errors.relayed("`temperature` is deprecated for this model.").body.decode()
    body = re.sub(r"req_vrtx_\w{24}", "req_vrtx_1", body)
    assert body == RECORDED


def test_what_argo_says_itself_is_not_wrapped() -> None:
    expected = b'{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens is required"}}'
    assert errors.invalid_request("max_tokens is required").body == expected
    assert b"Invalid model: x" in errors.invalid_model("x").body
    assert errors.bad_directive("no").status == 400
    assert errors.failure("broken").status == 500
