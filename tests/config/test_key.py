"""A key, and what follows from its name."""

from __future__ import annotations

from argo_relay.config import kinds
from argo_relay.config.key import Key, value_at
from argo_relay.config.schema import Config, Timeouts


def test_a_key_is_found_and_set_by_its_name() -> None:
    key = Key(name="timeouts.first_event", kind=kinds.DURATION_OR_NONE, meaning="The wait.")
    assert key.path == ("timeouts", "first_event")
    assert key.variable == "ARGO_RELAY_TIMEOUTS_FIRST_EVENT"
    assert key.default is None
    assert value_at(Config(timeouts=Timeouts(first_event=7)), key.path) == 7
