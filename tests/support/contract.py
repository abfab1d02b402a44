"""The contract of docs/timeouts.md as a small model of its own: which timer fires, when, from where, in which words.

Nothing here asks the code that is under test: what a row must show is worked out from the page alone.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any, Final

from argo_relay.config.schema import Config, ModelRow, ModelTimeouts, Timeouts
from support.contract_upstreams import Script

TIMERS: Final = ("total", "connect", "first_event", "idle", "patience", "queue")
SOURCES: Final = (
    "body number",
    "body string",
    "body object",
    "x-request-timeout",
    "x-server-timeout",
    "x-stainless-read-timeout",
    "x-stainless-timeout",
    "model row",
    "configuration",
    "default",
    "capped",
)
STAINLESS: Final = ("x-stainless-read-timeout", "x-stainless-timeout")
OF_THE_TOTAL: Final = tuple(source for source in SOURCES if source not in STAINLESS)
EACH_ITS_OWN: Final = ("body object", "model row", "configuration")
PAIRS: Final[dict[str, tuple[str, ...]]] = {
    "total": OF_THE_TOTAL,
    "connect": (*EACH_ITS_OWN, "default"),
    "first_event": EACH_ITS_OWN,
    "idle": (*EACH_ITS_OWN, "default"),
    "patience": STAINLESS,
    "queue": OF_THE_TOTAL,
}
"""Where the limit of each timer can come from."""
DEFAULTS: Final[dict[str, float | None]] = {"total": 600.0, "connect": 10.0, "first_event": None, "idle": 300.0}
LIMIT: Final = 5.0
"""What a source sets, in seconds."""


def instead(timer: str, source: str) -> str:
    """Return which timer fires where the source can set no limit of this one.

    A number and the headers set the total, and the cap is one of the total. The SDKs' own headers are no total, but
    patience; and there is no built-in limit on a first event.
    """
    assert source not in PAIRS[timer]
    return "patience" if source in STAINLESS else "total"


@dataclass(frozen=True)
class Limit:
    """A timer's limit: `word` is its source in `x-timeout-source`, `place` where a person finds it."""

    seconds: float
    word: str
    place: str


@dataclass
class Given:
    """What a request and a configuration say, and the limits that hold by them."""

    timeout: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    timeouts: dict[str, Any] = field(default_factory=lambda: {"heartbeat": None})
    row: dict[str, float] = field(default_factory=dict)
    limits: dict[str, Limit] = field(default_factory=dict)

    @property
    def configured(self) -> frozenset[str]:
        return frozenset(f"timeouts.{name}" for name in self.timeouts)

    def config(self, **more: Any) -> Config:
        models = {"m": ModelRow(timeouts=ModelTimeouts(**self.row))} if self.row else {}
        return Config(user="tester", timeouts=Timeouts(**self.timeouts), models=models, **more)

    def wants_partial(self) -> None:
        if isinstance(self.timeout, dict):
            self.timeout = self.timeout | {"on_timeout": "partial"}
        else:
            self.headers["x-on-timeout"] = "partial"


def seconds_of(timer: str, source: str) -> float:
    """Return the limit of a row."""
    built_in = DEFAULTS.get("total" if timer == "queue" else timer)
    return built_in if source == "default" and built_in is not None else LIMIT


def given(timer: str, source: str, seconds: float = LIMIT) -> Given:
    """Return a request and a configuration in which this source sets this timer, as far as it can."""
    own = timer if timer in DEFAULTS else "total"
    made = Given(
        limits={
            name: Limit(limit, "default", "the relay's default")
            for name, limit in DEFAULTS.items()
            if limit is not None
        }
    )
    if source in ("body number", "body string"):
        made.timeout = seconds if source == "body number" else f"{seconds:g}"
        made.limits["total"] = Limit(seconds, "body", "`timeout` in the request body")
    elif source == "body object":
        made.timeout = {own: seconds}
        made.limits[own] = Limit(seconds, "body", f"`timeout.{own}` in the request body")
    elif source in ("x-request-timeout", "x-server-timeout"):
        made.headers[source] = f"{seconds:g}"
        made.limits["total"] = Limit(seconds, "header", f"the header `{source}`")
    elif source in STAINLESS:
        made.headers[source] = "5.5"
        place = f"the client's own timeout of 5.5 s (header `{source}`), which ends before the 600 s asked for"
        made.limits["patience"] = Limit(LIMIT, "patience", place)
    elif source == "model row":
        made.row = {own: seconds}
        made.limits[own] = Limit(seconds, "model", f"`models.m.timeouts.{own}` in the relay's configuration")
    elif source == "configuration":
        made.timeouts[own] = seconds
        made.limits[own] = Limit(seconds, "config", f"`timeouts.{own}` in the relay's configuration")
    elif source == "capped":
        made.timeout, made.timeouts["max_total"] = 99, LIMIT
        place = "`timeouts.max_total`, which caps the 99 s of `timeout` in the request body"
        made.limits["total"] = Limit(LIMIT, "capped", place)
    return made


IN_ORDER: Final = ("body object", "x-request-timeout", "x-server-timeout", "model row", "configuration")
"""The sources of limits, strongest first."""


def both(timer: str, stronger: str, weaker: str) -> Given:
    """Return what two sources say at once; the weaker one says less, so that it would fire first."""
    made, other = given(timer, stronger), given(timer, weaker, LIMIT / 2)
    made.headers |= other.headers
    made.row |= other.row
    made.timeouts |= other.timeouts
    return made


def capped(source: str) -> Given:
    """Return what a source says of the total, which is more than the configuration allows."""
    made = given("total", source, 99.0)
    asked = made.limits["total"]
    made.timeouts["max_total"] = LIMIT
    place = f"`timeouts.max_total`, which caps the {asked.seconds:g} s of {asked.place}"
    made.limits["total"] = Limit(LIMIT, "capped", place)
    return made


@dataclass(frozen=True)
class End:
    """How an exchange ends by the contract; `words` counts the pieces with content that had come, `size` all bytes."""

    when: float
    timer: str
    phase: str
    words: int
    size: int


def end(limits: dict[str, Limit], script: Script, whole: bool) -> End:
    """Return when which timer ends an exchange with this upstream; times count from the request's body on.

    `whole`: patience is a limit, since nothing goes out before the reply is done.
    """
    sent = script.connect + script.send
    at, arrivals = sent + script.head, []
    for piece in script.pieces:
        at += piece.wait
        arrivals.append((at, piece))
    words = [when for when, piece in arrivals if piece.says]
    dues = [(limits["total"].seconds, "total")]
    if whole and "patience" in limits:
        dues = [(limits["patience"].seconds, "patience")]
    if script.connect > limits["connect"].seconds:
        dues.append((limits["connect"].seconds, "connect"))
    elif "first_event" in limits:
        due = sent + limits["first_event"].seconds
        if not words or words[0] > due:
            dues.append((due, "first_event"))
    for now, following in itertools.pairwise([*words, float("inf")]):
        if following - now > limits["idle"].seconds:
            dues.append((now + limits["idle"].seconds, "idle"))
            break
    when, timer = min(dues)
    come = [piece for at, piece in arrivals if at < when]
    if when < script.connect:
        phase = "connecting"
    elif when < sent:
        phase = "sending"
    else:
        phase = "streaming" if any(piece.data for piece in come) else "waiting"
    return End(when, timer, phase, sum(piece.says for piece in come), sum(len(piece.data) for piece in come))


_WHAT: Final = {
    "total": "The request took longer than its total timeout of {} s",
    "connect": "No connection to the upstream was made within the connect timeout of {} s",
    "first_event": "The upstream began no answer within the first_event timeout of {} s",
    "idle": "The upstream fell silent for longer than the idle timeout of {} s",
    "patience": "The answer was not complete after {} s, and the client was about to give up",
    "queue": "The request's total timeout of {} s passed before its turn came",
}
_WHILE: Final = {
    "queued": "while it waited for a place",
    "connecting": "while connecting to the upstream",
    "sending": "while the request was being sent to the upstream",
    "waiting": "while waiting for the upstream to answer",
    "streaming": "while the answer was coming in",
}


def sentence(ending: End, limit: Limit) -> str:
    """Return the one sentence in which the client is told, up to what had arrived."""
    return f"{_WHAT[ending.timer].format(f'{limit.seconds:g}')} (set by {limit.place}) {_WHILE[ending.phase]}; "


def arrived(ending: End, attempts: int = 1) -> str:
    """Return a pattern for what had arrived by then."""
    made = f"{attempts} attempts were made, " if attempts > 1 else ""
    if not ending.size:
        return rf"{made}nothing had arrived\. [A-Z].*"
    return rf"{made}(?P<events>(\d+) events? of it, )?{ending.size} bytes had arrived\. [A-Z].*"
