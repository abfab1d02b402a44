"""What becomes of each key of argo-proxy's configuration files, one row a key, and what its silence meant.

The keys are those of its releases 1.0 to 3.3.3 (https://github.com/Oaklight/argo-proxy, `argoproxy/config`). A row is a
function of the value and the file around it; it raises ConfigError when the value cannot have been meant.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from argo_relay.config.keys import KEYS
from argo_relay.config.kinds import plain, plainest, shown, sort_of
from argo_relay.config.schema import Config
from argo_relay.errors import ConfigError


class Old(msgspec.Struct, frozen=True, kw_only=True):
    """The file that is imported, and what it is imported into."""

    values: Mapping[str, object]
    environments: Mapping[str, str]
    """Argo's environments, name to address."""
    log_file: str
    """Where a log may go."""


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a key: what is written in its place by our dotted names, if anything, and why.

    `taken`: it means here what it meant there; `changed`: it does not quite; `dropped`: nothing is written.
    """

    fate: Literal["taken", "changed", "dropped"]
    ours: Mapping[str, object] = {}
    reason: str = ""


Becomes = Callable[[object, Old], Fate]

ADDRESSES: Final = (
    "argo_base_url",
    "argo_url",
    "argo_stream_url",
    "argo_embedding_url",
    "argo_model_url",
    "native_openai_base_url",
    "native_anthropic_base_url",
)
"""The keys that name Argo; the first one given leads, as it did there."""

# What the releases hung onto Argo's address, longest first.
_ENDINGS: Final = (
    "/api/v1/resource/streamchat",
    "/api/v1/resource/embed",
    "/api/v1/resource/chat",
    "/api/v1/models",
    "/api/v1",
    "/v1/messages",
    "/v1",
)
_NO_USER: Final = "Argo wants to know who asks: `argo-relay serve` asks for it, or write `user: NAME` into the file"
_OPEN: Final = (
    "was open to every machine, and whoever reached it used Argo in your name. To serve other machines set `keys`, "
    "which clients send as their API key, and then `host`"
)
_KEYS: Final = {key.name: key for key in KEYS}


def _dropped(reason: str) -> Becomes:
    return lambda value, old: Fate(fate="dropped", reason=reason)


def _unless_off(becomes: Becomes) -> Becomes:
    """Return what becomes of a switch that may be off, which it is here, too."""

    def become(value: object, old: Old) -> Fate:
        if value is None or value is False:
            return Fate(fate="dropped", reason="it is off, as here")
        if value is not True:
            raise ConfigError([f"it is {sort_of(value)}; expected true or false"])
        return becomes(value, old)

    return become


def _written(name: str, value: object, *, fate: Literal["taken", "changed"] = "taken", reason: str = "") -> Fate:
    """Return the fate of a value that becomes our key `name`, which must take it, if this relay has such a key."""
    if name not in _KEYS:
        return Fate(fate="dropped", reason=f"this release of argo-relay has no `{name}`")
    kind = _KEYS[name].kind
    try:
        for item in value if kind.many and isinstance(value, list) else [value]:
            kind.accept(item)
    except ConfigError as error:
        raise ConfigError([f"{error}; expected {kind.expected}"]) from None
    return Fate(fate=fate, ours={name: value}, reason=reason)


def _number(value: object) -> object:
    """Return what a number in quotes stands for; argo-proxy was not strict about them."""
    return plain(value.strip()) if isinstance(value, str) else value


def _user(value: object, _: Old) -> Fate:
    if value is None or value == "":
        return Fate(fate="dropped", reason=f"it is empty. {_NO_USER}")
    if value == "cels":
        return Fate(fate="dropped", reason=f"it was the placeholder of early releases, and no user. {_NO_USER}")
    name = value.strip().lower().removesuffix("@anl.gov") if isinstance(value, str) else value
    if name == value:
        return _written("user", name)
    return _written("user", name, fate="changed", reason="Argo knows users by the bare name in lower case")


def _host(value: object, _: Old) -> Fate:
    if isinstance(value, str) and not _is_loopback(value):
        ours = Config().host
        return _written("host", ours, fate="changed", reason=f"{shown(value)} {_OPEN}")
    return _written("host", value)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _socket(value: object, _: Old) -> Fate:
    if value is None or value == "":
        return Fate(fate="dropped", reason="it is empty: host and port are used, as here")
    return _written("socket", value)


def _timeout(value: object, _: Old) -> Fate:
    value = _number(value)
    reason = "argo-proxy ignored it since 2.6.0; here it holds, for whole replies and streams"
    total = _written("timeouts.total", value, fate="changed", reason=reason)
    if isinstance(value, int | float) and value > Config().timeouts.max_total:
        cap = "; timeouts.max_total, which caps what requests ask for, goes up with it"
        return Fate(fate="changed", ours={**total.ours, "timeouts.max_total": value}, reason=reason + cap)
    return total


def _address(name: str) -> Becomes:
    """Return what becomes of a key that names Argo: one address answers everything here, and the first one leads."""

    def become(value: object, old: Old) -> Fate:
        if value is None or value == "":
            return Fate(fate="dropped", reason="it is empty")
        if not isinstance(value, str):
            raise ConfigError([f"it is {sort_of(value)}; expected an address"])
        leader = next(key for key in ADDRESSES if old.values.get(key))
        base = _base(value)
        if name != leader:
            return Fate(fate="dropped", reason=_beside(base, leader, old))
        reason = (
            "" if base == value.rstrip("/") else "the address without the path of a route; the relay adds the paths"
        )
        environment = _environment(base, old)
        if environment is None:
            return _written("upstream.base_url", base, fate="changed" if reason else "taken", reason=reason)
        reason = reason or f"its address is known as Argo's {environment}"
        return _written("upstream.environment", environment, reason=reason)

    return become


def _beside(base: str, leader: str, old: Old) -> str:
    """Say why an address that does not lead is not needed, or is not followed."""
    if _base(str(old.values[leader])).lower() == base.lower():
        return f"one address serves every route here, and `{leader}` gives it already"
    environment = _environment(base, old)
    where = f", Argo's {environment}," if environment else ""
    return f"it names another place{where} than `{leader}`: one address serves every route here"


def _base(address: str) -> str:
    """Return an address without what the releases hung onto it."""
    base = address.strip().rstrip("/")
    for ending in _ENDINGS:
        if base.endswith(ending):
            return base.removesuffix(ending).rstrip("/")
    return base


def _environment(base: str, old: Old) -> str | None:
    return next((name for name, known in old.environments.items() if known == base.lower()), None)


def _resolve(value: object, _: Old) -> Fate:
    if value is None or value == {}:
        return Fate(fate="dropped", reason="it is empty")
    if not isinstance(value, dict):
        raise ConfigError([f"it is {sort_of(value)}; expected a mapping of HOST:PORT to an address"])
    lines = [f"{place}:{_bracketed(address)}" for place, address in value.items()]
    reason = "the same in curl's form, HOST:PORT:ADDRESS; argo-proxy ignored it since 3.3.0, here it holds"
    return _written("upstream.resolve", lines, fate="changed", reason=reason)


def _bracketed(address: object) -> str:
    text = str(plainest(address))
    return f"[{text}]" if ":" in text and not text.startswith("[") else text


def _refresh(value: object, _: Old) -> Fate:
    hours = _number(value)
    if isinstance(hours, bool) or not isinstance(hours, int | float):
        raise ConfigError([f"it is {sort_of(hours)}; expected a number of hours"])
    if hours == 0:
        return _written("upstream.refresh", None, fate="changed", reason="null is for never, as 0 was")
    return _written("upstream.refresh", hours * 3600, fate="changed", reason="in seconds, not hours")


def _chat_model(value: object, _: Old) -> Fate:
    name = value.removeprefix("argo:") if isinstance(value, str) else ""
    how = f"; to answer one name by another, say so: `aliases: {{NAME: {shown(name)[1:-1]}}}`" if name else ""
    return Fate(
        fate="dropped",
        reason="no model is ever answered by another: an unknown name gets a 404 with the closest ones"
        + (how if "aliases" in _KEYS else ""),
    )


def _log_file(_: object, old: Old) -> Fate:
    reason = "a file of its own beside the configuration, 0600; it is appended to and not rotated"
    return _written("log.file", old.log_file, fate="changed", reason=reason)


def _identity(_: object, __: Old) -> Fate:
    reason = "a client's own key is the Argo user; in argo-proxy it had no effect on who was charged"
    return _written("identity", "client", fate="changed", reason=reason)


def _image_size(value: object, old: Old) -> Fate:
    if old.values.get("enable_payload_control") is not True:
        return Fate(fate="dropped", reason="it had no effect while `enable_payload_control` was not true")
    reason = "it was for all images of a request, which were shrunk; here it is for each, and a larger one is refused"
    return _written("images.max_size", f"{plainest(_number(value))}MiB", fate="changed", reason=reason)


def _image_timeout(value: object, _: Old) -> Fate:
    reason = "it was for one image; here it is for all those of one request together"
    return _written("images.timeout", _number(value), fate="changed", reason=reason)


def _version(value: object, _: Old) -> Fate:
    known = value is None or str(value) in ("", "1", "2", "3")
    unknown = "" if known else f"; {shown(value)} is none of the versions known here, 1 to 3"
    return Fate(fate="dropped", reason=f"argo-relay's file needs no version{unknown}")


_NO_DUMPS: Final = "prompts and answers are never written to disk"
_ALWAYS_NATIVE: Final = "Argo's native routes are always used"
_NO_START_CHECK: Final = "nothing is asked or checked at the start, and there are no prompts to skip"

RULES: Final[Mapping[str, Becomes]] = {
    "config_version": _version,
    "user": _user,
    "host": _host,
    "port": lambda value, old: _written("port", _number(value)),
    "socket": _socket,
    "verbose": _dropped("the log has one line an exchange and never a prompt; `log.requests: false` ends these lines"),
    "num_workers": _dropped("one process serves many at a time; `workers` has more of them, each on a core of its own"),
    "timeout": _timeout,
    **{name: _address(name) for name in ADDRESSES},
    "mode": _dropped("it was for show only"),
    "real_stream": _dropped("a stream is always a real one"),
    "pseudo_stream": _dropped("a stream is always a real one"),
    "use_legacy_argo": _dropped("Argo's old gateway is not used: its native routes are, for every model"),
    "use_native_openai": _dropped(_ALWAYS_NATIVE),
    "use_native_anthropic": _dropped(_ALWAYS_NATIVE),
    "provider_tool_format": _dropped("tool calls come in the client's own dialect, always"),
    "tool_prompt": _dropped("tools are always native, never written into the prompt"),
    "enable_leaked_tool_fix": _dropped("it repaired replies of Argo's old gateway, which is not used"),
    "anthropic_stream_mode": _dropped("a client gets a stream or a whole reply as it asked, however Argo is asked"),
    "skip_url_validation": _dropped(_NO_START_CHECK),
    "connection_test_timeout": _dropped(_NO_START_CHECK),
    "model_refresh_interval_hours": _refresh,
    "default_chat_model": _chat_model,
    "default_embed_model": _dropped("argo-proxy never used it; here, too, a request must name its model"),
    "log_to_file": _unless_off(_log_file),
    "max_log_history": _dropped("prompts are never logged"),
    "data_dir": _dropped("nothing is kept on disk: no database, no dumps"),
    "dump_requests": _dropped(_NO_DUMPS),
    "dump_dir": _dropped(_NO_DUMPS),
    "resolve_overrides": _resolve,
    "enable_payload_control": _dropped("images are never shrunk"),
    "max_payload_size": _image_size,
    "image_timeout": _image_timeout,
    "concurrent_downloads": _dropped("it needs no setting"),
    "username_passthrough": _unless_off(_identity),
}
"""Every key that argo-proxy has had, in whatever release."""


def unsaid(old: Old) -> dict[str, Fate]:
    """Return what argo-proxy understood by keys that the file does not have, where we understand another thing."""
    fates: dict[str, Fate] = {}
    if "user" not in old.values:
        fates["user"] = Fate(fate="dropped", reason=_NO_USER)
    if "host" not in old.values and not old.values.get("socket"):
        fates["host"] = _written("host", Config().host, fate="changed", reason=f"argo-proxy's default {_OPEN}")
    if not any(old.values.get(name) for name in ADDRESSES):
        environment = Config().upstream.environment
        reason = f"argo-proxy used Argo's dev up to 3.2, and prod since; here it is {environment}"
        fates["argo_base_url"] = _written("upstream.environment", environment, fate="changed", reason=reason)
    return fates
