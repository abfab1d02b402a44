from __future__ import annotations

import msgspec
import pytest

from argo_relay.models.profile import Profile


def test_a_profile_is_a_value_with_a_chat_model_that_is_offered_as_the_default() -> None:
    profile = Profile(internal_id="x", public_id="argo:x", display="X", owner="openai")
    assert (profile.kind, profile.retired, profile.names) == ("chat", False, ())
    with pytest.raises(AttributeError):
        profile.internal_id = "y"  # type: ignore[misc]


def test_a_profile_can_be_shown_as_json() -> None:
    profile = Profile(internal_id="v3", public_id="argo:v-3", display="V 3", owner="openai", kind="embedding")
    assert msgspec.json.decode(msgspec.json.encode(profile)) == {
        "internal_id": "v3",
        "public_id": "argo:v-3",
        "display": "V 3",
        "owner": "openai",
        "kind": "embedding",
        "retired": False,
        "max_output": None,
        "names": [],
        "successors": [],
        "alias_of": None,
    }
