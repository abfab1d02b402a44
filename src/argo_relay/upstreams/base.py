"""What the rest of the house knows of an upstream: which dialects it speaks, and how a call to it looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

import msgspec

from argo_relay.dialects.base import Call, Headers, Owner
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx
from argo_relay.models.profile import Profile
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.reply import Usage


class Operation(StrEnum):
    """What is asked for."""

    GENERATE = "generate"
    COUNT = "count"
    EMBED = "embed"
    COMPLETE = "complete"


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One request as its path says it: the dialect, the operation, the upstream's own name of the model."""

    dialect: str
    operation: Operation
    model: str
    owner: str = ""
    """Who made the model, where that matters: see `models.profile.Profile`."""
    stream: bool = False
    array: bool = False
    """Google's stream as a JSON array."""
    user: str | None = None
    """In whose name it is asked; None: in the upstream's own."""


class Notices(msgspec.Struct, frozen=True, kw_only=True):
    """How an upstream says no in the form of an answer; see `exchange.screen`."""

    marks: tuple[bytes, ...]
    """Bytes of which the body of every notice holds one."""
    blocked: Callable[[str], bool]
    """Says whether a reply's id gives it away."""
    may_begin: Callable[[str], bool]
    """Says whether an answer that begins with this text may turn out to be a notice."""
    verdict: Callable[[str, str, Usage | None], Failure | None]
    """Return the failure that a whole answer (its id, text and usage) really is; None for an answer."""


class Changes(NamedTuple):
    """Members that a body must have, or (jsonx.REMOVED) must not have, and what that loses."""

    members: dict[str, object]
    losses: Losses


class Upstream(Protocol):
    """One upstream. Pure: it makes calls, it does not send them."""

    @property
    def base_url(self) -> str:
        """The address that paths are appended to, without a trailing slash; no client ever sees it."""
        ...

    @property
    def passes_names(self) -> bool:
        """Model names go to it as clients write them."""
        ...

    @property
    def lists_all(self) -> bool:
        """A name that is not on its list of models is none, even where names are passed on."""
        ...

    @property
    def fetches(self) -> bool:
        """It fetches by itself what a request gives by URL."""
        ...

    def dialect_for(self, client: str, profile: Profile) -> str:
        """Return the dialect in which a model is asked when the client speaks `client`."""
        ...

    def owner_of(self, profile: Profile) -> Owner | None:
        """Return whose rules a request for a model must keep to, where that is known."""
        ...

    def offers(self, operation: Operation, dialect: str) -> bool:
        """Say whether it has a path for an operation in a dialect."""
        ...

    def changes(self, ask: Ask, members: Mapping[str, Any]) -> Changes:
        """Return what this upstream wants of a body with these members, whoever wrote it."""
        ...

    def streams_only(self, ask: Ask, members: Mapping[str, Any], changes: Mapping[str, object]) -> bool:
        """Say whether a request for a whole reply with these members, so changed, is answered by a stream only."""
        ...

    def strays(self, dialect: str) -> tuple[str, ...]:
        """Return the dialects in which replies come by mistake when asked in this one."""
        ...

    @property
    def notices(self) -> Notices | None:
        """How it says no in the form of an answer, if it ever does."""
        ...

    @property
    def has_rules(self) -> bool:
        """The packaged rules (`models.rules`) are about its models."""
        ...

    def mend(self, failure: Failure) -> Failure:
        """Return one of its errors as it should be told; the same object where nothing is to be bettered."""
        ...

    def call(self, ask: Ask, body: bytes, headers: Mapping[str, str], request_id: str) -> Call:
        """Return the call; of `headers`, the client's, only what concerns the request goes along."""
        ...

    def models(self) -> Call:
        """Return the request for the list of models."""
        ...

    def hide(self, body: bytes) -> bytes:
        """Return an error's bytes without this upstream's address."""
        ...


_PATHS: Final = {
    ("openai_chat", Operation.GENERATE): "/v1/chat/completions",
    ("openai_chat", Operation.COMPLETE): "/v1/completions",
    ("openai_chat", Operation.EMBED): "/v1/embeddings",
    ("openai_responses", Operation.GENERATE): "/v1/responses",
    ("anthropic", Operation.GENERATE): "/v1/messages",
    ("anthropic", Operation.COUNT): "/v1/messages/count_tokens",
    ("google", Operation.COUNT): "/v1beta/models/{model}:countTokens",
    ("google", Operation.EMBED): "/v1beta/models/{model}:batchEmbedContents",
}
_TRACED: Final = ("traceparent", "tracestate")
_PASSED: Final = {
    "openai_chat": ("openai-beta", *_TRACED),
    "openai_responses": ("openai-beta", *_TRACED),
    "anthropic": ("anthropic-version", "anthropic-beta", *_TRACED),
    "google": _TRACED,
}
"""What a client says about its request, not about itself or its connection; for an upstream of its own dialect."""


def has_path(operation: Operation, dialect: str) -> bool:
    """Say whether an operation has a path in a dialect."""
    return (dialect, operation) in _PATHS or (dialect == "google" and operation is Operation.GENERATE)


def path_of(ask: Ask) -> str:
    """Return the path, and query, of what is asked for: the vendors' own."""
    if ask.dialect == "google" and ask.operation is Operation.GENERATE:
        what = "streamGenerateContent" if ask.stream else "generateContent"
        query = "?alt=sse" if ask.stream and not ask.array else ""
        return f"/v1beta/models/{_quoted(ask.model)}:{what}{query}"
    path = _PATHS[ask.dialect, ask.operation]
    return path.format(model=_quoted(ask.model)) if "{" in path else path


def _quoted(model: str) -> str:
    """Return a model's name for a path; one that is a path of its own (`tunedModels/x`) keeps its slashes."""
    return quote(model.removeprefix("models/"), safe="/:@")


def request_headers(ask: Ask, headers: Mapping[str, str], request_id: str) -> Headers:
    """Return what every call says of itself, and what the client's headers add."""
    accept = "text/event-stream" if ask.stream and not ask.array else "application/json"
    sent = [
        ("accept", accept),
        # Nothing is won by compressing on the way to a relay, and streams are delayed by it.
        ("accept-encoding", "identity"),
        ("content-type", "application/json"),
        ("x-request-id", request_id),
    ]
    sent += [(name, headers[name]) for name in _PASSED[ask.dialect] if name in headers]
    return sent


def without_address(body: bytes, base_url: str) -> bytes:
    """Return an error's bytes without an upstream's address: clients need not know it."""
    parts = urlsplit(base_url)
    for address in (base_url, parts.netloc, parts.hostname or ""):
        # A host of one plain word, such as `argo`, is no address to anyone else, and may be a word of the text.
        if "." in address or ":" in address:
            body = body.replace(address.encode(), b"the upstream")
    return body


def read_models(body: bytes) -> list[dict[str, Any]]:
    """Return the records of a model list, OpenAI's or Google's; raise BadJson when it is not one."""
    value = jsonx.decode(body)
    records = value.get("data", value.get("models")) if isinstance(value, dict) else value
    if not isinstance(records, list):
        raise BadJson("it is not a list of models")
    return [_named(record) for record in records if isinstance(record, dict)]


def _named(record: dict[str, Any]) -> dict[str, Any]:
    name = record.get("name")
    if "id" in record or not isinstance(name, str):
        return record
    return record | {"id": name.removeprefix("models/")}
