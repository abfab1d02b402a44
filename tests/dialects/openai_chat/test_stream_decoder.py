from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.base import encode_events
from argo_relay.dialects.openai_chat.stream_decoder import ChatStreamDecoder
from argo_relay.dialects.openai_chat.stream_encoder import ChatStreamEncoder
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame
from argo_relay.neutral.content import Citation, Media, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall
from argo_relay.neutral.events import (
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
from argo_relay.neutral.failure import FailureKind
from argo_relay.neutral.fold import unfold
from argo_relay.neutral.reply import Reply, Stop, Usage
from support.grammar import Grammar
from support.replies import JSON
from support.sights import folded, plain_request

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"}
DONE = b"[DONE]"
SIGNED = Seal(issuer="openai_chat", kind="signature", value="EqQB")
ENCRYPTED = Seal(issuer="openai_chat", kind="encrypted", value="gAAA")
GEMINIS = Seal(issuer="google", kind="thought", value="c2ln")


def own(**members: Any) -> dict[str, dict[str, Any]]:
    return {"openai_chat": members}


def choice(finish: Any = None, **delta: Any) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def chunk(*choices: Any, **more: Any) -> dict[str, Any]:
    return {**HEAD, "choices": list(choices), **more}


def say(finish: Any = None, **delta: Any) -> dict[str, Any]:
    return chunk(choice(finish, **delta))


STOP = say("stop")


def frame(value: Any) -> Frame:
    data = value if isinstance(value, bytes) else jsonx.encode(value)
    return Frame(sse.write(data), data)


def events(*values: Any) -> list[Event]:
    decoder, grammar = ChatStreamDecoder(), Grammar()
    said: list[Event] = []
    for value in values:
        said += decoder.feed(frame(value))
    said += decoder.finish()
    for event in said:
        grammar.feed(event)
    grammar.finish()
    assert decoder.feed(frame(say(content="late"))) == []
    assert decoder.finish() == []
    return said


def reply(*values: Any) -> Reply:
    return folded(events(*values)).reply()


def parts(*values: Any) -> tuple[Part, ...]:
    return reply(*values, STOP, DONE).parts


def failure(*values: Any) -> Any:
    last = events(*values)[-1]
    assert isinstance(last, Failed)
    return last.failure


def call(index: Any = None, identifier: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    made = {
        "index": index,
        "id": identifier,
        "function": {key: one for key, one in function.items() if one is not None},
    }
    return {key: one for key, one in made.items() if one is not None}


def called(*pieces: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    made = parts(*(say(tool_calls=piece) for piece in pieces))
    return [(part.id, part.name, part.arguments) for part in made if isinstance(part, ToolCall)]


def test_a_stream_of_text() -> None:
    counts = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    said = events(
        say(role="assistant", content="", refusal=None),
        say(content="Hel"),
        say(content="lo"),
        STOP,
        chunk(usage=counts),
        DONE,
    )
    assert said == [
        Started(id="chatcmpl-1", model="m", created=1_700_000_000),
        PartStarted(index=0, part=Text(text="")),
        TextDelta(index=0, text="Hel"),
        TextDelta(index=0, text="lo"),
        UsageSeen(usage=Usage(input=9, output=3, raw=counts)),
        PartEnded(index=0),
        Ended(stop=Stop(reason="end", raw="stop")),
    ]


def test_silence_is_a_sign_of_life() -> None:
    decoder = ChatStreamDecoder()
    comment = Frame(b": keep-alive\n\n", None)
    assert decoder.feed(comment) == [Heartbeat()]
    assert decoder.feed(frame(b"")) == [Heartbeat()]
    assert decoder.feed(frame(say(content="a")))[0].__class__ is Started
    assert decoder.feed(comment) == [Heartbeat()]


def test_what_says_nothing_of_the_reply_does_not_begin_it() -> None:
    first = {"id": "", "model": "", "created": 0, "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    said = events(first, say(content="a"), STOP)
    assert said[:2] == [Heartbeat(), Started(id="chatcmpl-1", model="m", created=1_700_000_000)]


def test_a_reply_without_names() -> None:
    said = reply({"choices": [choice("stop", content="a")]})
    assert (said.model, said.created, said.service_tier) == ("", None, None)
    assert said.id.startswith("chatcmpl-")
    assert said.id != reply({"choices": [choice("stop", content="b")]}).id


def test_a_service_tier() -> None:
    assert reply({**say("stop", content="a"), "service_tier": "flex"}).service_tier == "flex"


# ------------------------------------------------------------------------------------------------------ how it ends


@pytest.mark.parametrize(
    ("values", "stop"),
    [
        ((say(content="a"), STOP, DONE), Stop(reason="end", raw="stop")),
        ((say(content="a"), STOP), Stop(reason="end", raw="stop")),
        ((say(content="a"), DONE), Stop(reason="end")),
        ((say(content="a"), b" [DONE] "), Stop(reason="end")),
        ((say("stop", content="a"), say("length"), DONE), Stop(reason="length", raw="length")),
        ((say("", content="a"), say("length"), say(None)), Stop(reason="length", raw="length")),
        ((say("stop", content="a"), say("stop", content="b")), Stop(reason="end", raw="stop")),
        ((say("error", content="a"), DONE), Stop(reason="error", raw="error")),
        ((say("stop", tool_calls=[call(0, "c1", "look", "{}")]),), Stop(reason="tool_calls", raw="stop")),
    ],
)
def test_how_a_complete_stream_ends(values: tuple[Any, ...], stop: Stop) -> None:
    assert reply(*values).stop == stop


@pytest.mark.parametrize(
    "values", [(), (DONE,), (say(role="assistant"),), (say(content="a"),), (say(tool_calls=[call(0, "c1", "look")]),)]
)
def test_a_stream_that_breaks_off_has_failed(values: tuple[Any, ...]) -> None:
    failed = failure(*values)
    assert (failed.kind, failed.code, failed.at_fault) == (FailureKind.UPSTREAM, "upstream_incomplete", "upstream")


def test_what_cannot_be_read_fails_the_stream() -> None:
    assert failure(say(content="a"), b'{"choices":[{"del').code == "upstream_unreadable"
    assert failure(say(content="a"), b"<html>").code == "upstream_unreadable"


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({"error": {"message": "No.", "code": 429}}, 429),
        ([{"error": {"message": "No.", "code": 400}}], 400),
        ({"error": "No."}, 502),
        ({"object": "error", "message": "No.", "code": 503}, 503),
        (chunk({**choice("error", content=""), "error": {"message": "No.", "code": 502}}), 502),
        (chunk(error={"message": "No.", "type": "overloaded_error"}), 503),
    ],
)
def test_an_error_in_the_stream(value: Any, status: int) -> None:
    for values in ((value,), (say(content="a"), value), (say(content="a"), STOP, value)):
        failed = failure(*values)
        assert (failed.message, failed.status) == ("No.", status)


def test_other_choices_are_passed_over() -> None:
    other = {"index": 1, "delta": {"content": "x"}, "finish_reason": "length"}
    made = reply(chunk(choice(content="a"), other), chunk({"delta": {"content": "b"}, "finish_reason": "stop"}))
    assert (made.parts, made.stop.reason) == ((Text(text="ab"),), "end")


def test_a_whole_message_in_one_chunk() -> None:
    message = {"role": "assistant", "content": "Hi.", "tool_calls": [call(None, "c1", "look", "{}")]}
    made = reply(chunk({"index": 0, "message": message, "finish_reason": "tool_calls"}))
    assert made.parts == (Text(text="Hi."), ToolCall(id="c1", name="look", arguments="{}"))


# ------------------------------------------------------------------------------------------------------------ usage


def test_usage_in_every_chunk_is_told_when_it_changes() -> None:
    first, last = {"prompt_tokens": 9, "completion_tokens": 1}, {"prompt_tokens": 9, "completion_tokens": 2}
    said = events(
        chunk(choice(content="a"), usage=first),
        chunk(choice(content="b"), usage=first),
        chunk(choice("stop"), usage=last),
    )
    assert [event.usage.output for event in said if isinstance(event, UsageSeen)] == [1, 2]


def test_usage_where_groq_puts_it() -> None:
    said = reply(say(content="a"), chunk(choice("stop"), x_groq={"usage": {"prompt_tokens": 9}}))
    assert said.usage == Usage(input=9, raw={"prompt_tokens": 9})


# ------------------------------------------------------------------------------------------------------------ texts


def test_texts_thoughts_and_refusals_follow_each_other() -> None:
    assert parts(
        say(reasoning_content="H"),
        say(reasoning="m."),
        say(content="Hi"),
        say(content="."),
        say(refusal="N"),
        say(refusal="o."),
    ) == (Reasoning(text="Hm."), Text(text="Hi."), Refusal(text="No."))


def test_both_members_of_a_thought_are_one() -> None:
    assert parts(say(reasoning="Hm.", reasoning_content="Hm.")) == (Reasoning(text="Hm."),)


def test_a_content_that_is_a_list() -> None:
    assert parts(
        say(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "H"}]}]),
        say(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "m."}], "closed": True}]),
        say(content=[{"type": "text", "text": "Hi"}, {"type": "text", "text": ""}, 5]),
        say(content="."),
        say(content=[{"type": "reference", "reference_ids": [1]}, {"type": "refusal", "refusal": "No."}]),
    ) == (
        Reasoning(text="Hm."),
        Text(text="Hi."),
        Opaque(dialect="openai_chat", payload={"type": "reference", "reference_ids": [1]}),
        Refusal(text="No."),
    )


def test_log_probabilities() -> None:
    one, two = {"token": "a", "logprob": -0.5}, {"token": "", "logprob": -0.1}
    assert parts(
        chunk({**choice(content="a"), "logprobs": {"content": [one], "refusal": None}}),
        chunk({**choice(content=""), "logprobs": {"content": [two]}}),
    ) == (Text(text="a", logprobs=(one, two)),)
    assert parts(chunk({**choice(content=None), "logprobs": {"content": [one]}})) == ()


def cited(start: Any = 0, end: Any = 1) -> dict[str, Any]:
    return {
        "type": "url_citation",
        "url_citation": {"url": "https://example.org", "start_index": start, "end_index": end},
    }


def test_annotations_are_of_the_text() -> None:
    mark = Citation(url="https://example.org", start=0, end=1, dialect="openai_chat", payload=cited())
    for values in (
        (say(content="a"), say(annotations=[cited(), 5])),
        (say(content="a", annotations=[cited()]),),
        (say(annotations=[cited()]), say(content="a")),
    ):
        assert parts(*values) == (Text(text="a", citations=(mark,)),)


def test_annotations_after_the_text_has_ended_name_no_place() -> None:
    bare = Citation(url="https://example.org", dialect="openai_chat", payload=cited())
    made = parts(say(content="a"), say(tool_calls=[call(0, "c1", "look", "{}")]), say(annotations=[cited()]))
    assert made == (Text(text="a"), ToolCall(id="c1", name="look", arguments="{}"), Text(text="", citations=(bare,)))


def test_spoken_words() -> None:
    assert parts(
        say(audio={"id": "audio_1", "transcript": "H"}),
        say(audio={"transcript": "i."}),
        say(audio={"data": "aG"}),
        say(audio={"data": "k="}),
        say(audio={"expires_at": 9}),
    ) == (
        Text(text="Hi.", extras=own(audio={"id": "audio_1"})),
        Media(kind="audio", data="aGk=", extras=own(expires_at=9)),
    )


def test_pictures() -> None:
    image = {"index": 0, "type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    assert parts(say(content="Here."), say(images=[image])) == (
        Text(text="Here."),
        Media(kind="image", media_type="image/png", data="aGk="),
    )


# --------------------------------------------------------------------------------------------------------- thoughts


def detail(index: Any, kind: str = "text", **members: Any) -> list[dict[str, Any]]:
    return [{"type": f"reasoning.{kind}", "index": index, **members}]


def test_details_grow_by_their_numbers() -> None:
    assert parts(
        say(reasoning="H", reasoning_details=detail(0, text="H", format="f")),
        say(reasoning="m.", reasoning_details=detail(0, text="m.", format="f")),
        say(reasoning_details=detail(0, signature="EqQB", format="f")),
        say(reasoning="B.", reasoning_details=detail(1, "summary", summary="B.", id="rs_1")),
        say(reasoning_details=detail(1, "encrypted", data="gAAA", id="rs_1")),
        say(content="Hi."),
    ) == (
        Reasoning(text="Hm.", seal=SIGNED, extras=own(detail={"format": "f"})),
        Reasoning(text="B.", form="summary", item="rs_1"),
        Reasoning(seal=ENCRYPTED, item="rs_1"),
        Text(text="Hi."),
    )


def test_a_lone_signature_is_the_plain_thoughts() -> None:
    assert parts(say(reasoning_content="Hm."), say(reasoning_details=detail(0, signature="EqQB"))) == (
        Reasoning(text="Hm.", seal=SIGNED),
    )


def test_a_plain_thought_beside_an_encrypted_one() -> None:
    assert parts(
        say(reasoning="H"),
        say(reasoning="m.", reasoning_details=detail(0, "encrypted", data="gAAA")),
        say(reasoning="More."),
    ) == (Reasoning(text="Hm."), Reasoning(seal=ENCRYPTED), Reasoning(text="More."))


def test_a_thought_that_is_said_once_more_with_its_seal() -> None:
    assert parts(
        say(reasoning_content="A"),
        say(reasoning_content="."),
        say(reasoning_details=detail(0, text="A.", signature="EqQB")),
        say(reasoning_content="\n\nB."),
        say(reasoning_details=detail(1, text="B.", signature="EqQB")),
    ) == (Reasoning(text="A.", seal=SIGNED), Reasoning(text="B.", seal=SIGNED))


def test_our_own_streams_are_read_as_they_were_meant() -> None:
    for thoughts in (
        (Reasoning(text="A.", seal=SIGNED), Reasoning(text="B.", seal=SIGNED)),
        (Reasoning(seal=ENCRYPTED), Reasoning(text="B.")),
        (Reasoning(text="A.", extras=own(detail={"format": "f"})), Reasoning(seal=ENCRYPTED, item="rs_1")),
        (Reasoning(text="A.", form="summary", seal=SIGNED, extras=own(detail={"format": "f"})),),
    ):
        meant = Reply(id="chatcmpl-1", model="m", parts=(*thoughts, Text(text="Hi.")), stop=Stop(reason="end"))
        stream = encode_events(ChatStreamEncoder(plain_request("openai_chat")), unfold(meant))
        assert reply(*(one.data for one in sse.Splitter().feed(stream))).parts == meant.parts


# ------------------------------------------------------------------------------------------------------------ calls


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        # OpenAI: the first piece names the call, others have its number only.
        (
            [[call(0, "c1", "look", "")], [call(0, arguments='{"a"')], [call(0, arguments=":1}")]],
            [("c1", "look", '{"a":1}')],
        ),
        # Interleaved.
        (
            [
                [call(0, "c1", "look", ""), call(1, "c2", "see", "")],
                [call(0, arguments='{"a"')],
                [call(1, arguments='{"b"')],
                [call(0, arguments=":1}"), call(1, arguments=":2}")],
            ],
            [("c1", "look", '{"a":1}'), ("c2", "see", '{"b":2}')],
        ),
        # Every piece repeats id and name.
        (
            [[call(0, "c1", "look", '{"a"')], [call(0, "c1", "look", ":1}")], [call(0, "c1", "look", "")]],
            [("c1", "look", '{"a":1}')],
        ),
        # Every piece has a new id.
        ([[call(0, "c1", "look", '{"a"')], [call(0, "c2", arguments=":1}")]], [("c1", "look", '{"a":1}')]),
        # All have the number 0 (Gemini, Ollama), with and without ids.
        (
            [[call(0, "c1", "look", "{}")], [call(0, "c2", "look", "{}")]],
            [("c1", "look", "{}"), ("c2", "look", "{}")],
        ),
        (
            [[call(0, "c1", "look", '{"a"')], [call(0, "c2", "see", '{"b"')], [call(0, "c1", arguments=":1}")]],
            [("c1", "look", '{"a":1}'), ("c2", "see", '{"b"')],
        ),
        (
            [[call(0, None, "look", "{}")], [call(0, None, "see", "{}")]],
            [("call_1_0", "look", "{}"), ("call_1_1", "see", "{}")],
        ),
        # No numbers: by id, or the one before.
        (
            [[call(None, "c1", "look", ""), call(None, "c2", "see", "")], [call(None, "c1", arguments="{}")]],
            [("c1", "look", "{}"), ("c2", "see", "")],
        ),
        (
            [[call(None, None, "look", '{"a"')], [call(arguments=":1}")], [call(None, None, "see", "{}")]],
            [("call_1_0", "look", '{"a":1}'), ("call_1_1", "see", "{}")],
        ),
        # The name comes late, or never.
        (
            [[call(0, "c1", "", '{"a"')], [call(0, name="look", arguments=":1}")]],
            [("c1", "look", '{"a":1}')],
        ),
        ([[call(0, "c1", None, "{}")]], []),
        # Arguments that are an object.
        ([[call(0, "c1", "look", {"a": 1})]], [("c1", "look", '{"a":1}')]),
        # The same id twice, under two numbers.
        ([[call(0, "c1", "look", "{}"), call(1, "c1", "look", "{}")]], [("c1", "look", "{}"), ("c1", "look", "{}")]),
        # Numbers that are none.
        ([[{**call(None, "c1", "look", "{}"), "index": [0]}]], [("c1", "look", "{}")]),
    ],
)
def test_which_call_a_piece_belongs_to(pieces: list[list[dict[str, Any]]], calls: list[tuple[str, str, str]]) -> None:
    assert called(*pieces) == calls


def test_a_custom_tools_call() -> None:
    first = {"index": 0, "id": "c1", "type": "custom", "custom": {"name": "patch", "input": ""}}
    more = [{"index": 0, "custom": {"input": "{}"}}, {"index": 0, "custom": {"input": "*"}}]
    made = parts(say(tool_calls=[first]), *(say(tool_calls=[one]) for one in more))
    assert made == (ToolCall(id="c1", name="patch", arguments="{}*", kind="custom"),)


def test_a_function_of_the_time_before_tools() -> None:
    made = reply(
        say(function_call={"name": "look", "arguments": ""}),
        say(function_call={"arguments": "{}"}),
        say("function_call"),
        DONE,
    )
    assert made.parts == (ToolCall(id="call_1_0", name="look", arguments="{}", extras=own(legacy=True)),)
    assert made.stop.reason == "tool_calls"


def test_geminis_signatures() -> None:
    sealed = {**call(0, "c1", "look", "{}"), "extra_content": {"google": {"thought_signature": "c2ln"}}}
    made = parts(say(tool_calls=[sealed, call(0, "c2", "see", "{}")]))
    assert made == (
        ToolCall(id="c1", name="look", arguments="{}", seal=GEMINIS),
        ToolCall(id="c2", name="see", arguments="{}"),
    )


def test_a_call_that_is_complete_ends_when_the_next_begins() -> None:
    said = events(say(tool_calls=[call(0, "c1", "look", "{}")]), say(tool_calls=[call(1, "c2", "see", "")]), STOP)
    kinds = [type(event) for event in said]
    assert kinds == [Started, PartStarted, ArgumentsDelta, PartEnded, PartStarted, PartEnded, Ended]


def test_what_comes_for_a_call_that_has_ended_is_passed_over() -> None:
    late = {**call(0, arguments="}"), "extra_content": {"google": {"thought_signature": "c2ln"}}}
    assert called([call(0, "c1", "look", "{}")], [call(1, "c2", "see", "{}")], [late]) == [
        ("c1", "look", "{}"),
        ("c2", "see", "{}"),
    ]
    assert SealDelta not in [type(event) for event in events(say(tool_calls=[late]), STOP)]


def test_text_after_a_call_is_another_text() -> None:
    made = parts(say(content="a"), say(tool_calls=[call(0, "c1", "look", "{")]), say(content="b"))
    assert made == (Text(text="a"), ToolCall(id="c1", name="look", arguments="{"), Text(text="b"))


# --------------------------------------------------------------------------------------------------- whatever comes

short = st.sampled_from(["", "a", "b", "{}", '{"a"', "stop", "reasoning.text", "reasoning.encrypted", "\n\n"])
odd = JSON | short
functions = st.fixed_dictionaries({}, optional={"name": odd, "arguments": odd}) | odd
calls = st.fixed_dictionaries(
    {},
    optional={
        "index": st.integers(0, 2) | odd,
        "id": short | odd,
        "type": odd,
        "function": functions,
        "custom": st.fixed_dictionaries({}, optional={"name": odd, "input": odd}) | odd,
        "extra_content": st.just({"google": {"thought_signature": "c2ln"}}) | odd,
    },
)
details = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["type", "index", "text", "summary", "data", "signature", "id"], odd)
)
deltas = st.fixed_dictionaries(
    {},
    optional={
        "content": odd,
        "refusal": odd,
        "reasoning": odd,
        "reasoning_content": odd,
        "reasoning_details": st.lists(details | odd, max_size=2) | odd,
        "tool_calls": st.lists(calls | odd, max_size=3) | odd,
        "function_call": functions,
        "audio": st.fixed_dictionaries({}, optional=dict.fromkeys(["id", "data", "transcript", "expires_at"], odd))
        | odd,
        "images": st.lists(st.fixed_dictionaries({"image_url": odd}), max_size=1) | odd,
        "annotations": st.lists(st.just(cited()) | odd, max_size=2) | odd,
    },
)
choices = st.fixed_dictionaries(
    {},
    optional={
        "index": st.just(0) | odd,
        "delta": deltas | odd,
        "message": deltas | odd,
        "finish_reason": st.sampled_from([None, "stop", "tool_calls", "error"]) | odd,
        "logprobs": st.just({"content": [{"token": "a"}]}) | odd,
    },
)
members = ["id", "model", "created", "service_tier", "usage", "x_groq", "error", "object", "message"]
chunks = st.fixed_dictionaries(
    {"choices": st.lists(choices | odd, max_size=2) | odd}, optional=dict.fromkeys(members, odd)
)


@given(st.lists(chunks | JSON, max_size=5), st.booleans())
def test_whatever_comes_the_grammar_holds(values: list[Any], done: bool) -> None:
    events(*values, *([DONE] if done else []))


@given(st.lists(chunks, max_size=3), st.integers(0, 200))
def test_a_stream_may_stop_anywhere(values: list[Any], cut: int) -> None:
    stream = b"".join(frame(value).raw for value in values)
    splitter, decoder, grammar = sse.Splitter(), ChatStreamDecoder(), Grammar()
    frames = [*splitter.feed(stream[: len(stream) * cut // 200]), *splitter.finish()]
    for event in [event for one in frames for event in decoder.feed(one)] + decoder.finish():
        grammar.feed(event)
    grammar.finish()
