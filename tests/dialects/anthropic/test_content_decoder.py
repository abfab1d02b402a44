from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.anthropic.content_decoder import Origin, decode_block, decode_cache, decode_citation, leftovers
from argo_relay.neutral import seals
from argo_relay.neutral.content import CacheMark, Media, Opaque, Part, Reasoning, Seal, Text, ToolCall, ToolResult

CLIENT = Origin(client=True, spare_id="call_0_0")
UPSTREAM = Origin(client=False, spare_id="call_0")
FOREIGN = Seal(issuer="google", kind="thought", value="x+/=")
REFERENCE = {"type": "tool_reference", "tool_name": "look"}
FOUND: dict[str, Any] = {
    "type": "search_result",
    "title": "T",
    "source": "https://s",
    "content": [{"type": "text", "text": "C"}],
}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "QQ=="}
BLOCKS = {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "hi"}, Text(text="hi")),
        ({"type": "text", "text": "hi", "citations": None, "cache_control": None}, Text(text="hi")),
        (
            {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Text(text="hi", cache=CacheMark(ttl="1h")),
        ),
        (
            {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "scope": "global"}},
            Text(
                text="hi",
                cache=CacheMark(),
                extras={"anthropic": {"cache_control": {"type": "ephemeral", "scope": "global"}}},
            ),
        ),
        ({"type": "text", "text": "hi", "new": 1}, Text(text="hi", extras={"anthropic": {"new": 1}})),
        (
            {"type": "thinking", "thinking": "Hm", "signature": "s"},
            Reasoning(text="Hm", seal=Seal(issuer="anthropic", kind="signature", value="s")),
        ),
        ({"type": "thinking", "thinking": "Hm", "signature": ""}, Reasoning(text="Hm")),
        ({"type": "thinking", "thinking": "Hm", "signature": seals.pack(FOREIGN)}, Reasoning(text="Hm", seal=FOREIGN)),
        (
            {"type": "redacted_thinking", "data": "d"},
            Reasoning(seal=Seal(issuer="anthropic", kind="redacted", value="d")),
        ),
        ({"type": "redacted_thinking", "data": seals.pack(FOREIGN)}, Reasoning(seal=FOREIGN)),
        (
            {"type": "tool_use", "id": "t", "name": "n", "input": {"b": 1, "a": 2}, "caller": {"type": "direct"}},
            ToolCall(id="t", name="n", arguments='{"b":1,"a":2}', extras={"anthropic": {"caller": {"type": "direct"}}}),
        ),
        ({"type": "tool_use", "name": "n", "input": {}}, ToolCall(id="call_0_0", name="n", arguments="{}")),
        (
            {"type": "tool_use", "id": seals.with_seal("t", FOREIGN), "name": "n", "input": {}},
            ToolCall(id="t", name="n", arguments="{}", seal=FOREIGN),
        ),
        ({"type": "tool_result", "tool_use_id": seals.with_seal("t", FOREIGN)}, ToolResult(call="t")),
        (
            {"type": "tool_result", "tool_use_id": "t", "content": "done", "is_error": False},
            ToolResult(call="t", parts=(Text(text="done"),), failed=False),
        ),
        (
            {"type": "tool_result", "tool_use_id": "t", "content": [REFERENCE]},
            ToolResult(
                call="t",
                parts=(Text(text="The tool `look` is available.", extras={"anthropic": {"block": REFERENCE}}),),
            ),
        ),
        (FOUND, Text(text="T\nhttps://s\nC", extras={"anthropic": {"block": FOUND}})),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}},
            Media(kind="image", media_type="image/png", data="QQ=="),
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://i"}}, Media(kind="image", url="https://i")),
        (
            {"type": "document", "source": PDF, "title": "D", "citations": {"enabled": True}},
            Media(
                kind="document",
                media_type="application/pdf",
                data="QQ==",
                name="D",
                extras={"anthropic": {"citations": {"enabled": True}}},
            ),
        ),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
            Media(kind="document", media_type="text/plain", text="words"),
        ),
        (
            {"type": "document", "source": {"type": "file", "file_id": "f"}},
            Media(kind="document", file="f", issuer="anthropic"),
        ),
        (
            {"type": "document", "source": BLOCKS},
            Media(kind="document", text="a\nb", extras={"anthropic": {"source": BLOCKS}}),
        ),
    ],
)
def test_each_block_is_a_part(block: dict[str, Any], part: Part) -> None:
    assert decode_block(block, CLIENT) == part


@pytest.mark.parametrize(
    "block",
    [
        {},
        {"type": 5},
        {"type": ["text"]},
        {"type": "text"},
        {"type": "text", "text": "a", "citations": {}},
        {"type": "thinking", "thinking": None},
        {"type": "redacted_thinking"},
        {"type": "tool_use", "name": 5},
        {"type": "tool_result", "content": "x"},
        {"type": "image", "source": "x"},
        {"type": "image", "source": {"type": {}}},
        {"type": "image", "source": {"type": "base64"}},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "container_upload", "file_id": "f"},
        {"type": "mcp_tool_use", "id": "m", "input": {}},
        {"type": "compaction", "content": "c"},
    ],
)
def test_what_no_part_holds_comes_whole(block: dict[str, Any]) -> None:
    assert decode_block(block, CLIENT) == Opaque(dialect="anthropic", payload=block)


def test_an_upstreams_seals_are_its_own() -> None:
    packed = seals.pack(FOREIGN)
    thought = decode_block({"type": "thinking", "thinking": "", "signature": packed}, UPSTREAM)
    assert thought == Reasoning(seal=Seal(issuer="anthropic", kind="signature", value=packed))
    identifier = seals.with_seal("t", FOREIGN)
    call = decode_block({"type": "tool_use", "id": identifier, "name": "n", "input": {}}, UPSTREAM)
    assert call == ToolCall(id=identifier, name="n", arguments="{}")


@pytest.mark.parametrize(
    ("payload", "url", "title", "quote"),
    [
        ({"type": "char_location", "cited_text": "q", "document_title": "T"}, None, "T", "q"),
        (
            {"type": "web_search_result_location", "url": "https://u", "title": "T", "cited_text": "q"},
            "https://u",
            "T",
            "q",
        ),
        (
            {"type": "search_result_location", "source": "https://u", "title": None, "cited_text": "q"},
            "https://u",
            None,
            "q",
        ),
        ({"url": 5, "title": [], "cited_text": {}}, None, None, None),
    ],
)
def test_a_citation_says_where_it_is_from(
    payload: dict[str, Any], url: str | None, title: str | None, quote: str | None
) -> None:
    citation = decode_citation(payload)
    assert (citation.url, citation.title, citation.quote, citation.payload) == (url, title, quote, payload)


def test_marks_of_the_cache() -> None:
    assert decode_cache({"type": "ephemeral", "ttl": "5m"}) == CacheMark(ttl="5m")
    assert decode_cache({"type": "other"}) is None
    assert decode_cache(None) is None
    assert leftovers({"cache_control": {"type": "ephemeral"}, "x": None}, frozenset()) == {}


KINDS = st.sampled_from(["text", "thinking", "tool_use", "tool_result", "image", "document", "search_result", "base64"])
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | KINDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "content", "source", "data", "id", "name", "input", "citations", "title"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["text", "content", "source", "input", "name", "id", "tool_use_id"]), JSON), KINDS
)
def test_no_block_raises(block: dict[str, Any], kind: str) -> None:
    assert decode_block({**block, "type": kind}, CLIENT) is not None
