"""This process's log: where its lines go, and that they go elsewhere when a restart says so."""

from __future__ import annotations

import contextlib
import logging
import os
import sys

from argo_relay.config.schema import Log
from argo_relay.observe.lines import LineWriter
from argo_relay.observe.log import TroubleLog
from argo_relay.server.process import log_descriptor


class OpenLog:
    """The log while it is open; `lines` takes lines of exchanges, all else comes by Python's own logging."""

    lines: LineWriter

    def __init__(self, log: Log) -> None:
        """Open it; raise StartError when that cannot be."""
        self._opened = contextlib.ExitStack()
        self.turn_to(log)

    def turn_to(self, log: Log) -> None:
        """Write to what the configuration says, opened anew; raise StartError, and go on as before, when that fails."""
        opened = contextlib.ExitStack()
        stream = (
            opened.enter_context(os.fdopen(log_descriptor(log.file), "a", encoding="utf-8")) if log.file else sys.stderr
        )
        self.close()
        self.lines = LineWriter(stream)
        opened.callback(self.lines.close)
        trouble = TroubleLog(self.lines, log.format)
        logging.getLogger().addHandler(trouble)
        opened.callback(logging.getLogger().removeHandler, trouble)
        # Of libraries only what they warn of, which is Python's default.
        logging.getLogger("argo_relay").setLevel(logging.INFO)
        self._opened = opened

    def close(self) -> None:
        """Write what waits, though not for long, and take no more."""
        self._opened.close()
