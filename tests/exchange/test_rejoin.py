"""Clients that leave and send the same request again, on virtual time: see docs/timeouts.md."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.rejoin import Rejoin
from argo_relay.upstreams.base import Operation
from support.stage import FakeClient, ask

pytestmark = pytest.mark.looptime

CHAT = Entry(dialect=DIALECTS["openai_chat"])

KEY = {"authorization": "Bearer mine"}


def client(
    name: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, retry: int = 0, **does: Any
) -> FakeClient:
    given = {"x-request-id": name, "x-stainless-retry-count": str(retry), **(KEY if headers is None else headers)}
    return FakeClient([(0, ask(stream=True) if body is None else body)], given, **does)


OTHERS: dict[str, dict[str, Any]] = {
    "another key": {"headers": {"authorization": "Bearer theirs"}},
    "no key": {"headers": {}},
    "the key elsewhere": {"headers": {"x-api-key": "Bearer mine"}},
    "one key more": {"headers": KEY | {"x-goog-api-key": "k"}},
    "another body": {"body": ask(stream=True, seed=1)},
    "another form of the body": {"body": ask(stream=True) + b" "},
    "another limit": {"headers": KEY | {"x-request-timeout": "60"}},
    "another beta": {"headers": KEY | {"anthropic-beta": "x"}},
    "strictness": {"headers": KEY | {"x-strict": "true"}},
}

ENTRIES = {
    "path": (CHAT, Entry(dialect=DIALECTS["openai_responses"])),
    "model": (Entry(dialect=DIALECTS["google"], model="a"), Entry(dialect=DIALECTS["google"], model="b")),
    "query": (
        Entry(dialect=DIALECTS["google"], stream=True),
        Entry(dialect=DIALECTS["google"], stream=True, array=True),
    ),
    "method": (Entry(dialect=DIALECTS["google"], stream=True), Entry(dialect=DIALECTS["google"], stream=False)),
}


@pytest.mark.parametrize("case", ENTRIES)
async def test_another_path_never_joins(case: str) -> None:
    book = Rejoin(30, 1000)
    one, other = (book.around(client("x"), entry) for entry in ENTRIES[case])
    for recorded in (one, other):
        assert await recorded.receive()
        assert recorded.twin("x") is None
        recorded.watch(lambda: None)
    same = book.around(client("same", retry=1), ENTRIES[case][0])
    await same.receive()
    assert same.twin("same") is one


@pytest.mark.parametrize("operation", [Operation.COUNT, Operation.EMBED])
async def test_only_generations_are_kept(operation: Operation) -> None:
    book = Rejoin(30, 1000)
    entry = Entry(dialect=DIALECTS["openai_chat"], operation=operation)
    left: list[bool] = []
    one = book.around(client("x", leave=1), entry)
    await one.receive()
    assert one.twin("x") is None
    one.watch(lambda: left.append(True))
    await asyncio.sleep(1.5)
    assert left
    other = book.around(client("x", retry=1), entry)
    await other.receive()
    assert other.twin("x") is None
