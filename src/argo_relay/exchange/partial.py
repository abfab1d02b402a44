"""The end of a reply that ran into its time limit, for clients that take what there is (`on_timeout: "partial"`)."""

from __future__ import annotations

from argo_relay.dialects.base import Headers
from argo_relay.exchange.lane import WHOLE_HEADERS, stream_headers
from argo_relay.exchange.outlet import Outlet
from argo_relay.exchange.plan import Plan


async def hand_over(plan: Plan, outlet: Outlet, headers: Headers) -> bool:
    """End the reply as one cut short at its length limit; `headers` go out where they still can.

    False, and nothing has happened: nothing has been generated, or a whole reply of known length is on its way.
    """
    if not plan.stream and outlet.status is not None and not outlet.early:
        return False
    ending = _ending(plan, outlet)
    if ending is None:
        return False
    if outlet.status is None:
        length = ("content-length", str(len(ending)))
        head = stream_headers(plan.stage.client.media_type) if plan.stream else [*WHOLE_HEADERS, length]
        await outlet.begin(200, [*head, *headers, ("x-timeout-partial", "true")])
    await outlet.end(ending)
    return True


def _ending(plan: Plan, outlet: Outlet) -> bytes | None:
    """Return what the client is still to get: what it has not taken yet comes before anything new."""
    owed = outlet.owed
    if not plan.stream and (owed or outlet.begun):
        # The whole reply had come, and was being written.
        return owed
    ending = plan.stage.cut()
    return None if ending is None else owed + ending
