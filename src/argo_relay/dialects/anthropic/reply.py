"""Whole Messages replies, both ways: https://platform.claude.com/docs/en/api/messages#response."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from argo_relay.dialects.anthropic.content_decoder import Block, Origin, decode_block
from argo_relay.dialects.anthropic.content_encoder import encode_arguments
from argo_relay.dialects.anthropic.errors import decode_inner_error
from argo_relay.dialects.anthropic.outline import DIALECT
from argo_relay.dialects.anthropic.stops import decode_stop, encode_stop
from argo_relay.dialects.anthropic.usage import decode_tier, decode_usage, encode_usage
from argo_relay.dialects.base import Digest, passed_over
from argo_relay.errors import BadJson, Refused
from argo_relay.framing import jsonx
from argo_relay.neutral import seals
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
from argo_relay.neutral.reply import Reply
from argo_relay.neutral.request import Request
from argo_relay.neutral.tools import flat_name

_KNOWN: Final = frozenset(
    {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage", "request_id"}
)
_NOTHING: Final = Text(text="")


class _Plain(msgspec.Struct, frozen=True, gc=False):
    """What is a reply for sure, and no error; nothing else is made of it."""

    type: Literal["message"]
    content: list[msgspec.Raw]
    usage: dict[str, Any] | None = None


_plain: Final = msgspec.json.Decoder(_Plain)


def read_reply(body: bytes) -> Digest:
    """Return what a reply says; raise BadJson when it is not a JSON object."""
    if (plain := jsonx.decode_shaped(_plain, body)) is not None:
        return Digest(usage=decode_usage(plain.usage))
    value = jsonx.decode_loosely(body)
    if not isinstance(value, dict):
        raise BadJson("it is not a JSON object")
    return Digest(
        usage=decode_usage(value.get("usage")),
        failure=decode_inner_error(value),
        is_reply=isinstance(value.get("content"), list),
    )


def decode_reply(body: bytes) -> Reply:
    """Return a whole reply; raise BadJson when it is not one, and Refused when it is an error in a 200."""
    value = jsonx.decode_loosely(body)
    if not isinstance(value, dict):
        raise BadJson("it is not a JSON object")
    failure = decode_inner_error(value)
    if failure is not None:
        # Argo answers so when Vertex fails after a while.
        raise Refused(failure)
    content = value.get("content")
    if not isinstance(content, list):
        raise BadJson("it has no list of content blocks", "content")
    parts: list[Part] = []
    for index, block in enumerate(content):
        if not isinstance(block, dict):
            raise BadJson("a content block is not an object", f"content[{index}]")
        part = decode_block(block, Origin(client=False, spare_id=f"call_{index}"))
        if part != _NOTHING:
            parts.append(part)
    usage = value.get("usage")
    extras = passed_over(value, _KNOWN)
    return Reply(
        id=_text(value.get("id")) or "msg_0",
        model=_text(value.get("model")) or "",
        parts=tuple(parts),
        stop=decode_stop(
            value.get("stop_reason"),
            value.get("stop_sequence"),
            calls=any(isinstance(part, ToolCall) for part in parts),
        ),
        usage=decode_usage(usage),
        service_tier=decode_tier(usage),
        extras={DIALECT: extras} if extras else {},
    )


def encode_reply(reply: Reply, request: Request) -> tuple[bytes, Losses]:
    """Return a whole reply for the client that sent this request."""
    del request  # Functions have flat names here and there are no other tools: nothing has to be looked up.
    losses: Losses = []
    content: list[Block] = []
    for index, part in enumerate(reply.parts):
        if (block := _encode_part(part, f"parts[{index}]", losses)) is not None:
            content.append(block)
    word, loss = encode_stop(
        reply.stop,
        calls=any(isinstance(part, ToolCall) for part in reply.parts),
        refused=any(isinstance(part, Refusal) for part in reply.parts),
    )
    if loss is not None:
        losses.append(loss)
    body = {
        "id": encode_id(reply.id),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": content,
        "stop_reason": word,
        "stop_sequence": reply.stop.sequence,
        "usage": encode_usage(reply.usage, reply.service_tier),
    }
    return jsonx.encode(body | reply.extras.get(DIALECT, {})), losses


def encode_id(identifier: str) -> str:
    """Return a reply's id as clients know them."""
    return identifier if identifier.startswith("msg_") else f"msg_{identifier}"


def encode_citation(citation: Citation) -> dict[str, Any] | None:
    """Return a citation for a client; None when it says nothing that can be said here."""
    if citation.dialect == DIALECT:
        return citation.payload
    if citation.url is None:
        return None
    return {
        "type": "web_search_result_location",
        "cited_text": citation.quote or "",
        # Only Anthropic could make one; empty, it tells us when it comes back that there is none.
        "encrypted_index": "",
        "title": citation.title,
        "url": citation.url,
    }


def redacts(part: Reasoning) -> bool:
    """Say whether a reasoning without text is shown as redacted: its seal stands for the thought itself."""
    return part.seal is not None and not part.text and part.seal.kind in ("redacted", "encrypted")


def lose(losses: Losses, path: str, part: Part) -> None:
    """Note that a client of this dialect cannot be shown a part."""
    if isinstance(part, Opaque):
        kind = part.payload.get("type") if isinstance(part.payload, dict) else None
        losses.append(Loss(path=path, what=str(kind or "part"), why=f"Only {part.dialect} knows this part."))
    elif isinstance(part, Media):
        losses.append(Loss(path=path, what=part.kind, why=f"A reply holds no {part.kind} here."))
    elif isinstance(part, ToolResult):
        losses.append(Loss(path=path, what="tool_result", why="A reply holds no results of the client's tools."))


def lose_of_text(
    losses: Losses, path: str, *, seal: bool = False, logprobs: bool = False, citation: bool = False
) -> None:
    """Note what a client of this dialect cannot be told of a text."""
    if seal:
        losses.append(Loss(path=f"{path}.seal", what="seal", why="Texts have no signatures here."))
    if logprobs:
        losses.append(Loss(path=f"{path}.logprobs", what="logprobs", why="There are no log probabilities here."))
    if citation:
        losses.append(Loss(path=f"{path}.citations", what="citation", why="A citation needs a URL here."))


def _encode_part(part: Part, path: str, losses: Losses) -> Block | None:
    if isinstance(part, Text):
        return _encode_text(part, path, losses)
    if isinstance(part, Refusal):
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, Reasoning):
        return encode_reasoning(part) | part.extras.get(DIALECT, {})
    if isinstance(part, ToolCall):
        made = start_call(part)
        made["input"] = encode_arguments(part, path, losses)
        return made
    if isinstance(part, Opaque) and part.dialect == DIALECT and isinstance(part.payload, dict):
        return part.payload
    lose(losses, path, part)
    return None


def _encode_text(part: Text, path: str, losses: Losses) -> Block | None:
    made = [encode_citation(one) for one in part.citations]
    citations = [one for one in made if one is not None]
    lose_of_text(
        losses,
        path,
        seal=part.seal is not None,
        logprobs=part.logprobs is not None,
        citation=len(citations) < len(made),
    )
    if not part.text and not citations:
        # Clients send back what they were sent, and Anthropic refuses empty texts.
        return None
    block: Block = {"type": "text", "text": part.text}
    if citations:
        block["citations"] = citations
    return block | part.extras.get(DIALECT, {})


def encode_reasoning(part: Reasoning) -> Block:
    """Return what a client is shown of a thought; a foreign seal is packed, so that it comes back."""
    if part.seal is not None and redacts(part):
        return {"type": "redacted_thinking", "data": encode_seal(part.seal, "redacted")}
    signature = "" if part.seal is None else encode_seal(part.seal, "signature")
    return {"type": "thinking", "thinking": part.text, "signature": signature}


def encode_seal(seal: Seal, kind: str) -> str:
    """Return a seal for the field that holds Anthropic's own of this kind; any other is packed."""
    return seal.value if seal.issuer == "anthropic" and seal.kind == kind else seals.pack(seal)


def start_call(part: ToolCall) -> Block:
    """Return a call without its arguments; the id carries its seal."""
    return {
        "type": "tool_use",
        "id": seals.with_seal(part.id, part.seal),
        "name": flat_name(part.name, part.namespace),
        "input": {},
        **part.extras.get(DIALECT, {}),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
