"""A reply's head, byte by byte."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from argo_relay.server import head as module
from argo_relay.server.head import Calendar, framing_of, reply_head


def test_a_head() -> None:
    made = reply_head(200, [("x-one", "1"), ("x-two", "\xe9")], "date: now", "connection: close")
    assert made == b"HTTP/1.1 200 OK\r\ndate: now\r\nconnection: close\r\nx-one: 1\r\nx-two: \xe9\r\n\r\n"


@pytest.mark.parametrize(
    ("status", "line"),
    [(431, b"431 Request Header Fields Too Large"), (529, b"529 "), (204, b"204 No Content"), (999, b"999 ")],
)
def test_a_status_has_its_phrase_or_none(status: int, line: bytes) -> None:
    assert reply_head(status, []) == b"HTTP/1.1 " + line + b"\r\n\r\n"


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\nb", "a\rb", "a\0b"])
def test_no_field_begins_another(value: str) -> None:
    for headers in ([("x-one", value)], [(value, "1")], [("x-one", "1"), ("x-two", value)]):
        with pytest.raises(ValueError, match="line end"):
            reply_head(200, headers)


@pytest.mark.parametrize(
    ("headers", "framing"),
    [
        ([], (None, False)),
        ([("content-length", "12"), ("x-one", "1")], (12, False)),
        ([("connection", "Close")], (None, True)),
        ([("connection", "x, close"), ("content-length", "0")], (0, True)),
        ([("connection", "keep-alive")], (None, False)),
    ],
)
def test_how_a_body_is_delimited(headers: list[tuple[str, str]], framing: tuple[int | None, bool]) -> None:
    assert framing_of(headers) == framing


def test_the_date_is_written_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def noted(second: float, *, usegmt: bool) -> str:
        written.append(second)
        return formatdate(second, usegmt=usegmt)

    monkeypatch.setattr(module, "formatdate", noted)
    moments = iter([0.0, 0.9, 784111777.2, 784111777.9, 784111778.0])
    calendar = Calendar(lambda: next(moments))
    lines = [calendar.line() for _ in range(5)]
    assert lines[2:4] == ["date: Sun, 06 Nov 1994 08:49:37 GMT"] * 2
    assert lines[4] == "date: Sun, 06 Nov 1994 08:49:38 GMT"
    assert written == [0, 784111777, 784111778]
