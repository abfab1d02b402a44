"""Whole Chat Completions replies, both ways: https://platform.openai.com/docs/api-reference/chat/object.

`extras["openai_chat"]` holds what has no neutral field: members of the `reply`, of its `choice` and of its `message`.
Thoughts are written as `reasoning_content`, which most clients show; where one of them has a seal that must come back,
all of them stand in `reasoning_details`, too, which clients that know about seals send back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

import msgspec

from argo_relay.dialects.base import Digest, free_text, passed_over
from argo_relay.dialects.bodies import blocks
from argo_relay.dialects.openai_chat.content_decoder import (
    MESSAGE,
    Block,
    encode_logprobs,
    extras_of,
)
from argo_relay.dialects.openai_chat.content_encoder import encode_detail
from argo_relay.dialects.openai_chat.errors import decode_inner_error
from argo_relay.dialects.openai_chat.outline import DIALECT
from argo_relay.dialects.openai_chat.stops import encode_stop
from argo_relay.dialects.openai_chat.stream_decoder import BETWEEN, ChatStreamDecoder
from argo_relay.dialects.openai_chat.tools import LEGACY, encode_call, is_legacy
from argo_relay.dialects.openai_chat.usage import decode_usage, encode_usage, usage_of
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
    Text,
    ToolCall,
    ToolResult,
)
from argo_relay.neutral.fold import Fold
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.reply import Reply
from argo_relay.neutral.request import Request
from argo_relay.neutral.tools import CustomTool, find_tool, flat_name

_PREFIX: Final = "chatcmpl-"
_KNOWN: Final = frozenset({"id", "object", "created", "model", "choices", "usage", "service_tier"})
_CHOICE: Final = frozenset({"index", "message", "finish_reason", "logprobs"})
_MESSAGE: Final = MESSAGE | {"annotations", "images"}


class _Choice(msgspec.Struct, frozen=True, gc=False):
    error: None = None


class _Plain(msgspec.Struct, frozen=True, gc=False):
    """What is a reply for sure, and without an error anywhere; nothing else is made of it."""

    choices: list[_Choice]
    usage: dict[str, Any] | None = None
    error: None = None
    x_groq: None = None


_plain: Final = msgspec.json.Decoder(_Plain)


def read_reply(body: bytes) -> Digest:
    """Return what a reply says; raise BadJson when it is not a JSON object."""
    if (plain := jsonx.decode_shaped(_plain, body)) is not None:
        return Digest(usage=decode_usage(plain.usage))
    value = _object(body)
    return Digest(
        usage=usage_of(value), failure=decode_inner_error(value), is_reply=isinstance(value.get("choices"), list)
    )


# ---------------------------------------------------------------------------------------------------- wire to neutral


def decode_reply(body: bytes) -> Reply:
    """Return a whole reply; raise BadJson when it is not one, and Refused when it is an error in a 200."""
    value = _object(body)
    failure = decode_inner_error(value)
    if failure is not None:
        raise Refused(failure)
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise BadJson("it has no choice with a message", "choices")
    decoder, fold = ChatStreamDecoder(), Fold()
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        # Pieces of a stream may belong together; here each is a call of its own.
        message = {**message, "tool_calls": [{**call, "index": at} for at, call in enumerate(blocks(calls))]}
    chunk = {**value, "choices": [{**choice, "index": 0, "delta": message}]}
    for event in [*decoder.take(chunk), *decoder.end()]:
        fold.feed(event)
    reply = fold.reply()
    own = {
        "reply": passed_over(value, _KNOWN),
        "choice": passed_over(choice, _CHOICE) | _unread_logprobs(choice.get("logprobs"), reply),
        "message": passed_over(message, _MESSAGE),
    }
    extras = extras_of({place: members for place, members in own.items() if members})
    return msgspec.structs.replace(reply, extras=extras) if extras else reply


def _object(body: bytes) -> Block:
    value = jsonx.decode_loosely(body)
    if not isinstance(value, dict):
        raise BadJson("it is not a JSON object")
    return value


def _unread_logprobs(logprobs: Any, reply: Reply) -> Block:
    """Return the log probabilities of what is no text: of a refusal, or of calls."""
    if not isinstance(logprobs, dict):
        return {}
    rest = passed_over(logprobs, frozenset())
    if any(isinstance(part, Text) and part.logprobs for part in reply.parts):
        rest.pop("content", None)
    return {"logprobs": rest} if rest else {}


# ---------------------------------------------------------------------------------------------------- neutral to wire


def encode_reply(reply: Reply, request: Request) -> tuple[bytes, Losses]:
    """Return a whole reply for the client that sent this request, and what it could not say."""
    own = reply.extras.get(DIALECT, {})
    writer = _MessageWriter(request)
    message = writer.write(reply.parts) | own.get("message", {})
    word, loss = encode_stop(
        reply.stop,
        calls="tool_calls" in message or "function_call" in message,
        refused=message["refusal"] is not None,
        legacy="function_call" in message,
    )
    if loss is not None:
        writer.losses.append(loss)
    logprobs = {"content": writer.logprobs, "refusal": None} if writer.logprobs else None
    mine = dict(own.get("choice", {}))
    if "logprobs" in mine:
        logprobs = {**(logprobs or {"content": None}), **mine.pop("logprobs")}
    body: Block = {
        "id": encode_id(reply.id),
        "object": "chat.completion",
        "created": reply.created or request.received or 0,
        "model": reply.model,
        "choices": [{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": word, **mine}],
    }
    if reply.usage is not None:
        body["usage"] = encode_usage(reply.usage)
    if reply.service_tier is not None:
        body["service_tier"] = reply.service_tier
    return jsonx.encode(body | own.get("reply", {})), writer.losses


def encode_id(identifier: str) -> str:
    """Return a reply's id as clients know them; servers of this dialect have many forms, none of them Anthropic's."""
    return f"{_PREFIX}{identifier}" if identifier.startswith("msg_") or not identifier else identifier


def encode_citation(citation: Citation, begin: int, length: int) -> Block | None:
    """Return a citation of a text that is `length` characters long and begins at `begin` in the whole content.

    None when it says nothing that can be said here.
    """
    if citation.dialect == DIALECT:
        return citation.payload
    if citation.url is None:
        return None
    made = {
        "url": citation.url,
        "title": citation.title or "",
        "start_index": begin + (citation.start or 0),
        "end_index": begin + (length if citation.end is None else citation.end),
    }
    if citation.quote is not None:
        # No field of OpenAI's, but OpenRouter's.
        made["content"] = citation.quote
    return {"type": "url_citation", "url_citation": made}


def encode_image(media: Media, number: int) -> Block | None:
    """Return a picture that a model made, the `number`th of its message; None for what has no place there.

    OpenAI's models make none here: this is how OpenRouter, LiteLLM and their clients write it.
    """
    if media.kind != "image" or (media.data is None and media.url is None):
        return None
    url = media.url or f"data:{media.media_type or 'image/png'};base64,{media.data}"
    mine = dict(media.extras.get(DIALECT, {}))
    return {"index": number, "type": "image_url", "image_url": {"url": url, **mine.pop("image_url", {})}, **mine}


def own_audio(part: Text | Media) -> Block | None:
    """Return the members of an `audio` that a part was in; None for one that was in none."""
    mine = part.extras.get(DIALECT, {})
    if isinstance(part, Media):
        return mine if part.kind == "audio" and part.data is not None and DIALECT in part.extras else None
    audio = mine.get("audio")
    return audio if isinstance(audio, dict) else None


class Thoughts:
    """Gathers the thoughts of one reply that are complete, and says when they must be written as details."""

    def __init__(self) -> None:
        self._kept: list[Reasoning] = []
        self._written = 0

    def add(self, thought: Reasoning) -> list[Block]:
        """Return the details that are due: when one thought needs them, each has one, so that none is taken twice."""
        if thought.text or needs_detail(thought):
            self._kept.append(thought)
        due = self._written > 0 or any(needs_detail(one) for one in self._kept)
        return self._due() if due else []

    def begin(self) -> tuple[int, list[Block]]:
        """Return the number of a thought whose details go out as it comes, and those that are due before it."""
        due = self._due()
        self._kept.append(Reasoning())
        self._written += 1
        return len(self._kept) - 1, due

    def _due(self) -> list[Block]:
        due = [encode_detail(one, number) for number, one in enumerate(self._kept) if number >= self._written]
        self._written = len(self._kept)
        return due


def needs_detail(thought: Reasoning) -> bool:
    """Tell whether a plain text does not say all of a thought that must come back."""
    return thought.seal is not None or "detail" in thought.extras.get(DIALECT, {})


class CallWriter:
    """Writes calls for the client of one request, as that client knows its tools."""

    def __init__(self, request: Request) -> None:
        self._tools = request.tools
        self._legacy = is_legacy(request)

    def legacy(self, call: ToolCall) -> bool:
        """Tell whether a call is one of the functions that there were before there were tools."""
        return self._legacy or (not self._tools and LEGACY in call.extras.get(DIALECT, {}))

    def unwraps(self, call: ToolCall) -> bool:
        """Tell whether a call's text stands in an object, because another dialect has no tools of free text."""
        tool = find_tool(self._tools, flat_name(call.name, call.namespace))
        return call.kind == "function" and isinstance(tool, CustomTool)

    def write(self, call: ToolCall, arguments: str) -> Block:
        """Return a call with these arguments, its seal in its id."""
        if self.unwraps(call):
            call, arguments = msgspec.structs.replace(call, kind="custom"), free_text(arguments)
        made = msgspec.structs.replace(call, id=seals.with_seal(call.id, call.seal), arguments=arguments)
        mine = call.extras.get(DIALECT, {})
        return encode_call(made, custom=True) | {name: value for name, value in mine.items() if name != LEGACY}


def empty_arguments(call: ToolCall) -> str:
    """Return what the arguments of a call without any are: clients read those of functions as JSON."""
    return "{}" if call.kind == "function" else ""


def lose(losses: Losses, path: str, part: Part | None, what: str = "") -> None:
    """Note that a client of this dialect cannot be shown a part, or `what` of it."""
    if what:
        losses.append(Loss(path=f"{path}.{what}", what=what, why=f"A reply has no field for this {what} here."))
    elif isinstance(part, Opaque):
        kind = part.payload.get("type") if isinstance(part.payload, dict) else None
        losses.append(Loss(path=path, what=str(kind or "part"), why=f"Only {part.dialect} knows this part."))
    elif isinstance(part, Media):
        losses.append(Loss(path=path, what=part.kind, why=f"A reply holds no {part.kind} like this here."))
    elif isinstance(part, ToolCall):
        losses.append(Loss(path=path, what="tool_call", why="This client's functions are called one at a time."))
    else:
        losses.append(Loss(path=path, what="tool_result", why="A reply holds no results of the client's tools."))


class _MessageWriter:
    """Writes the message of one whole reply."""

    def __init__(self, request: Request) -> None:
        self.losses: Losses = []
        self.logprobs: list[Block] = []
        self._calls = CallWriter(request)
        self._content: list[Block] = []
        self._length = 0
        self._thoughts = Thoughts()
        self._thought: list[str] = []
        self._message: Block = {}

    def write(self, parts: tuple[Part, ...]) -> Block:
        """Return the message."""
        for index, part in enumerate(parts):
            self._WRITERS[type(part)](self, part, f"parts[{index}]")
        message: Block = {"role": "assistant", "content": self._said(), "refusal": None}
        if self._thought:
            message["reasoning_content"] = BETWEEN.join(self._thought)
        return message | self._message

    def _said(self) -> str | list[Block] | None:
        if any(one.get("type") != "text" for one in self._content):
            return self._content
        return "".join(one["text"] for one in self._content) or (None if self._message else "")

    def _text(self, part: Text, path: str) -> None:
        if part.seal is not None:
            lose(self.losses, path, None, "seal")
        if part.logprobs:
            self.logprobs += encode_logprobs(part.logprobs)
        for citation in part.citations:
            made = encode_citation(citation, self._length, len(part.text))
            if made is None:
                lose(self.losses, path, None, "citation")
            else:
                self._message.setdefault("annotations", []).append(made)
        audio = own_audio(part)
        if audio is not None:
            self._audio(audio | {"transcript": part.text})
        elif part.text:
            self._length += len(part.text)
            self._content.append({"type": "text", "text": part.text})

    def _audio(self, members: Block) -> None:
        empty: Block = {"id": "", "data": "", "expires_at": 0, "transcript": ""}
        self._message["audio"] = self._message.get("audio", empty) | members

    def _refusal(self, part: Refusal, _: str) -> None:
        self._message["refusal"] = self._message.get("refusal", "") + part.text

    def _reasoning(self, part: Reasoning, _: str) -> None:
        if part.text:
            self._thought.append(part.text)
        if due := self._thoughts.add(part):
            self._message.setdefault("reasoning_details", []).extend(due)

    def _call(self, part: ToolCall, path: str) -> None:
        made = self._calls.write(part, part.arguments or empty_arguments(part))
        if not self._calls.legacy(part):
            self._message.setdefault("tool_calls", []).append(made)
        elif "function_call" in self._message or part.kind == "custom":
            lose(self.losses, path, part)
        else:
            if part.seal is not None:
                lose(self.losses, path, None, "seal")
            self._message["function_call"] = made["function"]

    def _media(self, part: Media, path: str) -> None:
        if part.seal is not None:
            lose(self.losses, path, None, "seal")
        audio = own_audio(part)
        image = encode_image(part, len(self._message.get("images", ())))
        if audio is not None:
            self._audio(audio | {"data": part.data})
        elif image is not None:
            self._message.setdefault("images", []).append(image)
        else:
            lose(self.losses, path, part)

    def _opaque(self, part: Opaque | ToolResult, path: str) -> None:
        if isinstance(part, Opaque) and part.dialect == DIALECT and isinstance(part.payload, dict):
            self._content.append(part.payload)
        else:
            lose(self.losses, path, part)

    _WRITERS: ClassVar[dict[type[Part], Callable[[_MessageWriter, Any, str], None]]] = {
        Text: _text,
        Refusal: _refusal,
        Reasoning: _reasoning,
        ToolCall: _call,
        Media: _media,
        Opaque: _opaque,
        ToolResult: _opaque,
    }
