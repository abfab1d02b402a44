"""The list of models in each vendor's shape."""

from __future__ import annotations

import msgspec
import pytest

from argo_relay.models.profile import Profile
from argo_relay.server.catalogue import described_as, listed

CHAT = Profile(
    internal_id="claudeopus47", public_id="argo:claude-opus-4.7", display="Claude Opus 4.7", owner="anthropic"
)
VECTORS = Profile(internal_id="v3small", public_id="argo:v3small", display="V3", owner="openai", kind="embedding")


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses", "openai_completions"])
def test_openais(dialect: str) -> None:
    row = {
        "id": "argo:claude-opus-4.7",
        "object": "model",
        "created": 1_800_000_000,
        "owned_by": "anthropic",
        "internal_id": "claudeopus47",
        "name": "Claude Opus 4.7",
    }
    assert listed(dialect, [CHAT], 1_800_000_000) == {"object": "list", "data": [row]}
    assert described_as(dialect, CHAT, 1_800_000_000) == row


def test_anthropics() -> None:
    row = {
        "type": "model",
        "id": "argo:claude-opus-4.7",
        "display_name": "Claude Opus 4.7",
        "created_at": "2027-01-15T08:00:00Z",
    }
    page = {"first_id": "argo:claude-opus-4.7", "last_id": "argo:v3small", "has_more": False}
    reply = listed("anthropic", [CHAT, VECTORS], 1_800_000_000)
    assert reply["data"][0] == row
    assert {name: reply[name] for name in page} == page
    assert listed("anthropic", [], 0) == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_googles() -> None:
    chat, vectors = listed("google", [CHAT, VECTORS], 0)["models"]
    assert (chat["name"], chat["displayName"]) == ("models/argo:claude-opus-4.7", "Claude Opus 4.7")
    assert chat["supportedGenerationMethods"] == ["generateContent", "streamGenerateContent", "countTokens"]
    assert vectors["supportedGenerationMethods"] == ["embedContent", "batchEmbedContents"]


def test_an_alias_says_whose_it_is() -> None:
    alias = msgspec.structs.replace(CHAT, public_id="best", alias_of=CHAT.public_id)
    openai, anthropic = (described_as(dialect, alias, 0) for dialect in ("openai_chat", "anthropic"))
    google = described_as("google", alias, 0)
    assert (openai["id"], openai["alias_of"], openai["internal_id"]) == ("best", "argo:claude-opus-4.7", "claudeopus47")
    assert (anthropic["id"], anthropic["alias_of"]) == ("best", "argo:claude-opus-4.7")
    assert (google["name"], google["baseModelId"]) == ("models/best", "argo:claude-opus-4.7")
    assert "argo:claude-opus-4.7" in google["description"]
