"""The official Google client."""

from __future__ import annotations

import base64
from typing import Any

from google import genai
from google.genai import errors, types

from support.said import DOT, PERSON, TOOLS, WEATHER, Said


class GoogleSpeaker:
    """GenAI; see `support.said.Speaker`."""

    name = "google"
    ended, cut, called = "STOP", "MAX_TOKENS", "STOP"
    failures: tuple[type[Exception], ...] = (errors.APIError,)

    def __init__(self, url: str, key: str = "dummy") -> None:
        self.client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))

    def say(self, model: str, prompt: str, *, stream: bool, **wishes: Any) -> Said:
        parts = [types.Part(text=prompt)]
        if image := wishes.get("image"):
            dot = types.Part.from_bytes(data=base64.b64decode(DOT), mime_type="image/png")
            parts.append(types.Part.from_uri(file_uri=image, mime_type="image/png") if isinstance(image, str) else dot)
        contents = wishes.get("before") or [types.Content(role="user", parts=parts)]
        asked: dict[str, Any] = {"model": model, "contents": contents, "config": _config(wishes)}
        if not stream:
            return _said([self.client.models.generate_content(**asked)])
        return _said(list(self.client.models.generate_content_stream(**asked)))

    def turns(self, prompt: str, said: Said, results: dict[str, str]) -> list[Any]:
        names = {call: name for call, name, _ in said.calls}
        answers = [
            types.Part(function_response=types.FunctionResponse(id=call, name=names[call], response={"output": text}))
            for call, text in results.items()
        ]
        user = types.Content(role="user", parts=[types.Part(text=prompt)])
        return [user, said.message, types.Content(role="user", parts=answers)]

    def close(self) -> None:
        self.client.close()


def _config(wishes: dict[str, Any]) -> types.GenerateContentConfig:
    config: dict[str, Any] = {}
    if wishes.get("tools"):
        declared = [
            types.FunctionDeclaration(name=name, description=f"Does {name}.", parameters_json_schema=WEATHER)
            for name in TOOLS
        ]
        config["tools"] = [types.Tool(function_declarations=declared)]
        config["automatic_function_calling"] = types.AutomaticFunctionCallingConfig(disable=True)
    if wishes.get("schema"):
        config |= {"response_mime_type": "application/json", "response_json_schema": PERSON}
    if wishes.get("limit"):
        config["max_output_tokens"] = wishes["limit"]
    if wishes.get("think"):
        config["thinking_config"] = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    if wishes.get("timeout"):
        config["http_options"] = types.HttpOptions(extra_body={"timeout": wishes["timeout"]})
    return types.GenerateContentConfig(**config | (wishes.get("more") or {}))


def _said(chunks: list[Any]) -> Said:
    parts = [
        part
        for chunk in chunks
        for candidate in chunk.candidates or []
        for part in (candidate.content.parts if candidate.content else None) or []
    ]
    calls = [part.function_call for part in parts if part.function_call]
    usage = (
        [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
        or [types.GenerateContentResponseUsageMetadata()]
    )[-1]
    finishes = [one.finish_reason for chunk in chunks for one in chunk.candidates or [] if one.finish_reason]
    return Said(
        text="".join(part.text for part in parts if part.text and not part.thought),
        calls=[(call.id, call.name, call.args or {}) for call in calls],
        thought="".join(part.text for part in parts if part.text and part.thought),
        stop=finishes[-1].value if finishes else "",
        tokens=(usage.prompt_token_count or 0, (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)),
        model=chunks[0].model_version or "",
        message=types.Content(role="model", parts=parts),
    )
