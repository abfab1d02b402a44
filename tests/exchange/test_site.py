"""What is remembered of an upstream, and of each of its models."""

from __future__ import annotations

import pytest

from argo_relay.config.schema import Breaker, Config
from argo_relay.exchange.site import Candidate, Site
from argo_relay.models.live import passing_profile
from argo_relay.policy.breaker import State
from support.stage import Play, stage

pytestmark = pytest.mark.looptime


def main(failures: int = 1) -> Site:
    return stage(Play(), Config(user="tester", breaker=Breaker(failures=failures, rest=30))).relay.main


def candidate(site: Site, model: str = "gpt-4o") -> Candidate:
    return Candidate(site, site.directory.find(model))


async def test_a_model_that_fails_rests_alone() -> None:
    site = main()
    one, other = candidate(site), candidate(site, "gpt-5")
    assert one.failed(0, unreachable=False)
    assert (one.rests(1), other.rests(1)) == (True, False)
    assert site.states() == {None: State.CLOSED, "gpt4o": State.RESTING}
    one.worked()
    assert site.states() == {None: State.CLOSED}


async def test_an_upstream_that_cannot_be_reached_rests_with_all_its_models() -> None:
    site = main()
    one, other = candidate(site), candidate(site, "gpt-5")
    assert one.failed(0, unreachable=True)
    assert (one.rests(1), other.rests(1)) == (True, True)
    assert site.states() == {None: State.RESTING}
    other.worked()
    assert not one.rests(1)


async def test_an_upstream_that_answers_with_an_error_can_be_reached() -> None:
    site = main(failures=2)
    one = candidate(site)
    one.failed(0, unreachable=True)
    one.failed(0, unreachable=False)
    one.failed(0, unreachable=True)
    assert site.states() == {None: State.CLOSED}


async def test_a_probe_is_one_of_the_upstream_and_of_the_model() -> None:
    site = main()
    one = candidate(site)
    one.failed(0, unreachable=True)
    one.began(30)
    assert one.rests(31)
    one.ended()
    assert not one.rests(31)


async def test_made_up_names_do_not_fill_the_memory() -> None:
    site = main()
    kept = site.doing("kept")
    for number in range(5000):
        site.doing(f"name-{number}")
        assert site.doing("kept") is kept
    assert len(site._doing) == 500


async def test_names_that_are_only_looked_up_make_nobody_forgotten() -> None:
    site = main()
    one = candidate(site)
    one.failed(0, unreachable=False)
    for number in range(600):
        Candidate(site, passing_profile(f"name-{number}"))
    assert candidate(site).rests(1)


async def test_a_model_is_called_by_its_own_name_towards_clients() -> None:
    assert candidate(main()).model == "argo:gpt-4o"
