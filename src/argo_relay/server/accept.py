"""Takes connections from a socket on which other processes listen, too."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Final

_PAUSE_SECONDS: Final = 1.0
"""How long nothing is taken when there is no room for another open file."""
_TURN_SECONDS: Final = 0.01
"""How long others get to take a connection that is theirs: on a busy machine they have to wait for a core first."""
_NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Acceptor:
    """Takes one connection a turn of the loop, and lets others go first who have fewer.

    It ends as an asyncio server does, by `close`; the connections stay.
    """

    def __init__(
        self, listening: socket.socket, protocol: Callable[[], asyncio.Protocol], others: Callable[[], bool]
    ) -> None:
        """`protocol` makes what serves a connection; `others`: somebody has fewer. The socket must not block."""
        self._listening = listening
        self._protocol = protocol
        self._others = others
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._open = True
        self._making: set[asyncio.Task[object]] = set()
        self._listen()

    def close(self) -> None:
        """Take no more; those that wait are the other processes'."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._listening.fileno())
            if self._pause is not None:
                self._pause.cancel()

    def _listen(self) -> None:
        self._loop.add_reader(self._listening.fileno(), self._ready)

    def _ready(self) -> None:
        if self._others():
            # Time for them to take it; if they are busy, a longer wait would help nobody.
            self._rest(_TURN_SECONDS, self._late)
        else:
            self._accept()

    def _late(self) -> None:
        self._listen()
        self._accept()

    def _rest(self, seconds: float, then: Callable[[], object]) -> None:
        self._loop.remove_reader(self._listening.fileno())
        self._pause = self._loop.call_later(seconds, then)

    def _accept(self) -> None:
        try:
            made, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process was quicker, or the client has left
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            logging.getLogger("argo_relay").warning("no connection can be taken now: %s", error.strerror)
            self._rest(_PAUSE_SECONDS, self._listen)
            return
        made.setblocking(False)
        if made.family != socket.AF_UNIX:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        making = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, made))
        self._making.add(making)
        making.add_done_callback(self._making.discard)
