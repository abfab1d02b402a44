"""What supervisor and workers say to each other."""

from __future__ import annotations

import msgspec

from argo_relay.config.schema import Config
from argo_relay.exchange.directory import Listing
from argo_relay.observe.record import Record


class _Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Arrays: names would be most of a message, and both ends are the same program."""


class Begin(_Message, frozen=True):
    """The supervisor's first word: what the worker serves, and where. `clients` is an inherited file descriptor."""

    number: int
    config: Config
    origins: dict[str, str]
    base_url: str
    beside: str | None
    """The path of the page of what was started along with the relay; None: nothing was."""
    clients: int
    board: int
    """The file descriptor of the page that says how many connections each worker has; `slot` is this one's place."""
    slot: int
    counts: bool
    """Whether records are wanted, to count them."""
    figures: bool
    """Whether the clients' port has the page of figures, too."""
    lists: dict[str, Listing]
    """What is known of the upstreams' models, by their names."""


class Ready(_Message, frozen=True):
    """The worker takes requests."""


class Failed(_Message, frozen=True):
    """The worker cannot start."""

    reason: str


class Alive(_Message, frozen=True):
    """The worker's event loop goes round; said now and then, for the supervisor kills a worker that says nothing."""


class Leaving(_Message, frozen=True):
    """The worker takes no more requests, though nobody here has told it so."""


class Retire(_Message, frozen=True):
    """The worker is to take no more connections, to finish what it has, and to end; for as long as that takes."""


class Lead(_Message, frozen=True):
    """The worker is to keep the lists of models fresh, for all."""


class Listed(_Message, frozen=True):
    """What came of a look at an upstream's list; the supervisor passes it on to all others."""

    upstream: str
    listing: Listing


class Ask(_Message, frozen=True):
    """A place is wanted. `left`: the seconds that it can be waited for; `held`: how long they have been held, here."""

    pool: str
    ticket: int
    left: float
    held: float | None


class Cancel(_Message, frozen=True):
    """A place is no longer wanted."""

    pool: str
    ticket: int


class Granted(_Message, frozen=True):
    """A place, and maybe some more for those who ask next."""

    pool: str
    ticket: int
    count: int


class Declined(_Message, frozen=True):
    """The place would come too late: `ahead` are before it, for about `wait` seconds (None: there is no line)."""

    pool: str
    ticket: int
    ahead: int
    wait: float | None


class Tight(_Message, frozen=True):
    """Others wait: places that are not in use are wanted back, now and whenever one is given back."""

    pool: str


class Loose(_Message, frozen=True):
    """Nobody waits any more."""

    pool: str


class Give(_Message, frozen=True):
    """Places that are given back; `answer`: all that were idle, because of Tight."""

    pool: str
    count: int
    held: float | None
    answer: bool = False


class Counted(_Message, frozen=True):
    """Exchanges that have ended, each with whether its upstream lists its model, and all losses since the start."""

    records: list[Record]
    listed: list[bool]
    losses: dict[str, int]


class Look(_Message, frozen=True):
    """The supervisor wants to know how things stand."""

    ticket: int


class Seen(_Message, frozen=True):
    """How things stand at a worker. All that has ended before has been counted."""

    ticket: int
    in_flight: int
    waiting: int
    places: list[tuple[str, int, int]]
    """Of each upstream: places taken, and how many wait for one."""
    breakers: list[tuple[str, str | None, str]]
    losses: dict[str, int]


class Sum(_Message, frozen=True):
    """A worker wants to know how the whole relay stands."""

    ticket: int


class Summed(_Message, frozen=True):
    """How the whole relay stands."""

    ticket: int
    in_flight: int
    losses: dict[str, int]


class Page(_Message, frozen=True):
    """A worker was asked for a page that the supervisor has."""

    ticket: int
    method: str
    path: str
    query: str
    accept: str
    encoding: str


class Written(_Message, frozen=True):
    """A page that was asked for."""

    ticket: int
    status: int
    headers: list[tuple[str, str]]
    body: bytes


ToWorker = Begin | Retire | Lead | Listed | Granted | Declined | Tight | Loose | Look | Summed | Written
ToSupervisor = Ready | Failed | Alive | Leaving | Listed | Ask | Cancel | Give | Counted | Seen | Sum | Page
