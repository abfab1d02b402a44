"""The upstream itself: its models, and its time."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Final

from argo_relay.dialects.base import Call
from argo_relay.doctor.case import CLIENT_CERTIFICATES, Case
from argo_relay.doctor.finding import Check, Finding, Severity, Trouble, fine
from argo_relay.exchange.directory import Directory
from argo_relay.transport.base import Answer, Progress, Transport
from argo_relay.transport.causes import Cause

_CLOCK_SECONDS: Final = 60.0
_CLOCK_ADVICE: Final = (
    "Set this machine's clock, or have it set: `sudo timedatectl set-ntp true` on Linux, `sudo sntp -sS "
    "time.apple.com` on macOS. Certificates and logs go by it."
)
_STATUSES: Final = {
    401: "It does not take the key, or the user, that it was given: check `{key}.key_env`, for Argo `user`.",
    403: "It does not serve you, or a firewall on the way does not. Check `{key}.key_env`, for Argo `user`, and "
    "whether this machine is on the right network.",
    404: "There is no such path: check `{key}.base_url`. /v1/models is appended to it; Argo's ends in /argoapi.",
}
_MOVED: Final = "It sends us elsewhere, as login pages do: check `{key}.base_url`, and log in to the network."
_DOWN: Final = "The upstream itself is in trouble: try again in some minutes, and ask those who run it."
_NO_LIST: Final = (
    "Something that is not the upstream answered: check `{key}.base_url`, `{key}.kind`, and whether the network "
    "wants you to log in first."
)


class Overheard:
    """A transport that remembers its last answer's status and Date header, and when it came."""

    def __init__(self, inner: Transport, case: Case) -> None:
        self.status: int | None = None
        self.date: str | None = None
        self.at = 0.0
        self._inner = inner
        self._clock = case.clock

    async def open(self, call: Call, progress: Progress) -> Answer:
        """Send a call and return its answer; see Transport."""
        answer = await self._inner.open(call, progress)
        self.status, self.date, self.at = answer.status, answer.headers.get("date"), self._clock.wall()
        return answer

    async def close(self) -> None:
        """Cut all connections."""
        await self._inner.close()


async def check_models(case: Case, directory: Directory, heard: Overheard) -> Finding:
    """Ask for the list of models; raise Trouble."""
    if not await directory.refresh():
        raise Trouble(Check.MODELS, str(directory.trouble), _models_advice(heard.status, directory.trouble, case))
    listed = directory.roster.listed()
    chat = sum(model.kind == "chat" for model in listed)
    return fine(Check.MODELS, f"{len(listed)} models, {chat} of them to chat with")


def check_clock(heard: Overheard) -> Finding | None:
    """Compare this machine's clock with the upstream's; None when that one tells no time."""
    try:
        theirs = parsedate_to_datetime(heard.date or "").timestamp()
    except ValueError:
        return None
    apart = heard.at - theirs
    if abs(apart) <= _CLOCK_SECONDS:
        return fine(Check.CLOCK, f"this machine's clock and the upstream's agree within {max(1, abs(apart)):.0f} s")
    found = f"this machine's clock is {_span(abs(apart))} {'ahead of' if apart > 0 else 'behind'} the upstream's"
    return Finding(check=Check.CLOCK, severity=Severity.WARNING, found=found, advice=_CLOCK_ADVICE)


def _models_advice(status: int | None, trouble: str | None, case: Case) -> str:
    if status is None:
        certificate = CLIENT_CERTIFICATES.get(Cause(trouble)) if trouble in set(Cause) else None
        return case.way if certificate is None else certificate.format(key=case.key)
    if status in _STATUSES:
        advice = _STATUSES[status]
    elif 300 <= status < 400:
        advice = _MOVED
    else:
        advice = _DOWN if status >= 400 else _NO_LIST
    return advice.format(key=case.key)


def _span(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    return " ".join(f"{count} {unit}{'s' * (count != 1)}" for count, unit in parts if count) or "1 minute"
