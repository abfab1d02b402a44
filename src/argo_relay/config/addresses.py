"""How an upstream is reached, as people write it: detours in curl's form, and a proxy.

Readers of a proxy never repeat it, for it may hold a password.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from argo_relay.config.kinds import Kind, shown, sort_of
from argo_relay.errors import ConfigError

NO_PROXY: Final = "none"
"""The word for no proxy at all, whatever the environment says."""

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_BRACKETED: Final = r"\[[0-9A-Fa-f:.]+\]"
_COLON: Final = re.compile(r":(?![^\[]*\])")
_HOST: Final = re.compile(f"{_NAME}|{_BRACKETED}")
_PROXY: Final = re.compile(
    r"(?:https?|socks5h?)://(?:(?:(?![/?#@])[!-~])+@)?"
    rf"(?:{_NAME}|{_BRACKETED})(?::(?P<port>[0-9]{{1,5}}))?/?",
    re.IGNORECASE,
)
_USERINFO: Final = re.compile(r"//[^/]*@")


def fields(text: str) -> list[str]:
    """Return the parts of a detour between its colons; those within brackets belong to an address."""
    return [part.strip("[]") for part in _COLON.split(text)]


def without_password(proxy: str) -> str:
    """Return a proxy's address with its user name and password masked."""
    return _USERINFO.sub("//***@", proxy)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError([f"it is {sort_of(value)}"])
    return value


def _resolve(value: object) -> str:
    """Read HOST:PORT:ADDRESS (https://curl.se/docs/manpage.html#--resolve), less its wildcards and lists."""
    text = _text(value)
    parts = _COLON.split(text)
    if len(parts) != 3 or not _is_host(parts[0]) or not _is_port(parts[1]):
        raise ConfigError([f"{shown(text)} is not of that form"])
    try:
        ipaddress.ip_address(parts[2].strip("[]"))
    except ValueError:
        raise ConfigError([f"{shown(parts[2])} is not an IP address; a name goes into connect_to"]) from None
    return text


def _connect_to(value: object) -> str:
    """Read HOST1:PORT1:HOST2:PORT2 (https://curl.se/docs/manpage.html#--connect-to); empty: any, or the same."""
    text = _text(value)
    parts = _COLON.split(text)
    if len(parts) != 4:
        raise ConfigError([f"{shown(text)} is not of that form"])
    for host, port in (parts[:2], parts[2:]):
        if (host and not _is_host(host)) or (port and not _is_port(port)):
            raise ConfigError([f"{shown(f'{host}:{port}')} is not a host and a port"])
    if not parts[2] and not parts[3]:
        raise ConfigError([f"{shown(text)} leads nowhere else"])
    return text


def _proxy(value: object) -> str:
    text = _text(value)
    if text == NO_PROXY:
        return text
    match = _PROXY.fullmatch(text)
    if not match or (match["port"] and not _is_port(match["port"])):
        raise ConfigError(["it is not a proxy's address of that form"])
    return text.rstrip("/")


def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None


def _is_port(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) <= 5 and 0 < int(text) < 65536


RESOLVE = Kind(
    expected="a list of HOST:PORT:ADDRESS, such as apps.inside.anl.gov:443:10.0.0.1",
    read=_resolve,
    textual=True,
    many=True,
)
CONNECT_TO = Kind(
    expected="a list of HOST1:PORT1:HOST2:PORT2, such as apps.inside.anl.gov:443:localhost:8443",
    read=_connect_to,
    textual=True,
    many=True,
)
PROXY = Kind(
    expected=f"http(s)://, socks5:// or socks5h://[user:password@]host[:port], or {NO_PROXY}, or null for what the "
    "environment says",
    read=_proxy,
    textual=True,
    nullable=True,
)
