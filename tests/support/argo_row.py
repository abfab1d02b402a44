"""What a row of the table of Argo's ways is: what Argo does, what a client asks, and what it must get.

Rows are data. `argo_stand` plays them with the official SDKs; `argo_table` writes them down for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

CHAT, RESPONSES, ANTHROPIC, GOOGLE = DIALECTS = ("openai_chat", "openai_responses", "anthropic", "google")
WHOLE, STREAM = MODES = ("whole", "stream")
GPT, CLAUDE, GEMINI = MAKERS = ("argo:gpt-4o", "argo:claude-opus-4.5", "argo:gemini-2.5-pro")
"""One of each maker's, where the model itself does not matter."""
QUICK: Final = "[first_token=0] [gap=0]"
"""The simulator waits for nothing."""
NEWEST: Final = "2026-09"

ABSENT: Final = "(absent)"
PRESENT: Final = "(present)"
"""What is asked of a member of the request that reached Argo, besides its very value."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A reply, as the vendor's own API would give it."""

    stop: str = "ended"
    """ended | cut | called: the SDK's own word for it is the speaker's."""
    words: str = "This is the Argo simulator"
    """What its text begins with; empty: it has none."""
    holds: str = ""
    """What stands somewhere in its text."""
    losses: str | Mapping[str, str] = ""
    """`x-losses`, of all dialects or by dialect."""
    calls: int = 0
    thought: bool = False
    counted: bool = True
    """Whether it says what it cost."""
    model: str | Mapping[str, str] = ""
    """What it says of its model; empty: anything."""
    note: str = ""
    """What it is, for people, where that is not to be seen from all this."""


@dataclass(frozen=True, kw_only=True)
class Error:
    """The SDK's own exception for a status, which says what is wrong."""

    status: int
    says: tuple[str, ...]
    """What stands in its message."""
    code: str | None = None
    """None: whatever the vendor calls it."""
    param: str | None = None
    final: bool = False
    """Whether the SDK is told not to try again."""
    retry_after: str = ""
    after: bool = False
    """Whether a stream has begun before it."""


Gets = Answer | Error


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing that Argo does, and what becomes of it for clients."""

    section: str
    """Of the facts."""
    name: str
    does: str
    """What Argo does; for people."""
    asks: str = "anything"
    """What the client wants; for people."""
    gets: Gets = Answer()
    models: tuple[str, ...] = MAKERS
    prompt: str = ""
    """Directives besides QUICK."""
    wishes: Mapping[str, Any] = field(default_factory=dict)
    """What `Speaker.say` takes."""
    more: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Further arguments for the SDK, by dialect."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """The conversation, by dialect, in place of a question."""
    sent: Mapping[str, Any] = field(default_factory=dict)
    """What reached Argo: dotted names of members of the body, each with its value, ABSENT or PRESENT.

    `chat:`, `responses:` or `messages:` before a name: on that route alone; `whole:` or `stream:`: for that client.
    """
    route: str = ""
    """Which one Argo was asked on; empty: the one that is best for the model."""
    requests: int | tuple[int, ...] = 1
    """How many reached Argo; several: once the relay has learned from a refusal they are fewer."""
    user: str = "tester"
    """In whose name."""
    key: str = "dummy"
    """The client's."""
    relay: str = "plain"
    """Which of `argo_stand.RELAYS`."""
    era: str = NEWEST
    without: Mapping[str, str] = field(default_factory=dict)
    """Dialects, or `whole` or `stream`, for which there is no such thing, each with the reason."""
    unlike: Mapping[str, Gets] = field(default_factory=dict)
    """What differs for a dialect (also with a model or a mode after it) or for a mode."""
    known: str = ""
    """Why the relay does not do this yet: then the row must fail."""

    @property
    def id(self) -> str:
        return f"{self.section} {self.name}"

    def gets_by(self, model: str, dialect: str, mode: str) -> Gets:
        """Return what this client gets."""
        for key in (f"{dialect} {mode}", f"{dialect} {model}", dialect, mode):
            if key in self.unlike:
                return self.unlike[key]
        return self.gets


class Aside(NamedTuple):
    """Something in the facts that no request can show, and why."""

    section: str
    does: str
    why: str


class Case(NamedTuple):
    """One row, for one model, one SDK, whole or streamed."""

    row: Row
    model: str
    dialect: str
    mode: str

    @property
    def id(self) -> str:
        return f"{self.row.id}-{self.model.removeprefix('argo:')}-{self.dialect}-{self.mode}"


def cases(row: Row) -> list[Case]:
    """Return all that a row says."""
    return [
        Case(row, model, dialect, mode)
        for model in row.models
        for dialect in DIALECTS
        for mode in MODES
        if not {dialect, mode, f"{dialect} {mode}"} & set(row.without)
    ]


def maker(model: str) -> str:
    """Return who made a model of this name: openai, anthropic or google."""
    name = model.lower()
    return "anthropic" if "claude" in name else "google" if "gemini" in name else "openai"


def route_of(case: Case) -> str:
    """Return the last word of the path on which Argo has to be asked."""
    if case.row.route:
        return case.row.route
    if maker(case.model) == "anthropic":
        return "messages"
    return "responses" if maker(case.model) == "openai" and case.dialect == RESPONSES else "completions"


def everywhere(**members: Any) -> dict[str, dict[str, Any]]:
    """Return arguments that all four dialects call the same; Anthropic's SDK has given up those for sampling."""
    return {dialect: {"extra_body": members} if dialect == ANTHROPIC else members for dialect in DIALECTS}
