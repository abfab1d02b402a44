"""Names, looked up once for all who ask, and addresses, of which the first that answers counts."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence

import pytest

from argo_relay.transport import names
from argo_relay.transport.names import Address, Names, address_of, dial
from support.inside import full_queue
from support.upstream import PATIENCE, Connection, upstream


def at(host: str, port: int = 1) -> Address:
    found = address_of(host, port)
    assert found is not None
    return found


class Resolver:
    """What the system would be asked; `gate` holds its answers, `fails` makes them errors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False
        monkeypatch.setattr(names, "_getaddrinfo", self)

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append((host, port))
        await self.gate.wait()
        if self.fails:
            raise socket.gaierror(socket.EAI_NONAME)
        return [at("127.0.0.1", port)]


async def test_what_is_an_address_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch)
    known = Names()
    assert [one[4] for one in await known.look_up("10.0.0.1", 80)] == [("10.0.0.1", 80)]
    assert [one[4][:2] for one in await known.look_up("::1", 80)] == [("::1", 80)]
    assert resolver.asked == []
    assert address_of("fe80::1%lo", 1) is None, "the system must say which card that is"


async def test_a_name_is_looked_up_once_and_kept_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch)
    known = Names()
    for _ in range(3):
        assert await known.look_up("a.example", 80) == [at("127.0.0.1", 80)]
    assert resolver.asked == [("a.example", 80)]
    await known.look_up("a.example", 81)
    known.forget("a.example", 80)
    await known.look_up("a.example", 80)
    assert resolver.asked == [("a.example", 80), ("a.example", 81), ("a.example", 80)]


async def test_what_is_known_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch)
    monkeypatch.setattr(names, "_KEPT_SECONDS", 0.0)
    known = Names()
    await known.look_up("a.example", 80)
    await known.look_up("a.example", 80)
    assert len(resolver.asked) == 2


async def test_how_many_names_are_known_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch)
    monkeypatch.setattr(names, "_MOST", 10)
    known = Names()
    for number in range(50):
        await known.look_up(f"n{number}.example", 80)
        assert len(known._known) <= 10


async def test_all_who_ask_at_once_wait_for_one_answer_and_who_gives_up_takes_it_from_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolver = Resolver(monkeypatch)
    resolver.gate.clear()
    known = Names()
    asking = [asyncio.create_task(known.look_up("a.example", 80)) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking[0]
    resolver.gate.set()
    assert all(found == [at("127.0.0.1", 80)] for found in await asyncio.gather(*asking[1:]))
    assert len(resolver.asked) == 1


async def test_a_failure_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch)
    resolver.fails = True
    known = Names()
    with pytest.raises(socket.gaierror):
        await known.look_up("a.example", 80)
    resolver.fails = False
    assert await known.look_up("a.example", 80)


async def test_closing_ends_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch)
    resolver.gate.clear()
    known = Names()
    asking = asyncio.create_task(known.look_up("a.example", 80))
    await asyncio.sleep(0)
    await known.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize("name", ["argo.invalid", "a..b", "x" * 70])
async def test_the_system_does_not_know_it(name: str) -> None:
    with pytest.raises(OSError, match=r".*"):
        await Names().look_up(name, 80)


async def test_the_system_knows_this_machine() -> None:
    assert at("127.0.0.1", 80)[4] in [one[4] for one in await Names().look_up("localhost", 80)]


async def test_the_next_address_is_tried_beside_one_that_does_not_answer() -> None:
    async def silent(connection: Connection) -> None:
        await connection.end()

    async with upstream(silent) as there:
        with full_queue() as url:
            deaf = at("127.0.0.1", int(url.rpartition(":")[2]))
            async with asyncio.timeout(PATIENCE):
                sock = await dial([deaf, at("127.0.0.1", there.port)])
            with sock:
                assert sock.getpeername() == ("127.0.0.1", there.port)
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_of_addresses_that_refuse_the_reason_is_told() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        for addresses in ([at("127.0.0.1", port)], [at("127.0.0.1", port), at("127.0.0.2", port)]):
            with pytest.raises(OSError, match=r".*") as failed:
                await dial(addresses)
            assert failed.value.errno == errno.ECONNREFUSED


async def test_a_socket_is_made_for_each_address_by_whoever_wants_to() -> None:
    seen = []

    def refuse(address: Address) -> socket.socket:
        seen.append(address)
        raise PermissionError

    addresses = [at("127.0.0.1"), at("127.0.0.2")]
    with pytest.raises(PermissionError):
        await dial(addresses, refuse)
    assert seen == addresses
