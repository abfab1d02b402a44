"""No null, no listed instructions and no parallel call reaches Argo's Gemini, and nothing said comes out of turn."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.upstreams.argo.gemini import conversation

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
USER: dict[str, Any] = {"role": "user", "content": "x"}


def call(name: str) -> dict[str, Any]:
    return {"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}}


def said(*names: str, content: Any = "") -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": [call(name) for name in names]}


def result(name: str, content: str = "done") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": name, "content": content}


def sent(messages: Any) -> Any:
    return conversation(messages)[0]


def test_what_argo_can_take_is_not_touched() -> None:
    messages = [USER, {"role": "assistant", "tool_calls": [call("a")]}, result("a"), {"role": "assistant"}, USER]
    mended, losses = conversation(messages)
    assert mended is messages
    assert losses == []


def test_a_null_becomes_an_empty_text() -> None:
    messages = [USER, said("a", content=None), result("a"), {"role": "user", "content": None}]
    assert sent(messages) == [USER, said("a"), result("a"), {"role": "user", "content": ""}]
    assert messages[1]["content"] is None


def test_parallel_calls_become_pairs_in_the_order_of_the_calls() -> None:
    first = said("a", "b", "c", content="Three at once.") | {"reasoning_content": "Hm."}
    messages = [USER, first, result("b", "2"), result("a", "1"), result("c", "3"), USER]
    assert sent(messages) == [
        USER,
        said("a", content="Three at once.") | {"reasoning_content": "Hm."},
        result("a", "1"),
        said("b"),
        result("b", "2"),
        said("c"),
        result("c", "3"),
        USER,
    ]


def test_each_turn_has_its_own_results_though_ids_come_again() -> None:
    messages = [said("a", "a"), result("a", "1"), result("a", "2"), said("a", "b"), result("b", "4"), result("a", "3")]
    assert [one["content"] for one in sent(messages) if one["role"] == "tool"] == ["1", "2", "3", "4"]


def test_what_is_said_between_results_comes_after_them() -> None:
    messages = [said("a", "b"), result("a"), USER, result("b"), result("z")]
    assert sent(messages) == [said("a"), result("a"), said("b"), result("b"), result("z"), USER]


def test_a_call_without_a_result_is_left_so() -> None:
    assert sent([said("a", "b"), result("b")]) == [said("a"), said("b"), result("b")]


def test_instructions_become_one_text() -> None:
    parts = [{"type": "text", "text": "Be brief."}, {"type": "image_url"}, {"type": "text", "text": "Be kind."}, "x"]
    messages = [{"role": "system", "content": parts}, USER, {"role": "developer", "content": [], "name": "d"}]
    mended, losses = conversation(messages)
    assert mended == [
        {"role": "system", "content": "Be brief.\n\nBe kind."},
        USER,
        {"role": "developer", "content": "", "name": "d"},
    ]
    assert [(loss.path, loss.what, loss.how) for loss in losses] == [
        ("messages[0].content[1]", "system", "dropped"),
        ("messages[0].content[3]", "system", "dropped"),
    ]
    assert conversation(mended) == (mended, [])


def signed(name: str, signature: str, **more: Any) -> dict[str, Any]:
    google = {"thought_signature": signature}
    return call(name) | {"extra_content": {"google": google | more}}


def test_calls_that_were_signed_together_each_say_so() -> None:
    calls = [
        signed("a", "s1"),
        call("b") | {"extra_content": {"x": 1, "google": {"y": 2}}},
        signed("c", "s3"),
        call("d"),
    ]
    messages = [USER, said() | {"tool_calls": calls}, *map(result, "abcd")]
    mended, losses = conversation(messages)
    dummy = "skip_thought_signature_validator"
    second = call("b") | {"extra_content": {"x": 1, "google": {"y": 2, "thought_signature": dummy}}}
    assert [one["tool_calls"] for one in mended if "tool_calls" in one] == [
        [signed("a", "s1")],
        [second],
        [signed("c", "s3")],
        [signed("d", dummy)],
    ]
    assert [(loss.path, loss.what, loss.how) for loss in losses] == [
        ("messages[1].tool_calls[1]", "seal", "approximated"),
        ("messages[1].tool_calls[3]", "seal", "approximated"),
    ]
    assert "extra_content" not in calls[3]
    assert conversation(mended) == (mended, [])


@pytest.mark.parametrize("messages", [None, "x", {}, [], [None, 3, "x", [said("a", "b")]]])
def test_what_is_no_conversation_is_left_to_argo(messages: Any) -> None:
    mended, losses = conversation(messages)
    assert mended is messages
    assert losses == []


def test_what_is_no_message_keeps_its_place_beside_those_that_change() -> None:
    assert sent([None, said("a", "b"), 3, result("b")]) == [None, said("a"), said("b"), result("b"), 3]


ODD = st.none() | st.integers() | st.text(max_size=2) | st.lists(st.integers(), max_size=2)
CALLS = st.lists(st.sampled_from("abc").map(call) | ODD, max_size=4) | ODD
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["assistant", "tool", "user"]) | ODD},
        optional={"content": ODD, "tool_calls": CALLS, "tool_call_id": st.sampled_from("abc") | ODD},
    ),
    max_size=8,
)


@UNTIMED
@given(MESSAGES)
def test_whatever_comes_every_call_and_every_other_message_goes_on(messages: list[dict[str, Any]]) -> None:
    after = sent(messages)
    assert all(one.get("content", "") is not None for one in after)
    assert [each for one in after for each in listed(one)] == [each for one in messages for each in listed(one)]
    assert all(len(listed(one)) < 2 for one in after)
    rest = [repr({**one, "content": one.get("content")}) for one in after if not listed(one)]
    meant = [{**one, "content": "" if one.get("content", 0) is None else one.get("content")} for one in messages]
    assert sorted(rest) == sorted(repr(one) for one in meant if not listed(one))


def listed(message: dict[str, Any]) -> list[Any]:
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) else []
