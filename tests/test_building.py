"""The rules of the house, over the house itself; `test_gates.py` shows that each of them can fail."""

from __future__ import annotations

import pytest

from argo_relay.dialects.table import DIALECTS
from support.building import RULES
from support.tree import PACKAGE, ROOT


@pytest.mark.parametrize("rule", RULES)
def test_house_keeps(rule: str) -> None:
    problems = RULES[rule](ROOT)
    assert not problems, "\n".join([f"{RULES[rule].__doc__} {len(problems)} problems:", *problems])


def test_table_names_each_dialect_after_its_folder() -> None:
    assert set(DIALECTS) == {path.parent.name for path in (ROOT / PACKAGE / "dialects").glob("*/__init__.py")}
