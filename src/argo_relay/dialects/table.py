"""The one list of dialects."""

from __future__ import annotations

from typing import Final

from argo_relay.dialects.anthropic.dialect import ANTHROPIC
from argo_relay.dialects.base import Dialect
from argo_relay.dialects.google.dialect import GOOGLE
from argo_relay.dialects.openai_chat.dialect import OPENAI_CHAT
from argo_relay.dialects.openai_responses.dialect import OPENAI_RESPONSES

DIALECTS: Final[dict[str, Dialect]] = {
    dialect.name: dialect for dialect in (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC, GOOGLE)
}
"""In the order in which people meet them."""
