from __future__ import annotations

import os
from pathlib import Path

import pytest

from argo_relay.config.search import find, home_file, read_file
from argo_relay.errors import ConfigError

NAME = "argo-relay.yaml"


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """A file for each of the four places, none of them made yet."""
    for name in ("given", "named", "work", "xdg/argo-relay"):
        (tmp_path / name).mkdir(parents=True)
    return {
        "given": tmp_path / "given" / "a.yaml",
        "named": tmp_path / "named" / "b.yaml",
        "work": tmp_path / "work" / NAME,
        "xdg": tmp_path / "xdg" / "argo-relay" / NAME,
    }


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    (problem,) = caught.value.problems
    return problem


def test_the_four_places_are_searched_in_order(places: dict[str, Path], tmp_path: Path) -> None:
    for path in places.values():
        path.write_text("")
    environ = {"ARGO_RELAY_CONFIG": str(places["named"]), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    outcomes = []
    for given in (places["given"], None):
        used, searched = find(given, environ, tmp_path / "work")
        outcomes.append((used, [place.outcome for place in searched]))
    del environ["ARGO_RELAY_CONFIG"]
    for path in (places["work"], places["xdg"]):
        used, searched = find(None, environ, tmp_path / "work")
        outcomes.append((used, [place.outcome for place in searched]))
        path.unlink()
    outcomes.append((find(None, environ, tmp_path / "work")[0], []))
    late = "not looked at: an earlier one is used"
    assert outcomes == [
        (places["given"], ["used", late, late, late]),
        (places["named"], ["not given", "used", late, late]),
        (places["work"], ["not given", "not set", "used", late]),
        (places["xdg"], ["not given", "not set", "not there", "used"]),
        (None, []),
    ]


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    with pytest.raises(ConfigError, match=r"no such file \(named by --config\)"):
        find(missing, {}, tmp_path)
    with pytest.raises(ConfigError, match=r"no such file \(named by \$ARGO_RELAY_CONFIG\)"):
        find(None, {"ARGO_RELAY_CONFIG": str(missing)}, tmp_path)


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    used, searched = find(None, {"ARGO_RELAY_CONFIG": "", "HOME": str(tmp_path)}, tmp_path)
    assert used is None
    assert searched[1].outcome == "not set"


def test_a_place_that_cannot_be_looked_at_is_a_problem(tmp_path: Path) -> None:
    loop = tmp_path / NAME
    loop.symlink_to(loop)
    with pytest.raises(ConfigError, match="cannot be read"):
        find(None, {}, tmp_path)
    with pytest.raises(ConfigError, match="not one a file can have"):
        find(Path("a\0b"), {}, tmp_path)


def test_the_users_own_file_is_where_the_system_wants_it() -> None:
    own = Path("argo-relay", NAME)
    assert home_file({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}) == Path("/x") / own
    assert home_file({"HOME": "/h"}) == Path("/h/.config") / own
    assert home_file({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}) == Path("/h/.config") / own
    assert home_file({"XDG_CONFIG_HOME": "", "HOME": "/h"}) == Path("/h/.config") / own


def test_a_machine_without_a_home_has_three_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nowhere() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", nowhere)
    assert home_file({}) is None
    used, searched = find(None, {}, tmp_path)
    assert used is None
    assert searched[3].outcome == "no home directory is known"


def test_a_file_is_read_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"\xef\xbb\xbfuser: j\xc3\xb6\n")
    path.chmod(0o640)
    file = read_file(path)
    assert file.text == "user: jö\n"
    assert file.mode == 0o640


def test_a_pipe_is_read_and_has_no_mode() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"port: 1\n")
        os.close(writing)
        file = read_file(Path(f"/dev/fd/{reading}"))
    finally:
        os.close(reading)
    assert (file.text, file.mode) == ("port: 1\n", 0)


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: it cannot be read: Is a directory"
    assert "No such file" in refusal(tmp_path / "missing")
    assert "not one a file can have" in refusal(Path("a\0b"))
    (tmp_path / "latin").write_bytes(b"a: 1\nb: \xff\n")
    assert refusal(tmp_path / "latin") == f"{tmp_path / 'latin'}:2: it is not UTF-8 text"
    (tmp_path / "wide").write_text("a: 1", encoding="utf-16")
    assert "not UTF-8" in refusal(tmp_path / "wide")
    (tmp_path / "large").write_bytes(b" " * (2**20 + 1))
    assert "larger than 1 MiB" in refusal(tmp_path / "large")
    assert "larger than 1 MiB" in refusal(Path("/dev/zero"))

    def denied(self: Path, mode: str) -> None:  # the tests may run as root, whom nothing is denied
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert refusal(tmp_path / "secret") == f"{tmp_path / 'secret'}: it cannot be read: Permission denied"
