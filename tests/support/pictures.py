"""A web server with pictures, and with what is sent in their stead: for relays in processes of their own."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.said import DOT

PNG = base64.b64decode(DOT)
PDF = b"%PDF-1.7\n% nothing on it\n"
_PAGES = {
    "/dot.png": ("200", "image/png", PNG),
    "/odd": ("200", "text/plain", PNG),
    "/report.pdf": ("200", "application/pdf", PDF),
    "/page": ("200", "image/png", b"<html>not a picture</html>"),
    "/large.png": ("200", "image/png", PNG + b"x" * 4000),
}


@dataclass
class Pictures:
    port: int
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    """A client has gone away from /slow.png."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def pictures() -> Iterator[Pictures]:
    """Serve pictures: /dot.png, /odd, /report.pdf, /page, /large.png, /moved, /inside, /slow.png; all else is a 404."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there.asked.append(self.path)
            there.headers.append({name.lower(): value for name, value in self.headers.items()})
            path = self.path.partition("?")[0]
            if path == "/slow.png":
                # Says nothing, and goes when the client does.
                self.rfile.read(1)
                there.left.set()
                return
            to = {"/moved": "/dot.png", "/inside": f"http://127.0.0.2:{there.port}/dot.png"}.get(path)
            status, kind, body = ("302", "text/plain", b"") if to else _PAGES.get(path, ("404", "text/plain", b"none"))
            self.send_response(int(status))
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            if to:
                self.send_header("location", to)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        there = Pictures(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield there
        finally:
            server.shutdown()
            thread.join()
