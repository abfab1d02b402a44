from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator.gemini_refusals import gemini
from argo_relay.simulator.models import find
from argo_relay.simulator.request import Refusal, Request, Turn
from argo_relay.simulator.seals import sealed
from argo_relay.simulator.ways import TODAY, Ways

USER = {"role": "user", "content": "ping"}
CALLS = [{"id": "call_1", "type": "function"}, {"id": "call_2", "type": "function"}]
RESULTS = [{"role": "tool", "tool_call_id": call["id"], "content": "ok"} for call in CALLS]
CRASHED = b'{"error":{"message":"\'NoneType\' object is not iterable","type":"TypeError","code":"internal_error"}}'


def judged(
    *messages: dict[str, Any], model: str = "gemini25pro", limit: int | None = None, ways: Ways = TODAY, **fields: Any
) -> Refusal | None:
    known = find(model)
    assert known is not None
    asked = messages or (USER,)
    return gemini(Request(body=fields, model=model, messages=[*asked], turn=Turn(limit=limit), ways=ways), known)


def inner(refusal: Refusal | None) -> str:
    assert refusal is not None
    assert refusal.status == 400
    error = json.loads(refusal.body)["error"]
    assert (error["type"], error["code"]) == ("BadRequestError", "internal_error")
    assert "'status': 'INVALID_ARGUMENT'" in error["message"]
    return str(error["message"])


@pytest.mark.parametrize("model", ["gemini25pro", "gemini25flash"])
def test_null_content_crashes_argo(model: str) -> None:
    refusal = judged(USER, {"role": "assistant", "content": None}, model=model)
    assert refusal is not None
    assert (refusal.status, refusal.body) == (500, CRASHED)
    assert judged(USER, {"role": "assistant"}, model=model) is None
    assert judged(USER, {"role": "assistant", "content": None}, model="gpt4o") is None


@pytest.mark.parametrize(
    ("turns", "taken"),
    [
        ([CALLS[:1], RESULTS[0]], True),
        ([CALLS[:1], RESULTS[0], CALLS[1:], RESULTS[1]], True),
        ([CALLS, *RESULTS], False),
        ([CALLS[:1]], False),
        ([CALLS[:1], RESULTS[1]], False),
        ([RESULTS[0]], False),
        ([CALLS[:1], RESULTS[0], RESULTS[0]], False),
    ],
)
def test_each_call_has_its_result_and_a_turn_of_its_own(turns: list[Any], taken: bool) -> None:
    made = [{"role": "assistant", "content": "", "tool_calls": t} if isinstance(t, list) else t for t in turns]
    refusal = judged(USER, *made)
    assert (refusal is None) == taken
    assert taken or "number of function response parts is equal to the number of function call parts" in inner(refusal)


@pytest.mark.parametrize(
    ("signature", "taken"),
    [
        (sealed("call", "get_weather"), True),
        ("skip_thought_signature_validator", True),
        (sealed("reasoning", "get_weather"), False),
        ("made up", False),
        (None, False),
    ],
)
def test_it_knows_the_signatures_of_its_calls(signature: str | None, taken: bool) -> None:
    call = {"id": "call_1", "extra_content": {"google": {"thought_signature": signature}}}
    refusal = judged(USER, {"role": "assistant", "content": "", "tool_calls": [call]}, RESULTS[0])
    assert (refusal is None) == taken
    assert refusal is None or "Corrupted thought signature." in inner(refusal)


def test_it_takes_calls_without_a_signature() -> None:
    call = {"id": "call_1", "extra_content": {"google": {}}}
    assert judged(USER, {"role": "assistant", "content": "", "tool_calls": [call]}, RESULTS[0]) is None


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_system_message_is_one_text(role: str) -> None:
    assert "system_instruction" in inner(judged({"role": role, "content": [{"type": "text", "text": "x"}]}, USER))
    assert judged({"role": role, "content": "x"}, USER) is None


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "object", "properties": {}}, None),
        (None, None),
        ({"properties": {}}, "`f` functionDeclaration `parameters` schema should be of type OBJECT."),
        (
            {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}},
            """Unknown name "$ref" at 'tools[0].function_declarations[1].parameters.properties[0].value': """,
        ),
    ],
)
def test_tools_are_read_as_vertex_reads_them(schema: object, problem: str | None) -> None:
    tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in "gf"]
    tools[0]["function"] = {"name": "g"}
    refusal = judged(tools=tools)
    assert problem is None if refusal is None else (problem or "?") in inner(refusal).replace("\\'", "'")


def test_images_are_not_fetched_unless_it_is_said_that_they_are() -> None:
    shown = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}
    assert "Cannot fetch content from the provided URL." in inner(judged(shown))
    assert judged(shown, ways=Ways(fetch_images=True)) is None
    inline = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}
    assert judged(inline) is None


@pytest.mark.parametrize(("limit", "fails"), [(None, False), (17, False), (16, True), (1, True)])
def test_thoughts_eat_a_tiny_limit(limit: int | None, fails: bool) -> None:
    refusal = judged(limit=limit)
    assert (refusal is not None) == fails
    assert refusal is None or (refusal.status, refusal.body) == (500, CRASHED)


def test_it_fails_as_often_as_is_said() -> None:
    def failures(share: float) -> int:
        return sum(judged(ways=Ways(gemini_500=share)) is not None for _ in range(400))

    assert (failures(0), failures(1)) == (0, 400)
    assert 0 < failures(0.5) < 400
