from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.google.content_decoder import decode_citations, decode_logprobs
from argo_relay.dialects.google.content_encoder import (
    Citations,
    RequestParts,
    call_arguments,
    encode_call,
    encode_logprobs,
    encode_media,
    encode_reply_part,
    encode_seal,
    lose_mark,
    own_extras,
)
from argo_relay.neutral.content import (
    CacheMark,
    Citation,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from argo_relay.neutral.loss import Losses

MINE = Seal(issuer="google", kind="thought", value="c2ln")
THEIRS = Seal(issuer="anthropic", kind="signature", value="EqQB")
IMAGE = Media(kind="image", media_type="image/png", data="aGk=")
IMAGE_WIRE = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
CITED = Citation(url="https://a.test", title="A", dialect="anthropic", payload={})


def encoded(*parts: Part, own: bool = False, model: str = "gemini-3-flash") -> tuple[list[dict[str, Any]], list[str]]:
    losses: Losses = []
    wire = RequestParts(own=own, model=model, losses=losses).encode(parts, "messages[0]")
    return wire, [f"{loss.what}={loss.how}" for loss in losses]


@pytest.mark.parametrize(
    ("part", "wire", "lost"),
    [
        (Text(text="a"), [{"text": "a"}], []),
        (Text(text=""), [], []),
        (Text(text="a", seal=MINE), [{"text": "a", "thoughtSignature": "c2ln"}], []),
        (Text(text="a", seal=THEIRS), [{"text": "a"}], ["seal=dropped"]),
        (Text(text="a", citations=(CITED,)), [{"text": "a"}], ["citation=dropped"]),
        (Text(text="a", cache=CacheMark(ttl="1h")), [{"text": "a"}], ["cache=dropped", "cache_ttl=dropped"]),
        (Reasoning(text="a"), [], ["reasoning=dropped"]),
        (Reasoning(text="a", seal=THEIRS), [], ["seal=dropped"]),
        (Reasoning(text="a", seal=MINE), [{"text": "a", "thought": True, "thoughtSignature": "c2ln"}], []),
        (Refusal(text="no"), [{"text": "no"}], ["refusal=approximated"]),
        (Refusal(text=""), [], ["refusal=approximated"]),
        (IMAGE, [IMAGE_WIRE], []),
        (Media(kind="document", file="file-1", issuer="openai"), [], ["document=dropped"]),
        (
            Media(kind="document", media_type="application/pdf", data="aGk=", name="a.pdf"),
            [{"inlineData": {"mimeType": "application/pdf", "data": "aGk="}}],
            ["name=dropped"],
        ),
        (Opaque(dialect="google", payload={"executableCode": {}}), [{"executableCode": {}}], []),
        (Opaque(dialect="anthropic", payload={}), [], ["opaque=dropped"]),
        (
            ToolCall(id="c1", name="look", namespace="files", arguments='{"a":1}', seal=MINE),
            [{"functionCall": {"id": "c1", "name": "files__look", "args": {"a": 1}}, "thoughtSignature": "c2ln"}],
            [],
        ),
        (
            ToolResult(call="c1", name="look", parts=(Text(text="a"), Text(text="b"))),
            [{"functionResponse": {"id": "c1", "name": "look", "response": {"output": "a\nb"}}}],
            [],
        ),
        (
            ToolResult(call="c1", parts=(Text(text="no", citations=(CITED,)),), failed=True),
            [{"functionResponse": {"id": "c1", "name": "c1", "response": {"error": "no"}}}],
            ["citation=dropped"],
        ),
        (
            ToolResult(call="c1", name="look"),
            [{"functionResponse": {"id": "c1", "name": "look", "response": {"output": ""}}}],
            [],
        ),
    ],
)
def test_parts_for_an_upstream(part: Part, wire: list[dict[str, Any]], lost: list[str]) -> None:
    assert encoded(part) == (wire, lost)


def test_a_result_has_the_name_of_its_call() -> None:
    call, result = encoded(ToolCall(id="c1", name="look"), ToolResult(call="c1", name="other"))[0]
    assert call["functionCall"]["args"] == {}
    assert result["functionResponse"]["name"] == "look"


def test_media_stand_in_results_where_the_model_takes_them_there() -> None:
    result = ToolResult(call="c1", name="look", parts=(IMAGE, Text(text="a")))
    (wire,), lost = encoded(result)
    assert wire["functionResponse"]["parts"] == [IMAGE_WIRE]
    assert not lost
    wires, lost = encoded(result, result, model="gemini-2.5-pro")
    assert wires[2:] == [IMAGE_WIRE, IMAGE_WIRE]
    assert lost == ["image=moved", "image=moved"]


def test_a_dialects_own_parts_go_back_even_where_they_are_empty() -> None:
    parts = (Text(text=""), Reasoning(text="a"), ToolCall(id="c1", name="look"), ToolResult(call="c1"))
    assert encoded(*parts, own=True) == (
        [
            {"text": ""},
            {"text": "a", "thought": True},
            {"functionCall": {"id": "c1", "name": "look"}},
            {"functionResponse": {"id": "c1"}},
        ],
        [],
    )


@pytest.mark.parametrize(
    ("call", "arguments", "lost"),
    [
        (ToolCall(id="c", name="n"), {}, 0),
        (ToolCall(id="c", name="n", arguments=" "), {}, 0),
        (ToolCall(id="c", name="n", arguments='{"a": [1]}'), {"a": [1]}, 0),
        (ToolCall(id="c", name="n", arguments='{"a":'), {"arguments": '{"a":'}, 1),
        (ToolCall(id="c", name="n", arguments='{"a": "\\ud800"}'), {"a": "\ud800"}, 0),
        (ToolCall(id="c", name="n", arguments="[1]"), {"arguments": "[1]"}, 1),
        (ToolCall(id="c", name="n", arguments="\ud800"), {"arguments": "\ud800"}, 1),
        (ToolCall(id="c", name="n", arguments="*** Begin", kind="custom"), {"input": "*** Begin"}, 0),
    ],
)
def test_arguments_become_an_object(call: ToolCall, arguments: dict[str, Any], lost: int) -> None:
    losses: Losses = []
    assert call_arguments(call, "p", losses) == arguments
    assert len(losses) == lost


def test_an_id_that_was_made_up_is_left_out() -> None:
    call = ToolCall(id="call_0", name="n", extras={"google": {"id": None, "inner": {"x": 1}, "part": {"y": 2}}})
    assert encode_call(call, "p", []) == {"functionCall": {"name": "n", "args": {}, "x": 1}, "y": 2}
    assert own_extras(call, "part") == {"y": 2}
    assert own_extras(call, "id") == {}


@pytest.mark.parametrize(
    ("media", "wire"),
    [
        (
            Media(kind="image", url="https://a.test/x.PNG?y=1"),
            {"fileData": {"mimeType": "image/png", "fileUri": "https://a.test/x.PNG?y=1"}},
        ),
        (
            Media(kind="video", url="https://a.test/x"),
            {"fileData": {"mimeType": "video/mp4", "fileUri": "https://a.test/x"}},
        ),
        (Media(kind="document", text="é"), {"inlineData": {"mimeType": "text/plain", "data": "w6k="}}),
        (Media(kind="audio", file="gs://a", issuer="google"), {"fileData": {"fileUri": "gs://a"}}),
        (Media(kind="image", file="f", issuer="anthropic"), None),
        (Media(kind="document", name="a.csv", data="aGk="), {"inlineData": {"mimeType": "text/csv", "data": "aGk="}}),
    ],
)
def test_media_of_every_source(media: Media, wire: dict[str, Any] | None) -> None:
    assert encode_media(media) == wire


@pytest.mark.parametrize(
    ("part", "wire", "lost"),
    [
        (Text(text=""), None, 0),
        (Text(text="", seal=THEIRS), {"text": "", "thoughtSignature": encode_seal(THEIRS)}, 0),
        (Reasoning(seal=MINE), {"text": "", "thought": True, "thoughtSignature": "c2ln"}, 0),
        (Refusal(text="no"), {"text": "no"}, 1),
        (Opaque(dialect="nobody", payload={}), None, 1),
        (Opaque(dialect="google", payload={"toolCall": {}}), {"toolCall": {}}, 0),
        (Media(kind="image", file="f", issuer="openai"), None, 1),
        (ToolResult(call="c"), None, 1),
    ],
)
def test_parts_for_a_client(part: Part, wire: dict[str, Any] | None, lost: int) -> None:
    losses: Losses = []
    assert encode_reply_part(part, "p", losses) == wire
    assert len(losses) == lost


def test_a_mark_is_lost_with_its_time() -> None:
    losses: Losses = []
    lose_mark(CacheMark(), "p", losses)
    assert [loss.what for loss in losses] == ["cache"]


def test_other_dialects_citations_become_grounding_with_places_in_bytes() -> None:
    citations, losses = Citations(), Losses()
    citations.add("é: ", (), "p", losses)
    citations.add("größer", (CITED, Citation(title="A", start=1, end=3, dialect="x", payload={})), "p", losses)
    citations.add("z", (Citation(quote="q", dialect="x", payload={}),), "p", losses)
    assert citations.metadata() == {
        "groundingMetadata": {
            "groundingChunks": [{"web": {"uri": "https://a.test", "title": "A"}}, {"web": {"title": "A"}}],
            "groundingSupports": [
                {"segment": {"startIndex": 4, "endIndex": 12, "text": "größer"}, "groundingChunkIndices": [0]},
                {"segment": {"startIndex": 5, "endIndex": 8, "text": "rö"}, "groundingChunkIndices": [1]},
            ],
        }
    }
    assert [loss.what for loss in losses] == ["citation"]


def test_own_citations_go_back() -> None:
    chunks = [
        {"web": {"uri": "https://a.test"}},
        {"web": {"uri": "https://b.test"}},
        {"web": {"uri": "https://b.test"}},
    ]
    candidate = {
        "groundingMetadata": {
            "groundingChunks": chunks,
            "groundingSupports": [{"segment": {"endIndex": 2, "text": "ab"}, "groundingChunkIndices": [0, 1]}],
        },
        "citationMetadata": {"citationSources": [{"uri": "https://c.test", "endIndex": 1}]},
    }
    citations = Citations()
    citations.add("ab", decode_citations(candidate, "ab"), "p", [])
    assert citations.metadata() == candidate


def test_nothing_cited_is_nothing_said() -> None:
    assert Citations().metadata() == {}


def test_logprobs_go_both_ways() -> None:
    value = {
        "chosenCandidates": [{"token": "a", "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1}]}],
    }
    logprobs = decode_logprobs(value)
    assert logprobs is not None
    assert encode_logprobs(logprobs) == value
