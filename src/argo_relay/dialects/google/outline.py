"""What the relay must know of a Gemini request, and what it refuses before anything is sent upstream.

Model and stream stand in the path, and every field has two spellings: protobuf's JSON is camelCase, and its readers
take snake_case as well; the official Python client mixes both in one body.

https://ai.google.dev/api/generate-content#request-body
"""

from __future__ import annotations

import re
from typing import Any, Final

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.dialects.bodies import read_body
from argo_relay.errors import Refused
from argo_relay.framing.apart import Long
from argo_relay.neutral.failure import bad_request

_OBJECT: Final = ((dict,), "an object")
_LIST: Final = ((list, dict), "a list of objects")
_TYPES: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "contents": ((list, dict), "a list of contents"),
    "systemInstruction": _OBJECT,
    "generationConfig": _OBJECT,
    "toolConfig": _OBJECT,
    "tools": _LIST,
    "safetySettings": _LIST,
    "cachedContent": ((str,), "a string"),
    "labels": _OBJECT,
}
_NAMES: Final = [
    "systemInstruction",
    "generationConfig",
    "toolConfig",
    "safetySettings",
    "cachedContent",
    "serviceTier",
    "modelArmorConfig",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
    "toolType",
    "thoughtSignature",
    "videoMetadata",
    "mediaResolution",
    "partMetadata",
    "mimeType",
    "fileUri",
    "displayName",
    "willContinue",
    "partialArgs",
    "functionDeclarations",
    "parametersJsonSchema",
    "responseJsonSchema",
    "googleSearch",
    "googleSearchRetrieval",
    "codeExecution",
    "urlContext",
    "fileSearch",
    "fileSearchStoreNames",
    "googleMaps",
    "enterpriseWebSearch",
    "computerUse",
    "mcpServers",
    "functionCallingConfig",
    "allowedFunctionNames",
    "retrievalConfig",
    "includeServerSideToolInvocations",
    "topP",
    "topK",
    "maxOutputTokens",
    "stopSequences",
    "candidateCount",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "responseMimeType",
    "responseSchema",
    "responseModalities",
    "thinkingConfig",
    "includeThoughts",
    "thinkingBudget",
    "thinkingLevel",
    "imageConfig",
    "aspectRatio",
    "imageSize",
    "speechConfig",
    "voiceConfig",
    "prebuiltVoiceConfig",
    "voiceName",
    "languageCode",
    "audioTimestamp",
    "enableAffectiveDialog",
    "dynamicRetrievalConfig",
    "dynamicThreshold",
    "startOffset",
    "endOffset",
]
_CAMEL: Final = {re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name): name for name in _NAMES}
_SNAKE: Final = {name: snake for snake, name in _CAMEL.items()}
# Below these stands what users wrote, where a key is only a key.
_CLOSED: Final = frozenset(
    [
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "responseSchema",
        "responseJsonSchema",
        "labels",
        "partMetadata",
    ]
)

_LONG: Final = Long(
    members=frozenset({"contents", "systemInstruction", "system_instruction"}),
    names=frozenset({b"text", b"data", b"output", b"result"}),
)


def outline(incoming: Incoming) -> Outline:
    """Read a request; raise Refused (400, the field named) when it cannot be one."""
    document = read_body(incoming, {}, _LONG)
    values = document.values
    for field, (types, wanted) in _TYPES.items():
        _check(field, _either(values, field), types, wanted)
    contents = values.get("contents")
    if not contents:
        raise Refused(
            bad_request("`contents` is required and must not be empty.", "contents", "missing_required_parameter")
        )
    for index, content in enumerate(in_list(contents)):
        _check_content(f"contents[{index}]", content)
    if instruction := _either(values, "systemInstruction"):
        _check_content("systemInstruction", instruction)
    for index, tool in enumerate(in_list(values.get("tools"))):
        _require_object(f"tools[{index}]", tool)
    return Outline(
        model=_model(incoming, values),
        stream=bool(incoming.stream),
        timeout=values.get("timeout"),
        body=document,
        array=incoming.array,
    )


def in_list(value: Any) -> list[Any]:
    """Return a repeated field as a list: readers of protobuf's JSON take one value for a list of one."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


_HOLDERS: Final = (dict, list)


def in_camel_case(value: Any) -> Any:
    """Return a value with every known key in camelCase, but for what stands in schemas, arguments and results."""
    if isinstance(value, dict):
        spelled = {}
        for key, member in value.items():
            name = _CAMEL.get(key, key)
            # Most are texts: 251 of them take 140 us so, and 165 us with a call for each.
            closed = name in _CLOSED or not isinstance(member, _HOLDERS)
            spelled[name] = member if closed else in_camel_case(member)
        return spelled
    if isinstance(value, list):
        return [in_camel_case(item) for item in value]
    return value


def _either(values: dict[str, Any], field: str) -> Any:
    found = values.get(field)
    return values.get(_SNAKE.get(field, field)) if found is None else found


def _model(incoming: Incoming, values: dict[str, Any]) -> str:
    model = incoming.model or values.get("model")
    if not isinstance(model, str) or not model:
        raise Refused(bad_request("The request's path must name a model.", "model", "missing_required_parameter"))
    return model


def _check(path: str, value: Any, types: tuple[type, ...], wanted: str) -> None:
    if value is not None and not isinstance(value, types):
        raise Refused(bad_request(f"`{path}` must be {wanted}.", path, "invalid_type"))


def _check_content(path: str, content: Any) -> None:
    _require_object(path, content)
    _check(f"{path}.role", content.get("role"), (str,), "a string such as `user`")
    _check(f"{path}.parts", content.get("parts"), (list, dict), "a list of parts")
    for index, part in enumerate(in_list(content.get("parts"))):
        _require_object(f"{path}.parts[{index}]", part)


def _require_object(path: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise Refused(bad_request(f"`{path}` must be an object.", path, "invalid_type"))
