from __future__ import annotations

import msgspec
import pytest

from argo_relay.neutral.reply import Usage
from argo_relay.observe.record import Outcome, Record

PLAIN = Record(time=1.5, request_id="req_1", dialect="openai_chat", outcome=Outcome.OK, seconds=0.25)


def test_what_did_not_happen_takes_no_place() -> None:
    assert msgspec.to_builtins(PLAIN) == {
        "time": 1.5,
        "request_id": "req_1",
        "dialect": "openai_chat",
        "outcome": "ok",
        "seconds": 0.25,
    }


def test_a_record_survives_being_written() -> None:
    record = msgspec.structs.replace(
        PLAIN,
        status=200,
        model="gpt-4o",
        upstream="anthropic",
        losses="top_k=dropped",
        stream=True,
        timeout=600.0,
        events=3,
        usage=Usage(input=1, output=2),
    )
    assert msgspec.json.decode(msgspec.json.encode(record), type=Record) == record


def test_a_record_stays_as_it_was_made() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        PLAIN.status = 500  # type: ignore[misc]
