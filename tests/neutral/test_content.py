from __future__ import annotations

import msgspec
import pytest

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

PARTS: list[Part] = [
    Text(text="a"),
    Media(kind="image", data="aGk="),
    Reasoning(),
    ToolCall(id="1", name="f"),
    ToolResult(call="1"),
    Refusal(text="No."),
    Opaque(dialect="google", payload={}),
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_a_part_stays_as_it_was_made(part: Part) -> None:
    field = part.__struct_fields__[0]
    with pytest.raises(AttributeError, match="immutable"):
        setattr(part, field, None)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_a_part_is_told_apart_from_what_it_would_be_with_extras(part: Part) -> None:
    if "extras" in part.__struct_fields__:
        assert msgspec.structs.replace(part, extras={"google": {"x": 1}}) != part
    assert msgspec.structs.replace(part) == part


def test_extras_of_one_part_are_not_another_ones() -> None:
    first, second = Text(text="a"), Text(text="b")
    assert first.extras == second.extras == {}
    assert Text(text="a", extras={"google": {"x": 1}}).extras != Text(text="a").extras


def test_what_nobody_said_is_none_and_not_false() -> None:
    assert ToolResult(call="1").failed is None
    assert Text(text="a").logprobs is None
    assert CacheMark().ttl is None
    assert Citation(dialect="anthropic", payload={}).start is None


def test_a_reasoning_may_be_known_by_its_seal_alone() -> None:
    sealed = Reasoning(seal=Seal(issuer="anthropic", kind="redacted", value="x"))
    assert (sealed.text, sealed.form) == ("", "full")
