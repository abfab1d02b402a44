"""The one list of dialects."""

from __future__ import annotations

from typing import Final

from argo_relay.dialects.base import Dialect
from argo_relay.dialects.openai_chat.dialect import OPENAI_CHAT

DIALECTS: Final[dict[str, Dialect]] = {dialect.name: dialect for dialect in (OPENAI_CHAT,)}
