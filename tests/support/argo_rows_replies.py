"""What Argo's replies and errors look like: 1.6 and 1.7 of the facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from anthropic import omit

from support.argo_row import (
    ANTHROPIC,
    CHAT,
    CLAUDE,
    GEMINI,
    GOOGLE,
    GPT,
    RESPONSES,
    STREAM,
    Answer,
    Aside,
    Error,
    Row,
    everywhere,
)


def _replies() -> Iterator[Row]:
    yield Row(
        section="1.6",
        name="plain reply",
        does="has forms of its own: Azure's filters (GPT), bare ids (Gemini), no `stop_sequence` (Claude)",
    )
    yield Row(
        section="1.6",
        name="cut reply",
        does="stops at the limit",
        asks="for 20 tokens at most, of a reply that has 50",
        prompt="[chunks=50]",
        wishes={"limit": 20},
        gets=Answer(stop="cut"),
    )
    yield Row(
        section="1.6",
        name="limit spent on thought",
        does="lets reasoning models spend the whole limit on thought: 200 with an empty text",
        asks="for 64 tokens at most",
        models=("argo:gpt-5", "argo:o3-mini"),
        wishes={"limit": 64},
        gets=Answer(stop="cut", words=""),
    )
    yield Row(
        section="1.6",
        name="tool call",
        does="calls tools with ids of Vertex' or OpenAI's, Gemini with none of Google's",
        asks="with two tools, which the model calls at once",
        prompt="[tool=get_weather,get_time]",
        wishes={"tools": True},
        gets=Answer(stop="called", words="", calls=2),
        unlike={f"{RESPONSES} {CLAUDE}": Answer(stop="called", words="", calls=2, losses="strict=dropped")},
    )
    yield Row(
        section="1.6",
        name="thought of Claude",
        does="sends Claude's thoughts with Vertex' signatures",
        asks="to see the thoughts",
        models=(CLAUDE,),
        prompt="[think=3]",
        wishes={"think": True, "limit": 4096},
        gets=Answer(thought=True),
    )
    yield Row(
        section="1.6",
        name="no thought of Claude Opus 4.7",
        does="thinks, and shows nothing of it",
        asks="to see the thoughts",
        models=("argo:claude-opus-4.7",),
        wishes={"think": True, "limit": 4096},
        gets=Answer(losses={ANTHROPIC: "thinking=approximated"}),
    )
    yield Row(
        section="1.6",
        name="thought of GPT",
        does="sends OpenAI's thoughts on Responses, with a seal for the next turn",
        asks="to see the thoughts",
        models=("argo:o3", "argo:gpt-5"),
        prompt="[think=3]",
        wishes={"think": True, "limit": 4096},
        sent={"include.0": "reasoning.encrypted_content", "reasoning.summary": "auto"},
        without=dict.fromkeys((CHAT, ANTHROPIC, GOOGLE), "they are asked on chat, where OpenAI shows no thoughts"),
        gets=Answer(thought=True),
    )
    yield Row(
        section="1.6",
        name="null usage",
        does="leaves null where tokens are counted",
        prompt="[usage=null]",
        gets=Answer(counted=False),
    )
    yield Row(
        section="1.6",
        name="chat's form on Messages",
        does="answers on the Messages route in chat's form, at times",
        models=(CLAUDE,),
        prompt="[openai_shape]",
        without={STREAM: "whole replies only were seen so"},
    )
    yield Row(
        section="1.6",
        name="forced tool",
        does="takes a tool choice on the Messages route",
        asks="to have a tool called, whatever the question",
        models=(CLAUDE,),
        wishes={"tools": True},
        more={
            CHAT: {"tool_choice": {"type": "function", "function": {"name": "get_time"}}},
            RESPONSES: {"tool_choice": {"type": "function", "name": "get_time"}},
            ANTHROPIC: {"tool_choice": {"type": "tool", "name": "get_time"}},
            GOOGLE: {
                "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["get_time"]}}
            },
        },
        sent={"tool_choice.name": "get_time"},
        gets=Answer(stop="called", words="", calls=1, losses={RESPONSES: "strict=dropped"}),
    )
    yield Row(
        section="1.6",
        name="prompt caching",
        does="caches prompts on the Messages route, for an hour with a beta header",
        asks="with `cache_control`",
        models=(CLAUDE,),
        more={
            ANTHROPIC: {
                "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
                "extra_headers": {"anthropic-beta": "extended-cache-ttl-2025-04-11"},
            }
        },
        sent={"system.0.cache_control.ttl": "1h"},
        without=dict.fromkeys((CHAT, RESPONSES, GOOGLE), "its API caches by itself, or by stored names"),
    )


def _untouched() -> Iterator[Row]:
    """Yield the refusals that clients do not meet, as the relay mends what causes them: here it may not."""
    refused: dict[str, Any] = {"relay": "untouched"}
    unsupported: dict[str, Any] = {"status": 400, "code": "unsupported_value", "param": "temperature"}
    yield Row(
        section="1.7",
        name="temperature of GPT-5",
        does="wraps OpenAI's error: `Error code: 400 - {'error': {'message': ..., 'param': 'temperature', ...}}`",
        asks="for temperature 0.5, of a relay that may not touch it",
        models=("argo:gpt-5",),
        more=everywhere(temperature=0.5),
        gets=Error(says=("Unsupported value: 'temperature' does not support 0.5 with this model.",), **unsupported),
        **refused,
    )
    yield Row(
        section="1.7",
        name="top_p of GPT-5",
        does="wraps it in the same way",
        asks="for top_p 0.5, of a relay that may not touch it",
        models=("argo:gpt-5",),
        more=everywhere(top_p=0.5),
        gets=Error(
            status=400,
            code="unsupported_parameter",
            param="top_p",
            says=("Unsupported parameter: 'top_p' is not supported with this model.",),
        ),
        **refused,
    )
    yield Row(
        section="1.7",
        name="max_tokens missing",
        does="answers `max_tokens is required` by itself",
        asks="without a limit, of a relay that may not set one",
        models=("argo:claude-opus-4.7",),
        more={ANTHROPIC: {"max_tokens": omit}},
        without=dict.fromkeys((CHAT, RESPONSES, GOOGLE), "the translation sets one"),
        gets=Error(status=400, code="invalid_request_error", param="max_tokens", says=("max_tokens is required",)),
        **refused,
    )
    inner: tuple[tuple[str, str, dict[str, Any], str, str | None], ...] = (
        (
            "enabled thinking",
            "argo:claude-opus-4.7",
            {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            '"thinking.type.enabled" is not supported for this model.',
            None,
        ),
        (
            "adaptive thinking with a budget",
            "argo:claude-opus-4.6",
            {"thinking": {"type": "adaptive", "budget_tokens": 1024}},
            "thinking.adaptive.budget_tokens: Extra inputs are not permitted",
            "thinking.adaptive.budget_tokens",
        ),
        (
            "adaptive thinking",
            "argo:claude-opus-4.5",
            {"thinking": {"type": "adaptive"}},
            "Input tag 'adaptive' found using 'type' does not match any of the expected tags",
            "thinking",
        ),
        (
            "a budget beyond the limit",
            "argo:claude-opus-4.6",
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 64},
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
            "max_tokens",
        ),
        (
            "effort `none`",
            "argo:claude-opus-4.7",
            {"output_config": {"effort": "none"}},
            "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
            "output_config.effort",
        ),
    )
    for name, model, members, says, param in inner:
        yield Row(
            section="1.7",
            name=f"{name} of Claude",
            does=f"wraps Anthropic's error: “{says}”",
            asks=f"for {name}, of a relay that may not touch it",
            models=(model,),
            more={ANTHROPIC: members},
            era="2026-05",
            gets=Error(status=400, code="invalid_request_error", param=param, says=(says,)),
            without=dict.fromkeys((CHAT, RESPONSES, GOOGLE), "the words are Anthropic's own"),
            **refused,
        )
    sampling: tuple[tuple[str, str, dict[str, Any], str], ...] = (
        ("temperature", "argo:claude-opus-4.7", {"temperature": 0.5}, "`temperature` is deprecated for this model."),
        ("top_p", "argo:claude-opus-4.7", {"top_p": 0.5}, "`top_p` is deprecated for this model."),
        (
            "both",
            "argo:claude-opus-4.5",
            {"temperature": 0.5, "top_p": 0.5},
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ),
    )
    for name, model, members, says in sampling:
        yield Row(
            section="1.7",
            name=f"{name} of Claude",
            does=f"wraps Anthropic's error: “{says}”",
            asks=f"for {' and '.join(members)}, of a relay that may not touch it",
            models=(model,),
            more=everywhere(**members),
            era="2026-05",
            gets=Error(
                status=400,
                code="invalid_request_error",
                param="temperature" if name == "both" else name,
                says=(says,),
            ),
            without=dict.fromkeys((CHAT, RESPONSES, GOOGLE), "the row below"),
            **refused,
        )
        yield Row(
            section="1.7",
            name=f"{name} of Claude in other dialects",
            does="the same",
            asks=f"for {' and '.join(members)} in another dialect, of a relay that may not touch it",
            models=(model,),
            more=everywhere(**members),
            era="2026-05",
            gets=Error(status=400, says=(says,), param="temperature" if name == "both" else name),
            without={ANTHROPIC: "the row above"},
            **refused,
        )


def _failures() -> Iterator[Row]:
    yield Row(
        section="1.7",
        name="Gemini without parts",
        does="fails inside on some replies of Gemini's: 500 `'NoneType' object is not iterable`",
        models=(GEMINI,),
        prompt="[crash]",
        gets=Error(status=500, says=("Argo failed inside", "Try again, or raise the limit.")),
    )
    yield Row(
        section="1.7",
        name="GPT and Gemini on Messages",
        does="refuses them on the Messages route",
        asks="for them with Anthropic's SDK: the relay asks on another route",
        models=(GPT, GEMINI),
        without=dict.fromkeys((CHAT, RESPONSES, GOOGLE), "it does not ask on the Messages route"),
    )
    yield Row(
        section="1.7",
        name="error under status 200",
        does="answers 200 with an error in the body",
        prompt="[hidden_error] [error_kind=internal]",
        models=(CLAUDE,),
        gets=Error(status=500, code="api_error", says=("Internal server error",)),
    )
    kinds = (
        ("quota", 429, "Quota exceeded"),
        ("overloaded", 529, "Overloaded"),
        ("too_long", 400, "prompt is too long: 1000000 tokens > 922000 maximum"),
        ("unauthorized", 401, "invalid authentication credentials"),
        ("unavailable", 503, "currently unavailable"),
        ("internal", 500, "Internal server error"),
    )
    for kind, status, says in kinds:
        for after in (0, 2):
            yield Row(
                section="1.7",
                name=f"{kind} after {after}",
                does=f"answers 200 and fails in the stream {'at once' if not after else 'after some words'}: {says}",
                prompt=f"[error_after={after}] [error_kind={kind}]",
                gets=Error(status=status, says=(says,), after=bool(after)),
            )
    yield Row(
        section="1.7",
        name="web server's page",
        does="has nginx answer with a page: 502",
        prompt="[status=502]",
        gets=Error(status=502, code="upstream_502", says=("The upstream",)),
    )
    yield Row(
        section="1.7",
        name="rate limit",
        does="answers 429 with `Retry-After`",
        prompt="[status=429] [retry_after=7]",
        gets=Error(status=429, says=("Quota exceeded",), retry_after="7"),
    )
    for status in (401, 403, 404, 413, 500, 503):
        yield Row(
            section="1.7",
            name=f"vendor's {status}",
            does=f"wraps a vendor's {status}",
            prompt=f"[status={status}]",
            gets=Error(status=status, says=(f"The simulator was told to answer {status}.",)),
        )
    yield Row(
        section="1.7",
        name="cut connection",
        does="breaks off in the middle",
        prompt="[drop_after=3]",
        gets=Error(status=502, code="upstream_disconnected", says=("The upstream failed",), after=True),
    )
    yield Row(
        section="1.7",
        name="stream without its end",
        does="ends a stream without saying that it has ended",
        prompt="[no_finish] [no_done]",
        gets=Error(status=502, says=("The upstream", "Try again"), after=True),
        without={"whole": "a whole reply ends where its bytes end"},
    )


ROWS: Final = (*_replies(), *_untouched(), *_failures())
ASIDES: Final = (
    Aside(
        "1.6",
        "fills `content_filter_results`, `system_fingerprint` and the like",
        "where client and upstream speak one dialect the very bytes go through; elsewhere nobody has a place for them",
    ),
    Aside(
        "1.7",
        "answered every request to Claude Opus 4.1 so in May 2026, after some eight seconds",
        "it is the same answer as above, and a test that waits shows no more",
    ),
    Aside(
        "1.7",
        "answers 500 `Streaming is required` to whole requests of Claude's",
        "no client gets that: the relay asks for a stream then (1.9)",
    ),
    Aside(
        "1.7", "answers wrong requests to its older API with 200 and a text", "the relay does not use that API (1.10)"
    ),
    Aside(
        "1.7",
        "sent `Cannot read properties of undefined (reading 'input_tokens')` as an answer, once",
        "nothing tells such an answer from another",
    ),
)
