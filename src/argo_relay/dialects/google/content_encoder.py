"""Neutral parts become parts of Gemini's contents: https://ai.google.dev/api/caching#Part."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from argo_relay.errors import BadJson
from argo_relay.framing import jsonx
from argo_relay.neutral import seals
from argo_relay.neutral.content import (
    CacheMark,
    Citation,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.tools import flat_name

# The first models that take media inside a function's response came with version 3.
_FLAT_RESULTS: Final = re.compile(r"gemini-(1|2)(\.|-|$)")
# MIME types of links, whose vendors do not say them; Gemini wants one.
_BY_ENDING: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
}
_BY_KIND: Final = {"image": "image/jpeg", "audio": "audio/mpeg", "video": "video/mp4", "document": "application/pdf"}


def encode_seal(seal: Seal) -> str:
    """Return a seal as a `thoughtSignature`: another issuer's is packed, and in base64 because the field is bytes."""
    if seal.issuer == "google":
        return seal.value
    return base64.b64encode(seals.pack(seal).encode("ascii")).decode("ascii")


def own_extras(part: Text | Media | Reasoning | ToolCall | ToolResult, field: str) -> dict[str, Any]:
    """Return what a part of Gemini's carried besides the neutral fields."""
    value = part.extras.get("google", {}).get(field)
    return value if isinstance(value, dict) else {}


def call_arguments(call: ToolCall, path: str, losses: Losses) -> dict[str, Any]:
    """Return a call's arguments as the object that Gemini takes; what is no object stands in one."""
    if call.kind == "custom":
        return {"input": call.arguments}
    if not call.arguments.strip():
        return {}
    try:
        value = jsonx.decode_loosely(call.arguments.encode("utf-8", "surrogatepass"))
    except BadJson:
        value = None
    if isinstance(value, dict):
        return value
    why = "Gemini takes arguments as an object, and these are none."
    losses.append(Loss(path=path, what="arguments", why=why, how="approximated"))
    return {"arguments": call.arguments}


def encode_call(call: ToolCall, path: str, losses: Losses) -> dict[str, Any]:
    """Return a call as a part without its seal; an id that we made up for Gemini is left out again."""
    called: dict[str, Any] = {"id": call.id}
    if "id" in call.extras.get("google", {}):
        called = {}
    called["name"] = flat_name(call.name, call.namespace)
    called["args"] = call_arguments(call, path, losses)
    return {"functionCall": {**called, **own_extras(call, "inner")}, **own_extras(call, "part")}


def encode_media(media: Media) -> dict[str, Any] | None:
    """Return media as a part without its seal; None for a file that only another vendor holds."""
    kept = own_extras(media, "inner")
    if media.data is not None:
        return _media_part("inlineData", media, {"data": media.data}, kept)
    if media.text is not None:
        data = base64.b64encode(media.text.encode("utf-8", "replace")).decode("ascii")
        return _media_part("inlineData", msgspec.structs.replace(media, media_type="text/plain"), {"data": data}, kept)
    uri = media.url if media.url is not None else media.file if media.issuer == "google" else None
    return None if uri is None else _media_part("fileData", media, {"fileUri": uri}, kept)


def _media_part(field: str, media: Media, source: dict[str, str], kept: dict[str, Any]) -> dict[str, Any]:
    blob: dict[str, Any] = {}
    media_type = media.media_type or _guessed(media)
    if media_type:
        blob["mimeType"] = media_type
    return {field: {**blob, **source, **kept}, **own_extras(media, "part")}


def _guessed(media: Media) -> str | None:
    if media.file is not None:
        return None
    address = (media.url or media.name or "").partition("?")[0]
    return _BY_ENDING.get(address.rpartition(".")[2].lower(), _BY_KIND[media.kind])


def lose_mark(mark: CacheMark, path: str, losses: Losses) -> None:
    """Say that a wish for caching is lost, and how long it was to last where it says so."""
    for what in ("cache", "cache_ttl") if mark.ttl else ("cache",):
        losses.append(Loss(path=path, what=what, why="Gemini caches prompts by itself and takes no marks."))


class RequestParts:
    """Encodes the parts of a conversation for an upstream. `own`: its client speaks Gemini's dialect, too."""

    def __init__(self, *, own: bool, model: str, losses: Losses) -> None:
        self._own = own
        self._flat = not own and _FLAT_RESULTS.search(model) is not None
        self._losses = losses
        self._names: dict[str, str] = {}
        self._moved: list[dict[str, Any]] = []

    def encode(self, parts: Sequence[Part], path: str) -> list[dict[str, Any]]:
        """Return the parts of one content; what cannot be said is a Loss."""
        encoded = []
        for index, part in enumerate(parts):
            at = f"{path}.parts[{index}]"
            wire = _ENCODERS[type(part)](self, part, at)
            if (mark := getattr(part, "cache", None)) is not None:
                lose_mark(mark, at, self._losses)
            if wire is not None:
                encoded.append(wire)
        encoded += self._moved
        self._moved = []
        return encoded

    def _lose(self, path: str, what: str, why: str) -> None:
        self._losses.append(Loss(path=path, what=what, why=why))

    def _sealed(self, wire: dict[str, Any], seal: Seal | None, path: str) -> dict[str, Any]:
        """Add a seal of Google's own; no other may be sent to it."""
        if seal is None:
            return wire
        if seal.issuer == "google":
            wire["thoughtSignature"] = seal.value
        else:
            self._lose(path, "seal", "Only its issuer can read this seal.")
        return wire

    def _text(self, part: Text, path: str) -> dict[str, Any] | None:
        if not part.text and not self._own and (part.seal is None or part.seal.issuer != "google"):
            return None
        if part.citations:
            self._lose(path, "citation", "Gemini takes no citations in a conversation.")
        return self._sealed({"text": part.text, **own_extras(part, "part")}, part.seal, path)

    def _refusal(self, part: Refusal, path: str) -> dict[str, Any] | None:
        why = "Gemini has no refusals; the words stand as text."
        self._losses.append(Loss(path=path, what="refusal", why=why, how="approximated"))
        return {"text": part.text} if part.text else None

    def _reasoning(self, part: Reasoning, path: str) -> dict[str, Any] | None:
        sealed = part.seal is not None and part.seal.issuer == "google"
        if not self._own and not sealed:
            what = "reasoning" if part.seal is None else "seal"
            self._lose(path, what, "Gemini takes back only thoughts that it has signed.")
            return None
        return self._sealed({"text": part.text, "thought": True, **own_extras(part, "part")}, part.seal, path)

    def _media(self, part: Media, path: str) -> dict[str, Any] | None:
        wire = encode_media(part)
        if wire is None:
            self._lose(path, part.kind, "The file is known to its own vendor only.")
            return None
        if part.name is not None and part.kind == "document" and not self._own:
            self._lose(path, "name", "Gemini's documents have no names.")
        return self._sealed(wire, part.seal, path)

    def _call(self, part: ToolCall, path: str) -> dict[str, Any]:
        self._names[part.id] = flat_name(part.name, part.namespace)
        wire = encode_call(part, path, self._losses)
        if self._own and not part.arguments:
            del wire["functionCall"]["args"]
        return self._sealed(wire, part.seal, path)

    def _result(self, part: ToolResult, path: str) -> dict[str, Any]:
        own = part.extras.get("google", {})
        answer: dict[str, Any] = {}
        identifier = own.get("id", part.call)
        if identifier:
            answer["id"] = identifier
        name = self._names.get(part.call) or part.name or (None if self._own else part.call)
        if self._own:
            name = part.name
        if name is not None:
            answer["name"] = name
        if not self._own:
            answer["response"] = self._response(part, path)
        elif "response" in own:
            answer["response"] = own["response"]
        if nested := own.get("parts") or self._nested(part, path):
            answer["parts"] = nested
        return {"functionResponse": {**answer, **own_extras(part, "inner")}, **own_extras(part, "part")}

    def _response(self, part: ToolResult, path: str) -> dict[str, Any]:
        texts = [one for one in part.parts if isinstance(one, Text)]
        if any(one.citations for one in texts):
            self._lose(path, "citation", "Gemini takes no citations in a result.")
        text = "\n".join(one.text for one in texts)
        return {"error" if part.failed else "output": text}

    def _nested(self, part: ToolResult, path: str) -> list[dict[str, Any]]:
        """Return a result's media; for models that take none inside a result they follow after all results."""
        media = [one for one in part.parts if isinstance(one, Media)]
        wires = [wire for one in media if (wire := self._media(one, path)) is not None]
        if self._flat and wires:
            why = "This model takes media beside a function's response, not in it."
            self._losses.append(Loss(path=path, what=media[0].kind, why=why, how="moved"))
            self._moved += wires
            return []
        return wires

    def _opaque(self, part: Opaque, path: str) -> dict[str, Any] | None:
        if part.dialect == "google" and isinstance(part.payload, dict):
            return part.payload
        self._lose(path, "opaque", f"Only the dialect {part.dialect} has this part.")
        return None


_ENCODERS: Final[dict[type, Callable[[RequestParts, Any, str], dict[str, Any] | None]]] = {
    Text: RequestParts._text,
    Refusal: RequestParts._refusal,
    Reasoning: RequestParts._reasoning,
    Media: RequestParts._media,
    ToolCall: RequestParts._call,
    ToolResult: RequestParts._result,
    Opaque: RequestParts._opaque,
}


def encode_reply_part(part: Part, path: str, losses: Losses) -> dict[str, Any] | None:
    """Return a part of a reply for a client, with whatever seal it has, so that it comes back; None: nothing to say."""
    wire: dict[str, Any] | None = None
    seal = None if isinstance(part, Refusal | Opaque | ToolResult) else part.seal
    if isinstance(part, Text | Reasoning):
        thought = {"thought": True} if isinstance(part, Reasoning) else {}
        wire = {"text": part.text, **thought} if part.text or seal is not None else None
    elif isinstance(part, ToolCall):
        wire = encode_call(part, path, losses)
    elif isinstance(part, Media):
        wire = encode_media(part)
    elif isinstance(part, Refusal):
        why = "Gemini has no refusals; the words stand as text."
        losses.append(Loss(path=path, what="refusal", why=why, how="approximated"))
        return {"text": part.text} if part.text else None
    elif isinstance(part, Opaque) and part.dialect == "google" and isinstance(part.payload, dict):
        return part.payload
    if wire is None:
        if not isinstance(part, Text | Reasoning):
            what = part.kind if isinstance(part, Media) else "opaque"
            losses.append(Loss(path=path, what=what, why="Gemini's replies have no such part."))
        return None
    if seal is not None:
        wire["thoughtSignature"] = encode_seal(seal)
    return wire


class Citations:
    """Gathers a reply's citations, and where its texts stand in it, as the metadata of a candidate."""

    def __init__(self) -> None:
        self._chunks: list[dict[str, Any]] = []
        self._supports: list[dict[str, Any]] = []
        self._recited: list[dict[str, Any]] = []
        self._offset = 0

    def add(self, text: str, citations: Sequence[Citation], path: str, losses: Losses) -> None:
        """Take the next text of the reply, and what it cites."""
        size = len(text.encode("utf-8", "surrogatepass"))
        for citation in citations:
            if citation.dialect == "google":
                self._own(citation.payload)
            elif citation.url or citation.title:
                self._foreign(citation, text)
            else:
                why = "Gemini cites addresses and titles; this citation has neither."
                losses.append(Loss(path=path, what="citation", why=why))
        self._offset += size

    def metadata(self) -> dict[str, Any]:
        """Return the members of a candidate that cite."""
        metadata: dict[str, Any] = {}
        if self._chunks:
            metadata["groundingMetadata"] = {"groundingChunks": self._chunks}
        if self._supports:
            metadata["groundingMetadata"]["groundingSupports"] = self._supports
        if self._recited:
            metadata["citationMetadata"] = {"citationSources": self._recited}
        return metadata

    def _own(self, payload: dict[str, Any]) -> None:
        if "citation" in payload:
            self._recited.append(payload["citation"])
        elif "groundingChunk" in payload:
            self._support(payload["groundingChunk"], payload.get("groundingSupport"))

    def _foreign(self, citation: Citation, text: str) -> None:
        web = {"uri": citation.url, "title": citation.title}
        start, end = citation.start or 0, len(text) if citation.end is None else citation.end
        begin = self._offset + len(text[:start].encode("utf-8", "surrogatepass"))
        said = text[start:end]
        segment = {"startIndex": begin, "endIndex": begin + len(said.encode("utf-8", "surrogatepass")), "text": said}
        self._support({"web": {name: value for name, value in web.items() if value}}, {"segment": segment})

    def _support(self, chunk: dict[str, Any], support: dict[str, Any] | None) -> None:
        if support is None or chunk not in self._chunks:
            self._chunks.append(chunk)
        if support is None:
            return
        last = self._supports[-1] if self._supports else None
        if last is None or {name: value for name, value in last.items() if name != "groundingChunkIndices"} != support:
            last = {**support, "groundingChunkIndices": []}
            self._supports.append(last)
        last["groundingChunkIndices"].append(self._chunks.index(chunk))


def encode_logprobs(logprobs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return OpenAI's list of tokens as a `logprobsResult`."""
    return {
        "chosenCandidates": [_candidate(one) for one in logprobs],
        "topCandidates": [
            {"candidates": [_candidate(other) for other in one.get("top_logprobs") or ()]} for one in logprobs
        ],
    }


def _candidate(token: dict[str, Any]) -> dict[str, Any]:
    return {"token": token.get("token"), "logProbability": token.get("logprob")}
