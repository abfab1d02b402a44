from __future__ import annotations

from typing import get_args
from urllib.parse import urlsplit

import pytest

from argo_relay.config.schema import Environment
from argo_relay.upstreams.argo.environments import ENVIRONMENTS
from argo_relay.upstreams.argo.upstream import ArgoUpstream


def test_every_environment_that_can_be_configured_is_somewhere() -> None:
    assert set(ENVIRONMENTS) == set(get_args(Environment))
    assert len(set(ENVIRONMENTS.values())) == len(ENVIRONMENTS)


@pytest.mark.parametrize("address", ENVIRONMENTS.values())
def test_a_path_can_be_appended_to_every_address(address: str) -> None:
    models = urlsplit(ArgoUpstream(base_url=address, user="me").models().url)
    assert models.scheme == "https"
    assert (models.hostname or "").endswith(".inside.anl.gov")
    assert models.path == "/argoapi/v1/models"
    assert not models.query
