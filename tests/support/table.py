"""The dialects that the laws are held against."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from argo_relay.dialects.base import Dialect

_NAMES: Final = ("openai_chat", "openai_responses", "anthropic", "google")


def _importable() -> dict[str, Dialect]:
    found: dict[str, Dialect] = {}
    for name in _NAMES:
        try:
            found[name] = getattr(import_module(f"argo_relay.dialects.{name}.dialect"), name.upper())
        except Exception as error:  # noqa: BLE001  (a package may be half written)
            print(f"{name} does not import: {type(error).__name__}: {error}")  # noqa: T201
    return found


TABLE: Final = _importable()
