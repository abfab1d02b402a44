"""Lines are written in order, and a stream that takes none holds nobody up."""

from __future__ import annotations

import io
import os
import socket
import threading
from pathlib import Path

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
    stream = Stuck()
    writer = LineWriter(stream)
    writer.write("0\n")
    assert stream.asked.acquire(timeout=20)
    for number in range(1, 16):
        writer.write(f"{number}\n")
    stream.let.set()
    for _ in range(11):
        assert stream.wrote.acquire(timeout=20)
    writer.write("next\n")
    writer.close()
    assert stream.getvalue() == "".join(f"{number}\n" for number in range(11)) + "dropped=5\nnext\n"


def test_a_stream_that_takes_nothing_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    let = threading.Event()

    class Stuck(io.StringIO):
        def write(self, text: str) -> int:
            assert let.wait(20)
            return super().write(text)

    monkeypatch.setattr(lines, "_PATIENCE_SECONDS", 0.01)
    stream = Stuck()
    writer = LineWriter(stream)
    writer.write("0\n")
    writer.close()  # in vain, and not for long
    assert stream.getvalue() == ""
    let.set()
    thread = writer._thread
    assert thread is not None
    thread.join(20)
    assert stream.getvalue() == "0\n"


def test_what_a_thread_has_to_write_is_flushed_a_number_of_lines_at_a_time() -> None:
    class Stream(io.StringIO):
        def __init__(self) -> None:
            super().__init__()
            self.flushed = threading.Semaphore(0)
            self.flushes = 0

        def flush(self) -> None:
            self.flushes += 1
            self.flushed.release()

    stream = Stream()
    writer = LineWriter(stream)
    writer.write("alone\n")
    assert stream.flushed.acquire(timeout=20)
    for number in range(500):
        writer.write(f"{number}\n")
    writer.close()
    assert stream.flushes < 100
    assert stream.getvalue() == "alone\n" + "".join(f"{number}\n" for number in range(500))


def test_no_line_is_lost_or_torn_whoever_writes() -> None:
    writers = 4
    stream = io.StringIO()
    writer = LineWriter(stream)

    def write(name: int) -> None:
        for number in range(500):
            writer.write(f"{name} {number}\n")

    threads = [threading.Thread(target=write, args=(name,)) for name in range(writers)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    writer.close()
    said = stream.getvalue().splitlines()
    for name in range(writers):
        assert [line for line in said if line.startswith(f"{name} ")] == [f"{name} {number}" for number in range(500)]


def test_nobody_writes_between_the_halves_of_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a terminal that is held takes one in the middle."""
    taken: list[bytes] = []

    def put(data: bytes) -> int:
        taken.append(data[:4])
        return len(taken[-1])

    monkeypatch.setattr(lines, "_without_waiting", lambda *_: put)
    stream = io.StringIO()
    writer = LineWriter(stream)
    other = threading.Thread(target=writer.write, args=("b\n",))
    leave = writer._leave

    def leave_late(line: str) -> None:
        if not other.ident:
            other.start()
            other.join(0.2)
        leave(line)

    monkeypatch.setattr(writer, "_leave", leave_late)
    writer.write("a line\n")
    other.join()
    writer.close()
    assert (b"".join(taken), stream.getvalue()) == (b"a li", "ne\nb\n")


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


def test_what_a_file_takes_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("a", encoding="utf-8") as stream:
        writer = LineWriter(stream)
        for text in ("a\n", "é\n", "\ud800\n"):
            writer.write(text)
        assert path.read_text(encoding="utf-8") == "a\né\n\\ud800\n"
        writer.close()


def test_who_closes_the_stream_does_not_have_lines_written_to_what_is_opened_next(tmp_path: Path) -> None:
    stream = (tmp_path / "log").open("a")
    writer = LineWriter(stream)
    stream.close()
    with (tmp_path / "other").open("a") as other:
        writer.write("a\n")
        writer.close()
        assert other.tell() == 0


def test_what_a_full_pipe_does_not_take_comes_later_whole_and_in_order() -> None:
    read, write = os.pipe()
    # The other end's own descriptor still waits, as whoever gave it to us expects.
    assert os.get_blocking(write)
    stream = os.fdopen(write, "w")
    writer = LineWriter(stream)
    lines = [f"{number} {'x' * 300}\n" for number in range(2000)]
    for line in lines:
        writer.write(line)
    assert os.get_blocking(write)
    got = b""
    while not got.endswith(lines[-1].encode()):
        got += os.read(read, 65536)
    assert got.decode() == "".join(lines)
    thread = writer._thread
    assert thread is not None
    while not writer._idle:
        thread.join(0.01)
    writer.write("after\n")
    assert os.read(read, 100) == b"after\n"
    writer.close()
    stream.close()
    os.close(read)


def test_a_line_that_a_pipe_does_not_take_in_one_piece_is_left_to_the_thread() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream:
        writer = LineWriter(stream)
        lines = [f"{'x' * size}\n" for size in (5000, 10, 5000)]
        for line in lines:
            writer.write(line)
        writer.close()
    with os.fdopen(read) as reader:
        assert reader.read() == "".join(lines)


def test_a_sockets_lines_are_written_at_once() -> None:
    here, there = socket.socketpair()
    with here, there, here.makefile("w") as stream:
        writer = LineWriter(stream)
        writer.write("a\n")
        there.setblocking(False)
        assert there.recv(100) == b"a\n"
        writer.close()


def test_a_reader_that_has_gone_is_no_failure() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream:
        writer = LineWriter(stream)
        os.close(read)
        writer.write("a\n")
        writer.close()
