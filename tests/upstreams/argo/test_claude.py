"""What agents leave behind in a history does not reach Claude, whose words and signed thoughts go back as they came."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.framing.jsonx import REMOVED
from argo_relay.upstreams.argo.claude import choice, conversation, instructions, tools

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
Object = dict[str, Any]
HELLO: Object = {"type": "text", "text": "hello"}
BLANK: Object = {"type": "text", "text": " \n"}
UNSIGNED: Object = {"type": "thinking", "thinking": "Hm.", "signature": ""}
EMPTY: Object = {"type": "thinking", "thinking": ""}
OMITTED: Object = {"type": "thinking", "thinking": "", "signature": "EqQB"}
SIGNED: Object = {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"}
REDACTED: Object = {"type": "redacted_thinking", "data": "EqQB"}
USE: Object = {"type": "tool_use", "id": "a", "name": "f", "input": {}}


def user(*blocks: Any) -> Object:
    return {"role": "user", "content": [*blocks]}


def claude(*blocks: Any) -> Object:
    return {"role": "assistant", "content": [*blocks]}


def result(*blocks: Any) -> Object:
    return {"type": "tool_result", "tool_use_id": "a", "content": [*blocks]}


@pytest.mark.parametrize(
    "messages",
    [
        None,
        {},
        [],
        [user(HELLO), claude(OMITTED, USE), user(result(HELLO)), claude(SIGNED, REDACTED, HELLO)],
        [{"role": "user", "content": "x "}, {"role": "assistant", "content": "y "}, {"role": "user", "content": "z "}],
        [{"role": "user", "content": ""}],
        [user(BLANK)],
        [user()],
        [claude(UNSIGNED)],
        [{"role": "assistant", "content": ""}],
        [None, 3, {"role": "assistant"}, {"role": ["assistant"], "content": [3, None, "x "]}],
        [user(HELLO), claude("x ", {"type": ["text"], "text": " "}, {"type": "text", "text": None})],
    ],
)
def test_what_claude_can_take_and_what_is_the_clients_own_mistake_stay_the_same_object(messages: Any) -> None:
    mended, losses = conversation(messages)
    assert mended is messages
    assert losses == []


CASES: list[tuple[list[Any], list[Any], list[tuple[str, str, str]]]] = [
    ([user(BLANK, HELLO), claude(HELLO, BLANK, USE)], [user(HELLO), claude(HELLO, USE)], []),
    ([user(result(BLANK, HELLO), result(BLANK))], [user(result(HELLO), result())], []),
    (
        [user(HELLO), claude(UNSIGNED, EMPTY, OMITTED, {"type": "redacted_thinking"}, HELLO), user(HELLO)],
        [user(HELLO), claude(OMITTED, HELLO), user(HELLO)],
        [("messages[1].content[0]", "reasoning", "dropped")],
    ),
    ([user(HELLO), claude(EMPTY), user(HELLO)], [user(HELLO), user(HELLO)], []),
    (
        [user(HELLO), claude(UNSIGNED)],
        [user(HELLO)],
        [("messages[1].content[0]", "reasoning", "dropped")],
    ),
    ([user(HELLO), {"role": "assistant", "content": " "}, user(HELLO)], [user(HELLO), user(HELLO)], []),
    (
        [user(HELLO), {"role": "assistant", "content": "So \n"}],
        [user(HELLO), {"role": "assistant", "content": "So"}],
        [("messages[1]", "text", "approximated")],
    ),
    (
        [user(HELLO), claude(HELLO, {"type": "text", "text": "So ", "citations": None}, BLANK)],
        [user(HELLO), claude(HELLO, {"type": "text", "text": "So", "citations": None})],
        [("messages[1]", "text", "approximated")],
    ),
]


@pytest.mark.parametrize(("messages", "expected", "losses"), CASES)
def test_the_rest_is_left_out(messages: list[Any], expected: list[Any], losses: list[tuple[str, str, str]]) -> None:
    before = copy.deepcopy(messages)
    mended, lost = conversation(messages)
    assert mended == expected
    assert [(loss.path, loss.what, loss.how) for loss in lost] == losses
    assert messages == before
    assert conversation(mended) == (mended, [])


ODD = st.none() | st.integers() | st.sampled_from(["", " ", "x ", []])
BLOCKS = st.lists(
    st.sampled_from([HELLO, BLANK, UNSIGNED, EMPTY, OMITTED, SIGNED, REDACTED, USE, result(BLANK)]) | ODD, max_size=3
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]) | ODD}, optional={"content": BLOCKS | ODD}
    )
    | ODD,
    max_size=6,
)


def refused(message: Any) -> list[Any]:
    """Return the blocks of one message that Anthropic refuses."""
    content = message.get("content") if isinstance(message, dict) else None
    blocks = content if isinstance(content, list) else []
    inside = [one for block in blocks if isinstance(block, dict) for one in block.get("content", [])]
    return [one for one in [*blocks, *inside] if one in (BLANK, UNSIGNED, EMPTY)]


def by(role: str, messages: list[Any]) -> list[Any]:
    return [one for one in messages if isinstance(one, dict) and one.get("role") == role]


@UNTIMED
@given(MESSAGES)
def test_whatever_comes_what_was_said_and_signed_goes_on(messages: list[Any]) -> None:
    before = copy.deepcopy(messages)
    mended, losses = conversation(messages)
    assert messages == before
    assert conversation(mended)[0] is mended
    if mended is messages:
        assert losses == []
        return
    for kept in ("EqQB", "hello", "tool_use"):
        assert repr(mended).count(kept) == repr(messages).count(kept)
    assert not any(map(refused, by("assistant", mended)))
    # A user's message of nothing else is the client's own mistake.
    assert not any(refused(one) for one in by("user", mended) if one not in by("user", messages))
    assert len(mended) - len(by("assistant", mended)) == len(messages) - len(by("assistant", messages))


# ------------------------------------------------------------------------------------------------ the other members


@pytest.mark.parametrize(
    ("system", "messages", "expected", "left", "losses"),
    [
        (None, [{"role": "system", "content": "a"}, user(HELLO)], "a", [user(HELLO)], []),
        (
            "s",
            [{"role": "developer", "content": "a"}, user(HELLO), {"role": "system", "content": "b"}],
            "s\n\na\n\nb",
            [user(HELLO)],
            [("messages[2]", "system", "moved")],
        ),
        (
            "s",
            [{"role": "system", "content": [HELLO, {"type": "image"}, BLANK, 3]}, user(HELLO)],
            [{"type": "text", "text": "s"}, HELLO],
            [user(HELLO)],
            [("messages[0].content[1]", "system", "dropped"), ("messages[0].content[3]", "system", "dropped")],
        ),
        ([HELLO], [{"role": "system", "content": "a"}], [HELLO, {"type": "text", "text": "a"}], [], []),
        (None, [{"role": "system", "content": " "}, user(HELLO)], None, [user(HELLO)], []),
    ],
)
def test_instructions_stand_at_the_beginning(
    system: Any, messages: list[Any], expected: Any, left: list[Any], losses: list[tuple[str, str, str]]
) -> None:
    before = copy.deepcopy((system, messages))
    said, kept, lost = instructions(system, messages)
    assert (said, kept) == (expected, left)
    assert [(loss.path, loss.what, loss.how) for loss in lost] == losses
    assert (system, messages) == before


@pytest.mark.parametrize(
    ("system", "messages"),
    [
        ("s", [user(HELLO)]),
        (None, None),
        (3, [{"role": "system", "content": "a"}]),
        (None, [None, 3, {"role": ["system"]}, {"role": "system", "content": 3}]),
    ],
)
def test_instructions_that_stand_there_stay_the_same_objects(system: Any, messages: Any) -> None:
    said, kept, losses = instructions(system, messages)
    assert said is system
    assert kept is messages
    assert losses == []


def test_a_schema_says_that_it_is_an_object() -> None:
    offered = [{"name": "f", "input_schema": {"properties": {}}}, {"name": "g", "input_schema": {"type": "object"}}, 3]
    mended, losses = tools(offered)
    assert mended == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}, *offered[1:]]
    assert losses == []
    assert offered[0] == {"name": "f", "input_schema": {"properties": {}}}


@pytest.mark.parametrize("offered", [None, {}, [], [None, {"type": "bash_20250124"}, {"input_schema": None}]])
def test_other_tools_stay_the_same_object(offered: Any) -> None:
    assert tools(offered)[0] is offered


@pytest.mark.parametrize(
    ("value", "offered", "removed", "losses"),
    [
        ({"type": "auto"}, None, True, []),
        ({"type": "none"}, [], True, []),
        ({"type": "any"}, [], True, [("tool_choice", "tool_choice", "dropped")]),
        ("auto", None, True, [("tool_choice", "tool_choice", "dropped")]),
        ({"type": "any"}, [{}], False, []),
        (None, [], False, []),
    ],
)
def test_a_choice_comes_with_tools(value: Any, offered: Any, removed: bool, losses: list[Any]) -> None:
    chosen, lost = choice(value, offered)
    assert chosen is (REMOVED if removed else value)
    assert [(loss.path, loss.what, loss.how) for loss in lost] == losses
