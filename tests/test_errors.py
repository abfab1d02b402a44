"""Every exception of ours is in one tree, the one that the module draws."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from argo_relay import errors
from argo_relay.errors import BadJson, ConfigError, DeadlinePassed, Refused, RelayError
from argo_relay.neutral.failure import bad_request


def classes() -> dict[str, type[BaseException]]:
    found = inspect.getmembers(errors, inspect.isclass)
    return {name: one for name, one in found if issubclass(one, BaseException)}


def drawn() -> dict[str, str]:
    """Return each class of the drawing with the one that it hangs from."""
    parents: dict[str, str] = {}
    above = {0: "RelayError"}
    for branch in re.finditer(r"^    ([ |]*[|`]-- )(\w+)", errors.__doc__ or "", re.MULTILINE):
        depth = len(branch[1])
        parents[branch[2]] = above[max(less for less in above if less < depth)]
        above = {less: name for less, name in above.items() if less < depth} | {depth: branch[2]}
    return parents


def test_the_tree_is_as_it_is_drawn() -> None:
    actual = {name: one.__bases__[0].__name__ for name, one in classes().items()}
    assert actual == drawn() | {"RelayError": "Exception"}


def test_nothing_hangs_from_two_branches() -> None:
    for name, one in classes().items():
        assert len(one.__bases__) == 1, name
        assert issubclass(one, RelayError)


def test_all_problems_of_a_configuration_are_told_at_once() -> None:
    error = ConfigError(["port: it is text", "user: it is missing"])
    assert error.problems == ("port: it is text", "user: it is missing")
    assert str(error) == "port: it is text\nuser: it is missing"


@pytest.mark.parametrize("path", [None, "messages[0].content"])
def test_bad_json_says_why_and_where(path: str | None) -> None:
    error = BadJson("it is nested too deeply", path)
    assert (str(error), error.reason, error.path) == ("it is nested too deeply", "it is nested too deeply", path)


def test_a_refusal_carries_its_failure_and_reads_like_it() -> None:
    failure = bad_request("`n` must be a whole number.", "n")
    assert Refused(failure).failure is failure
    assert str(Refused(failure)) == "`n` must be a whole number."


def test_a_deadline_names_its_timer() -> None:
    assert DeadlinePassed("idle").timer == "idle"
    assert "idle" in str(DeadlinePassed("idle"))


def test_an_exception_of_ours_can_be_told_from_any_other() -> None:
    assert not issubclass(RelayError, OSError | ValueError | TimeoutError)
    assert isinstance(pickle.loads(pickle.dumps(DeadlinePassed("idle"))), RelayError)
