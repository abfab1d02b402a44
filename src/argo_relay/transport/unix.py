"""To a Unix socket: a server on this machine, or an SSH forward's near end."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from argo_relay.errors import ConnectFailed
from argo_relay.transport.causes import Cause, cause_of

_AGAIN_SECONDS: Final = 0.01
FAMILY: Final[int | None] = getattr(socket, "AF_UNIX", None)
"""None where there are no such sockets: on Windows."""


async def dial_unix(path: str) -> socket.socket:
    """Return a socket that is connected to a path; raise ConnectFailed. Cancelling it leaves nothing open."""
    if FAMILY is None:
        raise ConnectFailed(Cause.NO_SOCKETS)
    sock = socket.socket(FAMILY, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        while True:
            try:
                sock.connect(path)
            except BlockingIOError:
                # Its queue is full. Unlike TCP the kernel keeps no place in it and does not say when there is one
                # (connect(2), EAGAIN); the loop's own `sock_connect` would take this for a connection.
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return sock
    except OSError as error:
        sock.close()
        raise ConnectFailed(cause_of(error)) from None
    except BaseException:
        sock.close()
        raise
