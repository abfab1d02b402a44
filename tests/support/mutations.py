"""Changes one value of a JSON document at a time, so that what comes out is nearly valid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def nodes(value: Any) -> Iterator[Any]:
    """Yield a document and every value in it, in the order in which `replaced` counts them."""
    yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(member)


def replaced(value: Any, at: int, new: Any) -> Any:
    """Return a document with its node number `at` (counted round and round) replaced; the rest is as it was."""
    count = sum(1 for _ in nodes(value))
    return _put(value, at % count, new)[0]


def _put(value: Any, at: int, new: Any) -> tuple[Any, int]:
    """Return the value with the node replaced, and how many nodes are left to be counted until it comes."""
    if at == 0:
        return new, -1
    at -= 1
    if at < 0 or not isinstance(value, dict | list):
        return value, at
    made: list[Any] = []
    for member in value.values() if isinstance(value, dict) else value:
        put, at = _put(member, at, new) if at >= 0 else (member, at)
        made.append(put)
    return (dict(zip(value, made, strict=True)) if isinstance(value, dict) else made), at
