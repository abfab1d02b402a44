"""What a reply says of itself.

The token convention, stated here once: `input` includes the tokens read from a cache, `output` includes reasoning;
a later report replaces an earlier one, and None means that the upstream did not say.
"""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one reply, in the convention of this module."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    reasoning: int | None = None
