"""A Request becomes the body of a Responses request: https://platform.openai.com/docs/api-reference/responses/create."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from argo_relay.dialects.base import Target
from argo_relay.dialects.openai_responses.content_decoder import BETWEEN, CONTENT_PART, Item
from argo_relay.dialects.openai_responses.content_encoder import encode_annotations, own_members
from argo_relay.dialects.openai_responses.options import INSTRUCTIONS, encode_options
from argo_relay.dialects.openai_responses.outline import DIALECT, ISSUER
from argo_relay.dialects.openai_responses.tools import CALLS, lose_cache
from argo_relay.neutral.content import (
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
from argo_relay.neutral.request import Message, Request

_MODEL: Final = "assistant"


def encode_request(request: Request, target: Target) -> tuple[dict[str, Any], Losses]:
    """Return the body that asks an upstream for a reply, and what of the request it cannot say."""
    own = request.dialect == DIALECT
    count = len(_leading(request.messages, own=own))
    made, losses = _input(request, count, own=own)
    if count and not made and not own:
        # A system prompt alone: no input is refused, so the last of it is the input.
        count -= 1
        made, losses = _input(request, count, own=own)
    body: dict[str, Any] = {"model": target.model} if target.model else {}
    if count:
        body["instructions"] = _instructions(request.messages[:count], losses)
    if made or not own:
        body["input"] = made
    body |= encode_options(request, target, losses)
    if request.stream:
        body["stream"] = True
    return body, losses


def _input(request: Request, start: int, *, own: bool) -> tuple[list[Item], Losses]:
    """Return the items of all messages from number `start` on."""
    losses: Losses = []
    items = ItemsEncoder(losses, own=own)
    made: list[Item] = []
    for index, message in enumerate(request.messages[start:], start):
        made += items.encode(message, f"messages[{index}]")
    return made, losses


def _leading(messages: tuple[Message, ...], *, own: bool) -> tuple[Message, ...]:
    """Return the messages that are said as `instructions`: its own, or another dialect's system prompt."""
    if own:
        marked = bool(messages) and INSTRUCTIONS in messages[0].extras.get(DIALECT, {})
        return messages[:1] if marked else ()
    count = 0
    for message in messages:
        if message.role not in ("system", "developer") or not all(isinstance(part, Text) for part in message.parts):
            break
        count += 1
    return messages[:count]


def _instructions(leading: tuple[Message, ...], losses: Losses) -> str:
    texts = []
    for at, message in enumerate(leading):
        if message.name is not None:
            losses.append(Loss(path=f"messages[{at}].name", what="name", why="Instructions have no name."))
        for index, part in enumerate(message.parts):
            if not isinstance(part, Text):
                continue
            texts.append(part.text)
            if part.cache is not None:
                lose_cache(part.cache, f"messages[{at}].parts[{index}].cache", losses)
    return "\n\n".join(texts)


class ItemsEncoder:
    """Writes the messages of one request, in order; `own` says that the client speaks this dialect, too."""

    def __init__(self, losses: Losses, *, own: bool) -> None:
        self._losses = losses
        self._own = own
        self._customs: set[str] = set()
        self._items: list[Item] = []
        self._role = "user"
        self._head: dict[str, Any] = {}
        self._content: list[Item] | None = None
        self._thought: Item | None = None

    def encode(self, message: Message, path: str) -> list[Item]:
        """Return the items that say a message."""
        self._items = []
        self._role = message.role
        self._thought = None
        head = message.extras.get(DIALECT, {})
        if message.name is not None:
            self._lose(f"{path}.name", "name", "Messages have no names here.")
        if head or not message.parts:
            self._open(head)
        for index, part in enumerate(message.parts):
            if not isinstance(part, Reasoning):
                self._thought = None
            self._ENCODERS[type(part)](self, part, f"{path}.parts[{index}]")
        self._close(empty=self._own and not message.parts)
        return self._items

    def _open(self, head: dict[str, Any]) -> list[Item]:
        self._close()
        self._head = head
        self._content = []
        return self._content

    def _close(self, *, empty: bool = False) -> None:
        content, self._content = self._content, None
        if content is None or (not content and not empty):
            return
        item: Item = {"type": "message", "role": self._role, "content": content}
        if len(content) == 1 and "id" not in self._head and _is_plain(content[0]):
            item["content"] = content[0]["text"]
        self._items.append(item | self._head)

    def _add(self, one: Item, mine: dict[str, Any]) -> None:
        """Add a part to the message that is open, or to the one that begins with it."""
        content = self._content
        if "message" in mine:
            content = self._open(mine["message"])
        elif content is None:
            content = self._open({})
        content.append(one)

    def _item(self, item: Item) -> None:
        self._close()
        self._items.append(item)

    def _lose(self, path: str, what: str, why: str, *, approximated: bool = False) -> None:
        self._losses.append(Loss(path=path, what=what, why=why, how="approximated" if approximated else "dropped"))

    def _lose_marks(self, part: Text | Media | ToolCall | ToolResult, path: str) -> None:
        if part.cache is not None:
            lose_cache(part.cache, f"{path}.cache", self._losses)
        if not isinstance(part, ToolResult) and part.seal is not None:
            self._lose_seal(f"{path}.seal", part.seal)

    def _lose_seal(self, path: str, seal: Seal) -> None:
        why = "OpenAI has no field for it here." if seal.issuer == ISSUER else f"Only {seal.issuer} can read it."
        self._lose(path, "seal", why)

    # ------------------------------------------------------------------------------------------ parts of messages

    def _text(self, part: Text, path: str) -> None:
        self._lose_marks(part, path)
        made: Item = {"type": "output_text" if self._role == _MODEL else "input_text", "text": part.text}
        if self._role == _MODEL:
            made["annotations"] = encode_annotations(part.citations, path, self._losses)
            if part.logprobs and self._own:
                made["logprobs"] = list(part.logprobs)
        elif part.citations:
            self._lose(f"{path}.citations", "citation", "Only the model's own texts have annotations.")
        self._add(made | own_members(part), part.extras.get(DIALECT, {}))

    def _refusal(self, part: Refusal, path: str) -> None:
        mine = part.extras.get(DIALECT, {})
        if self._role != _MODEL:
            self._add({"type": "input_text", "text": part.text}, mine)
            return
        self._add({"type": "refusal", "refusal": part.text} | own_members(part), mine)

    def _media(self, part: Media, path: str) -> None:
        made = self.media(part, path)
        if made is not None and self._role == _MODEL:
            self._lose(path, part.kind, f"A turn of the model's holds no {part.kind} here.")
        elif made is not None:
            self._lose_marks(part, path)
            self._add(made, {})

    def media(self, part: Media, path: str) -> Item | None:
        """Return an image or a file as a part of a message or of a tool's result; None, with a Loss, for others."""
        if part.kind == "image":
            made = self._image(part, path)
        elif part.kind == "document":
            made = self._document(part, path)
        else:
            self._lose(path, part.kind, f"The Responses API takes no {part.kind}.")
            return None
        if made is None:
            return None
        if part.detail is not None:
            made["detail"] = part.detail
        return made | own_members(part)

    def _image(self, part: Media, path: str) -> Item | None:
        if part.url is not None:
            return {"type": "input_image", "image_url": part.url}
        if part.data is not None:
            return {"type": "input_image", "image_url": f"data:{part.media_type or 'image/png'};base64,{part.data}"}
        return self._filed("input_image", part, path)

    def _document(self, part: Media, path: str) -> Item | None:
        if part.text is not None:
            self._lose(path, "document", "A document that is text is said as a text.", approximated=True)
            return {"type": "input_text", "text": part.text}
        made: Item | None = {"type": "input_file"}
        if part.url is not None:
            made = {"type": "input_file", "file_url": part.url}
        elif part.data is not None:
            bare = self._own and part.media_type is None
            data = part.data if bare else f"data:{part.media_type or 'application/pdf'};base64,{part.data}"
            made = {"type": "input_file", "file_data": data}
            if part.name is None and not self._own:
                made["filename"] = "document.pdf"
        else:
            made = self._filed("input_file", part, path)
        if made is not None and part.name is not None:
            made["filename"] = part.name
        return made

    def _filed(self, kind: str, part: Media, path: str) -> Item | None:
        if part.file is not None and part.issuer == ISSUER:
            return {"type": kind, "file_id": part.file}
        self._lose(path, "file", f"Only {part.issuer or 'its issuer'} has this file.")
        return None

    # ---------------------------------------------------------------------------------------------------- items

    def _reasoning(self, part: Reasoning, path: str) -> None:
        seal = part.seal
        mine = part.extras.get(DIALECT, {})
        joins = "joins" in mine and self._thought is not None
        foreign = seal is not None and seal.issuer != ISSUER
        if seal is not None and foreign:
            self._lose_seal(f"{path}.seal", seal)
        if foreign or (seal is None and not self._own):
            if part.text or seal is None:
                self._lose(path, "reasoning", "OpenAI takes no thoughts that it did not seal.")
            return
        if not joins or self._thought is None:
            self._thought = {"type": "reasoning", "summary": []}
            if part.item is not None:
                self._thought["id"] = part.item
            self._item(self._thought)
        item = self._thought
        texts = _split_texts(part) if part.text or "lengths" in mine else []
        if part.form == "full" and self._own:
            if texts:
                item["content"] = [{"type": "reasoning_text", "text": text} for text in texts]
        else:
            item["summary"] = [{"type": "summary_text", "text": text} for text in texts]
        if seal is not None:
            item["encrypted_content"] = seal.value
        item |= own_members(part)

    def _call(self, part: ToolCall, path: str) -> None:
        self._lose_marks(part, path)
        kind = "custom_tool_call" if part.kind == "custom" else "function_call"
        if part.kind == "custom":
            self._customs.add(part.id)
        arguments = part.arguments
        if not arguments and part.kind == "function" and not self._own:
            arguments = "{}"
        item: Item = {"type": kind, "call_id": part.id, "name": part.name, CALLS[kind]: arguments}
        if part.item is not None:
            item["id"] = part.item
        if part.namespace is not None:
            item["namespace"] = part.namespace
        self._item(item | own_members(part))

    def _result(self, part: ToolResult, path: str) -> None:
        self._lose_marks(part, path)
        custom = part.kind == "custom" or part.call in self._customs
        if part.failed:
            self._lose(f"{path}.failed", "failed", "A result cannot be marked as failed here; its text goes on.")
        item: Item = {
            "type": "custom_tool_call_output" if custom else "function_call_output",
            "call_id": part.call,
            "output": self._output(part, path),
        }
        self._item(item | own_members(part))

    def _output(self, part: ToolResult, path: str) -> str | list[Item]:
        if not part.parts:
            return ""
        made = []
        for index, one in enumerate(part.parts):
            at = f"{path}.parts[{index}]"
            if isinstance(one, Text):
                self._lose_marks(one, at)
                made.append({"type": "input_text", "text": one.text} | own_members(one))
            elif (media := self.media(one, at)) is not None:
                self._lose_marks(one, at)
                made.append(media)
        if len(made) == 1 and _is_plain(made[0]):
            return str(made[0]["text"])
        return made or ""

    def _opaque(self, part: Opaque, path: str) -> None:
        payload = part.payload
        if part.dialect != DIALECT or not isinstance(payload, dict):
            kind = payload.get("type") if isinstance(payload, dict) else None
            self._lose(path, str(kind or "part"), f"Only {part.dialect} knows this part.")
        elif payload.get("type") == CONTENT_PART:
            self._add(payload.get("part", {}), payload)
        else:
            self._item(payload)

    _ENCODERS: ClassVar[dict[type[Part], Callable[[ItemsEncoder, Any, str], None]]] = {
        Text: _text,
        Media: _media,
        Reasoning: _reasoning,
        ToolCall: _call,
        ToolResult: _result,
        Refusal: _refusal,
        Opaque: _opaque,
    }


def _split_texts(part: Reasoning) -> list[str]:
    """Return the texts that a thought was joined from, where it is still known."""
    lengths = part.extras.get(DIALECT, {}).get("lengths")
    if not isinstance(lengths, list) or sum(lengths) + len(BETWEEN) * (len(lengths) - 1) != len(part.text):
        return [part.text]
    texts, at = [], 0
    for length in lengths:
        texts.append(part.text[at : at + length])
        at += length + len(BETWEEN)
    return texts


def _is_plain(part: Item) -> bool:
    """Tell whether a part of a message is nothing but its text."""
    return not part.get("annotations") and part.keys() <= {"type", "text", "annotations"} and "text" in part
