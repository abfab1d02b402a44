"""What holds for all tests."""

from __future__ import annotations

import asyncio

# looptime asks for the event loop before synchronous tests as well. Without this asyncio would make one for it, which
# nobody closes and which a later test is blamed for; with it there is simply none.
asyncio.set_event_loop(None)
