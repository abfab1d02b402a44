"""Figures for Prometheus: each finished exchange counted and measured; docs/metrics.md says what each figure means.

Where OpenTelemetry's conventions for generative AI have a metric, its name, attributes and buckets are theirs
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics), spelled as its exporter for Prometheus spells them:
dots become underscores, seconds are said in the name, `{token}` is not.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Info

from argo_relay import __version__
from argo_relay.observe.present import Present, PresentFigures
from argo_relay.observe.record import Outcome, Record
from argo_relay.observe.series import Counter, Histogram, Labels

_SECONDS: Final = tuple(0.01 * 2**power for power in range(20))
"""OpenTelemetry's buckets for durations, which end at 82 s, and six more: a total of an hour is no rare thing here."""
_FIRST_SECONDS: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(20.0, 40.0, 80.0, 160.0, 320.0, 640.0),
)
"""OpenTelemetry's buckets for the time to the first token, which end at 10 s, and six more for models that think."""
_TOKENS: Final = tuple(4**power for power in range(14))
"""OpenTelemetry's buckets for numbers of tokens."""
_QUEUE_SECONDS: Final = (0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)

_OPERATIONS: Final = {
    "generate": "chat",
    "complete": "text_completion",
    "embed": "embeddings",
    "count": "count_tokens",
}
"""`gen_ai.operation.name` by ours; the last is a word of our own."""
_VENDORS: Final = {
    "openai_chat": "openai",
    "openai_responses": "openai",
    "anthropic": "anthropic",
    "google": "gcp.gen_ai",
}
"""`gen_ai.provider.name`, which says whose API is spoken and not who runs it, by the dialect spoken upstream."""
_TOKEN_KINDS: Final = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "input_audio",
    "output_audio",
)
"""Those of which a share is said by the conventions' histogram go first."""
Counts = tuple[int | None, ...]
"""Of tokens, in the order of their kinds."""
_counts_of: Final = attrgetter(*_TOKEN_KINDS)
_NO_COUNTS: Final[Counts] = (None,) * len(_TOKEN_KINDS)
_MOST_TOKENS: Final = 2**53
"""Beyond it a count is nonsense of the upstream's, and no longer exact as a float."""
_NONE: Final = "none"

# See `policy.deadline`.
_OK, _CANCELLED = Outcome.OK, Outcome.CANCELLED
_PLACE: Final = ("model", "upstream")
_COUNTERS: Final = {
    "timeouts": ("Exchanges that a timer ended, and where its limit came from.", "timer", "source"),
    "partial_results": ("Exchanges that a timer ended, whose clients got what there was.",),
    "cancellations": ("Exchanges whose clients left, and what they were waiting for.", "phase"),
    "upstream_saved_seconds": ("Time that upstreams need not work any more because clients left, at most.",),
    "attempts": ("Calls sent upstream.",),
    "fallbacks": ("Calls that went to another candidate than the one before.",),
    "hedges": ("Calls that ran beside another.",),
    "rejoined": ("Exchanges whose clients got the reply to an earlier request.",),
    "events": ("Events of upstreams' replies; one that is no stream is one event.",),
    "tokens": ("Tokens as upstreams counted them: `input` with those of caches, `output` with reasoning.", "kind"),
}
"""Counters by model and upstream: what each means, and its labels beside those two."""

_TOGETHER: Final = 32
"""Exchanges that are counted at once: nobody is kept waiting for 0.1 ms."""
_MOST_MODELS: Final = 200
_LONGEST_MODEL: Final = 100
_UNKNOWN: Final = "unknown"


class Metrics:
    """All figures of one relay, in a registry of its own. `note` is a Sink."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._models = _Models()
        self._present = PresentFigures(self._models.known)
        self._conventional = _Conventional(registry)
        self._own = _Own(registry)
        self._uncounted: list[tuple[Record, str]] = []
        """Exchanges, and the names that their models count under."""
        registry.register(self._present)
        build = Info("argo_relay_build", "What runs here.", registry=registry)
        build.info({"version": __version__, "python": platform.python_version()})

    @property
    def registry(self) -> CollectorRegistry:
        """The registry, with all exchanges up to now; whoever keeps it has it brought up to date by `look`."""
        self._count()
        return self._registry

    def watch(self, present: Present) -> None:
        """Say where to read what holds at the moment; until then nothing is known of it."""
        self._present.source = present
        self._models.lists = present.lists

    def look(self) -> None:
        """Read what holds at the moment, for the next time that the registry is written.

        To be called in the relay's own thread; the registry may then be written in another one.
        """
        self._count()
        self._present.look()

    def note(self, record: Record) -> None:
        """Have a finished exchange counted, with some others: alone it takes 6 us of a request, among them 3.

        All that counting touches has left the caches by the time that the next request ends.
        """
        self._uncounted.append((record, self._models.name_of(record)))
        if len(self._uncounted) >= _TOGETHER:
            self._count()

    def _count(self) -> None:
        uncounted, self._uncounted = self._uncounted, []
        for record, model in uncounted:
            self._count_one(record, model)

    def _count_one(self, record: Record, model: str) -> None:
        asked = record.dialect, record.operation, record.spoken, model, record.upstream or _NONE
        labels = _labels(asked, record.outcome, record.status, record.timer)
        counts = _NO_COUNTS if record.usage is None else _counts_of(record.usage)
        self._conventional.note(record, labels, counts)
        self._own.note(record, labels, counts)


class _Labels(NamedTuple):
    """The labels of the series that exchanges of one kind add to."""

    dialect: Labels
    upstream: Labels
    place: Labels
    """Model and upstream."""
    asked: Labels
    """Those of OpenTelemetry's conventions."""
    duration: Labels
    usage: tuple[Labels, Labels]
    """Of the first two kinds of tokens, which the conventions know."""
    exchange: Labels
    tokens: tuple[Labels, ...]
    """Of each kind of tokens."""


@lru_cache(1024)
def _labels(
    asked: tuple[str, str, str | None, str, str], outcome: Outcome, status: int | None, timer: str | None
) -> _Labels:
    """Return the labels of exchanges with this dialect, operation, dialect spoken, model and upstream, and such an end.

    Those of one request are nearly always those of another: to make them anew took 0.9 of the 3.1 us of `note`.
    """
    dialect, operation, spoken, *place = asked
    conventional = (_operation(dialect, operation), _VENDORS.get(spoken or "", _NONE), *place)
    return _Labels(
        dialect=(dialect,),
        upstream=(place[1],),
        place=(*place,),
        asked=conventional,
        duration=(*conventional, "" if outcome is _OK else _error(outcome, status, timer)),
        usage=((*conventional, "input"), (*conventional, "output")),
        exchange=(dialect, *place, outcome, _NONE if status is None else str(status)),
        tokens=tuple((kind, *place) for kind in _TOKEN_KINDS),
    )


class _Conventional:
    """What OpenTelemetry has conventions for; `upstream` is a label of ours beside theirs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "upstream")
        self._duration = Histogram(
            registry,
            "gen_ai_server_request_duration_seconds",
            "From the arrival of a request to the end of its reply.",
            (*labels, "error_type"),
            _SECONDS,
        )
        self._first_token = Histogram(
            registry,
            "gen_ai_server_time_to_first_token_seconds",
            "From a request read to the first content of its stream; of streams that ended well.",
            labels,
            _FIRST_SECONDS,
        )
        self._usage = Histogram(
            registry,
            "gen_ai_client_token_usage",
            "Tokens of a request (input) and of its reply (output), as the upstream counted them.",
            (*labels, "gen_ai_token_type"),
            _TOKENS,
        )

    def note(self, record: Record, labels: _Labels, counts: Counts) -> None:
        self._duration.observe(labels.duration, record.seconds)
        if record.stream and record.first_event is not None and record.outcome is _OK:
            self._first_token.observe(labels.asked, record.first_event)
        for series, count in zip(labels.usage, counts, strict=False):
            if count is not None and 0 <= count < _MOST_TOKENS:
                self._usage.observe(series, count)


class _Own:
    """What is the relay's own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(registry, f"argo_relay_{name}", meaning, *labels)

        self._exchanges = counter("exchanges", "Finished exchanges.", "dialect", *_PLACE, "outcome", "status")
        self._received = counter("received_bytes", "Bytes of requests' bodies.", "dialect")
        self._sent = counter("sent_bytes", "Bytes of replies' bodies.", "dialect")
        self._counters = {
            name: counter(name, meaning, *labels, *_PLACE) for name, (meaning, *labels) in _COUNTERS.items()
        }
        self._queue = Histogram(
            registry,
            "argo_relay_queue_seconds",
            "Time that exchanges waited for places.",
            ("upstream",),
            _QUEUE_SECONDS,
        )

    def note(self, record: Record, labels: _Labels, counts: Counts) -> None:
        counters, place = self._counters, labels.place
        self._exchanges.add(labels.exchange)
        self._received.add(labels.dialect, record.bytes_in)
        self._sent.add(labels.dialect, record.bytes_out)
        if record.queued is not None:
            self._queue.observe(labels.upstream, record.queued)
        self._note_end(record, place)
        self._note_counts(record, place)
        if record.calls:
            for upstream, calls in record.calls.items():
                counters["attempts"].add((place[0], upstream), calls)
        elif record.attempts:
            counters["attempts"].add(place, record.attempts)
        for series, count in zip(labels.tokens, counts, strict=True):
            if count and 0 < count < _MOST_TOKENS:
                counters["tokens"].add(series, count)

    def _note_counts(self, record: Record, place: Labels) -> None:
        counters = self._counters
        if record.events:
            counters["events"].add(place, record.events)
        if record.fallbacks:
            counters["fallbacks"].add(place, record.fallbacks)
        if record.hedges:
            counters["hedges"].add(place, record.hedges)
        if record.partial:
            counters["partial_results"].add(place)
        if record.rejoined is not None:
            counters["rejoined"].add(place)

    def _note_end(self, record: Record, place: Labels) -> None:
        counters = self._counters
        if record.timer is not None:
            counters["timeouts"].add((record.timer, record.timer_source or _NONE, *place))
        if record.outcome is _CANCELLED:
            counters["cancellations"].add((record.phase or _NONE, *place))
        if record.saved is not None and record.saved > 0:
            counters["upstream_saved_seconds"].add(place, record.saved)


class _Models:
    """The names of models that figures are kept for.

    Where an upstream takes names as they come, a client may write any: a name counts once the upstream lists it or has
    answered for it, and there is an end to their number.
    """

    def __init__(self) -> None:
        self.lists: Callable[[str, str], bool] = lambda *_: False
        self._names: set[str] = set()

    def known(self, name: str) -> str:
        """Return a name that figures are kept for, or `unknown`."""
        return name if name in self._names else _UNKNOWN

    def name_of(self, record: Record) -> str:
        """Return the name under which an exchange counts."""
        name = record.served
        if name is None:
            return _UNKNOWN
        if name not in self._names and len(self._names) < _MOST_MODELS and self._is_models(record, name):
            self._names.add(name)
        return self.known(name)

    def _is_models(self, record: Record, name: str) -> bool:
        answered = record.outcome is _OK or record.first_event is not None
        if not answered and not self.lists(record.upstream or _NONE, name):
            return False
        return len(name) <= _LONGEST_MODEL and name.isprintable()


def _operation(dialect: str, operation: str) -> str:
    if dialect == "google" and operation == "generate":
        return "generate_content"
    return _OPERATIONS.get(operation, operation)


def _error(outcome: Outcome, status: int | None, timer: str | None) -> str:
    """Return `error.type` of an exchange that did not end well: few words, none of them a client's or an upstream's."""
    if timer is not None:
        return f"timeout_{timer}"
    if outcome is _CANCELLED:
        return "cancelled"
    return str(status) if status is not None and status >= 400 else "_OTHER"
