"""How people write a model's name, and the one small rule that reads it.

    a name     " Models/GPT-4o-2024-08-06"   any case, separators, known prefixes and suffixes
    bare       gpt-4o-2024-08-06             case folded, white space and prefixes gone
    readings   gpt4o20240806, gpt4o          separators gone: as written, then without its suffixes

A table maps readings to models. The first reading in the table decides, so a suffix is only dropped from a name that is
not itself known: `gpt-4o-latest` is not `gpt-4o` where a model of that name exists. Only separators are dropped: a
letter, a sign or a digit that was written always counts, so `gpt-4o+` and `gpt-4ö` mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_NAME = 200
"""The longest name, in characters, that can mean a model."""

# What users and SDKs put in front today: `argo:gpt-4o`, `openai/gpt-4o`, `models/gemini-2.5-pro`, `openai/argo:gpt-4`.
# They say which client or dialect is used, not who made the model, so they are not checked against its owner.
_PREFIXES = re.compile(r"(?:(?:argo|openai|anthropic|google|gemini|models)[:/]\s*)+")
# Claude Code's mark for a million tokens of context.
_WINDOW = re.compile(r"\s*\[1m\]$")
# A dated snapshot, which Argo cannot be asked for: 2024-08-06, 20250929, @20251001, OpenAI's older 0613; or latest.
_MONTH_DAY = r"(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])"
_SNAPSHOT = re.compile(rf"[\s_:@-](?:latest|20\d\d-?{_MONTH_DAY}|{_MONTH_DAY.replace('-?', '')})$")
# With the hyphens and the minus sign that word processors and web pages write.
_SEPARATORS = re.compile(r"[\s._\-\u2010-\u2015\u2212]+")
_NOT_SLUG = re.compile(r"[^a-z0-9.]+")

_VERSION = r"\d+(?:[.-]\d+)*"
_FORMS = (
    (re.compile(rf"^claude-([a-z]+)-({_VERSION})(?![a-z\d])"), r"claude-\2-\1"),
    (re.compile(rf"^claude-({_VERSION})-([a-z]+)(?![a-z\d])"), r"claude-\2-\1"),
    (re.compile(r"^gpt-(o\d)"), r"\1"),
    (re.compile(r"^(o\d)"), r"gpt-\1"),
)


def readings(name: str) -> Iterator[str]:
    """Yield the keys that `name` may stand for, the most literal first; none for a name that is too long."""
    if len(name) > MAX_NAME:
        return
    rest = bare(name)
    yield _SEPARATORS.sub("", rest)
    for suffix in (_WINDOW, _SNAPSHOT):
        shorter = suffix.sub("", rest)
        if shorter != rest:
            rest = shorter
            yield _SEPARATORS.sub("", rest)


def key(name: str) -> str:
    """Return the key under which a model's own name is entered in a table of readings; it may be empty."""
    return _SEPARATORS.sub("", bare(name))


def bare(name: str) -> str:
    """Return `name` with its case folded, and without surrounding white space and known prefixes."""
    folded = name.strip().lower()
    prefixes = _PREFIXES.match(folded)
    return folded[prefixes.end() :] if prefixes else folded


def stem(name: str) -> str:
    """Return the part of `name` worth comparing with others, as a slug: no prefixes, no suffixes, cut to a bound."""
    rest = bare(name[:MAX_NAME])
    for suffix in (_WINDOW, _SNAPSHOT):
        rest = suffix.sub("", rest)
    return slug(rest)


def slug(name: str) -> str:
    """Return `name` in the characters of a public id, a-z 0-9 . and -; it may be empty."""
    return _NOT_SLUG.sub("-", bare(name)).strip("-.")


def forms(slugged: str) -> tuple[str, ...]:
    """Return a slug and the other order its family is written in: claude-4.7-opus, gpt-o3-mini."""
    others = (pattern.sub(other, slugged, count=1) for pattern, other in _FORMS)
    return tuple(dict.fromkeys((slugged, *others)))
