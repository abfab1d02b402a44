"""llama.cpp's server: always asked for a stream on Chat, so that a request that is cut ends there at once."""

from __future__ import annotations

from typing import Any

import pytest

from argo_relay.framing.jsonx import REMOVED
from argo_relay.models.live import passing_profile
from argo_relay.upstreams.base import Ask, Operation
from argo_relay.upstreams.llamacpp import LlamaUpstream

UPSTREAM = LlamaUpstream(base_url="http://10.1.2.3:8080", key="k")


def ask(operation: Operation = Operation.GENERATE, *, stream: bool = False) -> Ask:
    return Ask(dialect="openai_chat", operation=operation, model="m", stream=stream)


@pytest.mark.parametrize("client", ["openai_chat", "openai_responses", "anthropic", "google"])
def test_whoever_asks_it_is_asked_on_chat(client: str) -> None:
    assert UPSTREAM.dialect_for(client, passing_profile("claude-of-mine")) == "openai_chat"
    assert UPSTREAM.owner_of(passing_profile("claude-of-mine")) is None
    assert UPSTREAM.offers(Operation.GENERATE, client) == (client == "openai_chat")


@pytest.mark.parametrize(
    ("asked", "members", "gathered"),
    [
        (ask(), {}, True),
        (ask(), {"n": 1}, True),
        (ask(), {"n": 2}, False),
        (ask(stream=True), {}, False),
        (ask(Operation.COMPLETE), {}, False),
    ],
)
def test_one_whole_reply_is_gathered_from_a_stream(asked: Ask, members: dict[str, Any], gathered: bool) -> None:
    assert UPSTREAM.streams_only(asked, members, {}) == gathered
    assert UPSTREAM.streams_only(asked, {}, members) == gathered
    changes = UPSTREAM.changes(asked, members).members
    assert (changes.get("stream_options") == {"include_usage": True}) == gathered


def test_it_tells_how_far_it_is_with_a_prompt() -> None:
    assert UPSTREAM.changes(ask(stream=True), {}).members == {"timeout": REMOVED, "model": "m", "return_progress": True}
    assert "return_progress" not in UPSTREAM.changes(ask(Operation.EMBED), {}).members


def test_its_key_goes_to_it_and_nowhere_else() -> None:
    assert ("authorization", "Bearer k") in UPSTREAM.call(ask(), b"{}", {}, "r").headers
    assert ("authorization", "Bearer k") in UPSTREAM.models().headers
    assert repr(UPSTREAM) == "LlamaUpstream()"


def test_names_are_its_own_and_all_on_its_list() -> None:
    assert UPSTREAM.passes_names
    assert UPSTREAM.lists_all
