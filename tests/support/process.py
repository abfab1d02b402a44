"""The real command as a process of its own: up when its banner says where, drained all along, ended by its pid."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlsplit
from urllib.request import urlopen

PATIENCE = 20.0
"""For what must come but has no promised time; reached only when it does not come."""

COMMAND = (str(Path(sys.executable).with_name("argo-relay")),)
"""What a user types."""


class CommandProcess:
    """One command. As a context it is ready inside, and gone after; its home and working directory go with it.

    It sees no ARGO_RELAY_* variable and no configuration file but those it is given. `ready` finds the line of standard
    error that says it is up; its first group becomes `place`.
    """

    def __init__(
        self,
        *args: str,
        ready: str,
        env: Mapping[str, str] | None = None,
        config: str | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.args = (*command, *args)
        self.place = ""
        self.stdout_lines: list[str] = []
        self.stderr_lines: list[str] = []
        self._ready = re.compile(ready)
        self._env = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"} | dict(env or {})
        self._config = config
        self._changed = threading.Condition()
        self._home = tempfile.TemporaryDirectory(prefix="argo-relay-test-")
        self._process: subprocess.Popen[str] | None = None
        self._drains: list[threading.Thread] = []

    @property
    def home(self) -> Path:
        """Its home directory, which is its working directory, too."""
        return Path(self._home.name)

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None, "it has not been started"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def output(self) -> str:
        """Everything it has written so far."""
        with self._changed:
            return "\n".join([*self.stdout_lines, *self.stderr_lines])

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        """Start it, and wait until it is ready; AssertionError with its output when it never is."""
        if self._config is not None:
            file = self.home / "argo-relay.yaml"
            file.write_text(self._config)
            file.chmod(0o600)
        self._process = subprocess.Popen(
            self.args,
            cwd=self.home,
            env={"HOME": self._home.name, **self._env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
        )
        for pipe, lines in ((self._process.stdout, self.stdout_lines), (self._process.stderr, self.stderr_lines)):
            assert pipe is not None
            drain = threading.Thread(target=self._drain, args=(pipe, lines), daemon=True)
            drain.start()
            self._drains.append(drain)
        line = self.wait_for(lambda text: self._ready.search(text) is not None)
        found = self._ready.search(line)
        assert found is not None
        self.place = found[1]

    def wait_for(self, wanted: Callable[[str], bool], since: int = 0) -> str:
        """Return the first line of standard error from number `since` on that is wanted, waiting for it to come."""
        with self._changed:
            seen = since

            def came() -> bool:
                nonlocal seen
                while seen < len(self.stderr_lines) and not wanted(self.stderr_lines[seen]):
                    seen += 1
                return seen < len(self.stderr_lines) or not any(drain.is_alive() for drain in self._drains)

            self._changed.wait_for(came, PATIENCE)
            said = [f"{' '.join(self.args)} did not say it:", *self.stdout_lines, *self.stderr_lines]
            assert seen < len(self.stderr_lines), "\n".join(said)
            return self.stderr_lines[seen]

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Return its exit code once it has ended and all it wrote has been read."""
        code = self.process.wait(seconds)
        for drain in self._drains:
            drain.join(PATIENCE)
        return code

    def terminate(self, seconds: float = PATIENCE) -> int:
        """Send SIGTERM and return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def end(self) -> None:
        """Make sure that it is gone; by force when it does not go by itself."""
        if self._process is not None:
            if self.running:
                self.signal(signal.SIGTERM)
                try:
                    self.process.wait(5)
                except subprocess.TimeoutExpired:
                    self.process.kill()
            self.wait()
            for pipe in (self._process.stdout, self._process.stderr):
                assert pipe is not None
                pipe.close()
        self._home.cleanup()

    def _drain(self, pipe: IO[str], lines: list[str]) -> None:
        for line in pipe:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


class RelayProcess(CommandProcess):
    """`argo-relay serve`; on a free port unless the arguments name a port or a socket.

    RelayProcess("--simulate") is a whole relay with an upstream. Options go in `args`, what has no option in `config`
    (the text of an argo-relay.yaml) or in `env` (ARGO_RELAY_*).
    """

    def __init__(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        config: str | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        port = () if {"--port", "--socket"} & set(args) else ("--port", "0")
        ready = r"^  listening +(\S+)"
        super().__init__("serve", *args, *port, ready=ready, env=env, config=config, command=command)

    def start(self) -> None:
        super().start()
        # The banner goes out line by line; nothing of it must be taken for a line of the log.
        self.wait_for(lambda line: line.startswith("  settings"))

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:PORT`."""
        assert self.place.startswith("http://"), f"it listens on {self.place}"
        return self.place

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    @property
    def log_lines(self) -> list[str]:
        """What standard error has got since the banner."""
        with self._changed:
            banner = next(at for at, line in enumerate(self.stderr_lines) if line.startswith("  settings"))
            return self.stderr_lines[banner + 1 :]

    def exchanges(self) -> list[dict[str, Any]]:
        """Return what the simulator saw; for `--simulate` only."""
        with urlopen(f"{self.url}/simulator/exchanges", timeout=PATIENCE) as reply:
            seen: list[dict[str, Any]] = json.loads(reply.read())
        return seen


class SimulatorProcess(CommandProcess):
    """`argo-relay simulate`, on a free port; `args` are its options, as `--as-of 2026-05`."""

    def __init__(self, *args: str, env: Mapping[str, str] | None = None) -> None:
        super().__init__("simulate", *args, "--port", "0", ready=r"listens on (\S+)", env=env)

    @property
    def url(self) -> str:
        return self.place


def run_command(
    *args: str, env: Mapping[str, str] | None = None, home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without a terminal, and return what it wrote; AssertionError when it does not end."""
    with tempfile.TemporaryDirectory(prefix="argo-relay-test-") as empty:
        place = str(home or empty)
        try:
            return subprocess.run(
                (*COMMAND, *args),
                cwd=place,
                env={"PATH": os.environ["PATH"], "HOME": place, **(env or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"{args} did not end: {late.stdout!r} {late.stderr!r}") from None
