"""What a running relay has learned is shown by another process; anything else at its place is no relay."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from argo_relay.cli.running import ask_running
from argo_relay.config.schema import Config
from support.process import COMMAND, PATIENCE, RelayProcess, SimulatorProcess

REFUSED = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "top_k": 5, "max_tokens": 9}


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with (
        SimulatorProcess() as simulator,
        RelayProcess(config=f"user: tester\nkeys: [s3cret]\nupstream: {{base_url: '{simulator.url}'}}\n") as process,
    ):
        yield process


def port_of(relay: RelayProcess) -> int:
    return int(relay.url.rpartition(":")[2])


async def test_a_running_relay_tells_its_rules(relay: RelayProcess) -> None:
    heard = await ask_running(Config(port=port_of(relay), keys=("s3cret",)), "gpt-5")
    assert heard.parameters is not None
    assert {"temperature", "top_p"} <= {rule["parameter"] for rule in heard.parameters}
    assert heard.told == f"nothing by the relay at {relay.url}"


async def test_without_its_key_or_without_a_relay_nothing_is_heard(relay: RelayProcess) -> None:
    for config in (Config(port=port_of(relay)), Config(port=1), Config(socket="/run/relay.sock")):
        heard = await ask_running(config, "gpt-5")
        assert heard.parameters is None
        assert heard.told.endswith("not shown")


def test_the_command_says_it(relay: RelayProcess) -> None:
    url = httpx.get(f"{relay.url}/v1/models/gpt-5", headers={"authorization": "Bearer s3cret"}, timeout=PATIENCE)
    assert url.json()["parameters"][0].keys() == {"parameter", "rule", "from", "source"}
    env = {"ARGO_RELAY_PORT": str(port_of(relay)), "ARGO_RELAY_KEYS": "s3cret", "ARGO_RELAY_USER": "tester"}
    base = "http://127.0.0.1:9"
    told = subprocess.run(
        [*COMMAND, "models", "gpt-5", "--json", "--base-url", base],
        env=env,
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    sheet = json.loads(told.stdout)
    assert sheet["learned"] == f"nothing by the relay at {relay.url}"
    assert sheet["parameters"] == url.json()["parameters"]
