"""Legacy completions: asked as a chat, told as a completion; and relayed where an upstream has them itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types import Completion

from argo_relay.dialects.base import Incoming
from argo_relay.errors import Refused
from argo_relay.framing.sse import Splitter
from argo_relay.neutral.content import Reasoning, Refusal, Text, ToolCall
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Ended,
    Event,
    Failed,
    Heartbeat,
    PartEnded,
    PartStarted,
    Started,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.fold import unfold
from argo_relay.neutral.reply import Reply, Stop, StopReason, Usage
from argo_relay.neutral.request import Request
from argo_relay.operations.completions import (
    COMPLETIONS,
    CompletionStreamEncoder,
    CompletionStreamWatch,
    decode_request,
    encode_reply,
    outline,
)

DONE = b"data: [DONE]\n\n"


def read(**fields: Any) -> Request:
    return decode_request(outline(Incoming(body=json.dumps({"model": "m", "prompt": "Once", **fields}).encode())))


def reply(*parts: Any, reason: StopReason = "end", usage: Usage | None = None) -> Reply:
    return Reply(id="chatcmpl-1", model="m", parts=parts, stop=Stop(reason=reason), usage=usage, created=5)


def told(answer: Reply, **fields: Any) -> Completion:
    return Completion.model_validate_json(encode_reply(answer, read(**fields))[0])


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_the_prompt_is_what_the_user_says(prompt: Any) -> None:
    request = read(prompt=prompt, max_tokens=9, temperature=0.5, stop=["."], user="u", stream=True)
    (message,) = request.messages
    assert message.role == "user"
    assert [part.text for part in message.parts if isinstance(part, Text)] == ["Once"]
    assert (request.model, request.max_output, request.stream, request.end_user) == ("m", 9, True, "u")
    assert (request.sampling.temperature, request.sampling.stop) == (0.5, (".",))


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_relay_must_know_of_it(stream: bool) -> None:
    known = outline(Incoming(body=json.dumps({"model": "m", "timeout": 5, "stream": stream}).encode()))
    assert (known.model, known.stream, known.timeout) == ("m", stream, 5)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [[1, 2]]}, "prompt"),
        ({"prompt": [1]}, "prompt"),
        ({"echo": True}, "echo"),
        ({"suffix": "end"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"logprobs": 2}, "logprobs"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_what_a_chat_cannot_say_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        read(**fields)
    assert (caught.value.failure.status, caught.value.failure.param) == (400, param)


def test_what_asks_for_nothing_is_no_reason_to_refuse() -> None:
    assert read(echo=False, suffix="", best_of=1, logprobs=None) == read(logprobs=0) == read()


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        outline(Incoming(body=b"{"))
    assert caught.value.failure.code == "invalid_json"


def test_a_reply_is_told_as_a_completion() -> None:
    usage = Usage(input=3, output=2)
    completion = told(reply(Text(text="upon "), Text(text="a time"), usage=usage))
    assert (completion.object, completion.id, completion.created) == ("text_completion", "cmpl-1", 5)
    (choice,) = completion.choices
    assert (choice.text, choice.finish_reason, choice.logprobs) == ("upon a time", "stop", None)
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.total_tokens) == (3, 5)
    assert told(reply()).usage is None


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end", "stop"),
        ("stop_sequence", "stop"),
        ("length", "length"),
        ("context_full", "length"),
        ("content_filter", "content_filter"),
        ("refusal", "stop"),
        ("other", "stop"),
    ],
)
def test_why_it_ended(reason: StopReason, finish: str) -> None:
    answer = reply(Text(text="x"), reason=reason)
    assert told(answer).choices[0].finish_reason == finish
    assert streamed(answer)[0][-1]["choices"][0]["finish_reason"] == finish


CALL = ToolCall(id="c", name="f", arguments="{}")


def test_what_is_no_text_is_a_loss() -> None:
    answer = reply(Reasoning(text="hm"), Text(text="a"), CALL, Refusal(text="b"))
    body, losses = encode_reply(answer, read())
    assert json.loads(body)["choices"][0]["text"] == "ab"
    assert [(loss.path, loss.what) for loss in losses] == [("parts[0]", "reasoning"), ("parts[2]", "toolcall")]
    chunks, encoder = streamed(answer)
    assert "".join(one["choices"][0]["text"] for one in chunks) == "ab"
    assert [(loss.path, loss.what) for loss in encoder.losses] == [(loss.path, loss.what) for loss in losses]


def streamed(answer: Reply, **fields: Any) -> tuple[list[dict[str, Any]], CompletionStreamEncoder]:
    encoder = CompletionStreamEncoder(read(stream=True, **fields))
    out = b"".join([encoder.feed(event) for event in unfold(answer)])
    assert out.endswith(DONE)
    frames = Splitter().feed(out.removesuffix(DONE))
    return [json.loads(frame.data or b"") for frame in frames], encoder


def test_a_stream_says_the_same() -> None:
    answer = reply(Text(text="upon"), Text(text=" a time"), usage=Usage(input=3, output=2))
    chunks, encoder = streamed(answer)
    assert [one["choices"][0]["text"] for one in chunks] == ["upon", " a time", ""]
    heads = {(one["id"], one["model"], one["created"], one["object"]) for one in chunks}
    assert heads == {("cmpl-1", "m", 5, "text_completion")}
    assert [one["choices"][0]["finish_reason"] for one in chunks] == [None, None, "stop"]
    assert not encoder.losses
    *_, last = streamed(answer, stream_options={"include_usage": True})[0]
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 5)


def test_parts_that_are_open_at_once() -> None:
    events: list[Event] = [
        Started(id="1", model="m"),
        PartStarted(index=0, part=Reasoning()),
        PartStarted(index=1, part=Text(text="")),
        TextDelta(index=0, text="hm"),
        TextDelta(index=1, text="a"),
        PartStarted(index=2, part=ToolCall(id="c", name="f")),
        ArgumentsDelta(index=2, text="{}"),
        UsageSeen(usage=Usage(input=1)),
        *(PartEnded(index=index) for index in range(3)),
        Ended(stop=Stop(reason="end")),
    ]
    encoder = CompletionStreamEncoder(read(stream=True))
    out = b"".join([encoder.feed(event) for event in events])
    assert b"hm" not in out
    assert out.count(b'"text":"a"') == 1
    assert [loss.what for loss in encoder.losses] == ["reasoning", "toolcall"]


def test_text_that_comes_with_its_part_is_not_forgotten() -> None:
    encoder = CompletionStreamEncoder(read(stream=True))
    encoder.feed(Started(id="1", model="m"))
    assert b'"text":"at once"' in encoder.feed(PartStarted(index=0, part=Text(text="at once")))


def test_signs_of_life_and_errors_are_those_of_chats() -> None:
    encoder = CompletionStreamEncoder(read(stream=True))
    assert encoder.feed(Heartbeat()) == COMPLETIONS.heartbeat
    failure = Failure(kind=FailureKind.TIMEOUT, status=504, message="Too late.")
    assert encoder.feed(Failed(failure=failure)) == COMPLETIONS.watch_stream().fail(failure)


def chunk(text: str = "", finish: str | None = None, **more: Any) -> bytes:
    choice = {"text": text, "index": 0, "finish_reason": finish, "logprobs": None}
    return b"data: " + json.dumps({"object": "text_completion", "choices": [choice]} | more).encode() + b"\n\n"


def watched(stream: bytes) -> tuple[CompletionStreamWatch, list[bool]]:
    watch, splitter = CompletionStreamWatch(), Splitter()
    seen = [watch.feed(frame) for frame in [*splitter.feed(stream), *splitter.finish()]]
    assert all(before == b"" for _, before in seen)
    return watch, [carries for carries, _ in seen]


def test_a_stream_that_is_relayed_is_watched() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    watch, carries = watched(
        b": hi\n\n" + chunk() + chunk("a") + chunk(finish="stop") + chunk(choices=[], usage=usage) + DONE
    )
    assert carries == [False, False, True, True, True, False]
    assert (watch.ended, watch.failure is not None, watch.finish()) == (True, False, b"")
    assert watch.usage is not None
    assert (watch.usage.input, watch.usage.output) == (3, 2)


@pytest.mark.parametrize(
    ("stream", "closing"),
    [
        (b"", None),
        (chunk("a"), None),
        (chunk("a") + chunk(finish="stop"), DONE),
        ((chunk("a") + chunk(finish="stop"))[:-1], b"\n\n" + DONE),
        (chunk(finish="stop") + b'data: {"usage', None),
        (chunk(finish="stop") + DONE[:-1], b"\n\n"),
        (b"data: []\n\ndata: {\n\n" + chunk(choices=[5, None]) + chunk(choices=7), None),
    ],
)
def test_what_completes_a_stream_that_stopped(stream: bytes, closing: bytes | None) -> None:
    assert watched(stream)[0].finish() == closing


def test_an_error_in_the_stream_is_its_end() -> None:
    watch, carries = watched(chunk("a") + b'data: {"error":{"message":"busy"}}\n\n')
    assert (watch.failure is not None, watch.ended, carries, watch.finish()) == (True, False, [True, True], b"")
