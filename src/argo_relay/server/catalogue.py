"""The list of models in each vendor's shape.

OpenAI's: https://platform.openai.com/docs/api-reference/models; Anthropic's: https://docs.anthropic.com/en/api/models-list;
Google's: https://ai.google.dev/api/models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from argo_relay.models.profile import Profile


def listed(dialect: str, profiles: Sequence[Profile], created: int) -> dict[str, Any]:
    """Return the list as a client of a dialect expects it; `created` is the time of asking: nobody gives another."""
    described = [described_as(dialect, profile, created) for profile in profiles]
    if dialect == "google":
        return {"models": described}
    if dialect == "anthropic":
        ids = [one["id"] for one in described]
        return {
            "data": described,
            "has_more": False,
            "first_id": ids[0] if ids else None,
            "last_id": ids[-1] if ids else None,
        }
    return {"object": "list", "data": described}


def described_as(dialect: str, profile: Profile, created: int) -> dict[str, Any]:
    """Return one model as a client of a dialect expects it."""
    return _SHAPES.get(dialect, _openai)(profile, created)


def _openai(profile: Profile, created: int) -> dict[str, Any]:
    record = {
        "id": profile.public_id,
        "object": "model",
        "created": created,
        "owned_by": profile.owner,
        "internal_id": profile.internal_id,
        "name": profile.display,
    }
    return record | _alias(profile)


def _anthropic(profile: Profile, created: int) -> dict[str, Any]:
    record = {
        "type": "model",
        "id": profile.public_id,
        "display_name": profile.display,
        "created_at": datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z"),
    }
    return record | _alias(profile)


def _google(profile: Profile, created: int) -> dict[str, Any]:
    methods = (
        ["embedContent", "batchEmbedContents"]
        if profile.kind == "embedding"
        else ["generateContent", "streamGenerateContent", "countTokens"]
    )
    # Google's shape has members for this: https://ai.google.dev/api/models#Model.
    alias = {"baseModelId": profile.alias_of, "description": f"Another name for {profile.alias_of}."}
    record = {
        "name": f"models/{profile.public_id}",
        "version": "001",
        "displayName": profile.display,
        "supportedGenerationMethods": methods,
    }
    return record | (alias if profile.alias_of else {})


def _alias(profile: Profile) -> dict[str, Any]:
    return {"alias_of": profile.alias_of} if profile.alias_of else {}


_SHAPES: Final[dict[str, Callable[[Profile, int], dict[str, Any]]]] = {"anthropic": _anthropic, "google": _google}
