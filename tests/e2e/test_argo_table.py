"""Every row of the facts about Argo's wire, for four clients, whole and streamed; docs/argo.md has them as a table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.argo_row import Case, cases
from support.argo_rows import ROWS
from support.argo_stand import Stand


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with Stand() as made:
        yield made


@pytest.mark.parametrize("case", [case for row in ROWS for case in cases(row)], ids=lambda case: case.id)
def test_row(stand: Stand, case: Case) -> None:
    if not case.row.known:
        stand.check(case)
        return
    with pytest.raises(AssertionError):
        stand.check(case)
