"""What is set apart changes nothing: the same is read, refused and written, and the values are short."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.errors import BadJson, ReadInFull
from argo_relay.framing import jsonx
from argo_relay.framing.apart import Long
from argo_relay.framing.jsonx import REMOVED, JsonObject
from support.spelling import escaped

UNTIMED = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example]
)
LONG = Long(
    members=frozenset({"messages", "system"}),
    names=frozenset({b"content", b"text", b"system"}),
    but=(b"NO",),
    beside=b'"details"',
    compared=frozenset({b"text"}),
)
SHORT = 16 * 1024
"""More than is left of a text, and less than it was."""


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonx, "LARGE", 1)


def long_texts() -> st.SearchStrategy[str]:
    """Make texts of 30,000 characters and more, of whatever there is."""
    return st.text(min_size=1, max_size=40).map(lambda seed: seed * (30_000 // len(seed) + 1))


def body(*contents: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": one} for one in contents], **more}


def written(value: dict[str, Any], *, ascii_only: bool = False) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only).encode()


def refusal(text: bytes, long: Long | None) -> tuple[str, str | None] | None:
    try:
        JsonObject(text, long)
    except BadJson as bad:
        return bad.reason, bad.path
    return None


def until_it_fits(document: JsonObject, make: Callable[[JsonObject], bytes]) -> tuple[bytes, int]:
    """Return what comes of it, and how often it had to be made."""
    for times in range(1, 10):
        try:
            return make(document), times
        except ReadInFull:
            continue
    raise AssertionError("it never fits")


@UNTIMED
@given(st.lists(long_texts(), min_size=1, max_size=3), st.integers().map(Random))
def test_what_is_written_of_the_values_says_what_came(texts: list[str], random: Random) -> None:
    turns = [b'{"role":"user", "content" : %b}' % escaped(text, random) for text in texts]
    text = b'{"model":"m","messages":[%b],"n":1}' % b" ,".join(turns)
    document = JsonObject(text, LONG)
    assert json.loads(document.write(document.values)) == json.loads(text)
    changed = document.splice({"n": 2})
    assert changed == text.replace(b'"n":1', b'"n":2')


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize(
    "seed",
    [
        "word ",
        "\u00e9",
        "\u4f60\u597d",
        "\U0001f600",
        "x\U0001f600",
        '"',
        'a "word"\n',
        "x\n",
        "\x7f\x01",
        "\u2028x",
    ],
)
def test_the_values_are_short(seed: str, ascii_only: bool) -> None:
    text = written(body(seed * 50_000), ascii_only=ascii_only)
    document = JsonObject(text, LONG)
    assert len(jsonx.encode(document.values)) < SHORT
    assert json.loads(document.write(document.values)) == json.loads(text)
    document.forget()
    assert json.loads(document.write(document.values)) == json.loads(text)


def test_what_goes_out_has_the_very_bytes_that_came() -> None:
    inside = b"a \\u0062 \\/ \\n" * 3000
    text = b'{"messages": [{"content": "' + inside + b'"}]}'
    document = JsonObject(text, LONG)
    assert inside[9000:-9000] in document.write(document.values)


def test_members_that_change_get_back_what_was_in_them() -> None:
    first, second, system = ("%d, and so on. " * 4000 % ((number,) * 4000) for number in (1, 2, 3))
    document = JsonObject(written(body(first, second, system=system)), LONG)
    turns = document.values["messages"]
    reversed_ = [turns[1] | {"content": turns[1]["content"] + " end"}, {"joined": turns[0]["content"] + "\n\n"}]
    made = json.loads(document.splice({"messages": reversed_, "user": "u"}))
    assert made == body(first, system=system, user="u") | {
        "messages": [{"role": "user", "content": second + " end"}, {"joined": first + "\n\n"}]
    }
    moved = {"messages": [{"role": "system", "content": document.values["system"]}, *turns], "system": REMOVED}
    assert json.loads(document.splice(moved))["messages"][0]["content"] == system


def lost(document: JsonObject) -> object:
    return document.values["messages"][1:]


def doubled(document: JsonObject) -> object:
    return [*document.values["messages"], document.values["messages"][0]]


def nested(document: JsonObject) -> object:
    first, *rest = document.values["messages"]
    return [{"content": json.dumps({"inner": first["content"]})}, *rest]


def packed(document: JsonObject) -> object:
    first, *rest = document.values["messages"]
    return [{"content": base64.b64encode(first["content"].encode()).decode()}, *rest]


def cut(document: JsonObject) -> object:
    first, *rest = document.values["messages"]
    return [{"content": first["content"][:2500]}, *rest]


@pytest.mark.parametrize("make", [lost, doubled, nested, packed, cut])
def test_what_does_not_come_out_once_as_itself_is_read_in_full_and_the_rest_is_not(
    make: Callable[[JsonObject], object],
) -> None:
    text = written(body('one "and" so on ' * 3000, "two and so on " * 3000))
    for whole in (
        lambda document: document.write({"messages": make(document)}),
        lambda document: document.splice({"messages": make(document)}),
    ):
        document = JsonObject(text, LONG)
        made, times = until_it_fits(document, whole)
        assert times == 2
        assert json.loads(made)["messages"] == make(JsonObject(text))
        lengths = [len(turn["content"]) for turn in document.values["messages"]]
        assert lengths[0] > SHORT > lengths[1]


def test_nobody_can_have_a_text_put_where_another_stands() -> None:
    plain = "what is set apart " * 3000
    mark = JsonObject(written(body(plain)), LONG).values["messages"][0]["content"]
    text = written(body(plain, mark, user=mark))
    document = JsonObject(text, LONG)
    made, _ = until_it_fits(document, lambda one: one.write(one.values))
    assert json.loads(made) == json.loads(text)
    document = JsonObject(text, LONG)
    made, _ = until_it_fits(document, lambda one: one.splice({"user": one.values["user"] + "."}))
    assert json.loads(made) == json.loads(text) | {"user": mark + "."}


def kept(text: bytes) -> bool:
    """Say whether all of a document is in its values."""
    return bool(JsonObject(text, LONG).values == json.loads(text))


def test_only_what_is_called_so_is_set_apart() -> None:
    text = "so long " * 5000
    for value in (
        {"messages": [{"arguments": text}, text, {"content": [text]}, {'x"content"': text}]},
        {"tools": [{"content": text}], "content": text},
        {"messages": [{"content": "NO" + text}]},
        {"messages": [{"text": text, "details": []}]},
        {"messages": [{"content": "short " * 500}, {"content": text[:4000]}, {"content": [1] * 9000}]},
    ):
        assert kept(written(value))
    assert not kept(written({"system": text}))
    assert not kept(written({"messages": [{"content": text, "details": []}]}))
    assert not kept(written({"messages": {"deep": [{"text": text}]}}))


ADDRESSES = LONG._replace(names=LONG.names | {b"url"}, addresses=frozenset({b"url"}))
BASE64 = "QUJDREVG/+" * 3000


@pytest.mark.parametrize(
    ("address", "apart"),
    [
        (f"data:image/png;base64,{BASE64}", True),
        (f"data:text/plain;charset=utf-8;base64,{BASE64}", True),
        (BASE64, True),
        (f"data:image/{'x' * 9000};base64,{BASE64}", False),
        (f"data:text/plain,{'words%20' * 3000}", False),
        (f"https://example.org/{'a' * 9000}.gif?{'b' * 9000}", False),
        (f" HTTPS://example.org/{BASE64}", False),
        ("s3+x://" + BASE64, False),
    ],
)
@pytest.mark.parametrize("slashed", [False, True])
def test_of_addresses_only_data_is_set_apart(address: str, apart: bool, slashed: bool) -> None:
    text = written({"messages": [{"content": [{"url": address}]}]})
    document = JsonObject(text.replace(b"/", b"\\/") if slashed else text, ADDRESSES)
    assert (document.values != json.loads(text)) == apart
    assert json.loads(document.write(document.values)) == json.loads(text)


def test_all_can_be_read_after_all() -> None:
    text = written(body("word " * 10_000))
    document = JsonObject(text, LONG)
    assert document.read_in_full()
    assert document.values == json.loads(text)
    assert not document.read_in_full()


@pytest.mark.parametrize("blank", [" ", "\n", "\t\u2003"])
def test_what_begins_or_ends_in_much_white_space_is_read_in_full(blank: str) -> None:
    assert kept(written(body(blank * 20_000)))
    assert kept(written(body(blank * 20_000 + "x" * 20_000)))
    assert kept(written(body("x" * 20_000 + blank * 20_000)))
    assert not kept(written(body(blank * 5 + "x" * 20_000 + blank * 5)))


def test_one_document_is_always_read_the_same_and_none_like_another() -> None:
    texts = [written(body("x" * 20_000 + middle + "y" * 20_000)) for middle in ("a", "b")]
    first, second = (JsonObject(text, LONG).values for text in texts)
    assert first == JsonObject(texts[0], LONG).values != second


FAULTS = [
    b"\n",
    b"\x00",
    b"\\x",
    b"\\u12",
    b"\\ud800",
    b"\\udc00x",
    b"\xff",
    b"\xed\xa0\x80",
    b'"',
    b'","',
    b'":"',
    b"\\",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_text_at_fault_is_refused_as_ever(fault: bytes) -> None:
    for at in (10, 600, 5000, 15_000, 29_900):
        text = written(body("x" * 30_000, "y" * 30_000)).replace(b"x" * at, b"x" * at + fault, 1)
        assert refusal(text, LONG) == refusal(text, None)


@UNTIMED
@given(long_texts(), st.booleans(), st.integers(0), st.sampled_from([*FAULTS, b"", b"}", b"NaN", b"[" * 300]))
def test_damaged_json_is_read_or_refused_as_ever(seed: str, ascii_only: bool, place: int, piece: bytes) -> None:
    text = written(body(seed, "and so on " * 2000), ascii_only=ascii_only)
    at = place % len(text)
    damaged = text[:at] + piece + text[at + 1 :]
    assert refusal(damaged, LONG) == refusal(damaged, None)
    if refusal(damaged, None) is None:
        document = JsonObject(damaged, LONG)
        assert json.loads(until_it_fits(document, lambda one: one.write(one.values))[0]) == json.loads(damaged)


@pytest.mark.parametrize("seed", ["\\", "\\n", '\\"'])
def test_where_a_text_is_all_escapes_it_is_read_in_full(seed: str) -> None:
    text = written(body(seed * 30_000))
    document = JsonObject(text, LONG)
    assert json.loads(document.write(document.values)) == json.loads(text)


def test_an_edited_object_is_read_in_the_same_way() -> None:
    document = JsonObject(written(body("word " * 10_000)), LONG)
    edited = document.edited({("messages", 0, "role"): "system"})
    assert edited.values["messages"][0]["role"] == "system"
    assert len(edited.values["messages"][0]["content"]) < SHORT


STEPS: list[tuple[float, Callable[[JsonObject], bytes]]] = [
    (0, lambda document: document.splice({"model": "m"})),
    (1, lambda document: document.splice({"model": "other"})),
    (1, lambda document: document.splice({"messages": [*document.values["messages"], {}]})),
    (1, lambda document: document.write(document.values)),
]


@pytest.mark.parametrize("content", ["x" * 2**22, "x" * 2**22 + "\U0001f600", "a word\n" * 2**19])
@pytest.mark.parametrize(("copies", "make"), STEPS)
def test_reading_takes_next_to_nothing_and_writing_what_is_written(
    content: str, copies: float, make: Callable[[JsonObject], bytes]
) -> None:
    text = written(body(content))
    tracemalloc.start()
    try:
        made = make(JsonObject(text, LONG))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < (copies + 0.05) * len(text)
    assert len(made) > len(content)
