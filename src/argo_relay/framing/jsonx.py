"""JSON in and out, and changing single members of an object without touching the bytes of the others.

msgspec does the work (a 1.5 KB request: 2.6 us, against 13 us with the standard library); where it refuses a text, the
standard library finds out which value was at fault, so that the client's error can name it.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import msgspec

from argo_relay.errors import BadJson, ReadInFull
from argo_relay.framing.apart import Apart, Long, middles
from argo_relay.framing.faults import LARGE, explained, integer

REMOVED: Final = object()
"""Marks a member that `JsonObject.splice` takes out."""

_T = TypeVar("_T")

Path = tuple[str | int, ...]
"""Where a value stands in a JSON text: members' names and elements' numbers, from the top."""

_DEEPEST: Final = 200
"""Levels that a text may nest; those who walk through a value need a few frames of Python's stack for each."""
_CONTAINERS: Final = {dict, list}

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_values = msgspec.json.Decoder()
# https://www.rfc-editor.org/rfc/rfc8259: white space, and strings as they stand in valid JSON.
_KEY = re.compile(rb'[ \t\n\r]*([{,])[ \t\n\r]*("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\n\r]*:[ \t\n\r]*')
_END = re.compile(rb"[ \t\n\r]*}")


def decode(text: bytes) -> Any:
    """Return the value of a JSON text; raise BadJson, naming the offending value's path where there is one."""
    try:
        value = _values.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise explained(text, error) from None
    _measure(text, value)
    return value


def decode_loosely(text: bytes) -> Any:
    """Return the value of a JSON text that is only looked at while its bytes go on; raise BadJson when it is none.

    Upstreams send half an emoji, or NaN among log probabilities: clients cope, so no reply may be lost over it.
    """
    try:
        value = _values.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        try:
            value = json.loads(text, parse_int=integer)
        except (ValueError, RecursionError):
            raise explained(text, error) from None
    _measure(text, value)
    return value


def decode_shaped(decoder: msgspec.json.Decoder[_T], text: bytes) -> _T | None:
    """Return the value of a text of one form; None for any other, and for what `decode_loosely` takes for no JSON.

    msgspec passes over members that the form does not name: it reads an event of 280 bytes in 0.26 us, and into a dict
    in 0.45; but without a look at their text's encoding, or at how deep they nest.
    """
    try:
        value = decoder.decode(text)
        if not text.isascii():
            text.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if _may_be_deep(text) else value


def _may_be_deep(text: bytes) -> bool:
    size = len(text)
    return size > 2 * _DEEPEST and (size >= LARGE or not (_has_few(text, b"[") and _has_few(text, b"{")))


def _measure(text: bytes, value: Any) -> None:
    """Refuse a text that nests more than `_DEEPEST` levels; one too short, or with few brackets, cannot."""
    if not _may_be_deep(text):
        return
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS and inner
        ]
        if not level:
            return
    raise BadJson("it is nested too deeply")


def _has_few(text: bytes, bracket: bytes) -> bool:
    # Replacing finds them with the processor's own search, which `count` does not: 250 KB take 7 us instead of 90.
    few = _DEEPEST // 2
    return len(text) - len(text.replace(bracket, b"", few + 1)) <= few


def encode(value: object) -> bytes:
    """Return a value as compact JSON; half a surrogate pair stays an escape, and no integer is too large."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(value, separators=(",", ":")).encode("ascii")


class JsonObject:
    """A JSON object read from bytes: its members as values, and the bytes of each, for `splice`."""

    __slots__ = ("_apart", "_long", "_spans", "_tail", "_values", "is_large", "text")

    def __init__(self, text: bytes, long: Long | None = None) -> None:
        """Read `text`; raise BadJson when it is not one JSON object whose keys are all different.

        Of a large one long texts are set apart where `long` says: the values have marks in their place (see `apart`).
        """
        self.text = text
        self.is_large = len(text) >= LARGE
        """Whether it is worth some work not to hold its values."""
        self._long = long
        self._apart: Apart | None = None
        self._values: dict[str, Any] | None
        try:
            if not self.is_large:
                raw, self._values = _read(text)
                self._spans = _spans_of_compact(text, raw) or _spans(text, raw)
            else:
                self._read_large()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise explained(text, error) from None
        self._tail = text.rindex(b"}")

    def _read_large(self) -> None:
        text, long = self.text, self._long
        with _uncollected():
            if long is not None:
                with suppress(BadJson, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    self._set_apart(long.within(text))
                    return
            # What is wrong with it is said of all of it.
            raw, self._values = _read(text)
            self._spans = _spans_of_compact(text, raw) or _spans(text, raw)

    def _set_apart(self, long: Long) -> None:
        text = self.text
        raw = _members.decode(text)
        self._spans = _spans_of_compact(text, raw) or _spans(text, raw)
        spans = [(value, end) for name, (_, value, end) in self._spans.items() if name in long.members]
        places = [place for value, end in sorted(spans) for place in middles(text, value, end, long)]
        apart = Apart(text, places) if places else None
        values: dict[str, Any] = _values.decode(text if apart is None else apart.abridged())
        _measure(text, values)
        self._values, self._apart = values, apart

    @property
    def values(self) -> dict[str, Any]:
        """Its members, as values."""
        if self._values is None:
            with _uncollected():
                self._values = _values.decode(self.text if self._apart is None else self._apart.abridged())
        return self._values

    def forget(self) -> None:
        """Say that the values are not wanted for now: those of a large text are given up, and read again if asked for.

        They take as much memory as the text, and several times as much where it has many small ones.
        """
        if self.is_large:
            self._values = None

    def read_in_full(self) -> bool:
        """Set nothing apart any more; say whether anything was."""
        apart, self._apart = self._apart, None
        if apart is not None:
            self._values = None
        return apart is not None

    def write(self, members: Mapping[str, Any]) -> bytes:
        """Return members that were made of this object's values as JSON; raise ReadInFull (see `apart`)."""
        written = encode(members)
        return written if self._apart is None else self._joined([written], self._apart, self._apart.marks())

    def splice(self, changes: Mapping[str, object]) -> bytes:
        """Return the object's bytes with members replaced, added or (REMOVED) taken out; all others as they came.

        Copied once, and not where nothing differs: in 250 KB each further copy that is alive at the same time takes
        80 us, for new pages mostly. Raise ReadInFull for changes that were made of values and lack what was set apart.
        """
        written = {key: b"" if new is REMOVED else encode(new) for key, new in changes.items()}
        pieces = self._spliced(written)
        if pieces is None:
            return self.text
        if self._apart is None:
            return b"".join(pieces)
        spans = [self._spans[key] for key in written if key in self._spans]
        return self._joined(pieces, self._apart, {mark for _, at, end in spans for mark in self._apart.marks(at, end)})

    def _joined(self, pieces: list[bytes | memoryview], apart: Apart, expected: set[bytes]) -> bytes:
        """Return what was written, whole; where that cannot be done, take what it is for into the values again."""
        whole, seen = apart.restored(pieces)
        unfit = {mark for mark in expected | set(seen) if mark not in expected or seen[mark] != 1}
        if unfit:
            apart.put_back(unfit)
            self._values = None
            raise ReadInFull
        return b"".join(whole)

    def _spliced(self, written: Mapping[str, bytes]) -> list[bytes | memoryview] | None:
        """Return the pieces of the object with members replaced by these bytes; None where nothing differs."""
        spans = self._spans
        if spans and self.text.startswith(b"{") and all(self._is(key, new) for key, new in written.items()):
            return None
        text = memoryview(self.text)
        pieces: list[bytes | memoryview] = []
        for key, (start, value, end) in spans.items():
            if key not in written:
                pieces += (b",", text[start:end])
            elif new := written[key]:
                pieces += (b",", text[start:value], new)
        for key, new in written.items():
            if new and key not in spans:
                pieces += (b",", encode(key), b":", new)
        pieces[:1] = [b"{"]
        pieces.append(text[self._tail :])
        return pieces

    def edit(self, edits: Mapping[Path, object]) -> bytes:
        """Return the object's bytes with the values at some paths replaced, added or (REMOVED) taken out.

        Everything beside them stays as it came. Raise BadJson where an object on the way has a key more than once.
        """
        written: dict[str, bytes] = {}
        for name, below in _by_first(edits).items():
            key = str(name)
            if () in below:
                written[key] = b"" if below[()] is REMOVED else encode(below[()])
            else:
                _, value, end = self._spans.get(key, _NOWHERE)
                written[key] = _edited(self.text[value:end], below)
        pieces = self._spliced(written)
        return self.text if pieces is None else b"".join(pieces)

    def edited(self, edits: Mapping[Path, object]) -> JsonObject:
        """Return the object with these edits, read in the same way."""
        return JsonObject(self.edit(edits), self._long)

    def _is(self, key: str, new: bytes) -> bool:
        """Say whether a member is written so; with nothing: whether there is none."""
        _, value, end = self._spans.get(key, _NOWHERE)
        return end - value == len(new) and self.text[value:end] == new


def _edited(text: bytes, edits: Mapping[Path, object]) -> bytes:
    """See `JsonObject.edit`; an element of a list can only be replaced."""
    if () in edits:
        return encode(edits[()])
    if not text.startswith(b"["):
        return JsonObject(text).edit(edits)
    elements = [bytes(element) for element in _elements.decode(text)]
    for number, below in _by_first(edits).items():
        elements[int(number)] = _edited(elements[int(number)], below)
    return b"[" + b",".join(elements) + b"]"


def _by_first(edits: Mapping[Path, object]) -> dict[str | int, dict[Path, object]]:
    below: dict[str | int, dict[Path, object]] = {}
    for (first, *rest), value in edits.items():
        below.setdefault(first, {})[tuple(rest)] = value
    return below


def _read(text: bytes) -> tuple[dict[str, msgspec.Raw], dict[str, Any]]:
    """Return an object's members as they stand there, and as values."""
    raw = _members.decode(text)
    values: dict[str, Any] = _values.decode(text)
    _measure(text, values)
    return raw, values


@contextmanager
def _uncollected() -> Iterator[None]:
    """Have the garbage collector wait while a large text becomes values: 60 MB of `[]` take 2 s instead of 15."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


_Span = tuple[int, int, int]
"""Where a member begins, where its value does, and where the comma or brace after it stands."""


_NOWHERE: Final = (0, 0, 0)


def _spans_of_compact(text: bytes, raw: Mapping[str, msgspec.Raw]) -> dict[str, _Span] | None:
    """Return every member's span in a text as the vendors' SDKs write it, without spaces; None for any other.

    A key and a value for each, quotes, colons, commas and braces: where they take all of the text's length, there is no
    room for a key that stands in it twice, nor for one that is longer than it reads. In 1 KB that is known in 0.8 us,
    and found by `_spans` in 3.
    """
    spans: dict[str, _Span] = {}
    at = 1
    for key, last in raw.items():
        value = at + len(key) + 3
        end = value + len(last)
        spans[key] = at, value, end
        at = end + 1
    return spans if at == len(text) else None


def _spans(text: bytes, raw: Mapping[str, msgspec.Raw]) -> dict[str, _Span]:
    """Find every member's span.

    msgspec has said that the text is valid, which keys there are in the order in which each first comes, and what each
    key's last value is. So walking needs no parser: the text must go on with the next key and that value. Where it does
    not, or where it goes on after the last key, some key stands there twice. No value is copied for it.
    """
    spans: dict[str, _Span] = {}
    at = start = value = 0
    before = ""
    for key, last in raw.items():
        match = _KEY.match(text, at)
        if match is None or _values.decode(match[2]) != key or not text.startswith(last, match.end()):
            raise _twice(match, before)
        if at:
            spans[before] = start, value, match.start(1)
        start, value, before = match.end(1), match.end(), key
        at = value + memoryview(last).nbytes
    if at:
        end = _END.match(text, at)
        if end is None:
            raise _twice(_KEY.match(text, at), before)
        spans[before] = start, value, end.end() - 1
    return spans


def _twice(found: re.Match[bytes] | None, before: str) -> BadJson:
    """Return the error for the key that was found, or else, where its value has gone on, for the one before it."""
    key = before if found is None else _values.decode(found[2])
    return BadJson(f"the key `{key}` stands in it more than once", key)
