"""The contract of docs/timeouts.md on virtual time: what fires, when, and what the client sees."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from typing import Any

import pytest

from argo_relay.config.schema import Config, ModelRow, ModelTimeouts, Timeouts
from argo_relay.dialects.base import Call, Headers
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.run import Exchange
from argo_relay.observe.log import log_sink
from argo_relay.observe.record import Outcome
from argo_relay.transport.base import Answer, Progress
from argo_relay.upstreams.base import Operation
from support.site import lists_models
from support.stage import DONE, FINISH, FOREVER, JSON, WHOLE, FakeClient, FakeUpstream, Play, ask, chunk, stage

pytestmark = pytest.mark.looptime

DRIPPING = [(0.25, chunk()) for _ in range(1000)]


def whole(**play: Any) -> Play:
    return Play(headers=JSON, **play)


def in_band_error(body: bytes) -> dict[str, Any]:
    """Return the error of the last frame of a stream."""
    last = body.strip().rsplit(b"\n\n", 1)[-1]
    assert last.startswith(b"data: ")
    error: dict[str, Any] = json.loads(last[6:])["error"]
    return error


async def test_whole_reply_is_relayed_byte_for_byte() -> None:
    done = await stage(whole(head=2, body=[(0, WHOLE[:10]), (1, WHOLE[10:])])).run(FakeClient([(0, ask())]))
    assert done.client.status == 200
    assert done.client.body == WHOLE
    assert done.client.headers["content-length"] == str(len(WHOLE))
    assert done.client.headers["x-timeout"] == "600"
    assert done.client.headers["x-timeout-source"] == "default"
    assert done.client.headers["x-request-id"].startswith("req_")
    assert done.record.outcome is Outcome.OK
    assert done.record.usage is not None
    assert done.record.usage.output == 1
    assert done.upstream.ended == [("released", 3.0)]


async def test_stream_is_relayed_byte_for_byte_one_write_a_read() -> None:
    pieces = [chunk("a"), chunk("b") + chunk("c"), chunk("d")[:9], chunk("d")[9:] + FINISH, DONE]
    play = Play(body=[(1, piece) for piece in pieces])
    done = await stage(play).run(FakeClient([(0, ask(stream=True))]))
    assert done.client.body == b"".join(pieces)
    assert [when for when, data in done.client.written if data] == [1, 2, 4, 5]
    assert done.record.events == 5
    assert done.record.first_event == 1
    assert done.record.outcome is Outcome.OK


TIMERS = {
    # name: (play, timeout, when it ends, timer, phase)
    "connecting": (Play(connect=FOREVER), 5, 5, "total", "connecting"),
    "connect": (Play(connect=FOREVER), 60, 10, "connect", "connecting"),
    "connect, as asked": (Play(connect=FOREVER), {"total": 60, "connect": 2}, 2, "connect", "connecting"),
    "sending": (Play(send=FOREVER), 5, 5, "total", "sending"),
    "waiting": (Play(head=FOREVER), 5, 5, "total", "waiting"),
    "first_event": (Play(connect=1, head=FOREVER), {"total": 60, "first_event": 3}, 4, "first_event", "waiting"),
    "fractions": (Play(head=FOREVER), 0.5, 0.5, "total", "waiting"),
    "numeric string": (Play(head=FOREVER), "7", 7, "total", "waiting"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", TIMERS)
async def test_before_the_first_byte_a_timer_is_a_504(case: str, stream: bool) -> None:
    play, timeout, when, timer, phase = TIMERS[case]
    config = Config(user="tester", timeouts=Timeouts(heartbeat=None))
    done = await stage(play, config).run(FakeClient([(0, ask(stream=stream, timeout=timeout))]))
    assert done.took == when
    assert done.client.status == 504
    error = done.client.json()["error"]
    assert error["type"] == "timeout_error"
    assert error["param"] == "timeout"
    assert error["code"] == f"timeout_{timer}"
    assert done.client.headers["x-timeout-timer"] == timer
    assert done.client.headers["x-should-retry"] == "false"
    assert done.client.headers["x-timeout-source"] == ("default" if timer == "connect" and when == 10 else "body") or (
        timer == "connect"
    )
    assert "secret-upstream" not in done.client.body.decode()
    assert done.upstream.ended == [("cancelled", when)]
    assert done.record.outcome is Outcome.TIMEOUT
    assert (done.record.timer, done.record.timer_source) == (timer, "default" if case == "connect" else "body")
    assert done.record.phase == phase


async def test_dripping_whole_reply_ends_at_its_total() -> None:
    play = whole(body=[(0.25, b" ")] * 1000)
    done = await stage(play).run(FakeClient([(0, ask(timeout=3))]))
    assert (done.took, done.client.status) == (3, 504)
    assert "12 bytes had arrived" in done.client.json()["error"]["message"] or (
        "11 bytes had arrived" in done.client.json()["error"]["message"]
    )
    assert done.upstream.ended == [("closed", 3.0)]


async def test_total_covers_the_whole_stream() -> None:
    done = await stage(Play(body=DRIPPING)).run(FakeClient([(0, ask(stream=True, timeout=3.1))]))
    assert done.took == 3.1
    assert done.client.status == 200
    assert done.client.body.startswith(chunk() * 12)
    error = in_band_error(done.client.body)
    assert error["code"] == "timeout_total"
    assert "12 events" in error["message"]
    assert DONE not in done.client.body
    assert done.client.ended == 3.1
    assert done.upstream.ended == [("closed", 3.1)]


async def test_a_stream_that_moves_is_not_idle_and_one_that_stops_is() -> None:
    moves = [(5.0, chunk()) for _ in range(10)]
    timeout = {"total": 300, "idle": 6}
    done = await stage(Play(body=[*moves, (FOREVER, b"")])).run(FakeClient([(0, ask(stream=True, timeout=timeout))]))
    assert done.took == 56
    assert in_band_error(done.client.body)["code"] == "timeout_idle"


@pytest.mark.parametrize("filler", [b": ping\n\n", chunk(role="assistant"), chunk(content=""), b"data: {}\n\n"])
async def test_what_carries_no_content_resets_no_timer(filler: bytes) -> None:
    drip = [(1.0, filler)] * 100
    first = await stage(Play(body=drip)).run(FakeClient([(0, ask(stream=True, timeout={"first_event": 7}))]))
    assert first.took == 7
    # Before the first word the relay may have passed on nothing yet: then the error has a status of its own.
    told = first.client.json()["error"] if first.client.status == 504 else in_band_error(first.client.body)
    assert told["code"] == "timeout_first_event"
    idle = await stage(Play(body=[(1, chunk()), *drip])).run(FakeClient([(0, ask(stream=True, timeout={"idle": 7}))]))
    assert idle.took == 8
    assert in_band_error(idle.client.body)["code"] == "timeout_idle"


SOURCES = {
    # body, headers, configured, model row -> total, source
    "built in": (None, {}, None, None, "600", "default"),
    "config": (None, {}, 50.0, None, "50", "config"),
    "model": (None, {}, 50.0, 40.0, "40", "model"),
    "server header": (None, {"x-server-timeout": "30"}, 50.0, 40.0, "30", "header"),
    "request header": (None, {"x-server-timeout": "30", "x-request-timeout": "20"}, 50.0, 40.0, "20", "header"),
    "body": (10, {"x-server-timeout": "30", "x-request-timeout": "20"}, 50.0, 40.0, "10", "body"),
    "body without total": ({"idle": 3}, {"x-request-timeout": "20"}, 50.0, 40.0, "20", "header"),
    "capped": (99999, {}, None, None, "3600", "capped"),
}


@pytest.mark.parametrize("case", SOURCES)
async def test_sources_in_their_order(case: str) -> None:
    body, headers, total, row, seconds, source = SOURCES[case]
    models = {"gpt-4o": ModelRow(timeouts=ModelTimeouts(total=row))} if row else {}
    timeouts = Timeouts(total=total, heartbeat=None) if total else Timeouts(heartbeat=None)
    config = Config(user="tester", timeouts=timeouts, models=models)
    configured = frozenset({"timeouts.total"}) if total else frozenset[str]()
    play = Play(head=FOREVER, connect=0)
    done = await stage(play, config, configured).run(FakeClient([(0, ask(timeout=body))], headers))
    assert done.client.headers["x-timeout"] == seconds
    assert done.client.headers["x-timeout-source"] == source
    assert done.took == float(seconds)


async def test_timeout_is_taken_out_and_everything_else_stays() -> None:
    x, rest = b'"x":[1.0, 12345678901234567890123]', b'"messages":[{"role":"user"}], "z":"\xc3\xa9\\u00e9"'
    body = b'{ "model" : "gpt-4o",\n ' + x + b', "timeout": 9 ,' + rest + b"}"
    done = await stage(whole(body=[(0, WHOLE)])).run(FakeClient([(0, body)]))
    expected = b'{ "model" : "gpt4o",\n ' + x + b"," + rest + b',"user":"tester"}'
    assert done.upstream.calls[0].body == expected


async def test_bad_input_is_refused_with_nothing_sent_upstream() -> None:
    for body, status, param in [
        (b"{", 400, None),
        (b"[]", 400, None),
        (ask(timeout=0), 400, "timeout"),
        (ask(timeout=True), 400, "timeout"),
        (ask(timeout={"totl": 3}), 400, "timeout"),
        (ask(model="gpt-9000"), 404, "model"),
        (ask(messages=7), 400, "messages"),
    ]:
        done = await stage(Play()).run(FakeClient([(0, body)]))
        assert (done.client.status, done.client.json()["error"]["param"]) == (status, param)
        # An unknown name has the upstream asked for its list once more.
        assert {call.method for call in done.upstream.calls} <= ({"GET"} if status == 404 else set())
        assert done.record.outcome is Outcome.ERROR


async def test_a_body_that_comes_too_slowly_is_a_408() -> None:
    done = await stage(Play()).run(FakeClient([(50, b"{"), (50, b" "), (50, b" ")]))
    assert (done.took, done.client.status) == (120, 408)
    assert done.client.headers["connection"] == "close"


async def test_a_body_that_is_too_large_is_a_413() -> None:
    config = Config(user="tester", max_body=100)
    declared = await stage(Play(), config).run(FakeClient([(FOREVER, b"")], {"content-length": "101"}))
    assert (declared.took, declared.client.status) == (0, 413)
    counted = await stage(Play(), config).run(FakeClient([(1, b"x" * 60), (1, b"x" * 60), (FOREVER, b"")]))
    assert (counted.took, counted.client.status) == (2, 413)


LEAVING = {
    "receiving": (Play(), [(0.0, b"{"), (FOREVER, b"}")], None),
    "connecting": (Play(connect=FOREVER), [(0.0, ask(stream=True))], "cancelled"),
    "sending": (Play(send=FOREVER), [(0.0, ask(stream=True))], "cancelled"),
    "waiting": (Play(head=FOREVER), [(0.0, ask(stream=True))], "cancelled"),
    "streaming": (Play(body=DRIPPING), [(0.0, ask(stream=True))], "closed"),
    "writing": (Play(body=DRIPPING), [(0.0, ask(stream=True))], "closed"),
}


@pytest.mark.parametrize("phase", LEAVING)
async def test_a_client_that_leaves_ends_the_upstream_at_once(phase: str) -> None:
    play, pieces, how = LEAVING[phase]
    client = FakeClient(pieces, leave=4.1, reads=500 if phase == "writing" else None)
    done = await stage(play).run(client)
    assert done.took == 4.1
    assert done.upstream.ended == ([(how, 4.1)] if how else [])
    assert done.record.outcome is Outcome.CANCELLED
    assert done.record.phase == phase
    if phase != "receiving":
        assert done.record.saved == pytest.approx(600 - 4.1)
    assert client.ended is None


async def test_a_slow_reader_holds_the_upstream_back_and_is_not_its_silence() -> None:
    there = stage(Play(body=[(1, chunk()), (1, chunk()), (1, FINISH + DONE)]))
    client = FakeClient([(0, ask(stream=True, timeout={"idle": 5}))], reads=1)
    asyncio.get_running_loop().call_later(60, client.read_again)
    done = await there.run(client)
    assert done.record.outcome is Outcome.OK
    assert client.body == chunk() + chunk() + FINISH + DONE
    # The second piece waited for the reader; the third was not asked for meanwhile.
    assert [when for when, data in client.written if data] == [1, 60, 61]


async def test_a_reader_that_never_reads_is_cut_at_the_deadline() -> None:
    client = FakeClient([(0, ask(stream=True, timeout=30))], reads=1)
    done = await stage(Play(body=DRIPPING)).run(client)
    assert done.upstream.ended == [("closed", 30.0)]
    assert client.aborted == 31
    assert done.record.outcome is Outcome.TIMEOUT
    assert done.record.phase == "writing"


async def test_heartbeats_while_the_upstream_is_silent() -> None:
    play = Play(head=40, body=[(0, chunk()[:20]), (40, chunk()[20:]), (1, FINISH + DONE)])
    done = await stage(play).run(FakeClient([(0, ask(stream=True))]))
    beat = b": keep-alive\n\n"
    assert done.client.written[:5] == [(when, beat) for when in (15.0, 30.0, 45.0, 60.0, 75.0)]
    # The half of a frame that had come was held back, so that no heartbeat fell into it.
    assert done.client.written[5] == (80.0, chunk())
    assert done.client.headers["content-type"].startswith("text/event-stream")
    assert done.record.outcome is Outcome.OK


async def test_a_failure_after_a_heartbeat_is_told_in_the_stream() -> None:
    play = Play(head=20, status=503, headers=JSON, body=[(0, b'{"error":{"message":"busy","code":"x"}}')])
    done = await stage(play).run(FakeClient([(0, ask(stream=True))]))
    assert done.client.status == 200
    assert in_band_error(done.client.body) == {
        "message": "busy",
        "type": "overloaded_error",
        "param": None,
        "code": "x",
    }


async def test_whole_replies_stay_silent_unless_asked() -> None:
    silent = await stage(whole(head=50, body=[(0, WHOLE)])).run(FakeClient([(0, ask())]))
    assert silent.client.body == WHOLE
    config = Config(user="tester", timeouts=Timeouts(whole_heartbeat=True))
    kept = await stage(whole(head=50, body=[(0, WHOLE)]), config).run(FakeClient([(0, ask())]))
    assert kept.client.body == b"   " + WHOLE
    assert "content-length" not in kept.client.headers
    late = await stage(whole(head=50, body=[(0, WHOLE)]), config).run(FakeClient([(0, ask(timeout=35))]))
    assert late.client.status == 200
    assert late.client.json()["error"]["code"] == "timeout_total"


@pytest.mark.parametrize(
    ("end", "code"),
    [([], "upstream_disconnected"), ([(1.0, chunk()[:10])], "upstream_disconnected")],
)
async def test_a_stream_without_its_end_is_a_failure(end: list[tuple[float, bytes]], code: str) -> None:
    for cut in (True, False):
        done = await stage(Play(body=[(1, chunk()), *end], cut=cut)).run(FakeClient([(0, ask(stream=True))]))
        assert done.client.body.startswith(chunk())
        assert in_band_error(done.client.body)["code"] == code
        assert done.record.outcome is Outcome.ERROR


async def test_a_complete_stream_is_completed() -> None:
    no_done = await stage(Play(body=[(1, chunk() + FINISH)])).run(FakeClient([(0, ask(stream=True))]))
    assert no_done.client.body == chunk() + FINISH + DONE
    no_finish = await stage(Play(body=[(1, chunk()), (1, DONE)])).run(FakeClient([(0, ask(stream=True))]))
    assert b'"finish_reason":"stop"' in no_finish.client.body
    assert no_finish.client.body.endswith(DONE)


async def test_after_done_nothing_is_waited_for() -> None:
    done = await stage(Play(body=[(1, chunk() + FINISH + DONE), (FOREVER, b"")])).run(
        FakeClient([(0, ask(stream=True))])
    )
    assert done.took == 1


async def test_an_unreachable_upstream_is_a_502_without_its_address() -> None:
    done = await stage(Play(refuse=True)).run(FakeClient([(0, ask())]))
    assert done.client.status == 502
    assert done.client.json()["error"]["code"] == "upstream_unreachable"
    assert "secret-upstream" not in done.client.body.decode()


async def test_an_upstream_error_keeps_status_body_and_retry_after_but_not_its_address() -> None:
    body = b'{"error":{"message":"no at http://secret-upstream.example:1234/argoapi/v1 today","type":"x","extra":1}}'
    headers = JSON | {"retry-after": "7", "x-request-id": "up-1", "server": "secret"}
    done = await stage(Play(status=429, headers=headers, body=[(0, body)])).run(FakeClient([(0, ask())]))
    assert done.client.status == 429
    assert done.client.headers["retry-after"] == "7"
    assert done.client.headers["x-upstream-request-id"] == "up-1"
    assert "server" not in done.client.headers
    assert done.client.json() == {"error": {"message": "no at the upstream/v1 today", "type": "x", "extra": 1}}


async def test_an_upstream_error_within_a_stream_does_not_tell_its_address_either() -> None:
    error = b'{"error":{"message":"no at http://secret-upstream.example:1234/argoapi","code":"x"}}'
    frame = b"data: " + error + b"\n\n"
    within = await stage(Play(body=[(0, chunk()), (1, frame)])).run(FakeClient([(0, ask(stream=True))]))
    late = await stage(Play(head=20, status=503, headers=JSON, body=[(0, error)])).run(
        FakeClient([(0, ask(stream=True))])
    )
    for done in (within, late):
        assert in_band_error(done.client.body)["message"] == "no at the upstream"
        assert done.record.outcome is Outcome.ERROR


@pytest.mark.parametrize("last", [DONE, b'data: {"error":{"message":"no"}}\n\n'])
@pytest.mark.parametrize("together", [True, False])
async def test_after_its_end_or_its_own_error_nothing_of_an_upstream_is_passed_on(last: bytes, together: bool) -> None:
    late = chunk("late") + DONE
    tail = [(0.0, last + late)] if together else [(0.0, last), (0.0, late)]
    done = await stage(Play(body=[(1, chunk() + FINISH), *tail])).run(FakeClient([(0, ask(stream=True))]))
    assert done.client.body == chunk() + FINISH + last


@pytest.mark.parametrize(
    ("reply", "reads"),
    [(WHOLE, 0), (WHOLE + b" " * 2**15, 0), (WHOLE + b" " * 2**15, 1)],
    ids=["small", "none", "part"],
)
async def test_a_whole_reply_that_is_not_read_ends_at_the_deadline(reply: bytes, reads: int) -> None:
    client = FakeClient([(0, ask(timeout=30))], reads=reads)
    done = await stage(whole(body=[(0, reply)])).run(client)
    assert (done.took, client.aborted) == (30, 30)
    assert done.record.outcome is Outcome.TIMEOUT


async def test_headers_that_cannot_be_sent_on_are_left_out() -> None:
    headers = JSON | {"openai-organization": "Z\udcfcrich", "openai-version": "1", "openai-x": "a\r\nset-cookie: b"}
    done = await stage(Play(headers=headers, body=[(0, WHOLE)])).run(FakeClient([(0, ask())]))
    assert done.client.status == 200
    assert {name for name in done.client.headers if name.startswith("openai")} == {"openai-version"}


async def test_a_client_that_cannot_be_answered_is_no_success() -> None:
    class Broken(FakeClient):
        async def begin(self, status: int, headers: Headers) -> None:
            raise KeyError(status)

    client = Broken([(0, ask())])
    done = await stage(whole(body=[(0, WHOLE)])).run(client)
    assert client.aborted == 0
    assert done.record.outcome is Outcome.ERROR
    assert done.record.status is None


@pytest.mark.parametrize(
    ("play", "stream"),
    [
        (Play(status=502, headers={"content-type": "text/html"}, body=[(0, b"<html>nginx</html>")]), False),
        (Play(headers={"content-type": "text/html"}, body=[(0, b"<html>hello</html>")]), False),
        (Play(headers={"content-type": "text/html"}, body=[(0, b"<html>hello</html>")]), True),
        (Play(headers=JSON, body=[(0, b"no json")]), False),
        (Play(headers=JSON, body=[(0, b"{}")]), True),
        (Play(body=[(0, chunk())]), False),
        (Play(status=999), False),
        (Play(status=302, headers={"location": "http://elsewhere"}), False),
    ],
)
async def test_what_is_no_reply_is_a_502_in_the_clients_dialect(play: Play, stream: bool) -> None:
    done = await stage(play).run(FakeClient([(0, ask(stream=stream))]))
    assert done.client.status == 502
    assert done.client.headers["content-type"] == "application/json"
    assert done.client.json()["error"]["type"] == "upstream_error"
    assert "html" not in done.client.body.decode() or "text/html" in done.client.body.decode()


async def test_places_are_limited_and_given_back() -> None:
    config = Config(user="tester", max_in_flight=1, max_queue=0)
    there = stage(whole(head=5, body=[(0, WHOLE)]), config)
    first = asyncio.create_task(there.run(FakeClient([(0, ask())])))
    await asyncio.sleep(1)
    second = await there.run(FakeClient([(0, ask())]))
    assert second.client.status == 503
    assert second.client.headers["retry-after"] == "1"
    assert (await first).client.status == 200
    assert (await there.run(FakeClient([(0, ask())]))).client.status == 200
    assert there.relay.admission.in_flight == 0


async def test_stopping_ends_what_runs_with_an_error_that_says_so() -> None:
    there = stage(Play(body=DRIPPING))
    running = asyncio.create_task(there.run(FakeClient([(0, ask(stream=True))])))
    await asyncio.sleep(2.1)
    there.relay.stop()
    refused = await there.run(FakeClient([(0, ask())]))
    assert (refused.client.status, refused.client.json()["error"]["code"]) == (503, "shutting_down")
    there.relay.end_all()
    done = await running
    assert in_band_error(done.client.body)["code"] == "shutting_down"
    assert done.upstream.ended == [("closed", 2.1)]


async def test_a_bug_ends_as_a_500_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(dict[str, str]):
        def get(self, *_: Any) -> str:
            raise RuntimeError("the prompt was: " + "terces"[::-1])

    done = await stage(Play(headers=Broken(JSON), body=[(0, WHOLE)])).run(FakeClient([(0, ask())]))
    assert done.client.status == 500
    assert "secret" not in done.client.body.decode() + caplog.text
    assert "RuntimeError" in caplog.text


class Newcomer(FakeUpstream):
    """An upstream whose list has a model more from the second time on, and which says what it said before otherwise."""

    async def open(self, call: Call, progress: Progress) -> Answer:
        if call.method == "GET":
            asked = sum(one.method == "GET" for one in self.calls)
            self.play = lists_models("gpt4o", *(["gpt99"] if asked else []), head=4)
        else:
            self.play = whole(body=[(0, WHOLE)])
        return await super().open(call, progress)


async def test_an_unknown_name_waits_for_the_list_and_is_served() -> None:
    there = stage(Play())
    upstream = there.relay.main.directory.transport = Newcomer(Play())
    await there.relay.main.directory.refresh()
    done = await there.run(FakeClient([(0, ask(model="gpt-99", timeout=9))]))
    assert (done.client.status, done.took) == (200, 4)
    assert json.loads(upstream.calls[-1].body or b"")["model"] == "gpt99"
    again = await there.run(FakeClient([(0, ask(model="gpt-98", timeout=9))]))
    assert (again.client.status, again.took) == (404, 0), "once a minute"


async def test_the_wait_for_the_list_is_part_of_the_total() -> None:
    done = await stage(Play(head=FOREVER)).run(FakeClient([(0, ask(model="gpt-99", timeout=3))]))
    assert (done.client.status, done.took) == (504, 3)
    assert "while the request was being looked at" in done.client.json()["error"]["message"]
    late = await stage(Play(head=FOREVER)).run(FakeClient([(0, ask(model="gpt-99", timeout=60))]))
    assert (late.client.status, late.took) == (404, 10)


async def test_a_client_that_leaves_waits_for_no_list() -> None:
    done = await stage(Play(head=FOREVER)).run(FakeClient([(0, ask(model="gpt-99"))], leave=2))
    assert (done.record.outcome, done.took) == (Outcome.CANCELLED, 2)


async def test_the_record_says_in_whose_name() -> None:
    for config, headers, user in (
        (Config(user="tester"), {}, "tester"),
        (Config(identity="client"), {"x-api-key": "alice"}, "alice"),
        (Config(users={"s3cret": "bob"}), {"authorization": "Bearer s3cret"}, "bob"),
    ):
        done = await stage(whole(body=[(0, WHOLE)]), config).run(FakeClient([(0, ask(user="mallory"))], headers))
        assert done.record.user == user
        (call,) = done.upstream.calls
        assert json.loads(call.body or b"")["user"] == user
        assert "mallory" not in str(call)
        assert "s3cret" not in f"{call}{done.record}"


async def test_who_does_not_say_who_it_is_sends_nothing() -> None:
    done = await stage(Play(), Config(identity="client")).run(FakeClient([(0, ask())]))
    assert (done.client.status, done.client.json()["error"]["code"]) == (401, "missing_user")
    assert (done.record.user, done.upstream.calls) == (None, [])


@pytest.mark.parametrize("end", ["whole", "stream", "timeout", "refused", "broken", "left"])
async def test_an_exchange_that_is_over_is_gone_without_the_collector(end: str) -> None:
    plays = {
        "whole": Play(headers=JSON, body=[(1, WHOLE)]),
        "stream": Play(body=[(1, chunk()), (0, FINISH + DONE)]),
        "timeout": Play(body=[(1, chunk()), (FOREVER, b"")]),
        "refused": Play(status=400, headers=JSON, body=[(0, b'{"error":{"message":"no"}}')]),
        "broken": Play(refuse=True),
        "left": Play(head=FOREVER),
    }
    on = stage(plays[end], Config(user="tester", retries=0))
    client = FakeClient([(0, ask(stream=end != "whole", timeout=5))], leave=2 if end == "left" else None)
    exchange = Exchange(on.relay, Entry(dialect=DIALECTS["openai_chat"]), client)
    gone = weakref.ref(exchange)
    gc.disable()
    try:
        await exchange.run()
        del exchange, client
        await asyncio.sleep(10)
        assert gone() is None
    finally:
        gc.enable()


async def test_the_total_holds_while_the_list_is_looked_at_for_an_unknown_name() -> None:
    there = stage(Play(), Config(user="tester", timeouts=Timeouts(body=60, total=2)))

    async def look_again() -> None:
        await asyncio.sleep(30)

    there.relay.main.directory.look_again = look_again  # type: ignore[method-assign]
    done = await there.run(FakeClient([(0, ask(model="unheard of"))]))
    assert (done.took, done.client.status) == (2, 504)


async def test_the_log_says_what_was_asked_for_where_it_is_not_the_usual() -> None:
    lines: list[str] = []
    there = stage(whole(body=[(0, WHOLE)]))
    asked = await there.run(FakeClient([(0, ask())]))
    embedding = Entry(dialect=DIALECTS["openai_chat"], operation=Operation.EMBED)
    embedded = await there.run(FakeClient([(0, b'{"model": "argo:text-embedding-3-small", "input": "hi"}')]), embedding)
    for done in (asked, embedded):
        log_sink(_Kept(lines), "text")(done.record)
    assert ["operation=" in line for line in lines] == [False, True]
    assert " operation=embed " in lines[1]


class _Kept:
    """Lines that are kept."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append
