"""A relayed Chat Completions stream, ended where it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.dialects.openai_chat.stream_cut import ChatStreamCut
from argo_relay.framing.sse import Splitter, write

NAMED = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "system_fingerprint": "fp"}


def chunk(*choices: dict[str, Any], **more: Any) -> bytes:
    return write(json.dumps(NAMED | {"choices": list(choices)} | more).encode())


def said(index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish}


def cut(*pieces: bytes) -> list[Any] | None:
    watch = ChatStreamCut()
    for frame in Splitter().feed(b"".join(pieces)):
        watch.feed(frame)
    ending = watch.cut()
    if ending is None:
        return None
    *frames, done = Splitter().feed(ending)
    assert done.data == b"[DONE]"
    return [json.loads(frame.data or b"") for frame in frames]


def test_the_open_choices_finish_at_their_length() -> None:
    ended = cut(chunk(said(0, role="assistant"), said(1)), chunk(said(0, content="a")), chunk(said(1, "stop")))
    assert ended == [
        NAMED | {"choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "length"}]},
    ]


def test_tokens_that_are_known_are_told() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    (last,) = cut(chunk(said(content="a"), usage=None), chunk(said(content="b"), usage=usage)) or []
    assert last["usage"] == usage


@pytest.mark.parametrize(
    "delta", [{"content": "a"}, {"reasoning_content": "a"}, {"tool_calls": [{"index": 0}]}, {"refusal": "no"}]
)
def test_whatever_is_said_has_been_generated(delta: dict[str, Any]) -> None:
    assert cut(chunk(said(**delta))) is not None


@pytest.mark.parametrize(
    "piece",
    [
        b": comment\n\n",
        b"data: nonsense\n\n",
        b"data: []\n\n",
        b'data: {"choices":null}\n\n',
        b'data: {"choices":[null]}\n\n',
        chunk(said(role="assistant", content="", tool_calls=None)),
        chunk(usage={"prompt_tokens": 3}),
    ],
)
def test_what_says_nothing_has_not(piece: bytes) -> None:
    assert cut(piece) is None
