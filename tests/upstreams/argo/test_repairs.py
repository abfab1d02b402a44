"""Every tool call that reaches OpenAI has a result, every result a call, and nothing that a tool said is lost."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.upstreams.argo.pairing import UNANSWERED
from argo_relay.upstreams.argo.repairs import chat, responses

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
Object = dict[str, Any]
USER: Object = {"role": "user", "content": "x"}
TOLD = "The result of the tool call "


def said(*names: str) -> Object:
    calls = [{"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}} for name in names]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(name: str, content: Any = "done") -> Object:
    return {"role": "tool", "tool_call_id": name, "content": content}


def silent(name: str) -> Object:
    return result(name, UNANSWERED)


def told(name: str, text: str = "done") -> Object:
    return {"role": "user", "content": f"{TOLD}{name}:\n{text}"}


@pytest.mark.parametrize(
    "messages",
    [
        None,
        "x",
        [],
        [USER, None, 7, {"role": ["assistant"]}, {"role": "assistant", "tool_calls": {}}],
        [USER, said("a", "b"), result("b"), result("a"), USER, said("a"), result("a")],
        [said("a"), {"role": "tool", "content": "whose?"}, result("a")],
        [{"role": "assistant", "tool_calls": [None, {"id": 3}, {"function": {}}]}, USER],
        [{"role": "tool", "tool_call_id": 7, "content": "x"}],
        [{"role": "assistant", "function_call": {"name": "f"}}, {"role": "function", "name": "f", "content": "x"}],
    ],
)
def test_a_chat_that_needs_nothing_stays_the_same_object(messages: Any) -> None:
    mended, losses = chat(messages)
    assert mended is messages
    assert losses == []


CHATS: list[tuple[list[Any], list[Any], list[tuple[str, str, str]]]] = [
    ([USER, said("a")], [USER, said("a"), silent("a")], [("messages[1].tool_calls[0]", "tool_call", "approximated")]),
    (
        [said("a", "b", "c"), result("b"), USER],
        [said("a", "b", "c"), result("b"), silent("a"), silent("c"), USER],
        [
            ("messages[0].tool_calls[0]", "tool_call", "approximated"),
            ("messages[0].tool_calls[2]", "tool_call", "approximated"),
        ],
    ),
    (
        [result("a"), said("a"), result("a"), result("a", "again"), result("b", [{"type": "text", "text": "b"}]), USER],
        [told("a"), said("a"), result("a"), told("a", "again"), told("b", "b"), USER],
        [(f"messages[{index}]", "tool_result", "approximated") for index in (0, 3, 4)],
    ),
    (
        [said("a", "b"), result("z"), result("a"), result("b"), USER],
        [said("a", "b"), result("a"), result("b"), told("z"), USER],
        [("messages[1]", "tool_result", "approximated")],
    ),
    (
        [said("a", "b"), result("b"), USER, result("a"), USER],
        [said("a", "b"), result("b"), result("a"), USER, USER],
        [("messages[3]", "tool_result", "moved")],
    ),
    ([USER, result("a", ""), USER], [USER, USER], [("messages[1]", "tool_result", "dropped")]),
    (
        [said("a"), said("a"), result("a")],
        [said("a"), silent("a"), said("a"), result("a")],
        [("messages[0].tool_calls[0]", "tool_call", "approximated")],
    ),
]


@pytest.mark.parametrize(("messages", "expected", "losses"), CHATS)
def test_a_chat_is_mended(messages: list[Any], expected: list[Any], losses: list[tuple[str, str, str]]) -> None:
    before = copy.deepcopy(messages)
    mended, lost = chat(messages)
    assert mended == expected
    assert [(loss.path, loss.what, loss.how) for loss in lost] == losses
    assert messages == before
    assert chat(mended) == (mended, [])


def test_a_picture_of_a_result_that_became_the_users_stays_one() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    mended, _ = chat([result("a", [picture])])
    assert mended == [{"role": "user", "content": [{"type": "text", "text": f"{TOLD}a:"}, picture]}]


ODD = st.none() | st.booleans() | st.integers() | st.text(max_size=2) | st.lists(st.integers(), max_size=2)
NAMES = st.sampled_from("abc")
CALLS = st.lists(NAMES.map(lambda name: {"id": name, "function": {"name": "f"}}) | ODD, max_size=3)
MESSAGES = st.lists(
    st.builds(lambda calls: {"role": "assistant", "tool_calls": calls}, CALLS)
    | st.builds(result, NAMES, st.sampled_from(["", "said"]))
    | st.just(USER)
    | st.fixed_dictionaries({"role": ODD | st.just("tool")}, optional={"tool_call_id": ODD, "content": ODD})
    | ODD,
    max_size=9,
)


def unmet(messages: list[Any]) -> list[str]:
    """Return what OpenAI would refuse: calls that the messages right after do not answer, and results of no call."""
    owed: list[str] = []
    wrong: list[str] = []
    for message in messages:
        one = message if isinstance(message, dict) else {}
        name = one.get("tool_call_id")
        if one.get("role") == "tool":
            if isinstance(name, str) and name not in owed:
                wrong.append(f"result {name}")
            elif isinstance(name, str):
                owed.remove(name)
            continue
        wrong += owed
        owed = []
        if one.get("role") == "assistant":
            calls = [call for call in one.get("tool_calls", []) if isinstance(call, dict)]
            owed = [call["id"] for call in calls if isinstance(call["id"], str)]
    return wrong + owed


@UNTIMED
@given(MESSAGES)
def test_whatever_the_chat_is_nothing_is_left_to_refuse(messages: list[Any]) -> None:
    before = copy.deepcopy(messages)
    mended, losses = chat(messages)
    assert messages == before
    assert unmet(mended) == []
    assert (mended is messages) == (not losses)
    assert chat(mended) == (mended, [])
    assert repr(mended).count("said") == repr(messages).count("said")
    assert [one for one in mended if one == USER] == [one for one in messages if one == USER]


# --------------------------------------------------------------------------------------------------------- Responses


def call(name: str, kind: str = "function_call", **more: Any) -> Object:
    return {"type": kind, "call_id": name, "name": "f"} | more


def output(name: str, text: Any = "done", kind: str = "function_call_output") -> Object:
    return {"type": kind, "call_id": name, "output": text}


def item_told(name: str, text: str = "done") -> Object:
    content = [{"type": "input_text", "text": f"{TOLD}{name}:\n{text}"}]
    return {"type": "message", "role": "user", "content": content}


@pytest.mark.parametrize(
    "items",
    [
        None,
        "hello",
        [USER, 3, None, {"type": []}, {"type": "function_call", "call_id": 3}, {"type": "function_call_output"}],
        [call("a"), call("b"), output("b"), USER, output("a")],
        [call("a", "custom_tool_call"), output("a", kind="custom_tool_call_output")],
        [call("a", "local_shell_call", id="i"), {"type": "local_shell_call_output", "id": "a", "output": "x"}],
        [call("a", "local_shell_call"), output("a")],
        [{"type": "computer_call", "call_id": "a"}, {"type": "web_search_call", "id": "w"}],
        [{"type": "item_reference", "id": "fc_1"}, output("a")],
    ],
)
def test_items_that_need_nothing_stay_the_same_object(items: Any) -> None:
    mended, losses = responses(items)
    assert mended is items
    assert losses == []


ITEMS: list[tuple[list[Any], list[Any], list[tuple[str, str, str]]]] = [
    ([USER, call("a")], [USER, call("a"), output("a", UNANSWERED)], [("input[1]", "tool_call", "approximated")]),
    (
        [call("a"), call("b"), output("b"), call("c"), USER],
        [call("a"), call("b"), output("b"), output("a", UNANSWERED), call("c"), output("c", UNANSWERED), USER],
        [("input[0]", "tool_call", "approximated"), ("input[3]", "tool_call", "approximated")],
    ),
    (
        [call("a", "custom_tool_call"), call("s", "local_shell_call"), call("p", "apply_patch_call")],
        [
            call("a", "custom_tool_call"),
            call("s", "local_shell_call"),
            call("p", "apply_patch_call"),
            output("a", UNANSWERED, "custom_tool_call_output"),
            {"type": "local_shell_call_output", "id": "s", "output": UNANSWERED, "status": "incomplete"},
            output("p", UNANSWERED, "apply_patch_call_output") | {"status": "failed"},
        ],
        [(f"input[{index}]", "tool_call", "approximated") for index in range(3)],
    ),
    (
        [output("a"), call("a"), output("a"), output("a", "twice"), output("b", [])],
        [item_told("a"), call("a"), output("a"), item_told("a", "twice")],
        [
            ("input[0]", "tool_result", "approximated"),
            ("input[3]", "tool_result", "approximated"),
            ("input[4]", "tool_result", "dropped"),
        ],
    ),
    (
        [call("a", caller={"type": "program", "caller_id": "p"})],
        [
            call("a", caller={"type": "program", "caller_id": "p"}),
            output("a", UNANSWERED) | {"caller": {"type": "program", "caller_id": "p"}},
        ],
        [("input[0]", "tool_call", "approximated")],
    ),
]


@pytest.mark.parametrize(("items", "expected", "losses"), ITEMS)
def test_items_are_mended(items: list[Any], expected: list[Any], losses: list[tuple[str, str, str]]) -> None:
    before = copy.deepcopy(items)
    mended, lost = responses(items)
    assert mended == expected
    assert [(loss.path, loss.what, loss.how) for loss in lost] == losses
    assert items == before
    assert responses(mended) == (mended, [])


def test_a_result_whose_call_the_server_may_keep_stays_one() -> None:
    items = [output("a"), call("b")]
    mended, losses = responses(items, stored=True)
    assert mended == [output("a"), call("b"), output("b", UNANSWERED)]
    assert [loss.path for loss in losses] == ["input[1]"]


KINDS = st.sampled_from(["function_call", "custom_tool_call", "local_shell_call", "apply_patch_call"])
INPUTS = st.lists(
    st.builds(call, NAMES, KINDS)
    | st.builds(output, NAMES, st.sampled_from(["", "said"]), KINDS.map(lambda kind: f"{kind}_output"))
    | st.just(USER)
    | st.fixed_dictionaries({"type": ODD | KINDS}, optional={"call_id": ODD, "output": ODD, "id": ODD})
    | ODD,
    max_size=9,
)


def unanswered(items: list[Any]) -> list[str]:
    """Return what OpenAI would refuse: calls that nothing after them answers, and results of no call before them."""
    owed: list[str] = []
    wrong: list[str] = []
    for item in items:
        one = item if isinstance(item, dict) else {}
        kind = str(one.get("type"))
        name = one.get("call_id", one.get("id") if kind == "local_shell_call_output" else None)
        if not isinstance(name, str) or not kind.endswith(("_call", "_call_output")):
            continue
        if kind.endswith("_call"):
            owed.append(name)
        elif name in owed:
            owed.remove(name)
        else:
            wrong.append(name)
    return wrong + owed


@UNTIMED
@given(INPUTS)
def test_whatever_the_items_are_nothing_is_left_to_refuse(items: list[Any]) -> None:
    before = copy.deepcopy(items)
    mended, losses = responses(items)
    assert items == before
    assert (mended is items) == (not losses)
    assert responses(mended) == (mended, [])
    assert repr(mended).count("said") == repr(items).count("said")
    assert unanswered(mended) == []
    assert [one for one in mended if one == USER] == [one for one in items if one == USER]
