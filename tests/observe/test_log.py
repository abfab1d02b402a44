"""One exchange is one line, whatever a client puts into it."""

from __future__ import annotations

import ast
import io
import json
import logging
import math
import re
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from argo_relay.neutral.reply import Usage
from argo_relay.observe.log import TroubleLog, every, log_sink
from argo_relay.observe.record import Outcome, Record

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
PLAIN = Record(time=1_800_000_000.1234, request_id="req_1", dialect="openai_chat", outcome=Outcome.OK, seconds=0.25)
FULL = replace(
    PLAIN,
    outcome=Outcome.TIMEOUT,
    status=504,
    model="argo:gpt-4o",
    served="gpt4o",
    upstream="anthropic",
    losses="top_k=dropped, seal=dropped",
    stream=True,
    code="timeout_total",
    phase="waiting",
    timer="total",
    timeout=600.0,
    timeout_source="default",
    at_fault="upstream",
    first_event=1.23456789,
    events=3,
    bytes_in=100,
    bytes_out=200,
    usage=Usage(input=9, output=3, cache_read=0, raw={"prompt_tokens": 9}),
    saved=12.5,
)


def logged(record: Record, form: str) -> str:
    stream = io.StringIO()
    log_sink(stream, form)(record)
    text = stream.getvalue()
    assert text.endswith("\n")
    return text[:-1]


FIELD = re.compile(r"""(?P<name>[a-z_]+)=(?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^ '"=]+)(?: |\Z)""")


def parsed(line: str) -> dict[str, str]:
    """Read a line of `name=value`, values with quotes as Python reads them."""
    fields: dict[str, str] = {}
    position = 0
    while position < len(line):
        match = FIELD.match(line, position)
        assert match, line[position:]
        value = match["value"]
        assert match["name"] not in fields
        fields[match["name"]] = ast.literal_eval(value) if value[0] in "'\"" else value
        position = match.end()
    return fields


def test_a_line_for_people() -> None:
    assert logged(FULL, "text") == (
        "time=2027-01-15T08:00:00.123Z request_id=req_1 dialect=openai_chat outcome=timeout seconds=0.25 status=504 "
        "model=argo:gpt-4o served=gpt4o upstream=anthropic losses='top_k=dropped, seal=dropped' stream=true "
        "code=timeout_total phase=waiting at_fault=upstream timer=total "
        "timeout=600.0 timeout_source=default first_event=1.2346 events=3 bytes_in=100 bytes_out=200 saved=12.5 "
        "tokens_input=9 tokens_output=3 tokens_cache_read=0"
    )


def test_calls_to_several_upstreams_are_one_field() -> None:
    line = logged(replace(PLAIN, attempts=3, calls={"main": 2, "spare": 1}), "text")
    assert line.endswith(" attempts=3 calls='main=2, spare=1'")


def test_a_line_for_machines() -> None:
    assert json.loads(logged(FULL, "json")) == {
        "time": "2027-01-15T08:00:00.123Z",
        "request_id": "req_1",
        "dialect": "openai_chat",
        "outcome": "timeout",
        "seconds": 0.25,
        "status": 504,
        "model": "argo:gpt-4o",
        "served": "gpt4o",
        "upstream": "anthropic",
        "losses": "top_k=dropped, seal=dropped",
        "stream": True,
        "code": "timeout_total",
        "phase": "waiting",
        "timer": "total",
        "timeout": 600.0,
        "timeout_source": "default",
        "at_fault": "upstream",
        "first_event": 1.2346,
        "events": 3,
        "bytes_in": 100,
        "bytes_out": 200,
        "tokens_input": 9,
        "tokens_output": 3,
        "tokens_cache_read": 0,
        "saved": 12.5,
    }


def test_every_sink_gets_each_record_in_order() -> None:
    got: list[tuple[str, Record]] = []
    take = every(lambda record: got.append(("a", record)), lambda record: got.append(("b", record)))
    take(PLAIN)
    take(FULL)
    assert got == [("a", PLAIN), ("b", PLAIN), ("a", FULL), ("b", FULL)]


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_is_not_known_is_not_mentioned(form: str) -> None:
    line = logged(replace(PLAIN, usage=Usage(input=9)), form)
    assert "None" not in line
    assert "null" not in line
    fields = json.loads(line) if form == "json" else parsed(line)
    assert list(fields) == ["time", "request_id", "dialect", "outcome", "seconds", "tokens_input"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_trouble_is_a_line_with_frames_and_without_the_errors_own_text(form: str) -> None:
    stream = io.StringIO()
    log = TroubleLog(stream, form)
    try:
        int("terces"[::-1])
    except ValueError:
        log.handle(logging.LogRecord("x", logging.ERROR, "", 0, "it %s", ("failed",), sys.exc_info()))
    line = stream.getvalue()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert "secret" not in line
    for word in ("error", "it failed", "ValueError", "test_log.py"):
        assert word in line


NAMES = st.text(min_size=1) | st.text(st.sampled_from("ab=% '\"\\\n\r\t\x00\x1b\x7f\x85\u2028é€😀{}"), min_size=1)


@UNTIMED
@given(NAMES, NAMES)
@example("gpt-4o status=200", "x")
@example("'", "'")
@example("100%s", "%")
@example("a'b", 'c"d')
@example("\x1b[31mred\nstatus=200", "\u2028")
def test_whatever_a_model_is_called_a_line_stays_one_line(model: str, code: str) -> None:
    record = replace(FULL, model=model, code=code)
    line = logged(record, "text")
    assert line.isascii()
    assert line.isprintable()
    plain = parsed(logged(FULL, "text"))
    assert parsed(line) == plain | {"model": model, "code": code}


@UNTIMED
@given(NAMES, NAMES)
def test_whatever_a_model_is_called_json_stays_one_line(model: str, code: str) -> None:
    line = logged(replace(FULL, model=model, code=code), "json")
    assert "\n" not in line
    assert "\r" not in line
    fields = json.loads(line)
    assert (fields["model"], fields["code"]) == (model, code)


@UNTIMED
@given(st.floats(0, 1e6), st.none() | st.floats(0, 1e6), st.integers(0, 10**12), st.floats(0, 4e9))
def test_numbers_are_numbers(seconds: float, first_event: float | None, count: int, time: float) -> None:
    record = replace(PLAIN, seconds=seconds, first_event=first_event, bytes_out=count, time=time)
    line = logged(record, "json")
    fields = json.loads(line)
    assert None not in fields.values()
    assert math.isclose(fields["seconds"], seconds, abs_tol=0.00006)
    assert fields.get("bytes_out", 0) == count
    assert (first_event is None) == ("first_event" not in fields)
    text = parsed(logged(record, "text"))
    assert fields.keys() == text.keys()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text["time"])


SOMETIMES = st.fixed_dictionaries(
    {},
    optional={
        "calls": st.just({"main": 2, "spare": 1}),
        "queued": st.just(0.0),
        "first_event": st.just(1.5),
        "events": st.just(3),
        "bytes_in": st.just(100),
        "saved": st.just(12.5),
        "rejoined": st.just("req_0"),
        "usage": st.sampled_from([Usage(input=9), Usage(cache_read=0, output_audio=2), Usage()]),
        "user": st.just("jdoe"),
        "partial": st.just(True),
    },
)


@UNTIMED
@given(SOMETIMES)
def test_a_line_says_what_its_record_does_in_the_same_order(members: dict[str, Any]) -> None:
    record = replace(PLAIN, **members)
    expected: dict[str, Any] = msgspec.to_builtins(record) | {"time": "2027-01-15T08:00:00.123Z"}
    usage = expected.pop("usage", {})
    expected |= {f"tokens_{name}": count for name, count in usage.items() if count is not None}
    if "calls" in expected:
        expected["calls"] = "main=2, spare=1"
    fields = json.loads(logged(record, "json"))
    assert fields == expected
    assert list(fields) == list(expected)
    assert list(parsed(logged(record, "text"))) == list(expected)
