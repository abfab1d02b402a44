"""Several workers are one relay: its limits, figures and lists, and nobody notices when workers come and go."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families as read_text

from support.argo_lists import Argo
from support.llama import stand_ins
from support.process import COMMAND, PATIENCE, RelayProcess, SimulatorProcess
from support.terminal import Terminal
from support.wire import Reply, Wire, chat, get, post

CONFIG = """
user: tester
workers: 2
log: {format: json}
metrics: {port: 0, on_client_port: true}
"""
QUICK = post(chat("[first_token=0]"))
HELD = post(chat("[first_token=60]", timeout=90))


@contextlib.contextmanager
def relaying(extra: str = "", *args: str) -> Iterator[RelayProcess]:
    with RelayProcess("--simulate", *args, config=CONFIG + extra) as relay:
        yield relay


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with relaying() as started:
        yield started


def until(true: Callable[[], Any]) -> Any:
    """Return what is true, asking until it is."""
    deadline = time.monotonic() + PATIENCE
    while not (value := true()):
        assert time.monotonic() < deadline
    return value


def pids(relay: RelayProcess) -> set[int]:
    """Return the processes that the supervisor has now."""
    return {child.pid for child in psutil.Process(relay.pid).children()}


def first_pids(relay: RelayProcess) -> set[int]:
    (line,) = [line for line in relay.stderr_lines if line.startswith("  workers ")]
    assert line.split()[1] == "2"
    return {int(pid) for pid in re.findall(r"\d+", line.partition("pids")[2])}


def logged(relay: RelayProcess) -> list[dict[str, Any]]:
    """Return the log's lines that tell of exchanges."""
    return [line for line in map(json.loads, relay.log_lines) if "request_id" in line]


def said(relay: RelayProcess, text: str, since: int = 0) -> str:
    """Return the line that says it, waiting for it."""
    return relay.wait_for(lambda line: text in line, since)


def figures(relay: RelayProcess) -> Callable[..., float]:
    """Return what sums the page's series that have a name and some labels."""
    (line,) = [line for line in relay.stderr_lines if line.startswith("  metrics ")]
    page = httpx.get(line.split()[1], timeout=PATIENCE)
    assert page.status_code == 200
    return sums(page.text)


def sums(page: str) -> Callable[..., float]:
    samples = [sample for family in read_text(page) for sample in family.samples]

    def total(name: str, **labels: str) -> float:
        return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())

    return total


def restart(relay: RelayProcess) -> None:
    """Have new workers take over, and wait until they have."""
    since = len(relay.stderr_lines)
    relay.signal(signal.SIGHUP)
    said(relay, "have taken over", since)


def set_config(relay: RelayProcess, text: str) -> None:
    (relay.home / "argo-relay.yaml").write_text(text)


def frames(body: bytes) -> list[bytes]:
    return [frame.removeprefix(b"data: ") for frame in body.split(b"\n\n") if frame]


def connections(relay: RelayProcess) -> list[int]:
    """Return how many connections of clients each worker has."""

    def held(pid: int) -> int:
        every = psutil.Process(pid).net_connections("tcp")
        return sum(one.status == "ESTABLISHED" and one.laddr.port == relay.port for one in every)

    return [held(pid) for pid in sorted(pids(relay))]


def warm(relay: RelayProcess) -> None:
    """Wait until both workers take connections: the one that fetches the list of models has much to do at first."""

    def shared() -> bool:
        with contextlib.ExitStack() as stack:
            for wire in [stack.enter_context(Wire(relay.port)) for _ in range(4)]:
                assert wire.ask(get("/ready")).status == 200
            return min(connections(relay)) == 2

    until(shared)


def rest_of(stream: Wire) -> bytes:
    """Return what comes of a stream until it ends, one way or another."""
    body = b""
    with contextlib.suppress(ConnectionResetError):
        while b"[DONE]" not in body and (piece := stream.read()):
            body += piece
    return body


def gone(those: set[int]) -> None:
    """Wait until processes have ended."""
    processes = [psutil.Process(pid) for pid in those if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(processes, PATIENCE)
    assert not alive


def test_connections_are_spread_and_log_lines_say_whose_they_are(relay: RelayProcess) -> None:
    assert pids(relay) == first_pids(relay)
    warm(relay)
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(relay.port)) for _ in range(20)]
        for number, wire in enumerate(wires):
            wire.send(post(chat("[first_token=0]"), x_request_id=f"spread-{number}"))
        assert [wire.reply().status for wire in wires] == [200] * 20

    def all_lines() -> list[int]:
        lines = [line["worker"] for line in logged(relay) if line["request_id"].startswith("spread-")]
        return lines if len(lines) == 20 else []

    workers = until(all_lines)
    assert min(workers.count(1), workers.count(2)) >= 5


@pytest.mark.parametrize("limit", ["max_in_flight: 1", "upstream: {max_in_flight: 1}"])
def test_a_limit_holds_for_all_workers_and_who_came_first_is_served_first(limit: str) -> None:
    depth = "argo_relay_queue_depth" if limit.startswith("max") else "argo_relay_upstream_queue_depth"
    with relaying(limit) as relay, contextlib.ExitStack() as stack:
        holder = stack.enter_context(Wire(relay.port))
        holder.send(HELD)
        until(lambda: figures(relay)("argo_relay_upstream_in_flight") == 1)
        wires = [stack.enter_context(Wire(relay.port)) for _ in range(10)]
        for number, wire in enumerate(wires):
            wire.send(post(chat(f"[first_token=0.1] number {number}", timeout=60)))
            waits(relay, depth, number + 1)
        # One that leaves gives its turn to the next.
        wires.pop(3).socket.close()
        waits(relay, depth, 9)
        holder.socket.close()
        assert [wire.reply().status for wire in wires] == [200] * 9
        seen = relay.exchanges()
        assert figures(relay)("argo_relay_upstream_in_flight") == 0
    assert most_at_once(seen) == 1
    prompts = [one["body"]["messages"][0]["content"] for one in seen[1:]]
    assert [int(prompt.split()[-1]) for prompt in prompts] == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def waits(relay: RelayProcess, depth: str, count: int) -> None:
    """Wait until so many wait."""
    until(lambda: figures(relay)(depth) == count)


def most_at_once(seen: list[dict[str, Any]]) -> int:
    """Return how many of the upstream's exchanges ran at the same time, at most.

    It notes an end when the relay has long read it: each lasts 100 ms, so that two at once would show all the same.
    """
    changes = sorted([(one["ended"] - 0.05, -1) for one in seen] + [(one["started"], 1) for one in seen])
    running, most = 0, 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most


def test_a_limit_is_not_exceeded_under_load() -> None:
    with relaying("max_in_flight: 3\nmax_queue: 100\n") as relay, contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(relay.port)) for _ in range(24)]
        for _ in range(2):
            for wire in wires:
                wire.send(post(chat("[first_token=0.1]", timeout=60)))
            assert [wire.reply().status for wire in wires] == [200] * 24
        seen = relay.exchanges()
        assert len(seen) == 48
    assert most_at_once(seen) == 3


def test_one_too_many_is_told_so_by_whichever_worker() -> None:
    with relaying("max_in_flight: 1\nmax_queue: 1\n") as relay, contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(relay.port)) for _ in range(4)]
        for wire in wires[:2]:
            wire.send(HELD)
        until(lambda: figures(relay)("argo_relay_in_flight") == 2)
        for wire in wires[2:]:
            refused = wire.ask(QUICK)
            assert (refused.status, refused.error["code"]) == (503, "max_in_flight")
            assert refused.headers["retry-after"] == "1"
        with Wire(relay.port) as wire:
            assert json.loads(wire.ask(get("/health")).body)["in_flight"] == 2
        for wire in wires[:2]:
            wire.socket.close()
        until(lambda: figures(relay)("argo_relay_in_flight") == 0)
        assert wires[2].ask(QUICK).status == 200


def test_figures_are_those_of_all_workers_and_survive_them() -> None:
    name = "argo_relay_exchanges_total"
    with relaying() as relay:

        def ask(count: int) -> None:
            with contextlib.ExitStack() as stack:
                for wire in [stack.enter_context(Wire(relay.port)) for _ in range(count)]:
                    assert wire.ask(post(chat("[first_token=0]", top_k=3))).status == 200

        def counted(wanted: int) -> None:
            total = until(lambda: (page := figures(relay))(name) >= wanted and page)
            assert total(name) == total("gen_ai_server_request_duration_seconds_count") == wanted
            assert total("argo_relay_attempts_total") == wanted

        ask(20)
        counted(20)
        restart(relay)
        counted(20)
        ask(10)
        counted(30)
        victim = min(pids(relay))
        os.kill(victim, signal.SIGKILL)
        gone({victim})
        counted(30)
        ask(5)
        counted(35)
        with Wire(relay.port) as wire:
            page = wire.ask(get("/metrics"))
            assert page.headers["content-type"].startswith("text/plain")
            assert sums(page.body.decode())(name) == 35
            assert wire.ask(get("/simulator/exchanges")).status == 200


def test_one_look_at_the_list_of_models_is_enough_for_all() -> None:
    argo = Argo()
    argo.offered = ["gpt4o"]
    try:
        config = f"user: tester\nworkers: 2\nupstream: {{base_url: '{argo.url}'}}\n"
        with RelayProcess(config=config) as relay, contextlib.ExitStack() as stack:
            wires = [stack.enter_context(Wire(relay.port)) for _ in range(8)]
            until(lambda: all(models_at(wire) == ["gpt4o"] for wire in wires))
            assert argo.lists == 1
            argo.offered = ["gpt4o", "gpt9new"]
            assert wires[0].ask(post(chat(model="gpt9new"))).status == 200
            until(lambda: all("gpt9new" in models_at(wire) for wire in wires))
            assert argo.lists == 2
            for wire in wires:
                assert wire.ask(post(chat(model="no-such"))).status == 404
            assert argo.lists == 2, "one look a minute for names that nobody knows"
            restart(relay)
            with Wire(relay.port) as wire:
                assert "gpt9new" in models_at(wire)
            until(lambda: argo.lists == 3)
    finally:
        argo.close()


def models_at(wire: Wire) -> list[str]:
    """Return the upstream's own names of the models that a worker lists."""
    rows = json.loads(wire.ask(get("/v1/models")).body)["data"]
    return sorted({row.get("internal_id", row["id"]) for row in rows})


class Load:
    """Clients that ask without a pause, each on its connection for as long as that one lasts."""

    def __init__(self, relay: RelayProcess, clients: int) -> None:
        self.replies: list[Reply] = []
        self.troubles: list[BaseException] = []
        self._relay = relay
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def further(self, count: int) -> None:
        """Wait for so many more replies."""
        wanted = len(self.replies) + count
        until(lambda: len(self.replies) >= wanted or self.troubles)

    def _ask(self) -> None:
        try:
            while not self._over.is_set():
                with Wire(self._relay.port) as wire:
                    kept = True
                    while kept and not self._over.is_set():
                        reply = wire.ask(QUICK)
                        self.replies.append(reply)
                        kept = reply.headers.get("connection") != "close"
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test tells of it
            self.troubles.append(error)


def test_new_workers_take_over_without_anybody_noticing() -> None:
    with relaying() as relay, contextlib.ExitStack() as stack:
        before = pids(relay)
        streams = [stack.enter_context(Wire(relay.port)) for _ in range(6)]
        for stream in streams:
            stream.send(post(chat("[first_token=0] [chunks=40] [gap=0.1]", stream=True)))
        idle = [stack.enter_context(Wire(relay.port)) for _ in range(4)]
        assert [wire.ask(get("/health")).status for wire in idle] == [200] * 4
        with Load(relay, 4) as load:
            load.further(20)
            for _ in range(2):
                restart(relay)
                load.further(50)
        assert not load.troubles
        assert {reply.status for reply in load.replies} == {200}
        for wire in idle:
            assert wire.read() == b"", "what is idle is closed, and not cut"
        for stream in streams:
            body = stream.reply().body
            assert (len(frames(body)) >= 40, frames(body)[-1]) == (True, b"[DONE]")
        gone(before)
        assert len(pids(relay)) == 2
        assert not pids(relay) & before
        ready = httpx.get(f"{relay.url}/ready", timeout=PATIENCE)
        assert (ready.status_code, ready.json()["stopping"]) == (200, False)
        assert relay.terminate() == 0
    assert not [line for line in relay.log_lines if '"level":"error"' in line]


def test_a_restart_goes_by_the_configuration_as_it_is_then() -> None:
    with relaying() as relay:
        before = pids(relay)
        set_config(relay, "workers: two\ntimeouts: {totl: 3}\n")
        relay.signal(signal.SIGHUP)
        said(relay, "totl")
        line = json.loads(said(relay, "expected a whole number from 1 to 256, or auto"))
        assert line["level"] == "error"
        assert "goes on" in line["message"]
        assert pids(relay) == before
        with Wire(relay.port) as wire:
            assert wire.ask(QUICK).headers["x-timeout"] == "600"
        set_config(
            relay, f"{CONFIG}\nhost: localhost\nworkers: 3\ntimeouts: {{total: 77}}\n".replace("workers: 2\n", "")
        )
        restart(relay)
        said(relay, "`host` stays as it was")
        gone(before)
        assert len(pids(relay)) == 3
        with Wire(relay.port) as wire:
            assert wire.ask(QUICK).headers["x-timeout"] == "77"


def test_a_restart_opens_the_log_anew_in_every_process(tmp_path: Path) -> None:
    file, moved = tmp_path / "relay.log", tmp_path / "relay.log.1"
    with RelayProcess(
        "--simulate", config=f"user: tester\nworkers: 2\nlog: {{format: json, file: '{file}'}}\n"
    ) as relay:
        with Wire(relay.port) as wire:
            assert wire.ask(QUICK).status == 200
        until(lambda: file.read_text().count("request_id") == 1)
        file.rename(moved)
        relay.signal(signal.SIGHUP)
        until(lambda: file.exists() and "have taken over" in file.read_text())

        def is_told_there() -> bool:
            # A worker that is about to end may still take one, and tell of it where it always has.
            with Wire(relay.port) as wire:
                assert wire.ask(QUICK).status == 200
            return "request_id" in file.read_text()

        until(is_told_there)
        (news,) = [line for line in map(json.loads, file.read_text().splitlines()) if "message" in line]
        assert news["level"] == "info"
        assert "have taken over" not in moved.read_text()


def test_a_worker_that_dies_is_replaced_and_the_others_go_on() -> None:
    with relaying() as relay, contextlib.ExitStack() as stack:
        warm(relay)
        streams = [stack.enter_context(Wire(relay.port)) for _ in range(6)]
        for stream in streams:
            stream.send(post(chat("[first_token=0] [chunks=20] [gap=0.1]", stream=True)))
            assert stream.read()
        victim, survivor = sorted(pids(relay))
        os.kill(victim, signal.SIGKILL)
        line = json.loads(said(relay, "another takes its place"))
        assert (line["level"], f"(pid {victim}) was ended by signal 9" in line["message"]) == ("error", True)
        whole = sum(b"[DONE]" in rest_of(stream) for stream in streams)
        assert 0 < whole < 6, "some were the survivor's"
        until(lambda: [line["outcome"] for line in logged(relay)] == ["ok"] * whole)
        until(lambda: len(pids(relay)) == 2)
        assert survivor in pids(relay)
        with Load(relay, 4) as load:
            load.further(50)
        assert not load.troubles
        assert figures(relay)("argo_relay_in_flight") == 0


def test_a_worker_that_hangs_is_killed_and_replaced_and_its_places_come_back() -> None:
    with relaying("worker_timeout: 3\nmax_in_flight: 1\n") as relay, contextlib.ExitStack() as stack:
        warm(relay)
        holder = stack.enter_context(Wire(relay.port))
        holder.send(HELD)
        until(lambda: figures(relay)("argo_relay_upstream_in_flight") == 1)
        (victim,) = [pid for pid in pids(relay) if serves(pid, holder)]
        os.kill(victim, signal.SIGSTOP)
        waiting = stack.enter_context(Wire(relay.port))
        waiting.send(QUICK)
        line = json.loads(said(relay, "another takes its place"))
        assert line["level"] == "error"
        assert f"(pid {victim}) said nothing for 3 s and was killed" in line["message"]
        assert waiting.reply().status == 200, "the place of the one that hung is free again"
        assert rest_of(holder) == b""
        until(lambda: len(pids(relay) - {victim}) == 2)
        warm(relay)
        assert relay.terminate() == 0


def serves(pid: int, wire: Wire) -> bool:
    """Say whether a worker has a client's connection."""
    every = psutil.Process(pid).net_connections("tcp")
    # Of what listens the other end's address is empty.
    return wire.socket.getsockname() in [tuple(one.raddr) for one in every]


def test_a_worker_that_is_told_to_stop_is_replaced_while_it_drains() -> None:
    with relaying() as relay, Wire(relay.port) as wire:
        wire.send(post(chat("[first_token=0] [chunks=20] [gap=0.1]", stream=True)))
        assert wire.read()
        before = pids(relay)
        for pid in before:
            os.kill(pid, signal.SIGTERM)
        until(lambda: len(pids(relay) - before) == 2)
        with Load(relay, 2) as load:
            load.further(20)
        assert not load.troubles
        assert b"[DONE]" in rest_of(wire)


def test_workers_end_when_their_supervisor_is_killed() -> None:
    with SimulatorProcess() as upstream:
        config = f"user: tester\nworkers: 2\nupstream: {{base_url: '{upstream.url}'}}\n"
        with RelayProcess(config=config) as relay, Wire(relay.port) as wire, Wire(relay.port) as idle:
            assert idle.ask(get("/health")).status == 200
            wire.send(post(chat("[first_token=0] [chunks=10] [gap=0.1]", stream=True)))
            assert wire.read()
            workers = pids(relay)
            os.kill(relay.pid, signal.SIGKILL)
            assert idle.closed
            assert b"[DONE]" in rest_of(wire), "what runs gets its time of grace"
            gone(workers)
            with pytest.raises(ConnectionRefusedError), Wire(relay.port):
                pass


def test_all_drain_when_it_is_told_to_stop() -> None:
    with relaying() as relay, contextlib.ExitStack() as stack:
        workers = pids(relay)
        streams = [stack.enter_context(Wire(relay.port)) for _ in range(4)]
        for stream in streams:
            stream.send(post(chat("[first_token=0] [chunks=10] [gap=0.1]", stream=True)))
        until(lambda: figures(relay)("argo_relay_in_flight") == 4)
        relay.signal(signal.SIGTERM)
        for stream in streams:
            assert frames(stream.reply().body)[-1] == b"[DONE]"
        assert relay.wait() == 0
        gone(workers)
    assert relay.stderr_lines[-1] == "argo-relay has stopped."


def test_told_twice_it_ends_replies_with_an_error() -> None:
    with relaying() as relay, Wire(relay.port) as wire:
        wire.send(HELD)
        until(lambda: figures(relay)("argo_relay_in_flight") == 1)
        relay.signal(signal.SIGINT)
        until(lambda: not reachable(relay))
        relay.signal(signal.SIGINT)
        reply = wire.reply()
        assert (reply.status, reply.error["code"]) == (503, "shutting_down")
        assert relay.wait() == 0


def reachable(relay: RelayProcess) -> bool:
    try:
        with Wire(relay.port) as wire:
            return wire.ask(get("/health")).status == 200
    except (OSError, ValueError):
        return False


def test_workers_that_cannot_start_are_told_of_once_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'argo_relay.workers.child' in sys.orig_argv:\n    os._exit(3)\n"
    )
    relay = RelayProcess("--simulate", config=CONFIG, env={"PYTHONPATH": str(tmp_path)})
    try:
        with pytest.raises(AssertionError):
            relay.start()
        assert relay.wait() == 1
        assert "error: A worker did not start: its process ended with exit code 3" in relay.stderr_lines
    finally:
        relay.end()


def test_a_restart_whose_workers_cannot_start_leaves_the_old_ones(tmp_path: Path) -> None:
    module = tmp_path / "sitecustomize.py"
    with RelayProcess("--simulate", config=CONFIG, env={"PYTHONPATH": str(tmp_path)}) as relay:
        before = pids(relay)
        module.write_text("import os, sys\nif 'argo_relay.workers.child' in sys.orig_argv:\n    os._exit(3)\n")
        relay.signal(signal.SIGHUP)
        said(relay, "the workers there are go on: A worker did not start")
        until(lambda: pids(relay) == before)
        with Wire(relay.port) as wire:
            assert wire.ask(QUICK).status == 200


def test_a_unix_socket_is_shared_and_removed(tmp_path: Path) -> None:
    place = tmp_path / "relay.sock"
    with relaying("", "--socket", str(place)) as relay:
        with Wire(str(place)) as one, Wire(str(place)) as other:
            assert {one.ask(QUICK).status, other.ask(QUICK).status} == {200}
        restart(relay)
        with Wire(str(place)) as one:
            assert one.ask(QUICK).status == 200
        assert relay.terminate() == 0
    assert not place.exists()


def test_a_terminal_that_goes_takes_all_with_it(tmp_path: Path) -> None:
    command = (*COMMAND, "serve", "--simulate", "--user", "tester", "--port", "0", "--workers", "2")
    with Terminal(command, tmp_path) as terminal:
        terminal.expect("none written")
        workers = {child.pid for child in psutil.Process(terminal.process.pid).children()}
        assert len(workers) == 2
        terminal.hang_up()
        assert terminal.process.wait(PATIENCE) in (0, 120), "120: Python could not write its last words"
        gone(workers)


def test_a_local_model_is_loaded_once_for_all(tmp_path: Path) -> None:
    stand_ins(tmp_path)
    with RelayProcess("--local", "--workers", "2", env={"PYTHONPATH": str(tmp_path)}) as relay:
        children = pids(relay)
        assert len(children) == 3
        with Wire(relay.port) as one, Wire(relay.port) as other:
            until(lambda: models_at(one) == models_at(other) == ["smollm2"])
            for wire in (one, other):
                slots = json.loads(wire.ask(get("/local/slots")).body)
                assert slots == [{"id": 0, "is_processing": False}, {"id": 1, "is_processing": False}]
        restart(relay)
        until(lambda: len(pids(relay) & children) == 1)
        assert relay.terminate() == 0
        gone(children)
