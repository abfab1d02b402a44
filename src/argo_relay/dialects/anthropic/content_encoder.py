"""Parts become the content blocks of a request: https://platform.claude.com/docs/en/api/messages#body-messages.

What a client of this dialect said goes back as it came. What comes from elsewhere is fitted to what Anthropic accepts:
ids of certain characters, each used once; results before anything else; no empty text; only signed thoughts.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, ClassVar, Final

from argo_relay.dialects.anthropic.content_decoder import STANDS_FOR, Block, encode_cache
from argo_relay.dialects.anthropic.outline import DIALECT
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx
from argo_relay.neutral.content import (
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
from argo_relay.neutral.request import Message
from argo_relay.neutral.tools import flat_name

_NOT_IN_IDS: Final = re.compile(r"[^a-zA-Z0-9_-]")


def encode_arguments(call: ToolCall, path: str, losses: Losses) -> dict[str, Any]:
    """Return a call's arguments as the object that Anthropic's are."""
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
    why = "Its arguments are no JSON object: they are the member `arguments` of one."
    losses.append(Loss(path=f"{path}.arguments", what="arguments", why=why, how="approximated"))
    return {"arguments": call.arguments}


def results_first(blocks: list[Block]) -> list[Block]:
    """Return the blocks of a user's message with the results of tools before all others."""
    return sorted(blocks, key=lambda block: block.get("type") != "tool_result")


class ContentEncoder:
    """Writes the parts of one request's messages, in order; `own` says that the client speaks this dialect, too."""

    def __init__(self, losses: Losses, *, own: bool) -> None:
        self._losses = losses
        self._own = own
        self._written: dict[str, str] = {}
        self._taken: set[str] = set()
        self._role = "user"

    def blocks(self, message: Message, path: str) -> list[Block]:
        """Return the content of a message."""
        self._role = message.role
        made = []
        for index, part in enumerate(message.parts):
            block = self._ENCODERS[type(part)](self, part, f"{path}.parts[{index}]")
            if block is not None:
                made.append(block)
        return made

    def _lose(self, path: str, what: str, why: str, *, approximated: bool = False) -> None:
        self._losses.append(Loss(path=path, what=what, why=why, how="approximated" if approximated else "dropped"))

    def _lose_seal(self, path: str, seal: Seal | None) -> None:
        if seal is not None:
            self._lose(f"{path}.seal", "seal", f"Only {seal.issuer} can read it.")

    def _text(self, part: Text, path: str) -> Block | None:
        own = part.extras.get(DIALECT, {})
        if STANDS_FOR in own:
            block: Block = own[STANDS_FOR]
            return block
        self._lose_seal(path, part.seal)
        if not part.text.strip():
            # Anthropic refuses it, and it says nothing.
            return None
        block = {"type": "text", "text": part.text}
        if part.citations and (citations := self._citations(part.citations, path)):
            block["citations"] = citations
        return _finished(block, part)

    def _citations(self, citations: tuple[Citation, ...], path: str) -> list[dict[str, Any]]:
        # One that we made for a client has no index that Anthropic could decrypt.
        kept = [one.payload for one in citations if one.dialect == DIALECT and one.payload.get("encrypted_index") != ""]
        if len(kept) < len(citations):
            self._lose(f"{path}.citations", "citation", "Anthropic takes no citations but its own.")
        return kept

    def _media(self, part: Media, path: str) -> Block | None:
        self._lose_seal(path, part.seal)
        source = self._source(part, path) if self._acceptable(part, path) else None
        if source is None:
            return None
        if part.detail not in (None, "auto"):
            self._lose(f"{path}.detail", "detail", "Anthropic has no levels of detail.")
        block: Block = {"type": part.kind, "source": source}
        if part.name is not None and part.kind == "document":
            block["title"] = part.name
        block = _finished(block, part)
        rest = part.extras.get(DIALECT, {}).get("source", {})
        block["source"] = rest if "type" in rest else source | rest
        return block

    def _acceptable(self, part: Media, path: str) -> bool:
        if part.kind not in ("image", "document"):
            self._lose(path, part.kind, f"Anthropic takes no {part.kind}.")
            return False
        if self._role == "assistant" and not self._own:
            self._lose(path, part.kind, f"Anthropic takes no {part.kind} in a turn of the model.")
            return False
        return True

    def _source(self, part: Media, path: str) -> dict[str, Any] | None:
        if part.text is not None:
            return {"type": "text", "media_type": part.media_type or "text/plain", "data": part.text}
        if part.url is not None and part.url.startswith("data:"):
            kind, _, data = part.url[5:].partition(",")
            return self._inline(part, kind.partition(";")[0] or None, data, path)
        if part.url is not None:
            return {"type": "url", "url": part.url}
        if part.data is not None:
            return self._inline(part, part.media_type, part.data, path)
        if part.issuer == DIALECT:
            return {"type": "file", "file_id": part.file}
        self._lose(path, "file", f"Only {part.issuer or 'its issuer'} has this file.")
        return None

    def _inline(self, part: Media, media_type: str | None, data: str, path: str) -> dict[str, Any] | None:
        if self._own or part.kind == "image" or media_type in (None, "application/pdf"):
            fallback = "application/pdf" if part.kind == "document" else "image/png"
            return {"type": "base64", "media_type": media_type or fallback, "data": data}
        if media_type.startswith(("text/", "application/json")):
            try:
                text = base64.b64decode(data).decode("utf-8")
            except (binascii.Error, ValueError):
                text = ""
            if text:
                return {"type": "text", "media_type": "text/plain", "data": text}
        self._lose(path, "document", f"Anthropic reads no documents of the type {media_type}.")
        return None

    def _reasoning(self, part: Reasoning, path: str) -> Block | None:
        seal = part.seal
        if seal is not None and seal.issuer == "anthropic":
            if seal.kind == "redacted":
                if part.text:
                    self._lose(path, "reasoning", "Anthropic keeps the words of a redacted thought to itself.")
                return _finished({"type": "redacted_thinking", "data": seal.value}, part)
            return _finished({"type": "thinking", "thinking": part.text, "signature": seal.value}, part)
        if seal is None and self._own:
            # A client of this dialect has it from an upstream that does not sign; whether it may go back is for the
            # upstream to say.
            return _finished({"type": "thinking", "thinking": part.text, "signature": ""}, part)
        self._lose_seal(path, seal)
        if part.text or seal is None:
            self._lose(path, "reasoning", "Anthropic takes no thoughts that it did not sign.")
        return None

    def _call(self, part: ToolCall, path: str) -> Block:
        self._lose_seal(path, part.seal)
        block: Block = {
            "type": "tool_use",
            "id": self._call_id(part.id),
            "name": flat_name(part.name, part.namespace),
            "input": encode_arguments(part, path, self._losses),
        }
        return _finished(block, part)

    def _call_id(self, identifier: str) -> str:
        """Return an id that Anthropic accepts: its characters, and not used before (Gemini's calls have no ids)."""
        plain = _NOT_IN_IDS.sub("_", identifier)
        made, number = plain, 2
        while made in self._taken:
            made, number = f"{plain}_{number}", number + 1
        self._taken.add(made)
        self._written[identifier] = made
        return made

    def _result(self, part: ToolResult, path: str) -> Block:
        call = self._written.get(part.call) or _NOT_IN_IDS.sub("_", part.call)
        block: Block = {"type": "tool_result", "tool_use_id": call}
        inner = [
            made
            for index, one in enumerate(part.parts)
            if (made := self._ENCODERS[type(one)](self, one, f"{path}.parts[{index}]")) is not None
        ]
        if inner:
            block["content"] = inner
        if part.failed is not None:
            block["is_error"] = part.failed
        return _finished(block, part)

    def _refusal(self, part: Refusal, path: str) -> Block | None:
        return self._text(Text(text=part.text), path)

    def _opaque(self, part: Opaque, path: str) -> Block | None:
        if part.dialect == DIALECT and isinstance(part.payload, dict):
            return part.payload
        kind = part.payload.get("type") if isinstance(part.payload, dict) else None
        self._lose(path, str(kind or "part"), f"Only {part.dialect} knows this part.")
        return None

    _ENCODERS: ClassVar[dict[type[Part], Callable[[ContentEncoder, Any, str], Block | None]]] = {
        Text: _text,
        Media: _media,
        Reasoning: _reasoning,
        ToolCall: _call,
        ToolResult: _result,
        Refusal: _refusal,
        Opaque: _opaque,
    }


def _finished(block: Block, part: Text | Media | Reasoning | ToolCall | ToolResult) -> Block:
    if not isinstance(part, Reasoning) and part.cache is not None:
        block["cache_control"] = encode_cache(part.cache)
    if own := part.extras.get(DIALECT):
        block.update(own)
    return block
