"""Argo refuses what it took until now, and no packaged row knows of it: every client goes on, in all four dialects.

`test_argo_changes` has the changes that are known; these are made up, so that nothing but refusals can teach them.
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
from support.speakers import SPEAKERS

PROMPT = "hi [first_token=0] [gap=0] [chunks=3]"
OPENAI, HAIKU, SONNET = "argo:gpt-4o", "argo:claude-haiku-4.5", "argo:claude-sonnet-4.6"
SURPRISE = {
    "gpt4o": ["top_p", "temperature"],
    # The packaged row has Haiku's thinking always with a budget: the opposite.
    "claudehaiku45": ["thinking.enabled"],
    "claudesonnet46": ["temperature"],
}
LESSONS = {
    (OPENAI, "top_p: drop"),
    (OPENAI, "temperature: drop"),
    (HAIKU, "thinking: thinking adaptive"),
    (SONNET, "temperature: drop"),
}
SAMPLING: dict[str, dict[str, Any]] = {
    "openai_chat": {"temperature": 0.5, "top_p": 0.9},
    "openai_responses": {"temperature": 0.5, "top_p": 0.9},
    "anthropic": {"temperature": 0.5, "top_p": 0.9, "max_tokens": 64},
    "google": {"temperature": 0.5, "topP": 0.9},
}
_LEARNED = re.compile(
    r"learned of \S+ \(refused by the upstream\); to keep it: models: \{(\S+): \{parameters: \{(.+)\}\}\}"
)


@pytest.fixture
def argo() -> Iterator[SimulatorProcess]:
    with SimulatorProcess() as simulator:
        yield simulator


def relay_of(argo: SimulatorProcess, more: str = "") -> RelayProcess:
    return RelayProcess(config=f"user: tester\nupstream: {{base_url: '{argo.url}'}}\nlog: {{format: json}}\n{more}")


def switch(argo: SimulatorProcess, refused: dict[str, list[str]]) -> None:
    httpx.put(f"{argo.url}/simulator/era", json={"refused": refused}, timeout=PATIENCE).raise_for_status()


def statuses(argo: SimulatorProcess) -> list[int]:
    """Return what Argo has answered so far, and let it forget."""
    rows = httpx.get(f"{argo.url}/simulator/exchanges", timeout=PATIENCE).json()
    httpx.delete(f"{argo.url}/simulator/exchanges", timeout=PATIENCE)
    return [row["status"] for row in rows]


def lessons(relay: RelayProcess) -> list[tuple[str, str]]:
    said = [json.loads(line).get("message", "") for line in relay.log_lines]
    return [(found[1], found[2]) for one in said if (found := _LEARNED.fullmatch(one))]


def sampled(relay: RelayProcess, client: str, model: str, *, stream: bool, **headers: str) -> httpx.Response:
    """Ask with a temperature and a top_p."""
    wishes, path = SAMPLING[client], f"/v1beta/models/{model}:generateContent"
    body: dict[str, Any]
    if client == "google":
        path = path.replace(":generateContent", ":streamGenerateContent?alt=sse") if stream else path
        body = {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}], "generationConfig": wishes}
    elif client == "openai_responses":
        path, body = "/v1/responses", {"model": model, "input": PROMPT, "stream": stream} | wishes
    else:
        path = "/v1/messages" if client == "anthropic" else "/v1/chat/completions"
        body = {"model": model, "messages": [{"role": "user", "content": PROMPT}], "stream": stream} | wishes
    return httpx.post(relay.url + path, json=body, headers=headers, timeout=PATIENCE)


def everybody(relay: RelayProcess) -> None:
    """Have every client ask every model, whole and streamed; whatever is no answer fails."""
    for client, make in SPEAKERS.items():
        speaker = make(relay.url)
        for stream in (False, True):
            said = speaker.say(HAIKU, PROMPT, stream=stream, limit=5000, think=True)
            assert said.text
            assert said.stop == speaker.ended
            for model in (OPENAI, SONNET):
                reply = sampled(relay, client, model, stream=stream)
                assert (reply.status_code, '"error":{' in reply.text) == (200, False), reply.text
        speaker.close()


def test_everybody_goes_on_and_the_log_says_how_to_spare_the_refusals(argo: SimulatorProcess) -> None:
    with relay_of(argo) as relay:
        everybody(relay)
        assert set(statuses(argo)) == {200}
        switch(argo, SURPRISE)
        everybody(relay)
        refused = statuses(argo).count(400)
        learned = lessons(relay)
        everybody(relay)
        assert set(statuses(argo)) == {200}, "what has been learned is not asked again"
        switch(argo, {})
        everybody(relay)
        # What was only left out is not missed; what was put otherwise is refused now, and the newest lesson counts.
        assert lessons(relay) == [*learned, (HAIKU, "thinking: thinking enabled")]
    statuses(argo)
    assert set(learned) == LESSONS
    assert refused >= len(learned)
    switch(argo, SURPRISE)
    rows: dict[str, list[str]] = {}
    for model, row in learned:
        rows.setdefault(model, []).append(row)
    pasted = "".join(f"  {model}: {{parameters: {{{', '.join({*said})}}}}}\n" for model, said in rows.items())
    with relay_of(argo, f"models:\n{pasted}") as relay:
        everybody(relay)
        assert set(statuses(argo)) == {200}, "no refusal is ever met"
        assert lessons(relay) == []


@pytest.mark.parametrize("client", SPEAKERS)
def test_who_does_not_want_that_gets_a_clean_400(argo: SimulatorProcess, client: str) -> None:
    switch(argo, {"gpt4o": ["top_p"]})
    with relay_of(argo, "learn: no\n") as relay:
        for stream in (False, True):
            reply = sampled(relay, client, OPENAI, stream=stream)
            assert reply.status_code == 400
            assert reply.json()["error"]["message"] == (
                "Unsupported parameter: 'top_p' is not supported with this model."
            )
        assert lessons(relay) == []
    with relay_of(argo) as relay:
        reply = sampled(relay, client, OPENAI, stream=False, **{"x-strict": "true"})
        assert reply.status_code == 400
        assert "top_p" in reply.json()["error"]["message"]


def test_clients_of_all_dialects_at_once_learn_once(argo: SimulatorProcess) -> None:
    switch(argo, {"gpt4o": ["top_p"]})
    asked = [(client, stream) for client in SPEAKERS for stream in (False, True)] * 3
    with relay_of(argo) as relay, ThreadPoolExecutor(len(asked)) as pool:
        replies = list(pool.map(lambda one: sampled(relay, one[0], OPENAI, stream=one[1]), asked))
        assert [reply.status_code for reply in replies] == [200] * len(asked)
        routes = lessons(relay)
    # One a route: Responses has names of its own.
    assert routes == [(OPENAI, "top_p: drop")] * 2
