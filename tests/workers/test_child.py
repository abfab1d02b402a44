"""A worker's process, as whoever starts it sees it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from argo_relay.server.listen import listen
from argo_relay.workers.messages import Begin, Failed, Lead, Ready, ToSupervisor
from support.process import PATIENCE
from support.working import first_word


class Child:
    """The process, and the supervisor's end of its link as bare bytes."""

    def __init__(self, *fds: int) -> None:
        self.end, theirs = socket.socketpair()
        self.end.settimeout(PATIENCE)
        with theirs:
            self.process = subprocess.Popen(
                (sys.executable, "-P", "-m", "argo_relay.workers.child", str(theirs.fileno())),
                pass_fds=(theirs.fileno(), *fds),
                stderr=subprocess.PIPE,
                text=True,
            )

    def say(self, *messages: msgspec.Struct) -> None:
        said = [msgspec.msgpack.encode(message) for message in messages]
        self.end.sendall(b"".join(len(one).to_bytes(4) + one for one in said))

    def hear(self) -> object:
        length = int.from_bytes(self.end.recv(4, socket.MSG_WAITALL))
        return msgspec.msgpack.decode(self.end.recv(length, socket.MSG_WAITALL), type=ToSupervisor)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as made:
        yield made


def ended(child: Child) -> tuple[int, str]:
    """Return its exit code, and what it wrote."""
    _, errors = child.process.communicate(timeout=PATIENCE)
    child.end.close()
    return child.process.returncode, errors


def begun(listening: socket.socket, **overrides: object) -> tuple[Child, Begin]:
    begin = first_word(listening.fileno(), 2, **overrides)
    return Child(listening.fileno(), begin.board), begin


def test_without_a_word_from_a_supervisor_it_ends() -> None:
    child = Child()
    child.end.close()
    assert ended(child) == (1, "")


def test_when_the_supervisor_is_gone_it_ends(listening: socket.socket) -> None:
    child, begin = begun(listening)
    child.say(begin)
    assert child.hear() == Ready()
    child.end.close()
    assert ended(child) == (0, "")


def test_more_may_come_with_the_first_word(listening: socket.socket) -> None:
    child, begin = begun(listening, **{"log.format": "json"})
    child.say(begin, Lead())
    child.end.shutdown(socket.SHUT_WR)
    code, errors = ended(child)
    assert code == 0
    assert all(json.loads(line)["worker"] == 2 for line in errors.splitlines())


def test_it_tells_why_it_cannot_start(listening: socket.socket, tmp_path: Path) -> None:
    child, begin = begun(listening, **{"log.file": str(tmp_path / "none" / "relay.log")})
    child.say(begin)
    failed = child.hear()
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("Cannot write the log to ")
    assert ended(child) == (1, "")
    assert not psutil.pid_exists(child.process.pid)
