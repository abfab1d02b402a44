"""Exceptions as aiohttp makes them, in our words; which failure makes which is the client's test to show."""

from __future__ import annotations

import errno
import ssl
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from argo_relay.errors import ConnectFailed, ConnectionBroken
from argo_relay.transport.aiohttp_errors import translated
from argo_relay.transport.reach import Proxy

KEY = ConnectionKey("secret-host", 1, True, True, None, None, None)
PROXY = Proxy(scheme="https", host="gate", port=1, origin="upstream.proxy")
ASKED: Any = None


def certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "secret")
    error.verify_code = code
    return error


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (aiohttp.ClientConnectorDNSError(KEY, OSError("secret")), "its name could not be resolved"),
        (aiohttp.ClientConnectorCertificateError(KEY, certificate(10)), "its certificate has expired"),
        (aiohttp.ClientConnectorCertificateError(KEY, certificate(99)), "its certificate could not be verified"),
        (aiohttp.ClientConnectorCertificateError(KEY, ValueError()), "its certificate could not be verified"),
        (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError("secret")), "the TLS handshake failed"),
        (
            aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(errno.ECONNREFUSED, "secret")),
            "the connection was refused",
        ),
        (
            aiohttp.ClientConnectorError(KEY, ConnectionResetError()),
            "the connection was closed while it was being made",
        ),
        (aiohttp.ClientConnectorError(KEY, OSError("secret")), "the connection could not be made"),
        (aiohttp.ClientProxyConnectionError(KEY, OSError("secret")), "the proxy could not be reached"),
    ],
)
def test_no_connection_was_made(error: Exception, what: str) -> None:
    told = translated(error, None)
    assert isinstance(told, ConnectFailed)
    assert str(told) == what


def test_whose_name_and_whose_certificate_it_was() -> None:
    name = aiohttp.ClientConnectorDNSError(KEY, OSError("secret"))
    assert str(translated(name, PROXY)) == "the proxy's name could not be resolved"
    theirs = aiohttp.ClientConnectorCertificateError(KEY._replace(host="gate"), certificate(62))
    assert str(translated(theirs, PROXY)) == "the proxy's certificate is for another name"
    ours = aiohttp.ClientConnectorCertificateError(KEY, certificate(62))
    assert str(translated(ours, PROXY)) == "its certificate is for another name"


def test_a_proxys_refusal() -> None:
    told = translated(aiohttp.ClientHttpProxyError(ASKED, (), status=403, message="secret"), PROXY)
    assert isinstance(told, ConnectFailed)
    assert str(told) == "the proxy refused to connect to it (status 403)"


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (aiohttp.ClientResponseError(ASKED, (), message="secret"), "it answered with something that is not HTTP"),
        (aiohttp.ServerDisconnectedError("secret"), "it closed the connection before its answer was complete"),
        (ConnectionResetError("secret"), "it closed the connection before its answer was complete"),
    ],
)
def test_a_connection_that_broke(error: Exception, what: str) -> None:
    told = translated(error, None)
    assert isinstance(told, ConnectionBroken)
    assert str(told) == what
