"""One call with a vendor's own SDK: a timeout of two seconds, everything else as it comes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import anthropic
import httpx
import httpx2
import openai
from google import genai
from peers import KEY, System, Wish

_TIMEOUT: Final = 2.0

Call = Callable[[str], object]
"""Asks for a reply to a prompt, and waits for its end."""


def official(system: System, dialect: str, url: str, wish: Wish) -> Call:
    """Return a call that ends, with or without its reply."""
    call = _calls(system, dialect, url, system.asks(wish)[0])

    def quiet(prompt: str) -> None:
        with suppress(
            openai.OpenAIError, anthropic.AnthropicError, genai.errors.APIError, httpx.HTTPError, httpx2.HTTPError
        ):
            call(prompt)

    return quiet


def _calls(system: System, dialect: str, url: str, headers: dict[str, str]) -> Call:
    model = system.model
    if dialect == "messages":
        claude = anthropic.Anthropic(base_url=url, api_key=KEY, timeout=_TIMEOUT)
        return lambda prompt: claude.messages.create(
            model=model, max_tokens=64, messages=[{"role": "user", "content": prompt}]
        )
    if dialect == "google":
        options = genai.types.HttpOptions(base_url=url, timeout=round(_TIMEOUT * 1000))
        gemini = genai.Client(api_key=KEY, http_options=options)
        return lambda prompt: gemini.models.generate_content(model=model, contents=prompt)
    client = openai.OpenAI(base_url=f"{url}{system.prefix}/v1", api_key=KEY, timeout=_TIMEOUT, default_headers=headers)
    if dialect == "responses":
        return lambda prompt: client.responses.create(model=model, input=prompt)
    return lambda prompt: client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}])
