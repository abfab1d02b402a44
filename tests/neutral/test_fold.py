from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from argo_relay.neutral.content import Seal, Text, ToolCall, ToolResult
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
from argo_relay.neutral.fold import Fold, unfold
from argo_relay.neutral.reply import Reply, Stop, Usage
from support.grammar import Grammar
from support.replies import REPLIES, interleaved

STARTED = Started(id="1", model="m")
CUT = Stop(reason="error")


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
