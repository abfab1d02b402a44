from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator import chat, embeddings, messages, responses
from argo_relay.simulator.dialect import Asked, Dialect, plan
from argo_relay.simulator.request import hear
from argo_relay.simulator.script import Start, Step, Write
from argo_relay.simulator.ways import TODAY, Ways

USER = [{"role": "user", "content": "PROMPT"}]
PLAIN: list[tuple[Dialect, dict[str, Any]]] = [
    (chat.DIALECT, {"model": "gpt4o", "messages": USER}),
    (messages.DIALECT, {"model": "claudehaiku45", "messages": USER, "max_tokens": 100}),
    (messages.COUNTING, {"model": "claudehaiku45", "messages": USER}),
    (responses.DIALECT, {"model": "gpt4o", "input": "PROMPT"}),
    (embeddings.DIALECT, {"model": "v3small", "input": "PROMPT"}),
]
EACH = pytest.mark.parametrize(("dialect", "body"), PLAIN, ids=[dialect.path for dialect, _ in PLAIN])


def planned(
    dialect: Dialect, body: dict[str, Any], prompt: str = "ping", user: str = "alice", ways: Ways = TODAY
) -> list[Step]:
    raw = json.dumps(body).replace("PROMPT", prompt).encode()
    headers = {"authorization": f"Bearer {user}"}
    return list(plan(dialect, Asked(heard=hear(raw), headers=headers, at=1_790_000_000), ways))


def outcome(steps: list[Step]) -> tuple[int, Any, float]:
    (start,) = [step for step in steps if isinstance(step, Start)]
    written = b"".join(step.data for step in steps if isinstance(step, Write))
    return start.status, json.loads(written), start.at


@EACH
def test_orders_work_on_every_route(dialect: Dialect, body: dict[str, Any]) -> None:
    status, _, at = outcome(planned(dialect, body, "[first_token=3] [chunks=1]"))
    assert (status, at) == (200, 3.0)
    status, _, at = outcome(planned(dialect, body, "[first_token=3] [status=503] [retry_after=2]"))
    assert (status, at) == (503, 3.0)
    status, error, _ = outcome(planned(dialect, body, "[chunks=many]"))
    assert (status, error["error"]["message"]) == (400, "[chunks=many]: chunks takes a whole number, 1 to 100000.")
    status, error, _ = outcome(planned(dialect, body, "[error_after=0]"))
    assert status == 429
    assert "429" in error["error"]["message"]
    status, error, _ = outcome(planned(dialect, body, "[hidden_error]"))
    assert (status, "error" in error) == (200, True)


@EACH
def test_bytes_come_in_pieces_on_every_route(dialect: Dialect, body: dict[str, Any]) -> None:
    steps = planned(dialect, body, "[pieces=7]")
    assert {len(step.data) for step in steps if isinstance(step, Write)} >= {7}


@EACH
def test_an_unknown_model_and_a_bad_body_are_400s(dialect: Dialect, body: dict[str, Any]) -> None:
    status, error, _ = outcome(planned(dialect, body | {"model": "gpt-4o"}))
    assert (status, error["error"]["message"]) == (400, "Invalid model: gpt-4o")
    for raw in (b"{", b"[]", b"{}", b"\xff"):
        steps = list(plan(dialect, Asked(heard=hear(raw), headers={}, at=1), TODAY))
        assert outcome(steps)[0] in {400, 422}


@EACH
def test_the_user_is_judged_before_the_model(dialect: Dialect, body: dict[str, Any]) -> None:
    status, notice, _ = outcome(planned(dialect, body | {"model": "gpt-4o"}, user="nobody"))
    assert status == 200
    assert notice["id"] == "msg_blocked_nobody_1790000000"
    assert notice["model"] == "gpt-4o"
    assert "could not be validated" in json.dumps(notice)


@EACH
def test_argo_itself_can_fail_on_every_route(dialect: Dialect, body: dict[str, Any]) -> None:
    status, error, at = outcome(planned(dialect, body, "[crash] [first_token=2]"))
    assert (status, at) == (500, 2.0)
    assert error["error"]["message"] == "'NoneType' object is not iterable"


@pytest.mark.parametrize(("prompt", "late"), [("ping", 7.5), ("[first_token=9]", 9.0)])
def test_in_may_opus_41_told_its_error_late_and_with_status_200(prompt: str, late: float) -> None:
    body = {"model": "claudeopus41", "messages": USER, "max_tokens": 64}
    may = Ways(as_of="2026-05")
    status, error, at = outcome(planned(messages.DIALECT, body, prompt, ways=may))
    assert (status, error["type"], error["error"]["type"], at) == (200, "error", "api_error", late)
    steps = planned(messages.DIALECT, body | {"stream": True}, prompt, ways=may)
    assert b"event: error" in b"".join(step.data for step in steps if isinstance(step, Write))
    assert "content" in outcome(planned(messages.DIALECT, body, prompt))[1]
    assert "input_tokens" in outcome(planned(messages.COUNTING, body, prompt, ways=may))[1]
