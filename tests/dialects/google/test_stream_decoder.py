from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.google.stream_decoder import GoogleStreamDecoder
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame
from argo_relay.neutral.content import Media, Opaque, Reasoning, Seal, Text, ToolCall
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Cited,
    Ended,
    Event,
    Failed,
    Heartbeat,
    PartEnded,
    PartStarted,
    Started,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.failure import FailureKind
from argo_relay.neutral.fold import Fold
from argo_relay.neutral.reply import Reply, Stop
from support.grammar import Grammar

SIGNED = Seal(issuer="google", kind="thought", value="c2ln")


def chunk(*parts: dict[str, Any], finish: Any = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini", "responseId": "r-1", **more}


def frame(value: Any) -> Frame:
    data = value if isinstance(value, bytes) else jsonx.encode(value)
    return Frame(sse.write(data), data)


def events(*values: Any, whole: bool = False) -> list[Event]:
    decoder, grammar = GoogleStreamDecoder(whole=whole), Grammar()
    said: list[Event] = []
    for value in values:
        said += decoder.feed(frame(value))
    said += decoder.finish()
    for event in said:
        grammar.feed(event)
    grammar.finish()
    assert decoder.feed(frame(chunk({"text": "late"}))) == []
    assert decoder.finish() == []
    return said


def reply(*values: Any, whole: bool = False) -> Reply:
    fold = Fold()
    for event in events(*values, whole=whole):
        fold.feed(event)
    return fold.reply()


def failure(*values: Any) -> Any:
    last = events(*values)[-1]
    assert isinstance(last, Failed)
    return last.failure


def test_a_stream_of_text() -> None:
    usage = {"promptTokenCount": 3, "totalTokenCount": 3}
    last = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    said = events(
        chunk({"text": "Hel"}, usageMetadata=usage),
        chunk({"text": "lo"}, usageMetadata=usage),
        chunk({"text": ""}, finish="STOP", usageMetadata=last),
    )
    assert [type(event) for event in said] == [
        Started,
        UsageSeen,
        PartStarted,
        TextDelta,
        TextDelta,
        PartEnded,
        UsageSeen,
        Ended,
    ]
    assert said[0] == Started(id="r-1", model="gemini")
    assert said[-1] == Ended(stop=Stop(reason="end", raw="STOP"))
    assert isinstance(said[-2], UsageSeen)
    assert said[-2].usage.output == 2


def test_text_may_come_in_the_chunk_that_finishes() -> None:
    assert reply(chunk({"text": "all"}, finish="STOP")).parts == (Text(text="all"),)


def test_thoughts_and_text_are_parts_of_their_own() -> None:
    assert reply(
        chunk({"text": "I ", "thought": True}),
        chunk({"text": "think", "thought": True}, {"text": "So"}),
        chunk({"text": " be it", "thoughtSignature": "c2ln"}),
        chunk({"text": "After"}, finish="STOP"),
    ).parts == (
        Reasoning(text="I think", form="summary"),
        Text(text="So be it", seal=SIGNED),
        Text(text="After"),
    )


def test_a_signature_on_an_empty_text_seals_the_text_before() -> None:
    assert reply(chunk({"text": "Hello"}), chunk({"text": "", "thoughtSignature": "c2ln"}, finish="STOP")).parts == (
        Text(text="Hello", seal=SIGNED),
    )
    assert reply(chunk({"thoughtSignature": "c2ln"}, finish="STOP")).parts == (Text(text="", seal=SIGNED),)


def test_whole_calls() -> None:
    said = reply(
        chunk({"functionCall": {"name": "look", "args": {"b": 1, "a": 2}}, "thoughtSignature": "c2ln"}),
        chunk({"functionCall": {"id": "c9", "name": "look"}}, finish="STOP"),
    )
    assert said.parts == (
        ToolCall(id="call_r-1_0", name="look", arguments='{"b":1,"a":2}', seal=SIGNED, extras={"google": {"id": None}}),
        ToolCall(id="c9", name="look", arguments="{}"),
    )
    assert said.stop == Stop(reason="tool_calls", raw="STOP")


def test_calls_in_pieces() -> None:
    pieces = [
        {"name": "look", "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.city", "stringValue": "Par", "willContinue": True}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.city", "stringValue": "is"}], "willContinue": True},
        {},
        {},
        {"name": "wait", "partialArgs": [{"jsonPath": "$.s", "numberValue": 2}], "willContinue": True},
    ]
    said = reply(*(chunk({"functionCall": piece}) for piece in pieces), chunk({"text": "done"}, finish="STOP"))
    assert [(part.name, part.arguments) for part in said.parts if isinstance(part, ToolCall)] == [
        ("look", '{"city":"Paris"}'),
        ("wait", '{"s":2}'),
    ]
    assert said.parts[-1] == Text(text="done")


def test_a_call_that_was_cut_off_is_left_open() -> None:
    said = events(chunk({"functionCall": {"name": "look", "willContinue": True}}))
    assert isinstance(said[-1], Failed)
    assert not any(isinstance(event, ArgumentsDelta) for event in said)


def test_media_and_unknown_parts_come_whole() -> None:
    code = {"executableCode": {"code": "1"}, "thoughtSignature": "c2ln"}
    assert reply(
        chunk({"inlineData": {"mimeType": "image/png", "data": "aGk="}, "thoughtSignature": "c2ln"}, code),
        chunk({"text": "a"}, {}, {"functionCall": {"args": {}}}, finish="STOP"),
    ).parts == (
        Media(kind="image", media_type="image/png", data="aGk=", seal=SIGNED),
        Opaque(dialect="google", payload=code),
        Text(text="a"),
    )


def test_sources_are_cited_at_the_text_before() -> None:
    last = chunk({"text": ""}, finish="STOP")
    last["candidates"][0]["groundingMetadata"] = {"groundingChunks": [{"web": {"uri": "https://a.test"}}]}
    cited = [event for event in events(chunk({"text": "a"}), last) if isinstance(event, Cited)]
    assert [event.citation.url for event in cited] == ["https://a.test"]
    assert not [event for event in events(last) if isinstance(event, Cited)]


def test_log_probabilities_go_with_their_text() -> None:
    value = chunk({"text": "a"}, {"text": "b"}, finish="STOP")
    value["candidates"][0]["logprobsResult"] = {"chosenCandidates": [{"token": "a", "logProbability": -1}]}
    (text,) = reply(value).parts
    assert isinstance(text, Text)
    assert text.logprobs is not None
    assert [one["logprob"] for one in text.logprobs] == [-1]


@pytest.mark.parametrize(
    ("value", "stop"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, Stop(reason="content_filter", raw="SAFETY")),
        (chunk(finish="MALFORMED_FUNCTION_CALL"), Stop(reason="error", raw="MALFORMED_FUNCTION_CALL")),
        ({"candidates": [{"finishReason": "RECITATION"}]}, Stop(reason="content_filter", raw="RECITATION")),
        ({"candidates": [{"finishReason": 2}]}, Stop(reason="length", raw="MAX_TOKENS")),
    ],
)
def test_ends_without_content(value: dict[str, Any], stop: Stop) -> None:
    assert reply(value).stop == stop


def test_a_finish_that_is_followed_by_content_was_none() -> None:
    assert failure(chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"})).code == "upstream_incomplete"
    assert reply(chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}, finish="MAX_TOKENS")).stop.reason == "length"


def test_usage_may_follow_the_finish() -> None:
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 1}
    said = reply(chunk({"text": "a"}, finish="STOP"), {"usageMetadata": usage})
    assert said.usage is not None
    assert (said.usage.input, said.usage.output, said.usage.reasoning) == (3, 3, 1)


def test_later_counts_are_laid_over_earlier_ones() -> None:
    said = reply(
        chunk({"text": "a"}, usageMetadata={"thoughtsTokenCount": 10}),
        chunk(finish="STOP", usageMetadata={"candidatesTokenCount": 5}),
    )
    assert said.usage is not None
    assert (said.usage.output, said.usage.reasoning) == (15, 10)


@pytest.mark.parametrize("values", [(), (chunk({"text": "a"}),), ({},), (3,), ({"candidates": "x"},)])
def test_a_stream_that_breaks_off_fails(values: tuple[Any, ...]) -> None:
    failed = failure(*values)
    assert (failed.kind, failed.status, failed.code) == (FailureKind.UPSTREAM, 502, "upstream_incomplete")
    assert failed.at_fault == "upstream"


@pytest.mark.parametrize(
    "error", [{"error": {"code": 503, "message": "busy"}}, [{"error": {"code": 503, "message": "busy"}}]]
)
def test_an_error_ends_a_stream(error: Any) -> None:
    failed = failure(chunk({"text": "a"}), error)
    assert (failed.status, failed.message) == (503, "busy")
    assert isinstance(events(error)[0], Failed)


def test_what_cannot_be_read_fails_but_for_after_the_end() -> None:
    assert failure(chunk({"text": "a"}), b"{oops").code == "upstream_bad_event"
    assert reply(chunk({"text": "a"}, finish="STOP"), b"{oops").parts == (Text(text="a"),)
    assert reply(chunk({"text": "a"}, finish="STOP"), b"[DONE]").parts == (Text(text="a"),)
    assert failure(chunk({"text": "a"}), b"[DONE]").code == "upstream_incomplete"


def test_what_is_nested_too_deeply_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_deep(value: object) -> bytes:
        raise RecursionError

    decoder = GoogleStreamDecoder()
    value = frame(chunk({"functionCall": {"name": "a"}}))
    monkeypatch.setattr(jsonx, "encode", too_deep)
    assert isinstance(decoder.feed(value)[-1], Failed)


def test_signs_of_life() -> None:
    decoder = GoogleStreamDecoder()
    assert decoder.feed(Frame(b": waiting\n\n", None)) == [Heartbeat()]
    assert decoder.feed(Frame(b"\n\n", None)) == [Heartbeat()]
    assert decoder.feed(frame({})) == [Heartbeat()]
    assert decoder.feed(Frame(b"]", None)) == []


def test_other_candidates_are_passed_over() -> None:
    value = chunk({"text": "a"}, finish="STOP")
    value["candidates"].append({"content": {"parts": [{"text": "b"}]}, "index": 1})
    assert reply(value).parts == (Text(text="a"),)


def test_replies_without_ids_get_different_ones() -> None:
    first, second = ({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": 1}]} for text in "ab")
    assert reply(first).id == reply(first).id
    assert reply(first).id != reply(second).id


def test_a_whole_reply_needs_no_finish() -> None:
    assert reply(chunk({"text": "a"}), whole=True).stop == Stop(reason="end")
    assert reply(chunk({"functionCall": {"name": "f"}}), whole=True).stop == Stop(reason="tool_calls")
    assert reply({"candidates": []}, whole=True).stop == Stop(reason="other")
    assert reply(chunk({"executableCode": {}}, finish="STOP"), whole=True).stop.raw == "STOP"


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
names = st.sampled_from(
    [
        "candidates",
        "content",
        "parts",
        "text",
        "thought",
        "thoughtSignature",
        "functionCall",
        "name",
        "args",
        "id",
        "partialArgs",
        "willContinue",
        "inlineData",
        "data",
        "mimeType",
        "finishReason",
        "index",
        "usageMetadata",
        "promptTokenCount",
        "promptFeedback",
        "blockReason",
        "groundingMetadata",
        "groundingChunks",
        "groundingSupports",
        "groundingChunkIndices",
        "segment",
        "startIndex",
        "endIndex",
        "web",
        "uri",
        "citationMetadata",
        "citations",
        "logprobsResult",
        "chosenCandidates",
        "topCandidates",
        "error",
        "code",
        "message",
        "responseId",
        "modelVersion",
    ]
)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
parts = st.dictionaries(names, anything, max_size=3)
chunks = st.builds(
    lambda inner, more: {**chunk(*inner), **more},
    st.lists(parts, max_size=3),
    st.dictionaries(names, anything, max_size=2),
)


@given(st.lists(anything | chunks, max_size=5))
def test_whatever_comes_the_grammar_holds(values: list[Any]) -> None:
    events(*values)


@given(st.lists(chunks, max_size=3), st.integers(0, 200))
def test_a_stream_may_stop_anywhere(values: list[Any], cut: int) -> None:
    stream = b"".join(frame(value).raw for value in values)
    splitter, decoder, grammar = sse.Splitter(), GoogleStreamDecoder(), Grammar()
    frames = [*splitter.feed(stream[: len(stream) * cut // 200]), *splitter.finish()]
    for event in [event for one in frames for event in decoder.feed(one)] + decoder.finish():
        grammar.feed(event)
    grammar.finish()
