"""What two spellings of one Gemini request have in common, for comparing them."""

from __future__ import annotations

import re
from typing import Any, Final

# Keys below these are users' own.
_CLOSED: Final = {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"}


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request in the one spelling of all that mean the same: protobuf leaves out what has its default."""
    spelled: dict[str, Any] = _camel(body)
    for field in ("generationConfig", "toolConfig", "tools", "safetySettings", "model", "timeout"):
        if not spelled.get(field) or field in ("model", "timeout"):
            spelled.pop(field, None)
    config = spelled.get("generationConfig", {})
    if config.get("stopSequences") == []:
        del config["stopSequences"]
    if not config:
        spelled.pop("generationConfig", None)
    if "tools" in spelled:
        spelled["tools"] = _tools(_list(spelled["tools"]))
    if calling := spelled.get("toolConfig", {}).get("functionCallingConfig"):
        calling["mode"] = calling.get("mode", "AUTO").upper()
    spelled["contents"] = _merged([_content(content) for content in _list(spelled["contents"])])
    if "systemInstruction" in spelled:
        spelled["systemInstruction"]["parts"] = [
            _part(part) for part in _list(spelled["systemInstruction"].get("parts"))
        ]
    return spelled


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            (name := re.sub(r"(?<=[a-z])_([a-z])", lambda found: found[1].upper(), key)): member
            if name in _CLOSED
            else _camel(member)
            for key, member in value.items()
            if member is not None
        }
    return [_camel(item) for item in value] if isinstance(value, list) else value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _content(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "role": content.get("role") or "user", "parts": [_part(one) for one in _list(content["parts"])]}


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if "thoughtSignature" in part and len(part.keys() - {"thought"}) == 1:
        part = {"text": "", **part}
    return {name: value for name, value in part.items() if name != "thought" or value}


def _merged(contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    merged: list[dict[str, Any]] = []
    for content in contents:
        if merged and _only_results(merged[-1]) and _only_results(content) and merged[-1]["role"] == content["role"]:
            merged[-1]["parts"] += content["parts"]
        else:
            merged.append(content)
    return merged


def _only_results(content: dict[str, Any]) -> bool:
    return bool(content["parts"]) and all("functionResponse" in part for part in content["parts"])


def _tools(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {field: one}
        for tool in tools
        for field, member in tool.items()
        for one in (_list(member) if field == "functionDeclarations" else [member])
    ]
