from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from argo_relay.errors import ConnectFailed
from argo_relay.transport.causes import Cause
from argo_relay.transport.probe import connect, look_up, shake_hands, trusting_any_name
from argo_relay.transport.trust import trust
from support.certificates import Authority, self_signed
from support.upstream import Connection, upstream

NAME = "argo.invalid"


async def silent(connection: Connection) -> None:
    await connection.end()


async def test_names_and_addresses() -> None:
    assert "127.0.0.1" in await look_up("localhost", 1)
    assert await look_up("127.0.0.1", 1) == ["127.0.0.1"]
    for unknown in (NAME, "a..b", "x" * 70):
        with pytest.raises(ConnectFailed) as failed:
            await look_up(unknown, 1)
        assert failed.value.args == (Cause.NO_NAME,)


async def test_a_connection() -> None:
    async with upstream(silent) as there:
        writer = await connect("127.0.0.1", there.port)
        writer.transport.abort()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectFailed) as failed:
            await connect("127.0.0.1", closed.getsockname()[1])
    assert failed.value.args == (Cause.REFUSED,)


async def test_what_a_certificate_says(tmp_path: Path) -> None:
    authority = Authority()
    async with upstream(silent, authority.server(NAME, "other.invalid", days=10)) as there:
        writer = await connect("127.0.0.1", there.port)
        shown = await shake_hands(writer, trust(authority.bundle(tmp_path)), NAME)
        assert writer.is_closing()
    assert shown.names == (NAME, "other.invalid")
    assert shown.version == "TLSv1.3"
    assert "trustme" in shown.issuer
    assert abs(shown.until - time.time() - 10 * 86400) < 100


async def test_a_handshake_that_fails(tmp_path: Path) -> None:
    authority = Authority()
    servers = {
        Cause.OTHER_NAME: authority.server("other.invalid"),
        Cause.EXPIRED: authority.server(NAME, days=-1),
        Cause.SELF_SIGNED: self_signed(),
        Cause.UNTRUSTED: Authority().server(NAME),
    }
    for cause, server in servers.items():
        async with upstream(silent, server) as there:
            with pytest.raises(ConnectFailed) as failed:
                await shake_hands(await connect("127.0.0.1", there.port), trust(authority.bundle(tmp_path)), NAME)
        assert failed.value.args == (cause,)


async def test_another_name_can_be_seen(tmp_path: Path) -> None:
    authority = Authority()
    async with upstream(silent, authority.server("other.invalid")) as there:
        any_name = trusting_any_name(trust(authority.bundle(tmp_path)))
        shown = await shake_hands(await connect("127.0.0.1", there.port), any_name, NAME)
    assert shown.names == ("other.invalid",)


async def test_a_handshake_that_nobody_answers_can_be_given_up() -> None:
    async with upstream(silent) as there:
        writer = await connect("127.0.0.1", there.port)
        running = asyncio.create_task(shake_hands(writer, trust(None), NAME))
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert writer.is_closing()
