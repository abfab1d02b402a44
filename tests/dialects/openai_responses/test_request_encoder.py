from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Incoming, Target
from argo_relay.dialects.openai_responses.outline import outline
from argo_relay.dialects.openai_responses.request_decoder import decode_request
from argo_relay.dialects.openai_responses.request_encoder import encode_request
from argo_relay.framing import jsonx
from argo_relay.neutral.content import (
    CacheMark,
    Citation,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from argo_relay.neutral.request import Message, Request, Role
from argo_relay.neutral.tools import CustomTool, HostedTool

OWN_SEAL = Seal(issuer="openai", kind="encrypted", value="gAAA")
FOREIGN = Seal(issuer="anthropic", kind="signature", value="s")
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}


def encoded(*messages: Message, dialect: str = "anthropic", **said: Any) -> tuple[dict[str, Any], list[str]]:
    request = Request(dialect=dialect, model="alias", messages=messages, **said)
    body, losses = encode_request(request, Target(model="gpt", owner="openai"))
    return body, [f"{loss.path} {loss.what}={loss.how}" for loss in losses]


def items(*parts: Part, role: Role = "user", dialect: str = "anthropic") -> tuple[list[Any], list[str]]:
    body, lost = encoded(Message(role=role, parts=parts), dialect=dialect)
    return body["input"], [one.removeprefix("messages[0].parts") for one in lost]


def returned(body: dict[str, Any]) -> dict[str, Any]:
    """Return a client's body, read and written for an upstream of its own dialect."""
    request = decode_request(outline(Incoming(body=jsonx.encode({"model": "gpt", **body}))))
    made, losses = encode_request(request, Target(model=request.model))
    assert not losses
    return {name: value for name, value in jsonx.decode(jsonx.encode(made)).items() if name != "model"}


USER = {"type": "message", "role": "user", "content": "Go."}
CODEX: list[dict[str, Any]] = [
    {
        "type": "additional_tools",
        "role": "developer",
        "tools": [{"type": "custom", "name": "apply_patch", "format": GRAMMAR}, {"type": "web_search"}],
    },
    {"type": "message", "role": "developer", "content": "Be brief."},
    USER,
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "A"}, {"type": "summary_text", "text": "B"}],
        "encrypted_content": "gAAA",
    },
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [
            {"type": "output_text", "text": "I look.", "annotations": [{"type": "file_citation", "file_id": "f"}]},
            {"type": "refusal", "refusal": "But not there."},
        ],
    },
    {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": '{"b":1, "a":2}'},
    {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "*** Begin"},
    {"type": "function_call", "call_id": "c3", "name": "read", "namespace": "files", "arguments": ""},
    {"type": "function_call_output", "call_id": "c1", "output": "seen"},
    {
        "type": "custom_tool_call_output",
        "call_id": "c2",
        "output": [
            {"type": "input_text", "text": "see"},
            {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="},
            {"type": "input_file", "file_id": "file_1"},
        ],
    },
    {"type": "function_call_output", "call_id": "c3", "output": [{"type": "hologram"}]},
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "x": 1}, {"type": "input_text", "text": "?"}],
    },
]


@pytest.mark.parametrize("count", range(1, len(CODEX) + 1))
def test_a_conversation_comes_out_as_it_went_in(count: int) -> None:
    assert returned({"input": CODEX[:count]}) == {"input": CODEX[:count]}


@pytest.mark.parametrize(
    "body",
    [
        {"input": [USER], "instructions": "Be kind."},
        {
            "input": [USER],
            "tools": [
                {"type": "custom", "name": "patch", "format": GRAMMAR},
                {"type": "namespace", "name": "n", "description": "", "tools": [{"type": "function", "name": "f"}]},
            ],
            "tool_choice": {"type": "custom", "name": "patch"},
            "stream": True,
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "high", "summary": "auto"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
            "prompt_cache_key": "k",
            "client_metadata": {"x": "y"},
        },
        {"prompt": {"id": "pmpt_1"}},
        {"previous_response_id": "resp_1", "input": [USER]},
    ],
)
def test_a_request_comes_out_as_it_went_in(body: dict[str, Any]) -> None:
    assert returned(body) == body


def test_system_prompts_of_other_dialects_are_instructions() -> None:
    system = Message(role="system", parts=(Text(text="a", cache=CacheMark(ttl="1h")), Text(text="b")), name="n")
    body, lost = encoded(system, Message(role="user", parts=(Text(text="Hi"),)), system)
    assert body["instructions"] == "a\n\nb"
    assert [item["role"] for item in body["input"]] == ["user", "system"]
    assert lost[-3:] == [
        "messages[0].name name=dropped",
        "messages[0].parts[0].cache cache=dropped",
        "messages[0].parts[0].cache cache_ttl=dropped",
    ]
    assert encoded(Message(role="user", parts=(Text(text="Hi"),)))[0]["model"] == "gpt"


@pytest.mark.parametrize(
    ("part", "content"),
    [
        (Text(text="a"), "a"),
        (
            Media(kind="image", data="aGk=", media_type="image/gif", detail="low"),
            [{"type": "input_image", "image_url": "data:image/gif;base64,aGk=", "detail": "low"}],
        ),
        (Media(kind="image", url="https://a"), [{"type": "input_image", "image_url": "https://a"}]),
        (Media(kind="image", file="f", issuer="openai"), [{"type": "input_image", "file_id": "f"}]),
        (
            Media(kind="document", data="aGk="),
            [{"type": "input_file", "file_data": "data:application/pdf;base64,aGk=", "filename": "document.pdf"}],
        ),
        (
            Media(kind="document", url="https://a", name="a.pdf"),
            [{"type": "input_file", "file_url": "https://a", "filename": "a.pdf"}],
        ),
        (Refusal(text="No."), "No."),
    ],
)
def test_parts_of_a_users_turn(part: Part, content: Any) -> None:
    assert items(part) == ([{"type": "message", "role": "user", "content": content}], [])


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (Media(kind="audio", data="aGk="), "[0] audio=dropped"),
        (Media(kind="video", url="https://a"), "[0] video=dropped"),
        (Media(kind="image", file="f", issuer="anthropic"), "[0] file=dropped"),
        (Opaque(dialect="google", payload={"type": "codeExecution"}), "[0] codeExecution=dropped"),
        (Opaque(dialect="google", payload=None), "[0] part=dropped"),
        (Reasoning(text="Hm."), "[0] reasoning=dropped"),
    ],
)
def test_what_cannot_be_said_is_a_loss(part: Part, lost: str) -> None:
    assert items(part) == ([], [lost])


def test_a_models_turn() -> None:
    site = Citation(url="https://a.test", title="A", dialect="anthropic", payload={})
    made, lost = items(
        Reasoning(text="Hm.", seal=OWN_SEAL, item="rs_1", form="summary"),
        Reasoning(text="Theirs.", seal=FOREIGN),
        Text(text="See.", citations=(site,), seal=FOREIGN),
        Media(kind="image", url="https://a"),
        Refusal(text="No."),
        ToolCall(id="c", name="f", seal=FOREIGN),
        ToolCall(id="d", name="patch", arguments="x", kind="custom", namespace="n"),
        role="assistant",
    )
    address = {"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 0}
    assert made == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "gAAA",
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "See.", "annotations": [address]},
                {"type": "refusal", "refusal": "No."},
            ],
        },
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "d", "name": "patch", "input": "x", "namespace": "n"},
    ]
    assert lost == [
        "[1].seal seal=dropped",
        "[1] reasoning=dropped",
        "[2].seal seal=dropped",
        "[3] image=dropped",
        "[5].seal seal=dropped",
    ]


def test_results_of_tools() -> None:
    call = Message(role="assistant", parts=(ToolCall(id="d", name="patch", arguments="x", kind="custom"),))
    results = Message(
        role="user",
        parts=(
            ToolResult(call="c", parts=(Text(text="no"),), failed=True),
            ToolResult(call="d", parts=(Text(text="a"), Media(kind="image", url="https://a"))),
            ToolResult(call="e", parts=(Media(kind="audio", data="aGk="),)),
            Text(text="And?"),
        ),
    )
    body, lost = encoded(call, results)
    assert body["input"][1:] == [
        {"type": "function_call_output", "call_id": "c", "output": "no"},
        {
            "type": "custom_tool_call_output",
            "call_id": "d",
            "output": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "https://a"}],
        },
        {"type": "function_call_output", "call_id": "e", "output": ""},
        {"type": "message", "role": "user", "content": "And?"},
    ]
    assert lost == ["messages[1].parts[0].failed failed=dropped", "messages[1].parts[2].parts[0] audio=dropped"]


def test_tools_cross() -> None:
    body, lost = encoded(
        Message(role="user", parts=(Text(text="a"),)),
        tools=(CustomTool(name="patch", format=GRAMMAR), HostedTool(dialect="google", payload={"type": "search"})),
        stream=True,
    )
    assert body["tools"] == [{"type": "custom", "name": "patch", "format": GRAMMAR}]
    assert (body["stream"], body["store"], lost) == (True, False, ["tools[1] search=dropped"])


def test_an_empty_conversation_of_another_dialect_has_an_input() -> None:
    assert encoded()[0]["input"] == []


def test_a_system_prompt_alone_is_the_input() -> None:
    one = Message(role="system", parts=(Text(text="a"),))
    sound = Message(role="user", parts=(Media(kind="audio", data="aGk="),))
    item = {"type": "message", "role": "system", "content": "a"}
    assert encoded(one) == ({"model": "gpt", "input": [item], "store": False}, [])
    body, lost = encoded(one, one, sound)
    assert (body["instructions"], body["input"]) == ("a", [item])
    assert lost == ["messages[2].parts[0] audio=dropped"]
