"""Whom Argo accounts to: clients of four SDKs through one real process, each in its own name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI

from support.process import RelayProcess
from support.said import Speaker
from support.speak_anthropic import AnthropicSpeaker
from support.speak_google import GoogleSpeaker
from support.speak_openai import ChatSpeaker, ResponsesSpeaker

SPEAKERS: dict[str, Callable[[str, str], Speaker]] = {
    "openai_chat": ChatSpeaker,
    "openai_responses": ResponsesSpeaker,
    "anthropic": AnthropicSpeaker,
    "google": GoogleSpeaker,
}
MODELS = ("argo:gpt-4o", "argo:claude-opus-4.5", "argo:gemini-2.5-pro")
KEYS = {"sk-Alice-1": "alice", "sk-Bob-2": "bob"}
MAPPED = f"""
user: carol
keys: [sk-Door-3]
users: {{{", ".join(f"{key}: {user}" for key, user in KEYS.items())}}}
log: {{format: json}}
"""
MESSAGES = [{"role": "user", "content": "hi [first_token=0]"}]


@pytest.fixture(scope="module")
def named() -> Iterator[RelayProcess]:
    """Each client's own key is its name; nobody else's is known."""
    with RelayProcess("--simulate", config="identity: client\nlog: {format: json}\n") as process:
        yield process


@pytest.fixture(scope="module")
def mapped() -> Iterator[RelayProcess]:
    with RelayProcess("--simulate", config=MAPPED) as process:
        yield process


def seen(relay: RelayProcess, **headers: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = httpx.get(f"{relay.url}/simulator/exchanges", headers=headers).json()
    return rows


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("dialect", SPEAKERS)
def test_two_clients_are_two_users(named: RelayProcess, dialect: str, model: str, stream: bool) -> None:
    before = len(seen(named))
    for user in ("alice", "bob"):
        speaker = SPEAKERS[dialect](named.url, user)
        try:
            assert speaker.say(model, "hi [first_token=0] [chunks=2]", stream=stream).text
        finally:
            speaker.close()
    rows = seen(named)[before:]
    assert [row["user"] for row in rows] == ["alice", "bob"]
    named_in_bodies = [row["body"].get("user") for row in rows]
    assert named_in_bodies == ([None, None] if "messages" in rows[0]["path"] else ["alice", "bob"])


@pytest.mark.parametrize("dialect", SPEAKERS)
def test_a_clients_key_stands_for_its_user(mapped: RelayProcess, dialect: str) -> None:
    door = {"x-api-key": "sk-Door-3"}
    before = len(seen(mapped, **door))
    for key in (*KEYS, "sk-Door-3"):
        speaker = SPEAKERS[dialect](mapped.url, key)
        try:
            assert speaker.say(MODELS[1], "hi [first_token=0] [chunks=2]", stream=False).text
        finally:
            speaker.close()
    rows = seen(mapped, **door)[before:]
    assert [row["user"] for row in rows] == ["alice", "bob", "carol"]
    speaker = SPEAKERS[dialect](mapped.url, "sk-Nobody-4")
    with pytest.raises(speaker.failures) as caught:
        speaker.say(MODELS[1], "hi", stream=False)
    speaker.close()
    assert getattr(caught.value, "status_code", getattr(caught.value, "code", None)) == 401


@pytest.mark.parametrize("key", ["Alice", "alice@anl.gov"])
@pytest.mark.parametrize("dialect", SPEAKERS)
def test_a_key_that_is_no_name_is_the_sdks_own_error(named: RelayProcess, dialect: str, key: str) -> None:
    before = len(seen(named))
    speaker = SPEAKERS[dialect](named.url, key)
    with pytest.raises(speaker.failures, match="is not an Argo user name") as caught:
        speaker.say(MODELS[0], "hi", stream=False)
    speaker.close()
    assert getattr(caught.value, "status_code", getattr(caught.value, "code", None)) == 401
    assert key not in str(caught.value)
    assert len(seen(named)) == before


PATHS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": MODELS[0], "messages": MESSAGES},
    "/v1/responses": {"model": MODELS[0], "input": "hi [first_token=0]"},
    "/v1/messages": {"model": MODELS[1], "messages": MESSAGES, "max_tokens": 99},
    "/v1/messages/count_tokens": {"model": MODELS[1], "messages": MESSAGES},
    "/v1/embeddings": {"model": "text-embedding-3-small", "input": "hi"},
    "/v1/completions": {"model": MODELS[0], "prompt": "hi [first_token=0]"},
    "/v1beta/models/argo:claude-opus-4.5:countTokens": {"contents": [{"parts": [{"text": "hi"}]}]},
    "/v1beta/models/text-embedding-3-small:embedContent": {"content": {"parts": [{"text": "hi"}]}},
}


@pytest.mark.parametrize("path", PATHS)
def test_no_client_can_name_another(named: RelayProcess, path: str) -> None:
    before = len(seen(named))
    body = PATHS[path] if path.startswith("/v1beta") else PATHS[path] | {"user": "mallory"}
    place = f"{path}?key=alice" if path.startswith("/v1beta") else path
    headers = {} if path.startswith("/v1beta") else {"authorization": "Bearer alice"}
    reply = httpx.post(named.url + place, json=body, headers=headers)
    assert reply.status_code == 200, reply.text
    (row,) = seen(named)[before:]
    assert row["user"] == "alice"
    assert "mallory" not in json.dumps(row)


def test_the_log_says_who_and_no_key(mapped: RelayProcess, named: RelayProcess) -> None:
    with OpenAI(base_url=f"{mapped.url}/v1", api_key="sk-Bob-2", max_retries=0) as client:
        headers = {"x-request-id": "whose-1"}
        client.chat.completions.create(
            model=MODELS[0], messages=[{"role": "user", "content": "hi"}], extra_headers=headers
        )
    line = json.loads(mapped.wait_for(lambda text: '"whose-1"' in text))
    assert line["user"] == "bob"
    httpx.post(f"{named.url}/v1/messages", json=PATHS["/v1/messages"], headers={"x-request-id": "whose-2"})
    line = json.loads(named.wait_for(lambda text: '"whose-2"' in text))
    assert (line["status"], line["code"]) == (401, "missing_user")
    assert "user" not in line
    assert not any(key in mapped.output for key in (*KEYS, "sk-Door-3"))
