"""What an official SDK made of a reply, in words of our own, so that four SDKs can be asked the same questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = ("get_weather", "get_time")
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A picture of one pixel."""


def url_of(image: Any) -> str:
    """Return where the image lies that is wished for: the picture of one pixel unless it says where."""
    return image if isinstance(image, str) else f"data:image/png;base64,{DOT}"


@dataclass
class Said:
    """One reply; `message` is what the SDK's user sends back to go on."""

    text: str = ""
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Id, name and arguments of each."""
    thought: str = ""
    stop: str = ""
    tokens: tuple[int, int] = (0, 0)
    """What the request and the reply cost; nothing where the reply does not say."""
    model: str = ""
    message: Any = None


class Speaker(Protocol):
    """One SDK, pointed at the relay."""

    name: str
    ended: str
    """How it says that a reply ended of itself."""
    cut: str
    """How it says that a reply ran into its limit."""
    called: str
    """How it says that a reply wants tools to run."""
    failures: tuple[type[Exception], ...]
    """What it raises for a reply that did not come."""

    def say(self, model: str, prompt: str, *, stream: bool, **wishes: Any) -> Said:
        """Ask; wishes are tools, schema, image (True, or a URL), limit, think, timeout, before (earlier turns).

        `more` are further arguments for the SDK itself, Google's for its configuration.
        """
        ...

    def turns(self, prompt: str, said: Said, results: dict[str, str]) -> list[Any]:
        """Return the conversation so far: the prompt, the reply, and what its tools gave, by call id."""
        ...

    def close(self) -> None:
        """Let go of its connections."""
        ...
