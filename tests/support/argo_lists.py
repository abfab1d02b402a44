"""An upstream whose list of models a test writes, and whose callers it sees."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.process import PATIENCE
from support.stage import MESSAGE, WHOLE


class Argo:
    """An upstream that lists what `offered` holds (by Argo's ids; None: it fails) and answers Claude and Chat."""

    def __init__(self) -> None:
        self.offered: list[str] | None = []
        self.asked: list[str] = []
        """The models that were asked for; a list's fetching is an empty name."""
        argo = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                argo.asked.append("")
                rows = [{"id": name, "object": "model"} for name in argo.offered or ()]
                self._say(200 if argo.offered is not None else 500, json.dumps({"data": rows}).encode())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                argo.asked.append(body["model"])
                self._say(200, MESSAGE if self.path.endswith("/messages") else WHOLE)

            def _say(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def lists(self) -> int:
        """How often the list has been fetched."""
        return self.asked.count("")

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(PATIENCE)
