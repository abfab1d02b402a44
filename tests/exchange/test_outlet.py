"""One reply: its head once, and heartbeats only between whole pieces."""

from __future__ import annotations

import asyncio

import pytest

from argo_relay.exchange.outlet import Outlet
from support.stage import FakeClient

pytestmark = pytest.mark.looptime

HEAD = [("content-type", "text/event-stream")]
OTHER = [("content-type", "application/json")]


class SlowClient(FakeClient):
    """Takes a second for the head and for every piece, and notes the order in which they are done."""

    def __init__(self) -> None:
        super().__init__([])
        self.done: list[object] = []

    async def begin(self, status: int, headers: list[tuple[str, str]]) -> None:
        await asyncio.sleep(1)
        await super().begin(status, headers)
        self.done.append(status)

    async def write(self, data: bytes, last: bool = False) -> None:
        await asyncio.sleep(1)
        await super().write(data, last)
        self.done.append(data)


async def test_a_reply_from_its_head_to_its_end() -> None:
    client = FakeClient([])
    outlet = Outlet(client)
    assert (outlet.status, outlet.sent, outlet.early) == (None, 0, False)
    await outlet.begin(404, OTHER)
    await outlet.write(b"ab")
    await outlet.end(b"c")
    assert (client.status, client.headers, client.body) == (404, dict(OTHER), b"abc")
    assert client.ended == 0
    assert (outlet.status, outlet.sent, outlet.early) == (404, 3, False)


async def test_the_head_goes_out_once() -> None:
    client = FakeClient([])
    outlet = Outlet(client)
    await outlet.begin(200, HEAD)
    await outlet.begin(504, OTHER)
    assert (client.status, client.headers) == (200, dict(HEAD))
    assert outlet.status == 200


async def test_a_heartbeat_opens_the_reply_when_nothing_has() -> None:
    client = FakeClient([])
    outlet = Outlet(client)
    outlet.beat(b": beat\n\n", HEAD)
    assert client.written == [], "it is sent by a task of its own"
    await outlet.begin(503, OTHER)
    assert (client.status, client.headers, client.body) == (200, dict(HEAD), b": beat\n\n")
    assert (outlet.status, outlet.early, outlet.sent) == (200, True, 8)


async def test_a_heartbeat_in_a_reply_that_is_open_changes_nothing_of_it() -> None:
    client = FakeClient([])
    outlet = Outlet(client)
    await outlet.begin(200, OTHER)
    outlet.beat(b" ", HEAD)
    await outlet.end(b"{}")
    assert (client.headers, client.body, outlet.early) == (dict(OTHER), b" {}", False)


@pytest.mark.parametrize("then", ["begin", "write", "end"])
async def test_what_follows_a_heartbeat_waits_for_all_of_it(then: str) -> None:
    client = SlowClient()
    outlet = Outlet(client)
    outlet.beat(b"beat", HEAD)
    await asyncio.sleep(0.5)
    if then == "begin":
        await outlet.begin(200, HEAD)
        assert client.done == [200, b"beat"]
    else:
        await getattr(outlet, then)(b"data")
        assert client.done == [200, b"beat", b"data"]


async def test_a_heartbeat_that_is_still_going_out_is_enough() -> None:
    client = SlowClient()
    outlet = Outlet(client)
    for _ in range(5):
        outlet.beat(b"beat", HEAD)
        await asyncio.sleep(0.25)
    await outlet.end(b"data")
    assert client.done == [200, b"beat", b"data"]
    assert outlet.sent == 8


async def test_after_one_has_gone_out_the_next_may() -> None:
    client = FakeClient([])
    outlet = Outlet(client)
    for _ in range(3):
        outlet.beat(b".", HEAD)
        await asyncio.sleep(1)
    assert [when for when, _ in client.written] == [0, 1, 2]
    await outlet.end()


async def test_a_client_that_reads_nothing_holds_back_what_follows_the_heartbeat() -> None:
    client = FakeClient([], reads=0)
    outlet = Outlet(client)
    outlet.beat(b"beat", HEAD)
    writing = asyncio.create_task(outlet.write(b"data"))
    await asyncio.sleep(60)
    assert client.body == b""
    client.read_again()
    await writing
    assert client.body == b"beatdata"


async def test_what_the_client_has_not_taken_is_owed() -> None:
    client = FakeClient([], reads=1)
    outlet = Outlet(client)
    await outlet.begin(200, HEAD)
    assert (outlet.begun, outlet.owed) == (False, b"")
    await outlet.write(b"taken")
    assert (outlet.begun, outlet.owed) == (True, b"")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await outlet.write(b"not taken")
    assert (client.body, outlet.owed) == (b"taken", b"not taken")


async def test_a_last_piece_that_the_client_has_not_taken_is_owed() -> None:
    client = FakeClient([], reads=0)
    outlet = Outlet(client)
    await outlet.begin(200, HEAD)
    ending = asyncio.create_task(outlet.end(b"all of it"))
    await asyncio.sleep(60)
    assert (outlet.begun, outlet.owed, outlet.over) == (False, b"all of it", False)
    client.read_again()
    await ending
    assert (client.body, outlet.begun, outlet.owed, outlet.over) == (b"all of it", True, b"", True)


async def test_what_need_not_wait_goes_out_at_once() -> None:
    client = FakeClient([], reads=8)
    outlet = Outlet(client)
    await outlet.begin(200, HEAD)
    assert outlet.write_nowait(b"data")
    outlet.beat(b"beat", HEAD)
    assert not outlet.write_nowait(b"more"), "a heartbeat is on its way"
    await outlet.settle()
    assert not outlet.write_nowait(b"more"), "the client does not read"
    assert (client.body, outlet.sent) == (b"databeat", 8)
