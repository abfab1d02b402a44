"""What may be fetched on a client's behalf: by which URLs, from which addresses, and what it must turn out to be."""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from argo_relay.policy.addresses import Fence

Kind = Literal["image", "document"]

_LONGEST_URL: Final = 8192
_TYPES: Final[dict[Kind, tuple[str, ...]]] = {
    "image": ("image/png", "image/jpeg", "image/gif", "image/webp"),
    "document": ("application/pdf",),
}
_NAMES: Final[dict[Kind, str]] = {"image": "a PNG, JPEG, GIF or WebP image", "document": "a PDF"}
_STARTS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


class FetchRules(msgspec.Struct, frozen=True, kw_only=True):
    """See `transport.base.Rules`; `size` is in bytes."""

    size: int
    kinds: frozenset[Kind]
    fence: Fence

    @property
    def accept(self) -> str:
        """The types, as the header `accept` says them."""
        return ", ".join(one for kind, types in _TYPES.items() if kind in self.kinds for one in types)

    @property
    def wanted(self) -> str:
        """What it must be, in words."""
        return " or ".join(name for kind, name in _NAMES.items() if kind in self.kinds)

    def fault_of(self, url: str) -> str | None:
        """Return what is wrong with a URL, as the end of a sentence; None when nothing is."""
        if len(url) > _LONGEST_URL:
            return f"its URL is longer than {_LONGEST_URL} characters"
        if not url.isprintable() or any(one in url for one in ' \\"<>'):
            return "its URL holds a character that no URL may hold"
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return "its URL is not a valid one"
        if parts.scheme not in ("http", "https"):
            return "only http and https URLs are fetched"
        if "@" in parts.netloc:
            return "its URL holds a user name or a password, which is never sent on"
        return "its URL is not a valid one" if not host or port == 0 else None

    def lets(self, host: str, address: str) -> bool:
        """Say whether a connection may be made to an address that a host's name led to."""
        return self.fence.lets(host, address)

    def type_of(self, start: bytes) -> str | None:
        """Return the MIME type of what begins with these bytes (a dozen tell); None when it is not wanted."""
        found = next((kind for mark, kind in _STARTS if start.startswith(mark)), None)
        if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
            found = "image/webp"
        return found if any(found in _TYPES[kind] for kind in self.kinds) else None
