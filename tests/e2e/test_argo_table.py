"""Every row of the facts about Argo's wire, for four clients, whole and streamed; docs/argo.md has them as a table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.argo_row import Case, cases
from support.argo_rows import ROWS
from support.argo_stand import Stand
from support.argo_table import PAGE, page


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


def test_no_two_rows_have_one_name() -> None:
    names = [row.id for row in ROWS]
    assert len(set(names)) == len(names)


def test_what_is_left_out_is_said() -> None:
    for row in ROWS:
        assert all(row.without.values()), row.id
        assert cases(row), row.id


def test_the_page_in_the_docs_is_made_from_these_rows() -> None:
    assert PAGE.read_text() == page(), "write it again: `python -m support.argo_table` in tests/"
