"""Every exception argo-relay raises, one tree.

    RelayError
    |-- ConfigError          a configuration that cannot be used
    |-- StartError           the process cannot start (port taken, socket alive)
    |-- BadJson              bytes that are not the JSON that was expected
    |-- ReadInFull           what was made of a large body needs more of it than had been read
    |-- Refused              the exchange ends here, with a Failure for the client
    |-- ClientLeft           the client closed its connection: nobody to answer
    |-- DeadlinePassed       one of the exchange's timers fired
    |-- FetchFailed          what a request gave by URL could not be fetched
    `-- UpstreamError        what the transport saw, in our words
        |-- ConnectFailed    no connection was made: name, address, handshake
        `-- ConnectionBroken the connection ended before the reply did

Foreign exceptions are turned into these at one border: a library's in `transport`, the system's in `server`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from argo_relay.neutral.failure import Failure


class RelayError(Exception):
    """The root: whatever argo-relay raises on purpose."""


class ConfigError(RelayError):
    """A configuration that cannot be used: all its problems at once, each a line a person can act on."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class StartError(RelayError):
    """The process cannot start; the message says what to do next."""


class BadJson(RelayError):
    """Bytes that are not acceptable JSON: the reason, and the path of the offending value where there is one."""

    def __init__(self, reason: str, path: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path


class ReadInFull(RelayError):
    """What was made of a large body's values needs texts that had been set apart; they are in its values from now on.

    So it is to be made once more (`framing.apart`).
    """


class Refused(RelayError):
    """The exchange ends with this Failure: whoever meets it writes it in the client's dialect."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class ClientLeft(RelayError):
    """The client closed its connection; there is nobody to answer, and nothing upstream may go on."""


class DeadlinePassed(RelayError):
    """A timer of the exchange fired; `timer` is its name as the client sees it."""

    def __init__(self, timer: str) -> None:
        super().__init__(timer)
        self.timer = timer


class FetchFailed(RelayError):
    """What a request gave by URL could not be fetched: why, as the end of a sentence, and a code for programs."""

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class UpstreamError(RelayError):
    """The upstream failed below HTTP; messages name no address."""


class ConnectFailed(UpstreamError):
    """No connection to the upstream was made."""


class ConnectionBroken(UpstreamError):
    """The connection to the upstream ended before its reply did."""
