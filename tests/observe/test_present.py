"""What holds at the moment that somebody asks."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from argo_relay.observe.present import Breaker, Places, Present, PresentFigures


def present(**known: Any) -> Present:
    """Return functions that know what is given, and nothing else."""
    nothing: dict[str, Any] = {
        "in_flight": lambda: 0,
        "waiting": lambda: 0,
        "losses": dict,
        "places": tuple,
        "breakers": tuple,
        "lists": lambda *_: False,
    }
    return Present(**nothing | known)


def figures(source: Present | None, *names: str) -> tuple[PresentFigures, CollectorRegistry]:
    made = PresentFigures(lambda name: name if name in names else "unknown")
    made.source = source
    registry = CollectorRegistry()
    registry.register(made)
    return made, registry


def test_nothing_is_said_before_anybody_looked() -> None:
    _, registry = figures(present(in_flight=lambda: 1))
    assert registry.get_sample_value("argo_relay_in_flight") is None


def test_nothing_is_said_where_nobody_knows() -> None:
    made, registry = figures(None)
    made.look()
    assert registry.get_sample_value("argo_relay_in_flight") is None


def test_each_look_reads_anew() -> None:
    running = [1]
    losses = {"top_k": 2}
    made, registry = figures(present(in_flight=lambda: running[0], losses=lambda: losses))
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
    made, registry = figures(present(places=lambda: places))
    made.look()
    assert registry.get_sample_value("argo_relay_upstream_in_flight", {"upstream": "prod"}) == 4
    assert registry.get_sample_value("argo_relay_upstream_queue_depth", {"upstream": "prod"}) == 9
    assert registry.get_sample_value("argo_relay_upstream_queue_depth", {"upstream": "vllm"}) == 0


@pytest.mark.parametrize(("state", "number"), [("closed", 0), ("resting", 1), ("probing", 2)])
def test_a_breakers_state_is_a_number(state: str, number: int) -> None:
    breakers = [Breaker("prod", "gpt4o", state)]
    made, registry = figures(present(breakers=lambda: breakers), "gpt4o")
    made.look()
    assert registry.get_sample_value("argo_relay_breaker_state", {"upstream": "prod", "model": "gpt4o"}) == number


def test_models_without_a_name_share_one_series() -> None:
    breakers = [Breaker("prod", "a", "resting"), Breaker("prod", "b", "closed"), Breaker("prod", None, "probing")]
    made, registry = figures(present(breakers=lambda: breakers))
    made.look()
    (family,) = [one for one in registry.collect() if one.name == "argo_relay_breaker_state"]
    assert [(sample.labels, sample.value) for sample in family.samples] == [
        ({"upstream": "prod", "model": "unknown"}, 1),
        ({"upstream": "prod", "model": ""}, 2),
    ]


def test_a_name_can_be_taken_only_once() -> None:
    made, registry = figures(present())
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(PresentFigures(str))
    registry.unregister(made)
