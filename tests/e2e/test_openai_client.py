"""The official OpenAI client: what it raises when a timeout holds, and that it does not send the request again."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from support.process import RelayProcess


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess("--simulate") as process:
        yield process


@pytest.fixture
def client(relay: RelayProcess) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{relay.url}/v1", api_key="dummy") as made:
        yield made


def say(prompt: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": prompt}]


def test_a_whole_reply_that_is_late_raises_once(relay: RelayProcess, client: OpenAI) -> None:
    before = len(relay.exchanges())
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(
            model="argo:gpt-4",
            messages=say("[first_token=5]"),
            extra_body={"timeout": 1},
            timeout=30,
        )
    assert caught.value.status_code == 504
    assert caught.value.code == "timeout_total"
    assert caught.value.type == "timeout_error"
    assert caught.value.param == "timeout"
    assert len(relay.exchanges()) == before + 1, "the client retried a request that had used up its time"


def test_a_stream_that_is_late_raises_where_it_is_read(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="argo:gpt-4",
        messages=say("[first_token=0] [chunks=40] [gap=0.2]"),
        stream=True,
        extra_body={"timeout": 1},
        timeout=30,
    )
    read: list[object] = []
    with pytest.raises(openai.APIError) as caught:
        read.extend(stream)
    assert len(read) > 2
    assert caught.value.code == "timeout_total"
    assert not isinstance(caught.value, openai.APIStatusError | openai.APIConnectionError)


def test_heartbeats_keep_a_client_waiting_that_would_have_given_up() -> None:
    env = {"ARGO_RELAY_TIMEOUTS_HEARTBEAT": "0.2"}
    with RelayProcess("--simulate", env=env) as relay, OpenAI(base_url=f"{relay.url}/v1", api_key="dummy") as client:
        stream = client.chat.completions.create(
            model="argo:gpt-4",
            messages=say("[first_token=2]"),
            stream=True,
            timeout=1,
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert "simulator" in text


def test_models_tools_usage_and_errors(client: OpenAI) -> None:
    assert "argo:gpt-4o" in {model.id for model in client.models.list()}
    assert client.models.retrieve("argo:claude-opus-4.7").owned_by == "anthropic"
    with pytest.raises(openai.NotFoundError, match="argo:gpt-4"):
        client.chat.completions.create(model="gpt-4oo", messages=say("hi"))
    weather: ChatCompletionToolParam = {
        "type": "function",
        "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
    }
    completion = client.chat.completions.create(
        model="gpt-4o",
        messages=say("[tool=weather]"),
        tools=[weather],
    )
    calls = completion.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].type == "function"
    assert calls[0].function.name == "weather"
    assert completion.usage is not None
    stream = client.chat.completions.create(
        model="gpt-4o",
        messages=say("hi"),
        stream=True,
        stream_options={"include_usage": True},
    )
    assert [chunk.usage for chunk in stream][-1] is not None


def test_the_upstreams_own_errors_keep_their_status(client: OpenAI) -> None:
    patient = client.with_options(max_retries=0)
    with pytest.raises(openai.RateLimitError) as caught:
        patient.chat.completions.create(
            model="gpt-4o",
            messages=say("[status=429] [retry_after=3]"),
        )
    assert caught.value.response.headers["retry-after"] == "3"
    with pytest.raises(openai.InternalServerError) as gateway:
        patient.chat.completions.create(model="gpt-4o", messages=say("[status=502]"))
    assert gateway.value.code == "upstream_502"
