from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.openai_responses.content_decoder import decode_annotation
from argo_relay.dialects.openai_responses.stream_decoder import ResponsesStreamDecoder
from argo_relay.framing import jsonx, sse
from argo_relay.neutral import seals
from argo_relay.neutral.content import Opaque, Reasoning, Refusal, Seal, Text, ToolCall
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Cited,
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
from argo_relay.neutral.fold import Fold
from argo_relay.neutral.reply import Stop, Usage
from support.grammar import Grammar

Data = dict[str, Any]

USAGE = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
CREATED = {
    "type": "response.created",
    "response": {"id": "resp_1", "model": "gpt", "created_at": 7.0, "service_tier": "default"},
}
CITATION = {"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 1}


def added(item: Data, at: int = 0) -> Data:
    return {"type": "response.output_item.added", "output_index": at, "item": item}


def done(item: Data, at: int = 0) -> Data:
    return {"type": "response.output_item.done", "output_index": at, "item": item}


def delta(kind: str, text: Any, at: int = 0, **more: Any) -> Data:
    return {"type": f"response.{kind}.delta", "output_index": at, "delta": text, **more}


def completed(*output: Data, **more: Any) -> Data:
    return {"type": "response.completed", "response": {"status": "completed", "output": list(output), **more}}


def message(*texts: str, **more: Any) -> Data:
    return {
        "type": "message",
        "id": "msg_1",
        "content": [{"type": "output_text", "text": one} for one in texts],
        **more,
    }


def events(*said: Data | bytes) -> list[Event]:
    decoder, splitter, grammar = ResponsesStreamDecoder(), sse.Splitter(), Grammar()
    wire = b"".join(one if isinstance(one, bytes) else sse.write(jsonx.encode(one)) for one in said)
    made = [event for frame in (*splitter.feed(wire), *splitter.finish()) for event in decoder.feed(frame)]
    made += decoder.finish()
    for event in made:
        grammar.feed(event)
    grammar.finish()
    return made


def parts(*said: Data) -> list[Event]:
    """Return what stands between the beginning and the end."""
    made = events(CREATED, *said)
    assert isinstance(made[-1], Ended)
    return [event for event in made if not isinstance(event, Started | UsageSeen | Ended)]


def folded(*said: Data) -> tuple[Any, ...]:
    fold = Fold()
    for event in events(CREATED, *said):
        fold.feed(event)
    return fold.reply().parts


def test_a_whole_stream() -> None:
    made = events(
        CREATED,
        {"type": "response.in_progress", "response": {"id": "resp_1"}},
        b": hello\n\n",
        {"type": "keepalive"},
        added({"type": "message", "id": "msg_1", "status": "in_progress", "content": []}),
        {"type": "response.content_part.added", "output_index": 0, "part": {"type": "output_text", "text": ""}},
        delta("output_text", "Hel"),
        delta("output_text", ""),
        delta("output_text", "lo"),
        {"type": "response.output_text.done", "output_index": 0, "text": "Hello"},
        {"type": "response.content_part.done", "output_index": 0, "part": {"type": "output_text", "text": "Hello"}},
        done(message("Hello")),
        completed(message("Hello"), usage=USAGE),
        delta("output_text", "after the end"),
        b"data: [DONE]\n\n",
    )
    marks = {"openai_responses": {"message": {"id": "msg_1"}}}
    assert made == [
        Started(id="resp_1", model="gpt", created=7, service_tier="default"),
        Heartbeat(),
        Heartbeat(),
        PartStarted(index=0, part=Text(text="", extras=marks)),
        TextDelta(index=0, text="Hel"),
        TextDelta(index=0, text="lo"),
        PartEnded(index=0),
        UsageSeen(usage=Usage(input=5, output=2, raw=USAGE)),
        Ended(stop=Stop(reason="end", raw="completed")),
    ]


OPENAI = Seal(issuer="openai", kind="encrypted", value="gAAA")
REASONING: Data = {"type": "reasoning", "id": "rs_1", "summary": []}


@pytest.mark.parametrize(
    ("said", "made"),
    [
        (
            [
                added(REASONING),
                delta("reasoning_summary_text", "One", summary_index=0),
                delta("reasoning_summary_text", "Two", summary_index=1),
                done({**REASONING, "encrypted_content": "gAAA"}),
            ],
            [
                PartStarted(index=0, part=Reasoning(form="summary", item="rs_1")),
                TextDelta(index=0, text="One"),
                TextDelta(index=0, text="\n\n"),
                TextDelta(index=0, text="Two"),
                SealDelta(index=0, seal=OPENAI),
            ],
        ),
        (
            [added(REASONING), delta("reasoning_text", "Full", content_index=0), done(REASONING)],
            [PartStarted(index=0, part=Reasoning(form="full", item="rs_1")), TextDelta(index=0, text="Full")],
        ),
        (
            [done({**REASONING, "encrypted_content": "gAAA"})],
            [PartStarted(index=0, part=Reasoning(form="summary", item="rs_1")), SealDelta(index=0, seal=OPENAI)],
        ),
        (
            [
                added({"type": "function_call", "id": "fc_1", "call_id": "c", "name": "look", "namespace": "web"}),
                delta("function_call_arguments", '{"a"'),
                delta("function_call_arguments", ":1}"),
                {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"a":1}'},
                done({"type": "function_call", "call_id": "c", "name": "look", "arguments": '{"a":1}'}),
            ],
            [
                PartStarted(index=0, part=ToolCall(id="c", name="look", namespace="web", item="fc_1")),
                ArgumentsDelta(index=0, text='{"a"'),
                ArgumentsDelta(index=0, text=":1}"),
            ],
        ),
        (
            [
                added({"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "patch", "input": ""}),
                delta("custom_tool_call_input", "*** Be"),
                {"type": "response.custom_tool_call_input.done", "output_index": 0, "input": "*** Begin"},
            ],
            [
                PartStarted(index=0, part=ToolCall(id="c", name="patch", kind="custom", item="ctc_1")),
                ArgumentsDelta(index=0, text="*** Be"),
                ArgumentsDelta(index=0, text="gin"),
            ],
        ),
        (
            [
                delta("refusal", "No"),
                {"type": "response.refusal.done", "output_index": 0, "refusal": "No."},
                {"type": "response.refusal.done", "output_index": 0, "refusal": "No."},
            ],
            [
                PartStarted(index=0, part=Refusal(text="", extras={"openai_responses": {"message": {}}})),
                TextDelta(index=0, text="No"),
                TextDelta(index=0, text="."),
            ],
        ),
    ],
)
def test_each_item_is_a_part(said: list[Data], made: list[Event]) -> None:
    # The last event closes what a careless server leaves open.
    assert parts(*said, completed()) == [*made, PartEnded(index=0)]


def test_citations_come_when_they_come_and_once() -> None:
    place = {"output_index": 0, "content_index": 0}
    annotation = {"type": "response.output_text.annotation.added", **place, "annotation": CITATION}
    whole = message()
    whole["content"] = [{"type": "output_text", "text": "a", "annotations": [CITATION, {**CITATION, "title": "B"}]}]
    made = parts(added(message()), delta("output_text", "a"), annotation, done(whole), completed(whole))
    cited = [event.citation for event in made if isinstance(event, Cited)]
    assert cited == [decode_annotation(CITATION), decode_annotation({**CITATION, "title": "B"})]


def test_log_probabilities_come_in_full_and_once() -> None:
    full = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    whole = message()
    whole["content"] = [{"type": "output_text", "text": "a", "logprobs": [full]}]
    for said in ([delta("output_text", "a", logprobs=[{"token": "a", "logprob": -0.5}])], [delta("output_text", "a")]):
        (text,) = folded(*said, done(whole), completed())
        assert (text.text, text.logprobs) == ("a", (full,))


def test_what_is_only_known_to_this_dialect_comes_whole() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    said = [added({**search, "status": "in_progress"}), {"type": "response.web_search_call.searching"}, done(search)]
    assert parts(*said, completed(search)) == [
        Heartbeat(),
        PartStarted(index=0, part=Opaque(dialect="openai_responses", payload=search)),
        PartEnded(index=0),
    ]
    strange = {"type": "message", "id": "m", "content": [{"type": "hologram", "x": 1}]}
    (opaque,) = folded(done(strange), completed())
    assert opaque.payload["part"] == {"type": "hologram", "x": 1}


def test_items_may_be_open_at_once() -> None:
    calls = [{"type": "function_call", "id": f"fc_{at}", "call_id": f"c{at}", "name": "f"} for at in (0, 1)]
    first, second = folded(
        added(calls[0], 0),
        added(calls[1], 1),
        delta("function_call_arguments", "{1", 1),
        delta("function_call_arguments", "{0", 0),
        delta("function_call_arguments", "}", 1),
        done({**calls[1], "arguments": "{1}"}, 1),
        done({**calls[0], "arguments": "{0}"}, 0),
        completed(),
    )
    assert (first.id, first.arguments) == ("c0", "{0}")
    assert (second.id, second.arguments) == ("c1", "{1}")


def test_events_may_name_their_item_by_its_id_alone() -> None:
    text = {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "Hi"}
    item = {"type": "message", "id": "msg_1", "content": []}
    assert [part.text for part in folded({"type": "response.output_item.added", "item": item}, text, completed())] == [
        "Hi"
    ]


def test_the_last_event_says_what_never_came() -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
    first, second, third = folded(
        added(message()), delta("output_text", "Hel"), completed(message("Hello", "more"), {**call})
    )
    assert (first.text, second.text) == ("Hello", "more")
    assert second.extras == {"openai_responses": {"joins": True}}
    assert (third.name, third.arguments) == ("f", "{}")


def test_an_item_that_came_under_another_id_comes_once() -> None:
    other = {**message("Hello"), "id": "msg_other"}
    assert [part.text for part in folded(done(message("Hello")), completed(other))] == ["Hello"]


def test_a_text_whose_place_was_miscounted_comes_once() -> None:
    said = [added(message()), delta("output_text", "Hi", content_index=1), done(message("Hi"))]
    assert [part.text for part in folded(*said, completed())] == ["Hi"]


def test_places_without_order_do_not_collide() -> None:
    said = [delta("output_text", "one", 1), {"type": "response.output_text.delta", "item_id": "x", "delta": "two"}]
    assert [part.text for part in folded(*said, completed())] == ["one", "two"]


def test_an_upstreams_seals_are_its_own() -> None:
    packed = seals.pack(Seal(issuer="google", kind="thought", value="g"))
    identifier = seals.with_seal("c", Seal(issuer="google", kind="thought", value="g"))
    thought, call = folded(
        done({**REASONING, "encrypted_content": packed}),
        done({"type": "function_call", "call_id": identifier, "name": "f", "arguments": "{}"}, 1),
        completed(),
    )
    assert thought.seal == Seal(issuer="openai", kind="encrypted", value=packed)
    assert (call.id, call.seal) == (identifier, None)


def test_a_stream_may_lack_its_first_event() -> None:
    made = events(delta("output_text", "a"), completed(message("a"), id="resp_9"))
    assert made[0] == Started(id="resp_0", model="")
    assert events(completed(message("a"), id="resp_9", model="gpt"))[0] == Started(id="resp_9", model="gpt")


def test_an_events_name_serves_where_its_data_has_no_type() -> None:
    named = [
        b"event: response.output_text.delta\n" + sse.write(jsonx.encode({"output_index": 0, "delta": "a"})),
        b"event: response.completed\n" + sse.write(jsonx.encode({"response": {}})),
    ]
    made = events(CREATED, *named)
    assert TextDelta(index=0, text="a") in made
    assert isinstance(made[-1], Ended)


@pytest.mark.parametrize(
    ("last", "stop"),
    [
        (completed(), Stop(reason="end", raw="completed")),
        (
            {
                "type": "response.incomplete",
                "response": {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            },
            Stop(reason="length", raw="max_output_tokens"),
        ),
        ({"type": "response.incomplete", "response": {}}, Stop(reason="other", raw="incomplete")),
        ({"type": "response.completed"}, Stop(reason="end", raw="completed")),
    ],
)
def test_why_it_ended(last: Data, stop: Stop) -> None:
    assert events(CREATED, last)[-1] == Ended(stop=stop)


def test_calls_and_refusals_are_reasons_to_stop() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    assert events(CREATED, done(call), completed())[-1] == Ended(stop=Stop(reason="tool_calls", raw="completed"))
    assert events(CREATED, delta("refusal", "No."), completed())[-1] == Ended(
        stop=Stop(reason="refusal", raw="completed")
    )


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        (
            {"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "No."}}},
            429,
            "No.",
        ),
        ({"type": "response.completed", "response": {"status": "failed", "error": {"message": "No."}}}, 502, "No."),
        ({"type": "error", "code": "server_is_overloaded", "message": "No."}, 503, "No."),
        ({"type": "error", "error": {"type": "invalid_request_error", "message": "No."}}, 400, "No."),
        ({"error": "No."}, 502, "No."),
        ({"type": "response.failed"}, 502, "The upstream reported an error without saying which."),
    ],
)
def test_an_error_is_a_failure(said: Data, status: int, words: str) -> None:
    for before in ([], [CREATED], [CREATED, delta("output_text", "a")]):
        failed = events(*before, said, completed())[-1]
        assert isinstance(failed, Failed)
        assert (failed.failure.status, failed.failure.message) == (status, words)
        assert failed.failure.at_fault == "upstream"


@pytest.mark.parametrize(
    "said", [[], [CREATED], [CREATED, delta("output_text", "a")], [CREATED, b"data: [DONE]\n\n"], [b": only\n\n"]]
)
def test_a_stream_that_breaks_off_fails(said: list[Any]) -> None:
    failed = events(*said)[-1]
    assert isinstance(failed, Failed)
    assert (failed.failure.status, failed.failure.code) == (502, "upstream_incomplete")


def test_what_cannot_be_read_is_a_failure() -> None:
    failed = events(CREATED, b"data: {broken\n\n", completed())[-1]
    assert isinstance(failed, Failed)
    assert failed.failure.code == "upstream_bad_reply"


NAMES = st.sampled_from(
    [
        *("response.created", "response.completed", "response.failed", "error", "keepalive"),
        *("response.output_item.added", "response.output_item.done", "response.content_part.added"),
        *("response.output_text.delta", "response.output_text.done", "response.output_text.annotation.added"),
        *("response.refusal.delta", "response.reasoning_text.delta", "response.reasoning_summary_text.done"),
        *("response.function_call_arguments.delta", "response.function_call_arguments.done"),
    ]
)
WORDS = st.sampled_from(["message", "reasoning", "function_call", "custom_tool_call", "output_text", "refusal", "x"])
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.text(max_size=4) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["type", "id", "content", "summary", "text", "name", "call_id", "arguments", "annotations", "refusal"]
            ),
            inner,
        )
    ),
    max_leaves=8,
)
ITEMS = st.fixed_dictionaries(
    {"type": WORDS},
    optional={
        "id": st.sampled_from(["a", "b"]) | JSON,
        "content": st.lists(st.fixed_dictionaries({"type": WORDS, "text": JSON}), max_size=2) | JSON,
        "summary": JSON,
        "encrypted_content": JSON,
        "name": st.just("f") | JSON,
        "arguments": JSON,
    },
)
EVENTS = st.fixed_dictionaries(
    {"type": NAMES},
    optional={
        "output_index": st.integers(0, 2) | JSON,
        "content_index": st.integers(0, 1) | JSON,
        "item_id": st.sampled_from(["a", "b"]) | JSON,
        "item": ITEMS | JSON,
        "part": ITEMS | JSON,
        "delta": JSON,
        "text": JSON,
        "annotation": JSON,
        "arguments": JSON,
        "error": JSON,
        "response": st.fixed_dictionaries({}, optional={"output": st.lists(ITEMS, max_size=3), "error": JSON}) | JSON,
    },
)


@given(st.lists(EVENTS | JSON, max_size=8))
def test_whatever_comes_keeps_to_the_grammar(said: list[Any]) -> None:
    events(*(sse.write(jsonx.encode(one)) for one in said))


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    events(data)
