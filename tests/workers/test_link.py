"""The line between a worker and its supervisor."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import msgspec
import pytest

from argo_relay.workers.link import Link
from argo_relay.workers.messages import Ready, Summed, Tight, ToSupervisor, ToWorker


class Pair:
    """Both ends, and what each hears; None is the other's end."""

    def __init__(self) -> None:
        self.above: asyncio.Queue[object] = asyncio.Queue()
        self.below: asyncio.Queue[object] = asyncio.Queue()
        self.supervisor: Link[ToSupervisor] = Link(
            ToSupervisor, self.above.put_nowait, lambda: self.above.put_nowait(None)
        )
        self.worker: Link[ToWorker] = Link(ToWorker, self.below.put_nowait, lambda: self.below.put_nowait(None))


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    made = Pair()
    one, other = socket.socketpair()
    await made.supervisor.open(one)
    await made.worker.open(other)
    yield made
    for link in (made.supervisor, made.worker):
        link.close()
        await link.ended()


async def heard(queue: asyncio.Queue[object], count: int) -> list[object]:
    async with asyncio.timeout(20):
        return [await queue.get() for _ in range(count)]


async def test_what_is_said_is_heard_in_order_however_large(pair: Pair) -> None:
    large = Summed(1, 2, {f"name {number}": number for number in range(100_000)})
    for message in (Tight("a"), large, Tight("b")):
        pair.supervisor.send(message)
    pair.worker.send(Ready())
    assert await heard(pair.below, 3) == [Tight("a"), large, Tight("b")]
    assert await heard(pair.above, 1) == [Ready()]


async def test_each_end_learns_that_the_other_is_gone_after_all_it_said(pair: Pair) -> None:
    pair.worker.send(Ready())
    pair.worker.close()
    assert await heard(pair.above, 2) == [Ready(), None]
    assert pair.supervisor.closed
    await pair.supervisor.ended()
    pair.supervisor.send(Tight("in vain"))
    assert await heard(pair.below, 1) == [None]


async def test_bytes_may_come_in_any_cuts() -> None:
    queue: asyncio.Queue[object] = asyncio.Queue()
    link: Link[ToWorker] = Link(ToWorker, queue.put_nowait)
    for message in (Tight("a"), Tight("b" * 300)):
        said = msgspec.msgpack.encode(message)
        for byte in len(said).to_bytes(4) + said:
            link.data_received(bytes([byte]))
    assert await heard(queue, 2) == [Tight("a"), Tight("b" * 300)]


def test_a_line_that_was_never_open_is_closed() -> None:
    link: Link[ToWorker] = Link(ToWorker, lambda _: None)
    link.send(Ready())
    link.close()
    assert link.closed
