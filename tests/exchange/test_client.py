"""A client's part, and those who play it."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from argo_relay.exchange.client import Client
from argo_relay.server.asgi_client import AsgiClient
from argo_relay.server.wire_client import WireClient
from support.stage import FakeClient


@pytest.mark.parametrize("player", [AsgiClient, WireClient, FakeClient])
def test_a_player_takes_what_the_part_is_given(player: type[Any]) -> None:
    promised = {name: value for name, value in vars(Client).items() if inspect.isfunction(value) and name[0] != "_"}
    assert promised.keys() == {"receive", "watch", "begin", "write", "write_nowait", "abort"}
    for name, method in promised.items():
        played = getattr(player, name)
        assert inspect.signature(played).parameters.keys() == inspect.signature(method).parameters.keys(), name
        assert inspect.iscoroutinefunction(played) == inspect.iscoroutinefunction(method), name
