"""Any server that speaks one vendor's dialect: the vendors themselves, vLLM, Ollama, llama.cpp, ALCF's endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from argo_relay.dialects.base import Call, Headers, Owner
from argo_relay.framing import jsonx
from argo_relay.models.profile import Profile
from argo_relay.neutral.failure import Failure
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

VendorKind = Literal["openai", "openai_responses", "anthropic", "google"]

ADDRESSES: Final[dict[str, str]] = {
    "openai": "https://api.openai.com",
    "openai_responses": "https://api.openai.com",
    "anthropic": "https://api.anthropic.com",
    "google": "https://generativelanguage.googleapis.com",
    "llamacpp": "http://127.0.0.1:8080",
}
"""Where each vendor is, and where llama.cpp's server listens, for when no `base_url` is given."""

_DIALECTS: Final = {
    "openai": "openai_chat",
    "openai_responses": "openai_responses",
    "anthropic": "anthropic",
    "google": "google",
}
_ANTHROPIC_VERSION: Final = "2023-06-01"


class VendorUpstream(msgspec.Struct, frozen=True, kw_only=True):
    """One server: what it speaks, where it is, and the key that it asks for."""

    kind: VendorKind
    base_url: str
    key: str | None = None

    def __repr__(self) -> str:
        """Return a form without the key, so that no log or traceback ever holds it."""
        return f"VendorUpstream(kind={self.kind!r})"

    @property
    def passes_names(self) -> bool:
        """A server's names are its own."""
        return True

    @property
    def lists_all(self) -> bool:
        """Servers take names that they do not list: snapshots, fine-tuned models."""
        return False

    @property
    def fetches(self) -> bool:
        """All vendors do, and a server of the user's knows best what it reaches."""
        return True

    def dialect_for(self, client: str, profile: Profile) -> str:
        """Return the one dialect that the server speaks."""
        return _DIALECTS[self.kind]

    def owner_of(self, profile: Profile) -> Owner | None:
        """Return the vendor, where this is the vendor's own server; what a name says of a model proves nothing."""
        if self.kind == "openai":
            return "openai" if self.base_url == ADDRESSES["openai"] else None
        return "openai" if self.kind == "openai_responses" else self.kind

    def offers(self, operation: Operation, dialect: str) -> bool:
        """Say whether the vendor has a path for an operation in a dialect; embeddings are OpenAI's in both its APIs."""
        own = _DIALECTS[self.kind]
        if self.kind == "openai_responses" and operation in (Operation.EMBED, Operation.COMPLETE):
            own = "openai_chat"
        return dialect == own and has_path(operation, dialect)

    def changes(self, ask: Ask, members: Mapping[str, Any]) -> Changes:
        """Return the model's name, which Google has in its path instead."""
        changes: dict[str, object] = {"timeout": jsonx.REMOVED}
        return Changes(changes if ask.dialect == "google" else changes | {"model": ask.model}, [])

    def streams_only(self, ask: Ask, members: Mapping[str, Any], changes: Mapping[str, object]) -> bool:
        """Vendors answer as they are asked to."""
        return False

    def strays(self, dialect: str) -> tuple[str, ...]:
        """Vendors answer in the dialect that they are asked in."""
        return ()

    @property
    def notices(self) -> Notices | None:
        """Vendors say no with a status."""
        return None

    @property
    def has_rules(self) -> bool:
        """Vendors' models are known by their own names, and what the server takes of them is its own matter."""
        return False

    def mend(self, failure: Failure) -> Failure:
        """Return a vendor's error: it is told as it is."""
        return failure

    def call(self, ask: Ask, body: bytes, headers: Mapping[str, str], request_id: str) -> Call:
        """Return the call."""
        sent = [*request_headers(ask, headers, request_id), *self._credentials("anthropic-version" in headers)]
        return Call(method="POST", url=f"{self.base_url}{path_of(ask)}", headers=sent, body=body)

    def models(self) -> Call:
        """Return the request for the list of models."""
        version = "v1beta" if self.kind == "google" else "v1"
        headers = [("accept", "application/json"), ("accept-encoding", "identity"), *self._credentials(False)]
        return Call(method="GET", url=f"{self.base_url}/{version}/models", headers=headers)

    def hide(self, body: bytes) -> bytes:
        """Return an error's bytes without this upstream's address."""
        return without_address(body, self.base_url)

    def _credentials(self, versioned: bool) -> Headers:
        version = [("anthropic-version", _ANTHROPIC_VERSION)] if self.kind == "anthropic" and not versioned else []
        if self.key is None:
            return version
        if self.kind == "anthropic":
            return [*version, ("x-api-key", self.key)]
        return [("x-goog-api-key", self.key)] if self.kind == "google" else [("authorization", f"Bearer {self.key}")]
