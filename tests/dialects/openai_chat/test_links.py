from __future__ import annotations

from typing import Any

import pytest

from support.links import PDF, PNG, found, inlined

URL = "https://example.org/a/report.pdf?b"
IMAGE = "https://example.org/a.png"


def body(part: Any, role: str = "user") -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": role, "content": ["x", part]}]}


AT = ("messages", 1, "content", 1)
PARTS: list[tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    (
        {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
        ("image_url", "url"),
    ),
    ({"type": "image_url", "image_url": IMAGE}, {"type": "image_url", "image_url": PNG}, ("image_url",)),
    (
        {"type": "file", "file": {"file_data": URL}, "cache_control": {}},
        {"type": "file", "file": {"file_data": PDF, "filename": "report.pdf"}, "cache_control": {}},
        ("file", "file_data"),
    ),
    (
        {"type": "file", "file": {"filename": "x.pdf", "file_data": URL}},
        {"type": "file", "file": {"filename": "x.pdf", "file_data": PDF}},
        ("file", "file_data"),
    ),
    (
        {"type": "document_url", "document_url": URL},
        {"type": "file", "file": {"filename": "report.pdf", "file_data": PDF}},
        ("document_url",),
    ),
    (
        {"type": "document_url", "document_url": URL, "document_name": "n"},
        {"type": "file", "file": {"filename": "n", "file_data": PDF}},
        ("document_url",),
    ),
]


@pytest.mark.parametrize("role", ["user", "tool"])
@pytest.mark.parametrize(("part", "data", "path"), PARTS)
def test_what_lies_elsewhere_becomes_data(
    part: dict[str, Any], data: dict[str, Any], path: tuple[str, ...], role: str
) -> None:
    (link,) = found("openai_chat", body(part, role))
    assert link.path == (*AT, *path)
    assert link.kinds == {"image" if "image" in path[0] else "document"}
    assert inlined("openai_chat", body(part, role)) == body(data, role)
    assert not found("openai_chat", body(data, role))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "image_url", "image_url": {"url": 5}},
        {"type": "image_url", "image_url": None},
        {"type": "image_url"},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": IMAGE},
        {"type": "video_url", "video_url": {"url": IMAGE}},
        {"type": "text", "text": IMAGE, "image_url": IMAGE},
        {"type": ["image_url"], "image_url": IMAGE},
        {"image_url": IMAGE},
        IMAGE,
        None,
    ],
)
def test_nothing_else_is_touched(part: Any) -> None:
    assert not found("openai_chat", body(part))


@pytest.mark.parametrize("messages", [None, "x", {}, [None, "x", {}, {"content": None}, {"content": {"type": "x"}}]])
def test_any_shape_is_looked_through(messages: Any) -> None:
    assert not found("openai_chat", {"messages": messages})
