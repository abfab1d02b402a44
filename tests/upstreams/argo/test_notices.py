"""What is a notice in place of an answer, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.neutral.failure import FailureKind
from argo_relay.neutral.reply import Usage
from argo_relay.simulator.access import SPECIAL_USERS
from argo_relay.upstreams.argo.notices import NOTICES, may_begin, verdict

DENIED, STRANGER, REVOKED = (SPECIAL_USERS[user][1].format(user="jdoe") for user in ("denied", "stranger", "quota"))
NOTHING = Usage(input=0, output=0)
PAID = Usage(input=9, output=90)


@pytest.mark.parametrize("usage", [None, NOTHING, Usage()])
@pytest.mark.parametrize("identifier", ["msg_blocked_jdoe_1", "chatcmpl-1", ""])
def test_both_notices_are_known(identifier: str, usage: Usage | None) -> None:
    for text, status, kind, words in (
        (DENIED, 403, FailureKind.PERMISSION, "could not be validated as an authorized Argo Gateway API user"),
        (STRANGER, 403, FailureKind.PERMISSION, "is not authorized to use the Argo Gateway API"),
        (REVOKED, 429, FailureKind.RATE_LIMIT, "Please contact your Directorate Operations Officer"),
    ):
        failure = verdict(identifier, text, usage)
        assert failure is not None
        assert (failure.status, failure.kind, failure.final, failure.at_fault) == (status, kind, True, "client")
        assert words in failure.message
        assert failure.message.startswith("Argo says: ACCESS ")
        assert not {"*", "⚠", "🚫", "\n"} & set(failure.message)
        assert "NOTICE" not in failure.message


@pytest.mark.parametrize(
    ("text", "usage"),
    [
        (DENIED, PAID),
        (f"You asked what this means:\n{DENIED}", NOTHING),
        (f"{DENIED}And here is the answer.", PAID),
        (f"{DENIED}And here is the answer.", None),
        ("IMPORTANT AUTHENTICATION NOTICE FROM ARGO is a phrase.", None),
        ("", NOTHING),
        ("hello", None),
    ],
)
def test_an_answer_stays_one_whatever_it_quotes(text: str, usage: Usage | None) -> None:
    assert verdict("chatcmpl-1", text, usage) is None


@pytest.mark.parametrize("text", [DENIED, STRANGER, REVOKED])
def test_a_notice_is_suspected_from_its_first_character_on(text: str) -> None:
    assert all(may_begin(text[:cut]) for cut in range(len(text) + 1))
    assert all(mark in text.encode() or mark == b"msg_blocked_" for mark in NOTICES.marks)


@pytest.mark.parametrize(
    "text",
    [
        "I",
        "hello",
        "Absolutely",
        "IMPORTANTLY",
        "\u4f60\u597d\uff0c\u6211\u662f\u4e00\u4e2a\u8bed\u8a00\u6a21\u578b\u3002",
        "IMPORTANT: back up",
        "IMPORTANT NOTICE",
        "IMPORTANT news FROM",
        "**Im",
    ],
)
def test_an_answer_is_soon_seen_to_be_one(text: str) -> None:
    assert may_begin(text) == (text == "I")


@given(st.lists(st.sampled_from([*DENIED.split(), "a", "\u4f60\u597d", "a-long-word", " ", "\n", "**"])), st.text())
def test_of_any_beginning_it_can_be_said(words: list[str], text: str) -> None:
    for separator in (" ", ""):
        said = separator.join(words)
        assert may_begin(said) <= may_begin(said[:-1]), "what is no notice stays none"
    assert may_begin(text) in (True, False)
