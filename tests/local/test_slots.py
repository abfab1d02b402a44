"""The page that says what the model's slots are at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from argo_relay.local.settings import KEY_VARIABLE
from argo_relay.local.slots import SlotsPage
from argo_relay.transport.client import HttpTransport
from support.upstream import Connection, upstream

SLOTS = b'[{"id": 0, "n_ctx": 8192, "is_processing": true, "prompt": "secret"}, {"id": 1, "is_processing": false}]'


@asynccontextmanager
async def page(body: bytes, status: str = "200 OK") -> AsyncIterator[tuple[httpx.AsyncClient, Any]]:
    async def behave(connection: Connection) -> None:
        await connection.request()
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        await connection.say(head.encode() + body)
        await connection.end()

    shown = SlotsPage()
    transport = httpx.ASGITransport(app=shown)
    async with upstream(behave) as there, httpx.AsyncClient(transport=transport, base_url="http://relay") as http:
        shown.transport, shown.base_url = HttpTransport(), f"http://127.0.0.1:{there.port}"
        yield http, there
        await shown.transport.close()


async def test_it_says_which_slots_are_at_work_and_nothing_of_what_they_are_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "k")
    async with page(SLOTS) as (http, there):
        reply = await http.get("/local/slots")
        assert reply.json() == [{"id": 0, "is_processing": True}, {"id": 1, "is_processing": False}]
        assert b"authorization: bearer k" in there.heads[0].lower()


@pytest.mark.parametrize("body", [b"not JSON", b'{"error": {}}'])
async def test_a_server_that_answers_otherwise_is_told_of(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "k")
    async with page(body) as (http, _):
        assert (await http.get("/local/slots")).status_code == 502


async def test_before_and_after_the_model_there_is_nothing_to_tell() -> None:
    transport = httpx.ASGITransport(app=SlotsPage())
    async with httpx.AsyncClient(transport=transport, base_url="http://relay") as http:
        assert (await http.get("/local/slots")).status_code == 502
