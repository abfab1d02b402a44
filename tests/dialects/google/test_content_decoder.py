from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.google.content_decoder import (
    decode_citations,
    decode_contents,
    decode_instruction,
    decode_logprobs,
    decode_media,
    decode_seal,
    media_kind,
)
from argo_relay.dialects.google.content_encoder import encode_seal
from argo_relay.neutral import seals
from argo_relay.neutral.content import Media, Opaque, Part, Reasoning, Seal, Text, ToolCall, ToolResult

MINE = Seal(issuer="google", kind="thought", value="c2lnbmF0dXJl")
THEIRS = Seal(issuer="anthropic", kind="signature", value="EqQB/+==")


def part(wire: dict[str, Any]) -> Part:
    (message,) = decode_contents([{"role": "user", "parts": [wire]}])
    return message.parts[0]


@pytest.mark.parametrize("seal", [MINE, THEIRS])
def test_seals_come_back(seal: Seal) -> None:
    assert decode_seal(encode_seal(seal)) == seal


@pytest.mark.parametrize("signature", [None, "", 3, {}])
def test_no_text_is_no_seal(signature: Any) -> None:
    assert decode_seal(signature) is None


def test_a_signature_that_only_looks_packed_is_googles() -> None:
    assert decode_seal("YXIxXabc") == Seal(issuer="google", kind="thought", value="YXIxXabc")


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("image/png", "image"),
        ("audio/wav", "audio"),
        ("video/mp4", "video"),
        ("application/pdf", "document"),
        (None, "document"),
    ],
)
def test_mime_types_name_the_kind(media_type: str | None, kind: str) -> None:
    assert media_kind(media_type) == kind


@pytest.mark.parametrize(
    ("wire", "neutral"),
    [
        ({"text": "a"}, Text(text="a")),
        ({"text": "a", "thought": False}, Text(text="a")),
        ({"text": "", "thoughtSignature": MINE.value}, Text(text="", seal=MINE)),
        ({"thoughtSignature": MINE.value}, Text(text="", seal=MINE)),
        ({"text": "a", "thought": True}, Reasoning(text="a", form="summary")),
        ({"thought": True, "thoughtSignature": MINE.value}, Reasoning(form="summary", seal=MINE)),
        (
            {"text": "a", "partMetadata": {"x": 1}},
            Text(text="a", extras={"google": {"part": {"partMetadata": {"x": 1}}}}),
        ),
        (
            {"inlineData": {"mimeType": "image/png", "data": "aGk=", "displayName": "a.png"}},
            Media(
                kind="image",
                media_type="image/png",
                data="aGk=",
                name="a.png",
                extras={"google": {"inner": {"displayName": "a.png"}}},
            ),
        ),
        (
            {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/a.mp4"}, "videoMetadata": {"fps": 1}},
            Media(
                kind="video",
                media_type="video/mp4",
                file="gs://b/a.mp4",
                issuer="google",
                extras={"google": {"part": {"videoMetadata": {"fps": 1}}}},
            ),
        ),
        (
            {"fileData": {"fileUri": "https://example.org/a.pdf"}},
            Media(kind="document", url="https://example.org/a.pdf"),
        ),
        ({"executableCode": {"code": "1"}}, Opaque(dialect="google", payload={"executableCode": {"code": "1"}})),
        ({"inlineData": {}}, Opaque(dialect="google", payload={"inlineData": {}})),
        ({}, Opaque(dialect="google", payload={})),
        ({"functionCall": {"name": 3}}, Opaque(dialect="google", payload={"functionCall": {"name": 3}})),
        ({"functionResponse": {"id": 3}}, Opaque(dialect="google", payload={"functionResponse": {"id": 3}})),
        (
            {
                "functionCall": {"id": "c1", "name": "look", "args": {"b": 1, "a": 123456789012345678901234567890}},
                "thoughtSignature": MINE.value,
            },
            ToolCall(id="c1", name="look", arguments='{"b":1,"a":123456789012345678901234567890}', seal=MINE),
        ),
        ({"functionCall": {"name": "look"}}, ToolCall(id="call_0_0", name="look", extras={"google": {"id": None}})),
    ],
)
def test_parts(wire: dict[str, Any], neutral: Part) -> None:
    assert part(wire) == neutral


def parts(*wire: dict[str, Any]) -> tuple[Part, ...]:
    (message,) = decode_contents([{"role": "model", "parts": list(wire)}])
    return message.parts


def thought(text: str, seal: Seal | None = None) -> dict[str, Any]:
    return {"text": text, "thought": True} | ({"thoughtSignature": encode_seal(seal)} if seal else {})


def test_a_thought_that_our_stream_cut_is_whole_again() -> None:
    call = {"functionCall": {"id": "c1", "name": "look"}}
    pieces = (thought("a"), thought("b"), thought("", THEIRS))
    whole = Reasoning(text="ab", form="summary", seal=THEIRS)
    assert parts(*pieces, call) == (whole, ToolCall(id="c1", name="look"))
    assert parts(*pieces, {"text": "x"}, *pieces) == (whole, Text(text="x"), whole)
    assert parts(thought("ab", THEIRS)) == (whole,)


def test_other_thoughts_stay_apart() -> None:
    redacted = Seal(issuer="anthropic", kind="redacted", value="EqQB")
    for seal, text in ((MINE, ""), (THEIRS, "c"), (redacted, "")):
        one, two = parts(thought("a"), thought(text, seal))
        assert (one, two) == (Reasoning(text="a", form="summary"), Reasoning(text=text, form="summary", seal=seal))
    first, second = parts(thought("a", THEIRS), thought("", THEIRS))
    assert [one.text for one in (first, second) if isinstance(one, Reasoning)] == ["a", ""]


def test_a_seal_in_an_id_is_taken_out() -> None:
    call = part({"functionCall": {"id": seals.with_seal("c1", THEIRS), "name": "look"}})
    assert call == ToolCall(id="c1", name="look", seal=THEIRS)
    (message,) = decode_contents(
        [{"parts": [{"functionResponse": {"id": seals.with_seal("c1", THEIRS), "name": "look"}}]}]
    )
    assert isinstance(message.parts[0], ToolResult)
    assert message.parts[0].call == "c1"


@pytest.mark.parametrize(
    ("response", "parts", "failed"),
    [
        ({"output": "21"}, (Text(text="21"),), None),
        ({"result": "21"}, (Text(text="21"),), None),
        ({"error": "no"}, (Text(text="no"),), True),
        ({"error": {"code": 1}}, (Text(text='{"error":{"code":1}}'),), True),
        ({"output": 21}, (Text(text='{"output":21}'),), None),
        ({"a": 1, "b": "x"}, (Text(text='{"a":1,"b":"x"}'),), None),
        ({}, (), None),
        (None, (), None),
        ("21", (Text(text='"21"'),), None),
    ],
)
def test_results_say_their_object_as_text(response: Any, parts: tuple[Text, ...], failed: bool | None) -> None:
    result = part({"functionResponse": {"id": "c1", "name": "look", "response": response}})
    assert isinstance(result, ToolResult)
    assert (result.parts, result.failed) == (parts, failed)
    assert result.extras.get("google", {}).get("response") == response


def test_media_in_results_are_their_parts() -> None:
    nested = [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]
    result = part({"functionResponse": {"id": "c1", "name": "look", "response": {}, "parts": nested}})
    assert isinstance(result, ToolResult)
    assert result.parts == (Media(kind="image", media_type="image/png", data="aGk="),)
    odd = part({"functionResponse": {"id": "c1", "name": "look", "parts": [{"text": "a"}, "b"]}})
    assert odd == ToolResult(call="c1", name="look", extras={"google": {"parts": [{"text": "a"}, "b"]}})


def answered(*calls: dict[str, Any], results: list[dict[str, Any]]) -> list[str]:
    messages = decode_contents(
        [
            {"role": "model", "parts": [{"functionCall": call} for call in calls]},
            {"role": "user", "parts": [{"functionResponse": result} for result in results]},
        ]
    )
    return [one.call for one in messages[1].parts if isinstance(one, ToolResult)]


@pytest.mark.parametrize(
    ("calls", "results", "matched"),
    [
        ([{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}], ["call_0_1", "call_0_0"]),
        ([{"name": "a"}, {"name": "a"}], [{"name": "a"}, {"name": "a"}], ["call_0_0", "call_0_1"]),
        ([{"name": "a", "id": "1"}, {"name": "a", "id": "2"}], [{"name": "a", "id": "2"}, {"name": "a"}], ["2", "1"]),
        ([{"name": "a"}], [{"name": "a", "id": "own"}], ["call_0_0"]),
        ([{"name": "a", "id": "1"}], [{"name": "a", "id": "other"}], ["other"]),
        ([{"name": "a"}], [{"name": "z"}], ["call_0_0"]),
        ([], [{"name": "z"}], ["call_1_0"]),
    ],
)
def test_results_find_their_calls(
    calls: list[dict[str, Any]], results: list[dict[str, Any]], matched: list[str]
) -> None:
    assert answered(*calls, results=results) == matched


def test_roles() -> None:
    contents: list[dict[str, Any]] = [
        {"parts": {"text": "one part"}},
        {"role": "model", "parts": []},
        {"role": "function", "parts": [{"text": "a"}]},
        {"role": "system", "parts": [{"text": "b"}]},
        {"role": "user", "parts": None, "later": 1},
    ]
    assert [(message.role, message.extras) for message in decode_contents(contents)] == [
        ("user", {}),
        ("assistant", {}),
        ("user", {"google": {"role": "function"}}),
        ("system", {"google": {"inline": True}}),
        ("user", {"google": {"later": 1}}),
    ]


def test_results_that_follow_each_other_are_in_one_message() -> None:
    contents = [
        {"role": "user", "parts": [{"functionResponse": {"id": "1", "name": "a"}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "2", "name": "b"}}]},
        {"role": "user", "parts": [{"text": "and?"}]},
    ]
    assert [len(message.parts) for message in decode_contents(contents)] == [2, 1]


def test_an_instruction_is_the_systems_message() -> None:
    message = decode_instruction({"role": "user", "parts": {"text": "be kind"}})
    assert (message.role, message.parts, message.extras) == (
        "system",
        (Text(text="be kind"),),
        {"google": {"role": "user"}},
    )


def test_grounding_becomes_citations_with_places_in_characters() -> None:
    text = "Zürich ist groß. Bern nicht."
    web = {"web": {"uri": "https://a.test", "title": "A"}}
    held = {"retrievedContext": {"title": "B", "text": "what B says"}}
    candidate = {
        "groundingMetadata": {
            "groundingChunks": [web, held],
            "groundingSupports": [
                {"segment": {"endIndex": 18, "text": "Zürich ist groß."}, "groundingChunkIndices": [0, 9, "x"]},
                {"segment": {"startIndex": 1, "endIndex": 4, "text": "Bern nicht."}, "groundingChunkIndices": [0]},
                {"segment": {"endIndex": 4, "text": "elsewhere"}, "groundingChunkIndices": [0]},
                "odd",
            ],
        },
        "citationMetadata": {
            "citationSources": [{"uri": "https://c.test", "startIndex": 0, "endIndex": 7}, {"license": "x"}]
        },
    }
    found = [(one.url, one.title, one.quote, one.start, one.end) for one in decode_citations(candidate, text)]
    assert found == [
        ("https://a.test", "A", None, 0, 16),
        ("https://a.test", "A", None, 17, 28),
        ("https://a.test", "A", None, None, None),
        (None, "B", "what B says", None, None),
        ("https://c.test", None, None, 0, 6),
    ]


def test_logprobs_become_openais_list() -> None:
    value = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.5, "tokenId": 7}],
        "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.5}]}],
    }
    token = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
    assert decode_logprobs(value) == ({**token, "top_logprobs": [token]},)
    assert decode_logprobs({}) is None
    assert decode_logprobs([]) is None


def test_media_are_found_only_where_they_are_whole() -> None:
    assert decode_media({"inlineData": {"data": 3}, "fileData": "x"}) is None
