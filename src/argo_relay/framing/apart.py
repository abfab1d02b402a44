"""Long texts of a large JSON document, set apart: who reads it sees a short mark in the place of each one's middle.

A request of 64 MiB is a few long texts with little between them: files, images as base64. As values they take its size
once more (four times, if a single emoji is among them), and again when they are written for the upstream. Nobody looks
at more than their ends, so their middles stay where they came, and what is written gets its bytes from there. Marks
are part of the text that they stand in, so that it may be cut at its ends, joined and moved. Where one does not come
out once, as itself, what became of the text depends on all of it: then it is to be read in full.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

_WINDOW: Final = 4 * 1024
"""Bytes that are looked at together: of texts of twice that and more at least one lies within them."""
_ENDS: Final = 512
"""Bytes of a text, at least, that stay before a mark and behind it."""
_NEAR: Final = 64
"""Bytes in which a place between two characters is looked for: where all is escapes it would be for all of them."""

# A place between two characters of a string, for certain: no escape is nearby, or one that is whole has just ended.
_BETWEEN: Final = re.compile(
    rb"(?<=[^\\]{6})(?![\x80-\xbf])"
    rb'|(?<=[^\\]\\[bfnrt"/])(?![\x80-\xbf])'
    rb"|(?<=[^\\]\\u[0-9A-CE-Fa-ce-f][0-9A-Fa-f]{3})(?![\x80-\xbf])"
    rb"|(?<=[^\\]\\u[Dd][0-7C-Fc-f][0-9A-Fa-f]{2})(?![\x80-\xbf])"
)
# The backslash is written as two once, and as more where JSON stands within a string.
_MARK: Final = re.compile(rb"set-apart-[0-9a-f]{8}\\\\[0-9a-f]{32}")
# What an address holds that is data itself: with its type before it, or bare.
_DATA: Final = re.compile(rb"data:(?:[^,\\]|\\/)*;base64,|(?:[A-Za-z0-9+=]|\\?/){64}")
_NAME: Final = re.compile(rb'"(\w+)"[ \t\n\r]*:[ \t\n\r]*\Z')
_LONGEST_NAME: Final = 64
_strings = msgspec.json.Decoder(str)


class Long(NamedTuple):
    """Where a kind of document has long texts of which nobody looks at more than the ends."""

    members: frozenset[str]
    """The document's own members that hold them, at any depth."""
    names: frozenset[bytes]
    """What the texts themselves are called there."""
    addresses: frozenset[bytes] = frozenset()
    """Of these names: those of addresses, which are set apart only where the data itself stands in them, as base64."""
    but: tuple[bytes, ...] = ()
    """How texts begin that are looked at as a whole."""
    beside: bytes | None = None
    """What a document holds in which texts of some names are compared with others..."""
    compared: frozenset[bytes] = frozenset()
    """... and these names."""

    def within(self, text: bytes) -> Long:
        """Return what holds for one document."""
        if self.beside is None or self.beside not in text:
            return self
        return self._replace(names=self.names - self.compared)


class Piece(NamedTuple):
    """The middle of a text: from where to where it goes, and the mark that stands for it."""

    start: int
    end: int
    mark: bytes


class Apart:
    """What is set apart of one document."""

    def __init__(self, text: bytes, pieces: Iterable[tuple[int, int]]) -> None:
        """`pieces` come in order; see `middles`."""
        view = memoryview(text)
        self._view = view
        self._pieces = {
            (mark := _mark(number, view[start:end])): Piece(start, end, mark)
            for number, (start, end) in enumerate(pieces)
        }

    def abridged(self) -> bytes:
        """Return the document with the marks in it."""
        return b"".join(self._between())

    def marks(self, start: int = 0, end: int | None = None) -> set[bytes]:
        """Return the marks in a part of the document."""
        last = len(self._view) if end is None else end
        return {piece.mark for piece in self._pieces.values() if start <= piece.start and piece.end <= last}

    def put_back(self, marks: Iterable[bytes]) -> None:
        """Set these apart no longer."""
        for mark in marks:
            del self._pieces[mark]

    def restored(self, written: Sequence[bytes | memoryview]) -> tuple[list[bytes | memoryview], Counter[bytes]]:
        """Return JSON, given in parts, with the bytes that came in the place of marks; and how often each was there."""
        made: list[bytes | memoryview] = []
        seen: Counter[bytes] = Counter()
        for part in written:
            # What goes out as it came has none.
            made += [part] if isinstance(part, memoryview) else self._whole(part, seen)
        return made, seen

    def _whole(self, part: bytes, seen: Counter[bytes]) -> Iterator[bytes | memoryview]:
        at, view = 0, memoryview(part)
        for found in _MARK.finditer(part):
            piece = self._pieces.get(found[0])
            if piece is not None:
                seen[piece.mark] += 1
                yield view[at : found.start()]
                yield self._view[piece.start : piece.end]
                at = found.end()
        yield view[at:] if at else part

    def _between(self) -> Iterator[bytes | memoryview]:
        at = 0
        for start, end, mark in self._pieces.values():
            yield self._view[at:start]
            yield mark
            at = end
        yield self._view[at:]


def _mark(number: int, middle: memoryview) -> bytes:
    # Made of what it stands for, so that one request is always the same, and none the same as another.
    return b"set-apart-%08x\\\\%s" % (number, hashlib.blake2b(middle, digest_size=16).hexdigest().encode())


def middles(text: bytes, start: int, end: int, long: Long) -> Iterator[tuple[int, int]]:
    """Yield where the middles of long texts begin and end, in a part of a document.

    Quotes tell what is a string: a window without any, behind an odd number of them, lies within one. That holds for
    JSON up to its first error, and that is still there when what follows has been set apart. Raise what msgspec raises
    for a middle that is no text. 64 MiB take 30 ms, and 180 where each line has quotes in it.
    """
    inside = False
    at = since = start
    while at < end:
        to = _between(text, min(at + _WINDOW, end), end)
        if to is None:
            break
        window = text[at:to]
        quotes = _quotes(window) if b'"' in window else 0
        if quotes or not inside:
            yield from _middle(text, since, at, long)
            inside = inside != bool(quotes % 2)
            since = to
        else:
            _strings.decode(b'"%b"' % window)
        at = to
    yield from _middle(text, since, at, long)


def _quotes(window: bytes) -> int:
    """Return how many quotes begin or end a string."""
    if b"\\" in window:
        window = window.replace(rb"\\", b"")
        return window.count(b'"') - window.count(rb"\"")
    return window.count(b'"')


def _middle(text: bytes, start: int, end: int, long: Long) -> Iterator[tuple[int, int]]:
    """Yield what can be set apart of these windows, which lie within one string, if anything can."""
    if end - start < _WINDOW:
        return
    first, last = _between(text, start + _ENDS, end), _between(text, end - _ENDS, end)
    if first is None or last is None:
        return
    quote = _opening(text, start)
    name = _NAME.search(text[max(0, quote - _LONGEST_NAME) : quote])
    if name is None or name[1] not in long.names or text.startswith(long.but, quote + 1):
        return
    if name[1] in long.addresses and not _DATA.match(text, quote + 1, quote + 1 + _ENDS):
        return
    # Of white space alone a text may be nothing, or may be cut.
    if not any(_strings.decode(b'"%b"' % one).isspace() for one in (text[start:first], text[last:end])):
        yield first, last


def _between(text: bytes, at: int, end: int) -> int | None:
    """Return the next place between two characters; None where only escapes follow, and no end to them is near."""
    found = _BETWEEN.search(text, at, min(at + _NEAR, end))
    return found.start() if found else end if at + _NEAR >= end else None


def _opening(text: bytes, within: int) -> int:
    """Return where the quote stands that opens the string which a place lies in."""
    quote = text.rfind(b'"', 0, within)
    while quote > 0 and _is_escaped(text, quote):
        quote = text.rfind(b'"', 0, quote)
    return quote


def _is_escaped(text: bytes, at: int) -> bool:
    first = at
    while text[first - 1 : first] == b"\\":
        first -= 1
    return (at - first) % 2 == 1
