from __future__ import annotations

import errno
import socket
import ssl

import pytest

from argo_relay.transport.causes import Cause, alert_of, cause_of


def certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "secret")
    error.verify_code = code
    return error


def alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "secret")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (certificate(9), Cause.NOT_YET_VALID),
        (certificate(10), Cause.EXPIRED),
        (certificate(18), Cause.SELF_SIGNED),
        (certificate(19), Cause.UNTRUSTED),
        (certificate(20), Cause.UNTRUSTED),
        (certificate(62), Cause.OTHER_NAME),
        (certificate(99), Cause.UNVERIFIED),
        (ssl.SSLError("secret"), Cause.NO_TLS),
        (alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"), Cause.ASKS_CERTIFICATE),
        (alert("TLSV1_ALERT_UNKNOWN_CA"), Cause.DENIES_CERTIFICATE),
        (alert("SSLV3_ALERT_CERTIFICATE_REVOKED"), Cause.DENIES_CERTIFICATE),
        (alert("SSLV3_ALERT_HANDSHAKE_FAILURE"), Cause.NO_TLS),
        (FileNotFoundError(errno.ENOENT, "secret"), Cause.NO_SOCKET),
        (PermissionError(errno.EACCES, "secret"), Cause.SOCKET_DENIED),
        (socket.gaierror(-2, "secret"), Cause.NO_NAME),
        (ConnectionRefusedError(errno.ECONNREFUSED, "secret"), Cause.REFUSED),
        (OSError(errno.ETIMEDOUT, "secret"), Cause.NO_ANSWER),
        (OSError(errno.ENETUNREACH, "secret"), Cause.UNREACHABLE),
        (OSError(errno.EHOSTUNREACH, "secret"), Cause.UNREACHABLE),
        (ConnectionResetError(), Cause.CLOSED),
        (ConnectionAbortedError(errno.ECONNABORTED, "secret"), Cause.CLOSED),
        (OSError("secret"), Cause.UNCONNECTED),
    ],
)
def test_what_the_system_means(error: OSError, cause: Cause) -> None:
    assert cause_of(error) is cause


def test_an_alert_is_told_from_all_else() -> None:
    assert alert_of(alert("TLSV1_ALERT_ACCESS_DENIED")) is Cause.DENIES_CERTIFICATE
    for other in (None, ConnectionResetError(), ssl.SSLError("secret"), alert("WRONG_VERSION_NUMBER")):
        assert alert_of(other) is None


def test_no_two_causes_read_alike() -> None:
    assert len({str(cause) for cause in Cause}) == len(Cause)
