"""Argo changes under a running relay, from April to September of 2026 and back: no client hears of it.

What the packaged rules do not know is learned from refusals, shown in the log, and can be pasted into a configuration.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from support.process import PATIENCE, RelayProcess, SimulatorProcess
from support.said import Speaker
from support.speakers import SPEAKERS

ERAS = ("2026-05", "2026-08", "2026-09", "2026-08", "2026-04", "2026-05", "2026-09")
MODELS = (
    "argo:gpt-4o",
    "argo:gpt-5",
    "argo:o3",
    "argo:claude-opus-4.7",
    "argo:claude-haiku-4.5",
    "argo:gemini-2.5-pro",
)
PROMPT = "hi [first_token=0] [gap=0] [chunks=3]"
_LEARNED = re.compile(r"learned of (\S+) \(refused by the upstream\); to keep it: models: (\{.*\}\}\})")


@pytest.fixture(scope="module")
def argo() -> Iterator[SimulatorProcess]:
    with SimulatorProcess() as simulator:
        yield simulator


def relay_of(argo: SimulatorProcess, more: str = "") -> RelayProcess:
    return RelayProcess(config=f"user: tester\nupstream: {{base_url: '{argo.url}'}}\nlog: {{format: json}}\n{more}")


def switch(argo: SimulatorProcess, as_of: str) -> None:
    httpx.put(f"{argo.url}/simulator/era", json={"as_of": as_of}, timeout=PATIENCE).raise_for_status()


def arrived(argo: SimulatorProcess) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = httpx.get(f"{argo.url}/simulator/exchanges", timeout=PATIENCE).json()
    return rows


def learned(relay: RelayProcess) -> list[tuple[str, str]]:
    """Return the models and the rows that the log tells of; exchanges have lines of their own."""
    said = [json.loads(line).get("message", "") for line in relay.log_lines]
    return [(found[1], found[2]) for one in said if (found := _LEARNED.search(one))]


def chat(relay: RelayProcess, model: str, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": PROMPT}], **fields}
    return httpx.post(f"{relay.url}/v1/chat/completions", json=body, headers=headers, timeout=PATIENCE)


@pytest.fixture(scope="module")
def running(argo: SimulatorProcess) -> Iterator[RelayProcess]:
    with relay_of(argo) as relay:
        yield relay


@pytest.fixture(scope="module")
def speakers(running: RelayProcess) -> Iterator[list[Speaker]]:
    made = [make(running.url) for make in SPEAKERS.values()]
    yield made
    for speaker in made:
        speaker.close()


def test_no_sdk_hears_of_it(argo: SimulatorProcess, running: RelayProcess, speakers: list[Speaker]) -> None:
    for era in ERAS:
        switch(argo, era)
        for speaker in speakers:
            for model in MODELS:
                for stream in (False, True):
                    said = speaker.say(model, PROMPT, stream=stream, limit=5000, think=True)
                    assert said.text, (era, speaker.name, model, stream)
    models = {model for model, _ in learned(running)}
    assert "claudeopus47" in models, "in April every Claude refused adaptive thinking"
    assert not [line for line in running.log_lines if " failed: " in line]


PENALTIES: dict[str, Any] = {"presence_penalty": 0.5, "frequency_penalty": 0.5}


def test_a_parameter_that_is_refused_from_one_day_on(argo: SimulatorProcess) -> None:
    """The day's first request takes three attempts, all later ones one; pasted into the configuration there is none."""
    switch(argo, "2026-05")
    with relay_of(argo) as relay:
        before = chat(relay, "argo:gpt-5", **PENALTIES)
        assert (before.status_code, "x-losses" in before.headers) == (200, False)
        switch(argo, "2026-08")
        counts = []
        for _ in range(2):
            start = len(arrived(argo))
            reply = chat(relay, "argo:gpt-5", **PENALTIES)
            assert (reply.status_code, reply.headers["x-losses"]) == (
                200,
                "presence_penalty=dropped, frequency_penalty=dropped",
            )
            counts.append(len(arrived(argo)) - start)
        assert counts == [3, 1]
        rows = learned(relay)
        shown = httpx.get(f"{relay.url}/v1/models/gpt-5", timeout=PATIENCE).json()["parameters"]
    assert {row["parameter"] for row in shown if row["from"] == "learned"} == PENALTIES.keys()
    assert rows == [("gpt5", f"{{argo:gpt-5: {{parameters: {{{name}: drop}}}}}}") for name in PENALTIES]
    # Two rows of one model become one mapping, as a person would write it.
    members = ", ".join(row.removeprefix("{argo:gpt-5: {parameters: {").removesuffix("}}}") for _, row in rows)
    with relay_of(argo, f"learn: no\nmodels: {{argo:gpt-5: {{parameters: {{{members}}}}}}}\n") as relay:
        start = len(arrived(argo))
        reply = chat(relay, "gpt-5", **PENALTIES)
        assert (reply.status_code, len(arrived(argo)) - start) == (200, 1)
        assert learned(relay) == []


@pytest.mark.parametrize("stream", [False, True])
def test_without_learning_it_is_a_clean_400(argo: SimulatorProcess, stream: bool) -> None:
    switch(argo, "2026-09")
    with relay_of(argo, "learn: no\n") as relay:
        reply = chat(relay, "argo:o3", presence_penalty=0.5, stream=stream)
    error = reply.json()["error"]
    assert (reply.status_code, error["param"], error["code"]) == (400, "presence_penalty", "unsupported_parameter")
    assert error["message"] == "Unsupported parameter: 'presence_penalty' is not supported with this model."


def test_a_strict_client_is_told_what_it_would_lose(argo: SimulatorProcess) -> None:
    switch(argo, "2026-09")
    with relay_of(argo) as relay:
        for _ in range(2):
            reply = chat(relay, "argo:o3", {"x-strict": "true"}, presence_penalty=0.5)
            error = reply.json()["error"]
            assert (reply.status_code, error["param"], error["code"]) == (400, "presence_penalty", "translation_loss")


def test_many_at_once_learn_once(argo: SimulatorProcess) -> None:
    switch(argo, "2026-09")
    with relay_of(argo) as relay, ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda _: chat(relay, "argo:o3", presence_penalty=0.5), range(12)))
        assert {reply.status_code for reply in replies} == {200}
        assert len(learned(relay)) == 1
