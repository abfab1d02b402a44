"""A client that writes what it likes and reads reply by reply, on one connection."""

from __future__ import annotations

import json
import socket
from http.client import HTTPResponse
from typing import Any, NamedTuple, Self

PATIENCE = 20.0


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error


class Wire:
    """One connection to a port or a Unix socket; closed at the end of its block."""

    def __init__(self, place: int | str) -> None:
        family = socket.AF_INET if isinstance(place, int) else socket.AF_UNIX
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(("127.0.0.1", place) if isinstance(place, int) else place)
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> bytes:
        """Return what has arrived, waiting when nothing has; b"" when the other side has closed."""
        return self.socket.recv(65536)

    def reply(self) -> Reply:
        """Return the next reply, whole; send nothing more before."""
        with HTTPResponse(self.socket) as response:
            response.begin()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, headers, response.read())

    def ask(self, data: bytes) -> Reply:
        self.send(data)
        return self.reply()

    @property
    def closed(self) -> bool:
        """Whether the other side closes, waiting for it to say something."""
        try:
            return self.read() == b""
        except ConnectionResetError:
            return True


def get(path: str, **headers: str) -> bytes:
    """Return a GET as bytes."""
    return _message("GET", path, headers, b"")


def post(body: bytes, path: str = "/v1/chat/completions", **headers: str) -> bytes:
    """Return a POST as bytes; an underscore in a header's name stands for a hyphen."""
    return _message("POST", path, {"content_length": str(len(body))} | headers, body)


def chat(prompt: str = "hi", model: str = "argo:gpt-4o", **fields: Any) -> bytes:
    """Return the body of a chat request."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": prompt}], **fields}).encode()


def _message(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
