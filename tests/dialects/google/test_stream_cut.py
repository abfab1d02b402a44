"""A relayed Gemini stream, ended where it stands, in both of its forms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.dialects.google.stream_cut import GoogleStreamCut
from argo_relay.framing import jsonarray, sse
from argo_relay.framing.base import Splitter

NAMED = {"modelVersion": "gemini", "responseId": "r1"}


def chunk(*parts: Any, index: int = 0, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": index} | more
    return {"candidates": [candidate], **NAMED}


def fed(splitter: Splitter, stream: bytes) -> bytes | None:
    watch = GoogleStreamCut()
    for frame in splitter.feed(stream):
        watch.feed(frame)
    return watch.cut()


def cut(*chunks: Any) -> Any:
    ending = fed(sse.Splitter(), b"".join(sse.write(json.dumps(one).encode()) for one in chunks))
    return None if ending is None else json.loads(ending.removeprefix(b"data: "))


def test_the_open_candidates_finish_at_their_length() -> None:
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2}
    ended = cut(
        chunk({"text": "a"}), chunk({"text": "b"}, index=1, finishReason="STOP"), chunk() | {"usageMetadata": usage}
    )
    empty = {"parts": [{"text": ""}], "role": "model"}
    assert ended == {
        "candidates": [{"content": empty, "finishReason": "MAX_TOKENS", "index": 0}],
        "usageMetadata": usage,
        **NAMED,
    }


def test_an_array_is_closed() -> None:
    stream = b"[" + b",\r\n".join(json.dumps(chunk({"text": text})).encode() for text in "ab")
    ending = fed(jsonarray.Splitter(), stream)
    assert ending is not None
    assert json.loads(stream + ending)[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"


@pytest.mark.parametrize(
    "part", [{"text": "a"}, {"text": "a", "thought": True}, {"functionCall": {"name": "n"}}, {"inlineData": {}}]
)
def test_whatever_is_said_has_been_generated(part: dict[str, Any]) -> None:
    assert cut(chunk(part)) is not None


@pytest.mark.parametrize(
    "said",
    [
        chunk(),
        chunk({"text": ""}),
        chunk({"text": "", "thought": True}),
        chunk(None),
        {"candidates": [{"index": None}, None]},
        {"candidates": None, "usageMetadata": {"promptTokenCount": 3}},
        [None],
    ],
)
def test_what_says_nothing_has_not(said: Any) -> None:
    assert cut(said) is None
    assert fed(sse.Splitter(), b": comment\n\ndata: nonsense\n\n") is None
