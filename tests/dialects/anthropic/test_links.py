from __future__ import annotations

from typing import Any

import pytest

from support.links import found, inlined

URL = "https://example.org/a"
TEXT = {"type": "text", "text": URL}


def block(kind: str, *, data: bool = False) -> dict[str, Any]:
    source = {"type": "url", "url": URL}
    if data:
        media_type = "image/png" if kind == "image" else "application/pdf"
        source = {"type": "base64", "media_type": media_type, "data": "QUJD"}
    return {"type": kind, "source": source, "cache_control": {"type": "ephemeral"}}


def body(one: Any, where: str) -> dict[str, Any]:
    if where == "result":
        one = {"type": "tool_result", "tool_use_id": "t", "content": [TEXT, one]}
    if where == "document":
        one = {"type": "document", "source": {"type": "content", "content": [TEXT, one]}}
    return {"model": "m", "messages": [{"role": "user", "content": "x"}, {"role": "user", "content": [TEXT, one]}]}


PLACES: dict[str, tuple[str | int, ...]] = {"": (), "result": ("content", 1), "document": ("source", "content", 1)}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("kind", ["image", "document"])
def test_what_lies_elsewhere_becomes_data(kind: str, where: str) -> None:
    given = body(block(kind), where)
    (link,) = found("anthropic", given)
    assert link.path == ("messages", 1, "content", 1, *PLACES[where], "source", "url")
    assert link.kinds == {kind}
    assert inlined("anthropic", given) == body(block(kind, data=True), where)


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize(
    "one",
    [
        block("image", data=True),
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "image", "source": {"type": "base64", "url": URL}},
        {"type": "image", "source": {"type": "url", "url": None}},
        {"type": "image", "source": URL},
        {"type": ["image"], "source": {"type": "url", "url": URL}},
        {"type": "text", "text": URL, "source": {"type": "url", "url": URL}},
        {"type": "search_result", "source": URL},
        URL,
        None,
    ],
)
def test_nothing_else_is_touched(one: Any, where: str) -> None:
    assert not found("anthropic", body(one, where))


@pytest.mark.parametrize("messages", [None, URL, {}, [None, URL, {}, {"content": URL}, {"content": {"type": "image"}}]])
def test_any_shape_is_looked_through(messages: Any) -> None:
    assert not found("anthropic", {"messages": messages, "system": URL})
