"""Each route and maker has its steps; what none of them touches stays the very object that came."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.framing.jsonx import REMOVED
from argo_relay.upstreams.argo.request import mended

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ORPHANED = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": [CALL]}]


def after(dialect: str, owner: str, model: str, **members: Any) -> tuple[dict[str, Any], list[str]]:
    changes, losses = mended(dialect, owner, model, members)
    left = {name: value for name, value in {**members, **changes}.items() if value is not REMOVED}
    return left, [loss.what for loss in losses]


def test_openais_models_on_chat() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "word " * 400}}
    told, lost = after(
        "openai_chat", "openai", "gpt4o", messages=[{"role": "developer", "content": "x"}, *ORPHANED], tools=[tool]
    )
    assert [message["role"] for message in told["messages"]] == ["system", "user", "assistant", "tool"]
    assert len(told["tools"][0]["function"]["description"]) <= 1024
    assert lost == ["tool_call", "description"]


def test_gemini_on_chat() -> None:
    system = {"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    schema = {"type": "object", "properties": {"x": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    told, _ = after("openai_chat", "google", "gemini25pro", messages=[system, *ORPHANED], tools=[tool])
    assert told["messages"][0] == {"role": "system", "content": "a\n\nb"}
    assert told["messages"][2]["content"] == ""
    assert told["messages"][3]["role"] == "tool"
    assert told["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {"x": {"type": "string"}}}


def test_openais_models_on_responses() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    told, lost = after("openai_responses", "openai", "gpt5", input=[call])
    assert [item["type"] for item in told["input"]] == ["function_call", "function_call_output"]
    assert lost == ["tool_call"]
    result = {"type": "function_call_output", "call_id": "c1", "output": "x"}
    stored, none = after("openai_responses", "openai", "gpt5", input=[result], previous_response_id="r")
    assert (stored["input"], none) == ([result], [])


@pytest.mark.parametrize(("model", "moved"), [("claudeopus47", True), ("claudeopus5", False), ("claudesonnet46", True)])
def test_instructions_amid_a_conversation_with_claude(model: str, moved: bool) -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]
    told, lost = after("anthropic", "anthropic", model, messages=messages, system="s")
    assert (told["system"], lost) == (("s\n\nb", ["system"]) if moved else ("s", []))


def test_claude() -> None:
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    told, lost = after(
        "anthropic",
        "anthropic",
        "claudehaiku45",
        messages=[
            {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "a"}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": ""}, use]},
        ],
        tool_choice={"type": "auto"},
    )
    assert told["messages"][0]["content"] == [{"type": "text", "text": "a"}]
    assert told["messages"][1]["content"] == [use]
    assert told["messages"][2]["content"][0]["type"] == "tool_result"
    assert "tool_choice" not in told
    assert lost == ["tool_call"]


FINE = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}, {"role": "assistant", "content": "yes"}]
ROUTES = [
    ("openai_chat", "openai"),
    ("openai_chat", "google"),
    ("openai_responses", "openai"),
    ("anthropic", "anthropic"),
]


@pytest.mark.parametrize(("dialect", "owner"), [*ROUTES, ("openai_chat", "unknown")])
def test_what_is_fine_is_not_changed(dialect: str, owner: str) -> None:
    assert mended(dialect, owner, "m", {"messages": FINE, "input": FINE, "system": "s"}) == ({}, [])
    assert mended(dialect, owner, "m", {}) == ({}, [])


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["user", "assistant", "tool", "text", "", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "tool_calls", "id", "call_id", "tool_use_id", "function"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
NAMES = ("messages", "input", "tools", "tool_choice", "system", "previous_response_id")


@given(st.sampled_from(ROUTES), st.dictionaries(st.sampled_from(NAMES), ODD))
def test_no_json_breaks_it_and_the_clients_values_stay_whole(route: tuple[str, str], members: dict[str, Any]) -> None:
    before = repr(members)
    mended(*route, "claudeopus47", members)
    assert repr(members) == before
