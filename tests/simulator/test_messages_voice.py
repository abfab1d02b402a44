from __future__ import annotations

import json

from argo_relay.simulator.answer import Answer, Part, Tokens
from argo_relay.simulator.directives import parse
from argo_relay.simulator.messages_voice import MessagesVoice
from argo_relay.simulator.seals import signature

PARTS = (Part(kind="thinking", pieces=("a", "b")), Part(kind="text", pieces=("c",)))
VOICE = MessagesVoice(
    id="msg_vrtx_1",
    model="claude-opus-4-7",
    answer=Answer(parts=PARTS, finish="length", tokens=Tokens(prompt=5, completion=3)),
)


def kinds(events: list[bytes]) -> list[str]:
    bodies = [json.loads(event.split(b"data: ")[1]) for event in events]
    return [body["delta"]["type"] if "delta" in body else body["type"] for body in bodies]


def test_blocks_open_and_close_around_their_pieces() -> None:
    assert [kinds(beat) for beat in VOICE.beats()] == [
        ["content_block_start", "thinking_delta"],
        ["thinking_delta", "signature_delta", "content_block_stop"],
        ["content_block_start", "text_delta", "content_block_stop"],
    ]
    assert VOICE.count == 3


def test_the_opening_knows_the_prompt_alone() -> None:
    (start,) = VOICE.opening()
    message = json.loads(start.split(b"data: ")[1])["message"]
    assert list(message) == ["id", "content", "model", "role", "type", "usage"]
    assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (5, 1)


def test_the_whole_and_its_failures() -> None:
    body = VOICE.whole(parse(""))
    assert isinstance(body, dict)
    assert body["stop_reason"] == "max_tokens"
    assert body["content"][0] == {"signature": signature("ab"), "thinking": "ab", "type": "thinking"}
    assert VOICE.failed().status == 429
    assert [event.split(b"\n")[0] for event in VOICE.failing()] == [b"event: error"]
    assert "Internal server error" in str(VOICE.hidden())
