from __future__ import annotations

import pytest

from argo_relay.simulator.access import BEARER, Carriers, notice, user_of


@pytest.mark.parametrize(
    ("authorization", "body", "user"),
    [
        ("Bearer alice", {"user": "bob"}, "alice"),
        ("bearer  alice ", {}, "alice"),
        ("Bearer nobody", {"user": "bob"}, "nobody"),
        (None, {"user": "bob"}, "bob"),
        ("Bearer ", {"user": "bob"}, "bob"),
        ("Basic xyz", {"user": "bob"}, "bob"),
        (None, {}, None),
        (None, {"user": 7}, None),
        (None, {"user": ""}, None),
        (None, ["user"], None),
    ],
)
def test_the_bearer_wins_over_the_body(authorization: str | None, body: object, user: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    assert user_of(headers, body, BEARER) == user


@pytest.mark.parametrize("user", ["alice", "svcrelay", "ac.jdoe", "a", "jane-d_9"])
def test_a_domain_user_is_served(user: str) -> None:
    assert notice(user) is None


@pytest.mark.parametrize("user", ["nobody", "Alice", "alice@anl.gov", "9lives", "a" * 33, "a b", "alice\n", "", None])
def test_who_cannot_be_validated(user: str | None) -> None:
    assert notice(user) == (
        "\n\n⚠️ **IMPORTANT AUTHENTICATION NOTICE FROM ARGO** ⚠️\n\n🚫 **ACCESS DENIED** 🚫\n\n"
        f"The username '{user or ''}' could not be validated as an authorized Argo Gateway API user. "
        "Please ensure you are providing a valid ANL domain user name in your API configuration.\n\n "
        "** END NOTICE FROM ARGO **\n\n"
    )


def test_who_is_known_but_not_authorized() -> None:
    assert "The username 'stranger' is not authorized to use the Argo Gateway API." in (notice("stranger") or "")


def test_who_has_spent_the_quota() -> None:
    text = notice("overdrawn") or ""
    assert "IMPORTANT USAGE NOTICE FROM ARGO" in text
    assert "Reason: Monthly limit exceeded." in text
    assert text.endswith("** END NOTICE FROM ARGO **")


@pytest.mark.parametrize(
    ("headers", "keyed", "user"),
    [
        ({"x-api-key": "alice"}, True, "alice"),
        ({"x-api-key": "alice"}, False, "carol"),
        ({"x-api-key": " "}, True, "carol"),
        ({"x-api-key": "alice", "authorization": "Bearer bob"}, True, "bob"),
    ],
)
def test_a_key_comes_after_the_bearer_and_before_the_body(headers: dict[str, str], keyed: bool, user: str) -> None:
    assert user_of(headers, {"user": "carol"}, Carriers(key=keyed)) == user


@pytest.mark.parametrize(("user", "alias"), [("denied", "nobody"), ("quota", "overdrawn")])
def test_users_have_two_names(user: str, alias: str) -> None:
    assert notice(user) == (notice(alias) or "").replace(alias, user)
