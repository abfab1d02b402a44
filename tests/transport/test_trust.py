from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from argo_relay.errors import ConfigError
from argo_relay.transport.trust import trust
from support.certificates import Authority


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "right.example") -> None:
    """Shake hands over a pair of sockets."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    other = threading.Thread(target=serve)
    other.start()
    try:
        client.wrap_socket(ours, server_hostname=name).close()
    finally:
        ours.close()
        other.join()


def test_an_authority_of_ones_own_is_trusted_and_nobody_else(tmp_path: Path) -> None:
    authority = Authority()
    trusting = trust(authority.bundle(tmp_path))
    shake(authority.server("right.example"), trusting)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(Authority().server("right.example"), trusting)
    assert len(trusting.get_ca_certs()) == 1


def test_without_a_file_the_system_decides() -> None:
    assert trust(None).verify_mode is ssl.CERT_REQUIRED
    assert trust(None).check_hostname


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nzzz\n-----END CERTIFICATE-----\n"])
def test_a_file_without_certificates(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"upstream\.ca_bundle: .*empty\.pem holds no certificates in PEM form"):
        trust(str(path))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.pem cannot be read: No such file"):
        trust(str(tmp_path / "absent.pem"))
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        trust(str(tmp_path))
