"""A relay that learns: one refusal, one more request inside the same budget, and from then on none."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from argo_relay.config.schema import Config, ModelRow
from argo_relay.dialects.base import Call
from argo_relay.exchange.rulebook import Rulebook
from argo_relay.models.live import passing_profile, passing_roster
from argo_relay.models.roster import catalogue_roster
from argo_relay.neutral.failure import bad_request
from argo_relay.observe.record import Outcome
from argo_relay.transport.base import Answer, Progress
from support.stage import JSON, WHOLE, FakeClient, FakeUpstream, Play, Stage, ask, stage

pytestmark = pytest.mark.looptime


def refusal(name: str) -> bytes:
    message = f"Unsupported parameter: '{name}' is not supported with this model."
    error = {"message": message, "type": "invalid_request_error", "param": name, "code": "unsupported_parameter"}
    words = f"Error code: 400 - { {'error': error} }"
    wrapped = {"message": words, "type": "BadRequestError", "code": "internal_error"}
    return json.dumps({"error": wrapped}).encode()


class Fussy(FakeUpstream):
    """Refuses the first of these parameters that a body has, after a second."""

    def __init__(self, dislikes: tuple[str, ...]) -> None:
        super().__init__(Play())
        self.dislikes = dislikes
        self.bodies: list[dict[str, Any]] = []

    async def open(self, call: Call, progress: Progress) -> Answer:
        body = json.loads(call.body or b"")
        self.bodies.append(body)
        bad = next((name for name in self.dislikes if name in body), None)
        self.play = (
            Play(status=400, headers=JSON, body=[(1, refusal(bad))]) if bad else Play(headers=JSON, body=[(1, WHOLE)])
        )
        return await super().open(call, progress)


def fussy(*dislikes: str, config: Config | None = None) -> tuple[Stage, Fussy]:
    there = stage(Play(), config or Config(user="tester"))
    upstream = Fussy(dislikes)
    there.relay.main.directory.transport = upstream
    return there, upstream


async def test_a_request_is_sent_once_more_without_what_was_refused(caplog: pytest.LogCaptureFixture) -> None:
    there, upstream = fussy("seed", "logit_bias")
    said = ask(seed=1, logit_bias={}, temperature=2)
    with caplog.at_level(logging.WARNING, "argo_relay"):
        done = await there.run(FakeClient([(0, said)]))
    assert (done.client.status, done.record.outcome, done.took) == (200, Outcome.OK, 3)
    assert [sorted({"seed", "logit_bias"} & body.keys()) for body in upstream.bodies] == [
        ["logit_bias", "seed"],
        ["logit_bias"],
        [],
    ]
    assert done.client.headers["x-losses"] == "seed=dropped, logit_bias=dropped"
    assert [record.getMessage() for record in caplog.records] == [
        "learned of gpt4o (refused by the upstream); to keep it: models: "
        f"{{argo:gpt-4o: {{parameters: {{{name}: drop}}}}}}"
        for name in ("seed", "logit_bias")
    ]
    again = await there.run(FakeClient([(0, said)]))
    assert (again.client.status, len(upstream.bodies)) == (200, 4)


async def test_the_budget_covers_the_second_attempt() -> None:
    there, upstream = fussy("seed")
    done = await there.run(FakeClient([(0, ask(seed=1, timeout=1.5))]))
    assert (done.client.status, done.took, len(upstream.bodies)) == (504, 1.5, 2)


async def test_it_can_be_switched_off_and_the_users_own_rows_win() -> None:
    row = {"gpt-4o": ModelRow(parameters={"seed": "keep"})}
    for config in (Config(user="tester", learn=False), Config(user="tester", models=row)):
        there, upstream = fussy("seed", config=config)
        done = await there.run(FakeClient([(0, ask(seed=1))]))
        assert (done.client.status, len(upstream.bodies)) == (400, 1)
        error = done.client.json()["error"]
        assert (error["param"], error["code"]) == ("seed", "unsupported_parameter")
        assert error["message"] == "Unsupported parameter: 'seed' is not supported with this model."


async def test_a_strict_client_hears_of_it_instead() -> None:
    there, upstream = fussy("seed")
    done = await there.run(FakeClient([(0, ask(seed=1))], {"x-strict": "true"}))
    assert (done.client.status, len(upstream.bodies)) == (400, 1)
    assert done.client.json()["error"]["code"] == "translation_loss"


async def test_a_refusal_that_goes_on_is_told() -> None:
    names = tuple(f"x_{number}" for number in range(6))
    there, upstream = fussy(*names)
    done = await there.run(FakeClient([(0, ask(**dict.fromkeys(names, 1)))]))
    assert (done.client.status, len(upstream.bodies)) == (400, 5)


def test_packaged_rows_are_about_argos_models_only() -> None:
    gpt5 = catalogue_roster().resolve("gpt-5")
    assert gpt5 is not None
    argo = Rulebook({}, packaged=True, learns=True)
    vendor = Rulebook({"gpt5": ModelRow(parameters={"x": "drop"})}, packaged=False, learns=True)
    assert any(rule.parameter == "temperature" for rule in argo.of(gpt5, catalogue_roster()))
    mine = vendor.of(passing_profile("gpt5"), passing_roster(()))
    assert [rule.parameter for rule in mine if rule.do == "drop"] == ["x"]
    assert not vendor.of(passing_profile("other"), passing_roster(()))


def test_what_another_exchange_has_learned_meanwhile_counts() -> None:
    book = Rulebook({}, packaged=False, learns=True)
    profile = passing_profile("m")
    failure = bad_request("Unknown parameter: 'seed'", "seed", "unknown_parameter")
    sent = {"seed": 1}
    assert book.learn(profile, failure, "openai_chat", sent, ())
    assert book.learn(profile, failure, "openai_chat", sent, ())
    (rule,) = book.of(profile, passing_roster(()))
    assert not book.learn(profile, failure, "openai_chat", sent, (rule,))


def test_the_newest_lesson_on_a_parameter_counts() -> None:
    book = Rulebook({}, packaged=False, learns=True)
    profile, nobody = passing_profile("m"), passing_roster(())
    sent = {"effort": "x", "thinking": {"type": "enabled"}}
    lessons = [
        bad_request(f"{name}: Input should be 'low' or '{other}'", None)
        for name in ("effort",)
        for other in ("high", "max")
    ]
    for number in (0, 1, 0, 1):
        assert book.learn(profile, lessons[number], "anthropic", sent, book.of(profile, nobody))
        assert not book.learn(profile, lessons[number], "anthropic", sent, book.of(profile, nobody))
        (rule,) = book.of(profile, nobody)
        assert rule.values == ("low", ("high", "max")[number])


def test_an_upstream_cannot_fill_the_memory() -> None:
    book = Rulebook({}, packaged=False, learns=True)
    profile = passing_profile("m")
    for number in range(300):
        failure = bad_request("No.", f"p{number}", "unknown_parameter")
        book.learn(profile, failure, "openai_chat", {f"p{number}": 1}, ())
    assert len(book.of(profile, passing_roster(()))) == 200
