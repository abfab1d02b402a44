"""What all upstreams have in common: paths, headers, hidden addresses, lists of models."""

from __future__ import annotations

from typing import Any

import pytest

from argo_relay.errors import BadJson
from argo_relay.upstreams.base import Ask, Operation, has_path, path_of, read_models, request_headers, without_address

BASE = "https://apps.argo.example/argoapi"


@pytest.mark.parametrize(
    ("dialect", "operation", "fields", "path"),
    [
        ("openai_chat", "generate", {}, "/v1/chat/completions"),
        ("openai_chat", "complete", {}, "/v1/completions"),
        ("openai_chat", "embed", {}, "/v1/embeddings"),
        ("openai_responses", "generate", {"stream": True}, "/v1/responses"),
        ("anthropic", "generate", {}, "/v1/messages"),
        ("anthropic", "count", {}, "/v1/messages/count_tokens"),
        ("google", "generate", {}, "/v1beta/models/m:generateContent"),
        ("google", "generate", {"stream": True}, "/v1beta/models/m:streamGenerateContent?alt=sse"),
        ("google", "generate", {"stream": True, "array": True}, "/v1beta/models/m:streamGenerateContent"),
        ("google", "count", {}, "/v1beta/models/m:countTokens"),
        ("google", "embed", {}, "/v1beta/models/m:batchEmbedContents"),
    ],
)
def test_paths_are_the_vendors_own(dialect: str, operation: str, fields: dict[str, Any], path: str) -> None:
    ask = Ask(dialect=dialect, operation=Operation(operation), model="m", **fields)
    assert has_path(ask.operation, dialect)
    assert path_of(ask) == path


@pytest.mark.parametrize(
    ("model", "quoted"),
    [
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("tunedModels/x", "tunedModels/x"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("argo:gemini", "argo:gemini"),
    ],
)
def test_a_models_name_cannot_change_the_path_it_stands_in(model: str, quoted: str) -> None:
    ask = Ask(dialect="google", operation=Operation.COUNT, model=model)
    assert path_of(ask) == f"/v1beta/models/{quoted}:countTokens"


def test_headers_of_a_dialect_go_along_with_it_only() -> None:
    said = {"anthropic-beta": "a", "openai-beta": "o", "traceparent": "t", "cookie": "c"}
    for dialect, names in {
        "openai_chat": ["openai-beta", "traceparent"],
        "anthropic": ["anthropic-beta", "traceparent"],
        "google": ["traceparent"],
    }.items():
        sent = request_headers(Ask(dialect=dialect, operation=Operation.GENERATE, model="m"), said, "req_1")
        assert [name for name, _ in sent if name in said] == names


@pytest.mark.parametrize(
    ("base", "body", "expected"),
    [
        (BASE, b"POST https://apps.argo.example/argoapi/v1/chat failed", b"POST the upstream/v1/chat failed"),
        (BASE, b"no route to apps.argo.example:443", b"no route to the upstream:443"),
        (BASE, b"https:\\/\\/apps.argo.example\\/argoapi", b"https:\\/\\/the upstream\\/argoapi"),
        (
            BASE,
            b"http://apps.argo.example/x and https://apps.argo.example",
            b"http://the upstream/x and https://the upstream",
        ),
        (BASE, b'{"error":{"message":"No."}}', b'{"error":{"message":"No."}}'),
        (BASE, b"", b""),
        ("http://10.0.0.5:8080", b"at http://10.0.0.5:8080/v1 (10.0.0.5)", b"at the upstream/v1 (the upstream)"),
        ("http://argo:8080", b"argo:gpt-4o is not at argo:8080", b"argo:gpt-4o is not at the upstream"),
        ("http://argo", b"argo:gpt-4o is not at http://argo/v1", b"argo:gpt-4o is not at the upstream/v1"),
        ("http://[::1]:8080", b"no answer from [::1]:8080 (::1)", b"no answer from the upstream (the upstream)"),
    ],
)
def test_the_upstreams_address_is_hidden(base: str, body: bytes, expected: bytes) -> None:
    assert without_address(body, base) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"object":"list","data":[{"id":"GPT-4o","internal_id":"gpt4o"}]}',
            [{"id": "GPT-4o", "internal_id": "gpt4o"}],
        ),
        (b'[{"id":"gpt35","model_name":"GPT-3.5 Turbo"}]', [{"id": "gpt35", "model_name": "GPT-3.5 Turbo"}]),
        (b'{"data":[]}', []),
        (
            b'{"models":[{"name":"models/gemini-2.5-pro","displayName":"x"}]}',
            [{"name": "models/gemini-2.5-pro", "displayName": "x", "id": "gemini-2.5-pro"}],
        ),
        (b'{"data":[null,"x",5,[],{"id":"a"}]}', [{"id": "a"}]),
    ],
)
def test_the_list_of_models_is_read(body: bytes, expected: list[dict[str, Any]]) -> None:
    assert read_models(body) == expected


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", b"5", b'"x"', b"{}", b'{"data":null}', b'{"data":{"id":"a"}}']
)
def test_what_is_no_list_of_models_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        read_models(body)
