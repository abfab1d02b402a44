"""What a request may ask for, and what is refused: the contract's section 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.config.schema import ModelTimeouts, Timeouts
from argo_relay.errors import Refused
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.deadline import Limit, Source, Timer, settle
from argo_relay.policy.defaults import default_layer, model_layer
from argo_relay.policy.wish import wants_partial, wish

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ENDING = "x-on-timeout"
OURS, GOOGLES = "x-request-timeout", "x-server-timeout"
NO_LIMIT: list[Any] = [
    *(0, -1, 0.0, -0.5, math.nan, math.inf, -math.inf, 10**400, True, False),
    *("", "soon", "0", "-1", "nan", "inf", "5s", "true", [], [5], ["5"]),
]


def of_body(seconds: float, member: str | None = None) -> Limit:
    field = f"`timeout.{member}`" if member else "`timeout`"
    return Limit(seconds=seconds, source=Source.BODY, field=f"{field} in the request body")


def refused(timeout: object, headers: Mapping[str, str] | None = None) -> Failure:
    with pytest.raises(Refused) as caught:
        wish(timeout, headers or {})
    failure = caught.value.failure
    assert (failure.kind, failure.status, failure.at_fault) == (FailureKind.BAD_REQUEST, 400, "client")
    assert failure.code == "invalid_timeout"
    return failure


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        (None, {}),
        (120, {Timer.TOTAL: of_body(120)}),
        (0.25, {Timer.TOTAL: of_body(0.25)}),
        ("120", {Timer.TOTAL: of_body(120)}),
        (" 1.5 ", {Timer.TOTAL: of_body(1.5)}),
        ({}, {}),
        ({"total": 5}, {Timer.TOTAL: of_body(5, "total")}),
        (
            {"total": "5", "connect": 1, "first_event": 2.5, "idle": "3"},
            {
                Timer.TOTAL: of_body(5, "total"),
                Timer.CONNECT: of_body(1, "connect"),
                Timer.FIRST_EVENT: of_body(2.5, "first_event"),
                Timer.IDLE: of_body(3, "idle"),
            },
        ),
        ({"total": None, "idle": 3}, {Timer.IDLE: of_body(3, "idle")}),
        ({"idle": None, "on_timeout": None}, {}),
        ({"on_timeout": "error", "total": 5}, {Timer.TOTAL: of_body(5, "total")}),
        ({"on_timeout": "partial", "total": 5}, {Timer.TOTAL: of_body(5, "total")}),
    ],
)
def test_the_body_sets_timers(timeout: object, expected: dict[Timer, Limit]) -> None:
    assert wish(timeout, {}) == expected


@pytest.mark.parametrize("timeout", NO_LIMIT)
def test_what_is_no_limit_is_refused(timeout: object) -> None:
    failure = refused(timeout)
    assert failure.param == "timeout"
    assert failure.message.startswith("`timeout` must be a number of seconds above zero.")


@pytest.mark.parametrize("member", ["total", "connect", "first_event", "idle"])
@pytest.mark.parametrize("value", [*NO_LIMIT, {}, {"total": 5}])
def test_what_is_no_limit_is_refused_in_an_object_too(member: str, value: object) -> None:
    failure = refused({"on_timeout": "error", member: value})
    assert failure.param == "timeout"
    assert f"`timeout.{member}`" in failure.message


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"totl": 3}, "`totl`; did you mean `total`?"),
        ({"total": 5, "first-event": 3}, "`first-event`; did you mean `first_event`?"),
        ({"on_timout": "error"}, "`on_timout`; did you mean `on_timeout`?"),
        ({"xyz": 3}, "`xyz`; it takes total, connect, first_event, idle and on_timeout."),
        ({"body": 3}, "`timeout` has no member `body`"),
        ({"Total": 3}, "`Total`"),
        ({"": 3}, "``"),
        ({"totl": None}, "`totl`"),
    ],
)
def test_an_unknown_member_is_refused_and_the_nearest_named(members: dict[str, Any], says: str) -> None:
    failure = refused(members)
    assert failure.param == "timeout"
    assert says in failure.message


def test_a_long_unknown_member_is_not_said_back_in_full() -> None:
    assert len(refused({"x" * 100_000: 1}).message) < 200


@pytest.mark.parametrize("value", ["part", "Error", "", 1, True, {}, []])
def test_an_ending_that_does_not_exist_is_refused(value: object) -> None:
    failure = refused({"total": 5, "on_timeout": value})
    assert failure.param == "timeout"
    assert '`timeout.on_timeout` must be "partial"' in failure.message


@pytest.mark.parametrize(
    ("timeout", "headers", "partial"),
    [
        (None, {}, False),
        (5, {}, False),
        ({"total": 5}, {}, False),
        ({"on_timeout": "partial"}, {}, True),
        ({"on_timeout": "error"}, {}, False),
        ({"on_timeout": None}, {}, False),
        (None, {ENDING: "partial"}, True),
        (5, {ENDING: " Partial "}, True),
        ({"total": 5}, {ENDING: "partial"}, True),
        ({"on_timeout": None}, {ENDING: "partial"}, True),
        (None, {ENDING: "error"}, False),
        ({"on_timeout": "error"}, {ENDING: "partial"}, False),
        ({"on_timeout": "partial"}, {ENDING: "error"}, True),
        ({"on_timeout": "partial"}, {ENDING: "nonsense"}, True),
    ],
)
def test_what_there_is_can_be_wished_for(timeout: object, headers: dict[str, str], partial: bool) -> None:
    assert wants_partial(timeout, headers) is partial


@pytest.mark.parametrize("value", ["", "partially", "true", "1", "partial,error"])
def test_a_header_that_names_no_ending_is_refused_and_named(value: str) -> None:
    with pytest.raises(Refused) as caught:
        wants_partial({"total": 5}, {ENDING: value})
    failure = caught.value.failure
    assert (failure.status, failure.param, failure.code) == (400, ENDING, "invalid_timeout")
    assert ENDING in failure.message


def of_header(seconds: float, name: str) -> Limit:
    return Limit(seconds=seconds, source=Source.HEADER, field=f"the header `{name}`")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({OURS: "5"}, of_header(5, OURS)),
        ({GOOGLES: "6"}, of_header(6, GOOGLES)),
        ({GOOGLES: "6", OURS: "5.5"}, of_header(5.5, OURS)),
    ],
)
def test_a_header_sets_the_total(headers: dict[str, str], expected: Limit) -> None:
    assert wish(None, headers) == {Timer.TOTAL: expected}
    asked = wish({"idle": 1}, headers)
    assert asked == {Timer.TOTAL: expected, Timer.IDLE: of_body(1, "idle")}
    assert wish({"total": None}, headers) == {Timer.TOTAL: expected}


@pytest.mark.parametrize("name", [OURS, GOOGLES])
@pytest.mark.parametrize("value", ["", "0", "-1", "soon", "nan", "inf", "5s", "1e400", "NOT_GIVEN", "[]", "\u00b2"])
def test_a_header_that_is_no_limit_is_refused_and_named(name: str, value: str) -> None:
    failure = refused(None, {name: value})
    assert failure.param == name
    assert name in failure.message


def test_a_header_is_not_looked_at_where_a_stronger_one_decides() -> None:
    assert wish(5, {OURS: "soon"}) == {Timer.TOTAL: of_body(5)}
    assert wish({"total": 5}, {GOOGLES: "soon"}) == {Timer.TOTAL: of_body(5, "total")}
    assert wish(None, {OURS: "5", GOOGLES: "soon"}) == {Timer.TOTAL: of_header(5, OURS)}


def test_other_headers_set_nothing() -> None:
    assert (
        wish(None, {"timeout": "5", "x-timeout": "5", "x-stainless-timeout": "5", "x-stainless-read-timeout": "5"})
        == {}
    )


SOURCES: list[tuple[Source, Any]] = [
    (Source.BODY, 1),
    (Source.HEADER, (OURS, "2")),
    (Source.HEADER, (GOOGLES, "3")),
    (Source.MODEL, 4),
    (Source.CONFIG, 5),
    (Source.DEFAULT, 600),
]


@pytest.mark.parametrize("present", range(2**5))
def test_the_total_comes_from_the_strongest_source_there_is(present: int) -> None:
    given_here = [place for place in range(5) if present >> place & 1]
    headers = dict(SOURCES[place][1] for place in given_here if place in (1, 2))
    timeouts = Timeouts(total=5) if 4 in given_here else Timeouts()
    settled = settle(
        [
            wish(1 if 0 in given_here else None, headers),
            model_layer("m", ModelTimeouts(total=4) if 3 in given_here else ModelTimeouts()),
            default_layer(timeouts, {"timeouts.total"} if 4 in given_here else set()),
        ],
        timeouts.max_total,
    )
    strongest = min(given_here, default=5)
    assert settled.total.seconds == (600 if strongest == 5 else strongest + 1)
    assert settled.total.source is SOURCES[strongest][0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["total", "idle", "totl", "on_timeout"]) | st.text(max_size=6), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@UNTIMED
@given(JSON, st.dictionaries(st.sampled_from([OURS, GOOGLES]), st.text(max_size=6)))
def test_whatever_is_asked_is_a_limit_or_refused(timeout: Any, headers: dict[str, str]) -> None:
    try:
        asked = wish(timeout, headers)
    except Refused as refusal:
        failure = refusal.failure
    else:
        assert all(limit is not None and 0 < limit.seconds < math.inf for limit in asked.values())
        return
    assert failure.status == 400
    assert failure.param in ("timeout", OURS, GOOGLES)
