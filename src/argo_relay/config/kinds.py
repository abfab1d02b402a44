"""What a value may look like: one Kind for each sort of key, the same for YAML, the environment and the command line.

A reader takes a plain Python value and returns the one that is kept. It raises ConfigError with what is wrong, in a few
words without the place and the key, which only the caller knows. Readers of anything secret never repeat the value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from argo_relay.errors import ConfigError

Reader = Callable[[object], object]

# What YAML 1.1 (https://yaml.org/type/) makes of an unquoted word, less its traps: an octal, hexadecimal or sexagesimal
# number or a date stays text here, and is refused where a number is wanted.
_MEANINGS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null"), None),
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
}
_WORDS: Final = {
    form: meaning for word, meaning in _MEANINGS.items() for form in (word, word.capitalize(), word.upper())
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9](?:_?[0-9]){0,30})")
_REAL = re.compile(r"[-+]?(?:(?:0|[1-9](?:_?[0-9])*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_BOUNDLESS = re.compile(r"([-+]?)\.(inf|Inf|INF|nan|NaN|NAN)")

_USER = re.compile(r"[a-z][a-z0-9._-]{0,31}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_CLIENT_KEY = re.compile(r"[!-~]+")
_AUTHORITY = r"(?:[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://" + _AUTHORITY)
_BASE_URL = re.compile(r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://" + _AUTHORITY + r"(?:/[!-~]*)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?) ?((?:[KMG]i?)?B)", re.IGNORECASE)
_UNITS: Final = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_LARGEST: Final = 2**40
_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(ms|s|m|min|h)")
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600}
_PARAMETER = re.compile(r"[A-Za-z_]\w{0,63}(?:\.[A-Za-z_]\w{0,63})?")
_DEED = re.compile(
    r"keep|drop(?: unless \S+| beside [\w.]+)?|rename \w+|default \S+|nearest(?: \w+)+|thinking(?: adaptive| enabled)?"
)
_LONGEST_NAME: Final = 200
"""As in `models.names`: no longer name can mean a model."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A sort of value: what people are told to write, and how it is read."""

    expected: str
    read: Reader
    textual: bool = False
    """The value is text, so an environment variable's text is taken as it stands."""
    nullable: bool = False
    many: bool = False
    """The key holds a list; `read` takes one item of it."""
    pairs: bool = False
    """The key holds a mapping of names to texts; `read` takes one (name, text) of it."""

    def accept(self, value: object) -> object:
        """Return the value to keep; raise ConfigError saying what is wrong with it."""
        return None if value is None and self.nullable else self.read(value)


def plain(text: str) -> str | float | bool | None:
    """Return what an unquoted word stands for: null, a boolean, a decimal number, or itself."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _REAL.fullmatch(text):
        return float(text)
    if boundless := _BOUNDLESS.fullmatch(text):
        return float(boundless[1] + boundless[2])
    return text


def shown(value: object) -> str:
    """Return a value fit for one line of a terminal: short, and without control characters."""
    text = repr(value)[1:-1] if isinstance(value, str) else str(plainest(value))
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def plainest(value: object) -> object:
    """Return a value as it is written in YAML and JSON: lower-case words, and no `.0` after a whole number."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def sort_of(value: object) -> str:
    """Return what a value is, in a person's words and without repeating it."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", dict: "a mapping"}
    return names.get(type(value), "a list" if isinstance(value, Sequence) else "something else")


def _wrong(what: str) -> ConfigError:
    return ConfigError([what])


def _number(value: object) -> float:
    if isinstance(value, str):
        hint = ""
        if isinstance(plain(value), int | float) and not isinstance(plain(value), bool):
            hint = " (take the quotes away)"
        elif re.fullmatch(r"0[0-9_]+", value):
            hint = " (a leading zero means octal in some readers of YAML)"
        raise _wrong(f"{shown(value)} is text{hint}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(f"it is {sort_of(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _wrong("it is not a finite number")
    return number


def at_least(least: float, value: object, *, above: bool = False) -> float:
    """Read a number, `least` or more; only more when `above`."""
    number = _number(value)
    if number < least or (above and number == least):
        raise _wrong(f"{shown(value)} is {'not greater' if above else 'less'} than {least:g}")
    return number


def whole(least: int, most: int) -> Callable[[object], int]:
    """Return the reader of a whole number within bounds."""

    def read(value: object) -> int:
        number = at_least(least, value)
        if not number.is_integer():
            raise _wrong(f"{shown(value)} is not a whole number")
        if number > most:
            raise _wrong(f"{shown(value)} is greater than {most}")
        return value if isinstance(value, int) else int(number)

    return read


def _seconds(value: object) -> object:
    """Return a time that has a unit in seconds, and all else as it came."""
    if isinstance(value, str) and (match := _TIME.fullmatch(value)):
        return float(match[1]) * _SECONDS[match[2]]
    return value


def _duration(value: object) -> float:
    return at_least(0, _seconds(value), above=True)


def _beat(value: object) -> float | None:
    return at_least(0, _seconds(value)) or None


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(f"{shown(value)} is {sort_of(value)}" if isinstance(value, str) else f"it is {sort_of(value)}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        hint = "" if isinstance(value, list | dict) or value is None else " (put it in quotes if you mean text)"
        raise _wrong(f"it is {sort_of(value)}{hint}")
    if not value:
        raise _wrong("it is empty")
    if value != value.strip():
        raise _wrong("it begins or ends with white space")
    if not value.isprintable():
        raise _wrong("it holds a character that cannot be printed")
    return value


def is_user(text: str) -> bool:
    """Say whether a text can be an Argo user's name."""
    return _USER.fullmatch(text) is not None


def _user(value: object) -> str:
    text = _text(value)
    if not is_user(text):
        raise _wrong(f"{shown(text)} is not an Argo user name")
    return text


def _host(value: object) -> str:
    text = _text(value)
    if not _HOST.fullmatch(text):
        import ipaddress  # noqa: PLC0415 - only for a host that is not plainly a name

        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise _wrong(f"{shown(text)} is not a host name or an address") from None
    return text


def _place(value: object) -> str:
    text = _text(value).lower()
    if "/" not in text:
        return _host(text)
    import ipaddress  # noqa: PLC0415 - only where networks are named

    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise _wrong(f"{shown(text)} is not a network ({error})") from None


def _path(value: object) -> str:
    try:
        return str(Path(_text(value)).expanduser())
    except RuntimeError:
        raise _wrong(f"the home directory in {shown(value)} is not known") from None


def _client_key(value: object) -> str:
    text = _text(value)
    if not _CLIENT_KEY.fullmatch(text):
        raise _wrong("it holds a character that an HTTP header cannot carry")
    return text


def _model_name(value: object) -> str:
    text = _text(value)
    if len(text) > _LONGEST_NAME:
        raise _wrong(f"{shown(text)} is longer than {_LONGEST_NAME} characters")
    return text


def _origin(value: object) -> str:
    text = _text(value).lower()
    match = _ORIGIN.fullmatch(text)
    if not match or not _is_port(match["port"]):
        raise _wrong(f"{shown(text)} is not a browser's origin")
    # A browser leaves its scheme's own port out (https://www.rfc-editor.org/rfc/rfc6454#section-6.1).
    for scheme, port in (("http://", ":80"), ("https://", ":443")):
        if text.startswith(scheme):
            text = text.removesuffix(port)
    return text


def _base_url(value: object) -> str:
    """Read an upstream's address; nothing of it is repeated, for it may hold a password where none belongs."""
    text = _text(value)
    if "@" in text.partition("://")[2].partition("/")[0]:
        raise _wrong("it holds a user name or a password")
    if "?" in text or "#" in text:
        raise _wrong("it holds a query or a fragment")
    match = _BASE_URL.fullmatch(text)
    if not match or not _is_port(match["port"]):
        raise _wrong("it is not an address of that form")
    text = match["scheme"].lower() + text[match.end("scheme") :].rstrip("/")
    for ending in ("/v1", "/v1beta", "/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/models"):
        if text.endswith(ending):
            raise _wrong(f"it ends in {ending}: leave that away, the relay adds /v1/chat/completions and /v1/models")
    return text


def _variable(value: object) -> str:
    """Read a variable's name; a key that somebody wrote in its place is not repeated."""
    text = _text(value)
    if not _VARIABLE.fullmatch(text):
        raise _wrong("it is not the name of a variable (a key itself belongs into the environment)")
    return text


def _is_port(digits: str | None) -> bool:
    return digits is None or 0 < int(digits) < 65536


def _size(value: object) -> int:
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        value = int(float(match[1]) * _UNITS[match[2].lower()])
    return whole(1, _LARGEST)(value)


def _refuse(value: object) -> object:
    raise _wrong(f"it is {sort_of(value)}")


def choice(*words: str) -> Kind:
    """Return the Kind of a key that takes one of a few words."""

    def read(value: object) -> str:
        text = _text(value)
        if text not in words:
            raise _wrong(f"{shown(text)} is none of these")
        return text

    return Kind(expected=f"{', '.join(words[:-1])} or {words[-1]}", read=read, textual=True)


def _parameter(value: object) -> str:
    text = _text(value)
    if not _PARAMETER.fullmatch(text):
        raise _wrong(f"{shown(text)} is not the name of a parameter, or of a member of one")
    return text


def _deed(value: object) -> str:
    text = _text(value)
    if not _DEED.fullmatch(text):
        words = (
            "keep, drop, drop unless VALUE, drop beside NAME, rename NAME, default VALUE, nearest WORD ..., thinking"
        )
        raise _wrong(f"{shown(text)} is none of {words}")
    return text


def mapping(expected: str, name: Reader, text: Reader) -> Kind:
    """Return the Kind of a key that maps names to texts, each with its own reader."""

    def read(pair: object) -> tuple[object, object]:
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise _wrong("it is not of the form NAME=TEXT")
        return name(pair[0]), text(pair[1])

    return Kind(expected=expected, read=read, textual=True, pairs=True)


DURATION = Kind(expected="a number of seconds greater than 0, or a time such as 500ms, 30s, 5m or 2h", read=_duration)
DURATION_OR_NONE = Kind(
    expected="a number of seconds greater than 0, a time such as 30s or 5m, or null for none",
    read=_duration,
    nullable=True,
)
INTERVAL_OR_NONE = Kind(
    expected="a number of seconds, 1 or more, a time such as 30m, or null for never",
    read=lambda value: at_least(1, _seconds(value)),
    nullable=True,
)
BEAT = Kind(expected="a number of seconds, or null or 0 for none", read=_beat, nullable=True)
GRACE = Kind(expected="a number of seconds, 0 or more", read=lambda value: at_least(0, _seconds(value)))
PORT = Kind(expected="a whole number from 0 to 65535", read=whole(0, 65535))
PORT_OR_NONE = Kind(expected="a whole number from 0 to 65535, or null for none", read=whole(0, 65535), nullable=True)
COUNT = Kind(expected="a whole number from 1 to 1000000", read=whole(1, 10**6))
COUNT_OR_NONE = Kind(
    expected="a whole number from 1 to 1000000, or null for no limit of its own", read=whole(1, 10**6), nullable=True
)
COUNT_OR_ZERO = Kind(expected="a whole number from 0 to 1000000", read=whole(0, 10**6))
_FEW: Final = whole(1, 256)
WORKERS = Kind(expected="a whole number from 1 to 256, or auto", read=lambda it: it if it == "auto" else _FEW(it))
SIZE = Kind(expected="a number of bytes, or a size such as 64MiB, 10 MB or 512KiB; from 1 byte to 1024 GiB", read=_size)
BOOLEAN = Kind(expected="true or false", read=_boolean)
USER = Kind(expected="the bare ANL domain name, lower case, without @anl.gov", read=_user, textual=True, nullable=True)
HOST = Kind(expected="a host name or an IP address, without scheme, port or brackets", read=_host, textual=True)
PATH_OR_NONE = Kind(expected="the path of a file, or null for none", read=_path, textual=True, nullable=True)
CLIENT_KEYS = Kind(
    expected="a list of client keys, each of visible ASCII characters", read=_client_key, textual=True, many=True
)
KEYS_OF_USERS = mapping("a mapping of client keys to Argo user names", _client_key, _user)
DEEDS = mapping("a mapping of parameters to what becomes of each, such as drop or rename NAME", _parameter, _deed)
MODEL_NAME = Kind(expected="a model's name", read=_model_name, textual=True)
NAMES_OF_MODELS = mapping("a mapping of names to models' names", _model_name, _model_name)
ORIGINS = Kind(
    expected="a list of origins, each scheme://host[:port] without a path, such as https://app.example.org",
    read=_origin,
    textual=True,
    many=True,
)
PLACES = Kind(
    expected="a list of host names, addresses and networks, such as images.lab.example, 10.1.2.3 or 10.1.0.0/16",
    read=_place,
    textual=True,
    many=True,
)
BASE_URL = Kind(
    expected="http(s)://host[:port][/path] without user name, query or fragment",
    read=_base_url,
    textual=True,
    nullable=True,
)
VARIABLE = Kind(
    expected="the name of an environment variable, or null for none", read=_variable, textual=True, nullable=True
)
ROWS = Kind(expected="a mapping of names to what is set for each", read=_refuse)
