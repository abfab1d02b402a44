"""What Prometheus reads of the real process, after clients of all sorts: good, late, wrong, and gone."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import NamedTuple

import anthropic
import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam
from prometheus_client.parser import text_string_to_metric_families as read_text

from support.openmetrics import read_openmetrics
from support.process import PATIENCE, RelayProcess
from support.wire import Wire, chat, get, post

KEY = "marked-client-key"
CONFIG = f"""
user: markeduser
keys: [{KEY}]
metrics: {{port: 0, on_client_port: true}}
models: {{gpt-4o: {{timeouts: {{idle: 0.5}}}}}}
"""


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess("--simulate", config=CONFIG) as process:
        yield process


@pytest.fixture
def client(relay: RelayProcess) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{relay.url}/v1", api_key=KEY) as made:
        yield made


def page_at(relay: RelayProcess) -> str:
    (line,) = [line for line in relay.stderr_lines if line.startswith("  metrics ")]
    return line.split()[1]


class Page(NamedTuple):
    text: str
    values: dict[str, list[tuple[dict[str, str], float]]]

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of all series of this name that have these labels."""
        return sum(value for found, value in self.values.get(name, []) if labels.items() <= found.items())


def scrape(relay: RelayProcess) -> Page:
    reply = httpx.get(page_at(relay), timeout=PATIENCE)
    assert reply.status_code == 200
    values: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in read_text(reply.text):
        for sample in family.samples:
            values.setdefault(sample.name, []).append((sample.labels, sample.value))
    return Page(reply.text, values)


def until(relay: RelayProcess, wanted: Callable[[Page], bool]) -> Page:
    """Scrape until the page is as wanted: an exchange's record may come after its client has left."""
    for _ in range(2000):
        page = scrape(relay)
        if wanted(page):
            return page
    raise AssertionError(page.text)


def say(prompt: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": prompt}]


def test_each_end_is_counted_once_and_the_sums_agree(relay: RelayProcess, client: OpenAI) -> None:
    before = scrape(relay)
    name = "argo_relay_exchanges_total"
    client.chat.completions.create(model="gpt-4.1", messages=say("hi"))
    list(client.chat.completions.create(model="gpt-4.1", messages=say("hi"), stream=True))
    client.embeddings.create(model="text-embedding-3-small", input="hi")
    with anthropic.Anthropic(base_url=relay.url, api_key=KEY) as other:
        other.messages.create(
            model="gpt-4.1", max_tokens=50, messages=[{"role": "user", "content": "hi"}], extra_body={"top_k": 3}
        )
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="gpt-4.1", messages=say("[first_token=9]"), extra_body={"timeout": 0.5})
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="gpt-4o", messages=say("[chunks=9] [gap=9]"), stream=True))
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="marked-no-such-model", messages=say("hi"))
    with Wire(relay.port) as wire:
        wire.send(post(chat("[first_token=60]", "gpt-4.1", timeout=100), authorization=f"Bearer {KEY}"))
        until(relay, lambda page: page.sum("argo_relay_in_flight") == 1)
    page = until(relay, lambda page: page.sum(name) - before.sum(name) == 8)

    def grown(name: str, **labels: str) -> float:
        return page.sum(name, **labels) - before.sum(name, **labels)

    assert grown("gen_ai_server_request_duration_seconds_count") == 8
    assert [grown(name, outcome=one) for one in ("ok", "timeout", "error", "cancelled")] == [4, 2, 1, 1]
    assert grown(name, dialect="anthropic", model="gpt41", upstream="main", status="200") == 1
    assert grown(name, model="unknown", status="404") == 1
    assert grown("argo_relay_timeouts_total") == 2
    assert grown("argo_relay_timeouts_total", timer="total", source="body", model="gpt41") == 1
    assert grown("argo_relay_timeouts_total", timer="idle", source="model", model="gpt4o") == 1
    assert grown("argo_relay_cancellations_total", phase="waiting") == 1
    assert 50 < grown("argo_relay_upstream_saved_seconds_total") < 100
    assert grown("argo_relay_attempts_total") == 7
    assert grown("gen_ai_server_time_to_first_token_seconds_count") == 1
    assert grown("gen_ai_server_request_duration_seconds_count", gen_ai_operation_name="embeddings") == 1
    assert grown("argo_relay_tokens_total", kind="output") > 0
    assert grown("argo_relay_losses_total", loss="top_k") == 1
    assert page.sum("argo_relay_in_flight") == 0
    assert page.sum("argo_relay_build_info") == 1
    assert "marked" not in page.text
    assert "127.0.0.1" not in page.text


def test_the_relays_own_port_gives_them_to_those_with_a_key(relay: RelayProcess) -> None:
    with Wire(relay.port) as wire:
        assert wire.ask(get("/metrics")).status == 401
        reply = wire.ask(
            get(
                "/metrics",
                authorization=f"Bearer {KEY}",
                accept="application/openmetrics-text; version=1.0.0",
                accept_encoding="gzip",
            )
        )
    assert reply.status == 200
    assert reply.headers["content-encoding"] == "gzip"
    text = gzip.decompress(reply.body).decode()
    assert {family.name for family in read_openmetrics(text)} > {"argo_relay_exchanges", "argo_relay_build"}


def test_nobody_gets_them_who_has_not_asked_for_them() -> None:
    with RelayProcess("--simulate") as relay, Wire(relay.port) as wire:
        assert wire.ask(get("/metrics")).status == 404
        assert "metrics" not in relay.output


def test_their_own_port_has_nothing_else_and_ends_with_the_relay() -> None:
    with RelayProcess("--simulate", config="metrics: {port: 0}\n") as relay:
        url = page_at(relay)
        assert httpx.get(url).status_code == 200
        for path in ("/health", "/v1/models", "/v1/chat/completions"):
            assert httpx.get(url.replace("/metrics", path)).status_code == 404
        assert relay.terminate() == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)


def test_an_upstream_that_fails_is_seen_to_rest() -> None:
    config = (
        "upstream: {kind: openai, base_url: 'http://127.0.0.1:9'}\n"
        "retries: 0\nbreaker: {failures: 2, rest: 600}\nmetrics: {port: 0}\n"
    )
    with RelayProcess(config=config) as relay, Wire(relay.port) as wire:
        assert scrape(relay).values["argo_relay_breaker_state"] == [({"upstream": "main", "model": ""}, 0)]
        for _ in range(2):
            assert wire.ask(post(chat("hi", "any"))).status == 502
        page = until(relay, lambda page: page.sum("argo_relay_exchanges_total") == 2)
        assert page.values["argo_relay_breaker_state"] == [({"upstream": "main", "model": ""}, 1)]
        assert page.sum("argo_relay_exchanges_total", model="unknown", status="502", upstream="main") == 2


def test_those_that_wait_are_seen_in_their_queue() -> None:
    config = "upstream: {max_in_flight: 1}\nmetrics: {port: 0}\n"
    with RelayProcess("--simulate", config=config) as relay, Wire(relay.port) as first, Wire(relay.port) as second:
        first.send(post(chat("[first_token=60]", timeout=100)))
        until(relay, lambda page: page.sum("argo_relay_upstream_in_flight", upstream="main") == 1)
        second.send(post(chat("hi", timeout=90)))
        page = until(relay, lambda page: page.sum("argo_relay_upstream_queue_depth", upstream="main") == 1)
        assert (page.sum("argo_relay_in_flight"), page.sum("argo_relay_queue_depth")) == (2, 0)
        first.socket.close()
        assert second.reply().status == 200
        page = until(relay, lambda page: page.sum("argo_relay_exchanges_total") == 2)
        assert page.sum("argo_relay_queue_seconds_count", upstream="main") == 1
        assert page.sum("argo_relay_upstream_in_flight") == page.sum("argo_relay_upstream_queue_depth") == 0


def test_a_partial_reply_is_a_timeout_that_gave_something(relay: RelayProcess, client: OpenAI) -> None:
    before = scrape(relay)
    extra = {"timeout": {"total": 0.8, "on_timeout": "partial"}}
    prompt = say("[first_token=0] [chunks=40] [gap=0.1]")
    list(client.chat.completions.create(model="gpt-4.1", messages=prompt, stream=True, extra_body=extra))
    name = "argo_relay_partial_results_total"
    page = until(relay, lambda page: page.sum(name) > before.sum(name))
    for count in (name, "argo_relay_timeouts_total", "argo_relay_exchanges_total"):
        assert page.sum(count) - before.sum(count) == 1


def test_a_request_that_is_sent_again_is_counted_as_such() -> None:
    """The first client leaves; the second, with the same request, gets the reply that was going on."""
    config = "rejoin: 30s\nmetrics: {port: 0}\n"
    with RelayProcess("--simulate", config=config) as relay:
        same = post(chat("[first_token=2]", "gpt-4.1"))
        with Wire(relay.port) as first:
            first.send(same)
            until(relay, lambda page: page.sum("argo_relay_upstream_in_flight") == 1)
        with Wire(relay.port) as second:
            assert second.ask(same).status == 200
        page = until(relay, lambda page: page.sum("argo_relay_exchanges_total") == 2)
        assert page.sum("argo_relay_rejoined_total") == 1
        assert page.sum("argo_relay_attempts_total") == 1
        assert page.sum("argo_relay_tokens_total", kind="input") == page.sum(
            "gen_ai_client_token_usage_sum", gen_ai_token_type="input"
        )
