"""The end of a reply that ran into its time limit, for clients that take what there is (`on_timeout: "partial"`)."""

from __future__ import annotations

from argo_relay.dialects.base import Headers
from argo_relay.exchange.lane import WHOLE_HEADERS, Lane, stream_headers
from argo_relay.exchange.outlet import Outlet
from argo_relay.exchange.plan import Plan


def ending_of(plan: Plan, lane: Lane, outlet: Outlet) -> bytes | None:
    """Return what the client is still to get of a reply that is cut short at its length limit now.

    None: nothing has been generated, or a whole reply of known length is on its way.
    """
    if not plan.stream and outlet.status is not None and not outlet.early:
        return None
    if not plan.stream and (outlet.owed or outlet.begun):
        # The whole reply had come, and was being written.
        return outlet.owed
    ending = plan.stage.cut()
    # What the client has not taken yet, or was not to have yet, comes first.
    return None if ending is None else lane.held + outlet.owed + ending


async def hand_over(ending: bytes, plan: Plan, outlet: Outlet, headers: Headers) -> None:
    """Write the end of such a reply; `headers` go out where they still can."""
    if outlet.status is None:
        length = ("content-length", str(len(ending)))
        head = stream_headers(plan.stage.client.media_type) if plan.stream else [*WHOLE_HEADERS, length]
        await outlet.begin(200, [*head, *headers, ("x-timeout-partial", "true")])
    await outlet.end(ending)
