"""A whole reply, for the relay's own calls."""

from __future__ import annotations

import pytest

from argo_relay.dialects.base import Call
from argo_relay.errors import ConnectFailed, ConnectionBroken
from argo_relay.transport.whole import whole_reply
from support.stage import JSON, FakeUpstream, Play

CALL = Call(method="GET", url="http://x.example/v1/models", headers=[])


async def test_status_and_body_come_together_and_the_connection_is_given_up() -> None:
    there = FakeUpstream(Play(status=404, headers=JSON, body=[(0, b"some"), (0, b"thing")]))
    assert await whole_reply(there, CALL) == (404, b"something")
    assert [how for how, _ in there.ended] == ["closed"]


async def test_a_reply_that_breaks_off_is_none() -> None:
    there = FakeUpstream(Play(headers=JSON, body=[(0, b"some")], cut=True))
    with pytest.raises(ConnectionBroken):
        await whole_reply(there, CALL)
    assert [how for how, _ in there.ended] == ["closed"]


async def test_nor_is_one_that_never_came() -> None:
    with pytest.raises(ConnectFailed):
        await whole_reply(FakeUpstream(Play(refuse=True)), CALL)
