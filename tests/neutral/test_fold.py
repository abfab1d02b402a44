from __future__ import annotations

from typing import Literal

import msgspec
import pytest
from hypothesis import given

from argo_relay.neutral.content import Reasoning, Seal, Text, ToolCall, ToolResult
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Ended,
    Event,
    Failed,
    PartEnded,
    PartStarted,
    SealDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.fold import Fold, is_object, unfold
from argo_relay.neutral.reply import Reply, Stop, Usage
from support.grammar import Grammar
from support.replies import REPLIES, interleaved

STARTED = Started(id="1", model="m")
CUT = Stop(reason="error")
SEAL = Seal(issuer="anthropic", kind="redacted", value="x")


def folded(events: list[Event]) -> Fold:
    fold = Fold()
    for event in events:
        fold.feed(event)
    return fold


@given(REPLIES)
def test_a_reply_unfolded_and_folded_is_itself(reply: Reply) -> None:
    assert folded(list(unfold(reply))).reply() == reply


@given(REPLIES)
def test_an_unfolded_reply_obeys_the_grammar(reply: Reply) -> None:
    grammar = Grammar()
    for event in unfold(reply):
        grammar.feed(event)
    grammar.finish()


@given(interleaved())
def test_any_stream_can_be_folded_and_its_reply_is_stable(events: list[Event]) -> None:
    fold = folded(events)
    if fold.failure is not None:
        with pytest.raises(ValueError, match="not ended"):
            fold.reply()
    else:
        reply = fold.reply()
        assert folded(list(unfold(reply))).reply() == reply


def test_parts_that_are_open_at_once_keep_apart() -> None:
    fold = folded(
        [
            STARTED,
            PartStarted(index=0, part=ToolCall(id="a", name="f")),
            PartStarted(index=1, part=ToolCall(id="b", name="g")),
            ArgumentsDelta(index=1, text="[2"),
            ArgumentsDelta(index=0, text="[1"),
            ArgumentsDelta(index=1, text="]"),
            PartEnded(index=1),
            ArgumentsDelta(index=0, text="]"),
            PartEnded(index=0),
            Ended(stop=Stop(reason="tool_calls")),
        ]
    )
    assert fold.reply().parts == (
        ToolCall(id="a", name="f", arguments="[1]"),
        ToolCall(id="b", name="g", arguments="[2]"),
    )


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["Hi \ud83d", "\ude00!"], "Hi \U0001f600!"),
        (["\ud83d", "", "\ude00\ud83d"], "\U0001f600\ud83d"),
        (["\ude00", "\ud83d"], "\ude00\ud83d"),
        (["é", "\ufeffa"], "é\ufeffa"),
        (["\ufeff\ud83d", "a"], "\ufeff\ud83da"),
    ],
)
def test_the_halves_of_an_emoji_meet_and_a_lone_half_stays(pieces: list[str], text: str) -> None:
    said = [TextDelta(index=0, text=piece) for piece in pieces]
    called = [ArgumentsDelta(index=1, text=piece) for piece in pieces]
    parts = [PartStarted(index=0, part=Text(text="")), PartStarted(index=1, part=ToolCall(id="a", name="f"))]
    fold = folded([STARTED, *parts, *said, *called, PartEnded(index=0), PartEnded(index=1)])
    assert fold.partial(CUT).parts == (Text(text=text), ToolCall(id="a", name="f", arguments=text))


def test_a_later_seal_replaces_an_earlier_one() -> None:
    first, second = (Seal(issuer="google", kind="thought", value=value) for value in "ab")
    part = PartStarted(index=0, part=Text(text="Hi", seal=first))
    fold = folded([STARTED, part, SealDelta(index=0, seal=first), SealDelta(index=0, seal=second)])
    assert fold.partial(CUT).parts == (Text(text="Hi", seal=second),)


def test_usage_is_laid_over_what_was_reported_before() -> None:
    reports = [UsageSeen(usage=Usage(input=3, output=1)), UsageSeen(usage=Usage(output=9))]
    assert folded([STARTED, *reports]).usage == Usage(input=3, output=9)


def test_log_probabilities_gather_in_order() -> None:
    one, two = {"token": "a"}, {"token": "b"}
    deltas = [TextDelta(index=0, text="a", logprobs=(one,)), TextDelta(index=0, text="b", logprobs=(two,))]
    fold = folded([STARTED, PartStarted(index=0, part=Text(text="")), *deltas])
    assert fold.partial(CUT).parts == (Text(text="ab", logprobs=(one, two)),)


def test_a_stream_that_broke_off_keeps_its_text_but_no_half_call() -> None:
    failure = Failure(kind=FailureKind.UPSTREAM, message="No.", status=502)
    fold = folded(
        [
            STARTED,
            PartStarted(index=0, part=Text(text="")),
            TextDelta(index=0, text="Let me "),
            PartStarted(index=1, part=ToolCall(id="a", name="f")),
            ArgumentsDelta(index=1, text='{"city": "Par'),
            Failed(failure=failure),
        ]
    )
    assert fold.failure == failure
    assert fold.partial(CUT).parts == (Text(text="Let me "),)
    with pytest.raises(ValueError, match="not ended"):
        fold.reply()


def test_there_is_no_reply_before_a_stream_has_started() -> None:
    with pytest.raises(ValueError, match="not started"):
        Fold().partial(CUT)


def test_results_of_tools_are_not_streamed() -> None:
    reply = Reply(id="1", model="m", parts=(ToolResult(call="a"), Text(text="b")), stop=Stop(reason="end"))
    assert folded(list(unfold(reply))).reply() == msgspec.structs.replace(reply, parts=(Text(text="b"),))


def call(index: int, arguments: str, kind: Literal["function", "custom"] = "function") -> list[Event]:
    part = ToolCall(id=f"c{index}", name="n", kind=kind)
    return [PartStarted(index=index, part=part), ArgumentsDelta(index=index, text=arguments)]


SAID: list[Event] = [PartStarted(index=0, part=Text(text="")), TextDelta(index=0, text="a")]
LENGTH = Ended(stop=Stop(reason="length"))


@pytest.mark.parametrize(
    ("events", "ending"),
    [
        ([], []),
        ([STARTED], []),
        ([STARTED, PartStarted(index=0, part=Text(text=""))], []),
        ([STARTED, PartStarted(index=0, part=Text(text="")), PartEnded(index=0)], []),
        ([STARTED, PartStarted(index=0, part=Reasoning())], []),
        ([STARTED, *SAID], [PartEnded(index=0, cut=True), LENGTH]),
        ([STARTED, *SAID, PartEnded(index=0)], [LENGTH]),
        ([STARTED, PartStarted(index=0, part=Reasoning(seal=SEAL))], [PartEnded(index=0, cut=True), LENGTH]),
        ([STARTED, *call(0, '{"a":')], [PartEnded(index=0, cut=True), LENGTH]),
        ([STARTED, *call(0, "")], [PartEnded(index=0, cut=True), LENGTH]),
        ([STARTED, *call(0, '{"a":1}')], [PartEnded(index=0), LENGTH]),
        ([STARTED, *call(0, "[1]")], [PartEnded(index=0, cut=True), LENGTH]),
        ([STARTED, *call(0, '{"a":1}', "custom")], [PartEnded(index=0, cut=True), LENGTH]),
        (
            [STARTED, *call(0, "{}"), *call(1, '{"')],
            [PartEnded(index=0), PartEnded(index=1, cut=True), LENGTH],
        ),
    ],
)
def test_a_stream_can_be_ended_where_it_stands(events: list[Event], ending: list[Event]) -> None:
    assert folded(events).ending() == ending


@given(interleaved())
def test_wherever_it_stands_its_end_obeys_the_grammar(events: list[Event]) -> None:
    for cut in range(len(events)):
        fold = folded(events[:cut])
        if fold.started is not None and (ending := fold.ending()):
            grammar = Grammar()
            for event in [*events[:cut], *ending]:
                grammar.feed(event)
            grammar.finish()


def test_a_shortened_reply_holds_what_is_complete_and_the_text_that_is_not() -> None:
    fold = folded([STARTED, *SAID, *call(1, "{}"), *call(2, '{"'), PartStarted(index=3, part=Text(text=""))])
    reply = fold.shortened()
    assert reply is not None
    assert reply.parts == (Text(text="a"), ToolCall(id="c1", name="n", arguments="{}"))
    assert reply.stop == Stop(reason="length")


def test_half_a_call_alone_is_no_reply() -> None:
    assert folded([STARTED, *call(0, '{"')]).shortened() is None
    assert Fold().shortened() is None


def test_what_has_ended_by_itself_keeps_its_stop() -> None:
    reply = folded([STARTED, *SAID, PartEnded(index=0), Ended(stop=Stop(reason="end"))]).shortened()
    assert reply is not None
    assert reply.stop == Stop(reason="end")


@pytest.mark.parametrize(
    ("arguments", "closed"),
    [
        ("{}", True),
        (' {"a": {}} ', True),
        ("", False),
        ("{", False),
        ("[]", False),
        ("1", False),
        ("{" * 99_999, False),
    ],
)
def test_an_object_that_has_been_closed_lacks_nothing(arguments: str, closed: bool) -> None:
    assert is_object(arguments) is closed
