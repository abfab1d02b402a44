"""What does not go together, told with its place and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from argo_relay.config.load import Loaded, load
from argo_relay.config.schema import Upstream
from argo_relay.errors import ConfigError


def loads(text: str, **environ: str) -> Loaded:
    file = Path("argo-relay.yaml")
    file.write_text(text)
    return load(config=file, environ={f"ARGO_RELAY_{name}": value for name, value in environ.items()})


def problems(text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loads(text, **environ)
    return [problem.replace("argo-relay.yaml", "x.yaml") for problem in caught.value.problems]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "environ", "what"),
    [
        ("timeouts: {total: 5000}", {}, "x.yaml:1: timeouts.total: 5000 is greater than timeouts.max_total, 3600;"),
        ("timeouts: {max_total: 300}", {}, "x.yaml:1: timeouts.total: 600 is greater than timeouts.max_total, 300;"),
        ("timeouts: {total: 700}", {"TIMEOUTS_MAX_TOTAL": "650"}, "x.yaml:1: timeouts.total: 700 is greater"),
        ("", {"TIMEOUTS_TOTAL": "4000"}, "ARGO_RELAY_TIMEOUTS_TOTAL: timeouts.total: 4000 is greater"),
        ("\nmodels: {a.b: {timeouts: {total: 3601}}}", {}, "x.yaml:2: models.a.b.timeouts.total: 3601 is greater"),
    ],
)
def test_a_total_above_its_cap_is_refused(text: str, environ: dict[str, str], what: str) -> None:
    (problem,) = problems(text, **environ)
    assert problem.startswith(what)


def test_a_total_is_not_judged_by_a_cap_that_was_refused() -> None:
    assert len(problems("timeouts: {total: 5000, max_total: x}")) == 1
    assert len(problems("timeouts: {total: x, max_total: 300}")) == 1


def test_who_asks_means_something_to_argo_only() -> None:
    assert problems("identity: client\nupstream: {kind: openai}\n") == [
        "x.yaml:1: identity: only Argo asks who its user is, and upstream.kind is openai: leave it out"
    ]
    (problem,) = problems("users: {s3cret: jdoe}\n", UPSTREAM_KIND="google")
    assert problem.startswith("x.yaml:1: users: only Argo asks who its user is, and upstream.kind is google")
    assert "`keys`" in problem
    assert "s3cret" not in problem
    assert len(problems("upstream: {kind: nonsense}\nidentity: client\n")) == 1, "the kind that was meant is not known"


def test_a_key_that_says_who_it_is_leaves_nothing_to_say() -> None:
    (problem,) = problems("identity: client\nusers: {s3cret: jdoe}\n")
    assert problem.startswith("x.yaml:1: identity: with `users` alone")
    assert "`keys`" in problem


@pytest.mark.parametrize(
    "text",
    [
        "identity: client",
        "identity: client\nuser: jdoe",
        "identity: client\nkeys: [a]",
        "identity: client\nkeys: [a]\nusers: {b: jdoe}",
        "users: {b: jdoe}",
        "user: asmith\nkeys: [a, b]\nusers: {b: jdoe}",
        "identity: user\nupstream: {kind: openai}",
    ],
)
def test_what_goes_together_is_taken(text: str) -> None:
    assert loads(text).config.identity in ("client", "user")


@pytest.mark.parametrize("text", ["{a: b, b: c}", "{b: c, a: B}", "{a: a}"])
def test_an_alias_of_an_alias_is_refused(text: str) -> None:
    (problem,) = problems(f"port: 1\naliases: {text}\n")
    assert problem.startswith("x.yaml:2: aliases.a: `")
    assert "is an alias itself" in problem


def test_two_aliases_of_one_model_are_fine() -> None:
    assert loads("aliases: {a: gpt-4o, b: gpt-4o}").config.aliases == {"a": "gpt-4o", "b": "gpt-4o"}


def test_who_asks_means_something_where_any_upstream_is_argo() -> None:
    text = "identity: client\nupstream: {kind: openai}\nroutes: {x: [dev]}\nupstreams:\n  dev: "
    assert loads(text).config.upstreams["dev"].kind == "argo"
    (problem,) = problems(f"{text}{{kind: google}}\n")
    assert problem.startswith("x.yaml:1: identity: only Argo asks who its user is, and upstream.kind is openai and no ")
    assert len(problems(f"{text}{{kind: nonsense}}\n")) == 1, "the kind that was meant is not known"
    assert len(problems(f"{text}\n  main: {{kind: argo}}\n")) == 1


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("devv", "no upstream is called `devv`; did you mean `dev`?"),
        ("{upstream: vlm, weight: 1}", "no upstream is called `vlm`; did you mean `vllm`?"),
        ("gpt-4o", "no upstream is called `gpt-4o`; known are main, dev, vllm, and a model's name there stands behind"),
        ("vllm/a", "it is the same as to[1]: leave one of them out"),
        ("{upstream: vllm, model: a, weight: 5}", "it is the same as to[1]: leave one of them out"),
        ("{upstream: dev, weight: 5}", "it is the same as to[0]: leave one of them out"),
    ],
)
def test_a_candidate_that_nobody_knows_or_that_stands_there_twice_is_refused(step: str, what: str) -> None:
    text = "upstreams: {dev: , vllm: {kind: openai}}\nroutes:\n  m:\n    to:\n      - dev\n      - vllm/a\n"
    (problem,) = problems(f"{text}      - {step}\n")
    assert problem.startswith(f"x.yaml:7: routes.m.to[2]: {what}")


def test_one_upstream_may_be_asked_for_several_models() -> None:
    loaded = loads("routes: {m: [main, main/a, main/b]}")
    assert [step.model for step in loaded.config.routes["m"].to] == [None, "a", "b"]


def test_a_candidate_is_not_judged_by_an_upstream_that_was_refused() -> None:
    for text in ("{b d: }", "{Main: }", "5"):
        (problem,) = problems(f"upstreams: {text}\nroutes: {{m: [main]}}")
        assert problem.startswith("x.yaml:1: upstreams: ")
    assert len(problems("upstreams: 5\nroutes: {m: [dev]}")) == 1
    assert len(problems("upstreams: {dev: {kind: nonsense}}\nroutes: {m: [dev]}")) == 1


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("routes: {m: {to: [main], hedge_after: 600}}", "hedge_after: 600 is not less than timeouts.total, 600"),
        (
            "models: {M: {timeouts: {total: 700}}}\nroutes: {m: {to: [main], hedge_after: 701}}",
            "hedge_after: 701 is not less than models.M.timeouts.total, 700",
        ),
        (
            "models: {M: {timeouts: {total: 60}}}\nroutes: {m: {to: [main], hedge_after: 1m}}",
            "hedge_after: 60 is not less than models.M.timeouts.total, 60",
        ),
        (
            "models: {n: {timeouts: {total: 700}}}\nroutes: {m*: {to: [main], hedge_after: 650}}",
            "hedge_after: 650 is not less than timeouts.total, 600",
        ),
    ],
)
def test_a_second_attempt_after_the_end_is_refused(text: str, what: str) -> None:
    (problem,) = problems(text)
    assert f": routes.m{'*' if '*' in text else ''}.{what}: the request is over then" in problem


def test_a_second_attempt_before_the_end_of_any_model_is_fine() -> None:
    text = "models: {gpt-5: {timeouts: {total: 700}}}\nroutes: {gpt-*: {to: [main], hedge_after: 650}}"
    assert loads(text).config.routes["gpt-*"].hedge_after == 650


def test_an_upstream_that_no_route_leads_to_is_warned_of() -> None:
    text = "routes: {m: [a]}\nupstreams:\n  a:\n  b: {kind: openai}\n  c: {}\n"
    assert [warning.replace("argo-relay.yaml", "x.yaml") for warning in loads(text).warnings] == [
        "x.yaml:4: upstreams.b: no route leads to it: name it in `routes`, or leave it out",
        "x.yaml:5: upstreams.c: no route leads to it: name it in `routes`, or leave it out",
    ]


@pytest.mark.parametrize(
    ("row", "at", "what"),
    [
        ("socket: /a.sock\n  proxy: http://gate", "3: {}.proxy", "leave one of the two out"),
        ("socket: /a.sock\n  resolve: ['h:1:10.0.0.1']", "3: {}.resolve", "leave one of the two out"),
        ("connect_to: ['::localhost:1']\n  socket: /a.sock", "2: {}.connect_to", "leave one of the two out"),
    ],
)
@pytest.mark.parametrize("name", ["upstream", "upstreams.a"])
def test_ways_that_do_not_go_together(row: str, at: str, what: str, name: str) -> None:
    text = f"upstream:\n  {row}\n"
    if name != "upstream":
        text = "upstreams:\n a:\n  " + row + "\nroutes: {x: [a]}\n"
        at = f"{int(at[0]) + 1}{at[1:]}"
    (problem,) = problems(text)
    assert problem.startswith(f"x.yaml:{at.format(name)}: ")
    assert what in problem


@pytest.mark.parametrize(
    "row", ["{socket: /a.sock, proxy: none}", "{client_cert: a.pem}", "{client_cert: a.pem, client_key: b.pem}"]
)
def test_ways_that_go_together(row: str) -> None:
    assert loads(f"upstream: {row}").config.upstream != Upstream()


@pytest.mark.parametrize("workers", ["2", "auto"])
def test_replies_are_kept_for_a_client_by_one_process_only(workers: str) -> None:
    (problem,) = problems(f"rejoin: 30s\nworkers: {workers}\n")
    assert problem == (
        f"x.yaml:1: rejoin: a kept reply is known to one process only, and there are several with workers: {workers}; "
        "set one worker, or leave `rejoin` out"
    )
    assert loads("rejoin: 30s\nworkers: 1\n").config.rejoin == 30
    assert len(problems("rejoin: 30s\nworkers: none\n")) == 1
