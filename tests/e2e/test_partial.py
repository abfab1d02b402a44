"""What there is at the limit is what the official SDKs hand to their programs, through the real process."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from support.process import RelayProcess
from support.said import Speaker
from support.speakers import MODELS, SPEAKERS

PARTIAL = {"total": 1, "on_timeout": "partial"}
DRIPPING = "hello [first_token=0] [chunks=200] [gap=0.1]"


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess("--simulate") as process:
        yield process


@pytest.fixture(params=SPEAKERS)
def speaker(request: pytest.FixtureRequest, relay: RelayProcess) -> Iterator[Speaker]:
    made = SPEAKERS[request.param](relay.url)
    yield made
    made.close()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", MODELS)
def test_the_sdk_gets_what_there_is(speaker: Speaker, model: str, stream: bool) -> None:
    before = time.monotonic()
    said = speaker.say(model, DRIPPING, stream=stream, timeout=PARTIAL)
    assert 1 <= time.monotonic() - before < 5
    assert said.text.startswith("This is the Argo simulator")
    assert said.stop == speaker.cut
    assert not said.calls


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_reply_holds_calls_that_are_complete_and_no_others(speaker: Speaker, model: str) -> None:
    prompt = "both [tool=get_weather,get_time] [first_token=0] [chunks=2] [gap=0.4]"
    said = speaker.say(model, prompt, stream=False, tools=True, timeout=PARTIAL)
    assert [(name, list(arguments)) for _, name, arguments in said.calls] == [("get_weather", ["city"])]
    assert said.stop == speaker.cut
    with pytest.raises(speaker.failures):
        speaker.say(model, "[tool=get_weather] [chunks=20] [gap=0.4]", stream=False, tools=True, timeout=PARTIAL)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_with_nothing_generated_it_is_the_sdks_own_error(speaker: Speaker, stream: bool) -> None:
    with pytest.raises(speaker.failures):
        speaker.say(MODELS[0], "hello [first_token=5]", stream=stream, timeout=PARTIAL)


@pytest.mark.parametrize("model", MODELS)
def test_a_reply_that_is_in_time_is_as_it_always_was(speaker: Speaker, model: str) -> None:
    said = speaker.say(model, "hello [chunks=5]", stream=False, timeout={"total": 30, "on_timeout": "partial"})
    assert said.text.startswith("This is the Argo simulator")
    assert said.stop == speaker.ended
    assert min(said.tokens) > 0


def test_the_head_of_a_whole_reply_says_that_it_is_partial(relay: RelayProcess) -> None:
    body = {"model": MODELS[0], "messages": [{"role": "user", "content": DRIPPING}], "timeout": 1}
    reply = httpx.post(f"{relay.url}/v1/chat/completions", json=body, headers={"x-on-timeout": "partial"}, timeout=30)
    assert reply.status_code == 200
    assert (reply.headers["x-timeout-partial"], reply.headers["x-timeout-timer"]) == ("true", "total")
    assert reply.json()["choices"][0]["finish_reason"] == "length"
