from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Owner, Target
from argo_relay.dialects.openai_chat import content_encoder
from argo_relay.dialects.openai_chat.content_encoder import MessagesEncoder
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
from argo_relay.neutral.request import Message, Role

SIGNED = Seal(issuer="anthropic", kind="signature", value="s")
THOUGHT = Seal(issuer="google", kind="thought", value="c2ln")
OWN = Seal(issuer="openai_chat", kind="signature", value="s")
PNG = Media(kind="image", media_type="image/png", data="aGk=")
CALL = ToolCall(id="c1", name="f", arguments='{"a":1}')
CALLED = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def encoded(
    role: Role, *parts: Part, owner: Owner | None = None, own: bool = False, **said: Any
) -> tuple[list[dict[str, Any]], list[str]]:
    losses: Losses = []
    encoder = MessagesEncoder(Target(model="m", owner=owner), losses, own=own)
    made = encoder.encode(Message(role=role, parts=parts, **said), 0)
    return made, [f"{loss.what}={loss.how}" for loss in losses]


def test_texts_of_a_user_stay_apart_and_others_are_one() -> None:
    two = (Text(text="a"), Text(text="b"))
    assert encoded("user", *two)[0] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]
    assert encoded("user", Text(text="a"), Text(text=""))[0] == [{"role": "user", "content": "a"}]
    assert encoded("system", *two)[0] == [{"role": "system", "content": "a\n\nb"}]
    assert encoded("assistant", *two)[0] == [{"role": "assistant", "content": "ab"}]


def test_a_developer_is_the_system_to_those_who_do_not_know_the_word() -> None:
    assert encoded("developer", Text(text="a"), owner="openai") == ([{"role": "system", "content": "a"}], [])
    assert encoded("developer", Text(text="a"), own=True)[0] == [{"role": "developer", "content": "a"}]


MARKED = {
    "nothing": {},
    "a cache": {"cache": CacheMark()},
    "a seal": {"seal": THOUGHT},
    "a citation": {"citations": (Citation(url="https://a", dialect="anthropic", payload={}),)},
    "extras": {"extras": {"openai_chat": {"x": 1}}},
    "another's extras": {"extras": {"google": {"x": 1}}},
}


@pytest.mark.parametrize("said", [{}, {"name": "ann"}, {"extras": {"openai_chat": {"y": 2}}}])
@pytest.mark.parametrize("marks", MARKED)
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_the_short_way_of_a_bare_text_comes_to_what_the_long_one_does(
    monkeypatch: pytest.MonkeyPatch, role: Role, own: bool, marks: str, said: dict[str, Any]
) -> None:
    part = Text(text="a", **MARKED[marks])  # type: ignore[arg-type]
    short = encoded(role, part, own=own, **said)
    monkeypatch.setattr(content_encoder, "_is_bare", lambda _: False)
    assert encoded(role, part, own=own, **said) == short


def test_a_message_without_anything_to_say_is_left_out() -> None:
    assert encoded("assistant") == ([], [])
    assert encoded("assistant", own=True) == ([{"role": "assistant"}], [])


def test_a_name_goes_along() -> None:
    assert encoded("user", Text(text="a"), name="ann")[0] == [{"role": "user", "name": "ann", "content": "a"}]


def test_a_turn_of_the_models_says_its_texts_before_its_calls() -> None:
    made, lost = encoded("assistant", Text(text="a"), CALL, Text(text="b"))
    assert made == [{"role": "assistant", "content": "ab", "tool_calls": [CALLED]}]
    assert lost == ["order=moved"]
    made, lost = encoded("assistant", ToolCall(id="c1", name="f"))
    empty = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert made == [{"role": "assistant", "content": None, "tool_calls": [empty]}]
    assert not lost


def test_gemini_gets_no_null() -> None:
    for owner, content in (("google", ""), ("openai", None), (None, None)):
        made, _ = encoded("assistant", CALL, owner=owner)  # type: ignore[arg-type]
        assert made == [{"role": "assistant", "content": content, "tool_calls": [CALLED]}]


def test_results_come_first_each_in_a_message() -> None:
    results = (
        ToolResult(call="c1", parts=(Text(text="a"), Text(text="b"))),
        ToolResult(call="c2", name="g", failed=True, cache=CacheMark()),
    )
    made, lost = encoded("user", Text(text="now"), *results)
    assert made == [
        {"role": "tool", "tool_call_id": "c1", "content": "a\nb"},
        {"role": "tool", "tool_call_id": "c2", "content": ""},
        {"role": "user", "content": "now"},
    ]
    assert lost == ["cache=dropped", "failed=dropped"]


def test_a_picture_that_a_tool_gave_follows_the_results() -> None:
    made, lost = encoded("user", ToolResult(call="c1", parts=(Text(text="see"), PNG)), Text(text="now"))
    assert made == [
        {"role": "tool", "tool_call_id": "c1", "content": "see"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "The image that the tool call c1 gave:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                {"type": "text", "text": "now"},
            ],
        },
    ]
    assert lost == ["image=moved"]


def test_a_document_of_text_stays_in_its_result() -> None:
    document = Media(kind="document", media_type="text/plain", text="words", name="a.txt")
    made, lost = encoded("user", ToolResult(call="c1", parts=(document,)))
    assert made == [{"role": "tool", "tool_call_id": "c1", "content": "a.txt\n\nwords"}]
    assert lost == ["document=approximated"]


def test_a_client_of_this_dialect_keeps_its_results() -> None:
    result = ToolResult(call="c1", name="f", parts=(Text(text="a", cache=CacheMark()), PNG))
    made, lost = encoded("user", result, own=True)
    assert made == [
        {
            "role": "tool",
            "tool_call_id": "c1",
            "name": "f",
            "content": [
                {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
            ],
        }
    ]
    assert not lost


@pytest.mark.parametrize(
    ("media", "owner", "block", "lost"),
    [
        (PNG, "openai", {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}, []),
        (
            Media(kind="image", url="https://example.org/a.png", detail="original", name="a"),
            "openai",
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "high"}},
            ["name=dropped"],
        ),
        (Media(kind="image", file="f1", issuer="anthropic"), None, None, ["file=dropped"]),
        (
            Media(kind="video", url="https://example.org/a.mp4"),
            None,
            {"type": "video_url", "video_url": {"url": "https://example.org/a.mp4"}},
            [],
        ),
        (Media(kind="video", url="https://example.org/a.mp4"), "google", None, ["video=dropped"]),
        (
            Media(kind="audio", media_type="audio/mp3", data="aGk="),
            "openai",
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
            [],
        ),
        (Media(kind="audio", media_type="audio/ogg", data="aGk="), None, None, ["audio=dropped"]),
        (Media(kind="audio", url="https://example.org/a.wav"), None, None, ["audio=dropped"]),
        (
            Media(kind="document", media_type="application/pdf", data="aGk="),
            "openai",
            {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,aGk="}},
            [],
        ),
        (
            Media(kind="document", text="words", name="a.txt"),
            "openai",
            {"type": "text", "text": "a.txt\n\nwords"},
            ["document=approximated"],
        ),
        (
            Media(kind="document", url="https://example.org/a.pdf", name="a.pdf"),
            None,
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "https://example.org/a.pdf"}},
            [],
        ),
        (Media(kind="document", url="https://example.org/a.pdf"), "openai", None, ["document=dropped"]),
        (Media(kind="document", file="f", issuer="openai_chat"), None, {"type": "file", "file": {"file_id": "f"}}, []),
        (Media(kind="document", file="f", issuer="google"), None, None, ["file=dropped"]),
    ],
)
def test_media_are_fitted(media: Media, owner: Owner | None, block: dict[str, Any] | None, lost: list[str]) -> None:
    made, losses = encoded("user", Text(text="a"), media, owner=owner)
    content = made[0]["content"]
    assert (content[1] if isinstance(content, list) else None) == block
    assert losses == lost


def test_only_a_user_shows_pictures() -> None:
    assert encoded("assistant", Text(text="a"), PNG) == ([{"role": "assistant", "content": "a"}], ["image=dropped"])


@pytest.mark.parametrize(
    ("part", "owner", "message", "lost"),
    [
        (Reasoning(text="hm", seal=SIGNED), None, {"reasoning_content": "hm"}, ["seal=dropped"]),
        (Reasoning(text="hm", seal=SIGNED), "openai", {}, ["seal=dropped", "reasoning=dropped"]),
        (Reasoning(text="hm"), "google", {}, ["reasoning=dropped"]),
        (
            Reasoning(text="hm", seal=OWN, item="r1"),
            None,
            {"reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s", "id": "r1"}]},
            [],
        ),
        (
            Reasoning(seal=Seal(issuer="openai_chat", kind="encrypted", value="e")),
            None,
            {"reasoning_details": [{"type": "reasoning.encrypted", "data": "e"}]},
            [],
        ),
    ],
)
def test_thoughts_go_where_they_can_be_read(
    part: Reasoning, owner: Owner | None, message: dict[str, Any], lost: list[str]
) -> None:
    made, losses = encoded("assistant", part, Text(text="a"), owner=owner)
    assert made == [{"role": "assistant", "content": "a", **message}]
    assert losses == lost


def test_several_thoughts_are_one_and_texts_around_them_stay_apart() -> None:
    made, _ = encoded("assistant", Reasoning(text="x"), Text(text="a"), Reasoning(text="y"), Text(text="b"))
    assert made == [{"role": "assistant", "content": "a\n\nb", "reasoning_content": "x\n\ny"}]


@pytest.mark.parametrize("owner", ["google", None])
def test_geminis_signature_goes_back_with_its_call(owner: Owner | None) -> None:
    signed = ToolCall(id="c1", name="f", arguments='{"a":1}', seal=THOUGHT)
    made, lost = encoded("assistant", signed, owner=owner)
    assert made[0]["tool_calls"] == [{**CALLED, "extra_content": {"google": {"thought_signature": "c2ln"}}}]
    assert not lost


def test_no_seal_goes_to_others() -> None:
    signed = ToolCall(id="c1", name="f", arguments='{"a":1}', seal=THOUGHT, cache=CacheMark())
    made, lost = encoded("assistant", Text(text="a", seal=THOUGHT), signed, owner="openai")
    assert made == [{"role": "assistant", "content": "a", "tool_calls": [CALLED]}]
    assert lost == ["seal=dropped", "cache=dropped", "seal=dropped"]


def test_a_refusal_is_said_where_there_is_a_place_for_it() -> None:
    assert encoded("assistant", Refusal(text="no"), owner="openai") == (
        [{"role": "assistant", "content": None, "refusal": "no"}],
        [],
    )
    assert encoded("assistant", Refusal(text="no")) == (
        [{"role": "assistant", "content": "no"}],
        ["refusal=approximated"],
    )


def test_what_only_others_know_is_a_loss() -> None:
    cited = Text(text="a", citations=(Citation(dialect="anthropic", payload={}),), cache=CacheMark())
    made, lost = encoded(
        "user", cited, Opaque(dialect="anthropic", payload={"type": "x"}), Opaque(dialect="g", payload=1)
    )
    assert made == [{"role": "user", "content": "a"}]
    assert lost == ["cache=dropped", "citation=dropped", "x=dropped", "part=dropped"]
    assert encoded("user", Opaque(dialect="openai_chat", payload={"type": "x"}), own=True)[0] == [
        {"role": "user", "content": [{"type": "x"}]}
    ]
