"""The models that Argo lists, as of October 2026, and those it has retired.

A model is known by its internal id (`gpt4o`), its display id (`GPT-4o`) and, for Claude alone, its vendor's name
without a date (`claude-haiku-4-5`). Argo refuses every other spelling, `gpt-4o` and dated snapshots among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

Owner = Literal["openai", "anthropic", "google"]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One row of Argo's list, and what sets its answers apart."""

    internal_id: str
    display_id: str
    owner: Owner
    served_as: str
    """What a reply's `model` says: OpenAI's and Anthropic's own name with its date, for Gemini the internal id."""
    chats: bool = True
    """Embedding models are in the list, too, and refuse to chat."""
    fingerprint: str | None = None
    filtered: bool = True
    """Whether Azure reports its content filters on a reply: o3's never carry them."""

    retired: bool = False

    @property
    def default_sampling_only(self) -> bool:
        """Whether a temperature other than 1, or any top_p, is refused: so it is for all of GPT-5."""
        return self.internal_id.startswith("gpt5")

    @property
    def thinks_first(self) -> int:
        """Tokens that are thought before anything is said: a limit that is not larger leaves an empty reply.

        At 64 o3-mini and GPT-5 never said a word, as recorded, and GPT-5.5 always did; how little is too little for the
        others is inferred.
        """
        if self.owner != "openai" or not self.internal_id.startswith(("gpto", "gpt5")):
            return 0
        return 64 if self.internal_id in {"gpto3mini", "gpt5"} else 16

    @property
    def names(self) -> Iterator[str]:
        """Yield every name that Argo takes for this model."""
        yield self.internal_id
        yield self.display_id
        if self.owner == "anthropic":
            yield re.sub(r"-\d{8}$", "", self.served_as)


# fmt: off
_OPENAI = (
    ("gpt35",        "GPT-3.5 Turbo",     "gpt-3.5-turbo-0125",        "fp_0165350fbb"),
    ("gpt35large",   "GPT-3.5 Turbo 16k", "gpt-3.5-turbo-0125",        "fp_0165350fbb"),
    ("gpt4",         "GPT-4",             "gpt-4-0613",                None),
    ("gpt4large",    "GPT-4 32k",         "gpt-4-32k-0613",            None),
    ("gpt4turbo",    "GPT-4 Turbo",       "gpt-4-turbo-2024-04-09",    "fp_5603ee5e2e"),
    ("gpt4o",        "GPT-4o",            "gpt-4o-2024-11-20",         "fp_ee1d74bde0"),
    ("gpt4olatest",  "GPT-4o Latest",     "gpt-4o-2024-11-20",         "fp_ee1d74bde0"),
    ("gpto1preview", "GPT-o1-preview",    "o1-preview-2024-09-12",     None),
    ("gpto1mini",    "GPT-o1-mini",       "o1-mini-2024-09-12",        None),
    ("gpto1",        "GPT-o1",            "o1-2024-12-17",             None),
    ("gpto3mini",    "GPT-o3-mini",       "o3-mini-2025-01-31",        "fp_0d2bf52fac"),
    ("gpto3",        "GPT-o3",            "o3-2025-04-16",             None),
    ("gpto4mini",    "GPT-o4-mini",       "o4-mini-2025-04-16",        None),
    ("gpt41",        "GPT-4.1",           "gpt-4.1-2025-04-14",        "fp_b6f445fc1c"),
    ("gpt41mini",    "GPT-4.1-mini",      "gpt-4.1-mini-2025-04-14",   "fp_b6f445fc1c"),
    ("gpt41nano",    "GPT-4.1-nano",      "gpt-4.1-nano-2025-04-14",   "fp_b6f445fc1c"),
    ("gpt5",         "GPT-5",             "gpt-5-2025-08-07",          None),
    ("gpt5mini",     "GPT-5-mini",        "gpt-5-mini-2025-08-07",     None),
    ("gpt5nano",     "GPT-5-nano",        "gpt-5-nano-2025-08-07",     None),
    ("gpt51",        "GPT-5.1",           "gpt-5.1-2025-11-13",        None),
    ("gpt52",        "GPT-5.2",           "gpt-5.2-2025-12-11",        None),
    ("gpt54",        "GPT-5.4",           "gpt-5.4-2026-03-05",        None),
    ("gpt54mini",    "GPT-5.4-mini",      "gpt-5.4-mini-2026-03-17",   None),
    ("gpt54nano",    "GPT-5.4-nano",      "gpt-5.4-nano-2026-03-17",   None),
    ("gpt55",        "GPT-5.5",           "gpt-5.5-2026-04-23",        None),
    ("gpt56sol",     "GPT-5.6 Sol",       "gpt-5.6-sol",               None),
    ("gpt56terra",   "GPT-5.6 Terra",     "gpt-5.6-terra",             None),
    ("gpt56luna",    "GPT-5.6 Luna",      "gpt-5.6-luna",              None),
)

_ANTHROPIC = (
    ("claudehaiku35",    "Claude Haiku 3.5",     "claude-3-5-haiku-20241022"),
    ("claudesonnet35v2", "Claude Sonnet 3.5 v2", "claude-3-5-sonnet-20241022"),
    ("claudesonnet37",   "Claude Sonnet 3.7",    "claude-3-7-sonnet-20250219"),
    ("claudesonnet4",    "Claude Sonnet 4",      "claude-sonnet-4-20250514"),
    ("claudeopus4",      "Claude Opus 4",        "claude-opus-4-20250514"),
    ("claudeopus41",     "Claude Opus 4.1",      "claude-opus-4-1-20250805"),
    ("claudehaiku45",    "Claude Haiku 4.5",     "claude-haiku-4-5-20251001"),
    ("claudesonnet45",   "Claude Sonnet 4.5",    "claude-sonnet-4-5-20250929"),
    ("claudeopus45",     "Claude Opus 4.5",      "claude-opus-4-5-20251101"),
    ("claudesonnet46",   "Claude Sonnet 4.6",    "claude-sonnet-4-6"),
    ("claudeopus46",     "Claude Opus 4.6",      "claude-opus-4-6"),
    ("claudeopus47",     "Claude Opus 4.7",      "claude-opus-4-7"),
    ("claudeopus48",     "Claude Opus 4.8",      "claude-opus-4-8"),
    ("claudesonnet5",    "Claude Sonnet 5",      "claude-sonnet-5"),
    ("claudeopus5",      "Claude Opus 5",        "claude-opus-5"),
)

_GOOGLE = (
    ("gemini25pro",       "Gemini 2.5 Pro"),
    ("gemini25flash",     "Gemini 2.5 Flash"),
    ("gemini35flash",     "Gemini 3.5 Flash"),
    ("gemini31flashlite", "Gemini 3.1 Flash Lite"),
)

_RETIRED = frozenset(
    {
        "gpt35", "gpt35large", "gpt4", "gpt4large", "gpt4turbo", "gpt4olatest", "gpto1preview", "gpto1mini",
        "claudehaiku35", "claudesonnet35v2", "claudesonnet37", "claudesonnet4", "claudeopus4",
    }
)

_EMBEDDING = (
    ("ada002",  "Text Embedding Ada 002", "text-embedding-ada-002"),
    ("v3small", "Text Embedding 3 Small", "text-embedding-3-small"),
    ("v3large", "Text Embedding 3 Large", "text-embedding-3-large"),
)
# fmt: on


def _rows() -> Iterator[Model]:
    for internal, display, served, fingerprint in _OPENAI:
        yield Model(
            internal_id=internal,
            display_id=display,
            owner="openai",
            served_as=served,
            fingerprint=fingerprint,
            filtered=internal != "gpto3",
            retired=internal in _RETIRED,
        )
    for internal, display, served in _ANTHROPIC:
        yield Model(
            internal_id=internal,
            display_id=display,
            owner="anthropic",
            served_as=served,
            retired=internal in _RETIRED,
        )
    for internal, display in _GOOGLE:
        yield Model(internal_id=internal, display_id=display, owner="google", served_as=internal)
    for internal, display, served in _EMBEDDING:
        yield Model(internal_id=internal, display_id=display, owner="openai", served_as=served, chats=False)


MODELS = tuple(_rows())
OFFERED = tuple(model for model in MODELS if not model.retired)
"""Those that are not retired."""
_BY_NAME = {name: model for model in MODELS for name in model.names}


def find(name: str) -> Model | None:
    """Return the model that Argo knows under exactly this name, or None."""
    return _BY_NAME.get(name)


def listing(created: int, models: Iterable[Model] = MODELS) -> dict[str, Any]:
    """Return the body of `GET /v1/models`: five keys a row, and the time of the call as every row's `created`."""
    data = [
        {
            "id": model.display_id,
            "object": "model",
            "created": created,
            "owned_by": model.owner,
            "internal_id": model.internal_id,
        }
        for model in models
    ]
    return {"object": "list", "data": data}
