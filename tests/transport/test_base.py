"""Whatever plays a part of the transport has all that the part promises."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from argo_relay.dialects.base import Call
from argo_relay.exchange.attempt import Attempt
from argo_relay.transport.base import Answer, Progress, Transport
from argo_relay.transport.client import HttpTransport
from argo_relay.transport.connection import Reply
from support.stage import FakeAnswer, FakeUpstream, Play

PARTS: dict[type[Any], list[type[Any]]] = {
    Transport: [HttpTransport, FakeUpstream],
    Answer: [Reply, FakeAnswer],
    Progress: [Attempt],
}


def promised(part: type[Any]) -> dict[str, Any]:
    return {name: value for name, value in vars(part).items() if inspect.isfunction(value) and name[0] != "_"}


@pytest.mark.parametrize(("part", "player"), [(part, player) for part, players in PARTS.items() for player in players])
def test_a_player_takes_what_its_part_is_given(part: type[Any], player: type[Any]) -> None:
    assert promised(part)
    for name, method in promised(part).items():
        played = getattr(player, name)
        assert inspect.signature(played).parameters.keys() == inspect.signature(method).parameters.keys(), name
        assert inspect.iscoroutinefunction(played) == inspect.iscoroutinefunction(method), name


async def test_a_script_plays_the_part_too() -> None:
    class Noted:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def connecting(self) -> None:
            self.seen.append("connecting")

        def connected(self) -> None:
            self.seen.append("connected")

        def sent(self) -> None:
            self.seen.append("sent")

    transport: Transport = FakeUpstream(Play(body=[(0, b"a"), (0, b"b")]))
    noted = Noted()
    answer = await transport.open(Call(method="GET", url="http://x", headers=[]), noted)
    assert [await answer.read() for _ in range(3)] == [b"a", b"b", b""]
    assert noted.seen == ["connected", "sent"]
