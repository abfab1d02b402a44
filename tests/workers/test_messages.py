"""What is said arrives as it was said."""

from __future__ import annotations

import msgspec
import pytest

from argo_relay.config.load import load
from argo_relay.exchange.directory import Listing
from argo_relay.neutral.reply import Usage
from argo_relay.observe.record import Outcome, Record
from argo_relay.workers import messages
from argo_relay.workers.messages import Begin, ToSupervisor, ToWorker

LISTING = Listing(body=b'{"data": []}', trouble=None, seen=1.5, looked=None)
RECORD = Record(
    time=1.5,
    request_id="req_1",
    dialect="openai_chat",
    outcome=Outcome.TIMEOUT,
    seconds=0.25,
    calls={"main": 2},
    usage=Usage(input=3, raw={"prompt_tokens": 3, "more": {"of": ["it"]}}),
)

TOLD = [
    messages.Retire(),
    messages.Lead(),
    messages.Listed("main", LISTING),
    messages.Granted("p", 1, 2),
    messages.Declined("p", 1, 2, None),
    messages.Tight("p"),
    messages.Loose("p"),
    messages.Look(1),
    messages.Summed(1, 2, {"top_k": 3}),
    messages.Written(1, 200, [("a", "b")], b"\xff"),
]
SAID = [
    messages.Ready(),
    messages.Failed("why"),
    messages.Leaving(),
    messages.Listed("main", LISTING),
    messages.Ask("p", 1, 2.5, None),
    messages.Cancel("p", 1),
    messages.Give("p", 1, 0.5, answer=True),
    messages.Counted([RECORD], [True], {}),
    messages.Seen(1, 2, 3, [("main", 1, 0)], [("main", None, "closed")], {}),
    messages.Sum(1),
    messages.Page(1, "GET", "/metrics", "", "*/*", "gzip"),
]


@pytest.mark.parametrize(("of", "message"), [(ToWorker, one) for one in TOLD] + [(ToSupervisor, one) for one in SAID])
def test_it_arrives(of: object, message: msgspec.Struct) -> None:
    arrived: object = msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=of)
    assert arrived == message


def test_a_configuration_arrives_as_it_was_read() -> None:
    text = {
        "keys": ["a-key"],
        "upstream.kind": "openai",
        "upstream.base_url": "http://localhost:1",
        "upstream.resolve": ["h:1:127.0.0.1"],
        "timeouts.idle": None,
        "workers": "auto",
    }
    loaded = load(environ={}, overrides=text)
    begin = Begin(1, loaded.config, loaded.origins, "http://x", None, 3, 4, 5, True, False, {"main": LISTING})
    arrived = msgspec.msgpack.decode(msgspec.msgpack.encode(begin), type=Begin | ToWorker)
    assert arrived == begin
    assert arrived.config == loaded.config
