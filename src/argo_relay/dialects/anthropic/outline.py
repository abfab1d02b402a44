"""What the relay must know of a Messages request, and what it refuses before anything is sent upstream.

https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

from typing import Final

from argo_relay.dialects.base import Incoming, Outline
from argo_relay.dialects.bodies import NUMBER, Types, outline_messages
from argo_relay.framing.apart import Long
from argo_relay.neutral import seals

DIALECT: Final = "anthropic"

# The types that the reference gives, where they have never changed; null is "not given" everywhere. What is not in
# this table, and every value's range, is for the upstream to judge: clients send betas that no reference knows.
_TYPES: Final[Types] = {
    "model": ((str,), "a string"),
    "messages": ((list,), "a list of messages"),
    "max_tokens": ((int,), "a whole number"),
    "system": ((str, list), "a string or a list of text blocks"),
    "stream": ((bool,), "true or false"),
    "temperature": (NUMBER, "a number"),
    "top_p": (NUMBER, "a number"),
    "top_k": (NUMBER, "a number"),
    "stop_sequences": ((list,), "a list of strings"),
    "tools": ((list,), "a list of tools"),
    "tool_choice": ((dict,), "an object"),
    "thinking": ((dict,), "an object"),
    "metadata": ((dict,), "an object"),
    "output_config": ((dict,), "an object"),
}

# Seals are unpacked.
_LONG: Final = Long(
    members=frozenset({"messages", "system"}),
    names=frozenset({b"content", b"text", b"data", b"system"}),
    but=(seals.MARK.encode(),),
)


def outline(incoming: Incoming) -> Outline:
    """Read a request; raise Refused (400, the field named) when it cannot be one."""
    return outline_messages(incoming, _TYPES, ((str, list), "a string or a list of blocks"), _LONG)
