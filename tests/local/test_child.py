"""The model's process as a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from argo_relay.local.settings import KEY_VARIABLE, Settings
from support.llama import stand_ins

PATIENCE = 20.0


@contextmanager
def started(folder: Path) -> Iterator[subprocess.Popen[str]]:
    settings = msgspec.json.encode(Settings(file=str(stand_ins(folder)))).decode()
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "argo_relay.local.child", settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), KEY_VARIABLE: "k"},
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_says_where_it_listens_and_lives_as_long_as_its_input(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
