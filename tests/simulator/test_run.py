from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import httpx
import openai
import pytest

from argo_relay.simulator.app import create_app
from argo_relay.simulator.run import Running, base_url, listen, start

CITY = {"city": {"type": "string"}}
PATIENCE = 10
"""Seconds after which a test that hangs has failed."""


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    served = await start(create_app(), listen("127.0.0.1", 0))
    yield served
    await served.close()


class Wire:
    """A client that speaks HTTP by hand, to see what is on the wire and to leave when it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def ask(cls, running: Running, prompt: str, **fields: Any) -> Wire:
        """Send a whole request and read nothing."""
        reader, writer = await asyncio.open_connection(running.host, running.port, limit=1024)
        message = {"model": "gpt4o", "user": "tester", "messages": [{"role": "user", "content": prompt}], **fields}
        body = json.dumps(message).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        return cls(reader, writer)

    async def until(self, mark: bytes) -> bytes:
        async with asyncio.timeout(PATIENCE):
            seen = b""
            while mark not in seen:
                piece = await self.reader.read(100)
                assert piece, seen
                seen += piece
            return seen

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read(-1)

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def ended(running: Running) -> list[Any]:
    """Return the exchanges once the server works on none of them."""
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(base_url=running.base_url) as http:
        while True:
            rows = (await http.get("/simulator/exchanges")).json()
            if rows and all(row["state"] != "running" for row in rows):
                return list(rows)


async def begun(running: Running) -> None:
    """Return once a request has reached the simulator."""
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(base_url=running.base_url) as http:
        while not (await http.get("/simulator/exchanges")).json():
            pass


@pytest.mark.parametrize(
    ("prompt", "stream", "mark", "events"),
    [
        ("[first_token=60]", False, None, 0),
        ("[first_token=60]", True, None, 0),
        ("[headers=0] [first_token=60]", True, b"\r\n\r\n", 0),
        ("[headers=0] [first_token=60]", False, b"\r\n\r\n", 0),
        ("[gap=60]", True, b"simulator", 2),
        ("[stall_after=3]", True, b"here", 4),
        ("[stall_after=3]", False, None, 0),
        ("[first_token=60] [comments=0.01]", True, b": still waiting", 0),
    ],
)
async def test_a_client_that_leaves_is_noticed_and_generation_stops(
    running: Running, prompt: str, stream: bool, mark: bytes | None, events: int
) -> None:
    wire = await Wire.ask(running, prompt, stream=stream)
    await (begun(running) if mark is None else wire.until(mark))
    await wire.leave()
    (row,) = await ended(running)
    assert (row["state"], row["events"]) == ("aborted", events)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_reads_nothing_holds_the_stream_back_and_may_leave(running: Running, stream: bool) -> None:
    wire = await Wire.ask(running, "[gap=0] [first_token=0] [chunks=60] [size=1000000]", stream=stream)
    await begun(running)
    await wire.leave()
    (row,) = await ended(running)
    assert row["state"] == "aborted"
    assert row["events"] < 60


async def test_a_client_that_leaves_before_its_body_is_not_an_exchange(running: Running) -> None:
    _, writer = await asyncio.open_connection(running.host, running.port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    writer.close()
    await writer.wait_closed()
    async with httpx.AsyncClient(base_url=running.base_url) as http:
        assert (await http.get("/simulator/exchanges")).json() == []


async def test_a_cut_stream_has_no_terminator(running: Running, capfd: pytest.CaptureFixture[str]) -> None:
    wire = await Wire.ask(running, "[drop_after=2]", stream=True)
    seen = await wire.rest()
    assert seen.count(b"data: ") == 3
    assert b"[DONE]" not in seen
    assert not seen.endswith(b"0\r\n\r\n")
    (row,) = await ended(running)
    assert (row["state"], row["events"]) == ("finished", 3)
    async with httpx.AsyncClient(base_url=running.base_url) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post(
                "/v1/chat/completions",
                json={"model": "gpt4o", "user": "u", "messages": [{"role": "user", "content": "[drop_after=1]"}]},
            )
    await wire.leave()
    assert capfd.readouterr() == ("", "")


async def test_pieces_are_written_one_by_one(running: Running) -> None:
    wire = await Wire.ask(running, "[pieces=7] [chunks=3]", stream=True)
    seen = await wire.until(b"0\r\n\r\n")
    sizes = [int(line, 16) for line in seen.partition(b"\r\n\r\n")[2].split(b"\r\n")[::2] if line]
    assert max(sizes) == 7
    assert sizes.count(7) > 20
    await wire.leave()


async def test_a_connection_serves_one_request_after_the_other(running: Running) -> None:
    async with httpx.AsyncClient(base_url=running.base_url) as http:
        ports = set()
        for _ in range(3):
            response = await http.get("/v1/models")
            ports.add(response.extensions["network_stream"].get_extra_info("client_addr"))
        assert len(ports) == 1


async def test_the_official_client(running: Running) -> None:
    async with openai.AsyncOpenAI(base_url=f"{running.base_url}/v1", api_key="alice", max_retries=0) as client:
        assert len([model async for model in client.models.list()]) == 50
        ask: Any = {"model": "gpt4o", "messages": [{"role": "user", "content": "Hello [chunks=5]"}]}
        whole = await client.chat.completions.create(**ask)
        stream = await client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True})
        chunks = [chunk async for chunk in stream]
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert whole.choices[0].message.content == said
        assert chunks[-1].usage == whole.usage
        assert whole.usage is not None
        assert whole.usage.completion_tokens == 5
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(**{**ask, "model": "gpt-4o"})
        assert "Invalid model: gpt-4o" in str(caught.value)


async def test_the_official_client_reads_calls(running: Running) -> None:
    function = {"name": "f", "parameters": {"type": "object", "properties": CITY, "required": ["city"]}}
    ask: Any = {
        "model": "gemini25pro",
        "messages": [{"role": "user", "content": "Go [tool=f]"}],
        "tools": [{"type": "function", "function": function}],
    }
    async with openai.AsyncOpenAI(base_url=f"{running.base_url}/v1", api_key="alice", max_retries=0) as client:
        whole = await client.chat.completions.create(**ask)
        async with client.chat.completions.stream(**ask) as stream:
            streamed = await stream.get_final_completion()
        for completion in (whole, streamed):
            choice = completion.choices[0]
            assert choice.finish_reason == "tool_calls"
            assert choice.message.tool_calls
            call: Any = choice.message.tool_calls[0]
            assert (call.function.name, call.function.arguments) == ("f", '{"city":"simulated"}')


async def test_closing_cuts_what_runs_and_leaves_nothing_behind(capfd: pytest.CaptureFixture[str]) -> None:
    before = asyncio.all_tasks()
    running = await start(create_app(), listen("127.0.0.1", 0))
    wires = [await Wire.ask(running, "[gap=60]", stream=True) for _ in range(3)]
    wires.append(await Wire.ask(running, "[gap=0] [chunks=60] [size=1000000]", stream=True))
    for wire in wires:
        await wire.until(b"simulator")
    async with asyncio.timeout(PATIENCE):
        await running.close()
    assert asyncio.all_tasks() == before
    for wire in wires:
        await wire.leave()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(running.host, running.port)
    assert capfd.readouterr() == ("", "")


def test_a_taken_port_is_an_os_error() -> None:
    with closing(listen("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_addresses() -> None:
    assert base_url("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert base_url("::1", 80) == "http://[::1]:80"
    with closing(listen("::1", 0)) as sock:
        assert sock.family == socket.AF_INET6


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_program_in_good_order(name: str) -> None:
    program = (
        "from argo_relay.simulator.run import run\nfrom argo_relay.simulator.ways import TODAY\n"
        "run('127.0.0.1', 0, TODAY, lambda url: print(url, flush=True))\nprint('done')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/v1/models").status_code == 200
        process.send_signal(getattr(signal, name))
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "done\n", "")
