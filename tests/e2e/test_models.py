"""Models that come and go under a running relay: real processes, and an upstream whose list the test writes."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.argo_lists import Argo
from support.process import COMMAND, PATIENCE, RelayProcess
from support.said import Speaker
from support.speak_anthropic import AnthropicSpeaker
from support.speak_google import GoogleSpeaker
from support.speak_openai import ChatSpeaker, ResponsesSpeaker
from support.terminal import Terminal

SPEAKERS: dict[str, Callable[[str], Speaker]] = {
    "openai_chat": ChatSpeaker,
    "openai_responses": ResponsesSpeaker,
    "anthropic": AnthropicSpeaker,
    "google": GoogleSpeaker,
}
CONFIG = """
user: tester
upstream: {{base_url: '{url}', refresh: {refresh}}}
aliases: {{gpt-4: gpt-4o, claude-3-5-sonnet-20241022: claude-sonnet-4.6}}
log: {{format: json}}
"""


@pytest.fixture
def argo() -> Iterator[Argo]:
    made = Argo()
    yield made
    made.close()


@pytest.fixture(scope="module")
def settled() -> Iterator[tuple[RelayProcess, Argo]]:
    """A relay whose Argo has retired what the real one has."""
    made = Argo()
    made.offered = ["gpt4o", "gpt41mini", "claudesonnet46", "claudehaiku45"]
    with relay_of(made) as relay:
        known(relay, "argo:gpt-4.1-mini", gone="argo:gpt-5")
        yield relay, made
    made.close()


def relay_of(argo: Argo, refresh: str = "null") -> RelayProcess:
    return RelayProcess(config=CONFIG.format(url=argo.url, refresh=refresh))


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline


def signalled(relay: RelayProcess, true: Callable[[], bool]) -> None:
    """Send SIGHUP until something is true."""

    def again() -> bool:
        relay.signal(signal.SIGHUP)
        return true()

    until(again)


def known(relay: RelayProcess, name: str, *, gone: str = "") -> None:
    """Wait until the relay lists a model, and another no more."""

    def listed() -> bool:
        ids = {row["id"] for row in httpx.get(f"{relay.url}/v1/models").json()["data"]}
        return name in ids and gone not in ids

    until(listed)


def say(relay: RelayProcess, model: str) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "timeout": 15}
    return httpx.post(f"{relay.url}/v1/chat/completions", json=body, timeout=PATIENCE)


def state(relay: RelayProcess) -> dict[str, Any]:
    upstream: dict[str, Any] = httpx.get(f"{relay.url}/ready").json()["upstream"]
    return upstream


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", SPEAKERS)
def test_a_retired_model_is_told_as_such_in_every_dialect(
    settled: tuple[RelayProcess, Argo], dialect: str, stream: bool
) -> None:
    relay, argo = settled
    before = list(filter(None, argo.asked))
    speaker = SPEAKERS[dialect](relay.url)
    for model, line in (
        ("gpt-3.5-turbo", "aliases: {gpt-3.5-turbo: gpt-4.1-mini}"),
        ("argo:claude-3-5-haiku-20241022", "aliases: {claude-3-5-haiku-20241022: claude-haiku-4.5}"),
    ):
        with pytest.raises(speaker.failures, match="is retired") as caught:
            speaker.say(model, "hi", stream=stream)
        assert getattr(caught.value, "status_code", getattr(caught.value, "code", None)) == 404
        assert f"`{line}`" in str(caught.value)
        assert line.rpartition(" ")[2].rstrip("}") in str(caught.value)
    speaker.close()
    assert list(filter(None, argo.asked)) == before, "no other model was asked in its place"


@pytest.mark.parametrize("dialect", SPEAKERS)
def test_only_an_alias_maps_a_retired_model(settled: tuple[RelayProcess, Argo], dialect: str) -> None:
    relay, argo = settled
    speaker = SPEAKERS[dialect](relay.url)
    said = speaker.say("claude-3-5-sonnet-20241022", "hi", stream=False)
    speaker.close()
    assert said.text == "hello"
    assert argo.asked[-1] == "claudesonnet46"


def test_a_model_that_appears_is_served_when_it_is_asked_for(argo: Argo) -> None:
    argo.offered = ["gpt4o"]
    with relay_of(argo) as relay:
        known(relay, "argo:gpt-4o", gone="argo:gpt-5")
        lists = argo.lists
        argo.offered = ["gpt4o", "claudeopus99"]
        assert say(relay, "claude-opus-99").status_code == 200
        assert argo.asked[-1] == "claudeopus99"
        assert argo.lists == lists + 1
        assert say(relay, "gpt-9000").status_code == 404
        assert argo.lists == lists + 1, "once a minute"


def test_sighup_has_the_list_fetched_and_a_failure_keeps_the_last(argo: Argo) -> None:
    argo.offered = ["gpt4o", "gpt41mini"]
    with relay_of(argo) as relay:
        known(relay, "argo:gpt-4.1-mini", gone="argo:gpt-5")
        argo.offered = ["gpt4o", "gpt5"]
        signalled(relay, lambda: say(relay, "gpt-4.1-mini").status_code == 404)
        known(relay, "argo:gpt-5", gone="argo:gpt-4.1-mini")
        assert say(relay, "gpt-4").status_code == 200
        assert argo.asked[-1] == "gpt4o", "the alias"
        assert say(relay, "gpt-4.1-mini").status_code == 404
        argo.offered = None
        before = argo.lists
        # One that comes while a list is being fetched shares that: so more than one is sent.
        signalled(relay, lambda: state(relay)["trouble"] is not None and argo.lists > before + 1)
        assert "answered 500" in state(relay)["trouble"]
        assert (state(relay)["models_from"], say(relay, "gpt-5").status_code) == ("upstream", 200)
        argo.offered = ["gpt4o"]
        signalled(relay, lambda: state(relay)["trouble"] is None)
        warnings = [line["message"] for line in map(json.loads, relay.log_lines) if line.get("level") == "warning"]
        assert len(warnings) == 2, warnings
        assert "answered 500" in warnings[0]
        assert "says again" in warnings[1]
        assert relay.running


def test_the_list_is_fetched_on_a_schedule(argo: Argo) -> None:
    argo.offered = ["gpt4o"]
    with relay_of(argo, refresh="1") as relay:
        known(relay, "argo:gpt-4o", gone="argo:gpt-5")
        argo.offered = ["gpt5"]
        known(relay, "argo:gpt-5", gone="argo:gpt-4o")


def test_a_relay_whose_terminal_is_closed_stops(tmp_path: Path) -> None:
    with Terminal((*COMMAND, "serve", "--simulate", "--port", "0"), tmp_path) as terminal:
        port = terminal.expect("base_url http://127.0.0.1:") and terminal.expect("/v1").removesuffix("/v1")
        terminal.expect("settings")
        for _ in range(2):
            terminal.process.send_signal(signal.SIGHUP)
            assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200, (
                "it is still there, as its terminal is"
            )
        terminal.hang_up()
        # 120: Python could not write its last words; the signal's own end would be -1.
        assert terminal.process.wait(PATIENCE) in (0, 120)
