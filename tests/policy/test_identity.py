"""In whose name Argo is asked, by what a client shows and what the configuration says."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.config.kinds import is_user
from argo_relay.config.schema import Config, Upstream
from argo_relay.errors import Refused
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.access import KEY_HEADERS
from argo_relay.policy.identity import door_keys, needs_user, user_of

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
USERS = {"key-of-alice": "alice", "key-of-bob": "bob"}
OTHER = Upstream(kind="openai")
ARGO = Upstream()


def refusal(config: Config, headers: dict[str, str]) -> Failure:
    with pytest.raises(Refused) as caught:
        user_of(config, headers)
    failure = caught.value.failure
    assert (failure.kind, failure.status, failure.at_fault) == (FailureKind.AUTHENTICATION, 401, "client")
    return failure


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer alice"}, {"x-api-key": "not a name"}])
def test_as_a_rule_it_is_the_configured_user(headers: dict[str, str]) -> None:
    assert user_of(Config(user="jdoe"), headers) == "jdoe"
    assert user_of(Config(user="jdoe", keys=("alice",)), headers) == "jdoe"


@pytest.mark.parametrize("name", KEY_HEADERS)
def test_a_client_names_itself_in_any_vendors_header(name: str) -> None:
    for config in (Config(identity="client"), Config(identity="client", user="jdoe")):
        assert user_of(config, {name: "alice"}) == "alice"
        assert user_of(config, {name: "Bearer alice"}) == "alice"


@pytest.mark.parametrize("headers", [{}, {"cookie": "alice"}, {"authorization": ""}, {"authorization": "Bearer "}])
def test_a_client_that_does_not_say_who_it_is_is_told_how(headers: dict[str, str]) -> None:
    for config in (Config(identity="client"), Config(identity="client", keys=("door",))):
        failure = refusal(config, headers)
        assert failure.code == "missing_user"
        assert "`Authorization: Bearer jdoe`" in failure.message


@pytest.mark.parametrize(
    "key", ["Alice", "alice@anl.gov", "ALICE@ANL.GOV", "sk-Abc", "a b", "1alice", "a" * 33, "sch\xfc"]
)
def test_a_key_that_is_no_name_is_told_so_and_not_repeated(key: str) -> None:
    failure = refusal(Config(identity="client", user="jdoe"), {"x-api-key": key})
    assert failure.code == "invalid_user"
    assert key not in failure.message
    assert ("Leave out `@anl.gov`" in failure.message) == key.lower().endswith("@anl.gov")


def test_of_several_keys_the_first_that_is_a_name_counts() -> None:
    config = Config(identity="client", keys=("door",))
    assert user_of(config, {"authorization": "Bearer Not-A-Name", "x-api-key": "alice"}) == "alice"
    assert user_of(config, {"authorization": "Bearer bob", "x-api-key": "alice"}) == "bob"
    assert user_of(config, {"authorization": "Bearer door", "x-api-key": "alice"}) == "alice"


def test_a_key_to_the_door_is_nobodys_name() -> None:
    door = {"authorization": "Bearer door"}
    assert user_of(Config(identity="client", keys=("door",), user="jdoe"), door) == "jdoe"
    assert refusal(Config(identity="client", keys=("door",)), door).code == "missing_user"


@pytest.mark.parametrize("name", KEY_HEADERS)
def test_a_users_key_says_who_it_is(name: str) -> None:
    for config in (
        Config(users=USERS),
        Config(users=USERS, user="jdoe", keys=("door", "key-of-bob")),
        Config(users=USERS, identity="client", keys=("door",)),
    ):
        assert user_of(config, {name: "Bearer key-of-bob"}) == "bob"
        assert user_of(config, {"authorization": "carol", name: "key-of-alice"}) == "alice"


def test_another_key_of_the_door_is_the_configured_user() -> None:
    assert user_of(Config(users=USERS, user="jdoe", keys=("door",)), {"x-api-key": "door"}) == "jdoe"


def test_other_upstreams_have_no_user() -> None:
    assert user_of(Config(user="jdoe", upstream=OTHER), {"x-api-key": "alice"}) is None
    assert user_of(Config(user="jdoe", upstream=OTHER, upstreams={"a": OTHER}), {"x-api-key": "alice"}) is None


def test_the_user_is_known_where_any_upstream_is_argo() -> None:
    config = Config(identity="client", upstream=OTHER, upstreams={"a": ARGO})
    assert user_of(config, {"x-api-key": "alice"}) == "alice"


def test_all_keys_open_the_door() -> None:
    assert door_keys(Config()) == ()
    assert door_keys(Config(identity="client")) == ()
    assert door_keys(Config(keys=("door",), users=USERS)) == ("door", "key-of-alice", "key-of-bob")


@pytest.mark.parametrize(
    ("config", "needed"),
    [
        (Config(), True),
        (Config(keys=("door",)), True),
        (Config(identity="client"), False),
        (Config(upstream=OTHER), False),
        (Config(upstream=OTHER, upstreams={"a": OTHER}), False),
        (Config(upstream=OTHER, upstreams={"a": OTHER, "b": ARGO}), True),
        (Config(upstreams={"a": OTHER}), True),
        (Config(users=USERS), False),
        (Config(users=USERS, keys=("key-of-bob",)), False),
        (Config(users=USERS, keys=("door",)), True),
    ],
)
def test_the_user_must_be_known_where_somebody_needs_it(config: Config, needed: bool) -> None:
    assert needs_user(config) == needed


@UNTIMED
@given(st.dictionaries(st.sampled_from(KEY_HEADERS), st.text(st.characters(max_codepoint=255), max_size=9)))
def test_whoever_gets_through_has_a_users_name(headers: dict[str, str]) -> None:
    try:
        user = user_of(Config(identity="client"), headers)
    except Refused:
        return
    assert user is not None
    assert is_user(user)
