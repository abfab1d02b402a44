from __future__ import annotations

import json

import pytest

from argo_relay.simulator.answer import Answer, Part, Tokens
from argo_relay.simulator.calls import Call
from argo_relay.simulator.directives import parse
from argo_relay.simulator.legacy_voice import LegacyVoice
from argo_relay.simulator.models import Owner

TOKENS = Tokens(prompt=1, completion=1)
CALL = Part(kind="call", pieces=('{"a"', ":1}"), call=Call(id="c1", name="f"))
VENDORS: list[tuple[Owner, dict[str, object]]] = [
    ("openai", {"id": "c1", "function": {"arguments": '{"a":1}', "name": "f"}, "type": "function"}),
    ("anthropic", {"id": "c1", "input": {"a": 1}, "name": "f", "type": "tool_use"}),
    ("google", {"name": "f", "args": {"a": 1}}),
]


def said(*pieces: str) -> LegacyVoice:
    parts = (Part(kind="text", pieces=pieces),)
    return LegacyVoice(answer=Answer(parts=parts, finish="stop", tokens=TOKENS))


@pytest.mark.parametrize(
    ("pieces", "writes"),
    [
        (("one", " two"), [b"one", b" two"]),
        (("3 µm", " is", " 🚫!"), [b"3 \xc2", b"\xb5m is", b" \xf0\x9f\x9a\xab!"]),
        (("🚫", "é", "x"), [b"\xf0", b"\x9f\x9a\xab\xc3", b"\xa9x"]),
        (("é",), [b"\xc3\xa9"]),
    ],
)
def test_characters_are_cut_but_never_lost(pieces: tuple[str, ...], writes: list[bytes]) -> None:
    voice = said(*pieces)
    assert [write for beat in voice.beats() for write in beat] == writes
    assert voice.count == len(writes)
    assert [*voice.opening(), *voice.ending(parse("")), *voice.failing()] == []


def test_a_whole_reply_is_its_text() -> None:
    assert said("one", " two").whole(parse("")) == {"response": "one two"}


@pytest.mark.parametrize(("owner", "shape"), VENDORS)
def test_calls_have_their_vendors_shape(owner: Owner, shape: dict[str, object]) -> None:
    answer = Answer(parts=(CALL,), finish="tool_calls", tokens=TOKENS)
    voice = LegacyVoice(answer=answer, owner=owner, tools=True)
    assert voice.whole(parse("")) == {"response": {"content": None, "tool_calls": [shape]}}
    assert list(voice.beats()) == []


def test_it_fails_as_chat_does() -> None:
    voice = said("one")
    assert (voice.failed().status, voice.failed("unavailable").status) == (429, 503)
    assert voice.hidden() == json.loads(voice.failed().body)
