from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from argo_relay.config.load import load
from argo_relay.config.write import occupied, write_config
from argo_relay.errors import ConfigError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refusal(path: Path, *, force: bool = False, values: dict[str, object] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        write_config(path, values or {}, force=force)
    return str(caught.value)


@pytest.fixture(autouse=True)
def open_mask() -> Iterator[None]:
    """A umask that would let everybody read, so that only our own modes count."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_ours_alone_and_so_are_its_new_directories(tmp_path: Path, force: bool) -> None:
    path = tmp_path / "a" / "b" / "argo-relay.yaml"
    write_config(path, {"user": "jdoe"}, force=force)
    assert mode(path) == 0o600
    assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700
    loaded = load(config=path, environ={})
    assert loaded.config.user == "jdoe"
    assert loaded.origins["port"] == "default"
    assert list(path.parent.iterdir()) == [path]


def test_directories_that_are_there_keep_their_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    write_config(tmp_path / "x.yaml", {})
    assert mode(tmp_path) == 0o755


def test_a_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("port: 1\n")
    assert refusal(path) == f"{path}: there is a file already; pass --force to replace it" == str(occupied(path))
    assert path.read_text() == "port: 1\n"


def test_a_dangling_link_is_not_followed_unasked(tmp_path: Path) -> None:
    link = tmp_path / "x.yaml"
    link.symlink_to(tmp_path / "elsewhere.yaml")
    assert "there is a file already" in refusal(link)
    assert not (tmp_path / "elsewhere.yaml").exists()


def test_force_replaces_in_one_step_and_closes_the_file_to_others(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("port: 1\n")
    path.chmod(0o644)
    with path.open() as reader:
        write_config(path, {"port": 2}, force=True)
        assert reader.read() == "port: 1\n"
    assert load(config=path, environ={}).config.port == 2
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_force_through_a_link_replaces_its_target(tmp_path: Path) -> None:
    target, link = tmp_path / "dotfiles.yaml", tmp_path / "x.yaml"
    target.write_text("")
    link.symlink_to(target)
    write_config(link, {"port": 2}, force=True)
    assert link.is_symlink()
    assert load(config=target, environ={}).config.port == 2


@pytest.mark.parametrize("there", [False, True])
def test_a_failure_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    path = tmp_path / "x.yaml"
    if there:
        path.write_text("port: 1\n")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert refusal(path, force=there) == f"{path}: it cannot be written: No space left on device"
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == (
        [("x.yaml", "port: 1\n")] if there else []
    )


def test_a_failed_replacement_leaves_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("port: 1\n")

    def busy(self: Path, target: Path) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    assert "Device or resource busy" in refusal(path, force=True)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("x.yaml", "port: 1\n")]


def test_what_stands_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "it is a directory" in refusal(tmp_path, force=True)
    assert "there is a file already" in refusal(tmp_path)
    assert "Not a directory" in refusal(tmp_path / "file" / "x.yaml")
    assert "it cannot be written" in refusal(loop, force=True)
    assert "it cannot be written" in refusal(tmp_path / "a\0b")


def test_nothing_is_written_that_would_not_be_accepted(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    assert "--user: user: `JDoe` is not an Argo user name" in refusal(path, values={"user": "JDoe"})
    assert list(tmp_path.iterdir()) == []
