"""A request up to its body, as the parser gives it and as an exchange reads it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote

import httptools

Fields = list[tuple[bytes, bytes]]
"""Headers as they came: names in any case, repeated ones as often."""

_GOOGLE_KEY: Final = "x-goog-api-key"
_KNOWN_TARGET: Final = 256
"""Up to this length a target is remembered. None with a query is: keys stand there."""


class Target(NamedTuple):
    """What a request line asks for."""

    path: str
    """Decoded: `%41` is `A`."""
    raw_path: bytes
    query: bytes


class RequestHead(NamedTuple):
    """A request up to its body."""

    method: str
    target: Target
    fields: Fields
    version: str
    """Of HTTP: `1.1` or `1.0`."""
    lasting: bool
    """Whether the connection may serve another request after this one."""


def target_of(url: bytes) -> Target:
    """Return what stands in a request line; raise HttpParserError or UnicodeError for what is none."""
    return _known_target(url) if len(url) < _KNOWN_TARGET and b"?" not in url else _target(url)


def headers_of(fields: Sequence[tuple[bytes, bytes]], query: bytes) -> dict[str, str]:
    """Return a request's headers; see `Client.request_headers`.

    Google's API takes its key in the query, too (`?key=`): that counts as its header, which goes first.
    """
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in fields}
    if b"key=" in query and _GOOGLE_KEY not in headers and (keys := parse_qs(query.decode("latin-1")).get("key")):
        headers[_GOOGLE_KEY] = keys[-1]
    return headers


def _target(url: bytes) -> Target:
    parsed = httptools.parse_url(url)
    raw = parsed.path or b"/"
    path = raw.decode("ascii")
    return Target(unquote(path) if "%" in path else path, raw, parsed.query or b"")


# 0.05 us a request, against 0.95 us to read the same few paths again and again.
_known_target = lru_cache(256)(_target)
