from __future__ import annotations

import asyncio
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
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city"],
            },
        },
    },
    {"type": "function", "function": {"name": "no_arguments"}},
]


def frames(response: httpx.Response) -> list[Any]:
    datas = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    return [data if data == "[DONE]" else json.loads(data) for data in datas]


def text(response: httpx.Response) -> str:
    events = [event for event in frames(response) if event != "[DONE]"]
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


def finish(response: httpx.Response) -> list[str]:
    events = [event for event in frames(response) if event != "[DONE]"]
    reasons = [choice["finish_reason"] for event in events for choice in event["choices"]]
    return [reason for reason in reasons if reason]


@pytest.mark.parametrize("model", ["gpt4o", "GPT-4o", "gpt4", "gpt35", "gpt5", "gemini25pro", "gpto3"])
@pytest.mark.parametrize("prompt", ["ping", "[chunks=1]", "[chunks=30]", "[size=7] [chunks=9]"])
async def test_the_same_text_whole_and_streamed(ask: Ask, model: str, prompt: str) -> None:
    whole = await ask(f"{prompt} [gap=0]", model=model)
    streamed = await ask(f"{prompt} [gap=0]", model=model, stream=True)
    assert whole.status_code == streamed.status_code == 200
    assert whole.headers["content-type"] == "application/json"
    assert streamed.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert whole.json()["choices"][0]["message"]["content"] == text(streamed)
    assert finish(streamed) == ["stop"]
    assert frames(streamed)[-1] == "[DONE]"
    assert "usage" not in (event for event in frames(streamed) if event != "[DONE]" and not event["choices"])


async def test_claude_is_known_by_its_vendors_name(ask: Ask) -> None:
    response = await ask(model="claude-haiku-4-5", max_tokens=100)
    assert response.json()["model"] == "claude-haiku-4-5-20251001"
    assert response.json()["choices"][0]["message"]["content"].startswith(
        "This is the Argo simulator, answering as claudehaiku45."
    )


@pytest.mark.parametrize(("model", "prompt_tokens"), [("gpt4o", 7), ("gemini25pro", 1)])
async def test_tokens_are_counted_alike(ask: Ask, model: str, prompt_tokens: int) -> None:
    whole = (await ask(model=model)).json()["usage"]
    *_, last, _ = frames(await ask(model=model, stream=True, stream_options={"include_usage": True}))
    assert last["usage"] == whole
    assert (whole["prompt_tokens"], whole["completion_tokens"]) == (prompt_tokens, 12)
    assert whole["total_tokens"] == prompt_tokens + 12


async def test_usage_may_be_null(ask: Ask) -> None:
    usage = (await ask("ping [usage=null]")).json()["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (None, None, None)


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
async def test_a_token_limit_ends_the_answer(ask: Ask, client: httpx.AsyncClient, limit: str) -> None:
    await client.put("/simulator/era", json={"as_of": "2026-05"})
    body = (await ask("[chunks=40]", **{limit: 5})).json()
    assert (body["choices"][0]["finish_reason"], body["usage"]["completion_tokens"]) == ("length", 5)
    streamed = await ask("[chunks=40]", stream=True, **{limit: 5})
    assert finish(streamed) == ["length"]
    assert text(streamed) == body["choices"][0]["message"]["content"]
    assert (await ask("[chunks=5]", **{limit: 5})).json()["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("model", ["gpt4o", "gemini25pro", "claudesonnet46"])
@pytest.mark.parametrize(
    ("prompt", "fields", "name", "given"),
    [
        ("[tool=get_weather]", {}, "get_weather", {"city": "simulated"}),
        ("[tool=any]", {}, "get_weather", {"city": "simulated"}),
        ("[tool=no_arguments]", {}, "no_arguments", {}),
        ("ping", {"tool_choice": "required"}, "get_weather", {"city": "simulated"}),
    ],
)
async def test_tools_when_asked(
    ask: Ask, model: str, prompt: str, fields: dict[str, Any], name: str, given: dict[str, Any]
) -> None:
    limit = {"max_tokens": 100} if model.startswith("claude") else {}
    whole = await ask(prompt, model=model, tools=TOOLS, **limit, **fields)
    choice = whole.json()["choices"][0]
    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert (call["type"], call["function"]["name"]) == ("function", name)
    assert json.loads(call["function"]["arguments"]) == given

    streamed = await ask(prompt, model=model, stream=True, tools=TOOLS, **fields)
    assert finish(streamed) == ["tool_calls"]
    deltas = [event["choices"][0]["delta"].get("tool_calls") for event in frames(streamed)[:-1]]
    opening, *rest = [delta[0] for delta in deltas if delta]
    assert (opening["index"], opening["function"]) == (0, {"name": name, "arguments": ""})
    fragments = [delta["function"]["arguments"] for delta in rest]
    assert len(fragments) >= 2
    assert "".join(fragments) == call["function"]["arguments"]


async def test_tools_in_parallel(ask: Ask) -> None:
    prompt = "[tool=get_weather,no_arguments] [think=3]"
    whole = (await ask(prompt, tools=TOOLS)).json()["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in whole] == ["get_weather", "no_arguments"]
    assert len({call["id"] for call in whole}) == 2
    streamed = frames(await ask(prompt, tools=TOOLS, stream=True))[:-1]
    deltas = [delta for event in streamed for delta in event["choices"][0]["delta"].get("tool_calls") or []]
    sums = ["".join(d["function"]["arguments"] for d in deltas if d["index"] == index) for index in range(2)]
    assert sums == [call["function"]["arguments"] for call in whole]


async def test_a_tools_result_is_answered_in_words(ask: Ask) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "STUBTOOL:get_weather [chunks=3]"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    asked = (await ask(messages=messages[:1], tools=TOOLS)).json()["choices"][0]
    assert asked["message"]["tool_calls"][0]["function"]["name"] == "get_weather"
    body = (await ask(messages=messages, tools=TOOLS)).json()
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] == 3


async def test_an_answer_in_json(ask: Ask) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    streamed = await ask("[chunks=5]", stream=True, response_format=wanted)
    assert json.loads(text(streamed)) == {"city": "simulated"}


async def test_images_are_seen(ask: Ask) -> None:
    content = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    body = (await ask(messages=[{"role": "user", "content": content}])).json()
    assert "as gpt4o with 1 image." in body["choices"][0]["message"]["content"]


async def test_tools_without_an_order_are_left_alone(ask: Ask) -> None:
    message = (await ask(tools=TOOLS)).json()["choices"][0]["message"]
    assert message["tool_calls"] is None
    assert message["content"].startswith("This is the Argo simulator")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("bearer", "user", "words"),
    [
        ("nobody", "tester", "'nobody' could not be validated"),
        (None, "nobody", "'nobody' could not be validated"),
        (None, None, "'' could not be validated"),
        ("Jane@anl.gov", "tester", "'Jane@anl.gov' could not be validated"),
        ("stranger", None, "'stranger' is not authorized"),
        ("overdrawn", "tester", "Your Argo usage limit has been exceeded"),
    ],
)
async def test_who_is_turned_away_gets_an_ordinary_answer(
    ask: Ask, stream: bool, bearer: str | None, user: str | None, words: str
) -> None:
    headers = None if bearer is None else {"authorization": f"Bearer {bearer}"}
    # Neither the model's rules nor the prompt's orders are reached.
    response = await ask(
        "[status=500]", headers=headers, user=user, model="gpt5", temperature=0,
        stream=stream, stream_options={"include_usage": True},
    )  # fmt: skip
    assert response.status_code == 200
    if stream:
        events = frames(response)
        body, said = events[-2], text(response)
        assert finish(response) == ["stop"]
        assert events[-1] == "[DONE]"
        assert {event["id"] for event in events[:-1]} == {body["id"]}
    else:
        body = response.json()
        said = body["choices"][0]["message"]["content"]
    assert words in said
    assert re.fullmatch(rf"msg_blocked_{re.escape(bearer or user or '')}_\d{{10}}", body["id"])
    assert body["model"] == "gpt5"
    assert body["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


async def test_a_good_bearer_wins_over_a_bad_user(ask: Ask) -> None:
    response = await ask(user="nobody", headers={"authorization": "Bearer alice"})
    assert response.json()["id"].startswith("chatcmpl-")


@pytest.mark.parametrize("model", ["gpt-4o", "argo:gpt4o", "openai/gpt-4o", "o3\ud800"])
async def test_a_name_that_argo_does_not_know(client: httpx.AsyncClient, model: str) -> None:
    body = {"model": model, "user": "tester", "messages": []}
    response = await client.post("/v1/chat/completions", content=json.dumps(body))
    assert response.status_code == 400
    assert json.loads(response.content)["error"]["message"] == f"Invalid model: {model}"


async def test_what_the_model_refuses_comes_before_orders(ask: Ask) -> None:
    response = await ask("[status=503]", model="gpt5", temperature=0.5)
    assert response.status_code == 400
    assert "Unsupported value: 'temperature'" in response.json()["error"]["message"]


@pytest.mark.parametrize("stream", [True, False])
async def test_an_ordered_error(ask: Ask, stream: bool) -> None:
    response = await ask("[status=503] [retry_after=3]", stream=stream)
    assert (response.status_code, response.headers["retry-after"]) == (503, "3")
    assert response.json()["error"]["type"] == "InternalServerError"
    page = await ask("[status=502]", stream=stream)
    assert (page.status_code, page.headers["content-type"]) == (502, "text/html")


async def test_a_bad_order_is_refused(ask: Ask) -> None:
    response = await ask("[chunks=many]")
    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": "[chunks=many]: chunks takes a whole number, 1 to 100000.",
        "type": "invalid_request_error",
        "code": "simulator_directive",
    }
    assert (await ask("[tool=get_weather]")).json()["error"]["code"] == "simulator_directive"


@pytest.mark.parametrize(
    ("content", "status"), [(b"nonsense", 422), (b"[]", 422), (b"{}", 422), (b"\xff", 400), (b"", 422)]
)
async def test_a_body_of_the_wrong_shape_is_recorded_too(
    client: httpx.AsyncClient, content: bytes, status: int
) -> None:
    response = await client.post("/v1/chat/completions", content=content)
    assert response.status_code == status
    assert "detail" in response.json()
    (row,) = (await client.get("/simulator/exchanges")).json()
    assert (row["state"], row["events"], row["model"]) == ("finished", 1, None)


@pytest.mark.parametrize("stream", [True, False])
async def test_how_long_a_reply_takes(ask: Ask, stream: bool) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    assert (await ask("[first_token=20] [chunks=40] [gap=10]", stream=stream)).status_code == 200
    assert loop.time() - start == pytest.approx(20 + 39 * 10)
    start = loop.time()
    assert (await ask("[first_token=20] [status=429]", stream=stream)).status_code == 429
    assert loop.time() - start == pytest.approx(20)


async def test_what_was_asked_is_told(ask: Ask, client: httpx.AsyncClient) -> None:
    await ask("[chunks=4]", stream=True, headers={"authorization": "Bearer alice", "x-request-id": "r-1"})
    await ask("[chunks=4]", model="gpt5")
    streamed, whole = (await client.get("/simulator/exchanges")).json()
    assert (streamed["id"], streamed["user"], streamed["model"], streamed["stream"]) == (1, "alice", "gpt4o", True)
    assert (streamed["state"], streamed["events"]) == ("finished", 1 + 4 + 1 + 1)
    assert streamed["body"]["messages"] == [{"role": "user", "content": "[chunks=4]"}]
    assert streamed["headers"]["x-request-id"] == "r-1"
    assert set(streamed["headers"]) == {"x-request-id", "user-agent", "accept"}
    assert streamed["started"] <= streamed["ended"]
    assert (whole["id"], whole["user"], whole["stream"], whole["events"]) == (2, "tester", False, 1)


@pytest.mark.parametrize(
    ("model", "limit", "empty"), [("gpto3mini", 64, True), ("gpto3", 16, True), ("gpto3", 17, False)]
)
async def test_thoughts_can_leave_nothing_to_say(ask: Ask, model: str, limit: int, empty: bool) -> None:
    body = (await ask("[chunks=30]", model=model, max_completion_tokens=limit)).json()
    choice, details = body["choices"][0], body["usage"]["completion_tokens_details"]
    assert (choice["finish_reason"], body["usage"]["completion_tokens"]) == ("length", limit)
    assert (choice["message"]["content"] == "", details["reasoning_tokens"]) == (empty, limit if empty else 0)
    assert not empty or choice["content_filter_results"] == {}
    streamed = await ask("[chunks=30]", model=model, max_completion_tokens=limit, stream=True)
    assert (text(streamed) == "", finish(streamed)) == (empty, ["length"])


async def test_claudes_calls_leaked_once(ask: Ask, client: httpx.AsyncClient) -> None:
    await client.put("/simulator/era", json={"as_of": "2026-05"})
    message = (await ask("[tool=no_arguments]", model="claudesonnet46", tools=TOOLS)).json()["choices"][0]["message"]
    assert message["tool_calls"] is None
    assert message["content"].startswith("{'id': 'toolu_vrtx_")
