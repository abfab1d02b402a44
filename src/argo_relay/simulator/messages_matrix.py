"""Which Claude takes which parameters, as measured against production in May 2026.

Rows of models that Argo got later follow Opus 4.7, those that it has retired follow Opus 4.1. What Opus 4.1 makes of
temperature and top_p nobody knows: each of its answers was an error that day.
"""

from __future__ import annotations

import msgspec

from argo_relay.simulator.models import Model
from argo_relay.simulator.request import Request
from argo_relay.simulator.ways import Era


class Takes(msgspec.Struct, frozen=True, kw_only=True):
    """What one model takes."""

    sampling: bool
    """temperature or top_p."""
    both: bool
    """temperature together with top_p."""
    enabled: bool
    """Thinking with a budget."""
    adaptive: bool
    """Thinking without one."""
    any_effort: bool
    """Whatever stands in output_config.effort."""
    wordless: bool = False
    """Thoughts without their words, which newer models leave out by themselves; by Anthropic's documentation."""


_FROM_47 = Takes(sampling=False, both=False, enabled=False, adaptive=True, any_effort=False, wordless=True)

# fmt: off
_ROWS = {
    #                       temperature or top_p  both          thinking: enabled  adaptive        any effort
    "claudeopus46":   Takes(sampling=True,        both=False,   enabled=True,      adaptive=True,  any_effort=True),
    "claudesonnet46": Takes(sampling=True,        both=False,   enabled=True,      adaptive=True,  any_effort=True),
    "claudeopus45":   Takes(sampling=True,        both=False,   enabled=True,      adaptive=False, any_effort=True),
    "claudesonnet45": Takes(sampling=True,        both=False,   enabled=True,      adaptive=False, any_effort=True),
    "claudehaiku45":  Takes(sampling=True,        both=False,   enabled=True,      adaptive=False, any_effort=True),
    "claudeopus47":   _FROM_47,
    "claudeopus48":   _FROM_47,
    "claudesonnet5":  _FROM_47,
    "claudeopus5":    _FROM_47,
}
# fmt: on
_OLDER = Takes(sampling=True, both=True, enabled=True, adaptive=False, any_effort=True)


def takes(internal_id: str, era: Era) -> Takes:
    """Return a Claude's row."""
    row = _ROWS.get(internal_id, _OLDER)
    return row if era.adaptive else msgspec.structs.replace(row, enabled=True, adaptive=False)


def sampling_problem(request: Request, model: Model) -> str | None:
    """Return what a Claude says of temperature and top_p, in the months in which Argo passed them on."""
    if request.ways.era.sampling == "stripped":
        return None
    able = takes(model.internal_id, request.ways.era)
    given = [name for name in ("temperature", "top_p") if request.body.get(name) is not None]
    if given and not able.sampling:
        return f"`{given[0]}` is deprecated for this model."
    if len(given) == 2 and not able.both:
        return "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    return None
