"""Requests as Argo wants them, and its replies as far as they concern every dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from argo_relay.dialects.base import Call, Headers, Outline
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx

# What a client says about its request, not about itself or its connection.
_PASSED: Final = ("openai-beta", "traceparent", "tracestate")


class ArgoUpstream(msgspec.Struct, frozen=True, kw_only=True):
    """One Argo: its base address without a trailing slash, and the user in whose name requests are made."""

    base_url: str
    user: str

    def chat(self, request: Outline, model: str, headers: Mapping[str, str], request_id: str) -> Call:
        """Return a Chat Completions request for Argo's own model id.

        The body's bytes stay as the client wrote them but for `model`, `user` (Argo accounts to it where the
        Authorization header is not looked at) and `timeout`, which is ours.
        """
        changes = {"model": model, "timeout": jsonx.REMOVED, "user": self.user}
        accept = "text/event-stream" if request.stream else "application/json"
        sent = self._headers(accept)
        sent += [("content-type", "application/json"), ("x-request-id", request_id)]
        sent += [(name, headers[name]) for name in _PASSED if name in headers]
        return Call(
            method="POST",
            url=f"{self.base_url}/v1/chat/completions",
            headers=sent,
            body=request.body.splice(changes),
        )

    def models(self) -> Call:
        """Return the request for the list of models."""
        return Call(method="GET", url=f"{self.base_url}/v1/models", headers=self._headers("application/json"))

    def hide(self, body: bytes) -> bytes:
        """Return an error's bytes without this upstream's address: clients need not know it."""
        parts = urlsplit(self.base_url)
        for address in (self.base_url, parts.netloc, parts.hostname or ""):
            # A host of one plain word, such as `argo`, is no address to anyone else, and may be a word of the text.
            if "." in address or ":" in address:
                body = body.replace(address.encode(), b"the upstream")
        return body

    def _headers(self, accept: str) -> Headers:
        # identity: nothing is won by compressing on the way to a relay, and streams are delayed by it.
        return [("accept", accept), ("accept-encoding", "identity"), ("authorization", f"Bearer {self.user}")]


def read_models(body: bytes) -> list[dict[str, Any]]:
    """Return the records of a model list; raise BadJson when it is not one."""
    value = jsonx.decode(body)
    records = value.get("data") if isinstance(value, dict) else value
    if not isinstance(records, list):
        raise BadJson("it is not a list of models")
    return [record for record in records if isinstance(record, dict)]
