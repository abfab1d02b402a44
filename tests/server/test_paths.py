"""Paths as data: Google's are cut at the last colon, and every path knows its dialect."""

from __future__ import annotations

import pytest

from argo_relay.server.paths import METHODS, dialect_at, google_entry
from argo_relay.upstreams.base import Operation


@pytest.mark.parametrize(
    ("name", "model", "operation", "stream"),
    [
        ("argo:gemini-2.5-pro:generateContent", "argo:gemini-2.5-pro", "generate", False),
        ("gemini-2.5-pro:streamGenerateContent", "gemini-2.5-pro", "generate", True),
        ("tunedModels/x:countTokens", "tunedModels/x", "count", False),
        ("m:batchEmbedContents", "m", "embed", False),
    ],
)
def test_a_google_path_names_model_and_method(name: str, model: str, operation: str, stream: bool) -> None:
    entry = google_entry(name, {})
    assert entry is not None
    assert (entry.model, entry.operation, entry.stream) == (model, Operation(operation), stream)
    assert entry.dialect.name == "google"


def test_a_stream_without_sse_is_an_array() -> None:
    for query, array in (({}, True), ({"alt": "json"}, True), ({"alt": "sse"}, False)):
        entry = google_entry("m:streamGenerateContent", query)
        assert entry is not None
        assert entry.array is array
    whole = google_entry("m:generateContent", {})
    assert whole is not None
    assert not whole.array


def test_one_text_is_not_a_batch() -> None:
    for method, single in (("embedContent", True), ("batchEmbedContents", False)):
        entry = google_entry(f"m:{method}", {})
        assert entry is not None
        assert entry.single is single


@pytest.mark.parametrize("name", ["m", "m:", ":generateContent", "argo:gpt-4", "m:predict", "m:generateContent/x"])
def test_what_names_no_method_is_none(name: str) -> None:
    assert google_entry(name, {}) is None


@pytest.mark.parametrize(
    ("path", "headers", "dialect"),
    [
        ("/v1/chat/completions", {"x-goog-api-key": "k"}, "openai_chat"),
        ("/chat/completions", {}, "openai_chat"),
        ("/v1/responses/resp_1", {}, "openai_responses"),
        ("/v1/messages", {}, "anthropic"),
        ("/v1/messages/count_tokens", {}, "anthropic"),
        ("/v1/embeddings", {}, "openai_chat"),
        ("/v1/completions", {}, "openai_completions"),
        ("/v1beta/models", {}, "google"),
        ("/v1beta/models/m:generateContent", {"anthropic-version": "x"}, "google"),
        ("/v1/models/m:generateContent", {}, "google"),
        ("/v1/models", {}, "openai_chat"),
        ("/v1/models", {"x-goog-api-key": "k"}, "google"),
        ("/v1/models", {"anthropic-version": "2023-06-01"}, "anthropic"),
        ("/nothing", {}, "openai_chat"),
    ],
)
def test_every_path_has_a_dialect(path: str, headers: dict[str, str], dialect: str) -> None:
    assert dialect_at(path, headers).name == dialect


def test_googles_methods_are_all_there() -> None:
    assert set(METHODS) == {
        "generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents",
    }  # fmt: skip
