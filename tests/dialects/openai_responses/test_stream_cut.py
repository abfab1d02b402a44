"""A relayed Responses stream, ended where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.openai_responses.stream_cut import ResponsesStreamCut
from argo_relay.framing import jsonx
from argo_relay.framing.sse import Splitter, write

RESPONSE = {"id": "resp_1", "object": "response", "status": "in_progress", "output": [], "tools": ["kept"]}
CREATED = {"type": "response.created", "response": RESPONSE}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
CALL = {"id": "fc_1", "type": "function_call", "status": "in_progress", "call_id": "c", "name": "n", "arguments": ""}
PART = {"type": "output_text", "text": "", "annotations": []}


def on(kind: str, at: int = 0, **members: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "output_index": at, **members}


def added(at: int, item: dict[str, Any], **more: Any) -> dict[str, Any]:
    return on("output_item.added", at, item=item | more)


def said(*pieces: str, at: int = 0) -> list[dict[str, Any]]:
    place: dict[str, Any] = {"item_id": "msg_1", "content_index": 0}
    deltas = [on("output_text.delta", at, delta=piece, **place) for piece in pieces]
    return [added(at, MESSAGE), on("content_part.added", at, part=PART, **place), *deltas]


def cut(*events: dict[str, Any]) -> list[Any] | None:
    watch = ResponsesStreamCut()
    noise = b": comment\n\ndata: nonsense\n\ndata: []\n\n"
    written = [
        write(jsonx.encode(event | {"sequence_number": number}), event["type"].encode())
        for number, event in enumerate(events)
    ]
    for frame in Splitter().feed(noise + b"".join(written)):
        watch.feed(frame)
    ending = watch.cut()
    if ending is None:
        return None
    values = []
    for number, frame in enumerate(Splitter().feed(ending), len(events)):
        value = jsonx.decode(frame.data or b"")
        assert (frame.event, value.pop("sequence_number")) == (value["type"].encode(), number)
        values.append(value)
    return values


def test_an_open_message_ends_incomplete_and_so_does_the_response() -> None:
    note = on("output_text.annotation.added", content_index=0, annotation={"type": "url_citation"})
    ended = cut(CREATED, *said("Once ", "upon"), note)
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = PART | {"text": "Once upon", "annotations": [{"type": "url_citation"}]}
    item = MESSAGE | {"status": "incomplete", "content": [part]}
    assert ended == [
        {"type": "response.output_text.done", "text": "Once upon", "logprobs": [], **place},
        {"type": "response.content_part.done", "part": part, **place},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {
            "type": "response.incomplete",
            "response": RESPONSE
            | {"status": "incomplete", "error": None, "incomplete_details": {"reason": "max_output_tokens"}}
            | {"output": [item], "usage": None},
        },
    ]


def test_what_was_done_is_not_done_again() -> None:
    text = on("output_text.done", content_index=0, text="Once")
    kinds = [value["type"] for value in cut(CREATED, *said("Once"), text) or []]
    assert kinds == ["response.content_part.done", "response.output_item.done", "response.incomplete"]
    part = on("content_part.done", content_index=0, part=PART | {"text": "Once"})
    item, last = cut(CREATED, *said("Once"), text, part) or []
    assert item["item"]["content"] == [PART | {"text": "Once"}]
    done = on("output_item.done", item=MESSAGE | {"status": "completed", "content": [PART | {"text": "Once"}]})
    (last,) = cut(CREATED, *said("Once"), text, part, done) or []
    assert last["response"]["output"] == [done["item"]]


def test_a_thought_ends_with_its_summary() -> None:
    item = {"id": "rs_1", "type": "reasoning", "summary": []}
    place: dict[str, Any] = {"item_id": "rs_1", "summary_index": 0}
    ended = cut(
        CREATED,
        added(0, item),
        on("reasoning_summary_part.added", part={"type": "summary_text", "text": ""}, **place),
        on("reasoning_summary_text.delta", delta="Let me", **place),
    )
    assert [value["type"] for value in ended or []] == [
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.incomplete",
    ]
    (thought,) = (ended or [])[-1]["response"]["output"]
    assert thought == item | {"status": "incomplete", "summary": [{"type": "summary_text", "text": "Let me"}]}


def test_a_part_whose_beginning_was_left_out_is_there() -> None:
    item = {"id": "rs_1", "type": "reasoning", "summary": []}
    *_, last = cut(CREATED, added(0, item), on("reasoning_text.delta", content_index=0, delta="Let me")) or []
    assert last["response"]["output"][0]["content"] == [{"type": "reasoning_text", "text": "Let me"}]


@pytest.mark.parametrize(
    ("kind", "item", "member"),
    [
        ("function_call_arguments", CALL, "arguments"),
        ("custom_tool_call_input", CALL | {"type": "custom_tool_call", "input": ""}, "input"),
    ],
)
def test_half_a_call_is_not_done(kind: str, item: dict[str, Any], member: str) -> None:
    (last,) = cut(CREATED, added(0, item), *(on(f"{kind}.delta", delta=piece) for piece in ('{"a":', '"b'))) or []
    assert last["type"] == "response.incomplete"
    assert last["response"]["output"] == [item | {"status": "incomplete", member: '{"a":"b'}]


def test_a_call_of_which_nothing_is_missing_is_done() -> None:
    ended = cut(CREATED, added(0, CALL), on("function_call_arguments.delta", delta='{"a":1}'), *said("So", at=1))
    assert [value["type"] for value in ended or []] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.output_item.done",
        "response.incomplete",
    ]
    first, second = (ended or [])[-1]["response"]["output"]
    assert first == CALL | {"status": "completed", "arguments": '{"a":1}'}
    assert second["status"] == "incomplete"


@pytest.mark.parametrize(
    "events",
    [
        [],
        [added(0, MESSAGE)],
        said(),
        said(""),
        [added(0, {"id": "ws_1", "type": "web_search_call"}), on("web_search_call.searching")],
        [added(0, {"id": "rs_1", "type": "reasoning"}), on("output_item.done", item={"type": "reasoning"})],
        [on("output_item.added", item=None), on("content_part.added", part=None), {"type": "keepalive"}],
    ],
)
def test_what_says_nothing_has_not_been_generated(events: list[dict[str, Any]]) -> None:
    assert cut(CREATED, *events) is None
