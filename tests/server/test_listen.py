"""Sockets to listen on, real ones."""

from __future__ import annotations

import errno
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from argo_relay.errors import StartError
from argo_relay.server.listen import is_loopback, listen, listen_unix


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path: the system allows a socket about a hundred characters."""
    with tempfile.TemporaryDirectory(prefix="argo-relay-") as directory:
        yield Path(directory, "relay.sock")


def test_any_free_port() -> None:
    with listen("127.0.0.1", 0) as one, listen("127.0.0.1", 0) as other:
        assert one.getsockname() != other.getsockname()
        with socket.create_connection(one.getsockname()):
            pass


def test_a_port_just_used_is_free_again() -> None:
    with listen("127.0.0.1", 0) as listening:
        address = listening.getsockname()
        with socket.create_connection(address):
            accepted, _ = listening.accept()
            accepted.close()
    listen(*address).close()


def test_a_port_that_an_outgoing_connection_has_is_said_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as outgoing:
        outgoing.bind(("127.0.0.1", 0))
        outgoing.connect(server.getsockname())
        with pytest.raises(StartError, match=r"held by a connection .* Try again in a minute"):
            listen("127.0.0.1", outgoing.getsockname()[1])


def test_a_taken_port_is_said_with_what_to_do() -> None:
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(StartError) as told:
            listen("127.0.0.1", port)
    assert f"Port {port} on 127.0.0.1 is taken" in str(told.value)
    assert "--port" in str(told.value)


def test_a_taken_port_of_a_group_is_said_with_its_key() -> None:
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(StartError) as told:
            listen("127.0.0.1", port, "metrics")
    assert f"Port {port} on 127.0.0.1 is taken" in str(told.value)
    assert "choose another port as `metrics.port`" in str(told.value)
    assert "--port" not in str(told.value)
    with pytest.raises(StartError, match=r"`metrics\.host` 'a\.\.b' is no address"):
        listen("a..b", 0, "metrics")


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "above 1023 with --port"), (errno.EADDRNOTAVAIL, "Cannot assign requested address")],
)
def test_what_else_the_system_says(number: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unwilling(socket.socket):
        def bind(self, _: object) -> None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr("argo_relay.server.listen.socket.socket", Unwilling)
    with pytest.raises(StartError, match=words):
        listen("127.0.0.1", 80)


@pytest.mark.parametrize("host", ["a..b", "x" * 70])
def test_a_name_that_nobody_can_be_asked_for(host: str) -> None:
    with pytest.raises(StartError, match="is no address of this machine"):
        listen(host, 0)


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_knows(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("argo_relay.server.listen.socket.getaddrinfo", nobody_knows)
    with pytest.raises(StartError, match="is no address of this machine"):
        listen("relay.example.org", 0)


def test_a_unix_socket_is_its_owners_alone_and_can_be_used(place: Path) -> None:
    with listen_unix(str(place)), socket.socket(socket.AF_UNIX) as client:
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        client.connect(str(place))
    assert list(place.parent.iterdir()) == [place], "nothing else is left in its directory"


def test_it_is_its_owners_alone_before_it_has_its_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        seen.append((stat.S_IMODE(self.stat().st_mode), place.exists()))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    listen_unix(str(place)).close()
    assert seen == [(0o600, False)]


def test_a_stale_one_is_replaced(place: Path) -> None:
    listen_unix(str(place)).close()
    assert place.exists()
    with listen_unix(str(place)), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(place))


def test_a_live_one_is_refused_and_goes_on(place: Path) -> None:
    with listen_unix(str(place)) as living:
        with pytest.raises(StartError, match="Another process is serving"):
            listen_unix(str(place))
        living.settimeout(5)
        living.accept()[0].close()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(place))


def test_what_is_no_socket_is_left_alone(place: Path) -> None:
    place.write_text("mine")
    with pytest.raises(StartError, match="not a socket"):
        listen_unix(str(place))
    assert place.read_text() == "mine"


def test_half_made_ones_are_replaced(place: Path) -> None:
    place.with_name(f".{place.name}.new").write_text("")
    listen_unix(str(place)).close()
    assert list(place.parent.iterdir()) == [place]


def test_places_where_none_can_be(place: Path) -> None:
    with pytest.raises(StartError, match="No such file or directory"):
        listen_unix(str(place.parent / "none" / "relay.sock"))
    with pytest.raises(StartError, match="too long"):
        listen_unix(str(place.parent / ("x" * 120)))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "10.0.0.1", "localhost.example.org", ""])
def test_others_too(host: str) -> None:
    assert not is_loopback(host)
