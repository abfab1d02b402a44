"""Requests as Argo wants them: each model on the route that serves it best, in the user's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from argo_relay.dialects.base import Call, Headers, Owner
from argo_relay.framing import jsonx
from argo_relay.models.profile import Profile
from argo_relay.neutral.failure import Failure
from argo_relay.upstreams.argo import notices
from argo_relay.upstreams.argo.environments import ENVIRONMENTS
from argo_relay.upstreams.argo.errors import legible
from argo_relay.upstreams.argo.request import mended
from argo_relay.upstreams.base import (
    Ask,
    Changes,
    Notices,
    Operation,
    has_path,
    path_of,
    request_headers,
    without_address,
)

_ANTHROPIC_VERSION: Final = "2023-06-01"
_LONGEST_WHOLE: Final = 21_000
"""Tokens: what Anthropic's SDK reckons to fit in ten minutes. https://github.com/anthropics/anthropic-sdk-python#long-requests"""
_OWNERS: Final[dict[str, Owner]] = {"openai": "openai", "anthropic": "anthropic", "google": "google"}


class ArgoUpstream(msgspec.Struct, frozen=True, kw_only=True):
    """One Argo: its base address without a trailing slash, and the user in whose name requests are made.

    `user` None: every request says its own, and the list of models is asked for in nobody's name.
    """

    base_url: str
    user: str | None = None

    @property
    def passes_names(self) -> bool:
        """Argo takes its own ids only."""
        return False

    @property
    def lists_all(self) -> bool:
        """Its list is all that it serves."""
        return True

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

    def changes(self, ask: Ask, members: Mapping[str, Any]) -> Changes:
        """Return Argo's own model id, and `user`: Argo accounts to it where the Authorization header is not looked at.

        The Messages route knows no `user`, so a client's own is taken out there: it could only name somebody else.
        What Argo and the vendors behind it would refuse or stumble over is mended.
        """
        user = None if ask.dialect == "anthropic" else ask.user or self.user
        identity: dict[str, object] = {"user": user or jsonx.REMOVED}
        changes, losses = mended(ask.dialect, ask.owner, ask.model, members)
        return Changes({"model": ask.model, "timeout": jsonx.REMOVED} | changes | identity, losses)

    def streams_only(self, ask: Ask, members: Mapping[str, Any], changes: Mapping[str, object]) -> bool:
        """Say whether the SDK inside Argo would refuse a whole reply of Claude's: it reckons with its longest.

        Only then is a whole reply gathered from a stream: below the limit the upstream's own bytes are better.
        """
        if ask.dialect != "anthropic" or ask.operation is not Operation.GENERATE or ask.stream:
            return False
        limit = changes.get("max_tokens", members.get("max_tokens"))
        return not isinstance(limit, int) or limit > _LONGEST_WHOLE

    def strays(self, dialect: str) -> tuple[str, ...]:
        """Return OpenAI's dialect for the Messages route, which answered in it at times in 2026."""
        return ("openai_chat",) if dialect == "anthropic" else ()

    @property
    def notices(self) -> Notices | None:
        """Argo turns users away with an answer."""
        return notices.NOTICES

    @property
    def has_rules(self) -> bool:
        """They were measured here."""
        return True

    def mend(self, failure: Failure) -> Failure:
        """Return an error without the Python that Argo wraps it in."""
        return legible(failure)

    def call(self, ask: Ask, body: bytes, headers: Mapping[str, str], request_id: str) -> Call:
        """Return the call."""
        user = ask.user or self.user
        sent = [*request_headers(ask, headers, request_id), *_identity(user)]
        if ask.dialect == "anthropic":
            sent += [("x-api-key", user)] if user else []
            if "anthropic-version" not in headers:
                sent.append(("anthropic-version", _ANTHROPIC_VERSION))
        return Call(method="POST", url=f"{self.base_url}{path_of(ask)}", headers=sent, body=body)

    def models(self) -> Call:
        """Return the request for the list of models."""
        headers = [("accept", "application/json"), ("accept-encoding", "identity"), *_identity(self.user)]
        return Call(method="GET", url=f"{self.base_url}/v1/models", headers=headers)

    def hide(self, body: bytes) -> bytes:
        """Return an error's bytes without this upstream's address."""
        for address in (self.base_url, *ENVIRONMENTS.values()):
            body = without_address(body, address)
        return body


def _identity(user: str | None) -> Headers:
    return [("authorization", f"Bearer {user}")] if user else []
