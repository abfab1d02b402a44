"""A Chat Completions stream becomes events: https://platform.openai.com/docs/api-reference/chat/streaming.

Texts have no marks of their own: text goes on in the part before it while that is of the same sort. Calls are told
apart by their numbers or ids, whichever a server cares for, and several may be under way at once. A `finish_reason`
says that the reply is complete, `[DONE]` that the stream is; some servers leave out one of them, and usage may stand in
any chunk. A whole reply is read as a stream of one chunk.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import msgspec

from argo_relay.dialects.bodies import blocks
from argo_relay.dialects.openai_chat.content_decoder import (
    PLAIN,
    Block,
    Origin,
    decode_call,
    decode_citation,
    decode_content,
    decode_detail,
    decode_images,
    decode_logprobs,
    decode_signature,
    str_or_none,
    text_of_arguments,
)
from argo_relay.dialects.openai_chat.errors import decode_inner_error
from argo_relay.dialects.openai_chat.outline import DIALECT
from argo_relay.dialects.openai_chat.stops import decode_stop
from argo_relay.dialects.openai_chat.stream_watch import plain_text, plain_text_of
from argo_relay.dialects.openai_chat.tools import LEGACY
from argo_relay.dialects.openai_chat.usage import usage_of
from argo_relay.dialects.statuses import INCOMPLETE, UNREADABLE
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx
from argo_relay.framing.base import Frame
from argo_relay.neutral.content import Media, Opaque, Part, Reasoning, Refusal, Text
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Cited,
    Ended,
    Event,
    Failed,
    Heartbeat,
    PartEnded,
    PartStarted,
    SealDelta,
    Started,
    StreamedPart,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.reply import Usage

BETWEEN: Final = "\n\n"
"""Stands between two thoughts where they are one text."""
_PREFIX: Final = "chatcmpl-"
_NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9]")
_DONE: Final = b"[DONE]"
_LEGACY, _KINDS = "function_call", ("custom", "function")
_THOUGHTS: Final = frozenset({*PLAIN, "reasoning_details"})
_TEXT, _REFUSAL = Text(text=""), Refusal(text="")


def _inner(call: Block) -> Block:
    return next((call[kind] for kind in _KINDS if isinstance(call.get(kind), dict)), {})


class _Call:
    """One call; `index` is its part's, None while its name is not known."""

    __slots__ = ("index", "known", "pieces", "said")

    def __init__(self) -> None:
        self.known: Block = {}
        self.index: int | None = None
        self.pieces: list[str] = []
        self.said = 0

    def whole(self) -> bool:
        """Tell whether its arguments are complete: no more can follow a JSON object."""
        text = "".join(self.pieces)
        if "custom" in self.known or not text.rstrip().endswith("}"):
            return False
        try:
            return isinstance(jsonx.decode_loosely(text.encode("utf-8", "surrogatepass")), dict)
        except BadJson:
            return False


class ChatStreamDecoder:
    """Reads one stream; fed every frame in order."""

    def __init__(self) -> None:
        self._over = self._sealed = False
        # The reply's; empty until it has begun.
        self._id = ""
        self._next = self._called = 0
        # The text, thought or refusal that goes on: what it is, and where its deltas go.
        self._saying: StreamedPart | None = None
        self._index, self._texts = 0, False
        self._detail: tuple[object, object] | None = None
        self._thought: list[str] = []
        self._calls: dict[object, _Call] = {}
        self._open_calls: list[_Call] = []
        self._sound: list[str] = []
        self._audio: Block = {}
        self._spoken: Text | None = None
        self._finish: str | None = None
        self._usage: Usage | None = None

    def feed(self, frame: Frame) -> list[Event]:
        """Return what a frame says."""
        data = frame.data
        if data is None or self._over:
            return [] if self._over else [Heartbeat()]
        if self._saying is _TEXT and (text := plain_text_of(data)) is not None:
            return [TextDelta(index=self._index, text=text)]
        try:
            chunk = jsonx.decode_loosely(data)
        except BadJson:
            return self._no_chunk(data.strip())
        if self._saying is _TEXT and isinstance(chunk, dict) and (text := plain_text(chunk)) is not None:
            return [TextDelta(index=self._index, text=text)]
        # Gemini wraps an error in a list.
        return [event for one in blocks(chunk if isinstance(chunk, list) else [chunk]) for event in self.take(one)]

    def take(self, chunk: Block) -> list[Event]:
        """Return what a chunk says; a whole reply is one, too."""
        if self._over:
            return []
        failure = decode_inner_error(chunk)
        if failure is not None:
            return self._fail(failure)
        events: list[Event] = []
        # A client that wants several choices is refused before: these can only be number 0.
        found = [one for one in blocks(chunk.get("choices")) if one.get("index") in (None, 0)]
        usage = usage_of(chunk)
        if not found and usage is None:
            # Azure's first chunk says what it thinks of the prompt, and has neither an id nor a model.
            return [Heartbeat()]
        if not self._id:
            self._start(chunk, events)
        for choice in found:
            self._choice(choice, events)
        if usage is not None and usage != self._usage:
            events.append(UsageSeen(usage=usage))
        self._usage = usage or self._usage
        return events

    def finish(self) -> list[Event]:
        """Return what is left when the connection has ended: a reply that has said why it stopped is complete."""
        return [] if self._over else self._fail(INCOMPLETE) if self._finish is None else self.end()

    def _no_chunk(self, data: bytes) -> list[Event]:
        if data == _DONE:
            # Whoever says so without a `finish_reason` means the end as well.
            return self.end() if self._id else self._fail(INCOMPLETE)
        return self._fail(UNREADABLE) if data else [Heartbeat()]

    def _fail(self, failure: Failure) -> list[Event]:
        self._over = True
        return [Failed(failure=failure)]

    def end(self) -> list[Event]:
        """Return the end of a reply that is known to be complete."""
        events: list[Event] = []
        self._hush(events)
        for call in list(self._open_calls):
            self._close_call(call, events)
        if data := "".join(self._sound):
            self._part(Media(kind="audio", data=data, extras={DIALECT: self._audio}), events)
        self._over = True
        events.append(Ended(stop=decode_stop(self._finish, calls=self._called > 0)))
        return events

    def _start(self, chunk: Block, events: list[Event]) -> None:
        identifier, created = str_or_none(chunk.get("id")), chunk.get("created")
        if not identifier:
            # Clients tell replies apart by their ids, so no two may have the same one.
            identifier = _PREFIX + hashlib.blake2s(jsonx.encode(chunk), digest_size=9).hexdigest()
        self._id = identifier
        events.append(
            Started(
                id=identifier,
                model=str_or_none(chunk.get("model")) or "",
                # Who does not know says zero.
                created=int(created) if isinstance(created, int) and created > 0 else None,
                service_tier=str_or_none(chunk.get("service_tier")),
            )
        )

    def _choice(self, choice: Block, events: list[Event]) -> None:
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            # Some servers answer with one chunk that holds the whole message.
            delta = choice.get("message")
        if isinstance(delta, dict):
            self._delta(delta, decode_logprobs(choice.get("logprobs")), events)
        finish = choice.get("finish_reason")
        if isinstance(finish, str) and finish:
            self._finish = finish

    def _delta(self, delta: Block, logprobs: tuple[Block, ...] | None, events: list[Event]) -> None:
        # Few have thoughts, and to look for them in each way takes 1.2 us.
        if not _THOUGHTS.isdisjoint(delta):
            self._think(delta, events)
        self._content(delta.get("content"), logprobs, events)
        for annotation in blocks(delta.get("annotations")):
            self._cite(annotation, events)
        if refusal := str_or_none(delta.get("refusal")):
            self._say(_REFUSAL, refusal, events)
        if isinstance(audio := delta.get("audio"), dict):
            self._hear(audio, events)
        for image in decode_images(delta.get("images")):
            self._part(image, events)
        if isinstance(function := delta.get(_LEGACY), dict):
            self._call({"function": function}, _LEGACY, events)
        for call in blocks(delta.get("tool_calls")):
            self._call(call, call.get("index"), events)

    # ------------------------------------------------------------------------------------------------------ texts

    def _open(self, part: StreamedPart, events: list[Event]) -> int:
        index = self._next
        self._next += 1
        events.append(PartStarted(index=index, part=part))
        return index

    def _begin(self, part: Text | Reasoning | Refusal, events: list[Event]) -> None:
        self._hush(events)
        self._texts = self._texts or isinstance(part, Text)
        self._saying = part
        self._index = self._open(part, events)

    def _hush(self, events: list[Event]) -> None:
        """End the text, thought or refusal that went on."""
        if self._saying is None:
            return
        self._saying, self._detail, self._sealed, self._thought = None, None, False, []
        events.append(PartEnded(index=self._index))

    def _content(self, content: object, logprobs: tuple[Block, ...] | None, events: list[Event]) -> None:
        if isinstance(content, str) and (content or (logprobs and self._saying is _TEXT)):
            self._say(_TEXT, content, events, logprobs)
        for part in decode_content(content, Origin(client=False)) if isinstance(content, list) else ():
            self._part(part, events)

    def _say(self, empty: Text | Refusal, text: str, events: list[Event], logprobs: Any = None) -> None:
        """Say more of what goes on; of something else that begins with it, where that is of another sort."""
        if self._saying is not empty:
            self._begin(empty, events)
        events.append(TextDelta(index=self._index, text=text, logprobs=logprobs))

    def _part(self, part: Part, events: list[Event]) -> None:
        """Say a part of a content that is a list."""
        if isinstance(part, Reasoning):
            self._think_on(part.text, events)
        elif isinstance(part, Text | Refusal):
            self._say(_TEXT if isinstance(part, Text) else _REFUSAL, part.text, events)
        elif isinstance(part, Media | Opaque):
            self._hush(events)
            events.append(PartEnded(index=self._open(part, events)))

    def _hear(self, audio: Block, events: list[Event]) -> None:
        """Take a piece of spoken words: the words go on as they come, the sound is one part at the end."""
        words, data = audio.get("transcript"), audio.get("data")
        self._audio |= {name: value for name, value in audio.items() if name not in ("transcript", "data")}
        if isinstance(words, str) and words:
            if self._spoken is None:
                self._spoken, self._audio = Text(text="", extras={DIALECT: {"audio": self._audio}}), {}
            self._say(self._spoken, words, events)
        if isinstance(data, str):
            self._sound.append(data)

    def _cite(self, annotation: Block, events: list[Event]) -> None:
        citation = decode_citation(annotation)
        if not isinstance(self._saying, Text):
            if self._texts:
                # The text that it is about has ended: it keeps what it cites, and no place in another text.
                citation = msgspec.structs.replace(citation, start=None, end=None)
            self._begin(_TEXT, events)
        events.append(Cited(index=self._index, citation=citation))

    # --------------------------------------------------------------------------------------------------- thoughts

    def _think(self, delta: Block, events: list[Event]) -> None:
        """Take a thought, whichever members it stands in; several of them say the same."""
        plain: str = next((text for name in PLAIN if isinstance(text := delta.get(name), str) and text), "")
        details = blocks(delta.get("reasoning_details"))
        made = [decode_detail(detail, client=False) for detail in details]
        told = [one.text for one in made if one.text]
        if plain and not told:
            self._think_on(plain, events)
        if self._repeated(made, told, plain):
            events += [SealDelta(index=self._index, seal=one.seal) for one in made if one.seal is not None]
            self._sealed = True
            return
        for detail, one in zip(details, made, strict=True):
            place = (detail.get("index"), detail.get("type"))
            if self._detail != place or not isinstance(self._saying, Reasoning):
                self._begin(msgspec.structs.replace(one, text="", seal=None), events)
                self._detail = place
            if one.text:
                events.append(TextDelta(index=self._index, text=one.text))
            if one.seal is not None:
                events.append(SealDelta(index=self._index, seal=one.seal))

    def _repeated(self, details: list[Reasoning], told: list[str], plain: str) -> bool:
        """Tell whether details belong to the plain thought that goes on: they say it once more, or only sign it."""
        if not details or not isinstance(self._saying, Reasoning) or self._detail is not None:
            return False
        signs = all(one.seal is not None and one.seal.kind == "signature" for one in details)
        return not plain and BETWEEN.join(told) == "".join(self._thought) if told else signs

    def _think_on(self, text: str, events: list[Event]) -> None:
        """Say more of a thought that stands in a plain member."""
        if not text:
            return
        text = text.removeprefix(BETWEEN) if self._sealed else text
        encrypted = self._detail is not None and self._detail[1] == "reasoning.encrypted"
        if not isinstance(self._saying, Reasoning) or self._sealed or encrypted:
            self._begin(Reasoning(), events)
        self._thought.append(text)
        events.append(TextDelta(index=self._index, text=text))

    # ------------------------------------------------------------------------------------------------------ calls

    def _call(self, said: Block, place: object, events: list[Event]) -> None:
        """Take a piece of a call."""
        call = self._find_call(said, place)
        if call is None:
            call = _Call()
            self._calls[place if isinstance(place, int | str) else None] = call
            self._open_calls.append(call)
        if call.index is None:
            self._name_call(call, said, legacy=place == _LEGACY, events=events)
        self._argue(call, said, events)

    def _find_call(self, said: Block, place: object) -> _Call | None:
        """Return the call that a piece belongs to; None for a new one.

        Gemini and Ollama have given all calls of a reply the number 0, some servers give none, and others repeat a
        call's name or make a new id with every piece.
        """
        identifier, named, placed = str_or_none(said.get("id")), _inner(said).get("name"), isinstance(place, int | str)
        call = self._calls.get(place) if placed else next(reversed(self._open_calls), None)
        if call is None:
            return None
        if identifier and call.known.get("id") != identifier:
            other = [one for one in self._open_calls if one.known.get("id") == identifier]
            return other[0] if other else None if named and call.known.get("id") else call
        over = named and call.index is not None and (call.whole() if placed else True)
        return None if over and not identifier else call

    def _name_call(self, call: _Call, said: Block, *, legacy: bool, events: list[Event]) -> None:
        """Begin a call once it is known what is called."""
        for name, value in said.items():
            if name not in _KINDS and value is not None:
                call.known[name] = value
            elif isinstance(value, dict):
                call.known[name] = {**call.known.get(name, {}), **value}
        spare = "call_" + _NOT_IN_IDS.sub("", self._id.removeprefix(_PREFIX))[-24:]
        part = decode_call(call.known, f"{spare}_{self._called}", client=False)
        if part is None:
            return
        self._hush(events)
        for other in [other for other in self._open_calls if other.index is not None and other.whole()]:
            # Nothing can follow: those who show one part after the other need not wait for the end of the stream.
            self._close_call(other, events)
        self._called += 1
        if legacy:
            part = msgspec.structs.replace(part, extras={DIALECT: {LEGACY: True}})
        call.index = self._open(msgspec.structs.replace(part, arguments="", seal=None), events)

    def _argue(self, call: _Call, said: Block, events: list[Event]) -> None:
        """Say more of a call's arguments, and its seal."""
        inner = _inner(said)
        if text := text_of_arguments(inner.get("arguments") or inner.get("input")):
            call.pieces.append(text)
        if call.index is None or call not in self._open_calls:
            return
        if text := "".join(call.pieces[call.said :]):
            call.said = len(call.pieces)
            events.append(ArgumentsDelta(index=call.index, text=text))
        seal, _ = decode_signature(said.get("extra_content"), client=False)
        if seal is not None:
            events.append(SealDelta(index=call.index, seal=seal))

    def _close_call(self, call: _Call, events: list[Event]) -> None:
        self._open_calls.remove(call)
        if call.index is not None:
            events.append(PartEnded(index=call.index))
