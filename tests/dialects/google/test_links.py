from __future__ import annotations

from typing import Any

import pytest

from support.links import found, inlined

URL = "https://example.org/a.png"
TEXT = {"text": URL}
DATA = {"mimeType": "image/png", "data": "QUJD"}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ({"fileUri": URL}, None),
        ({"fileUri": URL, "mimeType": "image/jpeg"}, None),
        ({"fileUri": URL, "mimeType": "application/pdf", "displayName": "n"}, "n"),
        ({"file_uri": URL, "mime_type": "IMAGE/JPEG", "display_name": "n"}, "n"),
    ],
)
@pytest.mark.parametrize("member", ["fileData", "file_data"])
def test_what_lies_elsewhere_becomes_data(member: str, file: dict[str, Any], name: str | None) -> None:
    part = {member: file, "thoughtSignature": "s"}
    given = {"contents": [{"parts": [TEXT]}, {"role": "user", "parts": [TEXT, part]}]}
    (link,) = found("google", given)
    assert link.path == ("contents", 1, "parts", 1, member, "file_uri" if "file_uri" in file else "fileUri")
    assert link.kinds == {"image", "document"}
    made = {"inlineData": DATA | ({} if name is None else {"displayName": name}), "thoughtSignature": "s"}
    assert inlined("google", given) == {"contents": [{"parts": [TEXT]}, {"role": "user", "parts": [TEXT, made]}]}


PART = {"fileData": {"fileUri": URL}}
MADE = {"inlineData": DATA}
WHOLES: list[tuple[Any, Any]] = [
    ({"contents": {"parts": PART}}, {"contents": {"parts": MADE}}),
    ({"systemInstruction": {"parts": [PART]}}, {"systemInstruction": {"parts": [MADE]}}),
    ({"system_instruction": {"parts": [PART]}}, {"system_instruction": {"parts": [MADE]}}),
    (
        {"contents": [{"parts": [{"functionResponse": {"name": "f", "parts": [PART]}}]}]},
        {"contents": [{"parts": [{"functionResponse": {"name": "f", "parts": [MADE]}}]}]},
    ),
    (
        {"generateContentRequest": {"model": "m", "contents": [{"parts": [PART]}]}},
        {"generateContentRequest": {"model": "m", "contents": [{"parts": [MADE]}]}},
    ),
]


@pytest.mark.parametrize(("given", "made"), WHOLES)
def test_every_place_that_holds_parts(given: Any, made: Any) -> None:
    assert len(found("google", given)) == 1
    assert inlined("google", given) == made


@pytest.mark.parametrize(
    "part",
    [
        {"inlineData": DATA},
        {"fileData": {"fileUri": "gs://bucket/a.png"}},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
        {"fileData": {"fileUri": "files/abc"}},
        {"fileData": {"fileUri": URL, "mimeType": "video/mp4"}},
        {"fileData": {"fileUri": URL, "mimeType": "audio/wav"}},
        {"fileData": {"fileUri": URL, "mimeType": "text/plain"}},
        {"fileData": {"fileUri": URL, "mimeType": 5}},
        {"fileData": {"fileUri": 5}},
        {"fileData": URL},
        {"functionResponse": {"name": "f", "response": {"fileData": {"fileUri": URL}}}},
        {"functionCall": {"name": "f", "args": {"fileData": {"fileUri": URL}}}},
        TEXT,
        URL,
        None,
    ],
)
def test_nothing_else_is_touched(part: Any) -> None:
    assert not found("google", {"contents": [{"parts": [part]}]})


@pytest.mark.parametrize("contents", [None, URL, [None, URL, {}, {"parts": URL}, {"parts": None}]])
def test_any_shape_is_looked_through(contents: Any) -> None:
    assert not found("google", {"contents": contents})
