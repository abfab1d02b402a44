"""A notice never reaches a client as an answer, and an answer is not held up for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.config.schema import Config
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.entry import Entry
from argo_relay.observe.record import Outcome
from argo_relay.simulator.access import SPECIAL_USERS
from support.stage import DONE, FINISH, JSON, FakeClient, Play, chunk, message_event, stage

pytestmark = pytest.mark.looptime

ARGO = Config(user="tester")
STATUS = {"denied": 403, "stranger": 403, "quota": 429}
NOTICES = {user: SPECIAL_USERS[user][1].format(user="tester") for user in STATUS}
DENIED = NOTICES["denied"]


def said(name: str = "openai_chat", model: str = "gpt-4o", *, stream: bool = True) -> tuple[FakeClient, Entry]:
    dialect = DIALECTS[name]
    message = {"messages": [{"role": "user", "content": "hi"}]}
    body: dict[str, Any] = {"model": model, "stream": stream}
    body |= {"input": "hi"} if name == "openai_responses" else message
    if name == "anthropic":
        body["max_tokens"] = 99
    return FakeClient([(0, json.dumps(body).encode())]), Entry(dialect=dialect)


def pieces(text: str, size: int) -> list[tuple[float, bytes]]:
    return [(0.01, chunk(text[at : at + size])) for at in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("user", NOTICES)
async def test_of_a_streamed_notice_nothing_goes_out_as_an_answer(user: str, size: int) -> None:
    play = Play(body=[*pieces(NOTICES[user], size), (0, FINISH + DONE)])
    done = await stage(play, ARGO).run(*said())
    assert done.client.status == STATUS[user]
    assert done.client.headers["x-should-retry"] == "false"
    error = done.client.json()["error"]
    assert error["code"] in ("argo_access_denied", "argo_quota_exceeded")
    assert done.record.outcome is Outcome.ERROR
    assert b"chat.completion.chunk" not in done.client.body


@pytest.mark.parametrize("user", NOTICES)
async def test_a_whole_notice_is_an_error(user: str) -> None:
    reply = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
    message = {"role": "assistant", "content": NOTICES[user]}
    reply["choices"] = [{"index": 0, "finish_reason": "stop", "message": message}]
    play = Play(headers=JSON, body=[(0, json.dumps(reply).encode())])
    done = await stage(play, ARGO).run(*said(stream=False))
    assert done.client.status == STATUS[user]
    paid = reply | {"usage": {"prompt_tokens": 5, "completion_tokens": 50, "total_tokens": 55}}
    kept = await stage(Play(headers=JSON, body=[(0, json.dumps(paid).encode())]), ARGO).run(*said(stream=False))
    assert (kept.client.status, kept.client.json()) == (200, paid)


def blocked() -> bytes:
    start: dict[str, Any] = {
        "id": "msg_blocked_tester_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
    }
    start |= {"stop_reason": None, "usage": {"input_tokens": 0, "output_tokens": 0}}
    return b"".join(
        message_event(event)
        for event in (
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "No."}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 0}},
            {"type": "message_stop"},
        )
    )


@pytest.mark.parametrize("name", ["anthropic", "openai_chat", "openai_responses"])
async def test_an_id_that_gives_it_away_is_enough(name: str) -> None:
    done = await stage(Play(body=[(1, blocked())]), ARGO).run(*said(name, "claude-opus-4.7"))
    assert done.client.status == 403
    assert "No." in done.client.json()["error"]["message"]


async def test_an_answer_goes_on_with_its_first_word() -> None:
    body = [(1.0, b": hi\n\n"), (1.0, chunk("I am")), (1.0, chunk(" here") + FINISH + DONE)]
    done = await stage(Play(body=body), ARGO).run(*said())
    assert [moment for moment, data in done.client.written if data] == [1, 2, 3]


async def test_what_is_held_back_goes_out_unchanged_once_it_is_an_answer() -> None:
    quoting = chunk("IMPORT") + chunk("ANT AUTHENTICATION NOTICE FROM") + chunk(" ME") + FINISH + DONE
    done = await stage(Play(body=[(1, quoting[:200]), (1, quoting[200:])]), ARGO).run(*said())
    assert (done.client.status, done.client.body) == (200, quoting)
    whole = chunk(DENIED + " That is what it says.") + FINISH + DONE
    kept = await stage(Play(body=[(1, whole)]), ARGO).run(*said())
    assert (kept.client.status, kept.client.body) == (200, whole)


async def test_a_notice_that_breaks_off_is_no_answer_either() -> None:
    done = await stage(Play(body=[(1, chunk(DENIED[:90]))]), ARGO).run(*said())
    assert done.client.status in (200, 502)
    assert done.record.outcome is Outcome.ERROR


@pytest.mark.parametrize("name", ["anthropic", "openai_chat", "openai_responses"])
async def test_an_error_before_the_first_word_has_a_status_of_its_own(name: str) -> None:
    words = repr({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "r_1"})
    error = message_event({"type": "error", "error": {"type": "api_error", "message": words}})
    start = blocked().partition(b"event: content_block_start")[0].replace(b"msg_blocked_", b"msg_vrtx_")
    done = await stage(Play(body=[(1, start), (1, error)]), ARGO).run(*said(name, "claude-opus-4.7"))
    assert (done.client.status, done.client.headers["x-upstream-request-id"]) == (529, "r_1")
    assert done.client.json()["error"]["message"] == "Overloaded"
