from __future__ import annotations

import pytest

from argo_relay.neutral.reply import Usage


def test_what_the_upstream_did_not_say_is_none_and_not_zero() -> None:
    silent = Usage()
    assert (silent.input, silent.output, silent.cache_read, silent.reasoning) == (None, None, None, None)
    assert silent != Usage(input=0, output=0, cache_read=0, reasoning=0)


def test_a_report_stays_as_it_was_made() -> None:
    usage = Usage(input=1)
    with pytest.raises(AttributeError, match="immutable"):
        usage.input = 2  # type: ignore[misc]
