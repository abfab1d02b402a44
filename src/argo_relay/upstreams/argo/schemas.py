"""The schemas of tools in what Gemini takes of JSON Schema.

Vertex takes a part of OpenAPI 3.0 and refuses every keyword that it does not know:
https://ai.google.dev/api/caching#Schema, https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/Schema
Its further rules are in its errors only; they are beside the code that keeps them. A keyword that asserts something and
cannot be said is a Loss; one that only describes is not, nor is another spelling of the same.
"""

from __future__ import annotations

import math
from typing import Any, Final, TypeGuard

from argo_relay.framing import jsonx
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.upstreams.argo.schema_parts import MISSING, Schema, found, merged

_DEEPEST: Final = 24
"""Levels of a schema; Vertex refuses one that is nested too deeply, without saying what that is."""
_LONGEST: Final = 32
"""References and `allOf`s that lead to each other."""
_MOST_MET: Final = 100
"""References on the way to a schema."""
_MOST: Final = 5000
"""Steps that one schema may take: references to references multiply."""

_KINDS: Final = ("string", "integer", "number", "boolean", "array", "object")
_COUNTS: Final = {
    "object": ("minProperties", "maxProperties"),
    "array": ("minItems", "maxItems"),
    "string": ("minLength", "maxLength"),
}
# "format: only 'enum' and 'date-time' are supported for STRING type": google-gemini/gemini-cli#3178
_FORMATS: Final = {"string": ("enum", "date-time"), "integer": ("int32", "int64"), "number": ("float", "double")}
_UNSAID: Final = (
    "not", "if", "then", "else", "oneOf", "patternProperties", "propertyNames", "dependentRequired",
    "dependentSchemas", "dependencies", "contains", "minContains", "maxContains", "uniqueItems", "multipleOf",
)  # fmt: skip
_TELLING: Final = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
"""Keywords that say what kind of value is meant where no type does."""


def tools(values: Any) -> tuple[Any, Losses]:
    """Return the tools of a chat request with schemas that Gemini takes; the same object if they are so."""
    if not isinstance(values, list):
        return values, []
    losses: Losses = []
    reduced = [_tool(tool, f"tools[{index}].function.parameters", losses) for index, tool in enumerate(values)]
    return (values if reduced == values else reduced), [*dict.fromkeys(losses)]


def _tool(tool: Any, path: str, losses: Losses) -> Any:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict):
        return tool
    given = function.get("parameters")
    if not isinstance(given, dict | bool | None):
        return tool
    return tool | {"function": function | {"parameters": _parameters(given, path, losses)}}


def schema(value: Any, path: str) -> tuple[Any, Losses]:
    """Return one schema in what Gemini takes; the same object if it is so."""
    losses: Losses = []
    reduced = _Reduction(value, losses).node(value, path)
    return (value if reduced == value else reduced), [*dict.fromkeys(losses)]


def _parameters(value: dict[str, Any] | bool | None, path: str, losses: Losses) -> Schema:
    """Return a function's parameters: an object, though it has no members.

    "functionDeclaration parameters schema should be of type OBJECT": spring-projects/spring-ai#1373
    """
    if not value or value is True:
        return {"type": "object", "properties": {}}
    if "type" not in value and "$ref" not in value:
        value = {"type": "object"} | value
    whole = _Reduction(value, losses).node(value, path)
    if "anyOf" in whole:
        whole = _one_object(whole["anyOf"], path, losses)
    if whole.get("type") != "object":
        _lose(losses, path, "A function's parameters are an object.")
        whole = {}
    return {"type": "object", "properties": {}} | {key: one for key, one in whole.items() if key != "nullable"}


def _one_object(choices: list[Schema], path: str, losses: Losses) -> Schema:
    """Return one object that holds whatever any of several may, and requires what they all do."""
    objects = [one for one in choices if one["type"] == "object"]
    if not objects:
        return {}
    _lose(losses, f"{path}.anyOf", "A function's parameters are one object: it has the members of all.")
    properties = {name: one for each in reversed(objects) for name, one in each.get("properties", {}).items()}
    required = [
        name for name in objects[0].get("required", []) if all(name in one.get("required", []) for one in objects)
    ]
    described = {key: objects[0][key] for key in ("title", "description") if key in objects[0]}
    return {"type": "object"} | described | {"properties": properties} | ({"required": required} if required else {})


def _lose(losses: Losses, path: str, why: str) -> None:
    losses.append(Loss(path=path, what="schema", why=why, how="approximated"))


class _Reduction:
    """One document on its way; references are looked up in the whole of it."""

    def __init__(self, root: Any, losses: Losses) -> None:
        self._root = root
        self._losses = losses
        self._left = _MOST

    def node(self, value: Any, path: str, met: frozenset[str] = frozenset(), depth: int = 0) -> Schema:
        """Return a schema in Gemini's words; `met` are the references on the way to it."""
        flat, met = self._flat(value, path, met, 0)
        nullable = flat.pop("nullable", None) is True
        if "const" in flat:
            flat["enum"] = [flat.pop("const")]
        enum = flat.get("enum")
        if isinstance(enum, list) and None in enum:
            nullable = True
            flat["enum"] = [one for one in enum if one is not None]
        choices, without_null = self._choices(flat, path)
        nullable |= without_null
        if depth >= _DEEPEST and (choices or "properties" in flat or _kind(flat) == "array"):
            _lose(self._losses, path, "It is nested too deeply: from here on any object will do.")
            choices, flat = [], {key: flat[key] for key in ("title", "description") if key in flat}
            flat["type"] = "object"
        if len(choices) == 1:
            choice = {"allOf": [choices[0], flat]} | ({"nullable": True} if nullable else {})
            return self.node(choice, path, met, depth)
        if choices:
            return self._any_of(choices, flat, path, met, depth, nullable=nullable)
        made = self._plain(flat, path, met, depth)
        return made | {"nullable": True} if nullable else made

    # ------------------------------------------------------------------------------------- references and unions

    def _flat(self, value: Any, path: str, met: frozenset[str], level: int) -> tuple[Schema, frozenset[str]]:
        """Return a schema without `$ref` and `allOf`, and the references that were met."""
        self._left -= 1
        if not isinstance(value, dict):
            if value is not True:
                _lose(self._losses, path, "Gemini has no schema that nothing fits: something must.")
            return {}, met
        flat = {key: one for key, one in value.items() if key not in ("$ref", "allOf")}
        parts = value.get("allOf")
        parts = [*parts] if isinstance(parts, list) else []
        reference = value.get("$ref")
        inside = met
        if isinstance(reference, str):
            target = MISSING if reference in met else found(self._root, reference)
            if target is MISSING:
                said = "It refers to itself" if reference in met else "What it refers to is not in it"
                _lose(self._losses, path, f"{said}: from here on any object will do.")
                target = {"type": "object"}
            inside = met | {reference}
            parts.insert(0, target)
        if parts and (level > _LONGEST or len(inside) > _MOST_MET or self._left < 0):
            _lose(self._losses, path, "It is too long when its references are followed: any object will do.")
            return {"type": "object"}, met
        for part in parts:
            other, known = self._flat(part, path, inside, level + 1)
            flat, clashes = merged(flat, other)
            met |= known
            for key in clashes:
                _lose(self._losses, f"{path}.{key}", f"Of two schemas' `{key}` Gemini gets the first.")
        return flat, met

    def _choices(self, flat: Schema, path: str) -> tuple[list[Schema], bool]:
        """Take the alternatives out of a schema; say whether null was one of them."""
        null = False
        choices: list[Any] = []
        for key in ("anyOf", "oneOf"):
            if isinstance(flat.get(key), list) and not choices:
                listed = flat.pop(key)
                choices = [one for one in listed if not _is_null(one)]
                null |= len(choices) < len(listed)
        kinds = flat.pop("type", None)
        if isinstance(kinds, str | list):
            named = [one.lower() for one in ([kinds] if isinstance(kinds, str) else kinds) if isinstance(one, str)]
            null |= "null" in named
            known = [one for one in dict.fromkeys(named) if one in _KINDS]
            if "number" in known and "integer" in known:
                known.remove("integer")
            if len(known) == 1 or (known and choices):
                flat["type"] = known[0] if len(known) == 1 else known
            elif known:
                choices = [{"type": one} for one in known]
        return choices, null

    def _any_of(
        self, choices: list[Any], rest: Schema, path: str, met: frozenset[str], depth: int, *, nullable: bool
    ) -> Schema:
        """Return alternatives, each with what they have in common.

        "When using any_of, it must be the only field set": langchain-ai/langchain-google#1216
        """
        made: list[Schema] = []
        for index, choice in enumerate(choices):
            whole = {"allOf": [choice, rest]} | ({"nullable": True} if nullable else {})
            one = self.node(whole, f"{path}.anyOf[{index}]", met, depth + 1)
            made += [each for each in one.get("anyOf", [one]) if each not in made]
        same = made[0]
        if all("enum" in one and same | {"enum": one["enum"]} == one for one in made):
            return same | {"enum": [*dict.fromkeys(each for one in made for each in one["enum"])]}
        return made[0] if len(made) == 1 else {"anyOf": made}

    # ------------------------------------------------------------------------------------------------ one kind

    def _plain(self, flat: Schema, path: str, met: frozenset[str], depth: int) -> Schema:
        """Return a schema of one kind; every node must say its type (Gemini 3 refuses TYPE_UNSPECIFIED)."""
        kind = _kind(flat)
        if kind is None:
            _lose(self._losses, path, "Gemini has no schema that anything fits: a text does.")
            kind = "string"
        made: Schema = {"type": kind}
        made |= {key: flat[key] for key in ("title", "description") if isinstance(flat.get(key), str)}
        made |= {key: flat[key] for key in _COUNTS.get(kind, ()) if _is_count(flat.get(key))}
        if flat.get("default") is not None:
            made["default"] = flat["default"]
        examples = flat.get("examples")
        example = flat.get("example", examples[0] if isinstance(examples, list) and examples else None)
        if example is not None:
            made["example"] = example
        if kind == "object":
            made |= self._members(flat, path, met, depth)
        elif kind == "array":
            made["items"] = self._items(flat, path, met, depth)
        elif kind == "string" and isinstance(flat.get("pattern"), str):
            made["pattern"] = flat["pattern"]
        elif kind in ("integer", "number"):
            made |= self._bounds(flat, path, whole=kind == "integer")
        self._values(made, flat, path)
        for key in _UNSAID:
            if key in flat and not (key == "uniqueItems" and flat[key] is False):
                _lose(self._losses, f"{path}.{key}", f"Gemini's schemas have no `{key}`.")
        return made

    def _members(self, flat: Schema, path: str, met: frozenset[str], depth: int) -> Schema:
        made: Schema = {}
        given = flat.get("properties")
        given = given if isinstance(given, dict) else {}
        properties = {
            name: self.node(one, f"{path}.properties.{name}", met, depth + 1)
            for name, one in given.items()
            if one is not False
        }
        if "properties" in flat:
            made["properties"] = properties
        required = flat.get("required")
        if isinstance(required, list):
            kept = [name for name in required if isinstance(name, str) and name in properties]
            if len(kept) < len(required):
                _lose(self._losses, f"{path}.required", "Gemini can require members only that the schema describes.")
            if kept:
                made["required"] = kept
        ordering = flat.get("propertyOrdering")
        if isinstance(ordering, list) and all(isinstance(name, str) and name in properties for name in ordering):
            made["propertyOrdering"] = ordering
        if isinstance(flat.get("additionalProperties"), dict) and flat["additionalProperties"]:
            _lose(self._losses, f"{path}.additionalProperties", "Gemini's schemas describe members with names only.")
        return made

    def _items(self, flat: Schema, path: str, met: frozenset[str], depth: int) -> Schema:
        """Return what is in an array ("items: missing field", if nothing says it)."""
        items, places = flat.get("items"), flat.get("prefixItems")
        if isinstance(items, list):
            items, places = None, items
        if isinstance(places, list) and places:
            _lose(self._losses, f"{path}.prefixItems", "Gemini's arrays have one schema for all places.")
            items = {"anyOf": [*places, *([items] if isinstance(items, dict) else [])]}
        if not isinstance(items, dict) or not items:
            _lose(self._losses, f"{path}.items", "Gemini wants to be told what is in an array: texts are.")
            items = {"type": "string"}
        return self.node(items, f"{path}.items", met, depth + 1)

    def _bounds(self, flat: Schema, path: str, *, whole: bool) -> Schema:
        made: Schema = {key: flat[key] for key in ("minimum", "maximum") if _is_number(flat.get(key))}
        for key, bound, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
            limit = made.get(bound) if flat.get(key) is True else flat.get(key)
            if not _is_number(limit):
                continue
            if whole:
                limit = (math.floor(limit) if step > 0 else math.ceil(limit)) + step
            else:
                _lose(self._losses, f"{path}.{key}", "Gemini's bounds belong to what they bound.")
            made[bound] = limit if bound not in made else (max if step > 0 else min)(limit, made[bound])
        return made

    def _values(self, made: Schema, flat: Schema, path: str) -> None:
        """Add the values that are allowed, and the format; as words of the description where Gemini has no place."""
        notes = []
        enum = flat.get("enum")
        if isinstance(enum, list) and enum:
            # Gemini: "enum: only allowed for STRING type", "enum[0]: cannot be empty"; Vertex would take numbers as
            # strings, and the model then calls with strings. The type is what must not change.
            if made["type"] == "string" and all(isinstance(one, str) and one for one in enum):
                made["enum"] = enum
            else:
                _lose(self._losses, f"{path}.enum", "Gemini chooses among texts only: the description has the values.")
                notes.append(f"One of: {', '.join(jsonx.encode(one).decode() for one in enum)}.")
        format_ = flat.get("format")
        if isinstance(format_, str):
            if format_ in _FORMATS.get(made["type"], ()) and (format_ != "enum" or "enum" in made):
                made["format"] = format_
            elif format_ != "enum":
                _lose(self._losses, f"{path}.format", f"Gemini has no format {format_}: the description names it.")
                notes.append(f"Format: {format_}.")
        if notes:
            made["description"] = " ".join([*([made["description"]] if made.get("description") else []), *notes])


def _kind(flat: Schema) -> Any:
    """Return the kind of value that a schema is about, with or without saying it."""
    if "type" in flat:
        return flat["type"]
    enum = flat.get("enum")
    if isinstance(enum, list) and enum:
        kinds = {type(one) for one in enum}
        for kind, types in (("boolean", {bool}), ("integer", {int}), ("number", {int, float}), ("string", {str})):
            if kinds <= types:
                return kind
    return next((kind for kind, keys in _TELLING.items() if any(key in flat for key in keys)), None)


def _is_null(value: Any) -> bool:
    return isinstance(value, dict) and (
        value.get("type") == "null" or value.get("enum") == [None] or value.get("const", 0) is None
    )


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and (isinstance(value, int) or value.is_integer())


def _is_number(value: Any) -> TypeGuard[int | float]:
    return type(value) is int or (type(value) is float and math.isfinite(value))
