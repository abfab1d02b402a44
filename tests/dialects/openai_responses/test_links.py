from __future__ import annotations

from typing import Any

import pytest

from support.links import PDF, PNG, found, inlined

URL = "https://example.org/a/report.pdf"
IMAGE = "https://example.org/a.png"
PARTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"type": "input_image", "image_url": IMAGE, "detail": "high"},
        {"type": "input_image", "image_url": PNG, "detail": "high"},
    ),
    ({"type": "input_file", "file_url": URL}, {"type": "input_file", "filename": "report.pdf", "file_data": PDF}),
    (
        {"type": "input_file", "file_url": URL, "filename": "x.pdf"},
        {"type": "input_file", "filename": "x.pdf", "file_data": PDF},
    ),
]


def item(kind: str, part: Any) -> dict[str, Any]:
    if kind == "message":
        return {"role": "user", "content": [{"type": "input_text", "text": "x"}, part]}
    return {"type": kind, "call_id": "c", "output": [{"type": "input_text", "text": "x"}, part]}


@pytest.mark.parametrize("kind", ["message", "function_call_output", "custom_tool_call_output"])
@pytest.mark.parametrize(("part", "data"), PARTS)
def test_what_lies_elsewhere_becomes_data(part: dict[str, Any], data: dict[str, Any], kind: str) -> None:
    given: dict[str, Any] = {"model": "m", "input": ["x", item(kind, part)]}
    (link,) = found("openai_responses", given)
    where = "content" if kind == "message" else "output"
    assert link.path == ("input", 1, where, 1, "image_url" if "image_url" in part else "file_url")
    assert link.kinds == {"image" if "image_url" in part else "document"}
    assert inlined("openai_responses", given) == given | {"input": ["x", item(kind, data)]}


def test_screenshots_and_images_that_are_items() -> None:
    output = {"type": "computer_screenshot", "image_url": IMAGE}
    given = {"input": [{"type": "computer_call_output", "output": output}, {"type": "input_image", "image_url": IMAGE}]}
    screenshot, image = found("openai_responses", given)
    assert screenshot.path == ("input", 0, "output", "image_url")
    assert image.path == ("input", 1, "image_url")
    assert not found("openai_responses", inlined("openai_responses", given))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_image", "image_url": PNG},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_image", "image_url": {"url": IMAGE}},
        {"type": "input_file", "file_data": PDF},
        {"type": "input_text", "text": IMAGE, "image_url": IMAGE},
        {"type": ["input_image"], "image_url": IMAGE},
        IMAGE,
        None,
    ],
)
def test_nothing_else_is_touched(part: Any) -> None:
    assert not found("openai_responses", {"input": [item("message", part), item("function_call_output", part)]})


@pytest.mark.parametrize("given", [None, IMAGE, {}, [None, IMAGE, {}, {"content": IMAGE, "output": IMAGE}]])
def test_any_shape_is_looked_through(given: Any) -> None:
    assert not found("openai_responses", {"input": given, "instructions": IMAGE})
