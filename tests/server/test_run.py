"""The relay as a process: connections, bodies, logs, and its end."""

from __future__ import annotations

import contextlib
import json
import signal
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.process import RelayProcess, SimulatorProcess, run_command
from support.wire import PATIENCE, Wire, chat, get, post

MEGABYTE = 1 << 20

KEY = "marked-client-key"
TIGHT = f"""
user: tester
keys: [{KEY}]
max_body: 1MiB
timeouts: {{body: 0.5}}
log: {{format: json, file: relay.log}}
"""


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess("--simulate", "--user", "tester") as started:
        yield started


@pytest.fixture(scope="module")
def tight() -> Iterator[RelayProcess]:
    with RelayProcess("--simulate", config=TIGHT) as started:
        yield started


def frames(body: bytes) -> list[bytes]:
    return [frame.removeprefix(b"data: ") for frame in body.split(b"\n\n") if frame]


def rss(process: RelayProcess) -> int:
    size: int = psutil.Process(process.pid).memory_info().rss
    return size


def settled(process: RelayProcess, wire: Wire) -> int:
    """Return how much it holds once it has all its modules, which the first call to the upstream brings in."""
    assert wire.ask(get("/ready", authorization=KEY)).status == 200
    return rss(process)


def draining(process: RelayProcess, place: Path | None = None) -> None:
    """Tell the relay to stop, and wait until it takes nobody in any more."""
    process.signal(signal.SIGTERM)
    with contextlib.suppress(OSError):
        while True:
            with Wire(str(place) if place else process.port) as late:
                late.read()


def until(true: Callable[[], Any]) -> Any:
    """Return what is true, asking until it is."""
    deadline = time.monotonic() + PATIENCE
    while not (value := true()):
        assert time.monotonic() < deadline
    return value


def running(process: RelayProcess) -> list[dict[str, Any]]:
    """Return what the upstream works on."""
    return [one for one in process.exchanges() if one["state"] == "running"]


def test_it_relays(relay: RelayProcess) -> None:
    with Wire(relay.port) as wire:
        whole = wire.ask(post(chat("[first_token=0]")))
        assert whole.status == 200
        assert json.loads(whole.body)["choices"][0]["finish_reason"] == "stop"
        stream = wire.ask(post(chat("[first_token=0] [chunks=3]", stream=True)))
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert frames(stream.body)[-1] == b"[DONE]"
        assert "server" not in whole.headers


ERRORS: dict[str, tuple[bytes, int, str | None]] = {
    "no JSON": (post(b"{"), 400, "invalid_json"),
    "no model": (post(b'{"messages":[]}'), 400, "missing_required_parameter"),
    "a timeout that is none": (post(chat(timeout=0)), 400, "invalid_timeout"),
    "an unknown model": (post(chat(model="gpt-9000")), 404, "model_not_found"),
    "an unknown path": (post(chat(), "/v1/nope"), 404, "path_not_found"),
    "a wrong method": (get("/v1/chat/completions"), 405, "method_not_allowed"),
    "a web page": (post(chat("x" * 100_000), origin="https://evil.example"), 403, "origin_not_allowed"),
    "an upstream's error": (post(chat("[status=429]")), 429, None),
    "an upstream that leaves": (post(chat("[first_token=0] [drop_after=1]")), 502, "upstream_disconnected"),
    "a deadline": (post(chat("[first_token=60]", timeout=0.05)), 504, "timeout_total"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_after_an_error_the_connection_serves_the_next_request(relay: RelayProcess, case: str) -> None:
    request, status, code = ERRORS[case]
    with Wire(relay.port) as wire:
        for _ in range(2):
            refused = wire.ask(request)
            assert refused.status == status
            if code is not None:
                assert refused.error["code"] == code
            assert wire.ask(get("/health")).status == 200


def test_what_is_no_http_is_told_so_and_harms_nobody(relay: RelayProcess) -> None:
    with Wire(relay.port) as before, Wire(relay.port) as wire:
        assert before.ask(get("/health")).status == 200
        refused = wire.ask(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        assert (refused.status, refused.error["code"]) == (400, "invalid_http")
        assert refused.headers["content-type"] == "application/json"
        assert wire.closed
        assert before.ask(get("/health")).status == 200


def test_a_java_client_that_wishes_for_http2_is_served(relay: RelayProcess) -> None:
    with Wire(relay.port) as wire:
        request = post(chat("[first_token=0]"), connection="Upgrade, HTTP2-Settings", upgrade="h2c")
        assert wire.ask(request).status == 200
        assert wire.ask(request).status == 200


def test_a_client_that_wishes_for_a_websocket_is_told_to_use_http(relay: RelayProcess) -> None:
    """Codex does at each start, and gives up where it is told anything but 426."""
    with Wire(relay.port) as wire:
        refused = wire.ask(get("/v1/responses", connection="Upgrade", upgrade="websocket"))
        assert (refused.status, refused.error["code"]) == (426, "websocket_unsupported")
        assert wire.ask(get("/health")).status == 200


def test_70_megabytes_are_refused_without_being_held(relay: RelayProcess) -> None:
    with Wire(relay.port) as wire:
        before = settled(relay, wire)
        refused = wire.ask(post(b"", content_length=str(70 * MEGABYTE)))
        assert (refused.status, refused.error["code"]) == (413, "request_too_large")
        most = before
        for _ in range(70):
            wire.send(b"x" * MEGABYTE)
            most = max(most, rss(relay))
        assert wire.ask(get("/health")).status == 200, "what was refused is read and thrown away"
    assert most - before < 16 * MEGABYTE


def test_a_body_of_unknown_length_is_refused_when_it_has_grown_too_large(tight: RelayProcess) -> None:
    with Wire(tight.port) as wire:
        before = settled(tight, wire)
        head = post(b"", content_length="", authorization=KEY)
        wire.send(head.replace(b"content-length: ", b"transfer-encoding: chunked"))
        piece = b"%x\r\n%s\r\n" % (MEGABYTE, b"x" * MEGABYTE)
        wire.send(piece * 2)
        refused = wire.reply()
        assert (refused.status, refused.error["code"]) == (413, "request_too_large")
        most = before
        for _ in range(60):
            wire.send(piece)
            most = max(most, rss(tight))
        assert wire.ask(b"0\r\n\r\n" + get("/health")).status == 200
    assert most - before < 16 * MEGABYTE


def test_who_asks_before_sending_too_much_is_not_told_to_go_on(relay: RelayProcess) -> None:
    with Wire(relay.port) as wire:
        wire.send(post(b"", expect="100-continue", content_length=str(70 * MEGABYTE)))
        assert wire.read().startswith(b"HTTP/1.1 413 ")


def test_who_asks_before_sending_enough_is_told_to_go_on(relay: RelayProcess) -> None:
    body = chat("[first_token=0]")
    with Wire(relay.port) as wire:
        wire.send(post(b"", expect="100-continue", content_length=str(len(body))))
        assert wire.read() == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert wire.ask(body).status == 200


def test_a_body_that_stops_coming_is_a_408_and_its_connection_is_closed(tight: RelayProcess) -> None:
    with Wire(tight.port) as wire:
        slow = wire.ask(post(b"{", content_length="100", authorization=KEY))
        assert (slow.status, slow.error["code"]) == (408, "request_too_slow")
        assert wire.closed


def test_keys_and_the_simulators_page(tight: RelayProcess) -> None:
    with Wire(tight.port) as wire:
        assert wire.ask(post(chat())).status == 401
        assert wire.ask(get("/simulator/exchanges")).status == 401
        assert wire.ask(get("/health")).status == 200
        assert wire.ask(get("/simulator/exchanges", x_api_key=KEY)).status == 200


def test_the_log_as_json_in_a_file_of_its_owners(tight: RelayProcess) -> None:
    file = tight.home / "relay.log"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with Wire(tight.port) as wire:
        reply = wire.ask(post(chat("[first_token=0]", model="gpt-4o"), authorization=KEY, x_request_id="logged-1"))
        assert reply.headers["x-request-id"] == "logged-1"
        wire.ask(post(chat(timeout="soon"), authorization=KEY, x_request_id="logged-2"))

    def logged() -> dict[str, Any]:
        """Return the lines by request once the last one is there: it is written when its reply has gone out."""
        lines = {line["request_id"]: line for line in map(json.loads, file.read_text().splitlines())}
        return lines if "logged-2" in lines else {}

    lines = until(logged)
    good, bad = lines["logged-1"], lines["logged-2"]
    assert (good["outcome"], good["status"], good["model"], good["served"]) == ("ok", 200, "gpt-4o", "gpt4o")
    assert (good["tokens_output"], good["timeout"], good["timeout_source"]) == (12, 600, "default")
    assert (bad["outcome"], bad["status"], bad["code"]) == ("error", 400, "invalid_timeout")
    assert tight.log_lines == [], "nothing of it goes to standard error, too"


def test_nothing_secret_is_ever_written() -> None:
    config = f"user: tester\nkeys: [{KEY}]\n"
    with SimulatorProcess() as upstream:
        port = upstream.url.rpartition(":")[2]
        with RelayProcess("--base-url", f"http://localhost:{port}", config=config) as relay:
            with Wire(relay.port) as wire:
                for number, body in enumerate(
                    (
                        chat("marked-prompt [first_token=0]"),
                        chat("marked-prompt [first_token=0]", stream=True),
                        chat("marked-prompt", temperature="marked-value"),
                        chat("marked-prompt", timeout="marked-value"),
                        chat("marked-prompt [status=500]"),
                        chat("marked-prompt [status=502]", stream=True),
                        chat("marked-prompt [first_token=0] [drop_after=1]", stream=True),
                        chat("marked-prompt [first_token=0] [error_after=1]", stream=True),
                        chat("marked-prompt [first_token=9]", timeout=0.05),
                        chat("marked-prompt", user="nobody")[:-1],
                    )
                ):
                    wire.ask(post(body, authorization=f"Bearer {KEY}", x_request_id=f"number-{number}"))
                wire.ask(post(chat("marked-prompt"), x_api_key="marked-wrong-key"))
                wire.ask(get("/marked-path?marked-query"))
            with Wire(relay.port) as wire:
                wire.ask(b"marked garbage\r\n\r\n")
            with Wire(relay.port) as wire:
                wire.send(post(b'"marked', content_length="99", authorization=KEY, x_request_id="number-10"))
            relay.wait_for(lambda line: "number-10" in line)
            log = relay.log_lines
            assert [sum(f"request_id=number-{number} " in line for line in log) for number in range(11)] == [1] * 11
            assert all(line.startswith("time=") for line in log)
            assert relay.terminate() == 0
            banner = [line for line in relay.stderr_lines if line.startswith("  ")]
            everything = "\n".join([*relay.stdout_lines, *(line for line in relay.stderr_lines if line not in banner)])
    for secret in ("marked", "simulator, answering", "localhost", f":{port}"):
        assert secret not in everything


def test_a_log_that_cannot_be_written_fails_no_exchange() -> None:
    with RelayProcess("--simulate", "--user", "tester", env={"ARGO_RELAY_LOG_FILE": "/dev/full"}) as relay:
        with Wire(relay.port) as wire:
            for _ in range(3):
                assert wire.ask(post(chat("[first_token=0]"))).status == 200
        assert relay.terminate() == 0
        assert relay.log_lines == ["argo-relay has stopped."]


def test_ctrl_c_ends_an_idle_relay_at_once_with_0() -> None:
    with RelayProcess("--simulate", "--user", "tester") as relay, Wire(relay.port) as idle:
        assert idle.ask(get("/health")).status == 200
        relay.signal(signal.SIGINT)
        assert idle.closed
        assert relay.wait() == 0
        assert relay.log_lines == ["argo-relay has stopped."]


def test_a_stream_may_end_in_the_time_of_grace_and_nobody_else_comes_in() -> None:
    with RelayProcess("--simulate", "--user", "tester") as relay, Wire(relay.port) as wire, Wire(relay.port) as idle:
        idle.ask(get("/health"))
        wire.send(post(chat("[first_token=0] [chunks=9] [gap=0.1]", stream=True)))
        assert wire.read().startswith(b"HTTP/1.1 200 ")
        draining(relay)
        assert idle.closed
        body = b""
        while piece := wire.read():
            body += piece
        assert body.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert relay.wait() == 0
        assert " outcome=ok " in relay.log_lines[0]


def test_what_outlasts_the_grace_is_told_so_in_its_own_way() -> None:
    config = "user: tester\nshutdown_grace: 0.3\n"
    with (
        RelayProcess("--simulate", config=config) as relay,
        Wire(relay.port) as stream,
        Wire(relay.port) as whole,
        Wire(relay.port) as sending,
    ):
        sending.send(post(b"{", content_length="9"))
        whole.send(post(chat("[first_token=60]")))
        stream.send(post(chat("[first_token=0] [chunks=300] [gap=0.05]", stream=True)))
        first = stream.read()
        until(lambda: len(running(relay)) == 2)
        relay.signal()
        with_end = first
        while piece := stream.read():
            with_end += piece
        assert with_end.endswith(b"\r\n0\r\n\r\n"), "the stream ends in an orderly way"
        last = frames(with_end.removesuffix(b"\r\n0\r\n\r\n"))[-1].rpartition(b"data: ")[2]
        assert json.loads(last)["error"]["code"] == "shutting_down"
        assert b"[DONE]" not in with_end
        for wire in (whole, sending):
            reply = wire.reply()
            assert (reply.status, reply.error["code"], reply.headers["retry-after"]) == (503, "shutting_down", "1")
            assert wire.closed
        assert relay.wait() == 0
        assert len(relay.log_lines) == 4


def test_a_second_signal_waits_for_nothing() -> None:
    with RelayProcess("--simulate", "--user", "tester") as relay, Wire(relay.port) as wire:
        wire.send(post(chat("[first_token=0] [chunks=300] [gap=0.05]", stream=True)))
        wire.read()
        draining(relay)
        relay.signal()
        body = b""
        while piece := wire.read():
            body += piece
        assert b"shutting_down" in body
        # The grace is 30 s: sooner than this it can only have been the signal.
        assert relay.wait(10) == 0


def test_a_client_that_reads_nothing_holds_nobody_up() -> None:
    config = "user: tester\nshutdown_grace: 0.2\n"
    with RelayProcess("--simulate", config=config) as relay, Wire(relay.port) as wire:
        wire.send(post(chat("[first_token=0] [chunks=5000] [size=10000] [gap=0]", stream=True)))
        seen = 0

        def stuck() -> bool:
            nonlocal seen
            before, seen = seen, next((one["events"] for one in running(relay)), 0)
            return before == seen > 0

        until(stuck)
        relay.signal()
        assert relay.wait(10) == 0
        assert "code=shutting_down" in relay.log_lines[0]


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path: the system allows a socket about a hundred characters."""
    with tempfile.TemporaryDirectory(prefix="argo-relay-") as directory:
        yield Path(directory, "relay.sock")


def test_a_unix_socket_from_its_making_to_its_end(place: Path) -> None:
    with RelayProcess("--simulate", "--user", "tester", "--socket", str(place)) as relay:
        assert relay.place == f"unix:{place}"
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        with Wire(str(place)) as wire:
            assert wire.ask(post(chat("[first_token=0]"))).status == 200
            stream = wire.ask(post(chat("[first_token=0] [chunks=3]", stream=True)))
            assert frames(stream.body)[-1] == b"[DONE]"
        second = run_command("serve", "--simulate", "--socket", str(place))
        assert second.returncode == 1
        assert "Another process is serving" in second.stderr
        with Wire(str(place)) as wire:
            assert wire.ask(get("/health")).status == 200, "the first one goes on"
        assert relay.terminate() == 0
    assert not place.exists()


def test_a_socket_left_by_a_crash_is_replaced(place: Path) -> None:
    options = ("--simulate", "--user", "tester", "--socket", str(place))
    with RelayProcess(*options) as crashed:
        crashed.signal(signal.SIGKILL)
        crashed.wait()
    assert place.exists()
    with RelayProcess(*options), Wire(str(place)) as wire:
        assert wire.ask(get("/health")).status == 200


def test_a_relay_that_drains_leaves_its_successors_socket_alone(place: Path) -> None:
    options = ("--simulate", "--user", "tester", "--socket", str(place))
    with RelayProcess(*options) as old, Wire(str(place)) as wire:
        wire.send(post(chat("[first_token=0] [chunks=300] [gap=0.05]", stream=True)))
        wire.read()
        draining(old, place)
        with RelayProcess(*options):
            old.signal()
            assert old.wait() == 0
            with Wire(str(place)) as other:
                assert other.ask(get("/health")).status == 200


def test_a_log_that_cannot_be_opened_leaves_no_socket(place: Path) -> None:
    env = {"ARGO_RELAY_LOG_FILE": str(place.parent / "none" / "log")}
    failed = run_command("serve", "--simulate", "--socket", str(place), env=env)
    assert failed.returncode == 1
    assert "Cannot write the log" in failed.stderr
    assert list(place.parent.iterdir()) == []
