"""What a relay that runs with this configuration says of a model: it knows what refusals have taught it."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import quote

import msgspec

from argo_relay.config.schema import Config
from argo_relay.dialects.base import Call
from argo_relay.errors import BadJson, UpstreamError
from argo_relay.framing import jsonx
from argo_relay.transport.client import HttpTransport
from argo_relay.transport.whole import whole_reply

_PATIENCE_SECONDS: Final = 2.0
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- where a relay listens, not where we do
_NOBODY: Final = "no relay answers at {}: what one has learned is not shown"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard: `told` says it in words, `parameters` is None where there is no relay to ask."""

    told: str
    parameters: list[dict[str, str]] | None = None


async def ask_running(config: Config, model: str) -> Running:
    """Ask the relay at the configured host and port for a model; whatever does not answer as one is none."""
    if config.socket:
        return Running(told="a relay on a socket is not asked: what it has learned is not shown")
    host = _EVERYWHERE.get(config.host, config.host)
    address = f"http://[{host}]:{config.port}" if ":" in host else f"http://{host}:{config.port}"
    transport = HttpTransport()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            rules = await _ask(transport, f"{address}/v1/models/{quote(model, safe='')}", config.keys)
    except (UpstreamError, BadJson, TimeoutError):
        return Running(told=_NOBODY.format(address))
    finally:
        await transport.close()
    learned = sum(rule.get("from") == "learned" for rule in rules)
    return Running(told=f"{learned or 'nothing'} by the relay at {address}", parameters=rules)


async def _ask(transport: HttpTransport, url: str, keys: tuple[str, ...]) -> list[dict[str, str]]:
    headers = [("accept", "application/json"), *(("authorization", f"Bearer {key}") for key in keys[:1])]
    _, body = await whole_reply(transport, Call(method="GET", url=url, headers=headers))
    value = jsonx.decode(body)
    rules = value.get("parameters") if isinstance(value, dict) else None
    try:
        return msgspec.convert(rules, list[dict[str, str]])
    except msgspec.ValidationError:
        raise BadJson("it is no relay's answer") from None
