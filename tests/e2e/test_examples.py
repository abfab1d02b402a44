"""The examples of the user's page, unchanged, as programs, against the port that they name.

One test for all of them, because there is one port 44497 and several workers.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.process import RelayProcess

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
PATIENCE = 90.0
"""Longer than the system keeps a port that an outgoing connection had, as one of another test's may have had this."""


def served(stack: ExitStack) -> RelayProcess:
    """Return a relay on the port of the examples, as soon as that can be had."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return stack.enter_context(RelayProcess("--simulate", "--port", "44497"))
        except AssertionError as error:
            if "Another relay may be running" in str(error):
                pytest.fail("The examples need their port 44497: stop what serves there (make demo?), and test again.")
            if "Try again in a minute" not in str(error) or time.monotonic() > end:
                raise


def test_each_prints_the_answer() -> None:
    assert len(EXAMPLES) == 4
    with ExitStack() as stack:
        relay = served(stack)
        for example in EXAMPLES:
            ran = subprocess.run(
                [sys.executable, str(example)], capture_output=True, text=True, timeout=60, check=False
            )
            assert ran.returncode == 0, ran.stderr
            assert ran.stdout.startswith("This is the Argo simulator, answering as gpt4."), example
            newest = relay.exchanges()[-1]
            assert newest["state"] == "finished"
            assert "timeout" not in newest["body"], "the relay's own field went upstream"


def test_the_page_shows_the_very_programs() -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text()
    for example in EXAMPLES:
        program = example.read_text().split('"""\n', 1)[1].strip()
        assert f"```python\n{program}\n```" in page, example
