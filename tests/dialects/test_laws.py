"""The laws, over every dialect of the table; what each counted is said at the end of the test run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from argo_relay.dialects.base import Dialect
from argo_relay.dialects.table import DIALECTS
from support import corpus, law_silence
from support.laws import LAWS, Law, judge, strangers

EACH = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)


@EACH
@pytest.mark.parametrize("law", LAWS, ids=[law.number for law in LAWS])
def test_every_dialect_keeps_every_law(
    law: Law, dialect: Dialect, record_property: Callable[[str, object], None]
) -> None:
    verdict = judge(law, dialect)
    record_property("law", verdict.line)
    assert verdict.count or corpus.absent()
    assert not verdict.faults, "\n".join([verdict.line, *verdict.faults[:40]])


def test_every_field_of_the_language_has_a_row_in_law_6_or_a_reason() -> None:
    assert not law_silence.unnamed()


def test_what_is_listed_exists() -> None:
    assert corpus.absent() or not strangers()
