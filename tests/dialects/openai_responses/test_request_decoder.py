from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.base import Incoming, Target
from argo_relay.dialects.openai_responses.outline import outline
from argo_relay.dialects.openai_responses.request_decoder import decode_request
from argo_relay.dialects.openai_responses.request_encoder import encode_request
from argo_relay.errors import Refused
from argo_relay.framing import jsonx
from argo_relay.neutral import seals
from argo_relay.neutral.content import Media, Opaque, Part, Reasoning, Seal, Text, ToolCall, ToolResult
from argo_relay.neutral.request import Message, OutputFormat, ReasoningWish, Request, Sampling
from argo_relay.neutral.tools import CustomTool, FunctionTool, HostedTool
from support.replies import JSON

FOREIGN = Seal(issuer="google", kind="thought", value="g")


def decoded(items: Any = "Hello.", **said: Any) -> Request:
    return decode_request(outline(Incoming(body=jsonx.encode({"model": "m", "input": items, **said}))))


def messages(*items: Any) -> tuple[Message, ...]:
    return decoded(list(items)).messages


def own(**members: Any) -> dict[str, Any]:
    return {"openai_responses": members}


def test_a_small_request() -> None:
    assert decoded() == Request(
        dialect="openai_responses", model="m", messages=(Message(role="user", parts=(Text(text="Hello."),)),)
    )


def test_every_field() -> None:
    request = decoded(
        instructions="Be kind.",
        stream=True,
        temperature=0.5,
        top_p=0.9,
        top_logprobs=2,
        max_output_tokens=99,
        include=["message.output_text.logprobs"],
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}, "verbosity": "low"},
        parallel_tool_calls=False,
        prompt_cache_key="k",
        metadata={"a": "b"},
        previous_response_id="resp_0",
        service_tier="flex",
        store=False,
        user="u",
        truncation="auto",
        timeout=9,
    )
    assert request.messages[0] == Message(role="system", parts=(Text(text="Be kind."),), extras=own(instructions=True))
    assert request.sampling == Sampling(temperature=0.5, top_p=0.9, logprobs=True, top_logprobs=2)
    assert request.reasoning == ReasoningWish(effort="low", summary="auto")
    assert request.output == OutputFormat(kind="schema", name="n", schema={"type": "object"})
    assert (request.stream, request.max_output, request.parallel_tools, request.verbosity) == (True, 99, False, "low")
    assert (request.cache_key, request.metadata, request.continues) == ("k", {"a": "b"}, "resp_0")
    assert (request.service_tier, request.store, request.end_user) == ("flex", False, "u")
    assert request.extras == own(include=["message.output_text.logprobs"], truncation="auto")


def test_roles_may_stand_anywhere() -> None:
    said = messages(
        {"role": "developer", "content": "d"},
        {"role": "user", "content": [{"type": "input_text", "text": "u"}], "id": "msg_1"},
        {"role": "system", "content": "s"},
        {"role": "assistant", "content": "a"},
        {"role": "critic", "content": "c"},
    )
    assert [message.role for message in said] == ["developer", "user", "system", "assistant", "user"]
    assert said[1].extras == own(id="msg_1")
    assert said[4].parts == (Opaque(dialect="openai_responses", payload={"role": "critic", "content": "c"}),)


def test_what_the_model_said_in_one_turn_is_one_message() -> None:
    said = messages(
        {"role": "user", "content": "Go."},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "x"},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "two"},
        {"role": "user", "content": "And?"},
    )
    assert [message.role for message in said] == ["user", "assistant", "user", "user"]
    assert [type(part) for part in said[1].parts] == [Reasoning, Text, ToolCall, ToolCall, Opaque]
    assert said[2].parts == (
        ToolResult(call="c1", parts=(Text(text="one"),)),
        ToolResult(call="c2", parts=(Text(text="two"),), kind="custom"),
    )


def test_seals_are_unpacked() -> None:
    said = messages(
        {"type": "reasoning", "summary": [], "encrypted_content": seals.pack(FOREIGN)},
        {"type": "function_call", "call_id": seals.with_seal("c", FOREIGN), "name": "f"},
        {"type": "function_call_output", "call_id": seals.with_seal("c", FOREIGN), "output": "x"},
    )
    thought, call = said[0].parts
    assert isinstance(thought, Reasoning)
    assert isinstance(call, ToolCall)
    assert (thought.seal, call.id, call.seal) == (FOREIGN, "c", FOREIGN)
    assert said[1].parts == (ToolResult(call="c", parts=(Text(text="x"),)),)


ODD = [{"type": "input_text", "text": "a"}, {"type": "hologram"}]
PNG = Media(kind="image", media_type="image/png", data="aGk=", detail="low")


@pytest.mark.parametrize(
    ("output", "result"),
    [
        ("", ToolResult(call="c")),
        (None, ToolResult(call="c")),
        ("done", ToolResult(call="c", parts=(Text(text="done"),))),
        (
            [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
                {"type": "input_file", "file_id": "file_1"},
            ],
            ToolResult(
                call="c",
                parts=(Text(text="see"), PNG, Media(kind="document", file="file_1", issuer="openai")),
            ),
        ),
        (ODD, ToolResult(call="c", parts=(Text(text="a"),), extras=own(output=ODD))),
        ({"a": 1}, ToolResult(call="c", parts=(Text(text='{"a":1}'),), extras=own(output={"a": 1}))),
    ],
)
def test_results_of_tools(output: Any, result: ToolResult) -> None:
    item = {"type": "function_call_output", "call_id": "c", "output": output}
    assert messages(item)[0].parts == (result,)


@pytest.mark.parametrize(
    ("part", "made"),
    [
        ({"type": "input_text", "text": "a", "new": 1}, Text(text="a", extras=own(new=1))),
        ({"type": "output_text", "text": "a"}, Text(text="a", extras=own(type="output_text"))),
        ({"type": "input_image", "image_url": "https://a.test/b.png"}, Media(kind="image", url="https://a.test/b.png")),
        ({"type": "input_image", "image_url": "data:image/png,raw"}, Media(kind="image", url="data:image/png,raw")),
        ({"type": "input_image", "file_id": "f"}, Media(kind="image", file="f", issuer="openai")),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="},
            Media(kind="document", media_type="application/pdf", data="aGk=", name="a.pdf"),
        ),
        ({"type": "input_file", "file_data": "aGk="}, Media(kind="document", data="aGk=")),
        (
            {"type": "input_file", "file_url": "https://a.test/b", "detail": "high"},
            Media(kind="document", url="https://a.test/b", detail="high"),
        ),
    ],
)
def test_parts_of_messages(part: dict[str, Any], made: Part) -> None:
    assert messages({"role": "user", "content": [part]})[0].parts == (made,)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {}},
        {"type": ["input_text"]},
        {"type": "input_image"},
        {"type": "input_image", "image_url": "https://a", "file_id": "f"},
        {"type": "input_file", "file_url": "https://a", "file_id": "f"},
        {"type": "input_file", "file_id": 5},
    ],
)
def test_what_no_part_holds_comes_whole(part: dict[str, Any]) -> None:
    opaque = Opaque(dialect="openai_responses", payload={"type": "message.content", "part": part})
    assert messages({"role": "user", "content": [part]})[0].parts == (opaque,)


def test_additional_tools_may_be_called() -> None:
    patch = {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}}
    group = {"type": "namespace", "name": "web", "tools": [{"type": "function", "name": "find"}]}
    item = {"type": "additional_tools", "role": "developer", "tools": [patch, group]}
    request = decoded([item, {"role": "user", "content": "a"}], tools=[{"type": "web_search"}])
    hosted, first, second = request.tools
    assert isinstance(hosted, HostedTool)
    assert isinstance(first, CustomTool)
    assert isinstance(second, FunctionTool)
    assert (first.format, second.namespace) == (patch["format"], "web")
    assert request.messages[0] == Message(role="developer", parts=(Opaque(dialect="openai_responses", payload=item),))


def test_a_tool_that_cannot_be_read_is_refused_by_name() -> None:
    with pytest.raises(Refused) as caught:
        decoded([{"type": "additional_tools", "tools": [{"type": "custom"}]}])
    assert caught.value.failure.param == "input[0].tools[0].name"


ITEMS = st.dictionaries(
    st.sampled_from(["role", "content", "id", "call_id", "output", "name", "arguments", "summary", "tools"]), JSON
)
KINDS = st.sampled_from(
    ["message", "reasoning", "function_call", "function_call_output", "custom_tool_call_output", "additional_tools"]
)


@given(st.lists(st.tuples(KINDS, ITEMS), min_size=1, max_size=3))
def test_items_are_read_or_refused(items: list[tuple[str, dict[str, Any]]]) -> None:
    try:
        request = decoded([{**item, "type": kind} for kind, item in items])
    except Refused:
        return
    assert encode_request(request, Target(model="m"))[0]["model"] == "m"
