from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given

from argo_relay.neutral.content import Opaque, Reasoning, Refusal, Seal, Text, ToolCall
from argo_relay.neutral.events import (
    CONTENT,
    ArgumentsDelta,
    Ended,
    Event,
    Failed,
    Heartbeat,
    PartEnded,
    PartStarted,
    SealDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.reply import Stop, Usage
from support.grammar import BrokenGrammarError, Grammar
from support.replies import interleaved

START = Started(id="1", model="m")
END = Ended(stop=Stop(reason="end"))
FAIL = Failed(failure=Failure(kind=FailureKind.UPSTREAM, message="No.", status=502))
TEXT = PartStarted(index=0, part=Text(text=""))
CALL = PartStarted(index=1, part=ToolCall(id="c", name="f"))
REFUSAL = PartStarted(index=0, part=Refusal(text=""))


def obeys(events: list[Event]) -> bool:
    grammar = Grammar()
    try:
        for event in events:
            grammar.feed(event)
        grammar.finish()
    except BrokenGrammarError:
        return False
    return True


@pytest.mark.parametrize(
    "events",
    [
        [START, END],
        [FAIL],
        [Heartbeat(), Heartbeat(), FAIL],
        [Heartbeat(), START, Heartbeat(), END],
        [START, TEXT, FAIL],
        [START, UsageSeen(usage=Usage()), END],
        [START, TEXT, CALL, TextDelta(index=0, text="a"), ArgumentsDelta(index=1, text="{"), FAIL],
        [START, TEXT, CALL, PartEnded(index=1), TextDelta(index=0, text="a"), PartEnded(index=0), END],
    ],
)
def test_what_the_grammar_allows(events: list[Event]) -> None:
    assert obeys(events)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [START],
        [END],
        [TEXT, START, END],
        [START, START, END],
        [START, END, Heartbeat()],
        [FAIL, FAIL],
        [START, TEXT, END],
        [START, CALL, PartEnded(index=1), END],
        [START, PartEnded(index=0), END],
        [START, TEXT, PartEnded(index=0), TextDelta(index=0, text="late"), END],
        [START, TEXT, ArgumentsDelta(index=0, text="{"), PartEnded(index=0), END],
        [START, REFUSAL, SealDelta(index=0, seal=Seal(issuer="google", kind="thought", value="x")), FAIL],
        [START, PartStarted(index=0, part=Opaque(dialect="x", payload={})), TextDelta(index=0, text="a"), FAIL],
        [UsageSeen(usage=Usage()), START, END],
    ],
)
def test_what_the_grammar_forbids(events: list[Event]) -> None:
    assert not obeys(events)


@given(interleaved())
def test_the_streams_that_other_tests_draw_obey_the_grammar(events: list[Event]) -> None:
    assert obeys(events)


def test_only_signs_of_life_and_of_the_beginning_tokens_and_failures_are_no_content() -> None:
    assert set(get_args(Event)) - set(CONTENT) == {Started, PartEnded, UsageSeen, Heartbeat, Failed}


def test_a_part_is_known_when_it_starts() -> None:
    assert PartStarted(index=0, part=Reasoning(form="summary")).part == Reasoning(form="summary")
