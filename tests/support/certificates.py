"""Certificates that an authority of our own signs: right, for another name, expired, and none that anybody signed."""

from __future__ import annotations

import ssl
import tempfile
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
