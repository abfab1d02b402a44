"""What is asked, and how an answer is read; the command's own tests ask the simulator."""

from __future__ import annotations

import pytest

from argo_relay.doctor.generation import _read, cheapest, plain_text
from argo_relay.models.live import passing_roster
from argo_relay.models.roster import catalogue_roster


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4.1-nano"], "gpt-4.1-nano"),
        (["claude-opus", "claude-haiku", "text-embedding-3-small"], "claude-haiku"),
        (["gemini-pro", "gemini-flash", "gemini-flash-lite"], "gemini-flash-lite"),
        (["b", "a"], "a"),
        (["text-embedding-3-small"], None),
        ([], None),
    ],
)
def test_the_cheapest_goes_by_its_name(names: list[str], chosen: str | None) -> None:
    assert cheapest(passing_roster({"id": name} for name in names)) == chosen


def test_argos_cheapest() -> None:
    assert cheapest(catalogue_roster()) == "argo:gpt-4.1-nano"


def test_a_notice_becomes_one_plain_line() -> None:
    assert plain_text("\n\n⚠️ **ACCESS DENIED** ⚠️\n\nThe user\n") == "ACCESS DENIED The user"
    assert plain_text("x" * 400) == "x" * 297 + "..."
    assert plain_text("\x1b[2J") == "[2J"


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"choices": [{"message": {"content": "OK"}}], "usage": {"total_tokens": 9}}', ("OK", None, 9)),
        (b'{"choices": [{"message": {"content": null}}]}', ("", None, 0)),
        (b'{"error": {"message": "no", "code": "c"}}', ("no", "c", 0)),
        (b'{"error": null}', ('{"error": null}', None, 0)),
        (b"[]", ("[]", None, 0)),
        (b"<html>", ("<html>", None, 0)),
    ],
)
def test_answers_and_errors(body: bytes, read: tuple[str, str | None, int]) -> None:
    said = _read(body)
    assert (said.text, said.code, said.tokens) == read
