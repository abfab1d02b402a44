"""What the relay must know of a Chat Completions request, and what it refuses before anything is sent upstream.

https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import Final

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.dialects.bodies import NUMBER, Types, outline_messages
from argo_relay.framing.apart import Long
from argo_relay.neutral import seals

DIALECT: Final = "openai_chat"

# The types that the reference gives, where they have never changed; null is "not given" everywhere. What is not in
# this table, and every value's range, is for the upstream to judge.
_TYPES: Final[Types] = {
    "model": ((str,), "a string"),
    "messages": ((list,), "a list of messages"),
    "stream": ((bool,), "true or false"),
    "stream_options": ((dict,), "an object"),
    "temperature": (NUMBER, "a number"),
    "top_p": (NUMBER, "a number"),
    "n": ((int,), "a whole number"),
    "max_tokens": ((int,), "a whole number"),
    "max_completion_tokens": ((int,), "a whole number"),
    "presence_penalty": (NUMBER, "a number"),
    "frequency_penalty": (NUMBER, "a number"),
    "stop": ((str, list), "a string or a list of strings"),
    "tools": ((list,), "a list of tools"),
    "tool_choice": ((str, dict), "a string or an object"),
    "parallel_tool_calls": ((bool,), "true or false"),
    "response_format": ((dict,), "an object"),
    "logprobs": ((bool,), "true or false"),
    "top_logprobs": ((int,), "a whole number"),
    "logit_bias": ((dict,), "an object"),
    "user": ((str,), "a string"),
}

# What `reasoning_details` say is compared with what stands beside them, and seals are unpacked.
_LONG: Final = Long(
    members=frozenset({"messages"}),
    names=frozenset({b"content", b"text", b"url", b"image_url", b"file_data", b"data"}),
    addresses=frozenset({b"url", b"image_url", b"file_data"}),
    but=(seals.MARK.encode(),),
    beside=b'"reasoning_details"',
    compared=frozenset({b"text"}),
)


def outline(incoming: Incoming) -> Outline:
    """Read a request; raise Refused (400, the field named) when it cannot be one."""
    return outline_messages(incoming, _TYPES, ((str, list, type(None)), "a string or a list of parts"), _LONG)
