"""The types and defaults of all configuration keys; `keys` says what each is for."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from argo_relay.config import addresses

Environment = Literal["prod", "dev", "test"]
Identity = Literal["user", "client"]
UpstreamKind = Literal["argo", "openai", "openai_responses", "anthropic", "google", "llamacpp"]
Workers = int | Literal["auto"]


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """Which upstream answers; `base_url`, when set, replaces the address of the environment or the vendor."""

    kind: UpstreamKind = "argo"
    environment: Environment = "prod"
    base_url: str | None = None
    """Without a trailing slash; the vendors' own paths, /v1/chat/completions and so on, are appended to it."""
    key_env: str | None = None
    """The name of the environment variable that holds the upstream's key; a key itself stands in no file."""
    refresh: float | None = 3600.0
    """Seconds between two looks at the list of models; None: at the start only."""
    resolve: tuple[str, ...] = ()
    connect_to: tuple[str, ...] = ()
    proxy: str | None = None
    """None: what the environment says; `none`: none at all. It may hold a password."""
    ca_bundle: str | None = None
    client_cert: str | None = None
    """A PEM file, what the relay shows of itself to an upstream that asks; its key may stand in it, too."""
    client_key: str | None = None
    socket: str | None = None
    """A Unix socket to connect to, in place of the address that `base_url` names."""
    max_in_flight: int | None = None
    """Exchanges that it answers at once; those beyond it wait in order. None: as many as the relay takes."""
    tell_timeout: bool = False
    """Tell it what is left of a request's time, in `X-Request-Timeout`: for another relay."""

    def __repr__(self) -> str:
        """Return the usual form with the proxy's password masked."""
        return _shown(self, proxy=masked(self.proxy))


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """The server's own limits, in seconds; None means no such limit."""

    total: float = 600.0
    connect: float = 10.0
    first_event: float | None = None
    idle: float | None = 300.0
    max_total: float = 3600.0
    heartbeat: float | None = 15.0
    whole_heartbeat: bool = False
    body: float = 120.0


class ModelTimeouts(msgspec.Struct, frozen=True, kw_only=True):
    """What differs for one model, in seconds. UNSET: as for all models; None: no such limit."""

    total: float | UnsetType = UNSET
    connect: float | UnsetType = UNSET
    first_event: float | UnsetType | None = UNSET
    idle: float | UnsetType | None = UNSET


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator sets for one model."""

    timeouts: ModelTimeouts = ModelTimeouts()
    parameters: dict[str, str] | UnsetType = UNSET
    """What becomes of a request's parameters, by name: `policy.rules.written` has the words."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate of a route."""

    upstream: str
    """`main`, or a name of `upstreams`."""
    model: str | None = None
    """What the model is called there; None: as the client called it."""
    weight: float = 0.0
    """Its share of first attempts among the candidates that have one; 0: asked when others have failed."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asked for a model, or for all whose names fit a pattern; times in seconds."""

    to: tuple[Step, ...]
    """In the order in which they are tried; at least one."""
    retries: int | None = None
    """None: as `Config.retries` says."""
    hedge_after: float | None = None
    """None: no second attempt beside the first."""
    hedge_share: float = 0.05
    """Of all its requests, at most this part is hedged: above 0, at most 1."""


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """When a failing upstream rests: after `failures` in a row, for `rest` seconds; 0 failures: never."""

    failures: int = 5
    rest: float = 30.0


class Images(msgspec.Struct, frozen=True, kw_only=True):
    """What the relay fetches of what requests give by URL; `max_size` in bytes, `timeout` in seconds."""

    fetch: bool = True
    max_size: int = 20 * 2**20
    max_count: int = 50
    timeout: float = 20.0
    allow: tuple[str, ...] = ()
    """Names of hosts, addresses and networks."""


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """How the one line an exchange is written, and where to (None: standard error)."""

    format: Literal["text", "json"] = "text"
    file: str | None = None
    requests: bool = True


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Where Prometheus finds figures: on a port of their own (None: on none), and on the clients' port."""

    port: int | None = None
    host: str = "127.0.0.1"
    on_client_port: bool = False


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the operator decides; every value has been checked."""

    user: str | None = None
    identity: Identity = "user"
    users: dict[str, str] = {}
    """Argo users by client key."""
    host: str = "127.0.0.1"
    port: int = 44497
    socket: str | None = None
    keys: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    upstream: Upstream = Upstream()
    """Called `main` in routes."""
    upstreams: dict[str, Upstream] = {}
    """Others, by the names that routes call them."""
    routes: dict[str, Route] = {}
    """By a model's name, or a pattern of names (`*` and `?`)."""
    retries: int = 1
    """How often a request goes through its candidates again."""
    breaker: Breaker = Breaker()
    timeouts: Timeouts = Timeouts()
    models: dict[str, ModelRow] = {}
    """By the name the operator wrote; whoever resolves model names resolves these, too."""
    learn: bool = True
    aliases: dict[str, str] = {}
    """Names of the operator's own, and the model that each means."""
    images: Images = Images()
    max_body: int = 64 * 2**20
    max_in_flight: int = 1024
    max_queue: int = 1024
    """How many requests may wait beyond `max_in_flight`, in all."""
    rejoin: float | None = None
    """Seconds that a generation is kept for a client that has left and may ask for it again; None: not at all."""
    rejoin_memory: int = 64 * 2**20
    shutdown_grace: float = 30.0
    workers: Workers = 1
    """Processes that serve; `auto`: as many as there are cores for this one."""
    worker_timeout: float | None = 30.0
    """Seconds for which one of several workers may say nothing to the supervisor; None: for ever."""
    log: Log = Log()
    metrics: Metrics = Metrics()

    def __repr__(self) -> str:
        """Return the usual form with the client keys masked, so that no log or traceback ever holds one."""
        return _shown(self, keys=masked(self.keys), users=masked(self.users))


def masked(secret: object) -> object:
    """Return something to show in place of secrets: of keys how many there are, of a proxy where it is."""
    if isinstance(secret, tuple | dict):
        return ("***",) * len(secret)
    return addresses.without_password(secret) if isinstance(secret, str) else secret


def _shown(struct: msgspec.Struct, **replaced: object) -> str:
    fields = {name: getattr(struct, name) for name in struct.__struct_fields__} | replaced
    return f"{type(struct).__name__}({', '.join(f'{name}={value!r}' for name, value in fields.items())})"
