"""The client's own patience: which header says it, and what it cuts short."""

from __future__ import annotations

import pytest

from argo_relay.config.schema import Timeouts
from argo_relay.policy.deadline import Limits, Source, settle
from argo_relay.policy.defaults import default_layer
from argo_relay.policy.patience import Patience, beat_every, patience_of, within

READ, ALL = "x-stainless-read-timeout", "x-stainless-timeout"


def limits(total: float) -> Limits:
    return settle([default_layer(Timeouts(total=total), frozenset())], 3600)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({READ: "130"}, Patience(seconds=130, header=READ)),
        ({READ: "130.0"}, Patience(seconds=130, header=READ)),
        ({ALL: "600"}, Patience(seconds=600, header=ALL)),
        ({ALL: "NOT_GIVEN", READ: "77"}, Patience(seconds=77, header=READ)),
        ({ALL: "600", READ: "77"}, Patience(seconds=77, header=READ)),
        ({ALL: "600", READ: "NOT_GIVEN"}, Patience(seconds=600, header=ALL)),
        ({ALL: "NOT_GIVEN"}, None),
        ({READ: "0"}, None),
        ({READ: "-3"}, None),
        ({READ: "nan"}, None),
        ({READ: "None"}, None),
    ],
)
def test_the_sdks_headers_are_read_tolerantly(headers: dict[str, str], expected: Patience | None) -> None:
    assert patience_of(headers) == expected


@pytest.mark.parametrize(("patience", "total"), [(130, 129.5), (2, 1.5), (1, 0.5), (0.4, 0.2)])
def test_a_whole_reply_ends_before_the_client_gives_up(patience: float, total: float) -> None:
    cut = within(limits(600), Patience(seconds=patience, header=READ)).total
    assert cut.seconds == pytest.approx(total)
    assert (cut.source, cut.asked) == (Source.PATIENCE, 600)
    assert READ in cut.field


@pytest.mark.parametrize("patience", [None, Patience(seconds=100, header=READ), Patience(seconds=10.5, header=READ)])
def test_a_total_that_ends_earlier_stays(patience: Patience | None) -> None:
    assert within(limits(10), patience) == limits(10)


def test_signs_of_life_come_three_times_within_a_patience() -> None:
    assert beat_every(15, None) == 15
    assert beat_every(15, Patience(seconds=600, header=READ)) == 15
    assert beat_every(15, Patience(seconds=6, header=READ)) == 2
