from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

# Virtual time: a reply of minutes takes none.
pytestmark = pytest.mark.looptime

Ask = Callable[..., Awaitable[httpx.Response]]

COMMAND = {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}
TOOLS = [
    {"type": "function", "name": "exec_command", "parameters": COMMAND, "strict": False},
    {"type": "custom", "name": "apply_patch"},
    {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "spawn", "parameters": {}}]},
    {"type": "web_search"},
]


def events(response: httpx.Response) -> list[dict[str, Any]]:
    found = []
    for number, frame in enumerate(response.text.split("\n\n")[:-1]):
        name, data = frame.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert (name, found[-1]["sequence_number"]) == (f"event: {found[-1]['type']}", number)
    return found


def without_ids(output: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in item.items() if name not in {"id", "call_id"}} for item in output]


@pytest.mark.parametrize(
    "prompt",
    ["ping", "[think=2] [chunks=2]", "[tool=exec_command,spawn]", "[tool=apply_patch] [think=1]", "STUBTOOL:spawn"],
)
async def test_the_same_whole_and_streamed(respond: Ask, prompt: str) -> None:
    whole = (await respond(prompt, tools=TOOLS)).json()
    streamed = events(await respond(prompt, tools=TOOLS, stream=True))
    last = streamed[-1]
    assert [event["type"] for event in streamed[:2]] == ["response.created", "response.in_progress"]
    assert (last["type"], whole["status"]) == ("response.completed", "completed")
    assert without_ids(last["response"]["output"]) == without_ids(whole["output"])
    assert last["response"]["usage"] == whole["usage"]
    done = [event["item"] for event in streamed if event["type"] == "response.output_item.done"]
    assert done == last["response"]["output"]


async def test_calls_of_every_kind(respond: Ask) -> None:
    output = (await respond("[tool=exec_command,apply_patch,spawn]", tools=TOOLS)).json()["output"]
    assert [item["type"] for item in output] == ["function_call", "custom_tool_call", "function_call"]
    assert json.loads(output[0]["arguments"]) == {"cmd": "echo argo-relay-works"}
    assert output[1]["input"] == "echo argo-relay-works"
    assert (output[2]["name"], output[2]["namespace"]) == ("spawn", "agents")
    assert all(item["call_id"].startswith("call_") for item in output)


async def test_a_turn_with_a_tool_and_thoughts_goes_on(respond: Ask) -> None:
    asked = {"role": "user", "content": [{"type": "input_text", "text": "[think=2] [tool=exec_command]"}]}
    made = (await respond(input=[asked], tools=TOOLS)).json()["output"]
    assert [item["type"] for item in made] == ["reasoning", "function_call"]
    result = {"type": "function_call_output", "call_id": made[1]["call_id"], "output": "argo-relay-works"}
    answer = (await respond(input=[asked, *made, result], tools=TOOLS)).json()
    assert [item["type"] for item in answer["output"]] == ["reasoning", "message"]
    made[0]["encrypted_content"] = made[0]["encrypted_content"][:-8] + "AAAAAAA="
    refused = await respond(input=[asked, *made, result], tools=TOOLS)
    assert refused.status_code == 400
    assert "'code': 'invalid_encrypted_content'" in refused.json()["error"]["message"]


async def test_a_limit_ends_the_response(respond: Ask) -> None:
    body = (await respond("[chunks=40]", max_output_tokens=16)).json()
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert (body["usage"]["output_tokens"], body["output"][0]["status"]) == (16, "incomplete")
    *_, last = events(await respond("[chunks=40]", max_output_tokens=16, stream=True))
    assert last["type"] == "response.incomplete"


async def test_an_answer_in_json_and_an_image(respond: Ask) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"format": {"type": "json_schema", "name": "x", "schema": schema}}
    body = (await respond(text=wanted)).json()
    assert body["output"][0]["content"][0]["text"] == '{"n":1}'
    assert body["text"]["format"] == wanted["format"]
    shown = [{"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]}]
    assert "with 1 image." in (await respond(input=shown)).json()["output"][0]["content"][0]["text"]


@pytest.mark.parametrize("stream", [True, False])
async def test_who_is_turned_away(respond: Ask, stream: bool) -> None:
    response = await respond(user="overdrawn", stream=stream)
    body = events(response)[-1]["response"] if stream else response.json()
    assert body["id"].startswith("msg_blocked_overdrawn_")
    assert "usage limit has been exceeded" in body["output"][0]["content"][0]["text"]
    assert (body["model"], body["usage"]["total_tokens"]) == ("gpt4o", 0)


async def test_a_stream_fails_as_a_response(respond: Ask) -> None:
    *_, last = events(await respond("[error_after=1]", stream=True))
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"]["code"] == "rate_limit_exceeded"
    assert "RESOURCE_EXHAUSTED" in last["response"]["error"]["message"]


@pytest.mark.parametrize("order", ["[no_finish]", "[no_done]"])
async def test_the_end_can_be_left_out(respond: Ask, order: str) -> None:
    *_, last = events(await respond(order, stream=True))
    assert last["type"] == "response.output_item.done"


@pytest.mark.parametrize(
    ("model", "status"), [("gemini25pro", 500), ("claudehaiku45", 400), ("v3small", 400), ("gpt-4o", 400)]
)
async def test_only_openais_models_respond(respond: Ask, model: str, status: int) -> None:
    assert (await respond(model=model)).status_code == status


async def test_thoughts_can_leave_nothing_to_say(respond: Ask) -> None:
    body = (await respond(model="gpt5", max_output_tokens=64)).json()
    (item,) = body["output"]
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert (item["type"], item["summary"], body["usage"]["output_tokens_details"]) == (
        "reasoning",
        [],
        {"reasoning_tokens": 64},
    )
    streamed = (await respond(model="gpt5", max_output_tokens=64, stream=True)).text
    names = [line.removeprefix("event: response.") for line in streamed.splitlines() if line.startswith("event: ")]
    assert names == ["created", "in_progress", "output_item.added", "output_item.done", "incomplete"]
