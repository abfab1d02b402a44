from __future__ import annotations

import pytest

from argo_relay.simulator.messages_matrix import Takes, takes
from argo_relay.simulator.models import MODELS
from argo_relay.simulator.ways import ERAS

MAY = ERAS["2026-05"]


@pytest.mark.parametrize(
    ("names", "row"),
    [
        (("claudeopus47", "claudeopus48", "claudesonnet5", "claudeopus5"), (False, False, False, True, False, True)),
        (("claudeopus46", "claudesonnet46"), (True, False, True, True, True, False)),
        (("claudeopus45", "claudesonnet45", "claudehaiku45"), (True, False, True, False, True, False)),
        (("claudeopus41", "claudesonnet37"), (True, True, True, False, True, False)),
    ],
)
def test_the_rows(names: tuple[str, ...], row: tuple[bool, ...]) -> None:
    for name in names:
        assert tuple(getattr(takes(name, MAY), field) for field in Takes.__struct_fields__) == row


def test_every_claude_thinks_in_some_way() -> None:
    for era in ERAS.values():
        rows = [takes(model.internal_id, era) for model in MODELS if model.owner == "anthropic"]
        assert all(row.enabled or row.adaptive for row in rows)
        assert any(row.adaptive for row in rows) == era.adaptive
