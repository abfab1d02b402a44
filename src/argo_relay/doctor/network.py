"""The way to the upstream: names, connections, the proxy, TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Final, TypeVar

from argo_relay.doctor.case import CLIENT_CERTIFICATES, Case
from argo_relay.doctor.finding import Check, Finding, Severity, Trouble, fine
from argo_relay.errors import ConnectFailed
from argo_relay.transport.causes import Cause
from argo_relay.transport.probe import Certificate, connect, connect_unix, look_up, shake_hands, trusting_any_name
from argo_relay.transport.reach import Proxy, bracketed
from argo_relay.transport.trust import trust
from argo_relay.transport.tunnel import stream_through

_SOON_DAYS: Final = 14
_NAMES_SHOWN: Final = 4
_LATE: Final = "no answer within"
T = TypeVar("T")

_CERTIFICATES: Final = {
    Cause.SELF_SIGNED: "If that server is yours, put its certificate into a PEM file and name it in "
    "`{key}.ca_bundle`. If not, something on the way answers in its place.",
    Cause.UNTRUSTED: "Name a PEM file with that authority's certificate in `{key}.ca_bundle`; a network that "
    "inspects TLS has one, ask its people. On macOS, run `Install Certificates.command` of your Python first.",
    Cause.NO_TLS: "Perhaps that port speaks plain HTTP: begin `{key}.base_url` with http://, or name another port. Or "
    "it asks for a client certificate: `{key}.client_cert`.",
    **CLIENT_CERTIFICATES,
}


async def check_dns(case: Case) -> Finding:
    """Look up the first name on the way; raise Trouble."""
    if case.reach.socket is not None:
        return fine(Check.DNS, "no name has to be looked up: the upstream is reached at a Unix socket, as configured")
    host, port = case.first_hop
    detour = _detour(case)
    try:
        addresses = await _within(case, look_up(host, port))
    except ConnectFailed as failed:
        raise Trouble(Check.DNS, f"{detour}{host}: {failed}", case.way) from None
    if addresses == [host]:
        return fine(Check.DNS, f"{detour}{host} is an address; no name has to be looked up")
    whose = "the proxy " if case.reach.proxy is not None else ""
    return fine(Check.DNS, f"{detour}{whose}{host} is {', '.join(addresses[:_NAMES_SHOWN])}")


async def check_tcp(case: Case) -> tuple[Finding, asyncio.StreamWriter]:
    """Connect to the first place on the way; return the connection, too. Raise Trouble."""
    host, port = case.first_hop
    place = case.reach.socket or f"{bracketed(host)}:{port}"
    began = case.clock.now()
    try:
        writer = await _within(case, _connect(case, host, port))
    except ConnectFailed as failed:
        raise Trouble(Check.TCP, f"{place}: {failed}", case.way) from None
    took = case.clock.now() - began
    return fine(Check.TCP, f"{place} takes connections ({1000 * took:.0f} ms)"), writer


async def check_proxy(case: Case, proxy: Proxy) -> tuple[Finding, asyncio.StreamWriter | None]:
    """Have the proxy connect to the upstream; return the connection, too, where it makes one. Raise Trouble."""
    named = f"{proxy.address} (from {proxy.origin})"
    if proxy.scheme != "socks5" and not case.secure:
        return fine(Check.PROXY, f"{named} is given each request by itself, as the upstream is http://"), None
    host, port = case.destination
    try:
        trusted = trust(case.reach.ca_bundle)
        writer = await _within(case, stream_through(proxy, host, port, trusted))
    except ConnectFailed as failed:
        raise Trouble(Check.PROXY, f"{named}: {failed}", _proxy_advice(case, str(failed), proxy)) from None
    return fine(Check.PROXY, f"{named} connects to {bracketed(host)}:{port}"), writer


async def check_tls(case: Case, writer: asyncio.StreamWriter) -> Finding:
    """Shake hands on a connection; raise Trouble."""
    name = case.own_place[0]
    try:
        shown = await _within(case, shake_hands(writer, trust(case.reach.ca_bundle, case.reach.certificate), name))
    except ConnectFailed as failed:
        cause = failed.args[0]
        if cause == Cause.OTHER_NAME:
            raise await _other_name(case, name) from None
        raise Trouble(Check.TLS, f"{name}: {cause}", _tls_advice(case, cause)) from None
    days = (shown.until - case.clock.wall()) / 86400
    found = f"{shown.version}; the certificate for {name} is by {shown.issuer}, valid until {_day(shown.until)}"
    if days < _SOON_DAYS:
        soon = f"{found}, in {days:.0f} days"
        advice = "Whoever runs the upstream has to renew it in time; nothing works any more when it has expired."
        return Finding(check=Check.TLS, severity=Severity.WARNING, found=soon, advice=advice)
    return fine(Check.TLS, found)


async def _other_name(case: Case, name: str) -> Trouble:
    """Shake hands once more, to see for which names the certificate is."""
    try:
        shown = await _within(case, _shown_by(case, name))
        names = f" (it is for {', '.join(shown.names[:_NAMES_SHOWN]) or 'no name at all'})"
    except ConnectFailed:
        names = ""
    advice = (
        f"Who answers there is not the upstream. Check `{case.key}.base_url`; for a tunnel leave the upstream's own "
        f"name in it, and say in `{case.key}.connect_to` where the tunnel begins: TLS then keeps that name."
    )
    return Trouble(Check.TLS, f"{name}: {Cause.OTHER_NAME}{names}", advice)


async def _shown_by(case: Case, name: str) -> Certificate:
    trusted = trust(case.reach.ca_bundle)
    if case.reach.proxy is None:
        writer = await _connect(case, *case.destination)
    else:
        writer = await stream_through(case.reach.proxy, *case.destination, trusted)
    return await shake_hands(writer, trusting_any_name(trusted), name)


async def _connect(case: Case, host: str, port: int) -> asyncio.StreamWriter:
    return await (connect(host, port) if case.reach.socket is None else connect_unix(case.reach.socket))


async def _within(case: Case, step: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(case.patience):
            return await step
    except TimeoutError:
        raise ConnectFailed(f"{_LATE} {case.patience:g} s") from None


def _detour(case: Case) -> str:
    """Say that the upstream is reached elsewhere, where it is."""
    own, there = case.own_place, case.destination
    if own == there:
        return ""
    return f"{bracketed(own[0])}:{own[1]} is reached at {bracketed(there[0])}:{there[1]}, as configured; "


def _proxy_advice(case: Case, failed: str, proxy: Proxy) -> str:
    key = f"{case.key}.proxy"
    if failed in (Cause.PROXY_ASKS, Cause.PROXY_DENIES):
        own = f"`{key}`" if proxy.origin == key else f"{proxy.origin}, or in `{key}`"
        return (
            f"Write user name and password into {own}: {proxy.scheme}://USER:PASSWORD@{bracketed(proxy.host)}:"
            f"{proxy.port}, with %40 for an @ in them. They are never shown."
        )
    if failed == Cause.PROXY_STRANGE or failed.startswith(_LATE):
        return f"Check the scheme and the port of {proxy.origin}: socks5:// for `ssh -D`, http:// for most others."
    if failed == Cause.PROXY_NO_TLS:
        return f"Begin {proxy.origin} with http:// unless the proxy itself is spoken to with TLS."
    return (
        f"The proxy works, but does not lead to {case.destination[0]}. Use one that stands in the upstream's network, "
        f"or none: `{key}: none`."
    )


def _tls_advice(case: Case, cause: str) -> str:
    if cause in (Cause.EXPIRED, Cause.NOT_YET_VALID):
        now = datetime.fromtimestamp(case.clock.wall(), UTC)
        return (
            f"This machine believes that it is {now:%Y-%m-%d %H:%M} UTC. If that is wrong, set its clock; if it is "
            "right, only those who run the upstream can renew the certificate."
        )
    if cause == Cause.CLOSED and case.reach.proxy is not None:
        return (
            f"The proxy gave up: `ssh -D` does so when the machine it leads to cannot reach {case.destination[0]}. Log "
            "in there and try: curl -I " + case.upstream.base_url
        )
    advice = _CERTIFICATES.get(Cause(cause)) if cause in set(Cause) else None
    return case.way if advice is None else advice.format(key=case.key)


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
