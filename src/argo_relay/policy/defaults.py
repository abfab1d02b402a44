"""The limits that hold when a request asks for none: a model's row, the configuration, what is built in."""

from __future__ import annotations

from collections.abc import Container, Mapping

from msgspec import UNSET

from argo_relay.config.schema import ModelTimeouts, Timeouts
from argo_relay.policy.deadline import SETTABLE, Limit, Source, Timer


def default_layer(timeouts: Timeouts, configured: Container[str]) -> Mapping[Timer, Limit | None]:
    """Return the limits of all timers; `configured` holds the dotted keys that somebody set."""
    return {timer: _limit(timer, getattr(timeouts, timer.value), configured) for timer in SETTABLE}


def _limit(timer: Timer, seconds: float | None, configured: Container[str]) -> Limit | None:
    if seconds is None:
        return None
    key = f"timeouts.{timer.value}"
    if key in configured:
        return Limit(seconds=seconds, source=Source.CONFIG, field=f"`{key}` in the relay's configuration")
    return Limit(seconds=seconds, source=Source.DEFAULT, field="the relay's default")


def model_layer(name: str, timeouts: ModelTimeouts) -> Mapping[Timer, Limit | None]:
    """Return the limits that one model's row mentions; null there means "off"."""
    layer: dict[Timer, Limit | None] = {}
    for timer in SETTABLE:
        seconds = getattr(timeouts, timer.value, UNSET)
        if seconds is not UNSET:
            field = f"`models.{name}.timeouts.{timer.value}` in the relay's configuration"
            layer[timer] = None if seconds is None else Limit(seconds=seconds, source=Source.MODEL, field=field)
    return layer
