"""The examples of the user's page, unchanged, as programs, against the port that they name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.process import RelayProcess

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))

# One worker runs all of them: there is one port 44497.
pytestmark = pytest.mark.xdist_group("port-44497")


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess("--simulate", "--port", "44497") as process:
        yield process


def test_there_are_four() -> None:
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_it_prints_the_answer(relay: RelayProcess, example: Path) -> None:
    ran = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("This is the Argo simulator, answering as gpt4.")
    newest = relay.exchanges()[-1]
    assert newest["state"] == "finished"
    assert "timeout" not in newest["body"], "the relay's own field went upstream"
