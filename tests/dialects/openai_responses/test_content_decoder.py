from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.openai_responses.content_decoder import (
    ItemReader,
    ItemSoFar,
    PartSoFar,
    decode_annotation,
    decode_item,
    decode_logprobs,
    decode_time,
    rest_of_arguments,
    rest_of_text,
)
from argo_relay.neutral import seals
from argo_relay.neutral.content import Citation, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall
from argo_relay.neutral.events import ArgumentsDelta, TextDelta
from support.replies import JSON

FOREIGN = Seal(issuer="anthropic", kind="signature", value="s")
OPENAI = Seal(issuer="openai", kind="encrypted", value="gAAA")


def own(**members: Any) -> dict[str, Any]:
    return {"openai_responses": members}


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        (
            {"type": "message", "role": "assistant", "content": "Hi"},
            [Text(text="Hi", extras=own(message={}))],
        ),
        (
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "phase": "commentary",
                "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "No.", "new": 1}],
            },
            [
                Text(text="a", extras=own(message={"id": "msg_1", "status": "completed", "phase": "commentary"})),
                Refusal(text="No.", extras=own(joins=True, new=1)),
            ],
        ),
        (
            {"type": "message", "content": [{"type": "text", "text": "a"}]},
            [Text(text="a", extras=own(message={}, type="text"))],
        ),
        ({"type": "message", "id": "m", "content": []}, [Text(text="", extras=own(message={"id": "m"}))]),
        (
            {"type": "message", "content": [{"type": "hologram"}]},
            [
                Opaque(
                    dialect="openai_responses",
                    payload={"type": "message.content", "part": {"type": "hologram"}, "message": {}},
                )
            ],
        ),
        (
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA", "status": None},
            [Reasoning(form="summary", item="rs_1", seal=OPENAI)],
        ),
        (
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
            [Reasoning(text="Hm.", form="summary", item="rs_1")],
        ),
        (
            {
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "A"}, {"type": "summary_text", "text": "B"}],
                "content": [{"type": "reasoning_text", "text": "C"}],
                "encrypted_content": seals.pack(FOREIGN),
            },
            [
                Reasoning(text="A\n\nB", form="summary", extras=own(lengths=[1, 1])),
                Reasoning(text="C", form="full", extras=own(joins=True), seal=FOREIGN),
            ],
        ),
        (
            {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}", "status": "done"},
            [ToolCall(id="c", name="f", arguments="{}", item="fc_1", extras=own(status="done"))],
        ),
        (
            {"type": "function_call", "call_id": seals.with_seal("c", FOREIGN), "name": "f", "namespace": "web"},
            [ToolCall(id="c", name="f", namespace="web", seal=FOREIGN)],
        ),
        ({"type": "function_call", "name": "f"}, [ToolCall(id="call_3", name="f")]),
        (
            {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** Begin"},
            [ToolCall(id="c", name="patch", arguments="*** Begin", kind="custom")],
        ),
    ],
)
def test_a_clients_items_are_parts(item: dict[str, Any], parts: list[Part]) -> None:
    assert decode_item(item, 3, client=True) == parts


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"type": 5},
        {"type": {}},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "function_call", "call_id": "c"},
        {"type": "local_shell_call", "call_id": "c", "action": {}},
    ],
)
def test_what_no_part_holds_comes_whole(item: dict[str, Any]) -> None:
    assert decode_item(item, 0, client=True) == [Opaque(dialect="openai_responses", payload=item)]


def test_a_replys_items_say_nothing_of_how_far_they_had_come() -> None:
    message = {"type": "message", "status": "completed", "content": [{"type": "output_text", "text": "a"}]}
    call = {"type": "function_call", "call_id": "c", "name": "f", "status": "completed"}
    thought = {"type": "reasoning", "summary": [], "status": "completed"}
    assert decode_item(message, 0, client=False) == [Text(text="a", extras=own(message={}))]
    assert decode_item(call, 0, client=False) == [ToolCall(id="c", name="f")]
    assert decode_item(thought, 0, client=False) == [Reasoning(form="summary")]
    assert decode_item({**message, "content": []}, 0, client=False) == []


def test_an_upstreams_seals_are_its_own() -> None:
    packed = seals.pack(FOREIGN)
    (thought,) = decode_item({"type": "reasoning", "encrypted_content": packed}, 0, client=False)
    assert thought == Reasoning(form="summary", seal=Seal(issuer="openai", kind="encrypted", value=packed))


def test_citations_and_log_probabilities() -> None:
    payload = {"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 1, "end_index": 4}
    assert decode_annotation(payload) == Citation(
        url="https://a.test", title="A", start=1, end=4, dialect="openai_responses", payload=payload
    )
    filed = decode_annotation({"type": "file_citation", "file_id": "f", "filename": "a.pdf"})
    assert (filed.url, filed.title) == (None, "a.pdf")
    assert decode_logprobs([{"token": "a", "logprob": -1}, 5]) == (
        {"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": []},
    )
    assert decode_logprobs([]) is None
    assert decode_logprobs("x") is None


@pytest.mark.parametrize(
    ("value", "seconds"), [(7, 7), (7.9, 7), (0, None), (True, None), ("7", None), (None, None), (1e300, None)]
)
def test_times(value: Any, seconds: int | None) -> None:
    assert decode_time(value) == seconds


def test_only_the_rest_is_said() -> None:
    part = PartSoFar(0, cites=True)
    assert rest_of_text(part, "Hel") == [TextDelta(index=0, text="Hel")]
    assert rest_of_text(part, "Hello") == [TextDelta(index=0, text="lo")]
    assert rest_of_text(part, "Hello") == rest_of_text(part, None) == []
    call = PartSoFar(1, cites=False)
    assert rest_of_arguments(call, "{}") == [ArgumentsDelta(index=1, text="{}")]
    call.open = False
    assert rest_of_arguments(call, "{}{}") == []


def test_an_item_is_finished_with_what_has_not_come() -> None:
    reader, item = ItemReader(), ItemSoFar({"type": "message", "id": "msg_1"})
    part, _ = reader._begin_said(item, 0, {"type": "output_text"})
    rest_of_text(part, "Hel")
    whole = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
    assert reader._finish_message(item, whole) == [TextDelta(index=0, text="lo")]
    assert reader._finish_message(item, whole) == []


KINDS = st.sampled_from(["message", "reasoning", "function_call", "custom_tool_call", "x"])
MEMBERS = st.sampled_from(
    ["id", "role", "content", "summary", "encrypted_content", "call_id", "name", "arguments", "input", "namespace"]
)
CONTENT = st.lists(
    st.dictionaries(st.sampled_from(["type", "text", "annotations", "logprobs", "refusal"]), JSON) | JSON, max_size=3
)


@given(st.dictionaries(MEMBERS, JSON | CONTENT), KINDS, st.booleans())
def test_no_item_raises(item: dict[str, Any], kind: str, client: bool) -> None:
    decode_item({**item, "type": kind}, 0, client=client)
