"""What a path says goes along with the body."""

from __future__ import annotations

import pytest

from argo_relay.dialects.base import Incoming
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.entry import Entry
from argo_relay.upstreams.base import Operation


def test_most_paths_say_nothing_but_the_dialect() -> None:
    entry = Entry(dialect=DIALECTS["anthropic"])
    assert (entry.operation, entry.single) == (Operation.GENERATE, False)
    assert entry.incoming(b"{}") == Incoming(body=b"{}", apart=True)


@pytest.mark.parametrize("operation", [one for one in Operation if one is not Operation.GENERATE])
def test_what_is_counted_or_read_anew_is_read_in_full(operation: Operation) -> None:
    assert not Entry(dialect=DIALECTS["anthropic"], operation=operation).incoming(b"{}").apart


def test_googles_paths_say_the_model_and_how_it_is_to_answer() -> None:
    entry = Entry(dialect=DIALECTS["google"], model="m", stream=True, array=True)
    assert entry.incoming(b"{}") == Incoming(body=b"{}", model="m", stream=True, array=True, apart=True)
