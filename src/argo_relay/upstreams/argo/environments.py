"""Where Argo is. All three are reachable only from Argonne's network."""

from __future__ import annotations

from typing import Final

ENVIRONMENTS: Final = {
    "prod": "https://apps.inside.anl.gov/argoapi",
    "dev": "https://apps-dev.inside.anl.gov/argoapi",
    "test": "https://apps-test.inside.anl.gov/argoapi",
}
