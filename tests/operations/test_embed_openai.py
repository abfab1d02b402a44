"""OpenAI's embeddings, read and written."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from argo_relay.dialects.base import Incoming
from argo_relay.errors import BadJson, Refused
from argo_relay.operations.embed_openai import decode_reply, decode_request, encode_reply, encode_request, outline
from argo_relay.operations.embedding import EmbedReply, EmbedRequest


def read(**fields: Any) -> EmbedRequest:
    body = json.dumps({"model": "v3small", **fields}).encode()
    return decode_request(outline(Incoming(body=body)))


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("hi", ("hi",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
    ],
)
def test_inputs_in_all_their_forms(given: Any, inputs: tuple[Any, ...]) -> None:
    request = read(input=given)
    assert request.inputs == inputs
    body, losses = encode_request(request)
    assert not losses
    assert read(input=body["input"]) == request


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": {"a": 1}}, "input"),
        ({"input": ["a", 1]}, "input"),
        ({"input": [[True]]}, "input"),
        ({"input": "a", "dimensions": "3"}, "dimensions"),
        ({"input": "a", "dimensions": True}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "model": 5}, "model"),
    ],
)
def test_what_cannot_be_read_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.failure.status, caught.value.failure.param) == (400, param)


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        outline(Incoming(body=b"{"))
    assert caught.value.failure.code == "invalid_json"


def test_what_else_is_said() -> None:
    request = read(input="a", dimensions=8, user="u", encoding_format="base64")
    assert (request.dimensions, request.end_user, request.base64) == (8, "u", True)
    assert encode_request(request)[0] == {
        "model": "v3small", "input": ["a"], "encoding_format": "float", "dimensions": 8, "user": "u",
    }  # fmt: skip


def test_what_google_adds_is_a_loss() -> None:
    request = EmbedRequest(model="m", inputs=("a",), extras={"google": {"taskType": "RETRIEVAL_QUERY"}})
    assert [(loss.what, loss.how) for loss in encode_request(request)[1]] == [("taskType", "dropped")]


def test_vectors_come_in_order_as_numbers_or_base64() -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.5, -1)).decode()
    body = {"data": [{"index": 1, "embedding": [1, 2.5]}, {"index": 0, "embedding": packed}], "model": "m"}
    reply = decode_reply(json.dumps(body | {"usage": {"prompt_tokens": 7}}).encode())
    assert reply == EmbedReply(model="m", vectors=((0.5, -1.0), (1, 2.5)), tokens=7)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"data":5}', b'{"data":[5]}', b'{"data":[{"embedding":null}]}', b'{"data":[{"embedding":"%"}]}',
     b'{"data":[{"embedding":["x"]}]}', b'{"data":[{"embedding":"AAA="}]}'],
)  # fmt: skip
def test_what_is_no_reply(body: bytes) -> None:
    with pytest.raises(BadJson):
        decode_reply(body)


def test_the_client_gets_the_form_it_asked_for() -> None:
    reply = EmbedReply(model="", vectors=((0.5, -1.0),), tokens=3)
    plain = json.loads(encode_reply(reply, read(input="a")))
    assert plain == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
        "model": "v3small",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    packed = json.loads(encode_reply(reply, read(input="a", encoding_format="base64")))["data"][0]["embedding"]
    assert struct.unpack("<2f", base64.b64decode(packed)) == (0.5, -1.0)
