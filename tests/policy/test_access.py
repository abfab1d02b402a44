from __future__ import annotations

import hmac

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.errors import Refused
from argo_relay.neutral.failure import FailureKind
from argo_relay.policy import access
from argo_relay.policy.access import check_key, check_origin, given_keys, same_key

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEYS = ("first-key", "second-key")
HEADERS = ["authorization", "x-api-key", "x-goog-api-key", "api-key"]
ALLOWED = ("https://app.example.org", "http://localhost:3000/")


@pytest.mark.parametrize("allowed", [(), ALLOWED])
def test_what_is_no_web_page_may_pass(allowed: tuple[str, ...]) -> None:
    check_origin({"host": "localhost"}, allowed)


@pytest.mark.parametrize(
    "origin",
    ["https://app.example.org", "https://app.example.org/", "HTTPS://App.Example.ORG", "http://localhost:3000"],
)
def test_a_page_of_an_allowed_origin_may_pass(origin: str) -> None:
    check_origin({"origin": origin}, ALLOWED)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example.org",
        "https://app.example.org:8443",
        "https://app.example.org.evil.example",
        "https://evil.example/https://app.example.org",
        "http://localhost",
        "http://localhost:30000",
        "null",
        "",
        "*",
        "h\xe9",
    ],
)
@pytest.mark.parametrize("allowed", [(), ALLOWED])
def test_any_other_page_is_refused(origin: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as caught:
        check_origin({"origin": origin}, allowed)
    failure = caught.value.failure
    assert (failure.kind, failure.status, failure.at_fault) == (FailureKind.PERMISSION, 403, "client")
    assert failure.code == "origin_not_allowed"
    assert "`origins`" in failure.message


def admitted(headers: dict[str, str], keys: tuple[str, ...] = KEYS) -> bool:
    try:
        check_key(headers, keys)
    except Refused as refusal:
        failure = refusal.failure
    else:
        return True
    assert (failure.kind, failure.status, failure.at_fault) == (FailureKind.AUTHENTICATION, 401, "client")
    assert failure.code == "invalid_api_key"
    assert not any(key in failure.message for key in keys)
    return False


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer anything"}, {"x-api-key": ""}])
def test_without_keys_everybody_may_pass(headers: dict[str, str]) -> None:
    assert admitted(headers, ())


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer {}", "BEARER {}", "Bearer  {} ", " {} "])
def test_a_key_is_taken_from_every_header_that_vendors_use(name: str, key: str, form: str) -> None:
    assert admitted({name: form.format(key)})


def test_the_headers_are_those_that_are_tried() -> None:
    assert list(access.KEY_HEADERS) == HEADERS


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "dummy",
        "Bearer dummy",
        "first-ke",
        "first-keyy",
        "First-Key",
        "first-key second-key",
        "first-key,second-key",
        "Basic first-key",
        "Bearer Bearer first-key",
        "sch\xfcssel",
        "Bearer \xff\xfe",
        "\u20ac",
    ],
)
def test_anything_else_is_refused(name: str, value: str) -> None:
    assert not admitted({name: value})


@pytest.mark.parametrize(
    "headers", [{}, {"x-key": "first-key"}, {"cookie": "first-key"}, {"proxy-authorization": "first-key"}]
)
def test_without_a_key_nobody_may_pass(headers: dict[str, str]) -> None:
    assert not admitted(headers)


@pytest.mark.parametrize("name", HEADERS)
def test_a_key_counts_whatever_else_a_client_sends(name: str) -> None:
    assert admitted({**dict.fromkeys(HEADERS, "Bearer dummy"), name: "second-key"})


def test_every_key_is_compared_even_after_one_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(given: bytes, key: bytes) -> bool:
        compared.append(key)
        return given == key

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert admitted({"x-api-key": "first-key"})
    assert compared == [key.encode() for key in KEYS]


def test_keys_are_given_in_the_order_of_the_headers() -> None:
    headers = {"api-key": "d", "x-api-key": "b", "authorization": "Bearer a", "x-goog-api-key": "c", "cookie": "e"}
    assert given_keys(headers) == ["a", "b", "c", "d"]
    assert given_keys({}) == []


def test_a_key_is_the_same_or_not() -> None:
    assert same_key(["a", "sch\xfcssel"], "sch\xfcssel")
    assert not same_key(["a", ""], "b")
    assert not same_key([], "b")


@UNTIMED
@given(st.dictionaries(st.sampled_from(HEADERS), st.text(st.characters(max_codepoint=255))))
def test_only_the_keys_open_the_door(headers: dict[str, str]) -> None:
    bare = [value.partition(" ")[2] if value.lower().startswith("bearer ") else value for value in headers.values()]
    assert admitted(headers) == any(value.strip() in KEYS for value in bare)
