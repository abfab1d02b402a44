"""Messages become those of a request: https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages.

What a client of this dialect said goes back as it came. What comes from elsewhere is fitted to what OpenAI and the
servers that resemble it accept: one text for instructions and for what the model said, a message for each result of a
tool, right after the calls, and pictures that a tool gave in a user's message after those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeGuard

import msgspec

from argo_relay.dialects.base import Target
from argo_relay.dialects.openai_chat.content_decoder import AUDIO_FORMATS, Block, encode_cache
from argo_relay.dialects.openai_chat.outline import DIALECT
from argo_relay.dialects.openai_chat.tools import LEGACY, encode_call, lose_cache, takes_custom
from argo_relay.neutral import seals
from argo_relay.neutral.content import Media, Opaque, Part, Reasoning, Refusal, Seal, Text, ToolCall, ToolResult
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.request import Message, Role

_FORMATS: Final = {media_type: form for form, media_type in AUDIO_FORMATS.items()} | {
    "audio/mp3": "mp3",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
}
_KINDS: Final = {"image": "image/png", "audio": "audio/wav", "video": "video/mp4", "document": "application/pdf"}
_MARKS: Final = frozenset({"inline", "chunk", "plain", "detail", "audio", LEGACY, "document_url"})
_BETWEEN: Final = "\n\n"
_SEALED: Final = (Text, Media)


class MessagesEncoder:
    """Writes the messages of one request, in order; `own` says that the client speaks this dialect, too."""

    def __init__(self, target: Target, losses: Losses, *, own: bool) -> None:
        self._losses = losses
        self._own = own
        self._owner = target.owner
        self._custom = takes_custom(target, own=own)
        self._message: Block = {}
        self._content: list[Block] = []
        self._role = "user"
        self._thoughts: list[str] = []
        self._broken = False

    def encode(self, message: Message, number: int) -> list[Block]:
        """Return the messages that say message `number`: results of tools come first, each as a message of its own."""
        parts = message.parts
        if len(parts) == 1 and _is_bare(parts[0]) and message.name is None and not message.extras:
            # Most say one text and nothing else: 0.3 us, and 1.5 us by the way of all others, which comes to the same.
            return [{"role": self._spoken(message.role), "content": parts[0].text}]
        self._role = message.role
        self._message, self._content, self._thoughts, self._broken = {}, [], [], False
        made: list[Block] = []
        rest = 0
        for index, part in enumerate(parts):
            at = f"messages[{number}].parts[{index}]"
            if isinstance(part, ToolResult):
                made.append(self._result(part, at))
                continue
            rest += 1
            self._ENCODERS[type(part)](self, part, at)
        if rest or self._content or not made:
            made.append(self._finished(message))
        return made if self._own else [one for one in made if len(one) > 1]

    def _finished(self, message: Message) -> Block:
        made: Block = {"role": self._spoken(message.role)}
        if message.name is not None:
            made["name"] = message.name
        if self._thoughts:
            self._message["reasoning_content"] = _BETWEEN.join(self._thoughts)
        content = self._shortest()
        if content is not None:
            made["content"] = content
        elif self._message and not self._own:
            # Some servers demand the member, and OpenAI's own SDK sends it so; Argo breaks at a null for Gemini.
            made["content"] = "" if self._owner == "google" else None
        made.update(self._message)
        made.update(message.extras.get(DIALECT, {}))
        return made

    def _spoken(self, role: Role) -> Role:
        """Return the word for who speaks: servers that resemble OpenAI's know no developer."""
        return "system" if role == "developer" and not self._own else role

    def _shortest(self) -> str | list[Block] | None:
        """Return the content as text where it is nothing else: every server reads that."""
        content = self._content
        if not content:
            return None
        if len(content) > 1 and (self._own or self._role == "user"):
            return content
        texts = []
        for one in content:
            text = one.get("text")
            if len(one) != 2 or type(text) is not str or "type" not in one:
                return content
            texts.append(text)
        return (_BETWEEN if self._role != "assistant" else "").join(texts)

    def _lose(self, path: str, what: str, why: str, *, how: str = "dropped") -> None:
        self._losses.append(Loss(path=path, what=what, why=why, how=how))  # type: ignore[arg-type]

    def _lose_seal(self, path: str, seal: Seal | None) -> None:
        if seal is not None:
            self._lose(f"{path}.seal", "seal", f"Only {seal.issuer} can read it.")

    def _add(self, block: Block, part: Text | Media | Refusal) -> None:
        if not isinstance(part, Refusal) and part.cache is not None and self._own:
            block["cache_control"] = encode_cache(part.cache)
        self._content.append(_with_own(block, part) if part.extras else block)

    def _lose_marks(self, part: Text | Media | ToolCall | ToolResult, path: str) -> None:
        if part.cache is not None and not self._own:
            lose_cache(part.cache, f"{path}.cache", self._losses)
        if isinstance(part, _SEALED) and part.seal is not None:
            self._lose_seal(path, part.seal)

    # ------------------------------------------------------------------------------------------------------ parts

    def _text(self, part: Text, path: str) -> None:
        if part.cache is not None or part.seal is not None:
            self._lose_marks(part, path)
        if part.citations:
            self._lose(f"{path}.citations", "citation", "A request's texts have no citations here.")
        if not self._own and not part.text:
            return
        if "tool_calls" in self._message:
            self._lose(path, "order", "A turn of the model's says its texts before its calls.", how="moved")
        text = part.text
        if self._broken and self._content and self._role == "assistant" and not self._own:
            text = _BETWEEN + text
        self._broken = False
        self._add({"type": "text", "text": text}, part)

    def _refusal(self, part: Refusal, path: str) -> None:
        if "inline" in part.extras.get(DIALECT, {}):
            self._add({"type": "refusal", "refusal": part.text}, part)
        elif self._role == "assistant" and (self._own or self._owner == "openai"):
            self._message["refusal"] = part.text
        else:
            self._lose(path, "refusal", "It is said as a text.", how="approximated")
            self._add({"type": "text", "text": part.text}, part)

    def _media(self, part: Media, path: str) -> None:
        self._lose_marks(part, path)
        self._broken = True
        if part.kind == "audio" and part.file is not None and self._own and self._role == "assistant":
            self._message["audio"] = {"id": part.file}
            return
        if self._role != "user" and not self._own:
            self._lose(path, part.kind, f"Only a user's message holds a {part.kind} here.")
            return
        made = self._placed(part, path)
        if made is not None:
            self._add(made, part)

    def _placed(self, part: Media, path: str) -> Block | None:
        """Return a Media as a part of a content; None, with a Loss, for one that has no place there."""
        if part.kind == "document":
            return self._document(part, path)
        if part.name is not None:
            self._lose(f"{path}.name", "name", f"A {part.kind} has no name here.")
        if part.kind == "audio":
            return self._audio(part, path)
        url = self._url(part, path)
        if url is None:
            return None
        if part.kind == "video":
            if self._owner is None or self._own:
                return {"type": "video_url", "video_url": {"url": url}}
            self._lose(path, "video", "This model takes no video here.")
            return None
        image: Block = {"url": url}
        if part.detail is not None:
            # `original` is the Responses API's.
            image["detail"] = "high" if part.detail == "original" and not self._own else part.detail
        return {"type": "image_url", "image_url": image}

    def _url(self, part: Media, path: str) -> str | None:
        if part.url is not None:
            return part.url
        if part.data is not None:
            return f"data:{part.media_type or _KINDS[part.kind]};base64,{part.data}"
        self._lose(path, "file", f"Only {part.issuer or 'its issuer'} has this file.")
        return None

    def _audio(self, part: Media, path: str) -> Block | None:
        form = _FORMATS.get(part.media_type or "audio/wav")
        if part.data is None or form is None:
            self._lose(path, "audio", "OpenAI takes sound as data only, in the formats wav and mp3.")
            return None
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": form}}

    def _document(self, part: Media, path: str) -> Block | None:
        if part.text is not None:
            self._lose(path, "document", "A document that is text is said as a text.", how="approximated")
            title = f"{part.name}{_BETWEEN}" if part.name else ""
            return {"type": "text", "text": title + part.text}
        if "document_url" in part.extras.get(DIALECT, {}):
            made: Block = {"type": "document_url", "document_url": part.url}
            return made if part.name is None else made | {"document_name": part.name}
        file: Block = {} if part.name is None else {"filename": part.name}
        if part.file is not None and part.issuer == DIALECT:
            file["file_id"] = part.file
        elif part.url is not None and (self._own or self._owner is None):
            file["file_data"] = part.url
        elif part.url is not None:
            self._lose(path, "document", "Chat Completions takes no documents by URL: send its data.")
            return None
        elif part.data is not None and self._own and part.media_type is None:
            file["file_data"] = part.data
        else:
            data = self._url(part, path)
            if data is None:
                return None
            file.setdefault("filename", "document.pdf")
            file["file_data"] = data
            if self._own and part.name is None:
                del file["filename"]
        return {"type": "file", "file": file}

    def _reasoning(self, part: Reasoning, path: str) -> None:
        mine = part.extras.get(DIALECT, {})
        self._broken = True
        if self._own:
            self._own_reasoning(part, path, mine)
            return
        if self._owner is not None and not (self._owner == "google" and _is_own(part.seal)):
            self._lose_seal(path, part.seal)
            self._lose(path, "reasoning", "OpenAI's Chat Completions takes no thoughts.")
            return
        if _is_own(part.seal):
            self._add_detail(part)
            return
        self._lose_seal(path, part.seal)
        if part.text:
            self._thoughts.append(part.text)

    def _own_reasoning(self, part: Reasoning, path: str, mine: Block) -> None:
        if "chunk" in mine:
            pieces = [{"type": "text", "text": part.text}]
            self._content.append({"type": "thinking", "thinking": pieces, **mine["chunk"]})
            return
        self._message.update(mine.get("plain", {}))
        if part.seal is not None and not _is_own(part.seal):
            # Another model's, from before this one was asked.
            self._lose_seal(path, part.seal)
            mine = {name: value for name, value in mine.items() if name != "detail"}
        if "detail" in mine or _is_own(part.seal):
            self._add_detail(part)
        elif "plain" not in mine:
            self._thoughts.append(part.text)

    def _add_detail(self, part: Reasoning) -> None:
        if part.text and part.seal is not None and part.seal.kind == "encrypted":
            # What is encrypted holds the thought itself: there is no place for words beside it.
            self._thoughts.append(part.text)
            part = msgspec.structs.replace(part, text="")
        self._message.setdefault("reasoning_details", []).append(encode_detail(part))

    def _call(self, part: ToolCall, path: str) -> None:
        self._lose_marks(part, path)
        mine = part.extras.get(DIALECT, {})
        made = encode_call(part, custom=self._custom)
        if LEGACY in mine:
            self._message["function_call"] = made["function"]
            return
        if not part.arguments and part.kind == "function" and not self._own:
            made["function"]["arguments"] = "{}"
        made |= {name: value for name, value in mine.items() if name not in _MARKS}
        seal = part.seal
        if seal is not None and seal.issuer == "google" and self._owner in ("google", None):
            beside = made.get("extra_content", {})
            google = {**beside.get("google", {}), "thought_signature": seal.value}
            made["extra_content"] = {**beside, "google": google}
        else:
            self._lose_seal(path, seal)
        self._message.setdefault("tool_calls", []).append(made)

    def _opaque(self, part: Opaque, path: str) -> None:
        if part.dialect == DIALECT and isinstance(part.payload, dict):
            self._content.append(part.payload)
            return
        kind = part.payload.get("type") if isinstance(part.payload, dict) else None
        self._lose(path, str(kind or "part"), f"Only {part.dialect} knows this part.")

    # --------------------------------------------------------------------------------------------------- results

    def _result(self, part: ToolResult, path: str) -> Block:
        mine = dict(part.extras.get(DIALECT, {}))
        self._lose_marks(part, path)
        if part.failed:
            self._lose(f"{path}.failed", "failed", "A result cannot be marked as failed here; its text goes on.")
        legacy = mine.pop(LEGACY, False)
        made: Block = {"role": "function"} if legacy else {"role": "tool", "tool_call_id": part.call}
        if part.name is not None and (self._own or legacy):
            made["name"] = part.name
        made["content"] = self._output(part, path)
        return made | mine

    def _output(self, part: ToolResult, path: str) -> str | list[Block]:
        texts: list[Block] = []
        for index, one in enumerate(part.parts):
            at = f"{path}.parts[{index}]"
            if isinstance(one, Text):
                self._lose_marks(one, at)
                block: Block = {"type": "text", "text": one.text}
                if one.cache is not None and self._own:
                    block["cache_control"] = encode_cache(one.cache)
                texts.append(_with_own(block, one))
            elif self._own:
                if (placed := self._placed(one, at)) is not None:
                    texts.append(_with_own(placed, one))
            elif one.text is not None and (placed := self._placed(one, at)) is not None:
                texts.append(placed)
            else:
                self._moved(one, at, part.call)
        if self._own and not (len(texts) == 1 and texts[0].keys() == {"type", "text"}):
            return texts or ""
        return "\n".join(one["text"] for one in texts)

    def _moved(self, part: Media, path: str, call: str) -> None:
        """Say a picture or a document that a tool gave in the user's message that follows the results."""
        self._lose_marks(part, path)
        placed = self._placed(part, path)
        if placed is None:
            return
        why = f"A tool's result holds texts only here: the {part.kind} is in a message after it."
        self._lose(path, part.kind, why, how="moved")
        self._content.append({"type": "text", "text": f"The {part.kind} that the tool call {call} gave:"})
        self._content.append(placed)

    _ENCODERS: ClassVar[dict[type[Part], Callable[[MessagesEncoder, Any, str], None]]] = {
        Text: _text,
        Media: _media,
        Reasoning: _reasoning,
        ToolCall: _call,
        Refusal: _refusal,
        Opaque: _opaque,
    }


def _is_bare(part: Part) -> TypeGuard[Text]:
    """Say whether a part is a text of which nothing else is said."""
    return (
        type(part) is Text
        and part.text != ""
        and not (part.extras or part.citations)
        and part.cache is None
        and part.seal is None
    )


def _with_own(block: Block, part: Text | Media | Refusal) -> Block:
    """Return a part with what a client of this dialect said of it beyond our fields, beside its source and in it."""
    for name, value in part.extras.get(DIALECT, {}).items():
        if name not in _MARKS:
            block[name] = {**block[name], **value} if name in block and isinstance(value, dict) else value
    return block


def _is_own(seal: Seal | None) -> bool:
    return seal is not None and seal.issuer == DIALECT


def encode_detail(thought: Reasoning, number: int | None = None, *, first: bool = True) -> Block:
    """Return one of the `reasoning_details`: https://openrouter.ai/docs/use-cases/reasoning-tokens.

    In a reply they have numbers, and pieces of one have its number; what does not grow with them stands in the `first`.
    """
    rest: Block = thought.extras.get(DIALECT, {}).get("detail", {})
    if "type" in rest:
        return rest
    seal = thought.seal
    made: Block = {} if number is None else {"index": number}
    if seal is not None and first and not thought.text and seal.kind != "signature":
        made |= {"type": "reasoning.encrypted", "data": _written(seal, "encrypted")}
        seal = None
    elif thought.form == "summary":
        made |= {"type": "reasoning.summary", "summary": thought.text}
    else:
        made |= {"type": "reasoning.text", "text": thought.text}
    if seal is not None:
        made["signature"] = _written(seal, "signature")
    if not first:
        return made
    if thought.item is not None:
        made["id"] = thought.item
    return made | rest


def _written(seal: Seal, kind: str) -> str:
    """Return a seal for a field that holds this kind; what its own server did not write there is packed."""
    return seals.written(seal, DIALECT) if seal.kind == kind else seals.pack(seal)
