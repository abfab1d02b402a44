"""A worker's process: `python -m argo_relay.workers.child FD`, FD being its end of the link to the supervisor.

It ends when it is told to (SIGTERM, as a relay of one process does), when it is retired, when the supervisor is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Iterator

from argo_relay.config.load import Loaded
from argo_relay.errors import RelayError
from argo_relay.observe.lines import LineWriter
from argo_relay.observe.log import Sink, TroubleLog, every, log_sink
from argo_relay.server.process import log_descriptor, loop_factory, settle_memory
from argo_relay.server.run import Doors, serve_one_of_several
from argo_relay.workers.fellow import Fellow
from argo_relay.workers.link import Link
from argo_relay.workers.messages import Begin, Failed, ToWorker
from argo_relay.workers.output import NumberedLines, WholeLines

_STANDARD_ERROR = 2


def main() -> None:
    """Serve until told to stop."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        sys.exit(runner.run(_work(socket.socket(fileno=int(sys.argv[1])))))


async def _work(end: socket.socket) -> int:
    """Return the process's exit code."""
    # More may come with the first word.
    told: asyncio.Queue[Begin | ToWorker | None] = asyncio.Queue()
    link: Link[Begin | ToWorker] = Link(Begin | ToWorker, told.put_nowait, lambda: told.put_nowait(None))
    await link.open(end)
    begin = await told.get()
    if not isinstance(begin, Begin):
        return 1  # the supervisor has gone
    fellow = Fellow(begin)
    fellow.connect(link.send)
    link.on_message, link.on_end = fellow.hears, fellow.ends
    while not told.empty():
        message = told.get_nowait()
        if message is None:
            fellow.ends()
        else:
            fellow.hears(message)
    try:
        with _sink(begin, fellow) as sink:
            await _serve(begin, sink, fellow)
    except RelayError as error:
        link.send(Failed(str(error)))
        return 1
    finally:
        link.close()
        await link.ended()
    return 0


async def _serve(begin: Begin, sink: Sink, fellow: Fellow) -> None:
    listening = socket.socket(fileno=begin.clients)
    listening.setblocking(False)
    loaded = Loaded(config=begin.config, origins=begin.origins, path=None, searched=(), warnings=())
    settle_memory()
    await serve_one_of_several(loaded, begin.base_url, Doors(clients=listening), sink, fellow)


@contextlib.contextmanager
def _sink(begin: Begin, fellow: Fellow) -> Iterator[Sink]:
    """Open the log, and give where records go."""
    log = begin.config.log
    lines = LineWriter(WholeLines(log_descriptor(log.file) if log.file else _STANDARD_ERROR))
    numbered = NumberedLines(lines, log.format, begin.number)
    logging.getLogger().addHandler(TroubleLog(numbered, log.format))
    logged: Sink = log_sink(numbered, log.format) if log.requests else lambda _: None
    try:
        yield every(logged, fellow.note) if begin.counts else logged
    finally:
        lines.close()


if __name__ == "__main__":
    main()
