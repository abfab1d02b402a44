"""The official Anthropic client."""

from __future__ import annotations

from typing import Any

from anthropic import Anthropic, APIError

from support.said import DOT, PERSON, TOOLS, WEATHER, Said


class AnthropicSpeaker:
    """Messages; see `support.said.Speaker`."""

    name = "anthropic"
    ended, cut, called = "end_turn", "max_tokens", "tool_use"
    failures: tuple[type[Exception], ...] = (APIError,)

    def __init__(self, url: str, key: str = "dummy") -> None:
        self.client = Anthropic(base_url=url, api_key=key, max_retries=0)

    def say(self, model: str, prompt: str, *, stream: bool, **wishes: Any) -> Said:
        content: Any = prompt
        if image := wishes.get("image"):
            source = {"type": "base64", "media_type": "image/png", "data": DOT}
            if isinstance(image, str):
                source = {"type": "url", "url": image}
            content = [{"type": "text", "text": prompt}, {"type": "image", "source": source}]
        asked: dict[str, Any] = {
            "model": model,
            "messages": wishes.get("before") or [{"role": "user", "content": content}],
            "max_tokens": wishes.get("limit") or 4096,
        }
        if wishes.get("tools"):
            asked["tools"] = [{"name": name, "description": f"Does {name}.", "input_schema": WEATHER} for name in TOOLS]
        if wishes.get("schema"):
            asked["output_config"] = {"format": {"type": "json_schema", "schema": PERSON}}
        if wishes.get("think"):
            asked["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        if wishes.get("timeout"):
            asked["extra_body"] = {"timeout": wishes["timeout"]}
        asked |= wishes.get("more") or {}
        if not stream:
            return _said(self.client.messages.create(**asked))
        with self.client.messages.stream(**asked) as events:
            return _said(events.get_final_message())

    def turns(self, prompt: str, said: Said, results: dict[str, str]) -> list[Any]:
        blocks = [{"type": "tool_result", "tool_use_id": call, "content": text} for call, text in results.items()]
        user = {"role": "user", "content": prompt}
        return [user, {"role": "assistant", "content": said.message}, {"role": "user", "content": blocks}]

    def close(self) -> None:
        self.client.close()


def _said(message: Any) -> Said:
    return Said(
        text="".join(block.text for block in message.content if block.type == "text"),
        calls=[(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"],
        thought="".join(block.thinking for block in message.content if block.type == "thinking"),
        stop=message.stop_reason,
        tokens=(message.usage.input_tokens or 0, message.usage.output_tokens or 0),
        model=message.model,
        message=[_sendable(block) for block in message.content],
    )


def _sendable(block: Any) -> dict[str, Any]:
    """Return what a program sends back: the helper's own additions are not sent."""
    sent: dict[str, Any] = block.model_dump(exclude_none=True)
    sent.pop("parsed_output", None)
    return sent
