"""The body, piece by piece, up to its limit."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.errors import ClientLeft, Refused
from argo_relay.exchange.intake import read_body
from support.stage import FakeClient


class Sender(FakeClient):
    """A client whose pieces come at once; it counts those that were taken."""

    def __init__(self, *pieces: bytes, declared: str | None = None) -> None:
        super().__init__([])
        self.request_headers: Mapping[str, str] = {} if declared is None else {"content-length": declared}
        self.pieces = list(pieces)
        self.taken = 0

    async def receive(self) -> bytes | None:
        if not self.pieces:
            return None
        self.taken += 1
        return self.pieces.pop(0)


@given(st.lists(st.binary(max_size=20), max_size=8), st.booleans())
async def test_a_body_within_the_limit_comes_whole(pieces: list[bytes], declares: bool) -> None:
    body = b"".join(pieces)
    sender = Sender(*pieces, declared=str(len(body)) if declares else None)
    assert await read_body(sender, len(body)) == body


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=8), st.data())
async def test_a_body_beyond_it_is_refused_at_the_piece_too_many(pieces: list[bytes], data: st.DataObject) -> None:
    most = data.draw(st.integers(0, max(0, len(b"".join(pieces)) - 1)))
    sender = Sender(*pieces)
    if len(b"".join(pieces)) <= most:
        assert await read_body(sender, most) == b"".join(pieces)
        return
    with pytest.raises(Refused) as refused:
        await read_body(sender, most)
    assert (refused.value.failure.status, refused.value.failure.code) == (413, "request_too_large")
    assert f"{most} bytes" in refused.value.failure.message
    assert len(b"".join(pieces[: sender.taken])) > most >= len(b"".join(pieces[: sender.taken - 1]))


async def test_a_declared_length_is_believed_before_anything_is_taken() -> None:
    sender = Sender(b"x", declared="101")
    with pytest.raises(Refused):
        await read_body(sender, 100)
    assert sender.taken == 0
    assert await read_body(Sender(b"x" * 100, declared="100"), 100) == b"x" * 100


@pytest.mark.parametrize("declared", ["", "-1", "many", "1e9", "²", "0"])
async def test_a_declared_length_that_says_nothing_is_passed_over(declared: str) -> None:
    assert await read_body(Sender(b"ab", declared=declared), 100) == b"ab"
    with pytest.raises(Refused):
        await read_body(Sender(b"ab", b"c", declared=declared), 2)


async def test_a_client_that_leaves() -> None:
    class Leaving(Sender):
        async def receive(self) -> bytes | None:
            raise ClientLeft

    with pytest.raises(ClientLeft):
        await read_body(Leaving(), 100)
