from __future__ import annotations

import json

import pytest

from argo_relay.dialects.base import Digest
from argo_relay.dialects.openai_chat.reply import read_reply
from argo_relay.errors import BadJson
from argo_relay.neutral.reply import Usage

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}


def test_a_reply_says_what_it_cost() -> None:
    body = {"choices": [CHOICE], "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}}
    assert read_reply(json.dumps(body).encode()) == Digest(usage=Usage(input=9, output=3))


@pytest.mark.parametrize("usage", [None, {}, [], {"prompt_tokens": None}])
def test_a_reply_need_not_say_what_it_cost(usage: object) -> None:
    assert read_reply(json.dumps({"choices": [CHOICE], "usage": usage}).encode()) == Digest()
    assert read_reply(json.dumps({"choices": [CHOICE]}).encode()) == Digest()


@pytest.mark.parametrize("odd", [b'"\\ud83d"', b"NaN", b"-Infinity", b"1e400", b"9" * 5_000])
def test_a_paid_reply_is_not_lost_over_an_odd_value(odd: bytes) -> None:
    body = b'{"choices":[' + odd + b'],"usage":{"prompt_tokens":9}}'
    assert read_reply(body) == Digest(usage=Usage(input=9))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502</html>", b"[]", b"null", b'"hello"', b"5", b'{"choices":[', b'{"a":"\xff"}', b"[" * 10_000],
)
def test_what_is_no_reply_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        read_reply(body)
