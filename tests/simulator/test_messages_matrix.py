from __future__ import annotations

import pytest

from argo_relay.simulator.messages_matrix import Takes, takes
from argo_relay.simulator.models import MODELS


@pytest.mark.parametrize(
    ("names", "row"),
    [
        (("claudeopus47", "claudeopus48", "claudesonnet5", "claudeopus5"), (False, False, False, True, False)),
        (("claudeopus46", "claudesonnet46"), (True, False, True, True, True)),
        (("claudeopus45", "claudesonnet45", "claudehaiku45"), (True, False, True, False, True)),
        (("claudeopus41", "claudesonnet37"), (True, True, True, False, True)),
    ],
)
def test_the_rows(names: tuple[str, ...], row: tuple[bool, ...]) -> None:
    for name in names:
        assert tuple(getattr(takes(name), field) for field in Takes.__struct_fields__) == row


def test_every_claude_thinks_in_some_way() -> None:
    for model in MODELS:
        if model.owner == "anthropic":
            assert takes(model.internal_id).enabled or takes(model.internal_id).adaptive
