"""JSON Schemas put together: what a reference means, and two schemas that must both fit as one.

https://json-schema.org/draft/2020-12/json-schema-core; no remote schema is ever fetched.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote

Schema = dict[str, Any]

MISSING: Final = object()
"""What a reference without a target refers to."""

_HIGHER: Final = ("minimum", "exclusiveMinimum", "minItems", "minLength", "minProperties")
_LOWER: Final = ("maximum", "exclusiveMaximum", "maxItems", "maxLength", "maxProperties")
_WORDS: Final = ("title", "description", "default", "example", "examples", "format", "additionalProperties")
"""Where two differ the first holds, and nothing that could be said is lost."""
_WIDER: Final = {"integer": "number"}


def found(root: Any, reference: str) -> Any:
    """Return what a reference inside a document refers to (RFC 6901), or MISSING."""
    if not reference.startswith("#"):
        return MISSING
    place = root
    for step in unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict) and name in place:
            place = place[name]
        elif isinstance(place, list) and name in map(str, range(len(place))):
            place = place[int(name)]
        else:
            return MISSING
    return MISSING if place is root and reference != "#" else place


def merged(first: Schema, second: Schema) -> tuple[Schema, list[str]]:
    """Return a schema that says what both say, and the keywords of the second that could not be joined."""
    whole = dict(first)
    clashes = []
    for key, value in second.items():
        if key not in whole:
            whole[key] = value
        elif whole[key] != value and key not in _WORDS:
            joined = _joined(key, whole[key], value)
            if joined is None:
                clashes.append(key)
            else:
                whole[key] = joined
    return whole, clashes


def _joined(key: str, first: Any, second: Any) -> Any:
    """Return what two different values of one keyword say together, or None."""
    if isinstance(first, dict) and isinstance(second, dict):
        return _joined_objects(key, first, second)
    if key == "type":
        return _both_types(first, second)
    if isinstance(first, list) and isinstance(second, list):
        if key == "required":
            return [*first, *(name for name in second if name not in first)]
        return [one for one in first if one in second] or None if key == "enum" else None
    if key in _HIGHER + _LOWER and all(type(one) in (int, float) for one in (first, second)):
        return max(first, second) if key in _HIGHER else min(first, second)
    return first if key == "nullable" else None


def _joined_objects(key: str, first: Schema, second: Schema) -> Any:
    if key == "properties":
        both = {name: {"allOf": [first[name], one]} if name in first else one for name, one in second.items()}
        return first | both
    if key == "items":
        return {"allOf": [first, second]}
    # Definitions say nothing by themselves: references find them in the document.
    return first if key in ("$defs", "definitions") else None


def _both_types(first: Any, second: Any) -> Any:
    """Return the types that both allow: an integer is a number, too."""
    mine, theirs = ([one] if isinstance(one, str) else one for one in (first, second))
    if not isinstance(mine, list) or not isinstance(theirs, list):
        return None
    both = [one for one in mine if one in theirs or _wider(one) in theirs]
    both += [one for one in theirs if one not in both and _wider(one) in mine]
    return both if len(both) > 1 else (both[0] if both else None)


def _wider(kind: Any) -> Any:
    return _WIDER.get(kind, kind) if isinstance(kind, str) else kind
