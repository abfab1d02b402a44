"""Parts of messages and replies become neutral ones; what no part can hold becomes Opaque, and nothing here raises.

https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages
Reasoning has no place in OpenAI's own dialect; servers write it as `reasoning_content` (DeepSeek, vLLM), `reasoning`
(OpenRouter, Groq), `reasoning_details` (https://openrouter.ai/docs/use-cases/reasoning-tokens), several of them at
once, or as chunks of the content (Mistral). Whichever it is, it is taken once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import msgspec

from argo_relay.dialects.base import passed_over
from argo_relay.dialects.bodies import blocks
from argo_relay.dialects.openai_chat.outline import DIALECT
from argo_relay.framing import jsonx
from argo_relay.neutral import seals
from argo_relay.neutral.content import (
    CacheMark,
    Citation,
    Extras,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
)

Block = dict[str, Any]

PLAIN: Final = ("reasoning_content", "reasoning")
"""Members that hold a thought as text."""
AUDIO_FORMATS: Final = {"wav": "audio/wav", "mp3": "audio/mpeg"}
"""What a client may say as `input_audio.format`."""
_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,", re.ASCII)


class Origin(NamedTuple):
    """Where a message comes from: from a client it goes back to its own dialect as it came, and may hold our seals."""

    client: bool
    spare: str = "call"
    """What the ids of calls begin with that have none."""


def decode_content(content: str | list[Any] | None, origin: Origin) -> list[Part]:
    """Return what a message's `content` says; its entries are objects."""
    if isinstance(content, str):
        return [Text(text=content)] if content else []
    return [decode_part(part, origin) for part in content or () if isinstance(part, dict)]


def decode_part(part: Block, origin: Origin) -> Part:
    """Return what one part of a content says."""
    kind = part.get("type")
    decoder = _DECODERS.get(kind) if isinstance(kind, str) else None
    made = decoder(part, origin) if decoder is not None else None
    return Opaque(dialect=DIALECT, payload=part) if made is None else made


def extras_of(rest: Block) -> Extras:
    """Return extras that hold `rest`, if there is any."""
    return {DIALECT: rest} if rest else {}


def decode_cache(value: Any) -> CacheMark | None:
    """Return the mark that a `cache_control` sets, which OpenRouter and LiteLLM take over from Anthropic."""
    if not isinstance(value, dict) or value.get("type") != "ephemeral":
        return None
    ttl = value.get("ttl")
    return CacheMark(ttl=ttl if ttl in ("5m", "1h") else None)


def encode_cache(cache: CacheMark) -> Block:
    """Return the `cache_control` of a mark."""
    return {"type": "ephemeral"} if cache.ttl is None else {"type": "ephemeral", "ttl": cache.ttl}


def leftovers(value: Block, known: frozenset[str]) -> Block:
    """Return the members that no neutral field holds, a `cache_control` of an unknown form among them."""
    rest = passed_over(value, known)
    control = rest.get("cache_control")
    if control is not None:
        cache = decode_cache(control)
        if cache is not None and encode_cache(cache) == control:
            del rest["cache_control"]
    return rest


def str_or_none(value: Any) -> str | None:
    """Return a string, and None for anything else."""
    return value if isinstance(value, str) else None


# ------------------------------------------------------------------------------------------------- parts of a content

_TEXT: Final = frozenset({"type", "text"})


def _text(part: Block, _: Origin) -> Text | None:
    text = part.get("text")
    if not isinstance(text, str):
        return None
    return Text(text=text, cache=decode_cache(part.get("cache_control")), extras=extras_of(leftovers(part, _TEXT)))


def _refusal(part: Block, origin: Origin) -> Refusal | None:
    text = part.get("refusal")
    if not isinstance(text, str):
        return None
    return Refusal(text=text, extras={DIALECT: {"inline": True}} if origin.client else {})


def _thinking(part: Block, origin: Origin) -> Reasoning | None:
    """Mistral's chunk: https://docs.mistral.ai/capabilities/reasoning."""
    pieces = part.get("thinking")
    if isinstance(pieces, str):
        pieces = [{"type": "text", "text": pieces}]
    if not isinstance(pieces, list):
        return None
    texts = [piece["text"] for piece in pieces if isinstance(piece, dict) and isinstance(piece.get("text"), str)]
    if len(texts) < len(pieces) and origin.client:
        return None
    rest = passed_over(part, frozenset({"type", "thinking"}))
    return Reasoning(text="".join(texts), extras={DIALECT: {"chunk": rest}} if origin.client else {})


def located(url: str) -> dict[str, Any]:
    """Return the fields of a Media that lies at `url`, or in it."""
    found = _DATA_URL.match(url)
    return {"url": url} if found is None else {"media_type": found[1], "data": url[found.end() :]}


def _image(part: Block, _: Origin) -> Media | None:
    image = part.get("image_url")
    image = {"url": image} if isinstance(image, str) else image
    if not isinstance(image, dict) or not isinstance(image.get("url"), str):
        return None
    detail = str_or_none(image.get("detail"))
    inner = passed_over(image, frozenset({"url", "detail"} if detail is not None else {"url"}))
    return _media(part, "image_url", inner, Media(kind="image", detail=detail, **located(image["url"])))


def _video(part: Block, _: Origin) -> Media | None:
    video = part.get("video_url")
    video = {"url": video} if isinstance(video, str) else video
    if not isinstance(video, dict) or not isinstance(video.get("url"), str):
        return None
    inner = passed_over(video, frozenset({"url"}))
    return _media(part, "video_url", inner, Media(kind="video", **located(video["url"])))


def _audio(part: Block, _: Origin) -> Media | None:
    audio = part.get("input_audio")
    if not isinstance(audio, dict) or not isinstance(audio.get("data"), str):
        return None
    media_type = AUDIO_FORMATS.get(str(audio.get("format")))
    if media_type is None:
        return None
    inner = passed_over(audio, frozenset({"data", "format"}))
    made = Media(kind="audio", data=audio["data"], media_type=media_type)
    return _media(part, "input_audio", inner, made)


def _file(part: Block, _: Origin) -> Media | None:
    file = part.get("file")
    if not isinstance(file, dict):
        return None
    data, held, name = file.get("file_data"), file.get("file_id"), str_or_none(file.get("filename"))
    if isinstance(data, str) and held is None:
        place: Block = located(data)
        if "url" in place and not data.startswith(("http://", "https://")):
            place = {"data": data}
    elif isinstance(held, str) and data is None:
        place = {"file": held, "issuer": DIALECT}
    else:
        return None
    inner = passed_over(file, frozenset({"file_data", "file_id", "filename"}))
    return _media(part, "file", inner, Media(kind="document", name=name, **place))


def _document(part: Block, _: Origin) -> Media | None:
    """Mistral's: https://docs.mistral.ai/capabilities/document_ai/document_qna."""
    url, name = part.get("document_url"), str_or_none(part.get("document_name"))
    if not isinstance(url, str):
        return None
    rest = leftovers(part, frozenset({"type", "document_url", "document_name"}))
    extras = {DIALECT: {"document_url": True, **rest}}
    return Media(kind="document", url=url, name=name, cache=decode_cache(part.get("cache_control")), extras=extras)


def _media(part: Block, member: str, inner: Block, media: Media) -> Media:
    """Finish a Media: members that no field holds stay where they were, those beside its source and those in it."""
    rest = leftovers(part, frozenset({"type", member}))
    if inner:
        rest[member] = inner
    return msgspec.structs.replace(media, cache=decode_cache(part.get("cache_control")), extras=extras_of(rest))


_DECODERS: Final[dict[str, Callable[[Block, Origin], Part | None]]] = {
    "text": _text,
    "refusal": _refusal,
    "thinking": _thinking,
    "image_url": _image,
    "video_url": _video,
    "input_audio": _audio,
    "file": _file,
    "document_url": _document,
}


# ---------------------------------------------------------------------------------------------- what an assistant says

MESSAGE: Final = frozenset(
    {"role", "content", "refusal", "tool_calls", "function_call", "audio", "reasoning_details"}
) | {*PLAIN}
"""Members of an assistant's message that `decode_said` reads."""


def decode_said(message: Block, origin: Origin) -> list[Part]:
    """Return what a client says that an assistant said, in the order in which models say it."""
    parts: list[Part] = [*decode_reasoning(message)]
    content = message.get("content")
    parts += decode_content(content if isinstance(content, str | list) else None, origin)
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        parts.append(Refusal(text=refusal))
    audio = message.get("audio")
    if isinstance(audio, dict) and (held := str_or_none(audio.get("id"))):
        # Clients only name the sound of an earlier reply.
        parts.append(Media(kind="audio", file=held, issuer=DIALECT))
    called = message.get("function_call")
    legacy = decode_call({"function": called}, f"{origin.spare}_0", client=origin.client) if called else None
    if legacy is not None:
        parts.append(msgspec.structs.replace(legacy, extras={DIALECT: {"legacy": True}}))
    calls = message.get("tool_calls")
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        made = decode_call(call, f"{origin.spare}_{index}", client=origin.client) if isinstance(call, dict) else None
        if made is not None:
            parts.append(made)
    return parts


_CALL: Final = frozenset({"id", "type", "function", "custom", "index", "extra_content"})


def decode_call(call: Block, spare_id: str, *, client: bool) -> ToolCall | None:
    """Return a call; None when it does not say what is called."""
    kind: Literal["function", "custom"] = "custom" if isinstance(call.get("custom"), dict) else "function"
    said = call.get(kind)
    if not isinstance(said, dict) or not isinstance(said.get("name"), str) or not said["name"]:
        return None
    identifier = str_or_none(call.get("id")) or spare_id
    carried = None
    if client:
        identifier, carried = seals.without_seal(identifier)
    rest = passed_over(call, _CALL)
    if client and "index" in call:
        rest["index"] = call["index"]
    seal, beside = decode_signature(call.get("extra_content"), client=client)
    if beside:
        rest["extra_content"] = beside
    return ToolCall(
        id=identifier,
        name=said["name"],
        arguments=text_of_arguments(said.get("input" if kind == "custom" else "arguments")),
        kind=kind,
        seal=seal or carried,
        extras=extras_of(rest),
    )


def text_of_arguments(value: Any) -> str:
    """Return arguments as text; some servers (Ollama) write the object itself."""
    if isinstance(value, str):
        return value
    return "" if value is None else jsonx.encode(value).decode("utf-8", "replace")


def decode_signature(extra: Any, *, client: bool) -> tuple[Seal | None, Block]:
    """Return Gemini's thought signature of an `extra_content`, and what else it holds.

    https://ai.google.dev/gemini-api/docs/thought-signatures#openai
    """
    if not isinstance(extra, dict):
        return None, {}
    google = extra.get("google")
    value = google.get("thought_signature") if isinstance(google, dict) else None
    if not isinstance(google, dict) or not isinstance(value, str) or not value:
        return None, extra
    rest = {name: one for name, one in extra.items() if name != "google"}
    if inner := {name: one for name, one in google.items() if name != "thought_signature"}:
        rest["google"] = inner
    seal = seals.unpack(value) if client else None
    return seal or Seal(issuer="google", kind="thought", value=value), rest


def decode_images(images: Any) -> list[Part]:
    """Return the pictures that a model made: https://openrouter.ai/docs/features/multimodal/image-generation."""
    plain = [{name: value for name, value in one.items() if name != "index"} for one in blocks(images)]
    return [made for one in plain if (made := _image(one, Origin(client=False))) is not None]


def decode_logprobs(logprobs: Any) -> tuple[Block, ...] | None:
    """Return the log probabilities of a content; None where there are none."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return tuple(blocks(content)) or None if content else None


def encode_logprobs(logprobs: tuple[Block, ...]) -> list[Block]:
    """Return log probabilities with everything that the dialect's types demand."""
    return [{"bytes": None, "top_logprobs": [], **one} for one in logprobs]


def decode_citation(annotation: Block) -> Citation:
    """Return an annotation of a text."""
    cited = annotation.get("url_citation")
    cited = cited if annotation.get("type") == "url_citation" and isinstance(cited, dict) else {}
    start, end = cited.get("start_index"), cited.get("end_index")
    return Citation(
        url=str_or_none(cited.get("url")),
        title=str_or_none(cited.get("title")),
        quote=str_or_none(cited.get("content")),
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
        dialect=DIALECT,
        payload=annotation,
    )


# --------------------------------------------------------------------------------------------------------- reasoning

_DETAIL: Final = frozenset({"type", "text", "summary", "data", "signature", "id"})
_DETAILS: Final = {"reasoning.text": "text", "reasoning.summary": "summary", "reasoning.encrypted": "data"}


def decode_reasoning(message: Block) -> list[Reasoning]:
    """Return the thoughts of a client's message, whichever members they stand in."""
    plain = {name: text for name in PLAIN if isinstance(text := message.get(name), str) and text}
    details = blocks(message.get("reasoning_details"))
    if details:
        return _with_plain([decode_detail(detail, client=True) for detail in details], plain)
    if not plain:
        return []
    extras: Extras = {} if [*plain] == ["reasoning_content"] else {DIALECT: {"plain": plain}}
    return [Reasoning(text=next(iter(plain.values())), extras=extras)]


def _with_plain(details: list[Reasoning], plain: Block) -> list[Reasoning]:
    """Return thoughts, and with the first of them the members that say the same again, for this dialect."""
    told = "".join(detail.text for detail in details)
    text = next(iter(plain.values()), "")
    if text and not told:
        return [Reasoning(text=text, extras={DIALECT: {"plain": plain}}), *details]
    if text and text != told and text.endswith(told):
        return [Reasoning(text=text[: -len(told)], extras={DIALECT: {"plain": plain}}), *details]
    if not plain:
        return details
    first = details[0]
    own = {**first.extras.get(DIALECT, {}), "plain": plain}
    return [msgspec.structs.replace(first, extras={DIALECT: own}), *details[1:]]


def decode_detail(detail: Block, *, client: bool) -> Reasoning:
    """Return one of the `reasoning_details`."""
    kind = detail.get("type")
    member = _DETAILS.get(kind, "") if isinstance(kind, str) else ""
    text = str_or_none(detail.get(member)) or ""
    rest = passed_over(detail, _DETAIL)
    if not member:
        rest = detail
    if not client:
        rest = {name: value for name, value in rest.items() if name != "index"}
    seal = _seal(detail.get("signature"), "signature", client=client)
    if member == "data":
        text, seal = "", _seal(detail.get("data"), "encrypted", client=client)
    return Reasoning(
        text=text,
        form="summary" if member == "summary" else "full",
        seal=seal,
        item=str_or_none(detail.get("id")),
        extras={DIALECT: {"detail": rest}} if client or rest else {},
    )


def _seal(value: Any, kind: Literal["signature", "encrypted"], *, client: bool) -> Seal | None:
    if not isinstance(value, str) or not value:
        return None
    return (seals.unpack(value) if client else None) or Seal(issuer="openai_chat", kind=kind, value=value)
