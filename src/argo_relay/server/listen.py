"""The socket that clients connect to, made before anything else, so that a taken port is said at once."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import stat
from pathlib import Path
from typing import Final

from argo_relay.errors import StartError

_BACKLOG: Final = 2048


def listen(host: str, port: int, group: str | None = None) -> socket.socket:
    """Return a listening TCP socket; raise StartError when there cannot be one.

    `group` is where the configuration has `host` and `port`, when that is not at its top.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):  # UnicodeError: a name that no resolver can be asked for
        key = f"{group}.host" if group else "host"
        raise StartError(f"`{key}` {host!r} is no address of this machine.") from None
    made = socket.socket(family, kind, proto)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise StartError(_tcp_trouble(host, port, error, f"as `{group}.port`" if group else "with --port")) from None
    return made


def listen_unix(path: str) -> socket.socket:
    """Return a listening Unix socket that only its owner may use; a stale one is replaced, a live one is refused."""
    place = Path(path)
    if place.exists():
        if not stat.S_ISSOCK(place.stat().st_mode):
            raise StartError(f"{path} exists and is not a socket; name another `socket`.")
        if _alive(path):
            raise StartError(f"Another process is serving on {path}; stop it, or name another `socket`.")
        place.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Mode first, place second: nobody else may connect in between.
    waiting = place.with_name(f".{place.name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            waiting.unlink()
        made.bind(str(waiting))
        waiting.chmod(0o600)
        made.listen(_BACKLOG)
        waiting.rename(place)
    except OSError as error:
        made.close()
        raise StartError(f"Cannot listen on {path}: {error.strerror or error}.") from None
    return made


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _alive(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _tcp_trouble(host: str, port: int, error: OSError, how: str) -> str:
    if error.errno == errno.EADDRINUSE and not _answers(host, port):
        # The system gives ports of this range to outgoing connections, and keeps them for a minute after their end.
        return (
            f"Port {port} on {host} is held by a connection of some other program, or one that has just ended. "
            f"Try again in a minute, or choose another port {how} (0 takes any free one)."
        )
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken. Another relay may be running: stop it, or choose another port {how} "
            "(0 takes any free one)."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} needs privileges; choose one above 1023 {how}."
    return f"Cannot listen on {host}, port {port}: {error.strerror}."
