"""A configuration file for people to edit: every key with its help and its default, made from the schema's table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap

from argo_relay.config.explain import written
from argo_relay.config.key import PREFIX
from argo_relay.config.keys import GROUPS, KEYS

_HEAD = f"""\
# The configuration of argo-relay.
#
# A key behind a `#` shows its default: take the `#` away and change the value. `argo-relay config check` says whether
# the file is fine, `argo-relay config show` which values hold and why. Each key but `models`, `upstreams` and `routes`
# has an environment variable, too, which goes before this file: {PREFIX}PORT for port, {PREFIX}TIMEOUTS_TOTAL for
# timeouts.total.
"""


def template(values: Mapping[str, object]) -> str:
    """Return a file in which the values given by dotted key are set (None is null), and all others behind a `#`."""
    lines = [*_HEAD.splitlines()]
    group = ""
    for key in KEYS:
        *groups, name = key.path
        indent = "  " * len(groups)
        if groups and groups[0] != group:
            group = groups[0]
            # The group's own line is no comment: an empty group is valid, and a key in it needs one `#` less.
            lines += ["", *_prose(GROUPS[group], ""), f"{group}:"]
        if not groups:
            lines.append("")
        lines += _prose(f"{key.meaning} Default: {written(key.default)}.", indent)
        if key.example is not None:
            lines.append(f"{indent}# Example: {key.example}")
        lines.append(
            f"{indent}{name}: {written(values[key.name])}"
            if key.name in values
            else f"{indent}#{name}: {written(key.default)}"
        )
    return "\n".join([*lines, ""])


def _prose(text: str, indent: str) -> Iterator[str]:
    yield from wrap(
        text, width=110, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ", break_on_hyphens=False
    )
