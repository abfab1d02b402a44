"""Four official SDKs against models of three makers through the real process, whole and streamed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.genai import types

from support.process import RelayProcess, SimulatorProcess
from support.said import Said, Speaker
from support.speak_anthropic import AnthropicSpeaker
from support.speak_google import GoogleSpeaker
from support.speak_openai import ChatSpeaker, ResponsesSpeaker

SPEAKERS: dict[str, Callable[[str], Speaker]] = {
    "openai_chat": ChatSpeaker,
    "openai_responses": ResponsesSpeaker,
    "anthropic": AnthropicSpeaker,
    "google": GoogleSpeaker,
}
MODELS = ("argo:gpt-4o", "argo:claude-opus-4.5", "argo:gemini-2.5-pro")


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess("--simulate") as process:
        yield process


@pytest.fixture(params=SPEAKERS)
def speaker(request: pytest.FixtureRequest, relay: RelayProcess) -> Iterator[Speaker]:
    made = SPEAKERS[request.param](relay.url)
    yield made
    made.close()


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    streamed: bool = request.param
    return streamed


def finished(said: Said, speaker: Speaker, how: str) -> None:
    assert said.stop == how, f"{speaker.name} says {said.stop}"
    assert min(said.tokens) > 0


def test_text(speaker: Speaker, model: str, stream: bool) -> None:
    said = speaker.say(model, "hello [chunks=5]", stream=stream)
    assert said.text.startswith("This is the Argo simulator")
    assert not said.calls
    finished(said, speaker, speaker.ended)


def test_a_reply_that_runs_into_its_limit(speaker: Speaker, model: str, stream: bool) -> None:
    said = speaker.say(model, "hello [chunks=50]", stream=stream, limit=20)
    assert said.text
    finished(said, speaker, speaker.cut)


def test_a_tool_in_two_turns(speaker: Speaker, model: str, stream: bool) -> None:
    prompt = "weather? [tool=get_weather]"
    said = speaker.say(model, prompt, stream=stream, tools=True)
    ((identifier, name, arguments),) = said.calls
    assert (name, list(arguments)) == ("get_weather", ["city"])
    finished(said, speaker, speaker.called)
    turns = speaker.turns(prompt, said, {identifier: "It is sunny."})
    again = speaker.say(model, prompt, stream=stream, tools=True, before=turns)
    assert again.text
    assert not again.calls
    finished(again, speaker, speaker.ended)


def test_tools_in_parallel(speaker: Speaker, model: str, stream: bool) -> None:
    prompt = "both [tool=get_weather,get_time]"
    said = speaker.say(model, prompt, stream=stream, tools=True)
    assert [name for _, name, _ in said.calls] == ["get_weather", "get_time"]
    assert len({identifier for identifier, _, _ in said.calls}) == 2
    finished(said, speaker, speaker.called)


@pytest.mark.parametrize("model", MODELS[:2])
def test_results_of_tools_in_parallel(speaker: Speaker, model: str, stream: bool) -> None:
    """Not with Gemini: Argo hands it each result in a turn of its own, which Gemini refuses."""
    prompt = "both [tool=get_weather,get_time]"
    said = speaker.say(model, prompt, stream=stream, tools=True)
    turns = speaker.turns(prompt, said, {identifier: f"{name} is done" for identifier, name, _ in said.calls})
    again = speaker.say(model, prompt, stream=stream, tools=True, before=turns)
    assert again.text
    finished(again, speaker, speaker.ended)


def test_a_picture(speaker: Speaker, model: str, stream: bool) -> None:
    said = speaker.say(model, "what is it?", stream=stream, image=True)
    assert "1 image" in said.text


def test_a_schema(speaker: Speaker, model: str, stream: bool) -> None:
    said = speaker.say(model, "who?", stream=stream, schema=True)
    person = json.loads(said.text)
    assert set(person) == {"name", "age"}
    assert isinstance(person["age"], int)


def test_a_deadline_is_the_sdks_own_error(speaker: Speaker, model: str, stream: bool) -> None:
    before = time.monotonic()
    with pytest.raises(speaker.failures, match=r"timeout|`timeout`|0\.3 s"):
        speaker.say(model, "hello [first_token=60]", stream=stream, timeout=0.3)
    assert time.monotonic() - before < 5


def test_a_deadline_within_a_stream_is_the_sdks_own_error(speaker: Speaker, model: str) -> None:
    with pytest.raises(speaker.failures, match=r"timeout|`timeout`|0\.5 s"):
        speaker.say(model, "hello [first_token=0] [chunks=5] [gap=60]", stream=True, timeout=0.5)


def test_an_upstreams_error_is_the_sdks_own_error(speaker: Speaker, model: str, stream: bool) -> None:
    with pytest.raises(speaker.failures) as caught:
        speaker.say(model, "hello [status=429]", stream=stream)
    assert getattr(caught.value, "status_code", getattr(caught.value, "code", None)) == 429


def test_thoughts_come_back_to_whoever_had_them(speaker: Speaker, stream: bool) -> None:
    """Claude refuses thoughts that do not bear its own signature, so the second turn shows that it came through."""
    model, prompt = "argo:claude-opus-4.5", "think [think=3] [tool=get_weather]"
    said = speaker.say(model, prompt, stream=stream, tools=True, think=True, limit=4096)
    assert said.thought
    ((identifier, _, _),) = said.calls
    turns = speaker.turns(prompt, said, {identifier: "sunny"})
    again = speaker.say(model, prompt, stream=stream, tools=True, think=True, limit=4096, before=turns)
    assert again.text


KINDS = {
    # In May, Argo's GPT took max_tokens: the relay says that to a server of which it knows nothing.
    "openai": ("gpt4o", "2026-05"),
    "openai_responses": ("gpt4o", "2026-09"),
    "anthropic": ("claudeopus45", "2026-09"),
}


@pytest.fixture(scope="module", params=KINDS)
def vendor(request: pytest.FixtureRequest) -> Iterator[tuple[RelayProcess, str]]:
    """A relay whose upstream is a server of one dialect, and a model that it has."""
    model, as_of = KINDS[request.param]
    with SimulatorProcess("--as-of", as_of) as simulator:
        config = f"upstream: {{kind: {request.param}, base_url: '{simulator.url}', key_env: MY_KEY}}\n"
        with RelayProcess(config=config, env={"MY_KEY": "tester"}) as process:
            yield process, model


@pytest.fixture(params=SPEAKERS)
def visitor(request: pytest.FixtureRequest, vendor: tuple[RelayProcess, str]) -> Iterator[Speaker]:
    made = SPEAKERS[request.param](vendor[0].url)
    yield made
    made.close()


def test_a_server_of_any_dialect(visitor: Speaker, vendor: tuple[RelayProcess, str], stream: bool) -> None:
    prompt = "weather? [tool=get_weather]"
    said = visitor.say(vendor[1], prompt, stream=stream, tools=True)
    ((identifier, name, _),) = said.calls
    assert name == "get_weather"
    finished(said, visitor, visitor.called)
    turns = visitor.turns(prompt, said, {identifier: "It is sunny."})
    again = visitor.say(vendor[1], prompt, stream=stream, tools=True, before=turns)
    assert again.text
    finished(again, visitor, visitor.ended)


def test_a_servers_error(visitor: Speaker, vendor: tuple[RelayProcess, str], stream: bool) -> None:
    with pytest.raises(visitor.failures):
        visitor.say("no-such-model", "hello", stream=stream)


def test_embeddings_of_both_sdks_agree(relay: RelayProcess) -> None:
    model = "argo:text-embedding-3-small"
    openai, google = ChatSpeaker(relay.url).client, GoogleSpeaker(relay.url).client
    with openai, google:
        theirs = openai.embeddings.create(model=model, input=["a", "b"], dimensions=8)
        config = types.EmbedContentConfig(output_dimensionality=8)
        ours = google.models.embed_content(model=model, contents=["a", "b"], config=config)
    assert [len(one.embedding) for one in theirs.data] == [8, 8]
    for one, other in zip(theirs.data, ours.embeddings or [], strict=True):
        assert one.embedding == pytest.approx(other.values)


@pytest.mark.parametrize("model", MODELS)
def test_tokens_are_counted_for_both_sdks(relay: RelayProcess, model: str) -> None:
    anthropic, google = AnthropicSpeaker(relay.url).client, GoogleSpeaker(relay.url).client
    words = "The quick brown fox jumps over the lazy dog. " * 10
    with anthropic, google:
        one = anthropic.messages.count_tokens(model=model, messages=[{"role": "user", "content": words}])
        other = google.models.count_tokens(model=model, contents=words)
    assert one.input_tokens == other.total_tokens
    assert 50 <= one.input_tokens <= 200


def test_every_sdk_lists_the_models(relay: RelayProcess) -> None:
    openai, anthropic = ChatSpeaker(relay.url).client, AnthropicSpeaker(relay.url).client
    google = GoogleSpeaker(relay.url).client
    with openai, anthropic, google:
        listed = {model.id for model in openai.models.list()}
        assert listed == {model.id for model in anthropic.models.list()}
        assert listed == {(model.name or "").removeprefix("models/") for model in google.models.list()}
        assert set(MODELS) <= listed
        assert openai.models.retrieve("gpt-4o").id == "argo:gpt-4o"
        assert anthropic.models.retrieve("claude-opus-4.5").id == "argo:claude-opus-4.5"
        assert google.models.get(model="models/gemini-2.5-pro").name == "models/argo:gemini-2.5-pro"


@pytest.mark.parametrize("model", MODELS)
def test_legacy_completions(relay: RelayProcess, model: str, stream: bool) -> None:
    with ChatSpeaker(relay.url).client as client:
        asked: dict[str, Any] = {"model": model, "prompt": "hello [chunks=5]", "max_tokens": 100}
        if stream:
            chunks = list(client.completions.create(**asked, stream=True))
            text = "".join(chunk.choices[0].text for chunk in chunks)
            finish = chunks[-1].choices[0].finish_reason
        else:
            completion = client.completions.create(**asked)
            text, finish = completion.choices[0].text, completion.choices[0].finish_reason
    assert text.startswith("This is the Argo simulator")
    assert finish == "stop"
