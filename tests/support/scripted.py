"""An upstream in this process that answers every POST with the same bytes, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from support.process import PATIENCE


class Scripted:
    """As a context it serves; `models` is what it lists, by Argo's ids (None: it fails)."""

    def __init__(
        self, body: bytes, kind: str = "application/json", models: tuple[str, ...] | None = ("gpt4o",)
    ) -> None:
        self.body = body
        self.kind = kind
        self.models = models
        self.asked: list[tuple[str, dict[str, Any], Mapping[str, str]]] = []
        """Path, body and headers (names in lower case) of each POST."""
        there = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                rows = [{"id": name, "object": "model"} for name in there.models or ()]
                listed = json.dumps({"object": "list", "data": rows}).encode()
                self._say(500 if there.models is None else 200, listed, "application/json")

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                there.asked.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
                self._say(200, there.body, there.kind)

            def _say(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)
