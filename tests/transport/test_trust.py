from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from argo_relay.errors import ConfigError
from argo_relay.transport.trust import ClientCertificate, Sessions, resuming, sessions_of, trust
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


def told(of: ClientCertificate) -> str:
    with pytest.raises(ConfigError) as refused:
        trust(None, of, "upstreams.a")
    (problem,) = refused.value.problems
    return problem


def test_a_certificate_of_ones_own(tmp_path: Path) -> None:
    file, key = Authority().client(tmp_path)
    trust(None, ClientCertificate(file=file, key_file=key))
    both = tmp_path / "both.pem"
    both.write_bytes(Path(file).read_bytes() + Path(key).read_bytes())
    trust(None, ClientCertificate(file=str(both)))


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    file, key = Authority().client(tmp_path)
    other, others_key = Authority().client(tmp_path, "other")
    assert told(ClientCertificate(file=file, key_file=others_key)) == (
        f"upstreams.a.client_key: the private key in {others_key} does not belong to the certificate in {file}"
    )
    assert told(ClientCertificate(file=file)) == (
        f"upstreams.a.client_cert: {file} holds no private key in PEM form; name the file that does in "
        "upstreams.a.client_key"
    )
    assert told(ClientCertificate(file=file, key_file=other)) == (
        f"upstreams.a.client_key: {other} holds no private key in PEM form"
    )
    assert told(ClientCertificate(file=key, key_file=key)) == (
        f"upstreams.a.client_cert: {key} holds no certificate in PEM form"
    )
    absent = str(tmp_path / "absent")
    assert told(ClientCertificate(file=absent)).startswith(f"upstreams.a.client_cert: {absent} cannot be read: No such")
    assert told(ClientCertificate(file=file, key_file=absent)).startswith(f"upstreams.a.client_key: {absent} cannot be")


def test_a_certificate_that_is_none_is_told_without_what_it_says(tmp_path: Path) -> None:
    file, _ = Authority().client(tmp_path)
    broken = tmp_path / "broken.key"
    broken.write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    problem = told(ClientCertificate(file=file, key_file=str(broken)))
    assert problem == (
        f"upstreams.a.client_key: {file} and {broken} cannot be read as a certificate and its private key"
    )


def test_a_key_with_a_passphrase_does_not_ask_for_it(tmp_path: Path) -> None:
    file, key = Authority().client(tmp_path)
    loaded = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"s3cret"),
        )
    )
    problem = told(ClientCertificate(file=file, key_file=str(locked)))
    assert problem == (
        f"upstreams.a.client_key: the private key in {locked} has a passphrase; write it without one, mode 0600"
    )


def test_sessions_are_resumed_by_name(tmp_path: Path) -> None:
    """A session of one server is not shown to another."""
    authority = Authority()
    client = resuming(trust(authority.bundle(tmp_path)))
    servers = {name: authority.server(name) for name in ("a.example", "b.example")}
    names = ["a.example", "b.example", "a.example", "b.example"]
    reused = [shake_in_memory(servers[name], client, name).session_reused for name in names]
    assert reused == [False, False, True, True]


def test_a_handshake_that_failed_leaves_what_was_known(tmp_path: Path) -> None:
    authority = Authority()
    client = resuming(trust(authority.bundle(tmp_path)))
    server = authority.server("a.example")
    shake_in_memory(server, client, "a.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_in_memory(Authority().server("a.example"), client, "a.example")
    assert shake_in_memory(server, client, "a.example").session_reused


def test_a_server_that_is_given_up_is_shown_no_session_any_more(tmp_path: Path) -> None:
    authority = Authority()
    client, server = resuming(trust(authority.bundle(tmp_path))), authority.server("a.example")
    sessions = sessions_of(client)
    assert sessions is not None
    assert not sessions.give_up("a.example"), "there is none that it could have been shown"
    shake_in_memory(server, client, "a.example")
    assert not sessions.give_up("b.example")
    assert sessions.shows("a.example")
    assert [sessions.give_up("a.example") for _ in range(2)] == [True, True]
    assert not sessions.shows("a.example")
    assert [shake_in_memory(server, client, "a.example").session_reused for _ in range(3)] == [False] * 3
    other = authority.server("b.example")
    assert [shake_in_memory(other, client, "b.example").session_reused for _ in range(2)] == [False, True]


def test_a_context_of_its_own_keeps_no_sessions(tmp_path: Path) -> None:
    assert sessions_of(trust(Authority().bundle(tmp_path))) is None


def test_a_session_that_cannot_be_copied_is_none(tmp_path: Path) -> None:
    """As of a handshake that the server has broken off halfway."""

    class Halfway:
        @property
        def session(self) -> ssl.SSLSession:
            raise ValueError("i2d() failed")

    authority = Authority()
    client = resuming(trust(authority.bundle(tmp_path)))
    sessions = client.wrap_bio
    assert isinstance(sessions, Sessions)
    sessions._latest["a.example"] = Halfway()  # type: ignore[assignment]
    assert not shake_in_memory(authority.server("a.example"), client, "a.example").session_reused


def shake_in_memory(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Shake hands as the event loops do; return the client's end, which has heard all that the server said."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours, theirs = client.wrap_bio(down, up, server_hostname=name), server.wrap_bio(up, down, server_side=True)
    ends = [ours, theirs]
    while ends:
        end = ends.pop(0)
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            ends.append(end)
    theirs.write(b"x")
    assert ours.read(1) == b"x"
    return ours
