from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator import errors, messages_errors
from argo_relay.simulator.failures import FAILURES

from .conftest import Ask


@pytest.mark.parametrize("name", FAILURES)
def test_each_has_a_body_and_a_status_in_both_envelopes(name: str) -> None:
    chat, messages = errors.failed(name), messages_errors.failed(name)
    assert chat.status == messages.status == FAILURES[name].status
    said: list[dict[str, Any]] = [json.loads(refusal.body) for refusal in (chat, messages)]
    assert (said[0]["error"]["code"], said[1]["type"]) == ("internal_error", "error")
    assert said[1]["error"]["type"] == FAILURES[name].type
    assert f"Error code: {chat.status} - " in said[0]["error"]["message"]


def test_three_ways_of_wrapping() -> None:
    assert messages_errors.fault("overloaded") == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Overloaded"},
    }
    assert messages_errors.fault("internal")["error"]["message"].startswith("{'type': 'error', 'error': {'details': ")
    assert messages_errors.fault("too_long")["error"]["message"].startswith("Error code: 400 - {'type': 'error', ")


@pytest.mark.looptime
@pytest.mark.parametrize("name", FAILURES)
async def test_a_prompt_orders_how_a_reply_fails(ask: Ask, message: Ask, respond: Ask, name: str) -> None:
    words = FAILURES[name].message
    for post in (ask, message, respond):
        whole = await post(f"[error_after=1] [error_kind={name}]")
        assert whole.status_code == FAILURES[name].status
        streamed = await post(f"[error_after=1] [error_kind={name}]", stream=True)
        hidden = await post(f"[hidden_error] [error_kind={name}]")
        assert (streamed.status_code, hidden.status_code) == (200, 200)
        for reply in (whole, streamed, hidden):
            assert words.split(":")[0] in reply.text
    assert b"event: error\n" in (await message(f"[error_after=1] [error_kind={name}]", stream=True)).content
