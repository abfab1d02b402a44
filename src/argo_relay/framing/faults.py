"""Why a text is not the JSON that machines should send each other, in words for whoever sent it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from argo_relay.errors import BadJson

LARGE: Final = 1024 * 1024
"""Bytes from which on a text is handled for speed, not for the best error message."""

_HALF = re.compile("[\ud800-\udfff]")


def explained(text: bytes, error: Exception) -> BadJson:
    """Say why msgspec refused a text; unless it is large, say where in it the value at fault stands."""
    return BadJson(f"it is not valid JSON: {error}") if len(text) > LARGE else _diagnosed(text, error)


def _diagnosed(text: bytes, error: Exception) -> BadJson:
    try:
        value = json.loads(text, parse_int=integer)
        fault = next(_faults(value, ""), None)
    except RecursionError:
        return BadJson("it is nested too deeply")
    except UnicodeDecodeError as bad:
        return BadJson(f"it is not UTF-8 (byte {bad.start})")
    except json.JSONDecodeError as bad:
        return BadJson(f"it is not valid JSON: {bad.msg} at line {bad.lineno}, column {bad.colno}")
    if fault is not None:
        path, reason = fault
        return BadJson(reason, path or None)
    if isinstance(error, msgspec.ValidationError) and not isinstance(value, dict):
        return BadJson(f"it must be a JSON object, not {_kind(value)}")
    return BadJson(f"it is not valid JSON: {error}")


def integer(digits: str) -> float:
    """Return an integer; infinity for one that has more digits than Python reads, so that its path can be named."""
    try:
        return int(digits)
    except ValueError:
        return math.inf


def _faults(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield what the standard library lets pass and JSON between machines must not hold, with its path."""
    if isinstance(value, str):
        if _HALF.search(value):
            yield path, "it holds half of a surrogate pair, which is not a character"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield path, "it holds a number that is out of range or not a number"
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _faults(key, path)
            yield from _faults(member, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _faults(item, f"{path}[{index}]")


def _kind(value: object) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")
