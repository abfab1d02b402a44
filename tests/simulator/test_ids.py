from __future__ import annotations

import re

import pytest

from argo_relay.simulator.ids import blocked_id, call_id, chat_id, item_id, request_id
from argo_relay.simulator.models import find


@pytest.mark.parametrize(
    ("name", "call", "reply"),
    [
        ("gpt4o", r"call_\w{24}", r"chatcmpl-\w{29}"),
        ("claudeopus47", r"toolu_vrtx_\w{24}", r"msg_vrtx_\w{24}"),
        ("gemini25pro", r"call_\w{24}", r"\w{23}"),
    ],
)
def test_each_vendor_has_its_style(name: str, call: str, reply: str) -> None:
    model = find(name)
    assert model is not None
    assert re.fullmatch(call, call_id(model))
    assert re.fullmatch(reply, chat_id(model))
    assert call_id(model) != call_id(model)


def test_other_ids() -> None:
    assert re.fullmatch(r"rs_[0-9a-f]{50}", item_id("rs"))
    assert re.fullmatch(r"req_vrtx_\w{24}", request_id())
    assert (blocked_id("nobody", 5), blocked_id(None, 5)) == ("msg_blocked_nobody_5", "msg_blocked__5")
