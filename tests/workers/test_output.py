"""Lines of several processes in one place stay whole, and say whose they are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from argo_relay.observe.log import log_sink
from argo_relay.observe.record import Outcome, Record
from argo_relay.workers.output import NumberedLines, WholeLines

RECORD = Record(time=1.5, request_id="req_1", dialect="openai_chat", outcome=Outcome.OK, seconds=0.25)


def test_each_write_is_of_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []

    def write(_: int, data: memoryview) -> int:
        written.append(bytes(data))
        return len(data)

    monkeypatch.setattr(os, "write", write)
    stream = WholeLines(7)
    lines = [f"{number} {'x' * 500}\n" for number in range(20)]
    for line in lines:
        stream.write(line)
    stream.flush()
    stream.flush()
    assert b"".join(written).decode() == "".join(lines)
    assert all(piece.endswith(b"\n") and len(piece) <= 4096 for piece in written)
    assert len(written) == 3
    stream.write("y" * 5000 + "\n")
    stream.flush()
    assert len(written[3]) == 5001


def test_what_a_write_leaves_is_written_next(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []

    def write(_: int, data: memoryview) -> int:
        written.append(bytes(data[:2]))
        return len(data[:2])

    monkeypatch.setattr(os, "write", write)
    stream = WholeLines(7)
    stream.write("abc\ud800\n")
    stream.flush()
    assert b"".join(written) == b"abc\\ud800\n"


def test_it_goes_where_it_should(tmp_path: Path) -> None:
    file = tmp_path / "log"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    stream = WholeLines(descriptor)
    stream.write("one\n")
    assert file.read_text() == ""
    stream.flush()
    assert file.read_text() == "one\n"
    os.close(descriptor)
    stream.write("two\n")
    with pytest.raises(OSError, match="descriptor"):
        stream.flush()


class Lines:
    def __init__(self) -> None:
        self.got = ""

    def write(self, line: str) -> None:
        self.got += line


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_ends_with_its_workers_number(form: str) -> None:
    lines = Lines()
    log_sink(NumberedLines(lines, form, 3), form)(RECORD)
    plain = Lines()
    log_sink(plain, form)(RECORD)
    if form == "json":
        assert json.loads(lines.got) == msgspec.json.decode(plain.got) | {"worker": 3}
        assert lines.got.endswith("\n")
    else:
        assert lines.got == plain.got[:-1] + " worker=3\n"
