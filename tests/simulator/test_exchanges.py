from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator import exchanges
from argo_relay.simulator.access import Carriers
from argo_relay.simulator.exchanges import Ledger
from argo_relay.simulator.request import hear
from argo_relay.simulator.wire import encode

BODY = b'{"model": "gpt4o", "stream": true, "user": "bob", "seed": 1e400, "a": 1, "a": 2, "s": "\\ud800"}'


def rows(ledger: Ledger) -> list[dict[str, Any]]:
    shown = json.loads(encode(ledger.shown()))
    assert isinstance(shown, list)
    return shown


def test_a_running_exchange_and_its_end() -> None:
    ledger = Ledger()
    headers = {"user-agent": "me/1", "authorization": "Bearer alice", "x-request-id": "r1", "accept": "*/*", "x": "y"}
    exchange = ledger.open(hear(BODY), headers, "/v1/messages")
    (row,) = rows(ledger)
    assert row.pop("started") > 1_600_000_000
    assert row == {
        "id": 1,
        "path": "/v1/messages",
        "body": json.loads(BODY),
        "user": "alice",
        "model": "gpt4o",
        "stream": True,
        "state": "running",
        "status": None,
        "ended": None,
        "events": 0,
        "headers": {"user-agent": "me/1", "x-request-id": "r1", "accept": "*/*"},
    }
    exchange.events = 4
    exchange.end("finished")
    exchange.end("aborted")
    (row,) = rows(ledger)
    assert (row["state"], row["events"]) == ("finished", 4)
    assert row["ended"] >= row["started"]


def test_a_body_is_shown_byte_for_byte() -> None:
    ledger = Ledger()
    ledger.open(hear(BODY), {}, "/v1/messages")
    assert BODY in encode(ledger.shown())


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"\xff", b'{"a": NaN}'])
def test_what_is_not_json_has_no_body(raw: bytes) -> None:
    ledger = Ledger()
    ledger.open(hear(raw), {}, "/v1/messages")
    (row,) = rows(ledger)
    assert (row["body"], row["user"], row["model"], row["stream"]) == (None, None, None, False)


def test_forgetting_keeps_what_runs_and_counts_on() -> None:
    ledger = Ledger()
    first, second = (ledger.open(hear(b"{}"), {}, "/v1/messages") for _ in range(2))
    first.end("aborted")
    assert ledger.forget() == 1
    assert [row["id"] for row in rows(ledger)] == [second.id] == [2]
    assert ledger.open(hear(b"{}"), {}, "/v1/messages").id == 3


def test_the_oldest_are_forgotten_beyond_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "MOST", 3)
    ledger = Ledger()
    for _ in range(5):
        ledger.open(hear(b"{}"), {}, "/v1/messages")
    assert [row["id"] for row in rows(ledger)] == [3, 4, 5]


def test_the_oldest_are_forgotten_beyond_a_size_but_never_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "MOST_BYTES", 10)
    ledger = Ledger()
    for raw in (b"[1]", b"[2,2]", b"[3,3]", b'"a body that is too long"'):
        ledger.open(hear(raw), {}, "/v1/messages")
    assert [row["body"] for row in rows(ledger)] == ["a body that is too long"]
    ledger.forget()
    ledger.open(hear(b"[5]"), {}, "/v1/messages")
    assert [row["id"] for row in rows(ledger)] == [5]


@pytest.mark.parametrize(("key", "user"), [(True, "alice"), (False, "bob")])
def test_a_key_names_the_user_where_the_route_takes_one(key: bool, user: str) -> None:
    ledger = Ledger()
    ledger.open(hear(BODY), {"x-api-key": "alice"}, "/v1/messages", Carriers(key=key))
    assert [row["user"] for row in rows(ledger)] == [user]
