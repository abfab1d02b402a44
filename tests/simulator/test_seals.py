from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.simulator.seals import gemini_takes, is_sealed, sealed, signature, signed


@given(thinking=st.text(st.characters()), other=st.text(st.characters()))
def test_a_signature_fits_its_thinking_alone(thinking: str, other: str) -> None:
    assert signature(thinking) == signature(thinking)
    assert signed(thinking, signature(thinking))
    assert signed(other, signature(thinking)) == (other == thinking)
    assert not signed(thinking, other)


@given(text=st.text(st.characters()), junk=st.text(st.characters()))
def test_a_seal_is_known_by_itself(text: str, junk: str) -> None:
    token = sealed("reasoning", text)
    assert token == sealed("reasoning", text)
    assert token.startswith("gAAAAA")
    assert base64.urlsafe_b64encode(base64.urlsafe_b64decode(token)).decode() == token
    assert is_sealed("reasoning", token)
    assert not is_sealed("call", token)
    assert not is_sealed("reasoning", junk)
    assert not is_sealed("reasoning", f"gAAAAA{junk}")


@pytest.mark.parametrize("token", [None, 7, "", "gAAAAA", "gAAAAA===", sealed("reasoning", "x")[:-4]])
def test_what_is_no_seal(token: object) -> None:
    assert not is_sealed("reasoning", token)


def test_what_gemini_takes() -> None:
    assert gemini_takes(sealed("call", "f"))
    assert gemini_takes("skip_thought_signature_validator")
    assert not gemini_takes(sealed("reasoning", "f"))
    assert not gemini_takes(None)
