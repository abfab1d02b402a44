"""What is wrong with a text is told with the place of it; of a large one, as the decoder says it."""

from __future__ import annotations

import math

import msgspec
import pytest

from argo_relay.framing import faults
from argo_relay.framing.faults import explained, integer

WORDS = msgspec.DecodeError("the decoder's own words (byte 9)")


@pytest.mark.parametrize(
    ("text", "reason", "path"),
    [
        (b'{"a":[1,{"b":NaN}]}', "a number that is out of range or not a number", "a[1].b"),
        (b'{"a":"\\ud800"}', "half of a surrogate pair", "a"),
        (b'{"a":"\xff"}', r"not UTF-8 \(byte 6\)", None),
        (b'{"a":1,}', r"not valid JSON: .* line 1, column", None),
        (b"[" * 10_000, "nested too deeply", None),
        (b'{"a":1}', "the decoder's own words", None),
    ],
)
def test_a_fault_is_told_with_its_place(text: bytes, reason: str, path: str | None) -> None:
    bad = explained(text, WORDS)
    assert path == bad.path
    with pytest.raises(type(bad), match=reason):
        raise bad


def test_of_a_large_text_the_decoder_says_it() -> None:
    bad = explained(b'{"a":NaN}' + b" " * faults.LARGE, WORDS)
    assert (bad.reason, bad.path) == ("it is not valid JSON: the decoder's own words (byte 9)", None)


def test_what_is_no_object_is_called_what_it_is() -> None:
    assert explained(b"[1]", msgspec.ValidationError("x")).reason == "it must be a JSON object, not a list"


def test_an_integer_beyond_what_is_read_is_infinite() -> None:
    assert integer("12") == 12
    assert integer("9" * 5000) == math.inf
