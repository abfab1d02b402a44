from __future__ import annotations

from argo_relay.simulator.directives import parse
from argo_relay.simulator.errors import failed, fault
from argo_relay.simulator.plain import PlainVoice
from argo_relay.simulator.wire import encode


def test_one_body_and_nothing_else() -> None:
    voice = PlainVoice(body={"input_tokens": 3}, fails=failed)
    orders = parse("")
    assert (voice.count, voice.whole(orders)) == (1, {"input_tokens": 3})
    streamed = [*voice.opening(), *voice.beats(), *voice.ending(orders), *voice.failing()]
    assert streamed == []
    assert (voice.failed(), voice.failed("overloaded")) == (failed("quota"), failed("overloaded"))
    assert encode(voice.hidden("unavailable")) == encode(fault("unavailable"))
