"""The model's process: `python -m argo_relay.local.child SETTINGS`, SETTINGS being `settings.Settings` as JSON.

Writes the server's base URL on a line of standard output once the model answers, and lives until its standard input
ends: that happens however its parent dies, by SIGKILL too, for the pipe's other end dies with it.
"""

from __future__ import annotations

import os
import sys
import threading

import msgspec
import xllamacpp

from argo_relay.local.settings import KEY_VARIABLE, Settings

_ERRORS_ONLY = 1
"""What llama.cpp logs: with more it writes lines for every request."""


def main() -> None:
    """Serve until the parent is gone."""
    settings = msgspec.json.decode(sys.argv[1].encode(), type=Settings)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # It returns when the model is loaded, holding the interpreter until then; its threads serve as long as it is kept.
    server = xllamacpp.Server(_parameters(settings, os.environ[KEY_VARIABLE]))
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    threading.Event().wait()


def _end_with_parent() -> None:
    # Not sys.stdin: whoever reads it holds a lock, over which the interpreter stumbles when the model fails to load.
    while os.read(0, 1024):
        pass
    # Not sys.exit: that ends this thread only, and llama.cpp's would finish what they are at.
    os._exit(0)


def _parameters(settings: Settings, key: str) -> xllamacpp.CommonParams:
    """Return llama.cpp's own parameters.

    https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
    """
    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings.file
    parameters.model_alias = {settings.name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    # Without a key any page in a browser on this machine could ask it.
    parameters.api_keys = [key]
    parameters.n_ctx = settings.context * settings.slots
    parameters.n_parallel = settings.slots
    parameters.n_batch = parameters.n_ubatch = settings.batch
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings.threads
    parameters.n_threads_http = settings.connections
    # Idle slots keep their last prompt; copies of more of them are for models that take long to read one.
    parameters.cache_ram_mib = 0
    parameters.endpoint_slots = True
    parameters.ui = False
    parameters.verbosity = _ERRORS_ONLY
    return parameters


if __name__ == "__main__":
    main()
