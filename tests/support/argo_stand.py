"""Plays rows of the table of Argo's ways: the real relay before the real simulator, asked with the official SDKs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Final, NamedTuple, Self

import anthropic
import httpx
import openai
from google.genai import errors as google_errors

from support.argo_row import (
    ABSENT,
    ANTHROPIC,
    GOOGLE,
    NEWEST,
    PRESENT,
    QUICK,
    Answer,
    Case,
    Error,
    Row,
    route_of,
)
from support.pictures import Pictures, pictures
from support.process import PATIENCE, RelayProcess, SimulatorProcess
from support.said import Said, Speaker
from support.speak_anthropic import AnthropicSpeaker
from support.speak_google import GoogleSpeaker
from support.speak_openai import ChatSpeaker, ResponseFailedError, ResponsesSpeaker

_KEPT: Final = (
    "{temperature: keep, top_p: keep, thinking: keep, output_config.effort: keep, max_tokens: keep, "
    "reasoning_effort: keep}"
)
_UNTOUCHED: Final = ("gpt-5", "claude-opus-4.7", "claude-opus-4.6", "claude-opus-4.5")
RELAYS: Final = {
    "plain": "user: tester\naliases: {gpt-4-turbo-old: gpt-4.1, summariser: claude-haiku-4.5}\n"
    "images: {allow: [127.0.0.1]}\n",
    # Each client's key is its name. It has read Argo's list while retired models were on it.
    "named": "identity: client\n",
    # The operator has told the relay to change no parameter of these, so that Argo's own refusals come through.
    "untouched": "user: tester\nlearn: false\nmodels: {"
    + ", ".join(f"{model}: {{parameters: {_KEPT}}}" for model in _UNTOUCHED)
    + "}\n",
    # What refusals teach it is asked for in rows of their own.
    "learning": "user: tester\n",
}
"""Configurations, without the upstream's address."""

_SPEAKERS: Final[dict[str, Callable[[str, str], Speaker]]] = {
    "openai_chat": ChatSpeaker,
    "openai_responses": ResponsesSpeaker,
    "anthropic": AnthropicSpeaker,
    "google": GoogleSpeaker,
}
CLASSES: Final[dict[int, dict[str, type[Exception]]]] = {
    status: {
        "openai": getattr(openai, name),
        "anthropic": getattr(anthropic, theirs or name),
        "google": google_errors.ClientError if status < 500 else google_errors.ServerError,
    }
    for status, name, theirs in (
        (400, "BadRequestError", ""),
        (401, "AuthenticationError", ""),
        (403, "PermissionDeniedError", ""),
        (404, "NotFoundError", ""),
        (413, "APIStatusError", "RequestTooLargeError"),
        (429, "RateLimitError", ""),
        (500, "InternalServerError", ""),
        (502, "InternalServerError", ""),
        (503, "InternalServerError", "ServiceUnavailableError"),
        (504, "InternalServerError", "DeadlineExceededError"),
        (529, "InternalServerError", "OverloadedError"),
    )
    if hasattr(anthropic, theirs or name)
}
"""What the SDKs raise for each status."""
_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""What Anthropic calls errors: in a stream it is all that tells them apart."""
FORBIDDEN: Final = (
    "{'error'",
    "{'type'",
    "Error code: 4",
    "Error code: 5",
    "Traceback",
    "<html",
    "anl.gov/argoapi",
    "NOTICE FROM",
)
"""What no error's message may hold: Python, pages, addresses, what Argo wraps around its notices."""


class Failed(NamedTuple):
    """What an SDK's exception says, whichever SDK it is; None where it cannot say."""

    status: int | None
    type: str | None
    code: str | None
    param: str | None
    message: str


class Seen(NamedTuple):
    """What became of one request."""

    said: Said | None
    error: Exception | None
    headers: Mapping[str, str]
    arrived: list[dict[str, Any]]


class Stand:
    """One simulator, and a relay of each sort when it is first asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._relays: dict[str, RelayProcess] = {}
        self._speakers: dict[tuple[str, str, str], Speaker] = {}
        self._era = NEWEST
        self._headers: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.simulator = self._stack.enter_context(SimulatorProcess())
        self.pictures: Pictures = self._stack.enter_context(pictures())
        self._http = self._stack.enter_context(httpx.Client(base_url=self.simulator.url, timeout=PATIENCE))
        self._relay("named")
        self._http.put("/simulator/era", json={"retired": False}).raise_for_status()
        return self

    def __exit__(self, *_: object) -> None:
        for speaker in self._speakers.values():
            speaker.close()
        self._stack.close()

    def play(self, case: Case) -> Seen:
        """Ask, and return what came of it."""
        row = case.row
        self._live_in(row.era)
        speaker = self._speaker(row.relay, case.dialect, row.key)
        self._http.delete("/simulator/exchanges").raise_for_status()
        wishes = {**row.wishes, "more": dict(row.more.get(case.dialect, {}))}
        if case.dialect in row.before:
            wishes["before"] = row.before[case.dialect]
        if wishes.get("image") == "url":
            wishes["image"] = f"{self.pictures.url}/dot.png"
        self._headers = {}
        said, error = None, None
        try:
            said = speaker.say(
                case.model, f"hello [chunks=5] {QUICK} {row.prompt}", stream=case.mode == "stream", **wishes
            )
        except speaker.failures as raised:
            error = raised
        arrived = self._http.get("/simulator/exchanges").json()
        return Seen(said, error, self._headers, arrived)

    def check(self, case: Case) -> None:
        """Play a case and say what is wrong with what comes of it, as an AssertionError."""
        row, seen = case.row, self.play(case)
        wanted = row.gets_by(case.model, case.dialect, case.mode)
        if isinstance(wanted, Answer):
            assert seen.error is None, f"raised {type(seen.error).__name__}: {seen.error}"
            assert seen.said is not None
            _check_answer(wanted, seen.said, self._speaker(row.relay, case.dialect, row.key), case)
            losses = wanted.losses if isinstance(wanted.losses, str) else wanted.losses.get(case.dialect, "")
            _equal("losses", seen.headers.get("x-losses", ""), losses)
        else:
            assert seen.error is not None, f"answered {seen.said}"
            _check_error(wanted, seen.error, seen.headers, case)
        _check_arrived(row, seen.arrived, case)

    def _live_in(self, era: str) -> None:
        if era != self._era:
            self._http.put("/simulator/era", json={"as_of": era}).raise_for_status()
            self._era = era

    def _relay(self, name: str) -> RelayProcess:
        if name not in self._relays:
            # Each row is about one request and what becomes of it.
            config = f"{RELAYS[name]}upstream: {{base_url: {self.simulator.url}}}\nretries: 0\n"
            relay = self._relays[name] = self._stack.enter_context(RelayProcess(config=config))
            # It answers when the list of models has been read.
            assert httpx.get(f"{relay.url}/ready", timeout=PATIENCE).json()["upstream"]["models_from"] == "upstream"
        return self._relays[name]

    def _speaker(self, relay: str, dialect: str, key: str) -> Speaker:
        if (relay, dialect, key) not in self._speakers:
            speaker: Any = _SPEAKERS[dialect](self._relay(relay).url, key)
            client = speaker.client._api_client._httpx_client if dialect == GOOGLE else speaker.client._client
            client.event_hooks = {"response": [self._note]}
            if dialect == ANTHROPIC:
                # As its users do who want long whole replies: the SDK refuses to ask for them otherwise.
                speaker.client.timeout = PATIENCE
            self._speakers[relay, dialect, key] = speaker
        return self._speakers[relay, dialect, key]

    def _note(self, response: Any) -> None:
        self._headers = dict(response.headers)


def _equal(what: str, found: object, wanted: object) -> None:
    assert found == wanted, f"{what}: {found!r}, and not {wanted!r}"


def _check_answer(wanted: Answer, said: Said, speaker: Speaker, case: Case) -> None:
    assert said.text.startswith(wanted.words) if wanted.words else not said.text, said.text
    assert wanted.holds in said.text, said.text
    _equal("stop", said.stop, {"ended": speaker.ended, "cut": speaker.cut, "called": speaker.called}[wanted.stop])
    _equal("calls", len(said.calls), wanted.calls)
    assert bool(said.thought) == wanted.thought, f"thought: {said.thought!r}"
    assert min(said.tokens) > 0 if wanted.counted else max(said.tokens) == 0, said.tokens
    model = wanted.model if isinstance(wanted.model, str) else wanted.model[case.dialect]
    _equal("model", said.model, model or said.model)


def _check_error(wanted: Error, error: Exception, headers: Mapping[str, str], case: Case) -> None:
    failed = told(error)
    begun = wanted.after and case.mode == "stream"
    for words in wanted.says:
        assert words in failed.message, failed.message
    for words in FORBIDDEN:
        assert words not in str(failed.message), failed.message
    assert failed.status in ((None, 200, wanted.status) if begun else (wanted.status,)), failed
    if not begun:
        _equal("raised", type(error), _class(wanted.status, case.dialect))
        _equal("x-should-retry", headers.get("x-should-retry", ""), "false" if wanted.final else "")
        _equal("retry-after", headers.get("retry-after", ""), wanted.retry_after)
    if case.dialect == ANTHROPIC:
        _equal("type", failed.type, _TYPES[wanted.status])
        return
    if not isinstance(error, ResponseFailedError):
        _equal("code", failed.code, wanted.code or failed.code)
        _equal("param", failed.param, wanted.param)


def _class(status: int, dialect: str) -> type[Exception]:
    return CLASSES[status][dialect.partition("_")[0]]


def told(error: Exception) -> Failed:
    """Return what an SDK's exception says."""
    if isinstance(error, ResponseFailedError):
        return Failed(None, None, error.code, None, str(error))
    if isinstance(error, google_errors.APIError):
        inner = error.details["error"]
        details = {one["@type"].rpartition(".")[2]: one for one in inner.get("details", [])}
        code = details.get("ErrorInfo", {}).get("reason", inner["status"])
        violations = details.get("BadRequest", {}).get("fieldViolations", [{}])
        return Failed(error.code, inner["status"], code, violations[0].get("field"), inner["message"])
    body: Any = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else {"message": str(error)}
    status = getattr(error, "status_code", None)
    return Failed(status, inner.get("type"), inner.get("code"), inner.get("param"), inner["message"])


def _check_arrived(row: Row, arrived: list[dict[str, Any]], case: Case) -> None:
    wanted = (row.requests,) if isinstance(row.requests, int) else row.requests
    assert len(arrived) in wanted, [(one["path"], one["body"]) for one in arrived]
    for one in arrived:
        _equal("user", one["user"], row.user)
    if not arrived:
        return
    last, route = arrived[-1], route_of(case)
    _equal("route", last["path"].rpartition("/")[2], route)
    body = last["body"]
    # On the Messages route the header says it; elsewhere both do, as `user` was wanted at times.
    _equal("user", body.get("user"), None if route == "messages" else row.user)
    short = {"completions": "chat"}.get(route, route)
    for name, value in row.sent.items():
        *conditions, path = name.split(":")
        if set(conditions) <= {short, case.mode, case.dialect}:
            found = _member(body, path)
            assert found != ABSENT if value == PRESENT else found == value, f"{path}: {json.dumps(found)[:300]}"


def _member(value: Any, path: str) -> Any:
    """Return what stands at a dotted path, numbers being places in lists; ABSENT where there is nothing."""
    for name in path.split("."):
        if isinstance(value, list):
            at = int(name)
            value = value[at] if -len(value) <= at < len(value) else ABSENT
        else:
            value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
    return value
