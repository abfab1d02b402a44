from __future__ import annotations

import base64
import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.neutral.content import Issuer, Seal
from argo_relay.neutral.seals import may_carry, pack, unpack, with_seal, without_seal, written
from support.replies import SEALS

SEAL = Seal(issuer="google", kind="thought", value="CqYB+/=")


@given(SEALS)
def test_a_packed_seal_comes_back_whole(seal: Seal) -> None:
    assert unpack(pack(seal)) == seal


def test_half_a_surrogate_pair_in_a_seal_comes_back() -> None:
    seal = Seal(issuer="anthropic", kind="redacted", value="\ud800")
    assert unpack(pack(seal)) == seal


@given(SEALS)
def test_a_packed_seal_may_stand_in_an_id(seal: Seal) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", pack(seal))


@given(st.text())
def test_no_text_breaks_and_only_marked_text_can_be_a_seal(text: str) -> None:
    assert text.startswith("ar1_") or unpack(text) is None
    assert isinstance(unpack("ar1_" + text), Seal | None)


@pytest.mark.parametrize("text", ["ar1_", "ar1_!", "ar1_W10", "ar1_WyJ4IiwiYSIsImIiXQ", "ar1_é", "AR1_", " ar1_"])
def test_a_broken_seal_is_plain_text(text: str) -> None:
    assert unpack(text) is None


@pytest.mark.parametrize("issuer", get_args(Issuer))
def test_a_seal_is_bare_for_its_issuer_alone(issuer: Issuer) -> None:
    seal = Seal(issuer=issuer, kind="signature", value="secret")
    assert written(seal, issuer) == "secret"
    for other in set(get_args(Issuer)) - {issuer}:
        assert "secret" not in written(seal, other)
        assert unpack(written(seal, other)) == seal


@given(st.text("abc_-0123", min_size=1), st.none() | SEALS)
def test_an_id_gives_back_itself_and_its_seal(identifier: str, seal: Seal | None) -> None:
    assert without_seal(with_seal(identifier, seal)) == (identifier, seal)


@given(st.text())
def test_any_id_may_be_asked_for_a_seal(identifier: str) -> None:
    bare, seal = without_seal(identifier)
    assert (bare == identifier) == (seal is None)


def test_an_id_that_looks_sealed_but_is_not_stays_whole() -> None:
    assert without_seal("call__ar1_x") == ("call__ar1_x", None)


@given(SEALS, st.text())
def test_a_seal_in_a_request_is_seen(seal: Seal, before: str) -> None:
    packed = pack(seal).encode()
    for carried in (packed, with_seal("call_1", seal).encode()):
        assert may_carry(before.encode() + carried, encoded=False)
    assert may_carry(before.encode() + b'"' + base64.b64encode(packed), encoded=True)
    assert not may_carry(base64.b64encode(packed), encoded=False)
