"""A Gemini stream that is relayed as it came, ended where it stands as Gemini ends one at `maxOutputTokens`.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.google.outline import in_list
from argo_relay.dialects.google.stops import finish_of
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame
from argo_relay.framing.jsonarray import last_element

_NAMED: Final = ("usageMetadata", "modelVersion", "createTime", "responseId")
"""Members that every chunk of a stream repeats."""
_MARKS: Final = frozenset({"text", "thought"})


class GoogleStreamCut:
    """Follows one stream; see `dialects.base.StreamCut`."""

    def __init__(self) -> None:
        self._named: dict[str, Any] = {}
        self._finishes: dict[int, Any] = {}
        """By candidate: why it has ended; None while it goes on."""
        self._generated = False
        self._array = False

    def feed(self, frame: Frame) -> None:
        """Take note of the candidates that are open, of the tokens, and of the form that the stream has."""
        if frame.data is None:
            return
        self._array = frame.raw.lstrip()[:1] in (b"[", b",")
        try:
            value = jsonx.decode_loosely(frame.data)
        except BadJson:
            return
        for chunk in in_list(value):
            if isinstance(chunk, dict):
                self._named |= {name: chunk[name] for name in _NAMED if chunk.get(name) is not None}
                candidates = chunk.get("candidates")
                for candidate in candidates if isinstance(candidates, list) else ():
                    if isinstance(candidate, dict):
                        self._read(candidate)

    def cut(self) -> bytes | None:
        """Return the last chunk, with the tokens as far as they are known."""
        if not self._generated:
            return None
        candidates = [
            {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "MAX_TOKENS", "index": index}
            for index, finish in sorted(self._finishes.items())
            if not finish
        ]
        chunk = jsonx.encode({"candidates": candidates, **self._named})
        return last_element(chunk, begun=True) if self._array else sse.write(chunk)

    def _read(self, candidate: dict[str, Any]) -> None:
        index = candidate.get("index")
        index = index if isinstance(index, int) else 0
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else ():
            self._generated |= isinstance(part, dict) and bool(part.get("text") or part.keys() - _MARKS)
        self._finishes[index] = finish_of(candidate, self._finishes.get(index))
