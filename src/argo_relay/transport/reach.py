"""How an upstream is reached: detours, a proxy, and whom to trust. Values that any transport can work from."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Final, Literal
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from argo_relay.config.addresses import NO_PROXY, PROXY, fields
from argo_relay.config.named import MAIN, key_of
from argo_relay.config.schema import Upstream
from argo_relay.errors import ConfigError
from argo_relay.transport.trust import ClientCertificate, trust

Scheme = Literal["http", "https", "socks5"]

_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080}
_LONGEST_PATH: Final = 107 if sys.platform == "linux" else 103
"""Bytes of a Unix socket's path: https://man7.org/linux/man-pages/man7/unix.7.html"""


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy; SOCKS5 always has it look up the upstream's name."""

    scheme: Scheme
    host: str
    port: int
    user: str | None = None
    password: str | None = None
    origin: str
    """Who named it: `upstream.proxy`, another upstream's, or a variable of the environment."""

    def __repr__(self) -> str:
        """Return a form without user name and password, so that no log or traceback ever holds them."""
        return f"Proxy({self.address!r}, origin={self.origin!r})"

    @property
    def address(self) -> str:
        """Its URL without user name and password."""
        return f"{self.scheme}://{bracketed(self.host)}:{self.port}"


class Detour(msgspec.Struct, frozen=True, kw_only=True):
    """Where to connect instead; None on the left means any, on the right the same."""

    host: str | None
    port: int | None
    to_host: str | None
    to_port: int | None

    def follow(self, host: str, port: int) -> tuple[str, int] | None:
        """Return where this leads from a place; None where it is not meant."""
        if (self.host not in (None, host)) or (self.port not in (None, port)):
            return None
        return self.to_host or host, self.to_port or port


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How one upstream is reached. The TLS name and the Host header are the upstream's own, whatever this says."""

    connect_to: tuple[Detour, ...] = ()
    resolve: tuple[Detour, ...] = ()
    """From names to addresses; looked at after `connect_to`."""
    proxy: Proxy | None = None
    ca_bundle: str | None = None
    """A PEM file that replaces the system's certificate authorities."""
    certificate: ClientCertificate | None = None
    """What the upstream is shown, if it asks; no proxy is."""
    socket: str | None = None
    """The path of a Unix socket, which is then all that is connected to."""

    def destination(self, host: str, port: int) -> tuple[str, int]:
        """Return the host and the port to connect to, or to have the proxy connect to."""
        return _followed(self.resolve, *_followed(self.connect_to, host.lower(), port))


DIRECT: Final = Reach()
"""By its own name, without a proxy."""


def reach_of(row: Upstream, environ: Mapping[str, str], base_url: str, name: str = MAIN) -> Reach:
    """Return how an upstream is reached, which routes call `name`; raise ConfigError for what cannot be used.

    The environment's proxies are asked in curl's order (https://curl.se/docs/manpage.html#ENVIRONMENT), lower case
    first. They do not count for an upstream on this machine, nor for one that a detour finds there.
    """
    key = f"{key_of(name)}.proxy"
    certificate = _certificate(row, base_url, key_of(name))
    if row.ca_bundle or certificate is not None:
        trust(row.ca_bundle, certificate, key_of(name))
    if row.socket is not None:
        socket = _socket(row.socket, key_of(name))
        return Reach(ca_bundle=row.ca_bundle, certificate=certificate, socket=socket)
    reach = Reach(
        connect_to=_detours(row.connect_to),
        resolve=tuple(_resolved(text) for text in row.resolve),
        ca_bundle=row.ca_bundle,
        certificate=certificate,
    )
    if row.proxy is not None:
        chosen = None if row.proxy == NO_PROXY else _proxy(row.proxy, key)
    else:
        chosen = _environments(environ, base_url, reach, key)
    return msgspec.structs.replace(reach, proxy=chosen)


def place_of(base_url: str) -> tuple[str, int]:
    """Return the host and the port that a URL names."""
    parts = urlsplit(base_url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def bracketed(host: str) -> str:
    """Return a host as it is written before a port."""
    return f"[{host}]" if ":" in host else host


def is_local(host: str) -> bool:
    """Say whether a host is this machine, by its usual name or by its address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _certificate(row: Upstream, base_url: str, key: str) -> ClientCertificate | None:
    if row.client_cert is None:
        if row.client_key is not None:
            raise ConfigError([f"{key}.client_key: there is no `client_cert` that it would be the key of"])
        return None
    if not base_url.startswith("https:"):
        raise ConfigError([f"{key}.client_cert: only TLS asks for one, and the upstream's address begins with http://"])
    return ClientCertificate(file=row.client_cert, key_file=row.client_key)


def _socket(path: str, key: str) -> str:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        what = f"a Unix socket's path has {_LONGEST_PATH} bytes at most; give it a shorter one"
        raise ConfigError([f"{key}.socket: {what}"])
    return path


def _detours(texts: Iterable[str]) -> tuple[Detour, ...]:
    split = [fields(text) for text in texts]
    return tuple(
        Detour(
            host=host.lower() or None,
            port=int(port) if port else None,
            to_host=to_host or None,
            to_port=int(to_port) if to_port else None,
        )
        for host, port, to_host, to_port in split
    )


def _resolved(text: str) -> Detour:
    host, port, address = fields(text)
    return Detour(host=host.lower(), port=int(port), to_host=address, to_port=None)


def _followed(detours: Iterable[Detour], host: str, port: int) -> tuple[str, int]:
    return next((place for detour in detours if (place := detour.follow(host, port))), (host, port))


def _proxy(url: str, origin: str) -> Proxy:
    parts = urlsplit(url)
    scheme = _scheme(parts)
    return Proxy(
        scheme=scheme,
        host=parts.hostname or "",
        port=parts.port or _PORTS[scheme],
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        origin=origin,
    )


def _scheme(parts: SplitResult) -> Scheme:
    # socks5h differs from socks5 in that the proxy looks up names: ours always does.
    return "socks5" if parts.scheme.startswith("socks5") else "https" if parts.scheme == "https" else "http"


def _environments(environ: Mapping[str, str], base_url: str, reach: Reach, key: str) -> Proxy | None:
    """Return the environment's proxy, if any counts; `key` is what would go before it."""
    host, port = place_of(base_url)
    if is_local(host) or is_local(reach.destination(host, port)[0]) or _excepted(environ, host, port):
        return None
    wanted = f"{urlsplit(base_url).scheme}_proxy"
    for name in (wanted, wanted.upper(), "all_proxy", "ALL_PROXY"):
        if text := environ.get(name, "").strip():
            return _proxy(_checked(text if "://" in text else f"http://{text}", name, key), name)
    return None


def _checked(url: str, variable: str, key: str) -> str:
    try:
        PROXY.accept(url)
    except ConfigError:
        what = f"{variable} in the environment names a proxy that the relay cannot use"
        raise ConfigError([f"{what}; expected {PROXY.expected}. `{key}: none` does without it"]) from None
    return url.rstrip("/")


def _excepted(environ: Mapping[str, str], host: str, port: int) -> bool:
    """Say whether NO_PROXY names a host: itself, a domain that it is in, a network of addresses, or everything."""
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return any(_names(entry.strip().lower(), host, port) for entry in listed.split(",") if entry.strip())


def _names(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        name, _, its_port = entry.partition(":")
        domain = name.removeprefix("*").strip(".")
        return bool(domain) and its_port in ("", str(port)) and (host == domain or host.endswith(f".{domain}"))
