"""Inputs that fuzzing found to break a promise (`make fuzz`), each made small: they break none any more."""

from __future__ import annotations

import pytest

from support.fuzzing import TARGETS

FOUND = [
    # A line end after a reply counted only when it came by itself.
    ("reads_http", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh\r\n\r\n"),
    # An entry of `tools` that is null: AttributeError.
    ("reads_request.google", b'{"contents":[{"parts":[{"text":"hi"}]}],"tools":[{},null]}'),
    # Half a surrogate pair in what is packed as a seal for other dialects: UnicodeEncodeError.
    (
        "reads_reply.anthropic",
        rb'{"id":"m","type":"message","model":"m","content":[{"type":"redacted_thinking","data":"\ud800"}]}',
    ),
    # Half a surrogate pair in the type of an event: UnicodeEncodeError.
    ("watches_stream.openai_responses", b'event: error\ndata: {"type":"\\ud800"}\n\n'),
    # A `reasoning_effort` that is an object, and so cannot be looked up: TypeError.
    ("reads_request.openai_chat", b'{"model":"m","messages":[{"role":"user","content":"hi"}],"reasoning_effort":{}}'),
    # Text that is an object, which goes back as it came: TypeError.
    (
        "reads_request.openai_chat",
        b'{"model":"m","messages":[{"role":"developer","content":[{"type":"text","text":{}}]}]}',
    ),
]


@pytest.mark.parametrize(("target", "found"), FOUND, ids=[f"{at}.{target}" for at, (target, _) in enumerate(FOUND)])
def test_what_was_found_stays_mended(target: str, found: bytes) -> None:
    TARGETS[target](found)


@pytest.mark.parametrize(
    ("target", "before", "after"),
    [
        (
            "reads_stream.google",
            b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":',
            b"}}]}}]}\n\n",
        ),
        (
            "reads_request.openai_chat",
            b'{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"function":{"name":"f","parameters":',
            b'},"type":"function"}]}',
        ),
        (
            "reads_request.anthropic",
            b'{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","input":',
            b',"name":"f"}]}]}',
        ),
    ],
)
def test_what_can_be_read_is_never_too_deep_to_be_written(target: str, before: bytes, after: bytes) -> None:
    """Just below the depth that Python's stack allows, what was read could not be written: RecursionError."""
    for depth in [*range(150, 210), *range(900, 1000)]:
        TARGETS[target](before + b'{"items":' * depth + b"1" + b"}" * depth + after)
