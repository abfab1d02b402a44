"""The official OpenAI client, in both of its dialects."""

from __future__ import annotations

import json
from typing import Any

from openai import APIError, LengthFinishReasonError, OpenAI

from support.said import PERSON, TOOLS, WEATHER, Said, url_of


class ChatSpeaker:
    """Chat Completions; see `support.said.Speaker`."""

    name = "openai_chat"
    ended, cut, called = "stop", "length", "tool_calls"
    failures: tuple[type[Exception], ...] = (APIError,)

    def __init__(self, url: str, key: str = "dummy") -> None:
        self.client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def say(self, model: str, prompt: str, *, stream: bool, **wishes: Any) -> Said:
        content: Any = prompt
        if image := wishes.get("image"):
            picture = {"type": "image_url", "image_url": {"url": url_of(image)}}
            content = [{"type": "text", "text": prompt}, picture]
        asked: dict[str, Any] = {"model": model, "messages": wishes.get("before") or [_user(content)]}
        if wishes.get("tools"):
            asked["tools"] = [_function(name) for name in TOOLS]
        if wishes.get("schema"):
            shape = {"name": "person", "schema": PERSON, "strict": True}
            asked["response_format"] = {"type": "json_schema", "json_schema": shape}
        if wishes.get("limit"):
            asked["max_completion_tokens"] = wishes["limit"]
        if wishes.get("think"):
            asked["reasoning_effort"] = "low"
        if wishes.get("timeout"):
            asked["extra_body"] = {"timeout": wishes["timeout"]}
        asked |= wishes.get("more") or {}
        if not stream:
            return _chat_said(self.client.chat.completions.create(**asked))
        with self.client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as events:
            for _ in events:
                pass
            try:
                return _chat_said(events.get_final_completion())
            except LengthFinishReasonError as cut:
                # The helper's way to say so where a reply might have to be parsed.
                return _chat_said(cut.completion)

    def turns(self, prompt: str, said: Said, results: dict[str, str]) -> list[Any]:
        tools = [{"role": "tool", "tool_call_id": call, "content": result} for call, result in results.items()]
        return [_user(prompt), said.message, *tools]

    def close(self) -> None:
        self.client.close()


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _function(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": f"Does {name}.", "parameters": WEATHER}}


def _chat_said(completion: Any) -> Said:
    choice = completion.choices[0]
    message = choice.message
    calls = message.tool_calls or []
    return Said(
        text=message.content or "",
        calls=[(call.id, call.function.name, json.loads(call.function.arguments or "{}")) for call in calls],
        thought=getattr(message, "reasoning_content", None) or "",
        stop=choice.finish_reason,
        tokens=_counted(completion.usage, "prompt_tokens", "completion_tokens"),
        model=completion.model,
        message=_sendable(message.model_dump(exclude_none=True)),
    )


def _counted(usage: Any, asked: str, said: str) -> tuple[int, int]:
    return (getattr(usage, asked, None) or 0, getattr(usage, said, None) or 0)


def _sendable(message: dict[str, Any]) -> dict[str, Any]:
    """Return what a program sends back: the helper's own additions, such as parsed arguments, are not sent."""
    message.pop("parsed", None)
    for call in message.get("tool_calls", []):
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    return message


class ResponseFailedError(Exception):
    """A reply said that it failed: the SDK leaves it to the program to look."""

    def __init__(self, error: Any) -> None:
        super().__init__(error.message)
        self.code: str = error.code


class ResponsesSpeaker:
    """The Responses API; see `support.said.Speaker`."""

    name = "openai_responses"
    ended, cut, called = "completed", "incomplete", "completed"
    failures: tuple[type[Exception], ...] = (APIError, ResponseFailedError)

    def __init__(self, url: str, key: str = "dummy") -> None:
        self.client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def say(self, model: str, prompt: str, *, stream: bool, **wishes: Any) -> Said:
        content: Any = prompt
        if image := wishes.get("image"):
            picture = {"type": "input_image", "image_url": url_of(image), "detail": "auto"}
            content = [{"type": "input_text", "text": prompt}, picture]
        asked: dict[str, Any] = {"model": model, "input": wishes.get("before") or [_user(content)], "store": False}
        if wishes.get("tools"):
            asked["tools"] = [
                {"type": "function", "name": name, "description": name, "parameters": WEATHER, "strict": True}
                for name in TOOLS
            ]
        if wishes.get("schema"):
            asked["text"] = {"format": {"type": "json_schema", "name": "person", "schema": PERSON, "strict": True}}
        if wishes.get("limit"):
            asked["max_output_tokens"] = wishes["limit"]
        if wishes.get("think"):
            asked |= {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
        if wishes.get("timeout"):
            asked["extra_body"] = {"timeout": wishes["timeout"]}
        asked |= wishes.get("more") or {}
        if not stream:
            return _response_said(self.client.responses.create(**asked))
        # The last event ends the reading; what is left of the connection is closed here, and not by chance.
        with self.client.responses.create(**asked, stream=True) as events:
            return _response_said(_last(events))

    def turns(self, prompt: str, said: Said, results: dict[str, str]) -> list[Any]:
        outputs = [{"type": "function_call_output", "call_id": call, "output": text} for call, text in results.items()]
        return [_user(prompt), *said.message, *outputs]

    def close(self) -> None:
        self.client.close()


def _last(events: Any) -> Any:
    """Return the response that a stream ends with."""
    for event in events:
        if event.type == "response.failed":
            raise ResponseFailedError(event.response.error)
        if event.type in ("response.completed", "response.incomplete"):
            return event.response
    raise AssertionError("the stream has no end")


def _response_said(response: Any) -> Said:
    assert response.error is None, response.error
    calls = [item for item in response.output if item.type == "function_call"]
    reasoning = [item for item in response.output if item.type == "reasoning"]
    thoughts = [part.text for item in reasoning for part in (*item.summary, *(getattr(item, "content", None) or ()))]
    return Said(
        text=response.output_text,
        calls=[(call.call_id, call.name, json.loads(call.arguments or "{}")) for call in calls],
        thought="".join(thoughts),
        stop=response.status,
        tokens=_counted(response.usage, "input_tokens", "output_tokens"),
        model=response.model,
        message=[item.model_dump(exclude_none=True) for item in response.output],
    )
