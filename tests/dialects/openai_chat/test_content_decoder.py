from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.openai_chat.content_decoder import (
    Origin,
    decode_cache,
    decode_call,
    decode_citation,
    decode_content,
    decode_detail,
    decode_images,
    decode_logprobs,
    decode_part,
    decode_reasoning,
    decode_said,
    decode_signature,
    encode_cache,
    encode_logprobs,
    located,
    text_of_arguments,
)
from argo_relay.neutral import seals
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
)
from support.replies import JSON, SEALS

CLIENT = Origin(client=True)
UPSTREAM = Origin(client=False)
SIGNED = Seal(issuer="anthropic", kind="signature", value="EqQB")


def own(**members: Any) -> dict[str, dict[str, Any]]:
    return {"openai_chat": members}


@pytest.mark.parametrize(
    ("part", "made"),
    [
        ({"type": "text", "text": "Hi."}, Text(text="Hi.")),
        (
            {"type": "text", "text": "Hi.", "cache_control": {"type": "ephemeral", "ttl": "1h"}, "x": 1},
            Text(text="Hi.", cache=CacheMark(ttl="1h"), extras=own(x=1)),
        ),
        (
            {"type": "text", "text": "Hi.", "cache_control": {"type": "ephemeral", "ttl": "9h"}},
            Text(text="Hi.", cache=CacheMark(), extras=own(cache_control={"type": "ephemeral", "ttl": "9h"})),
        ),
        ({"type": "refusal", "refusal": "No."}, Refusal(text="No.", extras=own(inline=True))),
        (
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
            Media(kind="image", url="https://example.org/a.png", detail="low"),
        ),
        (
            {"type": "image_url", "image_url": "data:image/png;base64,aGk="},
            Media(kind="image", media_type="image/png", data="aGk="),
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://example.org", "fps": 2}, "y": 1},
            Media(kind="image", url="https://example.org", extras=own(y=1, image_url={"fps": 2})),
        ),
        (
            {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,aGk="}},
            Media(kind="video", media_type="video/mp4", data="aGk="),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
            Media(kind="audio", media_type="audio/mpeg", data="aGk="),
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}},
            Media(kind="document", media_type="application/pdf", data="aGk=", name="a.pdf"),
        ),
        ({"type": "file", "file": {"file_data": "aGk="}}, Media(kind="document", data="aGk=")),
        ({"type": "file", "file": {"file_id": "file-1"}}, Media(kind="document", file="file-1", issuer="openai_chat")),
        (
            {"type": "document_url", "document_url": "https://example.org/a.pdf", "document_name": "a"},
            Media(kind="document", url="https://example.org/a.pdf", name="a", extras=own(document_url=True)),
        ),
        (
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}, {"type": "text", "text": "m."}]},
            Reasoning(text="Hmm.", extras=own(chunk={})),
        ),
    ],
)
def test_parts_that_are_known(part: dict[str, Any], made: Part) -> None:
    assert decode_part(part, CLIENT) == made


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"type": ["text"]},
        {"type": "text"},
        {"type": "refusal", "refusal": None},
        {"type": "image_url", "image_url": {"url": 5}},
        {"type": "video_url", "video_url": None},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "ogg"}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": ["wav"]}},
        {"type": "input_audio", "input_audio": "aGk="},
        {"type": "file", "file": {"file_data": "aGk=", "file_id": "file-1"}},
        {"type": "file", "file": []},
        {"type": "document_url", "document_url": {}},
        {"type": "thinking", "thinking": 5},
        {"type": "thinking", "thinking": [{"type": "reference", "ids": [1]}]},
        {"type": "reference", "reference_ids": [1]},
    ],
)
def test_parts_that_are_not_known_come_whole(part: dict[str, Any]) -> None:
    assert decode_part(part, CLIENT) == Opaque(dialect="openai_chat", payload=part)


def test_what_only_a_client_must_get_back_is_not_kept_of_a_reply() -> None:
    thinking = {
        "type": "thinking",
        "thinking": [{"type": "text", "text": "Hm."}, {"type": "reference"}],
        "closed": True,
    }
    assert decode_part(thinking, UPSTREAM) == Reasoning(text="Hm.")
    assert decode_part({"type": "thinking", "thinking": "Hm."}, UPSTREAM) == Reasoning(text="Hm.")
    assert decode_part({"type": "refusal", "refusal": "No."}, UPSTREAM) == Refusal(text="No.")


@pytest.mark.parametrize("content", [None, "", []])
def test_no_content(content: Any) -> None:
    assert decode_content(content, CLIENT) == []


def test_a_content_is_a_text_or_a_list() -> None:
    assert decode_content("Hi.", CLIENT) == [Text(text="Hi.")]
    assert decode_content([{"type": "text", "text": "Hi."}, 5], CLIENT) == [Text(text="Hi.")]


@pytest.mark.parametrize("mark", [CacheMark(), CacheMark(ttl="5m"), CacheMark(ttl="1h")])
def test_cache_marks_go_both_ways(mark: CacheMark) -> None:
    assert decode_cache(encode_cache(mark)) == mark


@pytest.mark.parametrize("value", [None, 5, {}, {"type": "persistent"}])
def test_what_is_no_cache_mark(value: Any) -> None:
    assert decode_cache(value) is None


def test_a_data_url_is_data() -> None:
    assert located("data:image/svg+xml;base64,aGk=") == {"media_type": "image/svg+xml", "data": "aGk="}
    assert located("data:,hi") == {"url": "data:,hi"}


# ------------------------------------------------------------------------------------------- what an assistant said


def test_what_a_client_says_that_an_assistant_said() -> None:
    message = {
        "role": "assistant",
        "reasoning_content": "Hm.",
        "content": "Hi.",
        "refusal": "No.",
        "audio": {"id": "audio_1"},
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
            "x",
            {"type": "function", "function": {"name": "look"}},
        ],
    }
    assert decode_said(message, Origin(client=True, spare="call_7")) == [
        Reasoning(text="Hm."),
        Text(text="Hi."),
        Refusal(text="No."),
        Media(kind="audio", file="audio_1", issuer="openai_chat"),
        ToolCall(id="c1", name="look", arguments="{}"),
        ToolCall(id="call_7_2", name="look"),
    ]


def test_a_function_of_the_time_before_tools() -> None:
    message = {"content": None, "function_call": {"name": "look", "arguments": "{}"}}
    assert decode_said(message, CLIENT) == [ToolCall(id="call_0", name="look", arguments="{}", extras=own(legacy=True))]
    assert decode_said({"function_call": {"name": "", "arguments": ""}}, CLIENT) == []


def test_a_custom_tools_call() -> None:
    call = {"id": "c1", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}
    made = ToolCall(id="c1", name="patch", arguments="*** Begin", kind="custom")
    assert decode_call(call, "spare", client=True) == made


@pytest.mark.parametrize("call", [{}, {"function": "look"}, {"function": {"name": 5}}, {"function": {"name": ""}}])
def test_a_call_that_calls_nothing_is_none(call: dict[str, Any]) -> None:
    assert decode_call(call, "spare", client=True) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [("{}", "{}"), ("", ""), (None, ""), ({"a": 1}, '{"a":1}'), ({}, "{}"), (5, "5"), ("{broken", "{broken")],
)
def test_arguments_are_text(value: Any, text: str) -> None:
    assert text_of_arguments(value) == text


@given(SEALS)
def test_a_clients_call_brings_a_seal_home_in_its_id(seal: Seal) -> None:
    call = {"id": seals.with_seal("c1", seal), "function": {"name": "look"}}
    assert decode_call(call, "spare", client=True) == ToolCall(id="c1", name="look", seal=seal)
    # An upstream's id is what it is.
    made = decode_call(call, "spare", client=False)
    assert made is not None
    assert (made.id, made.seal) == (call["id"], None)


def test_geminis_signature() -> None:
    extra = {"google": {"thought_signature": "c2ln", "x": 1}, "y": 2}
    seal = Seal(issuer="google", kind="thought", value="c2ln")
    assert decode_signature(extra, client=True) == (seal, {"google": {"x": 1}, "y": 2})
    packed = {"google": {"thought_signature": seals.pack(SIGNED)}}
    assert decode_signature(packed, client=True) == (SIGNED, {})
    assert decode_signature({"google": "x"}, client=True) == (None, {"google": "x"})
    assert decode_signature("x", client=True) == (None, {})


# ------------------------------------------------------------------------------------------------------- thoughts


@pytest.mark.parametrize(
    ("message", "thoughts"),
    [
        ({}, []),
        ({"reasoning_content": "", "reasoning": None, "reasoning_details": "x"}, []),
        ({"reasoning_content": "Hm."}, [Reasoning(text="Hm.")]),
        ({"reasoning": "Hm."}, [Reasoning(text="Hm.", extras=own(plain={"reasoning": "Hm."}))]),
        (
            {"reasoning_content": "Hm.", "reasoning": "Hm."},
            [Reasoning(text="Hm.", extras=own(plain={"reasoning_content": "Hm.", "reasoning": "Hm."}))],
        ),
        (
            {"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm.", "id": "rs_1", "format": "f"}]},
            [Reasoning(text="Hm.", form="summary", item="rs_1", extras=own(detail={"format": "f"}))],
        ),
        (
            {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.encrypted", "data": "gAAA"}]},
            [
                Reasoning(text="Hm.", extras=own(plain={"reasoning": "Hm."})),
                Reasoning(
                    seal=Seal(issuer="openai_chat", kind="encrypted", value="gAAA"),
                    extras=own(detail={}),
                ),
            ],
        ),
        (
            {"reasoning": "A. Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
            [
                Reasoning(text="A. ", extras=own(plain={"reasoning": "A. Hm."})),
                Reasoning(text="Hm.", extras=own(detail={})),
            ],
        ),
        (
            {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
            [Reasoning(text="Hm.", extras=own(detail={}, plain={"reasoning": "Hm."}))],
        ),
        (
            {"reasoning_details": [{"type": "unheard_of", "x": 1}]},
            [Reasoning(extras=own(detail={"type": "unheard_of", "x": 1}))],
        ),
    ],
)
def test_a_clients_thoughts_are_taken_once(message: dict[str, Any], thoughts: list[Reasoning]) -> None:
    assert decode_reasoning(message) == thoughts


@given(SEALS)
def test_a_clients_detail_brings_a_seal_home(seal: Seal) -> None:
    packed = seals.pack(seal)
    signed = decode_detail({"type": "reasoning.text", "text": "Hm.", "signature": packed}, client=True)
    assert (signed.text, signed.seal) == ("Hm.", seal)
    bare = decode_detail({"type": "reasoning.encrypted", "data": packed}, client=True)
    assert (bare.text, bare.seal) == ("", seal)


def test_a_number_is_no_part_of_an_upstreams_thought() -> None:
    detail = {"type": "reasoning.text", "text": "Hm.", "index": 0, "format": "unknown"}
    assert decode_detail(detail, client=False) == Reasoning(text="Hm.", extras=own(detail={"format": "unknown"}))
    assert decode_detail({"type": "reasoning.text", "text": "Hm.", "index": 0}, client=False) == Reasoning(text="Hm.")


# ------------------------------------------------------------------------------------------------- of replies only


def test_pictures() -> None:
    images = [{"index": 0, "type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}, {"x": 1}, 5]
    assert decode_images(images) == [Media(kind="image", media_type="image/png", data="aGk=")]
    assert decode_images("x") == []


def test_citations() -> None:
    cited = {"url": "https://example.org", "title": "T", "content": "quote", "start_index": 1, "end_index": 4}
    annotation = {"type": "url_citation", "url_citation": cited}
    assert decode_citation(annotation) == Citation(
        url="https://example.org", title="T", quote="quote", start=1, end=4, dialect="openai_chat", payload=annotation
    )
    odd = {"type": "file", "file": {"hash": "x"}}
    assert decode_citation(odd) == Citation(dialect="openai_chat", payload=odd)


@pytest.mark.parametrize("logprobs", [None, 5, {}, {"content": None}, {"content": []}, {"content": [5]}])
def test_no_log_probabilities(logprobs: Any) -> None:
    assert decode_logprobs(logprobs) is None


def test_log_probabilities_have_what_the_types_demand() -> None:
    token = {"token": "a", "logprob": -0.5}
    assert decode_logprobs({"content": [token]}) == (token,)
    assert encode_logprobs((token,)) == [{**token, "bytes": None, "top_logprobs": []}]


_MEMBERS = st.dictionaries(
    st.sampled_from(
        ["type", "text", "image_url", "url", "file", "file_data", "input_audio", "data", "format", "thinking"]
    ),
    JSON | st.sampled_from(["text", "image_url", "file", "input_audio", "thinking", "refusal", "video_url"]),
)


@given(_MEMBERS, st.booleans())
def test_whatever_comes_is_some_part(part: dict[str, Any], client: bool) -> None:
    decode_part(part, Origin(client=client))


@given(
    st.dictionaries(
        st.sampled_from(
            ["content", "refusal", "audio", "function_call", "tool_calls", "reasoning", "reasoning_details"]
        ),
        JSON | st.lists(st.dictionaries(st.sampled_from(["id", "type", "function", "custom", "index"]), JSON)),
    )
)
def test_whatever_an_assistant_is_said_to_have_said_is_read(message: dict[str, Any]) -> None:
    decode_said(message, CLIENT)
