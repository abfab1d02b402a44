from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator.answer import Answer, Part, Tokens, compose, denial, leaked, wordless
from argo_relay.simulator.directives import parse
from argo_relay.simulator.request import Tool, Turn


def answer(prompt: str, **fields: Any) -> Answer:
    ids = iter("123")
    return compose(Turn(tokens=7, **fields), "gpt4o", parse(prompt), lambda: next(ids))


def kinds(given: Answer) -> list[tuple[str, int]]:
    return [(part.kind, len(part.pieces)) for part in given.parts]


def test_words_after_thoughts() -> None:
    made = answer("[think=2] [chunks=3]")
    assert kinds(made) == [("thinking", 2), ("text", 3)]
    assert (made.finish, made.count, made.tokens) == ("stop", 5, Tokens(prompt=7, completion=5, thinking=2))
    assert made.parts[1].text.startswith("This is the Argo simulator, answering as gpt4o.")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(1, [("thinking", 1)]), (2, [("thinking", 2)]), (4, [("thinking", 2), ("text", 2)])],
)
def test_a_limit_counts_thoughts_too(limit: int, expected: list[tuple[str, int]]) -> None:
    made = answer("[think=2] [chunks=3]", limit=limit)
    assert (kinds(made), made.finish) == (expected, "length")


def test_a_limit_that_is_just_enough() -> None:
    assert answer("[think=2] [chunks=3]", limit=5).finish == "stop"


def test_calls() -> None:
    made = answer("[tool=any,a] [think=1]", tools=(Tool(name="a", namespace="n"),), limit=1)
    assert [(part.kind, part.text) for part in made.parts[1:]] == [("call", "{}"), ("call", "{}")]
    calls = [part.call for part in made.parts if part.call]
    assert [(call.id, call.name, call.namespace) for call in calls] == [("1", "a", "n"), ("2", "a", "n")]
    assert made.finish == "tool_calls"


def test_a_structured_answer_fits_its_schema() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert json.loads(answer("[chunks=4]", structured=True, schema=schema).parts[0].text) == {"n": 1}
    assert answer("", structured=True).parts[0].text == "{}"


def test_beats_say_where_parts_begin_and_end() -> None:
    beats = list(answer("[think=2] [chunks=1]").beats())
    assert [(beat.index, beat.first, beat.last) for beat in beats] == [
        (0, True, False), (0, False, True), (1, True, True)
    ]  # fmt: skip
    assert all(beat.piece in beat.part.text for beat in beats)


def test_nothing_may_be_counted() -> None:
    tokens = answer("[usage=null]").tokens
    assert (tokens.prompt, tokens.completion, tokens.total) == (None, None, None)


def test_a_denial_costs_nothing() -> None:
    assert (denial("no").parts[0].text, denial("no").tokens.total) == ("no", 0)


def test_thoughts_can_take_it_all() -> None:
    made = wordless(Part(kind="text", pieces=("",)), 7, 64)
    assert (made.finish, made.tokens) == ("length", Tokens(prompt=7, completion=64, thinking=64))
    assert [part.text for part in made.parts] == [""]


def test_calls_that_leak() -> None:
    tools = (Tool(name="f", schema={"type": "object", "required": ["a"], "properties": {"a": {"type": "boolean"}}}),)
    made = leaked(answer("[tool=any]", tools=tools))
    assert (kinds(made), made.finish) == ([("text", 2)], "stop")
    assert made.parts[0].text == (
        "{'id': '1', 'input': {'a': True}, 'name': 'f', 'type': 'tool_use', 'cache_control': None}"
    )
    words = answer("ping")
    assert leaked(words) is words


def test_a_notice_before_the_words() -> None:
    made = answer("[notice=quota] [chunks=2] [think=1]")
    assert kinds(made) == [("thinking", 1), ("text", 3)]
    assert "IMPORTANT USAGE NOTICE FROM ARGO" in made.parts[1].pieces[0]
    assert made.parts[1].pieces[1] == "This is the Argo simulator, answering as gpt4o."
