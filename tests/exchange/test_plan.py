"""Which lane a request takes, what is sent for it, and what cannot cross."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import pytest

from argo_relay.config.schema import Upstream as UpstreamConfig
from argo_relay.dialects.base import Dialect, Incoming, Target
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import Refused
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.gather import GatherStage
from argo_relay.exchange.operations import plan as plan_of
from argo_relay.exchange.plan import Asked, Plan, check_strict, foreign, plan_reply, target_of
from argo_relay.exchange.translate import TranslateStage
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.framing import jsonx
from argo_relay.framing.jsonx import REMOVED
from argo_relay.models.live import passing_profile
from argo_relay.models.profile import Profile
from argo_relay.models.roster import catalogue_roster
from argo_relay.neutral.content import Reasoning, Seal, ToolCall
from argo_relay.neutral.loss import Loss
from argo_relay.neutral.reply import Reply, Stop
from argo_relay.neutral.seals import may_carry
from argo_relay.operations.completions import COMPLETIONS
from argo_relay.upstreams.base import Operation, Upstream
from argo_relay.upstreams.choose import upstream_of
from support import corpus

BODIES: dict[str, dict[str, Any]] = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"model": "m", "input": "hi"},
    "anthropic": {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]},
    "google": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    "openai_completions": {"model": "m", "prompt": "hi"},
}
ARGO = {"gpt": "gpt-4o", "claude": "claude-opus-4.5", "gemini": "gemini-2.5-pro"}


def upstream(kind: Any = "argo") -> Upstream:
    return upstream_of(UpstreamConfig(kind=kind), "jdoe", {}, "http://up.example")


def model(name: str) -> Profile:
    found = catalogue_roster().resolve(name)
    assert found is not None
    return found


def asked(client: str, profile: Profile, *, headers: Any = None, **fields: Any) -> Asked:
    dialect = COMPLETIONS if client == COMPLETIONS.name else DIALECTS[client]
    operation = Operation.COMPLETE if client == COMPLETIONS.name else Operation.GENERATE
    entry = Entry(dialect=dialect, operation=operation, model="m", stream=fields.pop("streamed", None))
    outline = dialect.outline(entry.incoming(json.dumps(BODIES[client] | fields).encode()))
    return Asked(entry=entry, outline=outline, profile=profile, headers=headers or {}, request_id="r", received=7)


def sent(plan: Plan) -> dict[str, Any]:
    assert plan.call is not None
    body: dict[str, Any] = json.loads(plan.call.body or b"")
    return body


def path(plan: Plan) -> str:
    assert plan.call is not None
    return plan.call.url.removeprefix("http://up.example")


ROUTES = {
    # client, model: dialect of Argo's route, verbatim
    ("openai_chat", "gpt"): ("openai_chat", True),
    ("openai_chat", "gemini"): ("openai_chat", True),
    ("openai_chat", "claude"): ("anthropic", False),
    ("openai_responses", "gpt"): ("openai_responses", True),
    ("openai_responses", "gemini"): ("openai_chat", False),
    ("openai_responses", "claude"): ("anthropic", False),
    ("anthropic", "gpt"): ("openai_chat", False),
    ("anthropic", "gemini"): ("openai_chat", False),
    ("anthropic", "claude"): ("anthropic", True),
    ("google", "gpt"): ("openai_chat", False),
    ("google", "gemini"): ("openai_chat", False),
    ("google", "claude"): ("anthropic", False),
    ("openai_completions", "gpt"): ("openai_chat", False),
    ("openai_completions", "claude"): ("anthropic", False),
}


@pytest.mark.parametrize(("client", "name"), ROUTES)
def test_argos_models_each_on_their_route(client: str, name: str) -> None:
    spoken, own = ROUTES[client, name]
    profile = model(ARGO[name])
    plan = plan_reply(upstream(), asked(client, profile))
    assert (plan.spoken.name, plan.own, plan.stream) == (spoken, own, False)
    assert isinstance(plan.stage, VerbatimStage if own else TranslateStage)
    assert sent(plan)["model"] == profile.internal_id
    assert "jdoe" in json.dumps([sent(plan), plan.call and plan.call.headers])


KINDS = {"openai": "openai_chat", "openai_responses": "openai_responses", "anthropic": "anthropic", "google": "google"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", KINDS.values())
def test_a_vendors_server_is_asked_in_its_own_dialect(client: str, kind: str) -> None:
    plan = plan_reply(upstream(kind), asked(client, passing_profile("m")))
    assert (plan.spoken.name, plan.own) == (KINDS[kind], KINDS[kind] == client)
    assert not plan.losses


@pytest.mark.parametrize(
    ("kind", "where", "own"),
    [
        ("openai", "/v1/completions", True),
        ("openai_responses", "/v1/responses", False),
        ("anthropic", "/v1/messages", False),
    ],
)
def test_legacy_completions_stay_what_they_are_only_where_they_exist(kind: str, where: str, own: bool) -> None:
    plan = plan_reply(upstream(kind), asked("openai_completions", passing_profile("m"), echo=None))
    assert (path(plan), plan.own, "prompt" in sent(plan)) == (where, own, own)


def test_relayed_completions_are_watched_as_such() -> None:
    stage = plan_reply(upstream("openai"), asked("openai_completions", passing_profile("m"), stream=True)).stage
    splitter = stage.upstream.splitter()
    stage.feed(splitter.feed(b'data: {"choices":[{"index":0,"text":"a","finish_reason":null}]}\n\n'))
    assert stage.events == 1


def test_verbatim_means_that_nothing_else_is_touched() -> None:
    said = asked("openai_chat", model("gpt-4o"), odd=[1.0, 2**70], timeout=5, n=3, store=True)
    expected = json.loads(said.outline.body.splice({"model": "gpt4o", "user": "jdoe", "timeout": REMOVED}))
    assert sent(plan_reply(upstream(), said)) == expected
    assert "timeout" not in expected


def test_streams_are_asked_for_as_the_upstream_wants_it() -> None:
    for kind, where in (("google", "/v1beta/models/m:streamGenerateContent?alt=sse"), ("anthropic", "/v1/messages")):
        plan = plan_reply(upstream(kind), asked("openai_chat", passing_profile("m"), stream=True))
        assert (plan.stream, path(plan)) == (True, where)
        assert sent(plan).get("stream", kind == "google")


STATE = {
    "previous_response_id": ("openai_responses", "resp_1"),
    "conversation": ("openai_responses", "conv_1"),
    "background": ("openai_responses", True),
    "prompt": ("openai_responses", {"id": "pmpt_1"}),
    "n": ("openai_chat", 2),
}


@pytest.mark.parametrize("field", STATE)
def test_what_would_change_the_answer_if_it_were_left_out_is_refused(field: str) -> None:
    client, value = STATE[field]
    with pytest.raises(Refused) as caught:
        plan_reply(upstream("anthropic"), asked(client, passing_profile("m"), **{field: value}))
    failure = caught.value.failure
    assert (failure.status, failure.param) == (400, field)
    assert failure.message.count("`") >= 2
    own = "openai" if client == "openai_chat" else client
    assert sent(plan_reply(upstream(own), asked(client, passing_profile("m"), **{field: value})))[field] == value


def test_candidates_are_googles_n() -> None:
    config = {"generationConfig": {"candidateCount": 2}}
    with pytest.raises(Refused, match="must be 1"):
        plan_reply(upstream("anthropic"), asked("google", passing_profile("m"), **config))


@pytest.mark.parametrize(
    ("field", "value"),
    [("n", 1), ("n", None), ("background", False), ("previous_response_id", None), ("conversation", None)],
)
def test_what_asks_for_nothing_is_no_reason_to_refuse(field: str, value: Any) -> None:
    client = "openai_chat" if field == "n" else "openai_responses"
    plan = plan_reply(upstream("anthropic"), asked(client, passing_profile("m"), **{field: value}))
    assert plan.call is not None


@pytest.mark.parametrize("said", ["true", "TRUE ", "1", "yes"])
def test_who_is_strict_gets_an_error_in_place_of_a_loss(said: str) -> None:
    lossy = {"top_k": 5}
    strict = asked("anthropic", passing_profile("m"), headers={"x-strict": said}, **lossy)
    with pytest.raises(Refused) as caught:
        plan_reply(upstream("openai_responses"), strict)
    failure = caught.value.failure
    assert (failure.status, failure.code) == (400, "translation_loss")
    assert "top_k" in failure.message
    assert "top_k" in (failure.param or "")
    fine = asked("anthropic", passing_profile("m"), headers={"x-strict": said})
    assert plan_reply(upstream("openai_responses"), fine).losses == []
    for other in ("", "false", "0", "no"):
        kept = plan_reply(
            upstream("openai_responses"), asked("anthropic", passing_profile("m"), headers={"x-strict": other}, **lossy)
        )
        assert [loss.what for loss in kept.losses] == ["top_k"]


def test_a_strict_client_is_told_of_everything_at_once() -> None:
    losses = [Loss(path=f"p.{name}", what=name, why=f"No {name} there.") for name in ("a", "b")]
    strict = asked("openai_chat", passing_profile("m"), headers={"x-strict": "true"})
    with pytest.raises(Refused) as caught:
        check_strict(strict, losses)
    assert "2 things in all: a=dropped, b=dropped." in caught.value.failure.message
    with pytest.raises(Refused) as caught:
        check_strict(strict, losses[:1])
    assert "in all" not in caught.value.failure.message
    check_strict(strict, [])


def test_a_request_is_written_for_the_model_that_answers() -> None:
    claude = model("claude-opus-4.5")
    assert target_of(upstream(), asked("openai_chat", claude)) == Target(
        model="claudeopus45", owner="anthropic", max_output=claude.max_output
    )
    assert target_of(upstream("openai"), asked("openai_chat", passing_profile("gpt-5"))) == Target(
        model="gpt-5", owner=None
    )


def test_what_a_client_says_to_its_own_vendor_stays_with_that_vendor() -> None:
    headers = {"anthropic-beta": "a", "openai-organization": "b", "traceparent": "t", "x-strict": "1"}
    assert foreign(headers) == {"traceparent": "t", "x-strict": "1"}
    assert foreign({"traceparent": "t", "openai-organization": "b"}) == {"traceparent": "t"}
    assert foreign({"anthropic-beta": "a"}) == {}
    assert foreign({"traceparent": "t"}) == {"traceparent": "t"}


FOREIGN: dict[str, Literal["anthropic", "google"]] = {
    "openai_chat": "anthropic",
    "openai_responses": "google",
    "anthropic": "google",
    "google": "anthropic",
}


@pytest.mark.parametrize("client", FOREIGN)
def test_a_seal_that_another_model_left_in_a_conversation_goes_to_nobody_else(client: str) -> None:
    """In the verbatim lane, too: the next model would refuse it, or the id that carries it."""
    turns = sealed(client, Seal(issuer=FOREIGN[client], kind="signature", value="c2VjcmV0"))
    again = asked(client, passing_profile("m"), **turns)
    assert may_carry(again.outline.body.text, encoded=True)
    plan = plan_reply(upstream({"openai_chat": "openai"}.get(client, client)), again)
    assert not may_carry(plan.call.body or b"" if plan.call else b"", encoded=True)
    assert plan.own
    assert "seal" in {loss.what for loss in plan.losses}


def sealed(client: str, seal: Seal, text: str = "hm") -> dict[str, Any]:
    """Return the turns of a conversation in which a model has left a seal."""
    dialect = DIALECTS[client]
    parts = (Reasoning(text=text, seal=seal), ToolCall(id="call_1", name="f", arguments="{}", seal=seal))
    reply = Reply(id="r", model="m", parts=parts, stop=Stop(reason="tool_calls"))
    request = dialect.decode_request(asked(client, passing_profile("m")).outline)
    return AGAIN[client](json.loads(dialect.encode_reply(reply, request)[0]))


AGAIN: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "openai_chat": lambda told: {
        "messages": [
            {"role": "user", "content": "hi"},
            told["choices"][0]["message"],
            {"role": "tool", "tool_call_id": told["choices"][0]["message"]["tool_calls"][0]["id"], "content": "x"},
        ]
    },
    "openai_responses": lambda told: {"input": [{"role": "user", "content": "hi"}, *told["output"]]},
    "anthropic": lambda told: {
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": told["content"]}]
    },
    "google": lambda told: {"contents": [told["candidates"][0]["content"]]},
}


def partial(client: str, name: str, **fields: Any) -> Plan:
    return plan_reply(upstream(), msgspec.structs.replace(asked(client, model(name), **fields), partial=True))


@pytest.mark.parametrize("client", ["openai_chat", "openai_responses", "anthropic", "google"])
@pytest.mark.parametrize("name", ARGO.values())
def test_a_whole_reply_that_may_be_handed_over_in_part_is_gathered(client: str, name: str) -> None:
    plan = partial(client, name)
    assert isinstance(plan.stage, GatherStage)
    assert (plan.stream, plan.streamed, sent(plan)["stream"]) == (False, True, True)
    if plan.spoken.name == "openai_chat":
        assert sent(plan)["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("client", ["openai_chat", "openai_responses", "anthropic"])
def test_a_stream_that_may_be_cut_is_asked_for_as_ever(client: str) -> None:
    plan = partial(client, ARGO["claude"], stream=True)
    plain = plan_reply(upstream(), asked(client, model(ARGO["claude"]), stream=True))
    assert (plan.call, type(plan.stage)) == (plain.call, type(plain.stage))


def test_what_has_several_choices_or_is_no_chat_is_asked_for_as_ever() -> None:
    assert isinstance(partial("openai_chat", ARGO["gpt"], n=2).stage, VerbatimStage)
    google = msgspec.structs.replace(
        asked("google", passing_profile("m"), generationConfig={"candidateCount": 2}), partial=True
    )
    assert isinstance(plan_reply(upstream("google"), google).stage, VerbatimStage)
    legacy = msgspec.structs.replace(asked("openai_completions", passing_profile("m")), partial=True)
    assert isinstance(plan_reply(upstream("openai"), legacy).stage, VerbatimStage)


def planned(up: Upstream, profile: Profile, dialect: Dialect, incoming: Incoming, headers: Any) -> object:
    """Return what is sent for a request; or how it is refused."""
    try:
        outline = dialect.outline(incoming)
        entry = Entry(dialect=dialect, model=incoming.model, stream=incoming.stream)
        plan = plan_of(
            up, Asked(entry=entry, outline=outline, profile=profile, headers=headers, request_id="r", received=7)
        )
    except Refused as refused:
        return refused.failure
    assert plan.call is not None
    said = json.dumps(json.loads(plan.call.body or b""))
    return plan.call.url, plan.call.headers, said, plan.losses, type(plan.stage)


def check_apart(client: str, incoming: Incoming) -> bool:
    """Hold a request's plans to be the same, whether its long texts are set apart or not; say whether any were."""
    apart, whole = (msgspec.structs.replace(incoming, apart=one) for one in (True, False))
    for kind, profile in EVERYWHERE:
        up, dialect = upstream(kind), DIALECTS[client]
        for headers in ({}, {"x-strict": "true"}):
            said, right = (planned(up, profile, dialect, one, headers) for one in (apart, whole))
            assert said == right, (kind, profile.internal_id)
    try:
        return b"set-apart" in jsonx.encode(DIALECTS[client].outline(apart).body.values)
    except Refused:
        return False


NAMES = {"type", "role", "model", "id", "call_id", "tool_call_id", "tool_use_id", "name", "detail", "format", "status"}


def lengthened(value: Any, key: str = "") -> Any:
    """Return a request whose texts, whatever they are, are long, and still of the form that they had."""
    if isinstance(value, dict):
        return {name: lengthened(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [lengthened(one, key) for one in value]
    if not isinstance(value, str) or not value or key in NAMES or key.lower().endswith(("type", "uri")):
        return value
    if key == "arguments":
        return json.dumps(lengthened(json.loads(value))) if value.startswith("{") else value
    if value.startswith("data:") or key == "data":
        at = value.find(",") + 1 if value.startswith("data:") else len(value) // 8 * 4
        return value[:at] + "QUJD" * 4000 + value[at:]
    words = 'some "words" of\na file \\ with \u00e9, \u4f60 and \U0001f600, %d\t'
    return value[: len(value) // 2] + "".join(words % number for number in range(400)) + value[len(value) // 2 :]


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_large_request_is_not_kept_for_what_may_be_asked_of_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [{"role": role, "content": role} for role in ("user", "assistant", "user")]
    small = plan_of(upstream(kind), asked("openai_responses", passing_profile("m"), input=turns))
    monkeypatch.setattr(jsonx, "LARGE", 1)
    request = asked("openai_responses", passing_profile("m"), input=turns)
    large = plan_of(upstream(kind), request)
    assert large.sent() == small.sent()
    assert large.sent() is not large.sent(), "made for whoever asks"
    assert request.outline.body._values is None


EVERYWHERE = [
    *(("argo", model(name)) for name in ARGO.values()),
    *((kind, passing_profile("m")) for kind in ("openai", "openai_responses", "anthropic", "google")),
]


@pytest.mark.parametrize("client", DIALECTS)
def test_long_texts_that_are_set_apart_come_to_the_same(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonx, "LARGE", 1)
    # Of the recordings one in thirty: all of them hold, and take minutes.
    own, found = [*corpus.own(client)], 0
    for exchange in [*own, *corpus.exchanges(client)[len(own) :: 30]]:
        for ascii_only in (True, False) if exchange.asked else ():
            body = json.dumps(lengthened(exchange.body), ensure_ascii=ascii_only).encode()
            found += check_apart(client, msgspec.structs.replace(exchange.incoming, body=body))
    assert found


TEXT = base64.b64encode(b"a line of text\n" * 3000).decode()
FILES: dict[str, dict[str, Any]] = {
    "openai_chat": {"file": {"filename": "a.txt", "file_data": f"data:text/plain;base64,{TEXT}"}, "type": "file"},
    "openai_responses": {"filename": "a.txt", "file_data": f"data:text/plain;base64,{TEXT}", "type": "input_file"},
    "google": {"inlineData": {"mimeType": "text/plain", "data": TEXT}},
}


@pytest.mark.parametrize("client", FILES)
def test_of_a_file_that_is_read_nothing_is_said_to_be_lost(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonx, "LARGE", 1)
    contents = {
        "openai_chat": {"messages": [{"role": "user", "content": [FILES[client]]}]},
        "openai_responses": {"input": [{"role": "user", "content": [FILES[client]]}]},
        "google": {"contents": [{"role": "user", "parts": [FILES[client]]}]},
    }
    assert check_apart(client, Incoming(body=json.dumps(BODIES[client] | contents[client]).encode(), model="m"))


@pytest.mark.parametrize("large", [False, True])
def test_replies_have_names_of_their_own_before_their_upstream_gives_them_one(
    large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(jsonx, "LARGE", 1)

    def first_words(*last_turns: str) -> bytes:
        turns = [{"role": "user", "content": one} for one in ("the same", *last_turns)]
        request = asked("openai_responses", passing_profile("m"), input=turns, stream=True)
        return plan_of(upstream("openai"), request).stage.heartbeat()

    assert first_words("and one") == first_words("and one")
    assert len({first_words(*turns) for turns in ([], ["and one"], ["and two"])}) == 3


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("issuer", ["openai", "anthropic", "google"])
@pytest.mark.parametrize("kind", ["signature", "encrypted", "redacted", "thought"])
def test_long_seals_and_what_stands_beside_them_come_to_the_same(
    client: str, issuer: Any, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonx, "LARGE", 1)
    for text in ("", "a thought " * 3000):
        turns = sealed(client, Seal(issuer=issuer, kind=kind, value="c2VjcmV0" * 3000), text)
        check_apart(client, Incoming(body=json.dumps(BODIES[client] | turns).encode(), model="m"))
