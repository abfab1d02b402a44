"""The last images of a conversation go on, whichever shape they have; the others leave a word in their place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.upstreams.argo.images import latest

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
Object = dict[str, Any]
TEXT = "[image left out: no more than the last 2 can be sent]"
CHAT: Object = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
INPUT: Object = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
IMAGE: Object = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
HELLO: Object = {"type": "text", "text": "hello"}


def user(*parts: Any) -> Object:
    return {"role": "user", "content": [*parts]}


CASES: list[tuple[str, list[Any], list[Any], list[str]]] = [
    (
        "messages",
        [user(CHAT, HELLO, CHAT), {"role": "user", "content": "x"}, user(CHAT), user(CHAT)],
        [
            user({"type": "text", "text": TEXT}, HELLO, {"type": "text", "text": TEXT}),
            {"role": "user", "content": "x"},
            user(CHAT),
            user(CHAT),
        ],
        ["messages[0].content[0]", "messages[0].content[2]"],
    ),
    (
        "input",
        [{"type": "function_call_output", "call_id": "c", "output": [INPUT]}, user(INPUT, INPUT)],
        [
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": TEXT}]},
            user(INPUT, INPUT),
        ],
        ["input[0].output[0]"],
    ),
    (
        "messages",
        [
            user(IMAGE | {"cache_control": {"type": "ephemeral"}}),
            user({"type": "tool_result", "tool_use_id": "a", "content": [IMAGE, IMAGE]}, IMAGE),
        ],
        [
            user({"type": "text", "text": TEXT, "cache_control": {"type": "ephemeral"}}),
            user(
                {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": TEXT}, IMAGE]}, IMAGE
            ),
        ],
        ["messages[0].content[0]", "messages[1].content[0].content[0]"],
    ),
]


@pytest.mark.parametrize(("member", "values", "expected", "losses"), CASES)
def test_the_oldest_images_are_left_out(member: str, values: list[Any], expected: list[Any], losses: list[str]) -> None:
    before = copy.deepcopy(values)
    mended, lost = latest(values, 2, member)
    assert mended == expected
    assert [(loss.path, loss.what, loss.how) for loss in lost] == [(path, "image", "dropped") for path in losses]
    assert values == before


@pytest.mark.parametrize("values", [None, "x", {}, [], [None, 3, user(CHAT, None, 3), user(CHAT)], [{"content": CHAT}]])
def test_few_images_stay_the_same_object(values: Any) -> None:
    mended, losses = latest(values, 2, "messages")
    assert mended is values
    assert losses == []


ODD = st.none() | st.integers() | st.text(max_size=2)
PARTS = st.recursive(
    st.sampled_from([CHAT, INPUT, IMAGE, HELLO]) | ODD,
    lambda inner: st.builds(lambda parts: {"type": "tool_result", "content": parts}, st.lists(inner, max_size=3) | ODD),
    max_leaves=5,
)
VALUES = st.lists(st.builds(lambda parts: {"role": "user", "content": parts}, st.lists(PARTS, max_size=4)) | ODD)


@UNTIMED
@given(VALUES, st.integers(0, 4))
def test_whatever_there_is_as_many_as_may_be_go_on(values: list[Any], most: int) -> None:
    before = copy.deepcopy(values)
    mended, losses = latest(values, most, "messages")
    assert values == before
    images = sum(repr(values).count(f"'type': '{kind}'") for kind in ("image_url", "input_image", "image"))
    left = sum(repr(mended).count(f"'type': '{kind}'") for kind in ("image_url", "input_image", "image"))
    assert left == min(images, most)
    assert len(losses) == images - left
    assert (mended is values) == (not losses)
