from __future__ import annotations

import msgspec
import pytest

from argo_relay.dialects.base import Call, Digest, Outline, free_text, lose_extras
from argo_relay.dialects.table import DIALECTS
from argo_relay.framing.jsonx import JsonObject
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import Message, Request
from argo_relay.neutral.tools import FunctionTool, HostedTool


@pytest.mark.parametrize(
    "value",
    [
        Outline(model="m", stream=False, timeout=None, body=JsonObject(b"{}")),
        Call(method="GET", url="http://upstream.test", headers=[]),
        Digest(),
        *DIALECTS.values(),
    ],
)
def test_values_stay_as_they_were_made(value: msgspec.Struct) -> None:
    (first, *_) = value.__struct_fields__
    with pytest.raises(AttributeError, match="immutable"):
        setattr(value, first, None)


def test_a_call_has_no_body_unless_it_is_given_one() -> None:
    assert Call(method="GET", url="http://upstream.test", headers=[]).body is None


def test_a_reply_that_says_nothing_of_its_cost_is_a_digest_too() -> None:
    assert Digest().usage is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"input":"a\\n"}', "a\n"),
        ('{"other":1}', '{"other":1}'),
        ("[1]", "[1]"),
        ("bare", "bare"),
        ('{"input":5}', '{"input":5}'),
        ("\ud83d", "\ud83d"),
    ],
)
def test_free_text_is_found(arguments: str, text: str) -> None:
    assert free_text(arguments) == text


def test_what_another_dialect_alone_knows_is_a_loss_unless_it_goes_without_saying() -> None:
    request = Request(
        dialect="openai_responses",
        model="m",
        messages=(Message(role="user", parts=(), extras={"google": {"role": "user", "mood": "x"}}),),
        tools=(
            FunctionTool(name="f", extras={"openai_responses": {"group": {"description": "d"}, "additional": True}}),
            FunctionTool(name="g", extras={"openai_responses": {"group": {}}}),
            HostedTool(dialect="google", payload={}),
        ),
        extras={
            "openai_chat": {"n": 1, "logit_bias": {"5": 1}, "new": False},
            "google": {"labels": {}, "cachedContent": "x"},
        },
    )
    losses: Losses = []
    lose_extras(request, "anthropic", losses)
    assert [loss.path for loss in losses] == [
        "extras.openai_chat.logit_bias",
        "extras.google.cachedContent",
        "messages[0].extras.google.mood",
        "tools[0].extras.openai_responses.group",
    ]
    own: Losses = []
    lose_extras(request, "google", own)
    assert [loss.what for loss in own] == ["logit_bias", "group"]
