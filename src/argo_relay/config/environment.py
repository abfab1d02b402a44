"""ARGO_RELAY_* variables: one for each key of the schema that has no rows, and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from argo_relay.config.check import Findings, value_in
from argo_relay.config.key import PREFIX
from argo_relay.config.keys import KEYS
from argo_relay.config.search import FILE_VARIABLE

VARIABLES: Final = {key.variable: key for key in KEYS if not key.rows}

# Kubernetes sets these in every pod beside a Service called argo-relay
# (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
_SERVICE_LINK = re.compile(PREFIX + r"(SERVICE_|PORT_[0-9]+_)")
_SERVICE_ADVICE: Final = "Kubernetes sets it for a Service of that name: set `enableServiceLinks: false` in the pod"


def read_environment(environ: Mapping[str, str], findings: Findings) -> None:
    """Take every ARGO_RELAY_* variable as a setting; refuse unknown names. An empty one counts as not set."""
    for name in sorted(environ):
        text = environ[name]
        if not name.startswith(PREFIX) or name == FILE_VARIABLE or not text:
            continue
        key = VARIABLES.get(name)
        if _SERVICE_LINK.match(name) or (name == f"{PREFIX}PORT" and text.startswith(("tcp://", "udp://"))):
            findings.tell(name, _SERVICE_ADVICE)
        elif key is None:
            findings.tell(name, f"unknown variable; did you mean {_nearest(name)}?")
        else:
            findings.take(key, key.path, value_in(key.kind, text), f"env {name}")


def _nearest(name: str) -> str:
    """Return the known variable that ends in the same words, or else the one that looks most alike."""
    known = {variable.removeprefix(PREFIX): variable for variable in (*VARIABLES, FILE_VARIABLE)}
    own = name.removeprefix(PREFIX)
    ending = [tail for tail in known if tail.endswith(f"_{own}")]
    return known[(ending or get_close_matches(own, known, n=1, cutoff=0.0))[0]]
