"""The simulator in the relay's process."""

from __future__ import annotations

import json
import socket

import httpx
import pytest

from argo_relay.cli.beside import simulator_beside
from support.process import RelayProcess
from support.wire import Wire, chat, get, post

CHAT = {"model": "gpt4o", "user": "tester", "messages": [{"role": "user", "content": "[first_token=0]"}]}


async def test_it_answers_while_it_runs_and_tells_on_its_page_what_happened() -> None:
    beside = simulator_beside()
    transport = httpx.ASGITransport(app=beside.app)
    async with httpx.AsyncClient() as http, httpx.AsyncClient(transport=transport, base_url="http://relay") as page:
        assert (await page.get(beside.path)).json() == []
        async with beside.running() as base_url:
            assert (await http.post(f"{base_url}/v1/chat/completions", json=CHAT)).status_code == 200
            (seen,) = (await page.get(beside.path)).json()
            assert (seen["body"], seen["state"]) == (CHAT, "finished")
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{base_url}/v1/models")


async def test_it_takes_the_socket_it_is_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with simulator_beside(listening).running() as base_url:
            assert base_url == f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_each_has_a_memory_of_its_own() -> None:
    assert simulator_beside().app is not simulator_beside().app


def test_the_relays_own_port_answers_its_page() -> None:
    with RelayProcess("--simulate", "--user", "tester") as relay, Wire(relay.port) as wire:
        wire.ask(post(chat("[first_token=0]", timeout=5)))
        (seen,) = json.loads(wire.ask(get("/simulator/exchanges")).body)
        assert seen["body"]["model"] == "gpt4o"
        assert seen["user"] == "tester"
        assert "timeout" not in seen["body"]
        assert json.loads(wire.ask(get("/simulator/exchanges").replace(b"GET", b"DELETE")).body) == {"forgotten": 1}
        assert wire.ask(get("/simulator/other")).error["code"] == "path_not_found"
