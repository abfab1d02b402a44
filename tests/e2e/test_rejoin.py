"""Clients that time out and try again, with the official SDKs and real connections: one generation, where asked for."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI

from argo_relay.observe.record import Outcome
from support.inside import Inside, inside, leave, request
from support.process import RelayProcess

MODEL = "argo:gpt-4o"
LONG = "[first_token=5] [chunks=3]"
"""Longer than the SDKs below wait, and shorter than they try."""
KEEP = 1.0
SLACK = 0.1
TRIES = 5
"""These machines are shared: noise can only make an end late, so the best of a few tries is what the relay does."""


def chat(url: str, prompt: str) -> str:
    with OpenAI(base_url=f"{url}/v1", api_key="dummy", timeout=2) as client:
        whole = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": prompt}])
        return whole.choices[0].message.content or ""


def chat_stream(url: str, prompt: str) -> str:
    with OpenAI(base_url=f"{url}/v1", api_key="dummy", timeout=2) as client:
        stream = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": prompt}], stream=True
        )
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def responses(url: str, prompt: str) -> str:
    with OpenAI(base_url=f"{url}/v1", api_key="dummy", timeout=2) as client:
        return client.responses.create(model=MODEL, input=prompt).output_text


def responses_stream(url: str, prompt: str) -> str:
    with OpenAI(base_url=f"{url}/v1", api_key="dummy", timeout=2) as client:
        stream = client.responses.create(model=MODEL, input=prompt, stream=True)
        return "".join(event.delta for event in stream if event.type == "response.output_text.delta")


def messages(url: str, prompt: str) -> str:
    with Anthropic(base_url=url, api_key="dummy", timeout=2) as client:
        whole = client.messages.create(
            model=MODEL, max_tokens=1000, messages=[{"role": "user", "content": prompt}], stream=False
        )
        return "".join(block.text for block in whole.content if block.type == "text")


def messages_stream(url: str, prompt: str) -> str:
    with (
        Anthropic(base_url=url, api_key="dummy", timeout=2) as client,
        client.messages.stream(model=MODEL, max_tokens=1000, messages=[{"role": "user", "content": prompt}]) as stream,
    ):
        return stream.get_final_text()


SDKS: tuple[Callable[[str, str], str], ...] = (
    chat,
    chat_stream,
    responses,
    responses_stream,
    messages,
    messages_stream,
)


def test_the_sdks_own_retries_cost_one_generation() -> None:
    # All at once, because each takes its time; what they ask for differs.
    with (
        RelayProcess("--simulate", env={"ARGO_RELAY_REJOIN": "30s"}) as relay,
        ThreadPoolExecutor(len(SDKS)) as pool,
    ):
        said = list(pool.map(lambda sdk: sdk(relay.url, f"{LONG} {sdk.__name__}"), SDKS))
        assert ["simulator" in text for text in said] == [True] * len(SDKS)
        states = [one["state"] for one in relay.exchanges()]
        assert states == ["finished"] * len(SDKS), "a retry was paid for again"
        relay.terminate()
        # Signs of life keep the streams' clients waiting, so that these need not try again.
        whole = [line for line in relay.log_lines if "stream=" not in line]
        assert sum("rejoined=" in line for line in whole) >= len(SDKS) / 2, "nobody has tried again"


@pytest.mark.parametrize(
    ("patience", "error", "calls"), [("1", openai.InternalServerError, 1), ("NOT_GIVEN", openai.APITimeoutError, 3)]
)
def test_without_rejoin_no_generation_goes_on(patience: str, error: type[openai.APIError], calls: int) -> None:
    with (
        RelayProcess("--simulate") as relay,
        OpenAI(base_url=f"{relay.url}/v1", api_key="dummy", timeout=1) as client,
    ):
        with pytest.raises(error):
            client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": "[first_token=20]"}],
                extra_headers={"x-stainless-read-timeout": patience},
            )
        end = time.monotonic() + 10
        while any(one["state"] == "running" for one in relay.exchanges()) and time.monotonic() < end:
            pass
        assert [one["state"] for one in relay.exchanges()] == ["aborted"] * calls


def test_what_nobody_waits_for_does_not_hold_up_the_end() -> None:
    env = {"ARGO_RELAY_REJOIN": "30s", "ARGO_RELAY_SHUTDOWN_GRACE": "30"}
    with RelayProcess("--simulate", env=env) as relay:
        with socket.create_connection(("127.0.0.1", relay.port)) as client:
            client.sendall(request("[first_token=60]"))
            while not relay.exchanges():
                pass
        began = time.monotonic()
        assert relay.terminate() == 0
        assert time.monotonic() - began < 10
        assert any("outcome=cancelled" in line for line in relay.log_lines)


async def running(there: Inside) -> None:
    """Wait until the simulator works for somebody."""
    async with asyncio.timeout(10):
        while all(one["state"] != "running" for one in await there.exchanges()):
            pass


async def ended(there: Inside) -> dict[str, Any]:
    """Return the latest exchange that the simulator saw, once it has ended."""
    async with asyncio.timeout(10):
        while (last := (await there.exchanges())[-1])["state"] == "running":
            pass
    return last


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_a_generation_ends_when_its_time_is_over_and_its_clients_connection_at_once() -> None:
    worst = 10.0
    for _ in range(TRIES):
        async with inside(rejoin=KEEP) as there:
            _, writer = await there.connect()
            writer.write(request("[first_token=60]"))
            await running(there)
            files = open_files()
            (left,) = await leave([writer])
            async with asyncio.timeout(KEEP / 2):
                # Both ends of the connection are in this process.
                while open_files() > files - 2:
                    await there.exchanges()
            (one,) = await there.exchanges()
            assert one["state"] == "running"
            last = await ended(there)
            assert last["state"] == "aborted"
            assert [one.outcome for one in there.records] == [Outcome.CANCELLED]
            took = last["ended"] - left
        assert took >= KEEP
        worst = min(worst, took)
        if worst < KEEP + SLACK:
            break
    assert worst < KEEP + SLACK, f"an upstream went on for {worst:.3f} s"


async def test_a_retry_that_comes_before_the_old_connection_has_closed() -> None:
    async with inside(rejoin=30) as there:
        data = request("[first_token=0] [chunks=10] [gap=0.2]", stream=True)
        head, _, body = data.partition(b"\r\n\r\n")
        reader, writer = await there.connect()
        writer.write(data)
        await reader.readuntil(b"\r\n\r\n")
        again, second = await there.connect()
        second.write(head + b"\r\nx-stainless-retry-count: 1\r\nconnection: close\r\n\r\n" + body)
        async with asyncio.timeout(10):
            reply = await again.read()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readuntil(b"data: [DONE]")
        assert b"x-rejoined: " in reply
        assert reply.count(b'"role":"assistant"') == 1
        assert b"data: [DONE]" in reply
        assert [one["state"] for one in await there.exchanges()] == ["finished"]
        writer.close()
        second.close()
