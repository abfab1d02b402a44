"""Certificates that an authority of our own signs: right, for another name, expired, and none that anybody signed."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


class Authority:
    """A certificate authority that no system trusts."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def server(self, *names: str, days: float = 90) -> ssl.SSLContext:
        """Return what a server with a certificate for these names uses; negative `days`: it has expired."""
        now = datetime.now(UTC)
        certificate = self._ca.issue_cert(
            *names, not_before=now - timedelta(days=365), not_after=now + timedelta(days=days)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context

    def asking(self, *names: str, of: Authority) -> ssl.SSLContext:
        """Return what a server uses that asks its clients for a certificate which another authority has signed."""
        context = self.server(*names)
        context.verify_mode = ssl.CERT_REQUIRED
        of._ca.configure_trust(context)
        return context

    def client(self, directory: Path, name: str = "client") -> tuple[str, str]:
        """Write what a client shows of itself; return the paths of its certificate and of its key."""
        issued = self._ca.issue_cert(f"{name}@example.org")
        certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(str(certificate))
        issued.private_key_pem.write_to_path(str(key))
        return str(certificate), str(key)

    def bundle(self, directory: Path) -> str:
        """Write the file that makes a client trust it; return its path."""
        path = directory / "authority.pem"
        self._ca.cert_pem.write_to_path(str(path))
        return str(path)


def self_signed() -> ssl.SSLContext:
    """Return what a server uses that has signed its certificate itself."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as place:
        key, certificate = Path(place, "key.pem"), Path(place, "certificate.pem")
        ca.private_key_pem.write_to_path(str(key))
        ca.cert_pem.write_to_path(str(certificate))
        context.load_cert_chain(certificate, key)
    return context


@contextmanager
def refusing(tls: ssl.SSLContext) -> Iterator[int]:
    """Serve handshakes, which are to fail, on loopback; give the port.

    In threads: asyncio's own servers keep to themselves what is wrong with a handshake.
    """
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listening.accept()
                threading.Thread(target=_refuse, args=(sock, tls), daemon=True).start()

    accepting = threading.Thread(target=serve, daemon=True)
    accepting.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join()


def _refuse(sock: socket.socket, tls: ssl.SSLContext) -> None:
    secured = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    with secured, contextlib.suppress(OSError):
        try:
            secured.do_handshake()
        except ssl.SSLError:
            # What the client still sends is taken: to close before that would be a reset, which may overtake the alert.
            raw = secured.detach()
            with socket.socket(fileno=raw) as plain:
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(65536):
                    pass
