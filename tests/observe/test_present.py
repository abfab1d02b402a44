"""What holds at the moment that somebody asks."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from argo_relay.observe.present import Breaker, BreakerState, Places, Present, PresentFigures


def figures(present: Present | None, *names: str) -> tuple[PresentFigures, CollectorRegistry]:
    made = PresentFigures(lambda name: name if name in names else "unknown")
    made.source = present
    registry = CollectorRegistry()
    registry.register(made)
    return made, registry


def test_nothing_is_said_before_anybody_looked() -> None:
    _, registry = figures(Present(in_flight=lambda: 1, losses=dict))
    assert registry.get_sample_value("argo_relay_in_flight") is None


def test_nothing_is_said_where_nobody_knows() -> None:
    made, registry = figures(None)
    made.look()
    assert registry.get_sample_value("argo_relay_in_flight") is None


def test_each_look_reads_anew() -> None:
    running = [1]
    losses = {"top_k": 2}
    made, registry = figures(Present(in_flight=lambda: running[0], losses=lambda: losses))
    made.look()
    running[0], losses["seal"] = 7, 1
    assert registry.get_sample_value("argo_relay_in_flight") == 1
    assert registry.get_sample_value("argo_relay_losses_total", {"loss": "seal"}) is None
    made.look()
    assert registry.get_sample_value("argo_relay_in_flight") == 7
    assert registry.get_sample_value("argo_relay_losses_total", {"loss": "top_k"}) == 2
    assert registry.get_sample_value("argo_relay_losses_total", {"loss": "seal"}) == 1


def test_upstreams_have_places_and_queues() -> None:
    places = [Places("prod", 4, 9), Places("vllm", 0, 0)]
    made, registry = figures(Present(in_flight=lambda: 0, losses=dict, places=lambda: places))
    made.look()
    assert registry.get_sample_value("argo_relay_upstream_in_flight", {"upstream": "prod"}) == 4
    assert registry.get_sample_value("argo_relay_queue_depth", {"upstream": "prod"}) == 9
    assert registry.get_sample_value("argo_relay_queue_depth", {"upstream": "vllm"}) == 0


@pytest.mark.parametrize(("state", "number"), [("CLOSED", 0), ("RESTING", 1), ("PROBING", 2)])
def test_a_breakers_state_is_a_number(state: str, number: int) -> None:
    breakers = [Breaker("prod", "gpt4o", BreakerState[state])]
    made, registry = figures(Present(in_flight=lambda: 0, losses=dict, breakers=lambda: breakers), "gpt4o")
    made.look()
    assert registry.get_sample_value("argo_relay_breaker_state", {"upstream": "prod", "model": "gpt4o"}) == number


def test_models_without_a_name_share_one_series() -> None:
    states = BreakerState.RESTING, BreakerState.CLOSED
    breakers = [Breaker("prod", f"m{number}", state) for number, state in enumerate(states)]
    made, registry = figures(Present(in_flight=lambda: 0, losses=dict, breakers=lambda: breakers))
    made.look()
    (family,) = [one for one in registry.collect() if one.name == "argo_relay_breaker_state"]
    assert [(sample.labels, sample.value) for sample in family.samples] == [
        ({"upstream": "prod", "model": "unknown"}, BreakerState.RESTING)
    ]


def test_a_name_can_be_taken_only_once() -> None:
    made, registry = figures(Present(in_flight=lambda: 0, losses=dict))
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(PresentFigures(str))
    registry.unregister(made)
