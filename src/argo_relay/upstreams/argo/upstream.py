"""Requests as Argo wants them: each model on the route that serves it best, in the user's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from argo_relay.dialects.base import Call, Headers, Owner
from argo_relay.framing import jsonx
from argo_relay.models.profile import Profile
from argo_relay.upstreams.argo.gemini import conversation
from argo_relay.upstreams.base import Ask, Operation, has_path, path_of, request_headers, without_address

_ANTHROPIC_VERSION: Final = "2023-06-01"
_OWNERS: Final[dict[str, Owner]] = {"openai": "openai", "anthropic": "anthropic", "google": "google"}


class ArgoUpstream(msgspec.Struct, frozen=True, kw_only=True):
    """One Argo: its base address without a trailing slash, and the user in whose name requests are made."""

    base_url: str
    user: str

    @property
    def passes_names(self) -> bool:
        """Argo takes its own ids only."""
        return False

    @property
    def fetches(self) -> bool:
        """Nobody has seen Argo do it, and its network is a closed one."""
        return False

    def dialect_for(self, client: str, profile: Profile) -> str:
        """Return the dialect of the route for a model.

        Claude has a Messages route (on the chat route its tool calls come as text); the Responses route takes OpenAI's
        models only; everything else is on the chat route.
        """
        if profile.owner == "anthropic":
            return "anthropic"
        return client if client == "openai_responses" and profile.owner == "openai" else "openai_chat"

    def owner_of(self, profile: Profile) -> Owner | None:
        """Return who made a model: Argo passes requests on to the vendors."""
        return _OWNERS.get(profile.owner)

    def offers(self, operation: Operation, dialect: str) -> bool:
        """Say whether Argo has a path for an operation; it has no legacy completions and no Google route."""
        return operation is not Operation.COMPLETE and dialect != "google" and has_path(operation, dialect)

    def changes(self, ask: Ask, members: Mapping[str, Any]) -> dict[str, object]:
        """Return Argo's own model id, and `user`: Argo accounts to it where the Authorization header is not looked at.

        The Messages route knows no `user`. Gemini's messages are changed where Argo would stumble over them.
        """
        changes: dict[str, object] = {"model": ask.model, "timeout": jsonx.REMOVED}
        if ask.dialect == "anthropic":
            return changes
        messages = members.get("messages") if ask.owner == "google" else None
        if messages is not None and (mended := conversation(messages)) is not messages:
            changes["messages"] = mended
        return changes | {"user": self.user}

    def call(self, ask: Ask, body: bytes, headers: Mapping[str, str], request_id: str) -> Call:
        """Return the call."""
        sent = [*request_headers(ask, headers, request_id), *self._identity()]
        if ask.dialect == "anthropic":
            sent.append(("x-api-key", self.user))
            if "anthropic-version" not in headers:
                sent.append(("anthropic-version", _ANTHROPIC_VERSION))
        return Call(method="POST", url=f"{self.base_url}{path_of(ask)}", headers=sent, body=body)

    def models(self) -> Call:
        """Return the request for the list of models."""
        headers = [("accept", "application/json"), ("accept-encoding", "identity"), *self._identity()]
        return Call(method="GET", url=f"{self.base_url}/v1/models", headers=headers)

    def hide(self, body: bytes) -> bytes:
        """Return an error's bytes without this upstream's address."""
        return without_address(body, self.base_url)

    def _identity(self) -> Headers:
        return [("authorization", f"Bearer {self.user}")]
