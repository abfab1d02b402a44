"""What is not changed keeps its very bytes, and whatever is no JSON ends as BadJson."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from argo_relay.errors import BadJson
from argo_relay.framing import jsonx
from argo_relay.framing.jsonx import REMOVED, JsonObject, Path
from support.spelling import escaped

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NUMERALS = [
    b"0",
    b"-0",
    b"-0.0",
    b"1E5",
    b"1e+2",
    b"0.10",
    b"1e-400",
    b"18446744073709551616",
    b"9" * 400,
    b"-" + b"9" * 30,
]
FAULTS = [
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e400",
    b"-1.5E+999",
    b"9" * 5000,
    b'"\\ud800"',
    b'"a\\uDFFFb"',
    b'"\xed\xa0\x80"',
]


def space(random: Random) -> bytes:
    return bytes(random.choice(b" \t\n\r") for _ in range(random.choice((0, 0, 0, 1, 2))))


def written(value: Any, random: Random) -> bytes:
    """Write a value in one of the many ways that JSON has for it."""
    if isinstance(value, str):
        return escaped(value, random)
    if isinstance(value, list):
        items = [space(random) + written(item, random) + space(random) for item in value]
        return b"[" + (b",".join(items) or space(random)) + b"]"
    if isinstance(value, dict):
        members = [member(key, one, random).text for key, one in value.items()]
        return b"{" + (b",".join(members) or space(random)) + b"}"
    return json.dumps(value).encode()


def refusal(read: Callable[[bytes], object], text: bytes) -> BadJson | None:
    try:
        read(text)
    except BadJson as bad:
        return bad
    return None


class Member(NamedTuple):
    """A member's text up to its value, and the whole of it."""

    head: bytes
    text: bytes


def member(key: str, value: Any, random: Random) -> Member:
    head = space(random) + escaped(key, random) + space(random) + b":" + space(random)
    return Member(head, head + written(value, random) + space(random))


def values() -> st.SearchStrategy[Any]:
    floats = st.floats(allow_nan=False, allow_infinity=False)
    plain = st.none() | st.booleans() | st.integers() | floats | st.text(max_size=8)
    return st.recursive(plain, lambda inner: st.lists(inner, max_size=4) | objects(inner), max_leaves=12)


def objects(inner: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    keys = st.sampled_from(["model", "user", "timeout", "messages"]) | st.text(max_size=6)
    return st.dictionaries(keys, values() if inner is None else inner, max_size=6)


RANDOM = st.randoms(use_true_random=False)
CHANGES = st.dictionaries(
    st.sampled_from(["model", "user", "timeout", "messages", "new"]) | st.text(max_size=3),
    st.just(REMOVED) | st.text(max_size=5) | st.integers(-(2**63), 2**63) | st.none(),
    max_size=4,
)


@UNTIMED
@given(objects(), CHANGES, RANDOM)
def test_untouched_members_keep_their_very_bytes(
    value: dict[str, Any], changes: dict[str, Any], random: Random
) -> None:
    members = {key: member(key, one, random) for key, one in value.items()}
    inside = b",".join(one.text for one in members.values()) or space(random)
    after = space(random)
    spliced = JsonObject(space(random) + b"{" + inside + b"}" + after).splice(changes)
    expected = []
    for key, one in members.items():
        if key not in changes:
            expected.append(one.text)
        elif changes[key] is not REMOVED:
            expected.append(one.head + jsonx.encode(changes[key]))
    added = {key: one for key, one in changes.items() if key not in value and one is not REMOVED}
    expected += [jsonx.encode(key) + b":" + jsonx.encode(one) for key, one in added.items()]
    assert spliced == b"{" + b",".join(expected) + b"}" + after


@UNTIMED
@given(objects(), CHANGES, RANDOM)
def test_a_spliced_object_means_what_it_should(value: dict[str, Any], changes: dict[str, Any], random: Random) -> None:
    spliced = JsonObject(written(value, random)).splice(changes)
    expected = {key: one for key, one in (value | changes).items() if one is not REMOVED}
    assert json.loads(spliced) == expected
    assert JsonObject(spliced).values == expected


@UNTIMED
@given(objects(), CHANGES, RANDOM)
def test_values_that_were_given_up_are_read_again(
    value: dict[str, Any], changes: dict[str, Any], random: Random
) -> None:
    text = written(value, random)
    kept, given_up = JsonObject(text), JsonObject(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonx, "LARGE", 0)
        given_up.forget()
    assert given_up.splice(changes) == kept.splice(changes)
    assert given_up.values == kept.values == value


def test_of_a_large_text_the_values_can_be_given_up() -> None:
    large = JsonObject(b'{"a":"' + b"x" * 2**20 + b'"}')
    before = large.values
    large.forget()
    assert large.values is not before
    assert large.values == before
    small = JsonObject(b'{"a":1}')
    before = small.values
    small.forget()
    assert small.values is before


@UNTIMED
@given(objects(), RANDOM)
def test_an_object_is_read_as_the_standard_library_reads_it(value: dict[str, Any], random: Random) -> None:
    text = written(value, random)
    assert json.loads(text) == value
    assert JsonObject(text).values == jsonx.decode(text) == jsonx.decode_loosely(text) == value


@pytest.mark.parametrize("numeral", NUMERALS)
def test_numbers_keep_their_spelling(numeral: bytes) -> None:
    text = b'{"a": ' + numeral + b' , "b":[' + numeral + b"]}"
    document = JsonObject(text)
    assert document.values["a"] == json.loads(numeral)
    assert document.splice({"c": REMOVED}) == text
    assert document.splice({"c": 1}) == text[:-1] + b',"c":1}'


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        (b"{}", {"a": 1}, b'{"a":1}'),
        (b"{ }\n", {"a": REMOVED}, b"{}\n"),
        (b'{"a":1}', {"a": REMOVED}, b"{}"),
        (b'{"a":1,"b":2,"c":3}', {"b": REMOVED}, b'{"a":1,"c":3}'),
        (b'{ "a" : 1 , "b" : 2 }', {"a": "x"}, b'{ "a" : "x", "b" : 2 }'),
        (b'{"\\u006dodel":"a"}', {"model": "b"}, b'{"\\u006dodel":"b"}'),
        (b'{"a":{"model":"x"},"model":"y"}', {"model": "z"}, b'{"a":{"model":"x"},"model":"z"}'),
        (b'{"a":"}","model":"y"}', {"model": "z"}, b'{"a":"}","model":"z"}'),
        (b'{"a":"\\\\","model":"y"}', {"model": "z"}, b'{"a":"\\\\","model":"z"}'),
        ('{"é\u2028":1,"b":2}'.encode(), {"b": 3}, '{"é\u2028":1,"b":3}'.encode()),
    ],
)
def test_splice(text: bytes, changes: dict[str, Any], expected: bytes) -> None:
    assert JsonObject(text).splice(changes) == expected


@UNTIMED
@given(objects(values()).filter(bool), values(), st.integers(0, 10), RANDOM)
def test_a_key_that_comes_twice_is_refused_whatever_its_values(
    value: dict[str, Any], other: Any, place: int, random: Random
) -> None:
    twice = random.choice(sorted(value))
    members = [member(key, one, random).text for key, one in value.items()]
    members.insert(place % (len(members) + 1), member(twice, other, random).text)
    with pytest.raises(BadJson) as caught:
        JsonObject(b"{" + b",".join(members) + b"}")
    assert caught.value.path == twice
    assert twice in caught.value.reason
    assert "more than once" in caught.value.reason


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"1", b"1"),
        (b"1", b"12"),
        (b"12", b"1"),
        (b"1.5", b"1"),
        (b"1", b"1e5"),
        (b'"a"', b'"a"'),
        (b'"a"', b'"a\\""'),
        (b"[]", b"[[]]"),
        (b'{"a":1}', b"1"),
        (b"1", b'{"a":1}'),
        (b"null", b"null"),
    ],
)
def test_a_key_that_comes_twice_where_one_value_begins_like_the_other(first: bytes, second: bytes) -> None:
    for between in (b"", b',"b":{"a":0}'):
        with pytest.raises(BadJson) as caught:
            JsonObject(b'{"a":' + first + between + b',"\\u0061" :' + second + b"}")
        assert caught.value.path == "a"


@UNTIMED
@given(objects(values()).filter(bool), st.booleans())
def test_where_members_stand_is_the_same_counted_and_walked(value: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only).encode()
    raw = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    assert jsonx._spans_of_compact(text, raw) in (jsonx._spans(text, raw), None)


@pytest.mark.parametrize("more", [b" ", b"\n"])
@pytest.mark.parametrize("place", [0, 1, 4, 5, 6, -1])
def test_only_what_is_written_without_spaces_is_counted(more: bytes, place: int) -> None:
    text = b'{"a":1,"b":2}'
    assert jsonx._spans_of_compact(text, msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
    spaced = text[:place] + more + text[place:] if place >= 0 else text + more
    assert jsonx._spans_of_compact(spaced, msgspec.json.decode(spaced, type=dict[str, msgspec.Raw])) is None
    assert JsonObject(spaced).splice({"a": REMOVED}).replace(more, b"") == b'{"b":2}'


def test_the_same_key_in_different_objects_is_fine() -> None:
    text = b'{"a":{"a":1},"b":{"a":{"a":2}}}'
    assert JsonObject(text).values == json.loads(text)


STEPS = st.lists(st.integers(0, 2) | st.sampled_from(["a", "messages", "tool calls", "é"]), max_size=5)


@UNTIMED
@given(STEPS, st.sampled_from(FAULTS), st.booleans())
def test_a_value_at_fault_is_named_by_its_path(steps: list[int | str], fault: bytes, more: bool) -> None:
    text, path = fault, ""
    for step in reversed(steps):
        if isinstance(step, int):
            text = b"[" + b"1," * step + text + (b',"later"]' if more else b"]")
            path = f"[{step}]{path}"
        else:
            text = b'{"before":{},' + json.dumps(step).encode() + b":" + text + (b',"later":2}' if more else b"}")
            path = f".{step}{path}"
    text = b'{"huge":' + b"9" * 400 + b', "at":' + text + b"}"
    for read in (jsonx.decode, JsonObject):
        with pytest.raises(BadJson) as caught:
            read(text)
        assert caught.value.path == f"at{path}"


def test_half_a_character_in_a_key_is_named_by_where_the_key_stands() -> None:
    for text, path in (
        (b'{"\\ud800":1}', None),
        (b'{"a":{"\\udfff":1}}', "a"),
        (b'{"a":[0,{"b":{"x\\ud83d":1}}]}', "a[1].b"),
    ):
        for read in (jsonx.decode, JsonObject):
            with pytest.raises(BadJson, match="surrogate") as caught:
                read(text)
            assert caught.value.path == path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not valid JSON"),
        (b"hello", "not valid JSON"),
        (b"\x00", "not valid JSON"),
        (b'{"a":1', "not valid JSON"),
        (b'{"a":1}}', "not valid JSON"),
        (b'{"a":1,}', "not valid JSON"),
        (b'{"a" 1}', "not valid JSON"),
        (b"{a:1}", "not valid JSON"),
        (b"{'a':1}", "not valid JSON"),
        (b'{"a":01}', "not valid JSON"),
        (b'{"a":.5}', "not valid JSON"),
        (b'{"a":tru}', "not valid JSON"),
        (b'{"a":"\n"}', "line 1, column 7"),
        (b'{\n"a":"\\x"}', "line 2, column 6"),
        (b'{"a":"\xff"}', r"not UTF-8 \(byte 6\)"),
        (b'{"a\xc3":1}', r"not UTF-8 \(byte 3\)"),
        (b"\xef\xbb\xbf{}", "not valid JSON: .*byte 0"),
        (b"\xef\xbb\xbf[1]", "not valid JSON: .*byte 0"),
        ('{"a":1}'.encode("utf-16"), "not valid JSON"),
        ('{"a":1}'.encode("utf-32"), "not valid JSON"),
        (b"[" * 10_000, "nested too deeply"),
        (b"[" * 10_000 + b"]" * 10_000, "nested too deeply"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        (b'{"a":[' * 10_000, "nested too deeply"),
        (b'{"a":1,"b":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "nested too deeply"),
        (b'{"a":NaN,"b":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "nested too deeply"),
        (b'{"a":' * 201 + b"1" + b"}" * 201, "nested too deeply"),
        (b'{"a":' + b"[" * 200 + b"1" + b"]" * 200 + b"}", "nested too deeply"),
    ],
)
def test_what_is_no_json_is_refused_with_its_reason(text: bytes, reason: str) -> None:
    for read in (jsonx.decode, JsonObject):
        with pytest.raises(BadJson, match=reason) as caught:
            read(text)
        assert caught.value.path is None


def test_two_hundred_levels_are_read_beside_any_number_of_brackets() -> None:
    text = b'{"b":[' + b"[{}]," * 300 + b'1],"a":' + b"[" * 199 + b"1" + b"]" * 199 + b"}"
    assert JsonObject(text).values == jsonx.decode(text) == jsonx.decode_loosely(text)


@pytest.mark.parametrize("text", [b"[" * 201 + b"1" + b"]" * 201, b"[" * 201 + b"NaN" + b"]" * 201])
def test_what_is_only_looked_at_may_nest_no_deeper(text: bytes) -> None:
    with pytest.raises(BadJson, match="nested too deeply"):
        jsonx.decode_loosely(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"[]", "a list"),
        (b' "{}" ', "a string"),
        (b"true", "a boolean"),
        (b"12", "a number"),
        (b"1.5", "a number"),
        (b"null", "null"),
    ],
)
def test_what_is_no_object_is_called_what_it_is(text: bytes, kind: str) -> None:
    assert jsonx.decode(text) == json.loads(text)
    with pytest.raises(BadJson, match=f"^it must be a JSON object, not {kind}$"):
        JsonObject(text)


@UNTIMED
@given(st.binary(max_size=30))
@example(b'{"a":1}\x0b')
@example(b'\xff\xfe{"\x00')
def test_bytes_are_json_or_bad_json(text: bytes) -> None:
    for read in (jsonx.decode, jsonx.decode_loosely, JsonObject):
        bad = refusal(read, text)
        assert bad is None or bad.reason


@UNTIMED
@given(
    objects(),
    RANDOM,
    st.integers(0, 1000),
    st.sampled_from([b"", b'"', b"\\", b"}", b",", b"\xff", b"0", b"NaN", b"-"]),
)
def test_damaged_json_is_read_as_the_standard_library_reads_it_or_refused(
    value: dict[str, Any], random: Random, place: int, piece: bytes
) -> None:
    text = written(value, random)
    at = place % len(text)
    damaged = text[:at] + piece + text[at + random.choice((0, 1)) :]
    try:
        document = JsonObject(damaged)
    except BadJson:
        return
    assert document.values == json.loads(damaged)
    assert json.loads(document.splice({"added": 1})) == {**json.loads(damaged), "added": 1}


@pytest.mark.parametrize("inner", [b"1", b"NaN", b'"\\ud800"'])
@pytest.mark.parametrize(("opening", "end"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_at_every_depth_json_is_read_or_refused(inner: bytes, opening: bytes, end: bytes) -> None:
    for depth in (*range(1, 1_100, 11), 5_000):
        text = b'{"a":' + opening * depth + inner + end * depth + b"}"
        for read in (jsonx.decode, jsonx.decode_loosely, JsonObject):
            bad = refusal(read, text)
            assert bad is None or bad.path is None or bad.path.startswith(("a[", "a.a"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":"\\ud83d"}', {"a": "\ud83d"}),
        (b'{"a":[-Infinity,1e400]}', {"a": [-math.inf, math.inf]}),
        (b'{"a":' + b"9" * 5000 + b"}", {"a": math.inf}),
        (b"[1]", [1]),
    ],
)
def test_what_is_only_looked_at_may_hold_what_others_let_pass(text: bytes, value: object) -> None:
    assert jsonx.decode_loosely(text) == value


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 10_000, b'{"a":"\xff"}', b"<html>"])
def test_what_is_only_looked_at_must_still_be_json(text: bytes) -> None:
    with pytest.raises(BadJson):
        jsonx.decode_loosely(text)


@UNTIMED
@given(values())
def test_what_is_encoded_is_read_back(value: Any) -> None:
    assert jsonx.decode(jsonx.encode(value)) == value


def test_what_is_encoded_is_compact() -> None:
    assert jsonx.encode({"a": [1, None, True, "é"], "b": {}}) == '{"a":[1,null,true,"é"],"b":{}}'.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "x\ud83d"}, b'{"a":"x\\ud83d"}'),
        ({"\udc00": [1, "é"]}, b'{"\\udc00":[1,"\\u00e9"]}'),
        ([2**64 - 1, -(2**63)], b"[18446744073709551615,-9223372036854775808]"),
        ([2**64], b"[18446744073709551616]"),
        ({"a": [-(2**70)], "b": None}, b'{"a":[-1180591620717411303424],"b":null}'),
    ],
)
def test_what_msgspec_cannot_write_is_written_as_compactly(value: object, text: bytes) -> None:
    assert jsonx.encode(value) == text
    assert jsonx.decode_loosely(text) == value


@UNTIMED
@given(values(), st.sampled_from(["\ud83d", "a\udfffb", 2**64, -(2**100)]))
def test_what_only_the_standard_library_writes_is_read_back(value: Any, stranger: object) -> None:
    whole = {"value": value, "stranger": stranger}
    assert jsonx.decode_loosely(jsonx.encode(whole)) == whole


NESTED = b'{ "a" : [ {"b":1e0, "c" : "\\u0078" } , 12345678901234567890123, [true ] ] ,"z":{"n" : null} }'
EDITS: list[tuple[dict[Path, object], bytes]] = [
    ({("z", "n"): 1, ("z", "m"): 2}, NESTED.replace(b'{"n" : null}', b'{"n" : 1,"m":2}')),
    (
        {("a", 0, "c"): "new", ("a", 0, "d"): {"e": 1}},
        b'{ "a" : [{"b":1e0, "c" : "new","d":{"e":1}},12345678901234567890123,[true ]],"z":{"n" : null} }',
    ),
    (
        {("a", 0, "b"): REMOVED, ("a", 2, 0): 1, ("z",): []},
        b'{ "a" : [{ "c" : "\\u0078" },12345678901234567890123,[1]],"z":[]}',
    ),
]


@pytest.mark.parametrize(("edits", "text"), EDITS)
def test_what_is_edited_deep_inside_leaves_the_rest_as_it_came(edits: dict[Path, object], text: bytes) -> None:
    assert JsonObject(NESTED).edit(edits) == text
    assert JsonObject(NESTED).edit({}) == NESTED


def test_an_edit_is_refused_where_it_is_not_clear_which_member_is_meant() -> None:
    with pytest.raises(BadJson, match="more than once") as caught:
        JsonObject(b'{"a":[{"b":1,"b":2}]}').edit({("a", 0, "b"): 3})
    assert caught.value.path == "b"
