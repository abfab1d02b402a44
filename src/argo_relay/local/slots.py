"""What the model is at, for whoever tests timeouts: a page on the relay's own port."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from argo_relay.dialects.base import Call
from argo_relay.errors import BadJson, UpstreamError
from argo_relay.framing import jsonx
from argo_relay.local.settings import KEY_VARIABLE
from argo_relay.transport.base import Transport
from argo_relay.transport.whole import whole_reply

Message = MutableMapping[str, Any]


class SlotsPage:
    """An ASGI application: GET gives `[{"id": 0, "is_processing": false}, ...]`, an object for each slot.

    llama.cpp's own page has more, of requests too, which is nobody's business.
    """

    def __init__(self) -> None:
        self.base_url = ""
        """The model's server; set as soon as there is one."""
        self.transport: Transport | None = None

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request, whatever its method."""
        try:
            status, value = 200, await self._slots()
        except (UpstreamError, BadJson):
            status, value = 502, {"error": {"message": "The local model's process does not answer."}}
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": jsonx.encode(value)})

    async def _slots(self) -> Any:
        if self.transport is None:
            raise UpstreamError
        headers = [("authorization", f"Bearer {os.environ[KEY_VARIABLE]}")]
        call = Call(method="GET", url=f"{self.base_url}/slots", headers=headers)
        _, body = await whole_reply(self.transport, call)
        slots = jsonx.decode(body)
        if not isinstance(slots, list):
            raise BadJson("it is no list of slots")
        return [{"id": slot["id"], "is_processing": slot["is_processing"]} for slot in slots]
