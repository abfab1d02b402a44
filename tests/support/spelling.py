"""JSON in the many ways in which it can be written."""

from __future__ import annotations

from random import Random
from typing import Final

_SHORT: Final = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escaped(text: str, random: Random) -> bytes:
    """Write a string in one of the many ways that JSON has for it."""
    out = []
    for char in text:
        way = random.random()
        if char in _SHORT and way < 0.6:
            out.append(_SHORT[char])
        elif char in '"\\' or char < " " or way < 0.2:
            units = char.encode("utf-16-be").hex()
            out += [f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)]
        else:
            out.append(char)
    return b'"' + "".join(out).encode() + b'"'
