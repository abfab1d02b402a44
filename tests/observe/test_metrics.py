"""Figures after records: their values, their names, and an end to their number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families as read_text

from argo_relay import __version__
from argo_relay.neutral.reply import Usage
from argo_relay.observe.metrics import Metrics
from argo_relay.observe.present import Breaker, Places, Present
from argo_relay.observe.record import Outcome, Record
from support.openmetrics import read_openmetrics

ROOT = Path(__file__).parents[2]
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
OK = Record(
    time=1_800_000_000.0,
    request_id="req_1",
    dialect="openai_chat",
    outcome=Outcome.OK,
    seconds=3.0,
    user="jdoe",
    status=200,
    model="GPT-4o",
    served="gpt4o",
    upstream="main",
    spoken="openai_chat",
    attempts=1,
    stream=True,
    first_event=0.3,
    events=12,
    bytes_in=100,
    bytes_out=2000,
    usage=Usage(input=70, output=30, cache_read=50, reasoning=0),
)
LATE = replace(
    OK,
    outcome=Outcome.TIMEOUT,
    status=504,
    timer="idle",
    timer_source="model",
    timeout_source="default",
    code="timeout_idle",
    phase="streaming",
    usage=None,
)
LEFT = replace(OK, outcome=Outcome.CANCELLED, status=None, phase="waiting", saved=12.5, usage=None)
EVERYTHING = replace(
    LATE, partial=True, rejoined="req_0", attempts=3, fallbacks=1, hedges=1, queued=0.25, usage=Usage(input=1, output=2)
)
PRESENT = Present(
    in_flight=lambda: 3,
    waiting=lambda: 1,
    lists=lambda upstream, model: (upstream, model) == ("main", "listed"),
    losses=lambda: {"top_k": 2},
    places=lambda: [Places("main", 2, 5)],
    breakers=lambda: [Breaker("main", "gpt4o", "resting")],
)
ASKED = {
    "gen_ai_operation_name": "chat",
    "gen_ai_provider_name": "openai",
    "gen_ai_request_model": "gpt4o",
    "upstream": "main",
}
PLACE = {"model": "gpt4o", "upstream": "main"}


def after(*records: Record) -> Metrics:
    metrics = Metrics()
    for record in records:
        metrics.note(record)
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def total(registry: CollectorRegistry, name: str) -> float:
    """Return the sum of all series of a name."""
    return sum(sample.value for family in registry.collect() for sample in family.samples if sample.name == name)


def families() -> Iterator[Metric]:
    """Yield all metrics with a value for each."""
    metrics = after(OK, LATE, LEFT, EVERYTHING)
    metrics.watch(PRESENT)
    metrics.look()
    return iter(list(metrics.registry.collect()))


def series(metrics: Metrics) -> int:
    return sum(len(family.samples) for family in metrics.registry.collect())


def test_an_exchange_is_counted_by_who_asked_whom_and_how_it_ended() -> None:
    metrics = after(OK, OK, LATE, LEFT)
    place = {"dialect": "openai_chat", **PLACE}
    assert value(metrics, "argo_relay_exchanges_total", **place, outcome="ok", status="200") == 2
    assert value(metrics, "argo_relay_exchanges_total", **place, outcome="timeout", status="504") == 1
    assert value(metrics, "argo_relay_exchanges_total", **place, outcome="cancelled", status="none") == 1
    assert value(metrics, "argo_relay_attempts_total", **PLACE) == 4
    assert value(metrics, "argo_relay_events_total", **PLACE) == 48
    assert value(metrics, "argo_relay_received_bytes_total", dialect="openai_chat") == 400
    assert value(metrics, "argo_relay_sent_bytes_total", dialect="openai_chat") == 8000


def test_the_sums_agree() -> None:
    metrics = after(OK, LATE, LEFT, EVERYTHING, replace(OK, served=None, upstream=None, outcome=Outcome.ERROR))
    exchanges = total(metrics.registry, "argo_relay_exchanges_total")
    assert exchanges == total(metrics.registry, "gen_ai_server_request_duration_seconds_count") == 5


def test_durations_are_those_of_the_conventions() -> None:
    metrics = after(OK, replace(LATE, seconds=100.0))
    name = "gen_ai_server_request_duration_seconds"
    assert value(metrics, f"{name}_sum", **ASKED, error_type="") == 3
    assert value(metrics, f"{name}_bucket", **ASKED, error_type="", le="2.56") == 0
    assert value(metrics, f"{name}_bucket", **ASKED, error_type="", le="5.12") == 1
    late = ASKED | {"error_type": "timeout_idle"}
    assert value(metrics, f"{name}_bucket", **late, le="81.92") == 0
    assert value(metrics, f"{name}_bucket", **late, le="163.84") == 1


CONVENTIONAL = {
    # https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics
    "gen_ai_server_request_duration_seconds": (
        *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    ),
    "gen_ai_server_time_to_first_token_seconds": (
        *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    ),
    "gen_ai_client_token_usage": (
        *(1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864),
    ),
}


@pytest.mark.parametrize("name", CONVENTIONAL)
def test_the_buckets_begin_with_those_of_the_conventions(name: str) -> None:
    (family,) = [one for one in families() if one.name == name]
    found = list(dict.fromkeys(float(one.labels["le"]) for one in family.samples if one.name.endswith("_bucket")))
    assert found[: len(CONVENTIONAL[name])] == list(CONVENTIONAL[name])
    assert found[-1] == float("inf")


def test_the_first_token_is_that_of_streams_that_ended_well() -> None:
    metrics = after(OK, LATE, replace(OK, stream=False), replace(OK, first_event=None))
    assert value(metrics, "gen_ai_server_time_to_first_token_seconds_count", **ASKED) == 1
    assert value(metrics, "gen_ai_server_time_to_first_token_seconds_sum", **ASKED) == 0.3


def test_tokens_are_counted_by_kind() -> None:
    metrics = after(OK, OK)
    assert value(metrics, "argo_relay_tokens_total", kind="input", **PLACE) == 140
    assert value(metrics, "argo_relay_tokens_total", kind="output", **PLACE) == 60
    assert value(metrics, "argo_relay_tokens_total", kind="cache_read", **PLACE) == 100
    assert value(metrics, "argo_relay_tokens_total", kind="reasoning", **PLACE) is None
    assert value(metrics, "gen_ai_client_token_usage_sum", **ASKED, gen_ai_token_type="input") == 140
    assert value(metrics, "gen_ai_client_token_usage_count", **ASKED, gen_ai_token_type="output") == 2


def test_a_timeout_is_counted_by_its_own_limits_source() -> None:
    metrics = after(LATE, EVERYTHING)
    assert value(metrics, "argo_relay_timeouts_total", timer="idle", source="model", **PLACE) == 2
    assert value(metrics, "argo_relay_partial_results_total", **PLACE) == 1


def test_a_timer_that_left_a_good_reply_counts_all_the_same() -> None:
    metrics = after(replace(EVERYTHING, outcome=Outcome.OK, status=200))
    assert total(metrics.registry, "argo_relay_timeouts_total") == 1
    assert value(metrics, "argo_relay_partial_results_total", **PLACE) == 1


def test_what_leaving_clients_saved() -> None:
    metrics = after(LEFT, LEFT, replace(LEFT, saved=-0.001), replace(LEFT, saved=None, phase="receiving"))
    assert value(metrics, "argo_relay_cancellations_total", phase="waiting", **PLACE) == 3
    assert value(metrics, "argo_relay_cancellations_total", phase="receiving", **PLACE) == 1
    assert value(metrics, "argo_relay_upstream_saved_seconds_total", **PLACE) == 25


def test_attempts_of_all_sorts() -> None:
    metrics = after(EVERYTHING, OK)
    for name, count in {"attempts": 4, "fallbacks": 1, "hedges": 1, "rejoined": 1}.items():
        assert value(metrics, f"argo_relay_{name}_total", **PLACE) == count
    assert value(metrics, "argo_relay_queue_seconds_sum", upstream="main") == 0.25
    assert value(metrics, "argo_relay_queue_seconds_count", upstream="main") == 1


def test_each_attempt_counts_at_the_upstream_that_it_went_to() -> None:
    metrics = after(replace(OK, attempts=3, calls={"spare": 2, "main": 1}))
    assert value(metrics, "argo_relay_attempts_total", **PLACE) == 1
    assert value(metrics, "argo_relay_attempts_total", **PLACE | {"upstream": "spare"}) == 2


@pytest.mark.parametrize(
    ("changed", "operation", "vendor"),
    [
        ({"dialect": "google", "spoken": "openai_chat"}, "generate_content", "openai"),
        ({"dialect": "google", "spoken": "google", "operation": "embed"}, "embeddings", "gcp.gen_ai"),
        ({"dialect": "anthropic", "spoken": "anthropic", "operation": "count"}, "count_tokens", "anthropic"),
        (
            {"dialect": "openai_completions", "spoken": "anthropic", "operation": "complete"},
            "text_completion",
            "anthropic",
        ),
        ({"dialect": "openai_responses", "spoken": "openai_responses"}, "chat", "openai"),
        ({"spoken": None}, "chat", "none"),
    ],
)
def test_operations_and_vendors_have_the_conventions_names(
    changed: dict[str, str], operation: str, vendor: str
) -> None:
    asked = ASKED | {"gen_ai_operation_name": operation, "gen_ai_provider_name": vendor, "error_type": ""}
    assert value(after(replace(OK, **changed)), "gen_ai_server_request_duration_seconds_count", **asked) == 1


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"outcome": Outcome.ERROR, "status": 502, "code": "whatever the upstream says"}, "502"),
        ({"outcome": Outcome.ERROR, "status": 200}, "_OTHER"),
        ({"outcome": Outcome.ERROR, "status": None}, "_OTHER"),
        ({"outcome": Outcome.CANCELLED, "status": 200}, "cancelled"),
    ],
)
def test_errors_have_few_names(changed: dict[str, object], error: str) -> None:
    metrics = after(replace(OK, **changed))
    assert value(metrics, "gen_ai_server_request_duration_seconds_count", **ASKED, error_type=error) == 1


def test_what_a_client_writes_makes_no_series() -> None:
    nobody = replace(OK, outcome=Outcome.ERROR, status=404, served=None, upstream=None, spoken=None, usage=None)
    metrics = after(nobody)
    before = series(metrics)
    for number in range(500):
        metrics.note(replace(nobody, model=f"m{number}", user=f"u{number}", request_id=str(number), code=str(number)))
    assert series(metrics) == before
    assert total(metrics.registry, "argo_relay_exchanges_total") == 501


REFUSED = replace(OK, outcome=Outcome.ERROR, status=404, usage=None, first_event=None)


@pytest.mark.parametrize("ended", [REFUSED, replace(REFUSED, status=502), replace(LATE, first_event=None)])
def test_a_name_that_no_upstream_has_answered_for_makes_no_series(ended: Record) -> None:
    refused = replace(ended, served="m")
    metrics = after(refused)
    before = series(metrics)
    for number in range(500):
        metrics.note(replace(refused, served=f"m{number}"))
    assert series(metrics) == before
    assert 'model="m1"' not in generate_latest(metrics.registry).decode()
    metrics.note(replace(OK, served="m1"))
    metrics.note(replace(REFUSED, served="m1", status=400))
    labels = {"model": "m1", "upstream": "main", "dialect": "openai_chat", "outcome": "error", "status": "400"}
    assert value(metrics, "argo_relay_exchanges_total", **labels) == 1


def test_a_name_that_the_upstream_lists_has_series_from_the_first() -> None:
    metrics = Metrics()
    metrics.watch(PRESENT)
    for upstream, name in (("main", "listed"), ("main", "other"), ("vllm", "listed too")):
        metrics.note(replace(REFUSED, served=name, upstream=upstream))
    assert value(metrics, "argo_relay_attempts_total", model="listed", upstream="main") == 1
    assert value(metrics, "argo_relay_attempts_total", model="unknown", upstream="main") == 1
    assert value(metrics, "argo_relay_attempts_total", model="unknown", upstream="vllm") == 1


def test_there_is_an_end_to_names_even_where_the_upstream_takes_all() -> None:
    metrics = after(*(replace(OK, served=f"m{number}") for number in range(200)))
    before = series(metrics)
    metrics.note(replace(OK, served="one too many"))
    full = series(metrics)
    for number in range(200, 700):
        metrics.note(replace(OK, served=f"m{number}"))
    assert series(metrics) == full > before
    assert value(metrics, "argo_relay_attempts_total", model="unknown", upstream="main") == 501
    assert value(metrics, "argo_relay_attempts_total", model="m199", upstream="main") == 1


@pytest.mark.parametrize("name", ["\ud800", "a\nb", "x" * 101])
def test_a_name_that_cannot_be_written_is_none(name: str) -> None:
    metrics = after(replace(OK, served=name))
    assert value(metrics, "argo_relay_attempts_total", model="unknown", upstream="main") == 1
    assert generate_latest(metrics.registry)


def test_no_user_no_key_and_no_words_of_the_request() -> None:
    metrics = after(replace(OK, user="marked-user", request_id="marked-id", model="marked-model", code="marked-code"))
    assert "marked" not in generate_latest(metrics.registry).decode()


COUNTS = st.none() | st.integers(-(10**400), 10**400)


@UNTIMED
@given(COUNTS, COUNTS, st.floats(), st.text())
def test_nothing_that_an_upstream_says_breaks_the_page(
    one: int | None, other: int | None, saved: float, name: str
) -> None:
    metrics = after(replace(LEFT, usage=Usage(input=one, output=other, cache_read=one), saved=saved, served=name))
    assert list(read_text(generate_latest(metrics.registry).decode()))


def test_two_relays_in_one_process_have_figures_of_their_own() -> None:
    one, other = after(OK), after(OK, OK)
    assert total(one.registry, "argo_relay_exchanges_total") == 1
    assert total(other.registry, "argo_relay_exchanges_total") == 2


def test_what_runs_here() -> None:
    (family,) = [one for one in families() if one.name == "argo_relay_build"]
    (sample,) = family.samples
    assert (sample.name, sample.value, sample.labels["version"]) == ("argo_relay_build_info", 1, __version__)


def test_both_formats_say_the_same() -> None:
    metrics = after(OK, LATE, LEFT, EVERYTHING)
    metrics.watch(PRESENT)
    metrics.look()
    text = generate_latest(metrics.registry).decode()
    read = {sample[:3] for family in read_text(text) for sample in map(_hashed, family.samples)}
    write, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    openmetrics = write(metrics.registry).decode()
    assert openmetrics.endswith("# EOF\n")
    assert {sample[:3] for family in read_openmetrics(openmetrics) for sample in map(_hashed, family.samples)} == read
    assert "_created" not in text


def _hashed(sample: tuple[object, ...]) -> tuple[object, ...]:
    name, labels, number = sample[:3]
    assert isinstance(labels, dict)
    return name, tuple(sorted(labels.items())), number


ODD_UNITS = ("ms", "milliseconds", "microseconds", "minutes", "hours", "kb", "kilobytes", "megabytes", "percent")


def test_names_are_as_promtool_wants_them() -> None:
    seen = set()
    for family in families():
        assert re.fullmatch(r"(argo_relay|gen_ai)(_[a-z]+)+", family.name)
        assert family.documentation.endswith(".")
        assert not set(family.name.split("_")) & {*ODD_UNITS, family.type, "total", "count", "sum", "bucket"}
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name
            assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", label) for label in sample.labels)
            seen.add(sample.name)
        for unit in ("seconds", "bytes"):
            assert unit not in family.name.split("_") or family.name.endswith(f"_{unit}")
    assert len(seen) > 25


def test_the_table_in_the_docs_is_what_there_is() -> None:
    there = {}
    for family in families():
        labels = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
        name = {"counter": f"{family.name}_total", "info": f"{family.name}_info"}.get(family.type, family.name)
        shown = ", ".join(f"`{label}`" for label in labels)
        there[name] = f"| `{name}` | {family.type} | {shown} | {family.documentation} |"
    docs = (ROOT / "docs" / "metrics.md").read_text()
    told = [
        line
        for line in docs.splitlines()
        if re.match(r"\| `(argo_relay|gen_ai)_\w+` \| (counter|gauge|histogram|info)", line)
    ]
    assert sorted(told) == sorted(there.values())


@pytest.mark.parametrize("count", [1, 31, 32, 100])
def test_a_registry_that_is_kept_has_all_exchanges_after_each_look(count: int) -> None:
    metrics = Metrics()
    registry = metrics.registry
    for looks in range(1, 3):
        for _ in range(count):
            metrics.note(OK)
        metrics.look()
        assert total(registry, "argo_relay_exchanges_total") == looks * count
