"""How a process that serves is set up."""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop

from argo_relay.errors import StartError
from argo_relay.server.process import log_descriptor, loop_factory, settle_memory


def test_the_collector_never_has_much_to_do_at_once() -> None:
    before = gc.get_threshold()
    try:
        settle_memory()
        young, middle, _ = gc.get_threshold()
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
    assert young > before[0], "it runs less often"
    assert young * middle <= 50_000, "all timers wait for it: 2 us an object"


def kept(prepare: str) -> int:
    """Return how many bytes more are resident after a large block, below a small one, has been freed."""
    script = f"""
import re
{prepare}
def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
large = bytearray(24 << 20)
del large
before = resident()
large = bytearray(b"x") * (20 << 20)
small = [bytearray(700) for _ in range(1000)]
del large
print(resident() - before)
"""
    return int(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout)


def test_what_is_large_is_given_back_when_it_is_freed() -> None:
    assert kept("") > 20 << 20, "what the test is about"
    assert kept("from argo_relay.server.process import settle_memory; settle_memory()") < 4 << 20


def test_the_loop_is_uvloops() -> None:
    loop = loop_factory()()
    try:
        assert isinstance(loop, uvloop.Loop)
    finally:
        loop.close()


def test_the_log_is_appended_to_and_its_owners(tmp_path: Path) -> None:
    file = tmp_path / "relay.log"
    for text in (b"one\n", b"two\n"):
        descriptor = log_descriptor(str(file))
        os.write(descriptor, text)
        os.close(descriptor)
    assert file.read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"Cannot write the log to .*: No such file or directory\."):
        log_descriptor(str(tmp_path / "none" / "relay.log"))
