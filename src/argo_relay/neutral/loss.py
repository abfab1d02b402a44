"""What a dialect cannot say, said to the client: nothing is lost in silence."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that did not cross as it was.

    `path` is where it stood in neutral words (`messages[2].parts[0]`, `sampling.top_k`), `what` names it shortly
    (`seal`, `top_k`, `citation`), `why` is a sentence for a person, `how` is what became of it: `dropped`,
    `approximated` (said another way), `moved` (said in another place).
    """

    path: str
    what: str
    why: str
    how: Literal["dropped", "approximated", "moved"] = "dropped"


Losses = list[Loss]
"""What an encoder collects on its way."""


_ODD: Final = re.compile(r"[^!-~]|[,=]")
_LONGEST_NAME: Final = 40
_MOST_SHOWN: Final = 20


def name_of(loss: Loss) -> str:
    """Return what is lost for headers and counters: short, of ASCII letters; it may be a word of the client's own."""
    return _ODD.sub("?", loss.what[:_LONGEST_NAME])


def shown(losses: Losses) -> str:
    """Return losses for a header: `top_k=dropped, citation=approximated`, each once, in order; the first 20 of them."""
    said = list(dict.fromkeys(f"{name_of(loss)}={loss.how}" for loss in losses))
    more = [f"and {len(said) - _MOST_SHOWN} more"] if len(said) > _MOST_SHOWN else []
    return ", ".join([*said[:_MOST_SHOWN], *more])
