"""The real relay, and `models`, with an upstream that only a proxy can find."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificates import Authority, refusing
from support.process import RelayProcess, SimulatorProcess, run_command
from support.proxies import http_proxy, socks_proxy
from support.upstream import Connection, upstream
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


BODY = b'{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":'
BODY += b'"assistant","content":"from there"},"finish_reason":"stop"}]}'


async def answers(connection: Connection) -> None:
    while True:
        await connection.request()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)
        await connection.say(head + BODY)


async def serve_and_ask(config: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    def serve() -> tuple[int, str]:
        with RelayProcess(config=config, env=env) as relay:
            return ask(relay)

    return await asyncio.to_thread(serve)


async def test_an_upstream_at_a_unix_socket() -> None:
    with tempfile.TemporaryDirectory(prefix="relay-") as place:
        config = f"upstream: {{kind: openai, base_url: 'http://vllm', socket: {place}/a.sock}}"
        async with upstream(answers, socket_path=f"{place}/a.sock") as there:
            status, body = await serve_and_ask(config, {"ALL_PROXY": "http://127.0.0.1:9"})
            assert (status, "from there" in body) == (200, True)
            assert there.heads[-1].startswith(b"POST /v1/chat/completions ")
            assert b"host: vllm\r\n" in there.heads[-1].lower()
        status, body = await serve_and_ask(config.replace("a.sock", "other.sock"))
        assert status == 502
        assert "its socket does not exist" in body
        assert place not in body


async def test_an_upstream_that_asks_who_we_are(tmp_path: Path) -> None:
    authority, of_clients = Authority(), Authority()
    bundle = authority.bundle(tmp_path)
    file, key = of_clients.client(tmp_path)
    asking = authority.asking("localhost", of=of_clients)
    row = f"kind: openai, ca_bundle: {bundle}"
    async with upstream(answers, asking) as there:
        shown = f"client_cert: {file}, client_key: {key}"
        way = f"{row}, base_url: 'https://localhost:{there.port}'"
        status, body = await serve_and_ask(f"upstream: {{{way}, {shown}}}")
        assert (status, "from there" in body) == (200, True)
    with refusing(asking) as port:
        way = f"{row}, base_url: 'https://localhost:{port}'"
        status, body = await serve_and_ask(f"upstream: {{{way}}}")
    assert status == 502
    error = json.loads(body)["error"]
    assert error["code"] == "upstream_unreachable"
    assert "it asks for a client certificate, and has got none" in error["message"]
    assert str(tmp_path) not in body


def test_a_client_certificate_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "client.pem").write_text("hello")
    for command in ("serve", "models", "doctor"):
        env = {"ARGO_RELAY_USER": "jdoe", "ARGO_RELAY_UPSTREAM_CLIENT_CERT": "client.pem"}
        done = run_command(command, env=env, home=tmp_path)
        assert done.returncode == 2
        told = done.stderr if command != "doctor" else done.stdout
        assert "upstream.client_cert: client.pem holds no certificate in PEM form" in told
        assert "hello" not in told
