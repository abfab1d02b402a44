"""What exchanges share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from argo_relay.config.schema import Config, ModelRow, ModelTimeouts, Route, Step, Timeouts, Upstream
from argo_relay.errors import Refused
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.policy.deadline import Limit, Source, Timer
from support.stage import FOREVER, LoopClock, Play, stage

pytestmark = pytest.mark.looptime

CONFIG = Config(
    user="tester",
    timeouts=Timeouts(total=100, idle=20, max_total=500),
    models={"gpt-4o": ModelRow(timeouts=ModelTimeouts(total=200, first_event=5, idle=None))},
)


def asked(**seconds: float) -> Mapping[Timer, Limit | None]:
    return {Timer(name): Limit(seconds=value, source=Source.BODY, field="`timeout`") for name, value in seconds.items()}


async def test_limits_are_the_requests_then_the_models_then_the_servers() -> None:
    relay = stage(Play(), CONFIG, frozenset({"timeouts.total", "timeouts.idle"})).relay
    own, other = relay.seek("gpt-4o", 0).limits, relay.seek("gpt-5", 0).limits
    plain = relay.limits()
    assert (plain.total.seconds, plain.total.source) == (100, Source.CONFIG)
    assert plain.idle is not None
    assert (plain.idle.seconds, plain.connect.source) == (20, Source.DEFAULT)
    assert relay.limits({}, *other) == plain
    row = relay.limits({}, *own)
    assert (row.total.seconds, row.total.source, row.idle) == (200, Source.MODEL, None)
    assert row.first_event is not None
    assert row.first_event.seconds == 5
    both = relay.limits(asked(total=7, idle=3), *own)
    assert (both.total.seconds, both.total.source) == (7, Source.BODY)
    assert both.idle is not None
    assert (both.idle.seconds, both.first_event) == (3, row.first_event)


@pytest.mark.parametrize("chance", [0.1, 0.9])
@pytest.mark.parametrize(("name", "total"), [("gpt-4o", 200), ("fast", 7), ("gpt-5", 8)])
async def test_they_are_those_of_the_model_that_the_client_means_whoever_is_asked(
    name: str, total: float, chance: float
) -> None:
    steps = (Step(upstream="vllm", model="llama", weight=1), Step(upstream="main", model="gpt-4.1", weight=1))
    rows = {"fast": ModelRow(timeouts=ModelTimeouts(total=7)), "gpt-5": ModelRow(timeouts=ModelTimeouts(total=8))}
    config = msgspec.structs.replace(
        CONFIG,
        models=CONFIG.models | rows,
        upstreams={"vllm": Upstream(kind="openai", base_url="http://x.example")},
        routes={name: Route(to=steps if name == "gpt-4o" else steps[:1])},
    )
    relay = stage(Play(), config, others={"vllm": Play()}).relay
    assert relay.limits({}, *relay.seek(name, chance).limits).total.seconds == total


async def test_then_those_of_the_model_that_is_asked_first() -> None:
    config = msgspec.structs.replace(
        CONFIG,
        models={"llama": ModelRow(timeouts=ModelTimeouts(total=9))},
        upstreams={"vllm": Upstream(kind="openai", base_url="http://x.example")},
        routes={"gpt-4o": Route(to=(Step(upstream="vllm", model="llama"),))},
    )
    relay = stage(Play(), config, others={"vllm": Play()}).relay
    assert relay.limits({}, *relay.seek("gpt-4o", 0).limits).total.seconds == 9


async def test_nothing_goes_beyond_the_cap() -> None:
    relay = stage(Play(), CONFIG).relay
    capped = relay.limits(asked(total=501)).total
    assert (capped.seconds, capped.source, capped.asked) == (500, Source.CAPPED, 501)
    assert relay.limits(asked(total=500)).total.source is Source.BODY


async def test_stopping_takes_no_more_and_ends_nothing() -> None:
    relay = stage(Play()).relay
    relay.admission.enter()
    relay.stop()
    assert relay.admission.in_flight == 1
    with pytest.raises(Refused) as refused:
        relay.admission.enter()
    assert refused.value.failure.code == "shutting_down"


async def test_ending_all_ends_each_for_the_same_reason() -> None:
    relay = stage(Play()).relay

    async def run() -> None:
        watchdog = Watchdog(relay.clock, relay.limits())
        relay.running.add(watchdog)
        try:
            async with watchdog:
                await asyncio.sleep(FOREVER)
        finally:
            relay.running.discard(watchdog)

    tasks = [asyncio.create_task(run()) for _ in range(3)]
    await asyncio.sleep(1)
    relay.end_all()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [error.failure.code for error in ended if isinstance(error, Refused)] == ["shutting_down"] * 3
    assert relay.running == set()
    relay.end_all()
    assert LoopClock().now() == 1
