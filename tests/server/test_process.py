"""How a process that serves is set up."""

from __future__ import annotations

import gc
import os
import stat
from pathlib import Path

import pytest
import uvloop

from argo_relay.errors import StartError
from argo_relay.server.process import calm_collector, log_descriptor, loop_factory


def test_the_collector_never_has_much_to_do_at_once() -> None:
    before = gc.get_threshold()
    try:
        calm_collector()
        young, middle, _ = gc.get_threshold()
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
    assert young > before[0], "it runs less often"
    assert young * middle <= 50_000, "all timers wait for it: 2 us an object"


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
