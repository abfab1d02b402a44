"""`argo-relay serve` with several workers: how many, and what a restart of theirs goes by."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from argo_relay.cli.names import check_names
from argo_relay.config.key import value_at
from argo_relay.config.load import Loaded, load
from argo_relay.config.schema import Config
from argo_relay.errors import ConfigError, StartError
from argo_relay.policy.identity import needs_user
from argo_relay.upstreams.choose import address_of
from argo_relay.workers.cores import cores

if TYPE_CHECKING:
    from argo_relay.cli.log import OpenLog
    from argo_relay.server.run import Companion, Doors

_log = logging.getLogger("argo_relay")
_LASTING: Final = ("host", "port", "socket", "metrics.host", "metrics.port")
"""Keys of the sockets, which are made once."""


def count_of(config: Config) -> int:
    """Return how many processes are to serve; raise StartError where there can be but one."""
    windows = sys.platform == "win32"
    if config.workers == "auto":
        return 1 if windows else cores()
    if windows and config.workers > 1:
        raise StartError(f"`workers` is {config.workers}, and on Windows there can be one only: leave it out.")
    return config.workers


def read_again(
    config_file: Path | None,
    overrides: Mapping[str, object],
    flags: Mapping[str, str],
    check: Callable[[Config], object],
) -> Loaded:
    """Return the configuration as it is now, without a question to anybody; raise RelayError."""
    loaded = load(config=config_file, overrides=overrides, flags=flags)
    if not loaded.config.user and needs_user(loaded.config):
        raise ConfigError(["there is no Argo user name any more: set `user`"])
    check(loaded.config)
    for warning in (*loaded.warnings, *check_names(loaded.config)):
        _log.warning("%s", warning)
    return loaded


async def supervised(
    loaded: Loaded,
    again: Callable[[], Loaded],
    doors: Doors,
    announce: Callable[[Sequence[int]], None],
    companion: Companion | None,
    log: OpenLog,
) -> None:
    """Serve by several workers until told to stop; `log` is opened anew at each restart, as the workers open theirs."""
    from argo_relay.workers.supervisor import Job, Supervisor  # noqa: PLC0415 - asyncio and all rooms below

    written = loaded.config.log

    def job(now: Loaded) -> Job:
        return Job(loaded=now, count=count_of(now.config), base_url=address_of(now.config.upstream))

    def job_again() -> Job:
        nonlocal written
        # First the same file: whatever is wrong with the configuration is for the one that is there now.
        with contextlib.suppress(StartError):
            log.turn_to(written)
        now = again()
        if now.config.log != written:
            log.turn_to(now.config.log)
            written = now.config.log
        for name in _LASTING:
            path = tuple(name.split("."))
            if value_at(now.config, path) != value_at(loaded.config, path):
                _log.warning("`%s` stays as it was at the start: to change it, stop the relay and start it", name)
        return job(now)

    await Supervisor(doors, announce, job_again, companion).run(job(loaded))
