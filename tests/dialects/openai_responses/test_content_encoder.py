from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.openai_responses.content_encoder import (
    ItemWriter,
    Open,
    encode_annotation,
    encode_annotations,
    encode_logprobs,
    own_members,
)
from argo_relay.framing import jsonx
from argo_relay.framing.sse import Splitter
from argo_relay.neutral.content import Citation, Media, Opaque, Seal, Text, ToolCall
from argo_relay.neutral.events import StreamedPart
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import Request

ASKED = Request(dialect="openai_responses", model="m", messages=())


def said(wire: bytes) -> list[dict[str, Any]]:
    return [jsonx.decode(frame.data or b"") for frame in Splitter().feed(wire)]


def writer() -> ItemWriter:
    return ItemWriter(ASKED)


def opened(made: ItemWriter, part: StreamedPart) -> Open:
    one = made._open[0] = Open(part)
    return one


def test_marks_of_place_are_no_members() -> None:
    mine = {"message": {"id": "m"}, "joins": True, "lengths": [1], "new": 1}
    assert own_members(Text(text="a", extras={"openai_responses": mine, "google": {"x": 1}})) == {"new": 1}
    assert own_members(Text(text="a")) == {}


@pytest.mark.parametrize(
    ("citation", "annotation"),
    [
        (Citation(dialect="openai_responses", payload={"type": "file_citation"}), {"type": "file_citation"}),
        (Citation(quote="q", dialect="anthropic", payload={"type": "char_location"}), None),
        (
            Citation(url="https://a.test", start=1, end=4, dialect="google", payload={}),
            {"type": "url_citation", "url": "https://a.test", "title": "", "start_index": 1, "end_index": 4},
        ),
    ],
)
def test_citations_need_an_address(citation: Citation, annotation: Any) -> None:
    assert encode_annotation(citation) == annotation
    losses: Losses = []
    assert encode_annotations([citation], "parts[0]", losses) == ([] if annotation is None else [annotation])
    assert [loss.path for loss in losses] == (["parts[0].citations"] if annotation is None else [])


@pytest.mark.parametrize(
    ("one", "full"),
    [
        ({"token": "é", "logprob": -1}, {"token": "é", "logprob": -1, "bytes": [195, 169], "top_logprobs": []}),
        ({"token": "a", "bytes": [97]}, {"token": "a", "bytes": [97], "top_logprobs": []}),
        (
            {"token": "a", "bytes": None, "top_logprobs": [{"token": "b"}, 5]},
            {"token": "a", "bytes": [97], "top_logprobs": [{"token": "b", "bytes": [98]}]},
        ),
        ({}, {"bytes": [], "top_logprobs": []}),
    ],
)
def test_log_probabilities_have_what_types_demand(one: dict[str, Any], full: dict[str, Any]) -> None:
    assert encode_logprobs([one]) == [full]


def test_a_call_waits_for_its_seal() -> None:
    made = writer()
    call = opened(made, ToolCall(id="c", name="f", arguments='{"a":1}'))
    assert made.start_call(call, 0) == b""
    assert [one["type"] for one in said(made._release())] == [
        "response.output_item.added",
        "response.function_call_arguments.delta",
    ]
    assert [one["type"] for one in said(made.end_call(call))] == [
        "response.function_call_arguments.done",
        "response.output_item.done",
    ]
    assert made._output[0]["arguments"] == '{"a":1}'
    assert not made._unfinished


def test_an_image_is_the_work_of_a_tool() -> None:
    made = writer()
    seal = Seal(issuer="google", kind="thought", value="g")
    image = opened(made, Media(kind="image", media_type="image/png", data="aGk=", seal=seal))
    (added,) = said(made.start_media(image, 0))
    (done,) = said(made.end_media(image))
    assert (added["item"]["type"], added["item"]["result"]) == ("image_generation_call", None)
    assert (done["item"]["status"], done["item"]["result"]) == ("completed", "aGk=")
    assert [(loss.path, loss.what) for loss in made.losses] == [("parts[0].seal", "seal")]


def test_a_part_of_a_message_that_nobody_knows_stays_in_its_message() -> None:
    made = writer()
    hologram = {"type": "hologram", "x": 1}
    payload = {"type": "message.content", "part": hologram, "message": {"id": "msg_9"}}
    part = opened(made, Opaque(dialect="openai_responses", payload=payload))
    assert [one["type"] for one in said(made.start_opaque(part, 0))] == [
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert [one["type"] for one in said(made.end_opaque(part) + made._settle("completed"))] == [
        "response.content_part.done",
        "response.output_item.done",
    ]
    assert made._output == [
        {"id": "msg_9", "type": "message", "role": "assistant", "status": "completed", "content": [hologram]}
    ]


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (Media(kind="audio", data="aGk="), "audio"),
        (Media(kind="image", url="https://a.test"), "image"),
        (Opaque(dialect="google", payload={"type": "executableCode"}), "executableCode"),
        (Opaque(dialect="openai_responses", payload=5), "part"),
        (Opaque(dialect="openai_responses", payload={"type": 5}), "part"),
    ],
)
def test_what_cannot_be_shown_is_lost_aloud(part: StreamedPart, what: str) -> None:
    made = writer()
    assert made.lost(part, 0)
    assert [(loss.path, loss.what) for loss in made.losses] == [("parts[0]", what)]


def test_what_can_be_shown_is_not_lost() -> None:
    made = writer()
    image = Media(kind="image", data="aGk=")
    search = Opaque(dialect="openai_responses", payload={"type": "web_search_call"})
    assert not any(made.lost(part, 0) for part in (image, search, Text(text="")))
    assert not made.losses
