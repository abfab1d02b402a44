"""The four official SDKs, by dialect, and a model of each maker to ask them for."""

from __future__ import annotations

from collections.abc import Callable

from support.said import Speaker
from support.speak_anthropic import AnthropicSpeaker
from support.speak_google import GoogleSpeaker
from support.speak_openai import ChatSpeaker, ResponsesSpeaker

SPEAKERS: dict[str, Callable[[str], Speaker]] = {
    "openai_chat": ChatSpeaker,
    "openai_responses": ResponsesSpeaker,
    "anthropic": AnthropicSpeaker,
    "google": GoogleSpeaker,
}
MODELS = ("argo:gpt-4o", "argo:claude-opus-4.5", "argo:gemini-2.5-pro")
