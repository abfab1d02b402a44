"""Every case, said in every dialect, looks as it did when somebody reviewed it."""

from __future__ import annotations

import pytest

from argo_relay.dialects.base import Dialect
from argo_relay.dialects.table import DIALECTS
from support import corpus
from support.corpus import Exchange
from support.goldens import WRITING, crossing, difference, forget, reviewed

CASES = [case for name in DIALECTS for case in corpus.own(name)]


@pytest.mark.parametrize("target", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("case", CASES, ids=[f"{case.id}.{case.dialect}" for case in CASES])
def test_a_case_crosses_as_reviewed(case: Exchange, target: Dialect) -> None:
    made = crossing(DIALECTS[case.dialect], target, case)
    found = [problem for name, content in made.items() if (problem := difference(name, content))]
    assert not found, "\n".join(found)


def test_every_golden_file_has_its_case() -> None:
    pairs = [(case, target) for case in CASES for target in DIALECTS.values()]
    made = {name for case, target in pairs for name in crossing(DIALECTS[case.dialect], target, case)}
    if WRITING:
        forget(reviewed() - made)
    assert reviewed() == made
