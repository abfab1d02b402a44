"""Argo's notices: what comes in place of an answer, with status 200, to users that it turns away.

Two are known. IMPORTANT AUTHENTICATION NOTICE (recorded live in 2026-08): the user is unknown or has no access; its id
begins with `msg_blocked_`. IMPORTANT USAGE NOTICE (seen in 2026-10): the user's quota is spent. Both have no usage. In
2026-03 the first was put before a real answer, which is then left as it is.
"""

from __future__ import annotations

import re
from typing import Final

from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.reply import Usage
from argo_relay.upstreams.base import Notices

_BLOCKED: Final = "msg_blocked_"
_ORNAMENT: Final = re.compile(r"[\s*\u26a0\ufe0f\U0001f6ab]+")
_OPENING: Final = "IMPORTANT"
_MARK: Final = "NOTICE FROM ARGO"
_SORTS: Final = ("AUTHENTICATION", "USAGE")
_HEAD: Final = rf"{_OPENING} (?:{'|'.join(_SORTS)}) {_MARK}"
_BEGUN: Final = re.compile(rf"{_HEAD}\b")
_WHOLE: Final = re.compile(rf"{_HEAD} ACCESS [A-Z]+ .*END {_MARK}", re.DOTALL)
ADVICE: Final = {
    403: "The relay asks in the name of the configured `user`, or of the client's own key with `identity: client`: is "
    "it a bare ANL domain name? Argo's access is given by division; `argo-relay doctor` checks more.",
    429: "Trying again does not help before the quota is raised or a new period begins.",
}
"""What the relay adds to a notice's own words, by the status that it gives it."""


def _plain(text: str) -> str:
    return _ORNAMENT.sub(" ", text).strip()


def blocked(identifier: str) -> bool:
    """Say whether a reply's id is a notice's."""
    return identifier.startswith(_BLOCKED)


def may_begin(text: str) -> bool:
    """Say whether an answer that begins with `text` may turn out to be a notice."""
    said = _plain(text)
    if len(said) <= len(_OPENING):
        return _OPENING.startswith(said)
    return bool(_BEGUN.match(said)) or _grows_into(said)


def _grows_into(said: str) -> bool:
    words = said.split(" ")
    if len(words) == 1:
        # Longer than the first word of all.
        return False
    wanted = [_OPENING, words[1] if words[1] in _SORTS else "", *_MARK.split(" ")]
    head, last = words[:-1], words[-1]
    if len(words) == 2:
        return head == wanted[:1] and any(sort.startswith(last) for sort in _SORTS)
    return len(words) <= len(wanted) and head == wanted[: len(head)] and wanted[len(head)].startswith(last)


def verdict(identifier: str, text: str, usage: Usage | None) -> Failure | None:
    """Return the failure that a whole answer really is, or None for an answer.

    An answer that a model was paid for is one, whatever it quotes; where no usage is told, the notice must be all.
    """
    said = _plain(text)
    if not blocked(identifier):
        begun = _BEGUN.match(said) if usage is not None else _WHOLE.fullmatch(said)
        if not begun or (usage is not None and (usage.input or usage.output)):
            return None
    status = 429 if " USAGE " in said[:40] else 403
    words = re.sub(rf"^{_HEAD} | ?END {_MARK}$", "", said)
    words = re.sub(r"^(ACCESS [A-Z]+) ", r"\1. ", words)
    return Failure(
        kind=FailureKind.RATE_LIMIT if status == 429 else FailureKind.PERMISSION,
        status=status,
        code="argo_quota_exceeded" if status == 429 else "argo_access_denied",
        message=f"Argo says: {words} {ADVICE[status]}",
        at_fault="client",
        final=True,
    )


NOTICES: Final = Notices(
    marks=(_MARK.encode(), _BLOCKED.encode()), blocked=blocked, may_begin=may_begin, verdict=verdict
)
