"""The model's process: up when it answers, told of when it does not, gone when it should be."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path

import httpx
import psutil
import pytest

from argo_relay.errors import StartError
from argo_relay.local.running import running
from argo_relay.local.settings import KEY_VARIABLE, Settings, make_key
from support.llama import stand_ins

PATIENCE = 20.0


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv(KEY_VARIABLE, "")
    make_key(os.environ)
    return stand_ins(tmp_path)


def overwrite(model: Path, words: str) -> None:
    model.write_text(words)


def child() -> psutil.Process:
    (found,) = (one for one in psutil.Process().children() if "argo_relay.local.child" in one.cmdline())
    return found


async def test_it_answers_within_the_block_to_who_has_the_key_and_is_gone_after(model: Path) -> None:
    async with running(Settings(file=str(model), slots=3)) as base_url, httpx.AsyncClient(base_url=base_url) as http:
        process = child()
        assert (await http.get("/slots")).status_code == 401
        reply = await http.get("/slots", headers={"authorization": f"Bearer {os.environ[KEY_VARIABLE]}"})
        assert [slot["n_ctx"] for slot in reply.json()] == [8192] * 3
    assert not process.is_running()


@pytest.mark.parametrize(
    ("words", "reason"),
    [("broken", "llama_model_load: failed to read magic"), ("too large", "ended by signal 9, as it is when memory")],
)
async def test_a_model_that_does_not_start_is_told_of_with_its_reason(model: Path, words: str, reason: str) -> None:
    overwrite(model, words)
    with pytest.raises(StartError, match=reason) as caught:
        async with running(Settings(file=str(model))):
            pass
    assert "--simulate" in str(caught.value)


async def test_what_the_server_does_not_explain_is_told_in_its_last_words(model: Path) -> None:
    with pytest.raises(StartError, match="No such file"):
        async with running(Settings(file=str(model.with_name("other.gguf")))):
            pass


async def test_a_process_that_ends_by_itself_is_told_of(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    log = logging.getLogger("argo_relay")
    monkeypatch.setattr(log, "warning", lambda text, *values: said.put_nowait(text % values))
    async with running(Settings(file=str(model))), asyncio.timeout(PATIENCE):
        child().send_signal(signal.SIGKILL)
        assert "has ended (signal 9)" in await said.get()
