from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.config import kinds
from argo_relay.config.kinds import Kind, plain, plainest, shown, sort_of
from argo_relay.errors import ConfigError


def refusal(kind: Kind, value: object) -> str:
    with pytest.raises(ConfigError) as caught:
        kind.accept(value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("Null", None),
        ("no", False),
        ("ON", True),
        ("yEs", "yEs"),
        ("0", 0),
        ("-5", -5),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("1.5E+2", 150.0),
        (".5", 0.5),
        ("5.", 5.0),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("010", "010"),
        ("0o10", "0o10"),
        ("0x10", "0x10"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("inf", "inf"),
        ("nan", "nan"),
        ("1_", "1_"),
    ],
)
def test_an_unquoted_word_means_what_yaml_says_but_for_its_traps(text: str, value: object) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


def test_a_number_that_is_not_one_stays_such() -> None:
    assert math.isnan(float(str(plain(".nan"))))


def test_a_number_of_many_digits_is_read_in_no_time() -> None:
    assert plain("9" * 100_000) == math.inf


@given(st.text())
@settings(deadline=None)
def test_any_word_means_something(text: str) -> None:
    assert plain(text) is None or isinstance(plain(text), bool | int | float | str)
    assert shown(text).isprintable()


@given(st.integers(-(10**30), 10**30) | st.floats(allow_nan=False))
@settings(deadline=None)
def test_a_number_as_it_is_written_means_itself(number: float) -> None:
    text = str(number).replace("inf", ".inf")
    assert plain(text) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "`null`"), (True, "`true`"), (5.0, "`5`"), (0.5, "`0.5`"), ("a\x1b[0m", r"`a\x1b[0m`")],
)
def test_a_shown_value_looks_as_it_is_written(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_shown_value_is_short() -> None:
    assert len(shown("x" * 1000)) == 62


def test_the_plainest_form_of_other_values_is_the_value() -> None:
    assert plainest("a") == "a"
    assert plainest(3) == 3


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        ({}, "a mapping"),
        ((), "a list"),
        (object(), "something else"),
    ],
)
def test_sorts_are_told_in_a_persons_words(value: object, name: str) -> None:
    assert sort_of(value) == name


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("5000ms", 5), ("5s", 5), ("1.5 s", 1.5), ("2m", 120), ("2 min", 120), ("1h", 3600), ("0.25h", 900)],
)
@pytest.mark.parametrize("kind", [kinds.DURATION, kinds.INTERVAL_OR_NONE, kinds.BEAT, kinds.GRACE])
def test_a_time_may_have_a_unit(kind: Kind, written: str, seconds: float) -> None:
    assert kind.accept(written) == seconds


@pytest.mark.parametrize("written", ["5 x", "s", "-5s", "5S", "1m30s", "1e3s", " 5s", ".5s", "5s "])
def test_what_is_no_time_is_told(written: str) -> None:
    assert refusal(kinds.DURATION, written).endswith("is text")


@pytest.mark.parametrize("kind", [kinds.DURATION, kinds.DURATION_OR_NONE])
def test_a_duration_is_a_finite_number_above_zero(kind: Kind) -> None:
    assert kind.accept(5) == 5.0
    assert isinstance(kind.accept(5), float)
    for wrong in (0, -1, math.inf, math.nan, 10**400, True, "5", "010", "soon", [], {}, object()):
        refusal(kind, wrong)


def test_a_refused_number_says_what_is_wrong_with_it() -> None:
    assert refusal(kinds.DURATION, "5") == "`5` is text (take the quotes away)"
    assert refusal(kinds.DURATION, "010") == "`010` is text (a leading zero means octal in some readers of YAML)"
    assert refusal(kinds.DURATION, 0) == "`0` is not greater than 0"
    assert refusal(kinds.GRACE, -0.5) == "`-0.5` is less than 0"
    assert refusal(kinds.DURATION, math.nan) == "it is not a finite number"
    assert refusal(kinds.DURATION, None) == "it is null"


def test_none_is_taken_where_it_means_no_limit() -> None:
    assert kinds.DURATION_OR_NONE.accept(None) is None
    assert kinds.BEAT.accept(None) is None
    assert kinds.BEAT.accept(0) is None
    assert kinds.BEAT.accept(2) == 2.0
    assert kinds.GRACE.accept(0) == 0.0
    refusal(kinds.BEAT, False)


@pytest.mark.parametrize(
    ("written", "seconds"), [(30, 30.0), ("30s", 30.0), ("1.5 m", 90.0), ("2h", 7200.0), ("500ms", 0.5), (None, None)]
)
def test_a_span_may_name_its_unit(written: object, seconds: float | None) -> None:
    assert kinds.DURATION_OR_NONE.accept(written) == seconds


@pytest.mark.parametrize(
    "written", [0, "0s", -1, "30", "s", "30S", "30 sec", "1m30s", "-1s", "1e3s", True, [], math.inf]
)
def test_a_span_is_nothing_else(written: object) -> None:
    refusal(kinds.DURATION_OR_NONE, written)


def test_a_port_is_a_whole_number_in_range() -> None:
    assert kinds.PORT.accept(0) == 0
    assert kinds.PORT.accept(65535) == 65535
    assert kinds.PORT.accept(1e3) == 1000
    assert isinstance(kinds.PORT.accept(1e3), int)
    assert refusal(kinds.PORT, 65536) == "`65536` is greater than 65535"
    assert refusal(kinds.PORT, 80.5) == "`80.5` is not a whole number"
    refusal(kinds.PORT, -1)
    refusal(kinds.PORT, None)
    assert kinds.PORT_OR_NONE.accept(None) is None
    assert kinds.PORT_OR_NONE.accept(9464) == 9464
    assert refusal(kinds.PORT_OR_NONE, 65536) == "`65536` is greater than 65535"
    refusal(kinds.COUNT, 0)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (1, 1),
        ("64MiB", 64 * 2**20),
        ("10 MB", 10**7),
        ("512KiB", 512 * 1024),
        ("512kib", 512 * 1024),
        ("1.5 GiB", 3 * 2**29),
        ("10B", 10),
        ("1024 GiB", 2**40),
    ],
)
def test_a_size_is_bytes_or_has_a_unit(value: object, size: int) -> None:
    assert kinds.SIZE.accept(value) == size


@pytest.mark.parametrize(
    "value", [0, -1, "10", "10 iB", "10 MiBs", "MiB", "0.1B", "9999999 GiB", "10M", True, None, 1.5]
)
def test_no_other_size_is_taken(value: object) -> None:
    refusal(kinds.SIZE, value)


def test_a_boolean_is_nothing_else() -> None:
    assert kinds.BOOLEAN.accept(False) is False
    assert refusal(kinds.BOOLEAN, "maybe") == "`maybe` is text"
    assert refusal(kinds.BOOLEAN, 1) == "it is a number"


@pytest.mark.parametrize("user", ["jdoe", "j.doe", "svc-argo_1", "a" * 32, None])
def test_a_user_is_a_domain_name(user: str | None) -> None:
    assert kinds.USER.accept(user) == user


@pytest.mark.parametrize(
    "user", ["jdoe@anl.gov", "JDoe", "1doe", "", " jdoe", "j doe", "a" * 33, "jd\noe", 5, True, ["a"]]
)
def test_no_other_user_is_taken(user: object) -> None:
    refusal(kinds.USER, user)


def test_a_word_that_yaml_reads_as_something_else_wants_quotes() -> None:
    assert refusal(kinds.USER, False) == "it is a boolean (put it in quotes if you mean text)"


@pytest.mark.parametrize(
    "deed",
    [
        "keep",
        "drop",
        "drop unless 1",
        "drop beside a.b",
        "rename max_completion_tokens",
        "default 8192",
        "nearest low high",
        "thinking",
        "thinking adaptive",
        "thinking enabled",
    ],
)
def test_a_deed_is_one_of_a_few_sentences(deed: str) -> None:
    assert kinds.DEEDS.accept(("a.b", deed)) == ("a.b", deed)
    for wrong in (f"{deed}  x", f"not {deed}", deed.upper()):
        refusal(kinds.DEEDS, ("a", wrong))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%eth0", "localhost", "relay.example.org", "0.0.0.0"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert kinds.HOST.accept(host) == host


@pytest.mark.parametrize("host", ["", "*", "[::1]", "localhost:80", "http://localhost", "a/b", "a b", "::1::", None, 0])
def test_no_other_host_is_taken(host: object) -> None:
    refusal(kinds.HOST, host)


@pytest.mark.parametrize(
    ("place", "kept"),
    [
        ("Images.Lab.example", "images.lab.example"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.0.0/16", "10.1.0.0/16"),
        ("FD00::/8", "fd00::/8"),
        ("::1", "::1"),
    ],
)
def test_a_place_is_a_host_an_address_or_a_network(place: str, kept: str) -> None:
    assert kinds.PLACES.accept(place) == kept


@pytest.mark.parametrize("place", ["", "*", "a/b", "10.1.2.3/16", "10.0.0.0/33", "http://a", "a:80", "[::1]", None, 5])
def test_no_other_place_is_taken(place: object) -> None:
    refusal(kinds.PLACES, place)


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/jdoe")
    assert kinds.PATH_OR_NONE.accept("~/relay.sock") == "/home/jdoe/relay.sock"
    assert kinds.PATH_OR_NONE.accept("relay.sock") == "relay.sock"
    assert kinds.PATH_OR_NONE.accept(None) is None
    assert "home directory" in refusal(kinds.PATH_OR_NONE, "~nobody-of-this-name/x")
    refusal(kinds.PATH_OR_NONE, "a\0b")


@pytest.mark.parametrize("wrong", ["", " s3cret", "s3cret key", "s3crét", "s3cret\n", 53, ["s3cret"], None])
def test_a_client_key_is_never_repeated(wrong: object) -> None:
    said = refusal(kinds.CLIENT_KEYS, wrong)
    assert "s3cr" not in said
    assert "53" not in said


def test_a_client_key_is_kept_as_it_is() -> None:
    assert kinds.CLIENT_KEYS.accept("sk-ab=c/+:") == "sk-ab=c/+:"


@pytest.mark.parametrize(
    ("origin", "kept"),
    [
        ("https://app.example.org", "https://app.example.org"),
        ("HTTPS://App.Example.org:8443", "https://app.example.org:8443"),
        ("https://app.example.org:443", "https://app.example.org"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://localhost:443", "http://localhost:443"),
        ("vscode-webview://abc", "vscode-webview://abc"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(origin: str, kept: str) -> None:
    assert kinds.ORIGINS.accept(origin) == kept


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "app.example.org", "https://a/", "https://a/b", "https://u@a", "https://a:70000", "https://", 5],
)
def test_no_other_origin_is_taken(origin: object) -> None:
    refusal(kinds.ORIGINS, origin)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://localhost:8443/argoapi/", "http://localhost:8443/argoapi"),
        ("HTTPS://Example.org", "https://Example.org"),
        ("https://[::1]:1//", "https://[::1]:1"),
        ("https://example.org/v1/argo", "https://example.org/v1/argo"),
        ("https://example.org/xv1", "https://example.org/xv1"),
        (None, None),
    ],
)
def test_a_base_url_is_kept_without_its_last_slash(url: str | None, kept: str | None) -> None:
    assert kinds.BASE_URL.accept(url) == kept


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://example.org/v1", "it ends in /v1: leave that away"),
        ("https://example.org/a/v1/", "it ends in /v1: leave that away"),
        ("https://example.org/v1/chat/completions", "it ends in /v1/chat/completions"),
        ("https://jdoe:pw@example.org", "it holds a user name or a password"),
        ("https://example.org?pw=1", "it holds a query or a fragment"),
        ("https://example.org/#pw", "it holds a query or a fragment"),
        ("ftp://example.org/pw", "it is not an address of that form"),
        ("https://example.org:0", "it is not an address of that form"),
        ("https://example.org:99999", "it is not an address of that form"),
        ("https://exa mple.org", "it is not an address of that form"),
        ("example.org/pw", "it is not an address of that form"),
        ("https://", "it is not an address of that form"),
        ("", "it is empty"),
        (443, "it is a number"),
    ],
)
def test_a_refused_base_url_is_not_repeated(url: object, why: str) -> None:
    said = refusal(kinds.BASE_URL, url)
    assert said.startswith(why)
    assert "pw" not in said


def test_a_choice_is_one_of_its_words() -> None:
    kind = kinds.choice("prod", "dev", "test")
    assert kind.accept("dev") == "dev"
    assert kind.expected == "prod, dev or test"
    assert refusal(kind, "production") == "`production` is none of these"
    refusal(kind, None)


def test_a_count_may_be_none_or_zero() -> None:
    assert (kinds.COUNT_OR_NONE.accept(None), kinds.COUNT_OR_ZERO.accept(0)) == (None, 0)
    assert refusal(kinds.COUNT_OR_NONE, 0) == "`0` is less than 1"
    refusal(kinds.COUNT_OR_ZERO, None)


def test_a_mapping_of_rows_is_no_value() -> None:
    assert refusal(kinds.ROWS, "x") == "it is text"


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.sampled_from([kind for kind in vars(kinds).values() if isinstance(kind, Kind)]), _anything)
@settings(deadline=None)
def test_a_reader_raises_nothing_else(kind: Kind, value: object) -> None:
    try:
        kept = kind.accept(value)
    except ConfigError as error:
        kept = str(error)
        assert "\n" not in kept
    assert kept is None or isinstance(kept, bool | int | float | str)


def test_a_pair_is_read_by_both_its_readers() -> None:
    assert kinds.KEYS_OF_USERS.accept(("sk-a=b", "jdoe")) == ("sk-a=b", "jdoe")
    assert kinds.NAMES_OF_MODELS.accept(("my model", "gpt-4.1")) == ("my model", "gpt-4.1")
    assert "is not of the form" in refusal(kinds.NAMES_OF_MODELS, "a")
    assert "longer than 200" in refusal(kinds.NAMES_OF_MODELS, ("a", "b" * 201))
    assert "is not an Argo user" in refusal(kinds.KEYS_OF_USERS, ("s3cret", "jdoe@anl.gov"))
    assert "s3cret" not in refusal(kinds.KEYS_OF_USERS, ("s3cret key", "jdoe"))


@pytest.mark.parametrize(("text", "fits"), [("jdoe", True), ("svc_x.y-1", True), ("JDoe", False), ("", False)])
def test_a_users_name_can_be_told_by_its_look(text: str, fits: bool) -> None:
    assert kinds.is_user(text) == fits
