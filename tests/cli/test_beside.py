"""Upstreams that are started along with the relay."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import httpx
import psutil
import pytest

from argo_relay.cli.beside import simulator_beside
from support.llama import stand_ins
from support.process import PATIENCE, RelayProcess, run_command
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


def test_a_local_model_is_loaded_before_the_relay_is_ready_and_ends_with_it(tmp_path: Path) -> None:
    stand_ins(tmp_path)
    with RelayProcess("--local", env={"PYTHONPATH": str(tmp_path)}) as relay, Wire(relay.port) as wire:
        assert relay.stderr_lines[0] == "Loading smollm2 ..."
        assert relay.stderr_lines[1].startswith("smollm2 is loaded (")
        (banner,) = (line for line in relay.stderr_lines if line.startswith("  upstream"))
        assert "smollm2 on this machine (a.gguf, 2 requests at a time, " in banner
        (model,) = psutil.Process(relay.pid).children()
        refused = wire.ask(post(chat("hi", model="gpt-4o")))
        assert (refused.status, refused.error["code"]) == (404, "model_not_found")
        assert "only `smollm2`" in refused.error["message"]
        assert [one["id"] for one in json.loads(wire.ask(get("/v1/models")).body)["data"]] == ["smollm2"]
        slots = json.loads(wire.ask(get("/local/slots")).body)
        assert slots == [{"id": 0, "is_processing": False}, {"id": 1, "is_processing": False}]
        relay.terminate()
        assert not model.is_running()


def test_a_relay_that_is_killed_hard_takes_its_local_model_along(tmp_path: Path) -> None:
    stand_ins(tmp_path)
    with RelayProcess("--local", env={"PYTHONPATH": str(tmp_path)}) as relay:
        (model,) = psutil.Process(relay.pid).children()
        relay.signal(signal.SIGKILL)
        _, alive = psutil.wait_procs([model], PATIENCE)
        assert not alive


def test_a_model_that_cannot_be_loaded_ends_the_command_with_its_reason(tmp_path: Path) -> None:
    stand_ins(tmp_path, "broken")
    done = run_command("serve", "--local", "--port", "0", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert "error: The model did not start: llama_model_load: failed to read magic." in done.stderr
    assert "Traceback" not in done.stderr
