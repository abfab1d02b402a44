"""What a dialect is: a frozen record of functions. Nothing to inherit; tests call the functions.

A dialect is spoken by clients and by upstreams. `outline`, `read_reply`, `watch_stream` and `cut_stream` serve the
verbatim lane, where both speak the same; the `decode_` and `encode_` functions and the stream machines serve the lane
through the neutral language. All are pure: bytes and values in, bytes and values out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, Protocol

import msgspec

from argo_relay.errors import BadJson
from argo_relay.framing import jsonx
from argo_relay.framing.base import Frame, Framing
from argo_relay.framing.jsonx import JsonObject, Path
from argo_relay.neutral.content import Extras
from argo_relay.neutral.events import Event
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.reply import Reply, Usage
from argo_relay.neutral.request import Request
from argo_relay.neutral.tools import HostedTool

Headers = list[tuple[str, str]]
"""Header fields in order; names are lower case."""

Owner = Literal["openai", "anthropic", "google"]
"""Who made a model, as far as that decides what may be sent to it."""


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came: its body, and what its path says (Google's says the model and whether it streams)."""

    body: bytes
    model: str | None = None
    stream: bool | None = None
    array: bool = False
    """Google's stream without `alt=sse`: a JSON array instead of server-sent events."""
    apart: bool = False
    """Long texts of a large body may be set apart (`framing.apart`): whoever plans knows what to do about them."""


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """What the relay must know of any request, before it knows what is to become of it."""

    model: str
    stream: bool
    timeout: Any
    """The body's `timeout` as the client wrote it; None when absent or null. `policy.wish` reads it."""
    body: JsonObject
    array: bool = False


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request to an upstream."""

    method: str
    url: str
    headers: Headers
    body: bytes | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An image or a document that a request gives by URL."""

    path: Path
    """Where the URL stands."""
    url: str
    kinds: frozenset[Literal["image", "document"]]
    """What may be there."""
    inlined: Callable[[str, str], dict[Path, object]]
    """Return the edits that put data (its MIME type, its base64) in the URL's place; see `JsonObject.edit`."""
    instead: str
    """How a client sends the same as data, as the end of a sentence."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a request is encoded for: the upstream's name of the model, and what is known of it."""

    model: str
    owner: Owner | None = None
    """None: a model that we know nothing about, behind an upstream of the user's."""
    max_output: int | None = None
    """Output tokens that the model can write at most, where known."""
    kept: frozenset[str] = frozenset()
    """Parameters, by their names in the dialect, that the operator has a word on: what a model is known to take says
    nothing of these."""


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What an upstream's whole reply says, read from a copy."""

    usage: Usage | None = None
    failure: Failure | None = None
    """The error that came in place of a reply."""
    is_reply: bool = True
    """It has the form of a model's reply, as other JSON objects have not."""


class StreamWatch(Protocol):
    """Reads a copy of a stream that is being relayed, so that the relay knows how it goes and how it ends."""

    usage: Usage | None
    ended: bool
    """The stream's own terminator has been seen."""
    failure: Failure | None
    """The error that the stream carried."""

    def feed(self, frame: Frame) -> tuple[bool, bytes]:
        """Read a frame: whether it carries content, and bytes that must go out before it (mostly none)."""
        ...

    def skim(self, frames: list[bytes], start: int) -> int:
        """Read frames as long as they carry content and are of no other note, from number `start` on; return how many.

        They come without the LF LF that ends them, and without any CR. Fed one by one they must come to the same; what
        cannot be told with a glance is left to `feed`.
        """
        ...

    def finish(self) -> bytes | None:
        """Return the bytes that complete a stream which has stopped, or None when it broke off unfinished."""
        ...

    def fail(self, failure: Failure) -> bytes:
        """Return the bytes that end this stream with an error."""
        ...


class StreamCut(Protocol):
    """Follows a stream that is relayed as it came, so that it can be ended where it stands, as at a length limit."""

    def feed(self, frame: Frame) -> None:
        """Take note of a frame that has gone out."""
        ...

    def cut(self) -> bytes | None:
        """Return the bytes that end the stream so; None when nothing has been generated yet."""
        ...


class StreamDecoder(Protocol):
    """Turns an upstream's frames into events that keep to the grammar of `neutral.events`, whatever comes."""

    def feed(self, frame: Frame) -> list[Event]:
        """Return what a frame says; after Ended or Failed, nothing. Never raises."""
        ...

    def finish(self) -> list[Event]:
        """Return what is left when the connection has ended in an orderly way.

        A reply that is complete but for its terminator ends; one that is not fails.
        """
        ...


class StreamEncoder(Protocol):
    """Turns events into a client's bytes; every return value is a number of whole frames."""

    losses: Losses
    """What could not be said so far."""

    def feed(self, event: Event) -> bytes:
        """Return what an event looks like; Heartbeat gives the dialect's own sign of life."""
        ...


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor's way of speaking, as functions."""

    name: str

    outline: Callable[[Incoming], Outline]
    """Read a request; raise Refused (400, the field named) when it cannot be passed on."""
    read_reply: Callable[[bytes], Digest]
    """Read a whole reply; raise BadJson when it is not one."""
    watch_stream: Callable[[], StreamWatch]
    cut_stream: Callable[[], StreamCut]
    links: Callable[[Mapping[str, Any]], Iterator[Link]]
    """Find what a request, given as its body's members, gives by URL."""

    decode_request: Callable[[Outline], Request]
    """Return what a client asks for; raise Refused (400, the field named) for what cannot be read."""
    encode_request: Callable[[Request, Target], tuple[dict[str, Any], Losses]]
    """Return the body that asks an upstream for it, ready for `jsonx.encode`."""
    decode_reply: Callable[[bytes], Reply]
    """Return a whole reply; raise BadJson when it is not one, and Refused when it is an error in a 200."""
    encode_reply: Callable[[Reply, Request], tuple[bytes, Losses]]
    """Return a whole reply for the client that sent this request."""
    stream_decoder: Callable[[], StreamDecoder]
    stream_encoder: Callable[[Request], StreamEncoder]
    """Return an encoder for the client that sent this request."""

    decode_error: Callable[[int, str, bytes], Failure]
    """Turn an upstream's error (status, reason, body) into a Failure."""
    encode_error: Callable[[Failure], bytes]
    """Return the body of an error reply."""
    heartbeat: bytes
    """What keeps a silent stream alive that is relayed as it came; measured with the real clients."""
    heartbeat_later: bytes | None = None
    """The same once the upstream's first event has gone out, where it differs."""
    framing: Framing
    """How its streams are cut into frames."""


def encode_events(encoder: StreamEncoder, events: Iterable[Event]) -> bytes:
    """Return what events look like, one after the other."""
    return b"".join([encoder.feed(event) for event in events])


def passed_over(values: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Return the members of a wire object that no neutral field holds, for `extras`; nulls say nothing."""
    # Mostly there are none: 0.1 us then, 0.3 us without the question (two members).
    if known.issuperset(values):
        return {}
    return {name: value for name, value in values.items() if name not in known and value is not None}


def free_text(arguments: str) -> str:
    """Return the text of a call of a CustomTool as a function, `{"input": TEXT}`; all arguments where it is none."""
    try:
        value = jsonx.decode_loosely(arguments.encode("utf-8", "surrogatepass"))
    except BadJson:
        return arguments
    text = value.get("input") if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments


_SILENT: Final = frozenset(
    {"n", "array", "stream_options", "include", "background", "truncation", "client_metadata", "labels"}
    | {"prompt_cache_retention", "prompt_cache_options", "safety_identifier"}
)
"""Members of requests that do not bear on the answer (or are refused before, as more than one reply is)."""
_MARKS: Final = frozenset(
    {"id", "status", "object", "type", "index", "annotations", "item_id", "refusal", "role", "parameters"}
    | {"instructions", "additional", "legacy", "inline"}
)
"""Members of messages and tools that do not bear on the answer, or that a neutral field says as well (Google's `role`
and `parameters`), or that tell where something stood (`instructions`)."""


def lose_extras(request: Request, own: str, losses: Losses) -> None:
    """Say what of a request is lost because another dialect alone knows it; false and empty go without saying."""
    _lose(request.extras, own, losses, "extras", _SILENT)
    for index, message in enumerate(request.messages):
        if message.extras:
            _lose(message.extras, own, losses, f"messages[{index}].extras", _MARKS)
    for index, tool in enumerate(request.tools):
        if not isinstance(tool, HostedTool) and tool.extras:
            _lose(tool.extras, own, losses, f"tools[{index}].extras", _MARKS)


def _lose(extras: Extras, own: str, losses: Losses, path: str, silent: frozenset[str]) -> None:
    for dialect, members in extras.items():
        if dialect != own:
            losses += [
                Loss(path=f"{path}.{dialect}.{name}", what=name, why=f"Only the dialect {dialect} has this field.")
                for name, value in members.items()
                if name not in silent and value is not False and value != {}
            ]
