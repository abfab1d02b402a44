"""Lines are written in order by a thread, and a stream that takes none holds nobody up."""

from __future__ import annotations

import io
import threading

import pytest

from argo_relay.observe import lines
from argo_relay.observe.lines import LineWriter


def test_lines_go_out_in_order_and_are_flushed() -> None:
    class Stream(io.StringIO):
        flushed = ""

        def flush(self) -> None:
            self.flushed = self.getvalue()

    stream = Stream()
    writer = LineWriter(stream)
    for number in range(1000):
        writer.write(f"{number}\n")
    writer.close()
    assert stream.flushed == "".join(f"{number}\n" for number in range(1000))


def test_a_stream_that_takes_nothing_holds_nobody_up_and_the_lost_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck(io.StringIO):
        def __init__(self) -> None:
            super().__init__()
            self.asked = threading.Semaphore(0)
            self.let = threading.Event()
            self.wrote = threading.Semaphore(0)

        def write(self, text: str) -> int:
            self.asked.release()
            assert self.let.wait(20)
            count = super().write(text)
            self.wrote.release()
            return count

    monkeypatch.setattr(lines, "_MOST", 10)
    monkeypatch.setattr(lines, "_PATIENCE_SECONDS", 0.01)
    stream = Stuck()
    writer = LineWriter(stream)
    writer.write("0\n")
    assert stream.asked.acquire(timeout=20)
    for number in range(1, 16):
        writer.write(f"{number}\n")
    writer.close()  # in vain, and not for long
    stream.let.set()
    for _ in range(11):
        assert stream.wrote.acquire(timeout=20)
    writer.write("next\n")
    writer.close()
    writer._thread.join(20)
    assert stream.getvalue() == "".join(f"{number}\n" for number in range(11)) + "dropped=5\nnext\n"


def test_a_stream_that_fails_is_no_failure() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    writer = LineWriter(Full())
    writer.write("a\n")
    writer.close()
    closed = io.StringIO()
    closed.close()
    writer = LineWriter(closed)
    writer.write("a\n")
    writer.close()
