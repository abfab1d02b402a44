from __future__ import annotations

import pytest
from hypothesis import given

from argo_relay.neutral.reply import Reply, Stop, Usage
from support.replies import USAGES


def test_what_the_upstream_did_not_say_is_none_and_not_zero() -> None:
    silent = Usage()
    assert (silent.input, silent.output, silent.cache_read, silent.reasoning) == (None, None, None, None)
    assert silent != Usage(input=0, output=0, cache_read=0, reasoning=0)


def test_a_report_stays_as_it_was_made() -> None:
    usage = Usage(input=1)
    with pytest.raises(AttributeError, match="immutable"):
        usage.input = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("later", "earlier", "both"),
    [
        (Usage(output=5), Usage(input=3, output=1), Usage(input=3, output=5)),
        (Usage(output=0), Usage(output=4), Usage(output=0)),
        (Usage(), Usage(input=3), Usage(input=3)),
        (Usage(input=3), None, Usage(input=3)),
        (Usage(raw={"b": 1}), Usage(raw={"a": 1}), Usage(raw={"b": 1})),
    ],
)
def test_a_later_report_replaces_an_earlier_one_and_never_adds(
    later: Usage, earlier: Usage | None, both: Usage
) -> None:
    assert later.over(earlier) == both


@given(USAGES, USAGES, USAGES)
def test_reports_may_be_laid_over_each_other_in_any_grouping(one: Usage, two: Usage, three: Usage) -> None:
    assert three.over(two.over(one)) == three.over(two).over(one)
    assert one.over(one) == one


def test_a_reply_is_a_value() -> None:
    reply = Reply(id="1", model="m", parts=(), stop=Stop(reason="end"))
    assert reply == Reply(id="1", model="m", parts=(), stop=Stop(reason="end"))
    assert reply != Reply(id="1", model="m", parts=(), stop=Stop(reason="end", raw="stop"))
