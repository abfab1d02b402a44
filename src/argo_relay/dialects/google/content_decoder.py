"""Parts of Gemini's contents become neutral parts: https://ai.google.dev/api/caching#Part.

What has no neutral field is kept in `extras["google"]`: `part` (members beside the part's own), `inner` (members inside
it), `id` (the id as it was written; None where there was none and we made one up), `response` (a result's own object).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import msgspec

from argo_relay.dialects.base import passed_over
from argo_relay.dialects.google.outline import in_list
from argo_relay.framing import jsonx
from argo_relay.neutral import seals
from argo_relay.neutral.content import (
    Citation,
    Extras,
    Media,
    Opaque,
    Part,
    Reasoning,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from argo_relay.neutral.request import Message

Kind = Literal["image", "audio", "video", "document"]

_META: Final = frozenset({"thought", "thoughtSignature"})
_TEXT: Final = frozenset({"text"}) | _META
_CALL: Final = frozenset({"functionCall"}) | _META
_RESULT: Final = frozenset({"functionResponse"}) | _META
_MEDIA: Final = frozenset({"inlineData", "fileData"}) | _META
_BLOB: Final = frozenset({"mimeType", "data", "fileUri"})
_CALLED: Final = frozenset({"id", "name", "args"})
_ANSWERED: Final = frozenset({"id", "name", "response", "parts"})
# Base64 of `ar1_`, the mark of another issuer's seal, without its last character: that depends on what follows.
_PACKED: Final = "YXIxX"
# Members that a result with nothing but one text has, in the official documentation and client.
_PLAIN: Final = ("output", "result", "error")
# What only Google can open: its storage, and files that were uploaded to it.
HELD: Final = ("gs://", "https://generativelanguage.googleapis.com/")


def decode_seal(signature: Any) -> Seal | None:
    """Return the seal that a `thoughtSignature` is, or that was packed into one for the way through a client."""
    if not isinstance(signature, str) or not signature:
        return None
    if signature.startswith(_PACKED):
        try:
            seal = seals.unpack(base64.b64decode(signature).decode("ascii"))
        except (binascii.Error, ValueError):
            seal = None
        if seal is not None:
            return seal
    return Seal(issuer="google", kind="thought", value=signature)


def media_kind(media_type: str | None) -> Kind:
    """Return the kind of media that a MIME type names; what is no image, sound or video is a document."""
    kind = (media_type or "").partition("/")[0].lower()
    return kind if kind in ("image", "audio", "video") else "document"  # type: ignore[return-value]


def decode_media(part: dict[str, Any]) -> Media | None:
    """Return the Media that a part with `inlineData` or `fileData` is; None when it is neither."""
    for field, source in (("inlineData", "data"), ("fileData", "fileUri")):
        blob = part.get(field)
        if isinstance(blob, dict) and isinstance(blob.get(source), str):
            media_type = blob.get("mimeType")
            media_type = media_type if isinstance(media_type, str) else None
            name = blob.get("displayName")
            value = blob[source]
            held = field == "fileData" and value.startswith(HELD)
            return Media(
                kind=media_kind(media_type),
                media_type=media_type,
                data=value if field == "inlineData" else None,
                url=value if field == "fileData" and not held else None,
                file=value if held else None,
                issuer="google" if held else None,
                name=name if isinstance(name, str) else None,
                seal=decode_seal(part.get("thoughtSignature")),
                extras=_extras(part=passed_over(part, _MEDIA), inner=passed_over(blob, _BLOB)),
            )
    return None


class ContentDecoder:
    """Decodes the contents of one conversation in order: results without ids are matched with the calls before them."""

    def __init__(self) -> None:
        self._waiting: list[ToolCall] = []
        self._place = ""

    def decode(self, content: dict[str, Any], index: int) -> Message:
        """Return content number `index` as a message; a role that is neither `user` nor `model` is kept in extras."""
        role = content.get("role")
        members = passed_over(content, frozenset({"role", "parts"}))
        if role not in (None, "user", "model", "system"):
            members["role"] = role
        if role == "system":
            members["inline"] = True
        return Message(
            role="assistant" if role == "model" else "system" if role == "system" else "user",
            parts=self._parts(content, index),
            extras={"google": members} if members else {},
        )

    def _parts(self, content: dict[str, Any], index: int) -> tuple[Part, ...]:
        parts: list[Part] = []
        for number, part in enumerate(in_list(content.get("parts"))):
            self._place = f"{index}_{number}"
            decoded = self._part(part)
            if isinstance(decoded, Reasoning):
                decoded = _rejoined(parts, decoded)
            parts.append(decoded)
        return tuple(parts)

    def _part(self, part: dict[str, Any]) -> Part:
        for field, decode in _DECODERS.items():
            if isinstance(part.get(field), dict):
                return decode(self, part) or Opaque(dialect="google", payload=part)
        text = part.get("text")
        if isinstance(text, str) or (text is None and part.get("thoughtSignature") and not passed_over(part, _TEXT)):
            return _text(part, text or "")
        return Opaque(dialect="google", payload=part)

    def _call(self, part: dict[str, Any]) -> Part | None:
        called = part["functionCall"]
        name, arguments, given = called.get("name"), called.get("args"), called.get("id")
        if not isinstance(name, str) or not isinstance(given, str | None) or not isinstance(arguments, dict | None):
            return None
        identifier, inside = seals.without_seal(given) if given else (f"call_{self._place}", None)
        extras = _extras(part=passed_over(part, _CALL), inner=passed_over(called, _CALLED))
        if not given:
            extras.setdefault("google", {})["id"] = None
        call = ToolCall(
            id=identifier,
            name=name,
            arguments="" if arguments is None else jsonx.encode(arguments).decode(),
            seal=decode_seal(part.get("thoughtSignature")) or inside,
            extras=extras,
        )
        self._waiting.append(call)
        return call

    def _result(self, part: dict[str, Any]) -> Part | None:
        answer = part["functionResponse"]
        name, given, response = answer.get("name"), answer.get("id"), answer.get("response")
        if not isinstance(name, str | None) or not isinstance(given, str | None):
            return None
        extras = _extras(part=passed_over(part, _RESULT), inner=passed_over(answer, _ANSWERED))
        own = extras.setdefault("google", {})
        call = self._matching(name, given)
        if call != given:
            own["id"] = given or None
        if response is not None:
            own["response"] = response
        parts, failed = _said(response)
        media = [decode_media(one) if isinstance(one, dict) else None for one in in_list(answer.get("parts"))]
        if None in media:
            own["parts"] = answer["parts"]
        return ToolResult(
            call=call,
            name=name,
            parts=(*parts, *(one for one in media if one is not None)),
            failed=failed,
            extras=extras if own else {},
        )

    def _matching(self, name: str | None, given: str | None) -> str:
        """Return the id of the call that a result answers: the one with its id, else the first with its name."""
        bare = seals.without_seal(given)[0] if given else None
        tests: tuple[Callable[[ToolCall], bool], ...] = (
            lambda call: call.id == bare,
            lambda call: call.name == name and (bare is None or "id" in call.extras.get("google", {})),
            lambda call: bare is None,
        )
        for fits in tests:
            for position, call in enumerate(self._waiting):
                if fits(call):
                    del self._waiting[position]
                    return call.id
        return bare or f"call_{self._place}"


_DECODERS: Final[dict[str, Callable[[ContentDecoder, dict[str, Any]], Part | None]]] = {
    "functionCall": ContentDecoder._call,
    "functionResponse": ContentDecoder._result,
    "inlineData": lambda _, part: decode_media(part),
    "fileData": lambda _, part: decode_media(part),
}


def decode_contents(contents: list[dict[str, Any]]) -> list[Message]:
    """Return contents as messages; results in turns that follow each other become one message."""
    decoder = ContentDecoder()
    messages: list[Message] = []
    for index, content in enumerate(contents):
        message = decoder.decode(content, index)
        before = messages[-1] if messages else None
        if before is not None and _only_results(before, message) and before.extras == message.extras:
            message = Message(role="user", parts=(*before.parts, *message.parts), extras=message.extras)
            messages.pop()
        messages.append(message)
    return messages


def decode_instruction(instruction: dict[str, Any]) -> Message:
    """Return `systemInstruction` as the message that comes first."""
    members = passed_over(instruction, frozenset({"parts"}))
    parts = ContentDecoder().decode({"parts": instruction.get("parts")}, 0).parts
    return Message(role="system", parts=parts, extras={"google": members} if members else {})


def _only_results(*messages: Message) -> bool:
    return all(
        message.role == "user" and message.parts and all(isinstance(part, ToolResult) for part in message.parts)
        for message in messages
    )


def _text(part: dict[str, Any], text: str) -> Part:
    seal = decode_seal(part.get("thoughtSignature"))
    extras = _extras(part=passed_over(part, _TEXT))
    if part.get("thought"):
        return Reasoning(text=text, form="summary", seal=seal, extras=extras)
    return Text(text=text, seal=seal, extras=extras)


def _rejoined(before: list[Part], part: Reasoning) -> Reasoning:
    """Return a thought with the pieces, taken out of `before`, that the relay's own stream cut it into.

    There another issuer's seal comes last, alone; a program that keeps a stream's parts sends them back like that, and
    the issuer wants the thought whole.
    """
    seal = part.seal
    if part.text or seal is None or seal.issuer == "google" or seal.kind == "redacted":
        return part
    pieces: list[str] = []
    while before and isinstance(piece := before[-1], Reasoning) and piece.seal is None:
        before.pop()
        pieces.append(piece.text)
    return msgspec.structs.replace(part, text="".join(reversed(pieces)))


def _said(response: Any) -> tuple[tuple[Text, ...], bool | None]:
    """Return what a result's object says as text, and whether it says that the tool failed."""
    if not response:
        return (), None
    if isinstance(response, dict) and len(response) == 1:
        ((field, value),) = response.items()
        failed = True if field == "error" else None
        if field in _PLAIN and isinstance(value, str):
            return (Text(text=value),), failed
        return (Text(text=jsonx.encode(response).decode()),), failed
    return (Text(text=jsonx.encode(response).decode()),), None


def _extras(**members: dict[str, Any]) -> Extras:
    own: dict[str, Any] = {name: value for name, value in members.items() if value}
    return {"google": own} if own else {}


def decode_citations(candidate: dict[str, Any], text: str) -> list[Citation]:
    """Return where `text`, which a candidate ends with, comes from; each citation keeps what Gemini wrote.

    https://ai.google.dev/api/generate-content#GroundingMetadata
    """
    citations: list[Citation] = []
    bytes_of_text = text.encode("utf-8", "surrogatepass")
    grounding = candidate.get("groundingMetadata")
    if isinstance(grounding, dict):
        citations += _grounded(grounding, bytes_of_text)
    recited = candidate.get("citationMetadata")
    if isinstance(recited, dict):
        for source in in_list(recited.get("citationSources") or recited.get("citations")):
            if isinstance(source, dict) and (source.get("uri") or source.get("title")):
                citations.append(_citation(source, source, bytes_of_text, {"citation": source}))
    return citations


def _grounded(grounding: dict[str, Any], text: bytes) -> Iterator[Citation]:
    """Yield a citation for each place and source, then one for each source that supports no place."""
    chunks = [one if isinstance(one, dict) else {} for one in in_list(grounding.get("groundingChunks"))]
    used: set[int] = set()
    for support in in_list(grounding.get("groundingSupports")):
        if not isinstance(support, dict):
            continue
        rest = {name: value for name, value in support.items() if name != "groundingChunkIndices"}
        for index in in_list(support.get("groundingChunkIndices")):
            if isinstance(index, int) and 0 <= index < len(chunks):
                used.add(index)
                payload = {"groundingChunk": chunks[index], "groundingSupport": rest}
                yield _citation(_source(chunks[index]), rest.get("segment"), text, payload)
    for index, chunk in enumerate(chunks):
        if index not in used:
            yield _citation(_source(chunk), None, text, {"groundingChunk": chunk})


def _source(chunk: dict[str, Any]) -> dict[str, Any]:
    sources = (chunk.get(field) for field in ("web", "retrievedContext", "maps"))
    return next((source for source in sources if isinstance(source, dict)), {})


def _citation(source: dict[str, Any], segment: Any, text: bytes, payload: dict[str, Any]) -> Citation:
    url, title, quote = (_string(source.get(field)) for field in ("uri", "title", "text"))
    start, end = _characters(segment, text) if isinstance(segment, dict) else (None, None)
    return Citation(url=url, title=title, quote=quote, start=start, end=end, dialect="google", payload=payload)


def _characters(segment: dict[str, Any], text: bytes) -> tuple[int | None, int | None]:
    """Return the characters that a segment, which counts bytes, means; where they say something else, none."""
    start, end, said = segment.get("startIndex") or 0, segment.get("endIndex"), _string(segment.get("text"))
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start <= end <= len(text):
        return None, None
    if said is not None and text[start:end] != (wanted := said.encode("utf-8", "surrogatepass")):
        # Several texts in one reply: the segment counts from the first of them.
        start = text.find(wanted)
        end = start + len(wanted)
        if start < 0:
            return None, None
    return len(text[:start].decode("utf-8", "ignore")), len(text[:end].decode("utf-8", "ignore"))


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def decode_logprobs(value: Any) -> tuple[dict[str, Any], ...] | None:
    """Return a `logprobsResult` as OpenAI's list of tokens."""
    if not isinstance(value, dict):
        return None
    chosen, top = in_list(value.get("chosenCandidates")), in_list(value.get("topCandidates"))
    tokens = []
    for place, one in enumerate(chosen):
        others = top[place].get("candidates") if place < len(top) and isinstance(top[place], dict) else None
        alternatives = [_token(other) for other in in_list(others) if isinstance(other, dict)]
        if isinstance(one, dict):
            tokens.append({**_token(one), "top_logprobs": alternatives})
    return tuple(tokens) or None


def _token(candidate: dict[str, Any]) -> dict[str, Any]:
    token = _string(candidate.get("token")) or ""
    return {
        "token": token,
        "logprob": candidate.get("logProbability"),
        "bytes": list(token.encode("utf-8", "surrogatepass")),
    }
