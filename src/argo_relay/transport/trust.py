"""Which certificates are believed, and which one is shown."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from argo_relay.errors import ConfigError

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_KEY: Final = b"PRIVATE KEY-----"
"""The end of a label; before it there may be the key's algorithm."""


class ClientCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown to an upstream that asks who we are: PEM files, the second one only where the first has no key."""

    file: str
    key_file: str | None = None


def trust(ca_bundle: str | None, certificate: ClientCertificate | None = None, key: str = "upstream") -> ssl.SSLContext:
    """Return what checks certificates: by a PEM file, or by the system's authorities.

    `certificate` is what it shows itself. Raises ConfigError for a bad file; `key` is where the upstream is configured.
    """
    try:
        context = ssl.create_default_context(cafile=ca_bundle)
    except ssl.SSLError:
        raise ConfigError([f"{key}.ca_bundle: {ca_bundle} holds no certificates in PEM form"]) from None
    except OSError as error:
        raise ConfigError([f"{key}.ca_bundle: {ca_bundle} cannot be read: {error.strerror}"]) from None
    if certificate is not None:
        _show(certificate, context, key)
    return context


class Sessions:
    """Has each TLS connection go on with the session of one before it, by standing in for its context's `wrap_bio`.

    Both event loops shake hands by that method and offer no other way. With TLS 1.2 it saves a round trip and a fifth
    of the processor time; with 1.3 the server's signature only (docs/benchmarks.md has the figures).
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._wrap = context.wrap_bio
        self._latest: dict[str | bytes | None, ssl.SSLObject] = {}
        self._sessions: dict[str | bytes | None, ssl.SSLSession] = {}
        self._unwilling: set[str | bytes | None] = set()
        """Servers that are shown no session any more."""

    def __call__(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """See SSLContext.wrap_bio."""
        if server_hostname in self._unwilling:
            return self._wrap(incoming, outgoing, server_side, server_hostname, session)
        # What a server says for next time comes after the handshake, so it is looked for when it is wanted.
        its = _session_of(self._latest.get(server_hostname))
        if its is not None:
            self._sessions[server_hostname] = its
        session = session or self._sessions.get(server_hostname)
        made = self._latest[server_hostname] = self._wrap(incoming, outgoing, server_side, server_hostname, session)
        return made

    def shows(self, name: str) -> bool:
        """Say whether a connection to a server may go on with a session, now or later."""
        return name not in self._unwilling

    def give_up(self, name: str) -> bool:
        """Show a server no session any more; say whether it may have been shown one."""
        if name in self._sessions or _session_of(self._latest.get(name)) is not None:
            self._unwilling.add(name)
            self._latest.pop(name, None)
            self._sessions.pop(name, None)
        return name in self._unwilling


def _session_of(connection: ssl.SSLObject | None) -> ssl.SSLSession | None:
    """Return the session that a connection leaves to others; None when its handshake has not come so far."""
    try:
        session = None if connection is None else connection.session
    except ValueError:
        # Python cannot copy that of a handshake which has failed halfway.
        return None
    return session if session is not None and (session.has_ticket or session.id) else None


def resuming(context: ssl.SSLContext) -> ssl.SSLContext:
    """Have a context's connections, all to one upstream, resume each other's sessions; return it."""
    context.wrap_bio = Sessions(context)  # type: ignore[method-assign]
    return context


def sessions_of(context: ssl.SSLContext) -> Sessions | None:
    """Return the sessions that connections of a context go on with, where they do."""
    sessions = context.wrap_bio
    return sessions if isinstance(sessions, Sessions) else None


def _show(certificate: ClientCertificate, context: ssl.SSLContext, key: str) -> None:
    if _CERTIFICATE not in _read(certificate.file, f"{key}.client_cert"):
        raise ConfigError([f"{key}.client_cert: {certificate.file} holds no certificate in PEM form"])
    its_key = f"{key}.client_key" if certificate.key_file else f"{key}.client_cert"
    file = certificate.key_file or certificate.file
    if _KEY not in _read(file, its_key):
        advice = "" if certificate.key_file else f"; name the file that does in {key}.client_key"
        raise ConfigError([f"{its_key}: {file} holds no private key in PEM form{advice}"])

    def refuse() -> NoReturn:
        # Without this OpenSSL would ask for it on the terminal.
        raise ConfigError([f"{its_key}: the private key in {file} has a passphrase; write it without one, mode 0600"])

    try:
        context.load_cert_chain(certificate.file, file, refuse)
    except ssl.SSLError as error:
        what = f"{certificate.file} and {file} cannot be read as a certificate and its private key"
        if error.reason == "KEY_VALUES_MISMATCH":
            what = f"the private key in {file} does not belong to the certificate in {certificate.file}"
        raise ConfigError([f"{its_key}: {what}"]) from None


def _read(path: str, key: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError([f"{key}: {path} cannot be read: {error.strerror}"]) from None
