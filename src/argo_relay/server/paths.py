"""The API's paths as data: where each dialect lives, and which dialect an error at a path is told in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from argo_relay.dialects.base import Dialect
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.entry import Entry
from argo_relay.operations.completions import COMPLETIONS
from argo_relay.upstreams.base import Operation

EXCHANGES: Final = {
    "/chat/completions": Entry(dialect=DIALECTS["openai_chat"]),
    "/responses": Entry(dialect=DIALECTS["openai_responses"]),
    "/messages": Entry(dialect=DIALECTS["anthropic"]),
    "/messages/count_tokens": Entry(dialect=DIALECTS["anthropic"], operation=Operation.COUNT),
    "/embeddings": Entry(dialect=DIALECTS["openai_chat"], operation=Operation.EMBED),
    "/completions": Entry(dialect=COMPLETIONS, operation=Operation.COMPLETE),
}
"""Paths below the version prefix `/v1`."""

ENTRIES: Final = {prefix + path: entry for path, entry in EXCHANGES.items() for prefix in ("/v1", "")}
"""The same in full, and without the prefix, as some clients call them."""

MODEL_PREFIXES: Final = ("/v1beta", "/v1", "")
"""What stands before `/models`: Google's SDKs use the first, and since 3.x the second."""

METHODS: Final = {
    "generateContent": (Operation.GENERATE, False),
    "streamGenerateContent": (Operation.GENERATE, True),
    "countTokens": (Operation.COUNT, False),
    "embedContent": (Operation.EMBED, False),
    "batchEmbedContents": (Operation.EMBED, False),
}
"""Google's methods: what each asks for, and whether it streams."""


def google_entry(name: str, query: Mapping[str, str]) -> Entry | None:
    """Return what a path below `/models/` asks for: `MODEL:method`, cut at the last colon; None when it is none.

    Model names may hold colons themselves (`argo:gemini-2.5-pro:generateContent`).
    """
    model, colon, method = name.rpartition(":")
    if not colon or not model or method not in METHODS:
        return None
    operation, stream = METHODS[method]
    return Entry(
        dialect=DIALECTS["google"],
        operation=operation,
        model=model,
        stream=stream,
        array=stream and query.get("alt") != "sse",
        single=method == "embedContent",
    )


def dialect_at(path: str, headers: Mapping[str, str]) -> Dialect:
    """Return the dialect in which a client at this path understands errors.

    A path belongs to one dialect, but `/v1/models` to three: there the headers tell, as the vendors' own SDKs send
    them.
    """
    bare = path.removeprefix("/v1beta").removeprefix("/v1")
    for known, entry in EXCHANGES.items():
        if bare == known or bare.startswith(f"{known}/"):
            return entry.dialect
    if path.startswith("/v1beta/") or bare.rpartition(":")[2] in METHODS or "x-goog-api-key" in headers:
        return DIALECTS["google"]
    return DIALECTS["anthropic" if "anthropic-version" in headers else "openai_chat"]
