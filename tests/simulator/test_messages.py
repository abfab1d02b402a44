from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

# Virtual time: a reply of minutes takes none.
pytestmark = pytest.mark.looptime

Ask = Callable[..., Awaitable[httpx.Response]]

TOOLS = [
    {
        "name": "Bash",
        "input_schema": {
            "type": "object",
            "properties": {"command": {"type": "string"}, "timeout": {"type": "number"}},
            "required": ["command"],
        },
    },
    {"name": "nothing", "input_schema": {"type": "object"}},
]


def events(response: httpx.Response) -> list[dict[str, Any]]:
    found = []
    for frame in response.text.split("\n\n")[:-1]:
        name, data = frame.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def content(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the blocks that a stream adds up to."""
    blocks: list[dict[str, Any]] = []
    texts = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
    for event in events(response):
        if event["type"] == "content_block_start":
            assert event["index"] == len(blocks)
            blocks.append(event["content_block"] | {"json": ""})
        elif event["type"] == "content_block_delta":
            delta, block = event["delta"], blocks[event["index"]]
            field = texts.get(delta["type"])
            if field:
                block[field] += delta[field]
            else:
                block["json"] += delta["partial_json"]
    for block in blocks:
        data = block.pop("json")
        if data:
            block["input"] = json.loads(data)
    return blocks


async def test_a_whole_message_is_the_sdks_dump_key_for_key(message: Ask) -> None:
    body = (await message("[chunks=3]")).json()
    assert list(body) == ["id", "content", "model", "role", "stop_reason", "type", "usage"]
    assert re.fullmatch(r"msg_vrtx_\w{24}", body["id"])
    assert [list(block) for block in body["content"]] == [["text", "type"]]
    assert (body["model"], body["role"], body["stop_reason"]) == ("claude-sonnet-4-6", "assistant", "end_turn")
    assert body["usage"] == {
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "input_tokens": 7 + 3,
        "output_tokens": 3,
    }


@pytest.mark.parametrize(
    "prompt", ["ping", "[think=3] [chunks=2]", "[tool=Bash]", "[think=1] [tool=Bash,nothing]", "STUBTOOL:Bash"]
)
async def test_the_same_whole_and_streamed(message: Ask, prompt: str) -> None:
    whole = (await message(prompt, tools=TOOLS)).json()
    streamed = await message(prompt, tools=TOOLS, stream=True)
    start, *_, delta, stop = events(streamed)
    assert (start["type"], start["message"]["content"], stop) == ("message_start", [], {"type": "message_stop"})
    assert delta["delta"] == {"stop_reason": whole["stop_reason"]}
    assert delta["usage"]["output_tokens"] == whole["usage"]["output_tokens"]
    for block in (made := content(streamed)) + whole["content"]:
        block.pop("id", None)
    assert made == whole["content"]


async def test_tools_are_called_with_what_their_schema_requires(message: Ask) -> None:
    body = (await message("[tool=Bash,nothing]", tools=TOOLS)).json()
    assert [(block["name"], block["input"]) for block in body["content"]] == [
        ("Bash", {"command": "echo argo-relay-works"}), ("nothing", {})
    ]  # fmt: skip
    assert all(block["id"].startswith("toolu_vrtx_") for block in body["content"])
    assert body["stop_reason"] == "tool_use"


async def test_a_turn_with_a_tool_and_thoughts_goes_on(message: Ask) -> None:
    asked = {"role": "user", "content": "[think=2] [tool=Bash] [chunks=4]"}
    made = (await message(messages=[asked], tools=TOOLS)).json()["content"]
    assert [block["type"] for block in made] == ["thinking", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": made[1]["id"], "content": "argo-relay-works"}
    messages = [asked, {"role": "assistant", "content": made}, {"role": "user", "content": [result]}]
    answer = (await message(messages=messages, tools=TOOLS)).json()
    assert [block["type"] for block in answer["content"]] == ["thinking", "text"]
    assert answer["usage"]["output_tokens"] == 6
    made[0]["thinking"] += "?"
    refused = await message(messages=messages, tools=TOOLS)
    assert refused.status_code == 400
    assert "messages.1.content.0: Invalid `signature` in `thinking` block" in refused.json()["error"]["message"]


async def test_a_limit_ends_the_message(message: Ask) -> None:
    body = (await message("[chunks=9]", max_tokens=4)).json()
    assert (body["stop_reason"], body["usage"]["output_tokens"]) == ("max_tokens", 4)


async def test_an_answer_in_json_and_an_image(message: Ask) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"format": {"type": "json_schema", "schema": schema}}
    assert (await message(output_config=wanted)).json()["content"] == [{"text": '{"n":1}', "type": "text"}]
    shown = [{"type": "image", "source": {}}, {"type": "text", "text": "what?"}]
    body = (await message(messages=[{"role": "user", "content": shown}])).json()
    assert "as claudesonnet46 with 1 image." in body["content"][0]["text"]


@pytest.mark.parametrize("stream", [True, False])
async def test_who_is_turned_away(message: Ask, stream: bool) -> None:
    response = await message(model="claudehaiku45", headers={"x-api-key": "nobody"}, stream=stream)
    body = events(response)[0]["message"] if stream else response.json()
    said = content(response) if stream else body["content"]
    assert re.fullmatch(r"msg_blocked_nobody_\d{10}", body["id"])
    assert body["model"] == "claudehaiku45"
    assert "'nobody' could not be validated" in said[0]["text"]
    assert (body["usage"]["input_tokens"], body["usage"]["output_tokens"]) == (0, 0)


async def test_a_stream_fails_with_an_event(message: Ask) -> None:
    *_, last = events(await message("[error_after=2]", stream=True))
    assert (last["type"], last["error"]["type"]) == ("error", "rate_limit_error")
    assert "RESOURCE_EXHAUSTED" in last["error"]["message"]


async def test_an_error_may_hide_behind_a_200(message: Ask) -> None:
    response = await message("[hidden_error]", model="claudeopus41")
    assert response.status_code == 200
    assert response.json()["error"]["message"].startswith(
        "{'type': 'error', 'error': {'details': None, 'type': 'api_error', 'message': 'Internal server error'}, "
        "'request_id': 'req_vrtx_"
    )


async def test_what_can_be_left_out(message: Ask) -> None:
    kinds = [event["type"] for event in events(await message("[no_finish] [no_done]", stream=True))]
    assert kinds[-1] == "content_block_stop"
    assert "stop_reason" not in (await message("[no_finish]")).json()


async def test_tokens_are_counted_without_a_limit(message: Ask) -> None:
    response = await message("pingping", path="/count_tokens", max_tokens=None, system="be brief")
    assert response.json() == {"input_tokens": 7 + 2 + 2}
    refused = await message(path="/count_tokens", model="gpt4o")
    assert "not supported on the /v1/messages endpoint" in refused.json()["error"]["message"]
    failed = await message("[error_after=0]", path="/count_tokens")
    assert (failed.status_code, failed.json()["error"]["type"]) == (429, "rate_limit_error")


async def test_a_reply_in_the_shape_of_chat(message: Ask) -> None:
    tool = {"name": "f", "input_schema": {"type": "object"}}
    body = (await message("[openai_shape] [tool=f]", tools=[tool])).json()
    assert body["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "f"
    assert (body["object"], body["model"]) == ("chat.completion", "claude-sonnet-4-6")
    streamed = await message("[openai_shape]", stream=True)
    assert b"event: message_start" in streamed.content


@pytest.mark.parametrize("stream", [True, False])
async def test_a_notice_before_an_answer_costs_what_answers_cost(message: Ask, stream: bool) -> None:
    response = await message("[notice=denied] [chunks=2]", stream=stream)
    assert "ACCESS DENIED" in response.text
    assert "This is the Argo simulator" in response.text
    assert "msg_blocked" not in response.text
    assert '"output_tokens":3' in response.text
