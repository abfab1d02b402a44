"""Starts the model's process, waits until it answers, and ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from argo_relay.errors import StartError
from argo_relay.local.settings import Settings

_START_SECONDS: Final = 120.0
"""Loading takes under a second on an idle machine, and 6 s were seen on a busy one."""
_END_SECONDS: Final = 5.0
_COMMAND: Final = (sys.executable, "-P", "-m", "argo_relay.local.child")
"""-P: a file of the user's in the working directory must not be taken for a module."""
_ADVICE: Final = "It needs 0.6 GB of free memory; `argo-relay serve --simulate` needs none."
_ERROR_LINE: Final = re.compile(r"[\d.]+ E (.*)")
"""llama.cpp's way to log an error, after the time since its start."""


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[str]:
    """Run the model's process while the block runs; give its base URL. Raises StartError when it does not come up."""
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        msgspec.json.encode(settings).decode(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # Ctrl-C is for the relay, which drains: until then the model goes on.
        start_new_session=True,
    )
    told: deque[str] = deque(maxlen=50)
    draining = asyncio.create_task(_drain(process.stderr, told))
    watching = None
    try:
        base_url = await _address(process.stdout)
        if base_url is None:
            raise StartError(f"The model did not start: {await _why(process, draining, told)}. {_ADVICE}")
        watching = asyncio.create_task(_watch(process))
        yield base_url
    finally:
        if watching is not None:
            watching.cancel()
        await _end(process)
        await draining


async def _address(output: asyncio.StreamReader | None) -> str | None:
    """Return what the process says that it listens on; None when it ends, or says nothing for too long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while output is not None and (line := await output.readline()):
                if line.startswith(b"http"):
                    return line.decode().strip()
    return None


async def _why(process: asyncio.subprocess.Process, draining: asyncio.Task[None], told: deque[str]) -> str:
    """Return why the process never answered, as the end of a sentence."""
    try:
        async with asyncio.timeout(_END_SECONDS):
            code = await process.wait()
            await draining
    except TimeoutError:
        return f"it was not ready within {_START_SECONDS:g} s"
    errors = [found[1] for line in told if (found := _ERROR_LINE.match(line))]
    if errors:
        return errors[0]
    if code < 0:
        return f"its process was ended by signal {-code}, as it is when memory runs out"
    return told[-1] if told else f"its process ended with exit code {code}"


async def _drain(errors: asyncio.StreamReader | None, told: deque[str]) -> None:
    """Keep the last of what it writes: a full pipe would stop it."""
    while errors is not None and (line := await errors.readline()):
        told.append(line.decode(errors="replace").strip())


async def _watch(process: asyncio.subprocess.Process) -> None:
    code = await process.wait()
    logging.getLogger("argo_relay").warning(
        "the local model's process has ended (%s): start the relay anew", f"signal {-code}" if code < 0 else code
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    """Have it end, as it does at the end of its input; by force when it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
