"""Servers that a proof starts, waits for and ends."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

_PATIENCE_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.05


@contextlib.contextmanager
def relay(place: Path, *options: str) -> Iterator[str]:
    """Run `argo-relay serve` with these options while the block runs; yield its base URL."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("argo-relay")), "serve", "--port", str(port), *options]
    with process(command, f"http://127.0.0.1:{port}/health", place):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def process(command: list[str], url: str, place: Path) -> Iterator[None]:
    """Run a server while the block runs; it is up when something answers at `url`."""
    home = {"PATH": os.environ["PATH"], "HOME": str(place)}
    with (place / "servers.log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=place, env=home)
    try:
        wait(server, url, place)
        yield
    finally:
        server.terminate()
        server.wait(_PATIENCE_SECONDS)


def wait(server: subprocess.Popen[bytes], url: str, place: Path) -> None:
    """Return once something answers at `url`; SystemExit where nothing does."""
    for _ in range(int(_PATIENCE_SECONDS / _PAUSE_SECONDS)):
        if server.returncode is not None:
            break
        with contextlib.suppress(URLError, ConnectionError), urlopen(url, timeout=_PATIENCE_SECONDS):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(_PAUSE_SECONDS)
    raise SystemExit(f"a server did not start:\n{_log(place)[-2000:]}")


def _log(place: Path) -> str:
    return "\n".join(log.read_text(errors="replace") for log in sorted(place.glob("*.log")))


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
