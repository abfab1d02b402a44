from __future__ import annotations

import pytest
from msgspec import UNSET, UnsetType

from argo_relay.config.schema import ModelTimeouts, Timeouts
from argo_relay.policy.deadline import SETTABLE, Limit, Source, Timer, settle
from argo_relay.policy.defaults import default_layer, model_layer


def test_what_is_built_in() -> None:
    layer = default_layer(Timeouts(), set())
    seconds = {timer: None if limit is None else limit.seconds for timer, limit in layer.items()}
    assert seconds == {
        Timer.BODY: 120,
        Timer.TOTAL: 600,
        Timer.CONNECT: 10,
        Timer.FIRST_EVENT: None,
        Timer.IDLE: 300,
    }
    assert {limit.source for limit in layer.values() if limit} == {Source.DEFAULT}
    assert {limit.field for limit in layer.values() if limit} == {"the relay's default"}


def test_built_in_limits_are_complete_and_within_their_own_cap() -> None:
    settled = settle([default_layer(Timeouts(), set())], Timeouts().max_total)
    assert settled.total.source is Source.DEFAULT


@pytest.mark.parametrize("timer", SETTABLE)
def test_what_somebody_set_says_where(timer: Timer) -> None:
    timeouts = Timeouts(body=7, total=7, connect=7, first_event=7, idle=7)
    layer = default_layer(timeouts, {f"timeouts.{timer.value}"})
    field = f"`timeouts.{timer.value}` in the relay's configuration"
    assert layer[timer] == Limit(seconds=7, source=Source.CONFIG, field=field)
    others = {limit.source for other, limit in layer.items() if limit and other is not timer}
    assert others == {Source.DEFAULT}


@pytest.mark.parametrize("configured", [set(), {"timeouts.first_event", "timeouts.idle"}])
def test_null_turns_a_timer_off(configured: set[str]) -> None:
    layer = default_layer(Timeouts(first_event=None, idle=None), configured)
    assert layer[Timer.FIRST_EVENT] is layer[Timer.IDLE] is None


@pytest.mark.parametrize("timer", [Timer.TOTAL, Timer.CONNECT, Timer.FIRST_EVENT, Timer.IDLE])
def test_a_models_row_mentions_what_it_sets_and_nothing_else(timer: Timer) -> None:
    def value(name: str) -> float | UnsetType:
        return 7.0 if name == timer.value else UNSET

    row = ModelTimeouts(
        total=value("total"), connect=value("connect"), first_event=value("first_event"), idle=value("idle")
    )
    field = f"`models.gpt-4o.timeouts.{timer.value}` in the relay's configuration"
    assert model_layer("gpt-4o", row) == {timer: Limit(seconds=7, source=Source.MODEL, field=field)}


def test_null_in_a_models_row_turns_a_timer_off_for_it() -> None:
    layer = model_layer("gpt-4o", ModelTimeouts(idle=None, first_event=None))
    assert layer == {Timer.IDLE: None, Timer.FIRST_EVENT: None}
    assert settle([layer, default_layer(Timeouts(), set())], 3600).idle is None


def test_a_row_that_says_nothing_changes_nothing() -> None:
    assert model_layer("gpt-4o", ModelTimeouts()) == {}
