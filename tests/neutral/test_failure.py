from __future__ import annotations

import pytest

from argo_relay.dialects.table import DIALECTS
from argo_relay.neutral.failure import Failure, FailureKind, bad_request


@pytest.mark.parametrize(("param", "code"), [("timeout", "invalid_timeout"), ("messages[0].role", "x"), (None, "y")])
def test_a_bad_request_is_the_clients_and_names_its_field(param: str | None, code: str) -> None:
    assert bad_request("No.", param, code) == Failure(
        kind=FailureKind.BAD_REQUEST, message="No.", status=400, code=code, param=param, at_fault="client"
    )


def test_a_bad_request_is_a_bad_value_unless_said_otherwise() -> None:
    assert bad_request("No.", "n").code == "invalid_value"


def test_a_failure_is_the_gateways_unless_said_otherwise() -> None:
    assert Failure(kind=FailureKind.INTERNAL, message="No.", status=500).at_fault == "gateway"


@pytest.mark.parametrize("kind", FailureKind)
def test_every_dialect_has_words_for_every_kind(kind: FailureKind) -> None:
    for dialect in DIALECTS.values():
        failure = Failure(kind=kind, message="No, because.", status=500)
        assert b"No, because." in dialect.encode_error(failure)
        assert b"No, because." in dialect.watch_stream().fail(failure)


def test_a_failure_stays_as_it_was_made() -> None:
    failure = bad_request("No.", "n")
    with pytest.raises(AttributeError, match="immutable"):
        failure.status = 500  # type: ignore[misc]
    assert hash(failure) == hash(bad_request("No.", "n"))
