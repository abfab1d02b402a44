"""Another team's mock of four vendors as the upstream: what nobody here wrote, and what breaks on command.

https://github.com/JulienRabault/LLMock
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import httpx
import pytest

from support.process import PATIENCE, CommandProcess, RelayProcess
from support.said import PERSON, Said, Speaker
from support.speak_anthropic import AnthropicSpeaker
from support.speak_google import GoogleSpeaker
from support.speak_openai import ChatSpeaker, ResponsesSpeaker

LLMOCK: Final = (str(Path(sys.executable).with_name("llmock")),)
TEXT: Final = "One two three four five six."
CUT: Final = '{"city": "'
"""What llmock leaves of a call's arguments when it is to break them."""

UPSTREAMS: Final = {
    "openai": ("", "gpt-4o"),
    "openai_responses": ("", "gpt-4o"),
    "anthropic": ("/anthropic", "claude-sonnet-4-6"),
    "google": ("/gemini", "gemini-2.5-pro"),
}
"""Where in llmock each kind of upstream is, and a model there."""

SPEAKERS: Final[dict[str, Callable[[str], Speaker]]] = {
    "openai_chat": ChatSpeaker,
    "openai_responses": ResponsesSpeaker,
    "anthropic": AnthropicSpeaker,
    "google": GoogleSpeaker,
}


class Llmock(CommandProcess):
    """`llmock serve` on a free port."""

    def __init__(self) -> None:
        # Its own banner would name port 0; uvicorn's line names the port that it got.
        super().__init__("serve", "--port", "0", ready=r"running on (http://[\d.:]+)", command=LLMOCK)

    def __enter__(self) -> Self:
        super().__enter__()
        self._control = httpx.Client(base_url=f"{self.place}/_llmock", timeout=PATIENCE)
        return self

    def __exit__(self, *ended: object) -> None:
        self._control.close()
        super().__exit__(*ended)

    def plan(self, *behaviors: dict[str, Any]) -> None:
        """Forget what was, and have the next exchange meet these; the relay's questions for models are none."""
        self._control.post("/reset").raise_for_status()
        if behaviors:
            # A list of models is asked for at any time, and would use up what the test is about.
            planned = [behavior | {"match": {"model": "?*"}} for behavior in behaviors]
            self._control.post("/scenario", json={"behaviors": planned}).raise_for_status()

    def asked(self) -> dict[str, Any]:
        """Return the body of the last exchange's request."""
        bodies: list[dict[str, Any]] = [one["body"] for one in self._control.get("/requests").json()["requests"]]
        return [body for body in bodies if body][-1]


class Site(NamedTuple):
    """One relay in front of one dialect of llmock."""

    dialect: str
    model: str
    llmock: Llmock
    http: httpx.Client
    speakers: dict[str, Speaker]


@pytest.fixture(scope="module")
def llmock() -> Iterator[Llmock]:
    with Llmock() as process:
        yield process


@pytest.fixture(scope="module", params=UPSTREAMS)
def site(request: pytest.FixtureRequest, llmock: Llmock) -> Iterator[Site]:
    """Nothing that llmock does may come out as a bug of the relay: its log says so at the end."""
    kind: str = request.param
    path, model = UPSTREAMS[kind]
    config = f"upstream: {{kind: {kind}, base_url: '{llmock.place}{path}', key_env: MY_KEY}}\nretries: 0\n"
    with RelayProcess(config=config, env={"MY_KEY": "tester"}) as relay:
        speakers = {name: make(relay.url) for name, make in SPEAKERS.items()}
        with httpx.Client(base_url=relay.url, timeout=PATIENCE) as http:
            yield Site({"openai": "openai_chat"}.get(kind, kind), model, llmock, http, speakers)
        for speaker in speakers.values():
            speaker.close()
        relay.terminate()
        assert not [line for line in relay.log_lines if " failed: " in line], relay.output


@pytest.fixture(params=SPEAKERS)
def speaker(request: pytest.FixtureRequest, site: Site) -> Speaker:
    return site.speakers[request.param]


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    streamed: bool = request.param
    return streamed


def finished(said: Said, speaker: Speaker, how: str) -> None:
    assert said.stop == how
    assert said.tokens[0] > 0


def test_text(site: Site, speaker: Speaker, stream: bool) -> None:
    site.llmock.plan({"type": "reply", "text": TEXT})
    said = speaker.say(site.model, "hello", stream=stream)
    assert (said.text, said.calls) == (TEXT, [])
    finished(said, speaker, speaker.ended)


def test_a_tool_in_two_turns(site: Site, speaker: Speaker, stream: bool) -> None:
    """Left to itself llmock calls the tool that fits the prompt best, and answers once it sees the tool's result."""
    site.llmock.plan()
    prompt = "weather?"
    said = speaker.say(site.model, prompt, stream=stream, tools=True)
    ((identifier, name, arguments),) = said.calls
    assert (name, list(arguments)) == ("get_weather", ["city"])
    finished(said, speaker, speaker.called)
    turns = speaker.turns(prompt, said, {identifier: "It is sunny."})
    again = speaker.say(site.model, prompt, stream=stream, tools=True, before=turns)
    assert again.text
    assert not again.calls
    finished(again, speaker, speaker.ended)


def test_tools_in_parallel(site: Site, speaker: Speaker, stream: bool) -> None:
    calls = [("get_weather", {"city": "Turin"}), ("get_time", {"city": "Rome"})]
    called = [{"name": name, "arguments": arguments} for name, arguments in calls]
    site.llmock.plan({"type": "reply", "text": TEXT, "tool_calls": called})
    said = speaker.say(site.model, "both", stream=stream, tools=True)
    assert said.text == TEXT
    assert [(name, arguments) for _, name, arguments in said.calls] == calls
    if (site.dialect, speaker.name) != ("google", "google"):
        # Gemini's calls need no ids, and llmock's have none; the other clients are given some.
        assert len({identifier for identifier, _, _ in said.calls}) == 2
    finished(said, speaker, speaker.called)


def test_an_unknown_tool_is_passed_on(site: Site, speaker: Speaker, stream: bool) -> None:
    site.llmock.plan({"type": "tool_fault", "kind": "unknown_tool"})
    said = speaker.say(site.model, "weather?", stream=stream, tools=True)
    assert [name for _, name, _ in said.calls] == ["llmock_unknown_tool"]
    finished(said, speaker, speaker.called)


def test_arguments_that_are_no_json_are_the_clients_to_judge(site: Site, speaker: Speaker, stream: bool) -> None:
    """They come as the model wrote them where the client's dialect has them as text, which its program then reads."""
    site.llmock.plan({"type": "tool_fault", "kind": "malformed_arguments"})
    textual = speaker.name.startswith("openai")
    # In an object, which Gemini and Claude's whole replies have, llmock itself writes nothing in their place.
    told = site.dialect.startswith("openai") or (site.dialect == "anthropic" and stream)
    if told and textual:
        with pytest.raises(json.JSONDecodeError) as caught:
            speaker.say(site.model, "weather?", stream=stream, tools=True)
        assert caught.value.doc == CUT
        return
    said = speaker.say(site.model, "weather?", stream=stream, tools=True)
    ((_, name, arguments),) = said.calls
    assert name == "get_weather"
    if not told:
        assert arguments == {}
    elif speaker.name == "anthropic" and stream:
        # Its SDK makes of them what it can.
        assert arguments in ({"city": ""}, {})
    else:
        assert arguments == {"arguments": CUT}
    finished(said, speaker, speaker.called)


def test_a_schema(site: Site, speaker: Speaker, stream: bool) -> None:
    site.llmock.plan()
    said = speaker.say(site.model, "who?", stream=stream, schema=True)
    if site.dialect == "anthropic":
        # llmock reads a schema only where Anthropic's beta had it (`output_format`), and answers in prose.
        asked = site.llmock.asked()["output_config"]["format"]["schema"]
        assert asked | {"title": "person"} == PERSON | {"title": "person"}
    else:
        assert set(json.loads(said.text)) == {"name", "age"}


def test_a_reply_that_runs_into_its_limit(site: Site, speaker: Speaker, stream: bool) -> None:
    site.llmock.plan({"type": "reply", "text": TEXT, "finish_reason": "length"})
    said = speaker.say(site.model, "hello", stream=stream, limit=99)
    assert said.text == TEXT
    finished(said, speaker, speaker.cut)


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503, 529])
def test_an_error_keeps_its_status(site: Site, speaker: Speaker, status: int) -> None:
    site.llmock.plan({"type": "fail", "status": status, "message": "No such luck.", "retry_after": 7})
    with pytest.raises(speaker.failures, match="No such luck") as caught:
        speaker.say(site.model, "hello", stream=status % 2 == 0)
    assert getattr(caught.value, "status_code", getattr(caught.value, "code", None)) == status
    reply: Any = getattr(caught.value, "response", None)
    assert reply.headers["retry-after"] == "7"


@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed"])
def test_no_sdk_takes_a_part_for_the_whole(site: Site, speaker: Speaker, kind: str) -> None:
    """Pointed at a truncated stream directly, none of the four raises anything: llmock's own finding, in its README."""
    site.llmock.plan({"type": "reply", "text": TEXT}, {"type": "stream_fault", "kind": kind, "after_chunks": 4})
    own = kind == "malformed" and speaker.name == site.dialect
    # In its own dialect a client gets the upstream's very bytes: that they are no JSON is for its SDK to say.
    with pytest.raises((ValueError, *speaker.failures) if own else speaker.failures):
        speaker.say(site.model, "hello", stream=True)


def test_a_good_end_means_the_whole_text(site: Site, speaker: Speaker) -> None:
    """Cut after each of its events: until all text has come it is an error, however neatly the connection closes."""
    whole = 0
    # Between a chat stream's finish and its usage (its ninth event) the reply is whole, but the speakers want counts.
    for after in [at for at in range(18) if (site.dialect, at) != ("openai_chat", 8)]:
        site.llmock.plan(
            {"type": "reply", "text": TEXT}, {"type": "stream_fault", "kind": "truncate", "after_chunks": after}
        )
        try:
            said = speaker.say(site.model, "hello", stream=True)
        except speaker.failures:
            assert not whole
            continue
        whole += 1
        assert (said.text, said.stop) == (TEXT, speaker.ended)
    assert 0 < whole < 15


CLIENTS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "openai_chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hello"}]}),
    "openai_responses": ("/v1/responses", {"input": "hello"}),
    "anthropic": ("/v1/messages", {"max_tokens": 99, "messages": [{"role": "user", "content": "hello"}]}),
    "google": ("/v1beta/models/{}:streamGenerateContent?alt=sse", {"contents": [{"parts": [{"text": "hello"}]}]}),
    "google_array": ("/v1beta/models/{}:streamGenerateContent", {"contents": [{"parts": [{"text": "hello"}]}]}),
}
"""Each client's path and body; Google's streams have a second form, one JSON array."""


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def ask(site: Site, client: str, *, stream: bool = True, **fields: Any) -> httpx.Response:
    path, body = CLIENTS[client]
    if client.startswith("google"):
        path = path if stream else path.partition(":")[0] + ":generateContent"
        return site.http.post(path.format(site.model), json=body | fields)
    return site.http.post(path, json={"model": site.model, "stream": stream} | body | fields)


def last_of(client: str, reply: httpx.Response) -> tuple[str, Any]:
    """Return the name and the data of a stream's last event; what is not JSON stays text."""
    if client == "google_array":
        return "", json.loads(reply.text)[-1]
    assert reply.text.endswith("\n\n")
    fields = dict(line.split(": ", 1) for line in reply.text.rstrip("\n").rpartition("\n\n")[2].split("\n"))
    data = fields["data"]
    return fields.get("event", ""), json.loads(data) if data.startswith("{") else data


def error_in(client: str, reply: httpx.Response) -> str:
    """Return the message of the error that a reply is, or that its stream ends with, in the client's own form."""
    name, value = last_of(client, reply) if reply.status_code == 200 else ("", reply.json())
    if client == "openai_responses" and reply.status_code == 200:
        assert (name, value["type"]) == ("response.failed", "response.failed")
        value = value["response"]
        assert value["status"] == "failed"
    if client == "anthropic":
        assert name == ("error" if reply.status_code == 200 else "")
        assert value["type"] == "error"
    if client.startswith("google"):
        assert isinstance(value["error"]["code"], int)
    message: str = value["error"]["message"]
    return message


def test_a_reply_is_named_after_its_model(site: Site, client: str) -> None:
    """Also llmock's Gemini, whose whole replies lack the `modelVersion` that Google's always have."""
    site.llmock.plan({"type": "reply", "text": TEXT})
    value = ask(site, client.removesuffix("_array"), stream=False).json()
    if own(site, "google") and own(site, client):
        assert "modelVersion" not in value
    else:
        assert site.model in (value.get("model"), value.get("modelVersion"))


def own(site: Site, client: str) -> bool:
    return client.removesuffix("_array") == site.dialect


def unreadable(reply: httpx.Response) -> list[str]:
    """Return what a stream's events hold that is not JSON."""
    found = []
    for line in reply.text.splitlines():
        data = line.removeprefix("data: ")
        if data not in (line, "[DONE]"):
            try:
                json.loads(data)
            except ValueError:
                found.append(data)
    return found


def broken(site: Site, kind: str, after: int) -> None:
    fault = {"type": "stream_fault", "kind": kind, "after_chunks": after, "stall_seconds": 60}
    site.llmock.plan({"type": "reply", "text": TEXT}, fault)


@pytest.mark.parametrize("after", [0, 1, 4])
@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed"])
def test_a_broken_stream_ends_in_the_clients_own_error(site: Site, client: str, kind: str, after: int) -> None:
    broken(site, kind, after)
    reply = ask(site, client)
    if own(site, client) and client == "google_array":
        # llmock can break only server-sent events: its array is one whole body, and comes through as one.
        assert [one["candidates"][0].get("finishReason") for one in reply.json()][-1] == "STOP"
    elif own(site, client) and kind == "malformed" and (lost := unreadable(reply)):
        # The verbatim lane: the client's own reader meets the very bytes, and says so (see the SDKs' test).
        assert len(lost) == 1
    else:
        assert error_in(client, reply).startswith("The upstream ")
        assert not unreadable(reply)
        assert "[DONE]" not in reply.text


@pytest.mark.parametrize("after", [0, 4])
def test_a_stalled_stream_ends_by_the_clients_own_deadline(site: Site, client: str, after: int) -> None:
    broken(site, "stall", after)
    reply = ask(site, client, timeout=0.2)
    if own(site, client) and client == "google_array":
        assert reply.json()
        return
    assert "0.2 s" in error_in(client, reply)
    if reply.status_code != 200:
        assert (reply.status_code, reply.headers["x-timeout-timer"]) == (504, "total")


@pytest.mark.parametrize("stream", [False, True])
def test_a_slow_reply_ends_by_the_clients_own_deadline(site: Site, client: str, stream: bool) -> None:
    site.llmock.plan({"type": "delay", "seconds": 1})
    reply = ask(site, client, stream=stream, timeout=0.2)
    assert (reply.status_code, reply.headers["x-timeout-timer"]) == (504, "total")
    assert "0.2 s" in error_in(client, reply)
