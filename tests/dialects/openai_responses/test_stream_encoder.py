from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from argo_relay.dialects.base import encode_events
from argo_relay.dialects.openai_responses.stream_decoder import ResponsesStreamDecoder
from argo_relay.dialects.openai_responses.stream_encoder import ResponsesStreamEncoder
from argo_relay.framing import jsonx
from argo_relay.framing.sse import Splitter
from argo_relay.neutral import seals
from argo_relay.neutral.content import Citation, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall
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
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.fold import Fold, unfold
from argo_relay.neutral.reply import Reply, Stop, Usage
from argo_relay.neutral.request import Message, Request
from argo_relay.neutral.tools import CustomTool, FunctionTool
from support.grammar import Grammar
from support.replies import interleaved

ASKED = Request(dialect="openai_responses", model="m", messages=(), stream=True)
STARTED = Started(id="1", model="gpt")
ENDED = Ended(stop=Stop(reason="end"))
FOREIGN = Seal(issuer="anthropic", kind="signature", value="s")


def read(wire: bytes) -> list[dict[str, Any]]:
    """Return the events of a stream, which must say their kind twice and count from 0."""
    frames = Splitter().feed(wire)
    said = [jsonx.decode(frame.data or b"") for frame in frames]
    assert [one["type"].encode() for one in said] == [frame.event for frame in frames]
    assert [one["sequence_number"] for one in said] == list(range(len(said)))
    return said


def written(*events: Event, asked: Request = ASKED) -> list[dict[str, Any]]:
    return read(encode_events(ResponsesStreamEncoder(asked), events))


def spoken(*parts: Part, asked: Request = ASKED) -> list[dict[str, Any]]:
    """Return what stands between `response.in_progress` and the last event, for whole parts."""
    said = written(*unfold(Reply(id="1", model="gpt", parts=parts, stop=Stop(reason="end"))), asked=asked)
    assert [one["type"] for one in said[:2]] == ["response.created", "response.in_progress"]
    assert said[-1]["type"] == "response.completed"
    done = [one["item"] for one in said if one["type"] == "response.output_item.done"]
    assert said[-1]["response"]["output"] == done
    return said[2:-1]


def kinds(said: list[dict[str, Any]]) -> list[str]:
    return [one["type"].removeprefix("response.") for one in said]


def started(index: int, part: Any) -> PartStarted:
    return PartStarted(index=index, part=part)


def test_a_stream_of_text() -> None:
    usage = UsageSeen(usage=Usage(input=3, output=2))
    said = written(
        Started(id="1", model="gpt", created=7, service_tier="default"),
        started(0, Text(text="")),
        TextDelta(index=0, text="Hel"),
        TextDelta(index=0, text="lo"),
        PartEnded(index=0),
        usage,
        ENDED,
    )
    assert kinds(said) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    item = {"id": "msg_1_0", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    text = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
    place = {"item_id": "msg_1_0", "output_index": 0, "content_index": 0}
    assert [
        {key: value for key, value in one.items() if key not in ("type", "sequence_number")} for one in said[2:9]
    ] == [
        {"output_index": 0, "item": item},
        {**place, "part": {**text, "text": ""}},
        {**place, "logprobs": [], "delta": "Hel"},
        {**place, "logprobs": [], "delta": "lo"},
        {**place, "text": "Hello", "logprobs": []},
        {**place, "part": text},
        {"output_index": 0, "item": {**item, "status": "completed", "content": [text]}},
    ]
    first, last = said[0]["response"], said[-1]["response"]
    assert (first["id"], first["status"], first["output"], first["usage"]) == ("resp_1", "in_progress", [], None)
    assert (last["id"], last["status"], last["model"], last["created_at"]) == ("resp_1", "completed", "gpt", 7)
    assert (last["service_tier"], last["output"]) == ("default", [said[8]["item"]])
    assert (last["usage"]["input_tokens"], last["usage"]["output_tokens"]) == (3, 2)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("resp_9", "resp_9"),
        ("gen-9", "gen-9"),
        ("7e8e81c2-66b0-9294", "7e8e81c2-66b0-9294"),
        ("chatcmpl-9", "resp_chatcmpl-9"),
        ("", "resp_"),
    ],
)
def test_an_id_that_its_upstream_knows_stays(given: str, told: str) -> None:
    assert written(Started(id=given, model="m"))[0]["response"]["id"] == told


def test_a_sign_of_life_before_the_start_begins_the_response() -> None:
    said = written(Heartbeat(), Heartbeat(), STARTED, Heartbeat(), *list(unfold(REPLY))[1:])
    assert kinds(said[:4]) == ["created", "in_progress", "in_progress", "in_progress"]
    lives = [one["response"] for one in said if "response" in one]
    assert len({life["id"] for life in lives}) == 1
    assert lives[0]["id"].startswith("resp_")
    assert [life["model"] for life in lives] == ["m", "m", "m", "gpt", "gpt"]
    items = [one["item"]["id"] for one in said if one["type"] == "response.output_item.added"]
    assert items == [f"msg_{lives[0]['id'].removeprefix('resp_')}_0"]


REPLY = Reply(id="1", model="gpt", parts=(Text(text="Hi."),), stop=Stop(reason="end"))


def test_a_made_id_is_the_requests_own() -> None:
    other = Request(dialect="openai_responses", model="m", messages=(Message(role="user", parts=(Text(text="a"),)),))
    names = [written(Heartbeat(), asked=asked)[0]["response"]["id"] for asked in (ASKED, ASKED, other)]
    assert names[0] == names[1] != names[2]


def test_a_sign_of_life_repeats_what_is_known() -> None:
    said = written(STARTED, started(0, Text(text="a")), Heartbeat())
    assert said[-1]["type"] == "response.in_progress"
    assert said[-1]["response"] == said[1]["response"]


def test_thoughts_are_summaries_that_clients_give_back() -> None:
    said = spoken(Reasoning(text="Hm.", seal=FOREIGN))
    assert kinds(said) == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert said[2] | {"sequence_number": 0} == {
        "type": "response.reasoning_summary_text.delta",
        "sequence_number": 0,
        "item_id": "rs_1_0",
        "output_index": 0,
        "summary_index": 0,
        "delta": "Hm.",
    }
    assert said[-1]["item"] == {
        "id": "rs_1_0",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": seals.pack(FOREIGN),
    }


def test_a_full_thought_of_this_dialect_stays_one() -> None:
    said = spoken(Reasoning(text="Hm.", item="rs_9"))
    assert kinds(said)[1:5] == [
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
    ]
    assert said[-1]["item"]["content"] == [{"type": "reasoning_text", "text": "Hm."}]
    assert said[-1]["item"]["id"] == "rs_9"


def test_a_seal_alone_is_an_item() -> None:
    own = Seal(issuer="openai", kind="encrypted", value="gAAA")
    said = spoken(Reasoning(seal=own, form="summary", item="rs_9"))
    item = {"id": "rs_9", "type": "reasoning", "summary": []}
    assert [one["item"] for one in said] == [item, {**item, "encrypted_content": "gAAA"}]


def test_a_call_is_written_as_it_comes() -> None:
    encoder = ResponsesStreamEncoder(ASKED)
    encoder.feed(STARTED)
    call = started(0, ToolCall(id="c", name="look"))
    assert encode_events(encoder, (call, ArgumentsDelta(index=0, text='{"a"'))) == b""
    assert encoder.feed(ArgumentsDelta(index=0, text=":")).count(b"event: ") == 3
    assert encoder.feed(ArgumentsDelta(index=0, text="1}")).count(b"event: ") == 1
    done = Splitter().feed(encoder.feed(PartEnded(index=0)))
    assert [frame.event for frame in done] == [
        b"response.function_call_arguments.done",
        b"response.output_item.done",
    ]
    assert jsonx.decode(done[0].data or b"")["arguments"] == '{"a":1}'
    assert jsonx.decode(done[1].data or b"")["item"] == {
        "id": "fc_1_0",
        "type": "function_call",
        "status": "completed",
        "call_id": "c",
        "name": "look",
        "arguments": '{"a":1}',
    }


def test_a_foreign_seal_stands_in_the_calls_id() -> None:
    late = written(
        STARTED,
        started(0, ToolCall(id="c", name="look")),
        ArgumentsDelta(index=0, text="{}"),
        SealDelta(index=0, seal=FOREIGN),
        PartEnded(index=0),
        ENDED,
    )
    assert late[2]["item"]["call_id"] == seals.with_seal("c", FOREIGN)
    early = spoken(ToolCall(id="c", name="look", arguments="{}", seal=FOREIGN))
    assert early[-1]["item"]["call_id"] == seals.with_seal("c", FOREIGN)


def test_a_seal_that_comes_too_late_is_a_loss() -> None:
    encoder = ResponsesStreamEncoder(ASKED)
    call: list[Event] = [STARTED, started(0, ToolCall(id="c", name="look"))]
    call += [ArgumentsDelta(index=0, text="{"), ArgumentsDelta(index=0, text="}"), SealDelta(index=0, seal=FOREIGN)]
    encode_events(encoder, call)
    assert [(loss.path, loss.what) for loss in encoder.losses] == [("parts[0].seal", "seal")]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    said = spoken(ToolCall(id="c", name="look"))
    assert [one["delta"] for one in said if "delta" in one] == ["{}"]
    assert said[-1]["item"]["arguments"] == "{}"


def test_free_text_is_taken_out_of_the_arguments_of_other_dialects() -> None:
    asked = Request(
        dialect="openai_responses",
        model="m",
        messages=(),
        tools=(CustomTool(name="patch"), FunctionTool(name="read", namespace="files")),
    )
    said = spoken(
        ToolCall(id="c", name="patch", arguments='{"input":"*** Begin\\n"}'),
        ToolCall(id="d", name="files__read", arguments="{}"),
        ToolCall(id="e", name="patch", arguments="bare", kind="custom"),
        asked=asked,
    )
    done = [one["item"] for one in said if one["type"] == "response.output_item.done"]
    assert [(item["type"], item["name"], item.get("namespace")) for item in done] == [
        ("custom_tool_call", "patch", None),
        ("function_call", "read", "files"),
        ("custom_tool_call", "patch", None),
    ]
    assert [item.get("input") for item in done] == ["*** Begin\n", None, "bare"]
    assert [item["id"] for item in done] == ["ctc_1_0", "fc_1_1", "ctc_1_2"]
    assert [one["delta"] for one in said if one["type"] == "response.custom_tool_call_input.delta"] == [
        "*** Begin\n",
        "bare",
    ]


def test_parts_that_are_open_at_once_keep_their_places() -> None:
    said = written(
        STARTED,
        started(0, Text(text="")),
        started(1, ToolCall(id="c1", name="f")),
        started(2, ToolCall(id="c2", name="g")),
        ArgumentsDelta(index=2, text='{"b":'),
        ArgumentsDelta(index=1, text='{"a":'),
        TextDelta(index=0, text="hi"),
        ArgumentsDelta(index=2, text="2}"),
        PartEnded(index=2),
        PartEnded(index=0),
        ArgumentsDelta(index=1, text="1}"),
        PartEnded(index=1),
        ENDED,
    )
    assert [(one["output_index"], one["item"]["type"]) for one in said if one["type"].endswith("item.added")] == [
        (0, "message"),
        (1, "function_call"),
        (2, "function_call"),
    ]
    grown: dict[str, str] = {}
    for one in said:
        if "delta" in one:
            grown[one["item_id"]] = grown.get(one["item_id"], "") + one["delta"]
    assert grown == {"msg_1_0": "hi", "fc_1_1": '{"a":1}', "fc_1_2": '{"b":2}'}
    output = said[-1]["response"]["output"]
    assert [item.get("call_id") for item in output] == [None, "c1", "c2"]
    assert output[0]["content"][0]["text"] == "hi"


def test_parts_of_one_item_join_again() -> None:
    first = {"openai_responses": {"message": {"id": "msg_9"}}}
    joins = {"openai_responses": {"joins": True}}
    said = spoken(Text(text="a", extras=first), Text(text="b", extras=joins), Text(text="c"))
    done = [one["item"] for one in said if one["type"] == "response.output_item.done"]
    assert [(item["id"], [part["text"] for part in item["content"]]) for item in done] == [
        ("msg_9", ["a", "b"]),
        ("msg_1_1", ["c"]),
    ]
    assert [one["content_index"] for one in said if one["type"] == "response.content_part.added"] == [0, 1, 0]


def test_refusals_and_citations() -> None:
    own = Citation(dialect="openai_responses", payload={"type": "file_citation", "file_id": "f"})
    site = Citation(url="https://a.test", title="A", start=0, end=2, dialect="anthropic", payload={})
    encoder = ResponsesStreamEncoder(ASKED)
    wire = encode_events(
        encoder,
        [
            STARTED,
            started(0, Text(text="")),
            TextDelta(index=0, text="Hi"),
            Cited(index=0, citation=own),
            Cited(index=0, citation=site),
            Cited(index=0, citation=Citation(quote="q", dialect="anthropic", payload={})),
            PartEnded(index=0),
            started(1, Refusal(text="No")),
            TextDelta(index=1, text="."),
            PartEnded(index=1),
            Ended(stop=Stop(reason="refusal")),
        ],
    )
    said = read(wire)
    added = [one for one in said if one["type"] == "response.output_text.annotation.added"]
    assert [one["annotation_index"] for one in added] == [0, 1]
    address = {"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 2}
    assert [one["annotation"] for one in added] == [own.payload, address]
    assert [one["delta"] for one in said if one["type"] == "response.refusal.delta"] == ["No", "."]
    text, refusal = said[-1]["response"]["output"]
    assert text["content"][0]["annotations"] == [own.payload, address]
    assert refusal["content"] == [{"type": "refusal", "refusal": "No."}]
    assert said[-1]["type"] == "response.completed"
    assert [loss.what for loss in encoder.losses] == ["citation"]


def test_log_probabilities_are_complete() -> None:
    one = {"token": "é", "logprob": -0.5}
    full = {**one, "bytes": [195, 169], "top_logprobs": []}
    said = written(
        STARTED, started(0, Text(text="")), TextDelta(index=0, text="é", logprobs=(one,)), PartEnded(index=0)
    )
    assert [event["logprobs"] for event in said if "logprobs" in event] == [[full], [full]]


@pytest.mark.parametrize(
    ("stop", "kind", "status", "details"),
    [
        (Stop(reason="end"), "response.completed", "completed", None),
        (Stop(reason="length"), "response.incomplete", "incomplete", {"reason": "max_output_tokens"}),
        (Stop(reason="content_filter"), "response.incomplete", "incomplete", {"reason": "content_filter"}),
        (Stop(reason="pause"), "response.incomplete", "incomplete", None),
    ],
)
def test_how_it_ended_is_said(stop: Stop, kind: str, status: str, details: Any) -> None:
    said = written(STARTED, started(0, Text(text="a")), PartEnded(index=0), Ended(stop=stop))
    assert (said[-1]["type"], said[-1]["response"]["status"]) == (kind, status)
    assert said[-1]["response"]["incomplete_details"] == details
    assert said[-2]["item"]["status"] == status


def test_a_failure_ends_the_response() -> None:
    failed = Failed(failure=Failure(kind=FailureKind.RATE_LIMIT, status=429, message="Slow down."))
    said = written(
        STARTED,
        started(0, Text(text="a")),
        PartEnded(index=0),
        started(1, ToolCall(id="c", name="f", arguments='{"a')),
        ArgumentsDelta(index=1, text='":'),
        ArgumentsDelta(index=1, text="1"),
        failed,
    )
    last = said[-1]["response"]
    assert (said[-1]["type"], last["status"]) == ("response.failed", "failed")
    assert last["error"] == {"code": "rate_limit_exceeded", "message": "Slow down."}
    # A call that was cut off is no call.
    assert [item["type"] for item in last["output"]] == ["message"]


def test_a_failure_before_the_start_begins_the_response() -> None:
    failed = Failed(failure=Failure(kind=FailureKind.TIMEOUT, status=504, message="Late."))
    said = written(failed)
    assert kinds(said) == ["created", "in_progress", "failed"]
    assert said[0]["response"]["id"] == said[2]["response"]["id"]


def test_what_only_this_dialect_knows_comes_out_whole() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    said = spoken(Opaque(dialect="openai_responses", payload=search))
    assert [one["item"] for one in said] == [search, search]
    encoder = ResponsesStreamEncoder(ASKED)
    foreign = Opaque(dialect="google", payload={"type": "executableCode"})
    wire = encode_events(encoder, [STARTED, started(0, foreign), PartEnded(index=0)])
    assert wire.count(b"event: ") == 2
    assert [(loss.path, loss.what) for loss in encoder.losses] == [("parts[0]", "executableCode")]


def test_what_is_lost_does_not_part_what_belongs_together() -> None:
    joins = {"openai_responses": {"joins": True}}
    lost = Opaque(dialect="google", payload={"type": "x"})
    said = spoken(Text(text="a"), lost, Text(text="b", extras=joins))
    assert [part["text"] for part in said[-1]["item"]["content"]] == ["a", "b"]


@given(interleaved())
def test_any_stream_is_written_in_order(events: list[Event]) -> None:
    encoder = ResponsesStreamEncoder(ASKED)
    said = read(encode_events(encoder, events))
    assert len({one["response"]["id"] for one in said if "response" in one}) == 1
    added: dict[int, Any] = {}
    done: dict[int, Any] = {}
    slots: set[tuple[int, int]] = set()
    for one in said:
        kind, at = one["type"], one.get("output_index")
        if kind == "response.output_item.added":
            assert at == len(added)
            added[at] = one["item"]
        elif kind == "response.output_item.done":
            assert at in added
            assert at not in done
            done[at] = one["item"]
        elif at is not None:
            assert at in added
            assert at not in done
            assert one["item_id"] == added[at].get("id")
        if kind == "response.content_part.added":
            slots.add((one["output_index"], one["content_index"]))
        elif "content_index" in one:
            assert (one["output_index"], one["content_index"]) in slots
    if isinstance(events[-1], Ended):
        assert said[-1]["response"]["output"] == [done[at] for at in range(len(added))]
    else:
        assert said[-1]["type"] == "response.failed"


@given(interleaved())
def test_any_stream_can_be_read_back(events: list[Event]) -> None:
    decoder, grammar, before, after = ResponsesStreamDecoder(), Grammar(), Fold(), Fold()
    for event in events:
        before.feed(event)
    frames = Splitter().feed(encode_events(ResponsesStreamEncoder(ASKED), events))
    for event in [*(event for frame in frames for event in decoder.feed(frame)), *decoder.finish()]:
        grammar.feed(event)
        after.feed(event)
    grammar.finish()
    if before.stop is None:
        assert after.failure is not None
        assert after.failure.message == "It broke."
        return
    want, got = before.reply(), after.reply()
    assert [part.text for part in got.parts if isinstance(part, Text)] == [
        part.text for part in want.parts if isinstance(part, Text)
    ]
    assert [part.text for part in got.parts if isinstance(part, Reasoning)] == [
        part.text for part in want.parts if isinstance(part, Reasoning)
    ]
    assert [part.text for part in got.parts if isinstance(part, Refusal)] == [
        part.text for part in want.parts if isinstance(part, Refusal)
    ]
    assert [(part.name, part.arguments, part.kind) for part in got.parts if isinstance(part, ToolCall)] == [
        (part.name, part.arguments or ("" if part.kind == "custom" else "{}"), part.kind)
        for part in want.parts
        if isinstance(part, ToolCall)
    ]


LENGTH = Ended(stop=Stop(reason="length"))


def test_what_is_cut_ends_incomplete_and_no_call_is_done() -> None:
    said = written(
        Started(id="1", model="gpt"),
        started(0, Reasoning()),
        TextDelta(index=0, text="Let me"),
        started(1, Text(text="")),
        TextDelta(index=1, text="So"),
        started(2, ToolCall(id="c2", name="n")),
        ArgumentsDelta(index=2, text='{"a":'),
        ArgumentsDelta(index=2, text='"b'),
        started(3, ToolCall(id="c3", name="n")),
        ArgumentsDelta(index=3, text="{"),
        *(PartEnded(index=index, cut=True) for index in range(4)),
        LENGTH,
    )
    done = [one["item"] for one in said if one["type"] == "response.output_item.done"]
    assert [(item["type"], item["status"]) for item in done] == [("reasoning", "incomplete"), ("message", "incomplete")]
    assert not [one for one in said if one["type"] == "response.function_call_arguments.done"]
    response = said[-1]["response"]
    assert (said[-1]["type"], response["status"]) == ("response.incomplete", "incomplete")
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    *_, half = response["output"]
    assert response["output"][:-1] == done
    assert (half["call_id"], half["status"], half["arguments"]) == ("c2", "incomplete", '{"a":"b')
