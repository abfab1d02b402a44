"""Images and documents that a request gives by URL: fetched, and in it as data before anything is planned.

So both lanes see data only, and an upstream that does not fetch serves such requests like any others.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from argo_relay.config.schema import Config
from argo_relay.dialects.base import Link, Outline
from argo_relay.errors import BadJson, FetchFailed, Refused
from argo_relay.exchange.entry import Entry
from argo_relay.framing.jsonx import Path
from argo_relay.models.profile import Profile
from argo_relay.neutral.failure import bad_request
from argo_relay.policy.addresses import fence_of
from argo_relay.policy.deadline import shown
from argo_relay.policy.fetching import FetchRules
from argo_relay.transport.base import Fetch
from argo_relay.upstreams.base import Operation, Upstream

_AT_ONCE: Final = 4
"""Fetches for one request at the same time."""
_READ: Final = (Operation.GENERATE, Operation.COUNT)
"""What is asked of models that look at images."""


class Images:
    """Fetches what requests give by URL."""

    def __init__(self, config: Config, upstream: Upstream, fetch: Fetch) -> None:
        self.limits = config.images
        self.max_body = config.max_body
        self.fetch = fetch
        self.fence = fence_of(config.images.allow)
        self._upstream = upstream

    def linked(self, entry: Entry, outline: Outline, profile: Profile) -> Sequence[Link]:
        """Return what a request gives by URL and must be fetched for it; raise Refused when that is too much."""
        upstream, name = self._upstream, entry.dialect.name
        if not self.limits.fetch or upstream.fetches or entry.operation not in _READ:
            return ()
        if not upstream.offers(entry.operation, upstream.dialect_for(name, profile)):
            # Tokens are estimated here, and an image counts the same wherever it is.
            return ()
        links = tuple(entry.dialect.links(outline.body.values))
        most = self.limits.max_count
        if len(links) > most:
            what = f"The request gives {len(links)} images or documents by URL, and `images.max_count` allows {most}."
            raise _refusal(links[most], what, "too_many_images")
        return links

    async def inlined(self, outline: Outline, links: Sequence[Link]) -> Outline:
        """Return the request with data in the place of these URLs; raise Refused (400, the place of the URL named)."""
        batch = _Batch(self, self.max_body - len(outline.body.text))
        groups = _grouped(links)
        tasks = [asyncio.create_task(batch.edits(places)) for places in groups]
        try:
            async with asyncio.timeout(self.limits.timeout):
                found = await asyncio.gather(*tasks)
        except TimeoutError:
            late = next(places[0] for places, task in zip(groups, tasks, strict=True) if not _came(task))
            limit = f"{shown(self.limits.timeout)} s that `images.timeout` allows"
            raise _refusal(late, f"{_named(late)} could not be fetched within the {limit}.", "image_timeout") from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        edits = {path: value for some in found for path, value in some.items()}
        try:
            body = outline.body.edited(edits)
        except BadJson as bad:
            raise Refused(
                bad_request(f"The request body cannot be read: {bad.reason}.", bad.path, "invalid_json")
            ) from None
        return msgspec.structs.replace(outline, body=body)


class _Batch:
    """The fetches for one request; `room`: the bytes that it may still grow by."""

    def __init__(self, images: Images, room: int) -> None:
        self._images = images
        self._room = room
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def edits(self, links: Sequence[Link]) -> Mapping[Path, object]:
        """Return the edits that put what is at one URL into its places."""
        images, first = self._images, links[0]
        async with self._places:
            try:
                room = self._room // 4 * 3 // len(links)
                size = max(0, min(images.limits.max_size, room))
                rules = FetchRules(size=size, kinds=first.kinds, fence=images.fence)
                media_type, data = await images.fetch(first.url, rules)
            except FetchFailed as failed:
                what = f"{_named(first)} could not be fetched: {failed.reason}."
                raise _refusal(first, what, failed.code) from None
        text = base64.b64encode(data).decode("ascii")
        self._room -= len(text) * len(links)
        if self._room < 0:
            # Those that were fetched at the same time have taken the room.
            raise _refusal(
                first,
                f"With what {_named(first)} names the request is larger than `max_body` allows.",
                "image_too_large",
            )
        return {path: value for link in links for path, value in link.inlined(media_type, text).items()}


def _grouped(links: Sequence[Link]) -> list[list[Link]]:
    """Return the links, those together that are fetched once."""
    groups: dict[tuple[str, frozenset[str]], list[Link]] = {}
    for link in links:
        groups.setdefault((link.url, link.kinds), []).append(link)
    return list(groups.values())


def _came(task: asyncio.Task[Mapping[Path, object]]) -> bool:
    return task.done() and not task.cancelled()


def _place(link: Link) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in link.path).lstrip(".")


def _named(link: Link) -> str:
    return f"`{_place(link)}`"


def _refusal(link: Link, what: str, code: str) -> Refused:
    return Refused(bad_request(f"{what} Send it as data instead, {link.instead}.", _place(link), code))
