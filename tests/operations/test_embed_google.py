"""Google's embeddings, read and written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.dialects.base import Incoming
from argo_relay.errors import BadJson, Refused
from argo_relay.operations.embed_google import decode_reply, decode_request, encode_reply, encode_request, outline
from argo_relay.operations.embedding import EmbedReply, EmbedRequest


def text(*texts: str) -> dict[str, Any]:
    return {"parts": [{"text": one} for one in texts]}


def read(body: dict[str, Any]) -> EmbedRequest:
    return decode_request(outline(Incoming(body=json.dumps(body).encode(), model="m")))


def test_one_text_and_a_batch() -> None:
    one = read({"content": text("a", "b"), "outputDimensionality": 8, "taskType": "CLUSTERING"})
    assert (one.inputs, one.single, one.dimensions) == (("a\nb",), True, 8)
    assert one.extras == {"google": {"taskType": "CLUSTERING"}}
    batch = read({"requests": [{"model": "models/m", "content": text("a")}, {"content": {"parts": {"text": "b"}}}]})
    assert (batch.inputs, batch.single, batch.extras) == (("a", "b"), False, {})
    assert read({"content": text("a"), "output_dimensionality": 4}).dimensions == 4


def test_a_request_of_its_own_comes_back() -> None:
    one = read({"content": text("a"), "outputDimensionality": 8, "taskType": "CLUSTERING"})
    body, losses = encode_request(one)
    assert not losses
    assert body == {
        "requests": [{"model": "models/m", "content": text("a"), "taskType": "CLUSTERING", "outputDimensionality": 8}]
    }


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "content"),
        ({"requests": []}, "content"),
        ({"requests": ["a"]}, "requests"),
        ({"requests": {"a": 1}}, "requests"),
        ({"content": "a"}, "requests[0].content"),
        ({"requests": [{"content": text("a")}, {}]}, "requests[1].content"),
        ({"content": {"parts": [{"inlineData": {}}]}}, "requests[0].content.parts"),
        ({"content": {"parts": ["a"]}}, "requests[0].content.parts"),
    ],
)
def test_what_cannot_be_read_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        read(body)
    assert (caught.value.failure.status, caught.value.failure.param) == (400, param)


def test_token_ids_are_refused_and_a_user_is_lost() -> None:
    with pytest.raises(Refused):
        encode_request(EmbedRequest(model="m", inputs=((1, 2),)))
    losses = encode_request(EmbedRequest(model="m", inputs=("a",), end_user="u"))[1]
    assert [loss.what for loss in losses] == ["user"]


def test_vectors() -> None:
    assert decode_reply(b'{"embeddings":[{"values":[1,0.5]},{"values":[2]}]}').vectors == ((1, 0.5), (2,))
    for bad in (b"", b"[]", b'{"embeddings":5}', b'{"embeddings":[5]}', b'{"embeddings":[{}]}'):
        with pytest.raises(BadJson):
            decode_reply(bad)


def test_the_client_gets_one_or_a_list() -> None:
    reply = EmbedReply(model="m", vectors=((1.0, 0.5),))
    assert json.loads(encode_reply(reply, read({"content": text("a")}))) == {"embedding": {"values": [1.0, 0.5]}}
    batch = read({"requests": [{"content": text("a")}]})
    assert json.loads(encode_reply(reply, batch)) == {"embeddings": [{"values": [1.0, 0.5]}]}
