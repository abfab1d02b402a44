"""The real relay, and `models`, with an upstream that only a proxy can find."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.process import RelayProcess, SimulatorProcess, run_command
from support.proxies import http_proxy, socks_proxy
from support.wire import Wire, chat, post

HOST = "argo.invalid"
KNOWN = {HOST: "127.0.0.1"}
PROXIES = {"http": http_proxy, "socks5h": socks_proxy}


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    with SimulatorProcess() as started:
        yield started


def config(simulator: SimulatorProcess, proxy: str) -> str:
    port = simulator.url.rpartition(":")[2]
    return f"user: tester\nupstream: {{base_url: 'http://{HOST}:{port}', proxy: '{proxy}'}}\n"


def ask(relay: RelayProcess) -> tuple[int, str]:
    with Wire(relay.port) as wire:
        reply = wire.ask(post(chat("[first_token=0]")))
        return reply.status, reply.body.decode()


@pytest.mark.parametrize("scheme", PROXIES)
async def test_an_upstream_that_only_the_proxy_finds(scheme: str, simulator: SimulatorProcess) -> None:
    async with PROXIES[scheme](names=KNOWN, credentials=("jdoe", "s3cret")) as proxy:
        text = config(simulator, f"{scheme}://jdoe:s3cret@127.0.0.1:{proxy.port}")

        def serve() -> None:
            with RelayProcess(config=text) as relay:
                status, body = ask(relay)
                assert status == 200, body
                shown = f"{scheme.removesuffix('h')}://127.0.0.1:{proxy.port} (from upstream.proxy)"
                assert shown in relay.output
                assert "s3cret" not in relay.output
                listed = run_command("models", "--json", home=relay.home)
                assert (listed.returncode, listed.stderr) == (0, "")
                assert "argo:gpt-4o" in {row["id"] for row in json.loads(listed.stdout)}

        await asyncio.to_thread(serve)
        assert {host for host, _ in proxy.asked} == {HOST}


@pytest.mark.parametrize("scheme", PROXIES)
async def test_a_client_learns_why_but_not_where(scheme: str, simulator: SimulatorProcess) -> None:
    async with PROXIES[scheme](credentials=("jdoe", "right")) as proxy:
        text = config(simulator, f"{scheme}://jdoe:s3cret@127.0.0.1:{proxy.port}")

        def serve() -> tuple[int, str]:
            with RelayProcess(config=text) as relay:
                return ask(relay)

        status, body = await asyncio.to_thread(serve)
    assert status == 502
    assert "the proxy does not accept the user name and password that it was given" in body
    for secret in (HOST, "127.0.0.1", "s3cret", "jdoe", str(proxy.port)):
        assert secret not in body


def test_a_simulator_of_ones_own_is_asked_directly() -> None:
    env = {"ARGO_RELAY_UPSTREAM_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "ftp://no"}
    with RelayProcess("--simulate", "--user", "tester", env=env) as relay:
        assert ask(relay)[0] == 200


def test_a_bundle_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("hello")
    for command in ("serve", "models"):
        done = run_command(
            command, env={"ARGO_RELAY_USER": "jdoe", "ARGO_RELAY_UPSTREAM_CA_BUNDLE": "empty.pem"}, home=tmp_path
        )
        assert done.returncode == 2
        assert done.stderr == "error: upstream.ca_bundle: empty.pem holds no certificates in PEM form\n"
