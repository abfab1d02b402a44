"""Install a system once, and run it as a process of its own until the block ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

import httpx
from asking import request
from peers import RETRIES, System, Wish

CACHE: Final = Path(__file__).resolve().parent.parent / ".bench"
_INSTALLING: Final = 900.0
"""Seconds for one system's packages."""
_STARTING: Final = 90.0
_POLLING: Final = 0.02
_UNLIMITED: Final = 600


class AbsentError(Exception):
    """It cannot be installed or does not start here; says why."""


@dataclass(frozen=True)
class Running:
    """A system that serves."""

    url: str
    session: int
    """Of all its processes."""
    took: float
    """Seconds from its start until it had served a whole reply and a stream."""


def install(system: System) -> Path:
    """Return where a system's commands are, its packages installed; AbsentError when that fails."""
    if system.by == "here":
        return Path(sys.executable).parent
    if system.by == "path":
        found = shutil.which(system.command.split()[0])
        if found is None:
            raise AbsentError("not on PATH; the distribution has it")
        return Path(found).parent
    if system.by == "debian" and (found := shutil.which(system.name)):
        return Path(found).parent
    place = CACHE / f"{system.name}-{system.version}".rstrip("-")
    commands = place / {"pip": "bin", "npm": "node_modules", "debian": "commands"}[system.by]
    if (place / "installed").exists():
        return commands
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    log = CACHE / f"{system.name}.install.log"
    with log.open("w") as file:
        for command in _installing(system, place):
            try:
                subprocess.run(command, cwd=place, stdout=file, stderr=file, check=True, timeout=_INSTALLING)
            except (OSError, subprocess.SubprocessError) as problem:
                raise AbsentError(f"{type(problem).__name__} of {Path(command[0]).name}; see {_shown(log)}") from None
    (place / "installed").touch()
    return commands


def _shown(log: Path) -> Path:
    return log.relative_to(CACHE.parent)


def _installing(system: System, place: Path) -> list[list[str]]:
    if system.by == "pip":
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        alone = [[*pip, "--no-deps", *system.alone]] if system.alone else []
        return [[sys.executable, "-m", "venv", str(place)], [*pip, *system.packages], *alone]
    if system.by == "debian":
        # Unpacked here, not installed: that takes no root, and starts nothing.
        unpack = "for file in *.deb; do dpkg-deb --extract $file .; done; ln -s usr/lib/*-linux-gnu lib"
        link = f"mkdir commands; cd commands; ln -s ../usr/*bin/{system.name} ."
        return [["apt-get", "--quiet", "download", *system.packages], ["sh", "-ec", f"{unpack}; {link}"]]
    (place / "package.json").write_text(json.dumps({"private": True, "overrides": dict(system.overrides)}))
    return [["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *system.packages]]


@asynccontextmanager
async def running(
    system: System, commands: Path, upstream: str, limit: float | None = None, extra: str = ""
) -> AsyncIterator[Running]:
    """Run a system with a limit in its configuration; yield it once it has answered; AbsentError otherwise."""
    home = CACHE / "run" / f"{system.name}-{limit or 'free'}{'-extra' if extra else ''}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    values = _values(commands, home, upstream, limit) | {"extra": extra, "workers": str(system.workers)}
    for name, text in system.files.items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(text).substitute(values))
        file.chmod(0o600)
    command = shlex.split(Template(system.command).substitute(values))
    variables = {name: Template(text).substitute(values) for name, text in system.env.items()}
    log = home / "log"
    began = time.perf_counter()
    with log.open("w") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONUNBUFFERED": "1", **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = await _answering(system, process, log, values)
        yield Running(url, process.pid, time.perf_counter() - began)
    finally:
        await _end(process)


def _values(commands: Path, home: Path, upstream: str, limit: float | None) -> dict[str, str]:
    seconds = limit or _UNLIMITED
    return {
        "bin": str(commands),
        "modules": str(commands),
        "home": str(home),
        "port": str(_free_port()),
        "other_port": str(_free_port()),
        "upstream": upstream,
        "upstream_address": upstream.removeprefix("http://"),
        "limit": f"{seconds:g}",
        "limit_ms": f"{seconds * 1000:.0f}",
        "retries": str(RETRIES),
        "attempts": str(RETRIES + 1),
    }


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def _answering(system: System, process: asyncio.subprocess.Process, log: Path, values: Mapping[str, str]) -> str:
    """Return the address once a whole reply and a stream have come: first requests load what is loaded late."""
    try:
        async with asyncio.timeout(_STARTING), httpx.AsyncClient(timeout=10) as client:
            while process.returncode is None:
                url = _address(system, log, values)
                if url is not None and await _served(client, system, url, values["upstream"]):
                    return url
                await asyncio.sleep(_POLLING)
    except TimeoutError:
        raise AbsentError(f"did not serve within {_STARTING:g} s; see {_shown(log)}") from None
    raise AbsentError(f"ended with {process.returncode}; see {_shown(log)}")


def _address(system: System, log: Path, values: Mapping[str, str]) -> str | None:
    if system.announces is None:
        return f"http://127.0.0.1:{values['port']}"
    found = re.search(system.announces, log.read_text(errors="replace"))
    return found[1].replace("0.0.0.0", "127.0.0.1") if found else None  # an address to read, not to bind


async def _served(client: httpx.AsyncClient, system: System, url: str, upstream: str) -> bool:
    for dialect in system.dialects:
        for stream in (False, True):
            asked = request(system, dialect, "hello", stream, Wish(upstream))
            try:
                reply = await client.post(url + asked.path, headers=asked.headers, json=asked.body)
            except httpx.HTTPError:
                return False
            if reply.status_code != 200:
                return False
    return True


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process and what it has started: they are a group of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, TimeoutError):
            os.killpg(process.pid, number)
            await asyncio.wait_for(process.wait(), 5)
