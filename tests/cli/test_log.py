"""The log of a process, and what becomes of it when it is to go elsewhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from argo_relay.cli.log import OpenLog
from argo_relay.config.schema import Log
from argo_relay.errors import StartError

_log = logging.getLogger("argo_relay")


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    """Leave the levels as they were."""
    before = _log.level
    yield
    _log.setLevel(before)


def test_it_takes_lines_news_of_our_own_and_what_libraries_warn_of(tmp_path: Path) -> None:
    file = tmp_path / "relay.log"
    log = OpenLog(Log(file=str(file), format="json"))
    log.lines.write("a line\n")
    _log.info("some news")
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("trouble")
    log.close()
    _log.warning("nobody hears this")
    line, news, trouble = file.read_text().splitlines()
    assert line == "a line"
    assert [(one["level"], one["message"]) for one in map(json.loads, (news, trouble))] == [
        ("info", "some news"),
        ("warning", "trouble"),
    ]


def test_a_file_that_has_been_moved_is_opened_anew(tmp_path: Path) -> None:
    file, moved = tmp_path / "relay.log", tmp_path / "relay.log.1"
    log = OpenLog(Log(file=str(file)))
    _log.warning("one")
    file.rename(moved)
    log.turn_to(Log(file=str(file)))
    _log.warning("two")
    log.turn_to(Log(file=str(tmp_path / "other.log")))
    _log.warning("three")
    log.close()
    for place, word in ((moved, "one"), (file, "two"), (tmp_path / "other.log", "three")):
        (text,) = place.read_text().splitlines()
        assert text.endswith(f"message={word}")


def test_where_it_cannot_be_opened_all_goes_on_as_before(tmp_path: Path) -> None:
    log = OpenLog(Log(file=str(tmp_path / "relay.log")))
    with pytest.raises(StartError, match="Cannot write the log"):
        log.turn_to(Log(file=str(tmp_path / "none" / "relay.log")))
    _log.warning("one")
    log.close()
    assert (tmp_path / "relay.log").read_text().endswith("message=one\n")


def test_without_a_file_it_is_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    log = OpenLog(Log())
    _log.warning("one")
    log.close()
    assert capfd.readouterr().err.endswith("message=one\n")
