"""As many images as a model's host takes in one request: beyond that the oldest are left out.

The whole conversation comes with every request, so that a session which once passes the limit fails for ever after.
"""

from __future__ import annotations

from typing import Any, Final

from argo_relay.neutral.loss import Loss, Losses

OPENAI_MOST: Final = 50
"""Azure, where Argo's OpenAI models are: "Exceeded maximum number of images (50) allowed in the request"
(https://github.com/anomalyco/opencode/issues/39677, https://github.com/Azure/azure-rest-api-specs/issues/46145; both on
Responses, 2026-09; of chat the existing proxy knows it)."""
ANTHROPIC_MOST: Final = 100
"""For the models with a context of 200,000 tokens; the others take 600:
https://platform.claude.com/docs/en/build-with-claude/vision"""

_TEXTS: Final = {"image_url": "text", "input_image": "input_text", "image": "text"}
"""Each wire shape's image, with the type of a text in its place: chat's, Responses', Messages'."""
_HOLDERS: Final = ("content", "output")


def latest(values: Any, most: int, member: str) -> tuple[Any, Losses]:
    """Return messages or input items, the request's `member`, with their last `most` images and texts for the others.

    Images in tools' results count. The same object comes back if there are no more than that.
    """
    count = sum(map(_images, values)) if isinstance(values, list) else 0
    if count <= most:
        return values, []
    rest = _Rest(count - most, most)
    return [rest.holder(one, f"{member}[{index}]") for index, one in enumerate(values)], rest.losses


def _kind(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    return kind if isinstance(kind, str) else ""


def _images(holder: Any) -> int:
    if not isinstance(holder, dict):
        return 0
    count = 0
    for name in _HOLDERS:
        parts = holder.get(name)
        if isinstance(parts, list):
            for part in parts:
                count += 1 if _kind(part) in _TEXTS else _images(part)
    return count


class _Rest:
    """How many images are yet to be left out."""

    def __init__(self, left: int, most: int) -> None:
        self._left = left
        self._why = f"No more than {most} images go to this model in one request: the oldest are left out."
        self._text = f"[image left out: no more than the last {most} can be sent]"
        self.losses: Losses = []

    def holder(self, value: Any, path: str) -> Any:
        """Return a message, an item or a tool's result without those images."""
        if not self._left or not _images(value):
            return value
        made = dict(value)
        for name in _HOLDERS:
            if isinstance(value.get(name), list):
                made[name] = [self._part(part, f"{path}.{name}[{at}]") for at, part in enumerate(value[name])]
        return made

    def _part(self, part: Any, path: str) -> Any:
        kind = _kind(part)
        if kind not in _TEXTS:
            return self.holder(part, path)
        if not self._left:
            return part
        self._left -= 1
        self.losses.append(Loss(path=path, what="image", why=self._why))
        cached = {"cache_control": part["cache_control"]} if "cache_control" in part else {}
        return {"type": _TEXTS[kind], "text": self._text} | cached
