"""What Argo did at one time and not at another, and what else a tester can switch.

Sources about Argo contradict each other, each true on its day: ERAS is the one list of what they disagree about. An era
keeps what the one before it did wherever nobody has measured since.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

AsOf = Literal["2026-04", "2026-05", "2026-08", "2026-09"]


class Era(msgspec.Struct, frozen=True, kw_only=True):
    """What Argo did in one month."""

    told: str
    """What sets it apart, for people."""
    max_tokens: Literal["taken", "not by gpt4o", "not by openai"]
    """Who takes max_tokens on chat; who does not wants max_completion_tokens."""
    sampling: Literal["refused", "stripped"]
    """What becomes of a temperature or top_p that a Claude does not take, and of a top_p beside a temperature."""
    adaptive: bool
    """Whether Argo passes adaptive thinking on; before it did, every Claude took a budget."""
    whole_claude: bool
    """Whether a long Claude reply may be whole on chat."""
    user_field: bool
    """Whether chat and embeddings want `user` in the body, and go by nothing else."""
    leaking_calls: bool
    """Whether Claude's tool calls come as text on chat."""
    broken: frozenset[str]
    """Models whose every good request ends, after seconds, in an error's body under status 200."""
    responses: bool
    """Whether there is /v1/responses."""
    penalties: bool = True
    """Whether OpenAI's reasoning models on chat take penalties and biases, which its documentation says they do not."""


# fmt: off
ERAS: dict[AsOf, Era] = {
    # What gpt4o and every Claude refused are reported; and by one client, without a date, that `user` was wanted. That
    # Opus 4.7 took a budget, and the rest: inferred.
    "2026-04": Era(
        told="gpt4o refuses max_tokens, every Claude adaptive thinking; chat wants `user` in the body",
        max_tokens="not by gpt4o", sampling="refused", adaptive=False, whole_claude=True,
        user_field=True, leaking_calls=True, broken=frozenset(), responses=False,
    ),
    # Recorded from production on the 21st; what stands in `user_field` was not asked.
    "2026-05": Era(
        told="as recorded: Claude refuses sampling it does not take, Opus 4.1 is broken",
        max_tokens="taken", sampling="refused", adaptive=True, whole_claude=True,
        user_field=False, leaking_calls=True, broken=frozenset({"claudeopus41"}), responses=False,
    ),
    # A guide for users, and the list of routes. That max_tokens is refused, and by all of OpenAI's models, is inferred
    # from the guide's advice; so is that penalties are refused from then on, which no source dates.
    "2026-08": Era(
        told="Claude ignores sampling it does not take; OpenAI's models want max_completion_tokens; "
        "a long reply from Claude has to be a stream on chat, too",
        max_tokens="not by openai", sampling="stripped", adaptive=True, whole_claude=False,
        user_field=False, leaking_calls=False, broken=frozenset(), responses=False, penalties=False,
    ),
    # Identities measured on the 21st, /v1/responses on the 27th. The rest: inferred from August.
    "2026-09": Era(
        told="there is /v1/responses",
        max_tokens="not by openai", sampling="stripped", adaptive=True, whole_claude=False,
        user_field=False, leaking_calls=False, broken=frozenset(), responses=True, penalties=False,
    ),
}
# fmt: on
NEWEST: AsOf = "2026-09"


class Ways(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this Argo behaves: its era, and switches for what no era decides."""

    as_of: AsOf = NEWEST
    responses: bool = True
    """False: no /v1/responses, whatever the era."""
    retired: bool = True
    """False: models that Argo has retired are neither listed nor served."""
    fetch_images: bool = False
    """Whether images are taken by URL; what Argo does is not established."""
    gemini_500: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    """How often Gemini fails for no reason; in May 2026 it did 3 times in 18."""
    refused: dict[str, tuple[str, ...]] = {}
    """Parameters that models, by Argo's ids, refuse besides; see `imagined`."""

    @property
    def era(self) -> Era:
        """Return the era's row."""
        return ERAS[self.as_of]

    @property
    def has_responses(self) -> bool:
        """Whether there is /v1/responses."""
        return self.responses and self.era.responses


TODAY = Ways()
"""The newest era's, with nothing switched."""


class Switches:
    """The ways of an Argo that runs; they can change under whoever talks to it."""

    def __init__(self, ways: Ways) -> None:
        self.ways = ways

    def shown(self) -> dict[str, Any]:
        """Return how they stand."""
        return msgspec.structs.asdict(self.ways)

    def change(self, given: object) -> None:
        """Change the ways that `given` names and no other; ValueError says what is wrong with it."""
        named = msgspec.convert(given, dict[str, Any])
        self.ways = msgspec.convert(self.shown() | named, Ways)
