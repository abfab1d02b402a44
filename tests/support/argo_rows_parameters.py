"""Which models take which parameters, and when that was otherwise: 1.8 and 1.11 of the facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from support.argo_row import (
    ABSENT,
    ANTHROPIC,
    CHAT,
    CLAUDE,
    GEMINI,
    GOOGLE,
    GPT,
    RESPONSES,
    Answer,
    Aside,
    Row,
    everywhere,
)

_MAY: Final = "2026-05"
"""The month of the probe: later Argo is said to take out what a Claude does not take, where it then refused it."""
_NEWEST_CLAUDE: Final = ("argo:claude-opus-4.7", "argo:claude-opus-4.8", "argo:claude-opus-5", "argo:claude-sonnet-5")
_BOTH_WAYS: Final = ("argo:claude-opus-4.6", "argo:claude-sonnet-4.6")
_BUDGETS: Final = ("argo:claude-opus-4.5", "argo:claude-sonnet-4.5", "argo:claude-haiku-4.5")
_OLD: Final = ("argo:claude-opus-4.1",)
_OLD_GPT: Final = ("argo:gpt-4o", "argo:gpt-4.1", "argo:gpt-4.1-mini", "argo:o3", "argo:o3-mini", "argo:o4-mini")
_GPT_5: Final = ("argo:gpt-5", "argo:gpt-5-mini", "argo:gpt-5.5")
_GEMINI: Final = ("argo:gemini-2.5-pro", "argo:gemini-2.5-flash")

_NO_BUDGET: Final = "its API has no budget for thoughts"
_NO_ADAPTIVE: Final = "its API has no word for it"


def _enabled() -> dict[str, Any]:
    return {
        ANTHROPIC: {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        GOOGLE: {"thinking_config": {"thinking_budget": 2048}},
    }


def _adaptive() -> dict[str, Any]:
    return {ANTHROPIC: {"thinking": {"type": "adaptive"}}, GOOGLE: {"thinking_config": {"thinking_budget": -1}}}


def _effort(word: str) -> dict[str, Any]:
    return {
        CHAT: {"reasoning_effort": word},
        RESPONSES: {"reasoning": {"effort": word}},
        ANTHROPIC: {"output_config": {"effort": word}},
        GOOGLE: {"thinking_config": {"thinking_level": word.upper()}},
    }


def _others(loss: str) -> dict[str, str]:
    return dict.fromkeys((CHAT, RESPONSES, GOOGLE), loss)


_RAISED: Final = _others("max_tokens=approximated")
"""The budget that means so much effort leaves no room for an answer below the client's limit."""
_NEAREST: Final = _others("reasoning_effort=approximated")
_OWN_NEAREST: Final = {ANTHROPIC: "output_config.effort=approximated"}
_EFFORT_LOSSES: Final[dict[tuple[str, str], Mapping[str, str]]] = {
    ("Claude from 4.7 on", "none"): _OWN_NEAREST,
    ("Claude from 4.7 on", "minimal"): _NEAREST | _OWN_NEAREST,
    ("Claude 4.6", "xhigh"): _NEAREST,
    ("Claude 4.6", "minimal"): _NEAREST,
    ("Claude 4.5", "xhigh"): _RAISED,
    ("Claude 4.5", "max"): _RAISED,
    ("Claude Opus 4.1", "xhigh"): _RAISED,
    ("Claude Opus 4.1", "max"): _RAISED,
}


def _row(name: str, models: tuple[str, ...], does: str, asks: str, **more: Any) -> Row:
    return Row(section="1.8", name=name, models=models, does=does, asks=asks, **more)


def _claude() -> Iterator[Row]:
    for group, models, era, dropped in (
        ("Claude from 4.7 on", _NEWEST_CLAUDE, _MAY, True),
        ("Claude 4.6", _BOTH_WAYS, _MAY, False),
        ("Claude 4.5", _BUDGETS, _MAY, False),
        ("Claude Opus 4.1", _OLD, "2026-09", False),
    ):
        for name in ("temperature", "top_p"):
            yield _row(
                f"{name} of {group}",
                models,
                "refuses it" if dropped else "takes it",
                f"for {name} 0.5",
                more=everywhere(**{name: 0.5}),
                era=era,
                sent={name: ABSENT if dropped else 0.5},
                gets=Answer(losses=f"{name}=dropped" if dropped else ""),
            )
        yield _row(
            f"temperature and top_p of {group}",
            models,
            "refuses them together" if era == _MAY else "is not known to take them together",
            "for temperature 0.5 and top_p 0.5",
            more=everywhere(temperature=0.5, top_p=0.5),
            era=era,
            sent={"temperature": ABSENT if dropped else 0.5, "top_p": ABSENT},
            gets=Answer(losses="temperature=dropped, top_p=dropped" if dropped else "top_p=dropped"),
        )
        enabled = "adaptive" if dropped else "enabled"
        yield _row(
            f"budget of {group}",
            models,
            "refuses it" if dropped else "takes it",
            "for thoughts with a budget of 2048 tokens",
            more=_enabled(),
            era=era,
            wishes={"limit": 20000},
            without=dict.fromkeys((CHAT, RESPONSES), _NO_BUDGET),
            sent={
                f"{ANTHROPIC}:thinking.type": enabled,
                f"{ANTHROPIC}:thinking.budget_tokens": ABSENT if dropped else 2048,
                # From another dialect a budget is an effort where the model has one.
                f"{GOOGLE}:thinking.type": "adaptive" if group == "Claude 4.6" else enabled,
            },
            gets=Answer(losses={ANTHROPIC: "thinking=approximated"} if dropped else ""),
        )
        adaptive = "enabled" if group in ("Claude 4.5", "Claude Opus 4.1") else "adaptive"
        yield _row(
            f"adaptive thought of {group}",
            models,
            "takes it" if adaptive == "adaptive" else "refuses it",
            "for as many thoughts as the model wants",
            more=_adaptive(),
            era=era,
            wishes={"limit": 20000},
            without=dict.fromkeys((CHAT, RESPONSES), _NO_ADAPTIVE),
            sent={"thinking.type": adaptive},
            gets=Answer(losses={ANTHROPIC: "thinking=approximated"} if adaptive == "enabled" else ""),
        )
        for word in ("low", "high", "xhigh", "max", "none", "minimal"):
            few = {} if word in ("low", "high", "minimal") else {GOOGLE: "its API has no such level"}
            yield _row(
                f"effort {word} of {group}",
                models,
                "refuses it" if dropped and word in ("none", "minimal") else "takes it",
                f"for effort `{word}`",
                more=_effort(word),
                era=era,
                wishes={"limit": 20000},
                without=few,
                gets=Answer(losses=_EFFORT_LOSSES.get((group, word), "")),
            )


def _openai() -> Iterator[Row]:
    for group, models, dropped in (("GPT-4 and the o models", _OLD_GPT, False), ("GPT-5", _GPT_5, True)):
        for name, value in (("temperature", 0.5), ("temperature", 1), ("temperature", 2), ("top_p", 0.5)):
            gone = dropped and value != 1
            yield _row(
                f"{name} {value} of {group}",
                models,
                "refuses it" if gone else "takes it",
                f"for {name} {value}",
                more=everywhere(**{name: value}),
                sent={name: ABSENT if gone else value},
                gets=Answer(losses=f"{name}=dropped" if gone else ""),
            )
        yield from _limits(group, models)
    yield from _limits("Gemini", _GEMINI)
    for name, value in (("temperature", 0.5), ("temperature", 2), ("top_p", 0.5)):
        yield _row(
            f"{name} {value} of Gemini",
            _GEMINI,
            "takes it",
            f"for {name} {value}",
            more=everywhere(**{name: value}),
            sent={name: value},
        )


def _limits(group: str, models: tuple[str, ...]) -> Iterator[Row]:
    newer = group != "Gemini"
    chat = {
        "chat:max_completion_tokens": 2000,
        "chat:max_tokens": ABSENT,
        "responses:max_output_tokens": 2000,
    }
    yield _row(
        f"limit of {group}",
        models,
        "takes `max_completion_tokens`" if newer else "takes either name",
        "for 2000 tokens at most",
        wishes={"limit": 2000},
        sent=chat if newer else {},
    )
    only_chat = dict.fromkeys((RESPONSES, ANTHROPIC, GOOGLE), "its API has one limit")
    yield _row(
        f"max_tokens of {group}",
        models,
        "takes or refuses `max_tokens`, by the month",
        "for 2000 tokens at most, by the older name",
        more={CHAT: {"max_tokens": 2000}},
        without=only_chat,
        sent=chat if newer else {"max_tokens": 2000},
    )
    yield _row(
        f"both limits of {group}",
        models,
        "takes both in May 2026",
        "for 2000 tokens at most, by both names",
        more={CHAT: {"max_tokens": 2000, "max_completion_tokens": 2000}},
        without=only_chat,
        sent=chat if newer else {},
    )


def _contradictions() -> Iterator[Row]:
    no_route = {RESPONSES: "there was no such route: see the row below"}
    for era in ("2026-05", "2026-08"):
        does = "refuses them" if era == "2026-05" else "takes them out"
        yield Row(
            section="1.11",
            name=f"sampling of Claude 4.7 in {era}",
            does=f"{does} ({era})",
            asks="for temperature 0.5",
            models=("argo:claude-opus-4.7",),
            era=era,
            more=everywhere(temperature=0.5),
            sent={"temperature": ABSENT},
            gets=Answer(losses="temperature=dropped"),
        )
        yield Row(
            section="1.11",
            name=f"temperature and top_p of Claude in {era}",
            does=f"{'refuses both' if era == '2026-05' else 'takes top_p out'} ({era})",
            asks="for temperature 0.5 and top_p 0.5",
            models=(CLAUDE, "argo:claude-opus-4.6"),
            era=era,
            more=everywhere(temperature=0.5, top_p=0.5),
            sent={"temperature": 0.5, "top_p": ABSENT},
            gets=Answer(losses="top_p=dropped"),
        )
    for era, does in (
        ("2026-04", "has gpt4o refuse `max_tokens`"),
        ("2026-05", "takes `max_tokens`"),
        ("2026-08", "wants `max_completion_tokens`"),
        ("2026-09", "wants `max_completion_tokens`"),
    ):
        yield Row(
            section="1.11",
            name=f"max_tokens in {era}",
            does=f"{does} ({era})",
            asks="for 2000 tokens at most",
            models=(GPT,),
            era=era,
            more={CHAT: {"max_tokens": 2000}},
            wishes={"limit": 2000},
            sent={"chat:max_completion_tokens": 2000, "chat:max_tokens": ABSENT},
            without=no_route if era < "2026-09" else {},
        )
        yield Row(
            section="1.11",
            name=f"user in {era}",
            does=f"{'wants `user` in the body' if era == '2026-04' else 'goes by the bearer'} ({era})",
            models=(GPT, GEMINI),
            era=era,
            sent={"user": "tester"},
            without=no_route if era < "2026-09" else {},
        )
    yield Row(
        section="1.11",
        name="no Responses route",
        does="had no `/v1/responses` (2026-08)",
        asks="for GPT with OpenAI's Responses",
        models=(GPT,),
        era="2026-08",
        relay="learning",
        route="completions",
        without=dict.fromkeys((CHAT, ANTHROPIC, GOOGLE), "they do not ask on that route"),
    )
    yield Row(
        section="1.11",
        name="adaptive thought in 2026-04",
        does="refuses adaptive thinking, of every Claude (2026-04)",
        asks="for thoughts with a budget",
        models=("argo:claude-opus-4.7",),
        era="2026-04",
        relay="learning",
        wishes={"limit": 20000},
        more=_enabled(),
        without=dict.fromkeys((CHAT, RESPONSES), _NO_BUDGET),
        sent={"thinking.type": "enabled"},
        requests=(1, 2),
        gets=Answer(losses="thinking=approximated"),
    )
    yield Row(
        section="1.11",
        name="adaptive thought since",
        does="wants adaptive thinking of Claude 4.7 (from 2026-05 on)",
        asks="for thoughts with a budget",
        models=("argo:claude-opus-4.7",),
        era="2026-05",
        wishes={"limit": 20000},
        more=_enabled(),
        without=dict.fromkeys((CHAT, RESPONSES), _NO_BUDGET),
        sent={"thinking.type": "adaptive"},
        gets=Answer(losses={ANTHROPIC: "thinking=approximated"}),
    )


ROWS: Final = (*_claude(), *_openai(), *_contradictions())
ASIDES: Final[tuple[Aside, ...]] = (
    Aside(
        "1.8",
        "answered gemini25pro without a limit after 18 s, with one after 1.5 s",
        "how long Argo takes is not the relay's to change",
    ),
)
