"""Every call that reaches Claude is answered first thing in what the user says next, and nothing said is lost."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.upstreams.argo.pairing import UNANSWERED
from argo_relay.upstreams.argo.turns import answered

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
Object = dict[str, Any]
HELLO: Object = {"type": "text", "text": "hello"}


def use(name: str) -> Object:
    return {"type": "tool_use", "id": name, "name": "f", "input": {}}


def result(name: str, content: Any = "done", **more: Any) -> Object:
    return {"type": "tool_result", "tool_use_id": name, "content": content} | more


def silent(name: str) -> Object:
    return result(name, UNANSWERED, is_error=True)


def told(name: str, text: str = "done") -> Object:
    return {"type": "text", "text": f"The result of the tool call {name}:\n{text}"}


def user(*blocks: Any) -> Object:
    return {"role": "user", "content": [*blocks]}


def claude(*blocks: Any) -> Object:
    return {"role": "assistant", "content": [*blocks]}


@pytest.mark.parametrize(
    "messages",
    [
        None,
        {},
        [],
        [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}],
        [user(HELLO), claude(HELLO, use("a"), use("b")), user(result("b"), result("a"), HELLO)],
        [claude(use("a")), claude(use("b")), user(result("a")), user(result("b"), HELLO)],
        [claude(use("a")), user(result("a")), claude(use("a")), user(result("a"))],
        [claude({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}), user(HELLO)],
        [claude(None, 3, {"type": "tool_use"}, {"type": ["tool_use"], "id": 3}), user(None, {"type": "tool_result"})],
        [None, 3, {"role": "user"}, {"role": ["user"], "content": [result("a")]}],
    ],
)
def test_what_claude_can_take_stays_the_same_object(messages: Any) -> None:
    mended, losses = answered(messages)
    assert mended is messages
    assert losses == []


CASES: list[tuple[list[Any], list[Any], list[tuple[str, str, str]]]] = [
    (
        [user(HELLO), claude(HELLO, use("a"))],
        [user(HELLO), claude(HELLO, use("a")), user(silent("a"))],
        [("messages[1].content[1]", "tool_call", "approximated")],
    ),
    (
        [claude(use("a"), use("b")), user(result("b"), HELLO)],
        [claude(use("a"), use("b")), user(result("b"), silent("a"), HELLO)],
        [("messages[0].content[0]", "tool_call", "approximated")],
    ),
    (
        [claude(use("a")), {"role": "user", "content": "Go on."}],
        [claude(use("a")), user(silent("a"), {"type": "text", "text": "Go on."})],
        [("messages[0].content[0]", "tool_call", "approximated")],
    ),
    (
        [claude(use("a")), {"role": "user", "content": None}],
        [claude(use("a")), user(silent("a")), {"role": "user", "content": None}],
        [("messages[0].content[0]", "tool_call", "approximated")],
    ),
    (
        [claude(use("a"), use("b")), user(HELLO, result("a")), user(result("b"))],
        [claude(use("a"), use("b")), user(result("a"), result("b"), HELLO)],
        [("messages[1].content[1]", "tool_result", "moved"), ("messages[2].content[0]", "tool_result", "moved")],
    ),
    (
        [claude(use("a")), user(HELLO), claude(HELLO), user(result("a"), HELLO)],
        [claude(use("a")), user(result("a"), HELLO), claude(HELLO), user(HELLO)],
        [("messages[3].content[0]", "tool_result", "moved")],
    ),
    (
        [user(result("a"), HELLO), claude(use("b")), user(result("b"), result("b", "twice"), result("c", ""))],
        [user(told("a"), HELLO), claude(use("b")), user(result("b"), told("b", "twice"))],
        [
            ("messages[0].content[0]", "tool_result", "approximated"),
            ("messages[2].content[1]", "tool_result", "approximated"),
            ("messages[2].content[2]", "tool_result", "dropped"),
        ],
    ),
    (
        [claude(use("a")), user(HELLO), claude(use("a")), user(result("a"))],
        [claude(use("a")), user(silent("a"), HELLO), claude(use("a")), user(result("a"))],
        [("messages[0].content[0]", "tool_call", "approximated")],
    ),
]


@pytest.mark.parametrize(("messages", "expected", "losses"), CASES)
def test_the_rest_is_mended(messages: list[Any], expected: list[Any], losses: list[tuple[str, str, str]]) -> None:
    before = copy.deepcopy(messages)
    mended, lost = answered(messages)
    assert mended == expected
    assert [(loss.path, loss.what, loss.how) for loss in lost] == losses
    assert messages == before
    assert answered(mended) == (mended, [])


def test_a_picture_of_a_result_that_became_the_users_stays_one() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    mended, _ = answered([user(result("a", [picture]), HELLO)])
    assert mended == [user({"type": "text", "text": "The result of the tool call a:"}, picture, HELLO)]


ODD = st.none() | st.booleans() | st.integers() | st.text(max_size=2) | st.lists(st.integers(), max_size=2)
NAMES = st.sampled_from("abc")
USES = st.lists(NAMES.map(use) | st.just(HELLO) | ODD, max_size=3)
RESULTS = st.lists(st.builds(result, NAMES, st.sampled_from(["", "said"])) | st.just(HELLO) | ODD, max_size=4)
MESSAGES = st.lists(
    st.builds(lambda blocks: {"role": "assistant", "content": blocks}, USES)
    | st.builds(lambda blocks: {"role": "user", "content": blocks}, RESULTS)
    | st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]) | ODD}, optional={"content": ODD})
    | ODD,
    max_size=7,
)


def unmet(messages: list[Any]) -> list[Any]:
    """Return what Anthropic would refuse: calls that the user's next turn does not begin with the results of."""
    turns: list[tuple[Any, list[Any]]] = []
    for message in messages:
        one = message if isinstance(message, dict) else {}
        content = one.get("content")
        blocks = content if isinstance(content, list) else [content]
        role = one.get("role") if isinstance(one.get("role"), str) else None
        if turns and role is not None and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        else:
            turns.append((role, [*blocks]))
    owed: list[str] = []
    wrong: list[Any] = []
    for role, blocks in turns:
        for block in blocks if role == "user" else []:
            name = block["tool_use_id"] if isinstance(block, dict) and "tool_use_id" in block else None
            if name is None:
                wrong += owed
                owed = []
            elif name in owed:
                owed.remove(name)
            else:
                wrong.append(block)
        wrong += owed
        owed = [block["id"] for block in blocks if isinstance(block, dict) and "id" in block]
        owed = owed if role == "assistant" else []
    return wrong + owed


@UNTIMED
@given(MESSAGES)
def test_whatever_comes_nothing_is_left_to_refuse(messages: list[Any]) -> None:
    before = copy.deepcopy(messages)
    mended, losses = answered(messages)
    assert messages == before
    assert unmet(mended) == []
    assert (mended is messages) == (not losses)
    assert answered(mended) == (mended, [])
    assert repr(mended).count("said") == repr(messages).count("said")
    assert repr(mended).count("hello") == repr(messages).count("hello")
