from __future__ import annotations

import base64
import math
import struct
from typing import Any

import httpx
import pytest

from argo_relay.simulator.embeddings import inputs, packed, vector

pytestmark = pytest.mark.looptime


async def embed(client: httpx.AsyncClient, given: object, **fields: Any) -> httpx.Response:
    body = {"model": "v3small", "user": "tester", "input": given, **fields}
    return await client.post("/v1/embeddings", json=body)


@pytest.mark.parametrize(
    ("given", "count", "tokens"),
    [("ping", 1, 1), (["ping", "pong pong"], 2, 4), ([1, 2, 3], 1, 3), ([[1, 2], [3]], 2, 3)],
)
async def test_what_can_be_embedded(client: httpx.AsyncClient, given: object, count: int, tokens: int) -> None:
    body = (await embed(client, given)).json()
    assert list(body) == ["data", "model", "object", "usage"]
    assert [list(row) for row in body["data"]] == [["embedding", "index", "object"]] * count
    assert [row["index"] for row in body["data"]] == list(range(count))
    assert {len(row["embedding"]) for row in body["data"]} == {1536}
    assert (body["model"], body["object"]) == ("text-embedding-3-small", "list")
    assert body["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}


@pytest.mark.parametrize(("model", "width"), [("ada002", 1536), ("v3large", 3072), ("Text Embedding 3 Small", 1536)])
async def test_each_model_has_its_width(client: httpx.AsyncClient, model: str, width: int) -> None:
    body = (await embed(client, "ping", model=model)).json()
    assert len(body["data"][0]["embedding"]) == width


async def test_base64_holds_the_same_numbers(client: httpx.AsyncClient) -> None:
    numbers = (await embed(client, "ping", dimensions=8)).json()["data"][0]["embedding"]
    text = (await embed(client, "ping", dimensions=8, encoding_format="base64")).json()["data"][0]["embedding"]
    assert struct.unpack("<8f", base64.b64decode(text)) == pytest.approx(numbers, abs=1e-7)
    assert math.sqrt(sum(number * number for number in numbers)) == pytest.approx(1)


async def test_fewer_dimensions_are_the_first_of_all(client: httpx.AsyncClient) -> None:
    few, all_ = vector("v3small", "x", 1536, 4), vector("v3small", "x", 1536, 1536)
    assert [number / few[0] for number in few] == pytest.approx([number / all_[0] for number in all_[:4]], rel=1e-4)
    assert packed([1.0]) == "AACAPw=="
    assert vector("v3small", "y", 1536, 4) != few


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"input": ""}, "'$.input' is invalid"),
        ({"input": []}, "'$.input' is invalid"),
        ({"input": ["a", 1]}, "'$.input' is invalid"),
        ({"dimensions": 1537}, "Must be less than or equal to 1536."),
        ({"dimensions": 0}, "Must be less than or equal to 1536."),
        ({"dimensions": 5, "model": "ada002"}, "does not support specifying dimensions."),
        ({"model": "gpt4o"}, "The embeddings operation does not work with the specified model, gpt-4o-2024-11-20."),
        ({"model": 7}, "model must be a string"),
    ],
)
async def test_what_is_refused(client: httpx.AsyncClient, fields: dict[str, Any], message: str) -> None:
    response = await embed(client, fields.pop("input", "ping"), **fields)
    assert response.status_code == 400
    assert message in response.json()["error"]["message"]


async def test_usage_may_be_null(client: httpx.AsyncClient) -> None:
    assert (await embed(client, ["a", "b [usage=null]"])).json()["usage"] == {
        "prompt_tokens": None,
        "total_tokens": None,
    }


def test_inputs() -> None:
    assert inputs("a") == ["a"]
    assert inputs([1, 2]) == [[1, 2]]
    assert inputs(["a", [1]]) == ["a", [1]]
    assert inputs(["a"] * 2049) is None
    assert inputs([True]) is None
    assert inputs({}) is None
