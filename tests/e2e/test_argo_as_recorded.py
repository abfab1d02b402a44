"""What Argo was seen to answer: production in May 2026, asked again of the simulator as of then; and elsewhere."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from argo_relay.simulator.app import create_app
from argo_relay.simulator.ways import Ways
from support import corpus
from support.corpus import Probe

# Virtual time: Opus 4.1 took seconds for each of its errors.
pytestmark = pytest.mark.looptime

_IDS = re.compile(r"req_vrtx_[A-Za-z0-9]+")
_SOMETIMES_SILENT = frozenset({"gpto4mini", "gpt5mini"})
"""At 64 tokens their thoughts now took it all and now did not; the simulator's never do, and filters see words."""
_KEYS = re.compile(r'"(\w+)":')


USER = [{"role": "user", "content": "ping"}]
CHAT: dict[str, Any] = {"model": "gpt4o", "user": "tester", "messages": USER}
CLAUDE: dict[str, Any] = {"model": "claudehaiku45", "user": "tester", "max_tokens": 64, "messages": USER}
DENIED = (
    "\\n\\n⚠️ **IMPORTANT AUTHENTICATION NOTICE FROM ARGO** ⚠️\\n\\n🚫 **ACCESS DENIED** 🚫\\n\\n{}\\n\\n"
    " ** END NOTICE FROM ARGO **\\n\\n"
)
UNKNOWN = DENIED.format(
    "The username 'denied' could not be validated as an authorized Argo Gateway API user. Please ensure you are "
    "providing a valid ANL domain user name in your API configuration."
)
STRANGER = DENIED.format(
    "The username 'stranger' is not authorized to use the Argo Gateway API. Your ANL account was found but you do not "
    "appear in the authorized users list for your division."
)
REVOKED = (
    "\\n\\n⚠️ **IMPORTANT USAGE NOTICE FROM ARGO** ⚠️\\n\\n🚫 **ACCESS REVOKED** 🚫\\n\\nYour Argo usage limit has been "
    "exceeded. Reason: Monthly limit exceeded. Please contact your Directorate Operations Officer for assistance."
    "\\n\\n ** END NOTICE FROM ARGO **"
)
ELSEWHERE: list[tuple[str, str, dict[str, Any], int, str]] = [
    # How it is asked, where, with what; the status; what the answer says, and of errors all that it says.
    ("POST", "/v1/chat/completions", CHAT | {"user": "denied"}, 200, f'"content":"{UNKNOWN}"'),
    ("POST", "/v1/chat/completions", CHAT | {"user": "stranger", "stream": True}, 200, f'"content":"{STRANGER}"'),
    ("POST", "/v1/chat/completions", CHAT | {"user": "quota"}, 200, f'"content":"{REVOKED}"'),
    ("POST", "/v1/messages", CLAUDE | {"user": "denied"}, 200, f'"content":[{{"text":"{UNKNOWN}","type":"text"}}]'),
    ("POST", "/v1/messages", CLAUDE | {"user": "quota", "stream": True}, 200, f'"text":"{REVOKED}"'),
    ("POST", "/api/v1/resource/chat/", CHAT | {"user": "denied"}, 200, f'{{"response":"{UNKNOWN}"}}'),
    (
        "POST",
        "/v1/chat/completions",
        CHAT | {"model": "claudeopus47"},
        500,
        (
            '{"error":{"message":"Streaming is required for operations that may take longer than 10 minutes. See '
            'https://github.com/anthropics/anthropic-sdk-python#long-requests for more details","type":"ValueError",'
            '"code":"internal_error"}}'
        ),
    ),
    (
        "POST",
        "/v1/messages",
        CLAUDE | {"model": "gpt4o"},
        400,
        (
            "Model 'gpt4o' is not supported on the /v1/messages endpoint. This endpoint only supports Anthropic Claude "
            "models. For OpenAI and Gemini models, use /argoapi/v1/chat/completions"
        ),
    ),
    (
        "POST",
        "/v1/chat/completions",
        CHAT | {"model": "gpto3", "messages": [{"role": "developer", "content": "x"}]},
        400,
        "Unknown parameter: 'messages[0].tool_calls'",
    ),
    (
        "POST",
        "/api/v1/resource/chat/",
        CHAT | {"system": "x"},
        200,
        (
            '{"response":"You passed a messages field along with a system and or prompt field. Please only pass '
            'messages with any system and user prompts included, or only pass system and prompt alone."}'
        ),
    ),
    ("POST", "/v1/chat/completions", CHAT | {"model": "gpt4omini"}, 400, "Invalid model"),
    ("POST", "/v1/models", {}, 405, '{"detail":"Method Not Allowed"}'),
    ("POST", "/v1/message/", CLAUDE, 404, '{"detail":"Not Found"}'),
    ("HEAD", "/", {}, 404, ""),
    (
        "GET",
        "/v1/models",
        {},
        200,
        (
            '{"id":"Claude Sonnet 4.6","object":"model","created":CREATED,"owned_by":"anthropic",'
            '"internal_id":"claudesonnet46"}'
        ),
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "said"), ELSEWHERE)
async def test_what_was_seen_elsewhere(method: str, path: str, body: dict[str, Any], status: int, said: str) -> None:
    transport = httpx.ASGITransport(app=create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        response = await client.request(method, path, json=body)
    text = re.sub(r'"created":\d+', '"created":CREATED', response.text)
    assert response.status_code == status
    assert text == said if said.startswith("{") and status != 200 else said in text


async def answer(probe: Probe, ways: Ways) -> tuple[int, str]:
    transport = httpx.ASGITransport(app=create_app(ways))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        response = await client.post(probe.path, json=probe.body)
    return response.status_code, response.text


def test_every_recorded_request_is_there() -> None:
    assert corpus.absent() or len(corpus.probes()) == 204
    assert corpus.absent() or sum(probe.failed for probe in corpus.probes()) == 64


async def test_errors_are_the_recorded_ones_byte_for_byte() -> None:
    wrong = []
    for probe in corpus.probes():
        if not probe.failed:
            continue
        # Gemini's failures are the recorded ones, but they came by chance.
        ways = Ways(as_of="2026-05", gemini_500=1.0 if probe.status == 500 else 0.0)
        status, body = await answer(probe, ways)
        if (status, _IDS.sub("ID", body)) != (probe.status, _IDS.sub("ID", probe.reply)):
            wrong.append(f"{probe.name}: {status} {body}, recorded {probe.status} {probe.reply}")
    assert wrong == []


async def test_what_was_answered_is_answered_in_the_same_shape() -> None:
    wrong = []
    for probe in corpus.probes():
        if probe.failed:
            continue
        status, body = await answer(probe, Ways(as_of="2026-05"))
        recorded, said = _KEYS.findall(probe.reply), _KEYS.findall(body)
        if "thinking" in recorded:  # the simulator thinks where it is told to, Claude where it likes
            recorded = recorded[: recorded.index("content")]
        elif '"content":""' in probe.reply and probe.body["model"] in _SOMETIMES_SILENT:
            recorded = recorded[: recorded.index("content_filter_results")]
        if status != 200 or said[: len(recorded)] != recorded:
            wrong.append(f"{probe.name}: {status} {body}, recorded {probe.reply}")
    assert wrong == []
