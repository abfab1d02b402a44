"""No null and no parallel call reaches Argo's Gemini, and nothing that was said is lost or comes out of turn."""

from __future__ import annotations

from typing import Any

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


def test_what_argo_can_take_is_not_touched() -> None:
    messages = [USER, {"role": "assistant", "tool_calls": [call("a")]}, result("a"), {"role": "assistant"}, USER]
    assert conversation(messages) is messages


def test_a_null_becomes_an_empty_text() -> None:
    messages = [USER, said("a", content=None), result("a"), {"role": "user", "content": None}]
    assert conversation(messages) == [USER, said("a"), result("a"), {"role": "user", "content": ""}]
    assert messages[1]["content"] is None


def test_parallel_calls_become_pairs_in_the_order_of_the_calls() -> None:
    first = said("a", "b", "c", content="Three at once.") | {"reasoning_content": "Hm."}
    messages = [USER, first, result("b", "2"), result("a", "1"), result("c", "3"), USER]
    assert conversation(messages) == [
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
    assert [one["content"] for one in conversation(messages) if one["role"] == "tool"] == ["1", "2", "3", "4"]


def test_what_is_said_between_results_comes_after_them() -> None:
    messages = [said("a", "b"), result("a"), USER, result("b"), result("z")]
    assert conversation(messages) == [said("a"), result("a"), said("b"), result("b"), result("z"), USER]


def test_a_call_without_a_result_is_left_so() -> None:
    assert conversation([said("a", "b"), result("b")]) == [said("a"), said("b"), result("b")]


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
    sent = conversation(messages)
    assert all(one.get("content", "") is not None for one in sent)
    assert [each for one in sent for each in listed(one)] == [each for one in messages for each in listed(one)]
    assert all(len(listed(one)) < 2 for one in sent)
    rest = [repr({**one, "content": one.get("content")}) for one in sent if not listed(one)]
    meant = [{**one, "content": "" if one.get("content", 0) is None else one.get("content")} for one in messages]
    assert sorted(rest) == sorted(repr(one) for one in meant if not listed(one))


def listed(message: dict[str, Any]) -> list[Any]:
    calls = message.get("tool_calls")
    return calls if isinstance(calls, list) else []
