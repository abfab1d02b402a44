"""The models on offer, through good answers and bad ones."""

from __future__ import annotations

import asyncio

import pytest

from argo_relay.config.schema import ModelRow, ModelTimeouts
from argo_relay.errors import Refused
from argo_relay.exchange.directory import Directory, Listing
from argo_relay.policy.deadline import Timer
from argo_relay.upstreams.argo.upstream import ArgoUpstream
from argo_relay.upstreams.llamacpp import LlamaUpstream
from argo_relay.upstreams.vendor import VendorUpstream
from support.site import lists_models
from support.stage import FOREVER, JSON, FakeUpstream, LoopClock, Play

pytestmark = pytest.mark.looptime

BASE = "http://secret-upstream.example:1234/argoapi"


def directory(play: Play, **rows: ModelRow) -> tuple[Directory, FakeUpstream]:
    upstream = FakeUpstream(play)
    return Directory(ArgoUpstream(base_url=BASE, user="tester"), upstream, LoopClock(), rows), upstream


def row(total: float) -> ModelRow:
    return ModelRow(timeouts=ModelTimeouts(total=total))


def listed(there: Directory) -> list[str]:
    return [profile.internal_id for profile in there.roster.listed()]


async def test_it_begins_with_the_catalogue() -> None:
    there, upstream = directory(Play())
    assert not there.roster.live
    assert there.find("argo:gpt-4o").internal_id == "gpt4o"
    assert (there.last_seen, there.trouble, upstream.calls) == (None, None, [])


async def test_what_the_upstream_lists_takes_its_place() -> None:
    there, upstream = directory(lists_models("gpt5", "claudeopus47", head=2))
    assert await there.refresh()
    assert there.roster.live
    assert listed(there) == ["claudeopus47", "gpt5"]
    assert there.trouble is None
    assert there.last_seen == 1_800_000_002
    (call,) = upstream.calls
    assert (call.method, call.url, call.body) == ("GET", f"{BASE}/v1/models", None)
    assert ("authorization", "Bearer tester") in call.headers
    assert upstream.ended == [("closed", 2.0)]
    with pytest.raises(Refused):
        there.find("gpt-4o")


BAD = {
    "refused": (Play(refuse=True), "refused"),
    "an error": (Play(status=500, headers=JSON, body=[(0, b'{"data":[{"id":"gpt5"}]}')]), "answered 500"),
    "a redirect": (Play(status=302, headers={"location": "http://secret-upstream.example"}), "answered 302"),
    "a page": (Play(headers={"content-type": "text/html"}, body=[(0, b"<html>secret-upstream</html>")]), "JSON"),
    "no list": (Play(headers=JSON, body=[(0, b'{"data":"secret-upstream"}')]), "not a list of models"),
    "nothing": (Play(headers=JSON), "JSON"),
    "an empty list": (Play(headers=JSON, body=[(0, b'{"data":[]}')]), "lists no models"),
    "a list of nothing": (Play(headers=JSON, body=[(0, b'{"data":[1,null,{},{"id":7}]}')]), "lists no models"),
    "cut off": (Play(headers=JSON, body=[(0, b'{"data":[')], cut=True), "closed the connection"),
    "silent": (Play(head=FOREVER), "within 10 s"),
    "dripping": (Play(headers=JSON, body=[(1, b" ")] * 100), "within 10 s"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_answer_changes_no_model_and_is_told(case: str) -> None:
    play, words = BAD[case]
    there, upstream = directory(lists_models("gpt5"))
    await there.refresh()
    good = there.roster
    upstream.play = play
    start = LoopClock().now()
    assert not await there.refresh()
    assert LoopClock().now() - start <= 10
    assert there.roster is good
    assert there.trouble is not None
    assert words in there.trouble
    assert "secret" not in there.trouble
    upstream.play = lists_models("gpt4o")
    assert await there.refresh(), there.trouble
    assert listed(there) == ["gpt4o"]


async def test_even_a_bad_answer_shows_that_the_upstream_is_there() -> None:
    there, upstream = directory(Play(status=500, headers=JSON, head=3))
    await there.refresh()
    assert there.last_seen == 1_800_000_003
    upstream.play = Play(refuse=True)
    await asyncio.sleep(5)
    await there.refresh()
    assert there.last_seen == 1_800_000_003
    there.seen()
    assert there.last_seen == 1_800_000_008


async def test_an_unknown_model_is_a_404_with_the_closest_names() -> None:
    there, _ = directory(Play())
    with pytest.raises(Refused) as refused:
        there.find("argo:gpt-4oo")
    failure = refused.value.failure
    assert (failure.status, failure.code, failure.param) == (404, "model_not_found", "model")
    assert "`argo:gpt-4oo`" in failure.message
    assert "argo:gpt-4o," in failure.message
    assert "GET /v1/models" in failure.message


async def test_a_retired_model_is_told_from_one_that_never_was() -> None:
    there, _ = directory(lists_models("gpt4o", "gpt5"))
    assert there.find("gpt-4").internal_id == "gpt4", "without the upstream's list nobody knows"
    await there.refresh()
    with pytest.raises(Refused, match=r"`gpt-4` is retired; the closest are argo:gpt-4o"):
        there.find("gpt-4")
    with pytest.raises(Refused, match="no model `xyzzy` here"):
        there.find("xyzzy")


async def test_a_long_name_is_not_repeated_whole() -> None:
    there, _ = directory(Play())
    with pytest.raises(Refused) as refused:
        there.find("x" * 5000)
    assert "x" * 80 in refused.value.failure.message
    assert len(refused.value.failure.message) < 400


@pytest.mark.parametrize("spelling", ["gpt-4o", "argo:gpt-4o", "GPT-4O", "gpt4o", "openai/gpt-4o"])
@pytest.mark.parametrize("asked", ["gpt-4o", "argo:gpt-4o", "gpt4o", "gpt-4o-2024-11-20"])
async def test_a_row_holds_however_it_and_the_request_write_the_name(spelling: str, asked: str) -> None:
    there, _ = directory(Play(), **{spelling: row(7)})
    limit = there.limits_of(there.find(asked))[Timer.TOTAL]
    assert limit is not None
    assert limit.seconds == 7
    assert spelling in limit.field
    assert there.limits_of(there.find("gpt-4.1")) == {}


async def test_rows_follow_the_list() -> None:
    rows = {"gpt-99": row(5), "claude-opus-4.7": row(6), "GPT 4o": row(7)}
    there, _ = directory(lists_models("gpt4o", "gpt99"), **rows)
    await there.refresh()
    found = {name: there.limits_of(there.find(name))[Timer.TOTAL] for name in ("gpt99", "gpt4o")}
    assert {name: limit and limit.seconds for name, limit in found.items()} == {"gpt99": 5, "gpt4o": 7}


async def test_those_who_ask_at_once_share_one_call() -> None:
    there, upstream = directory(lists_models("gpt5", head=4))
    assert await asyncio.gather(*(there.refresh() for _ in range(5))) == [True] * 5
    assert len(upstream.calls) == 1
    assert await there.refresh()
    assert len(upstream.calls) == 2


async def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    there, upstream = directory(lists_models("gpt5", head=4))
    first, second = (asyncio.create_task(there.refresh()) for _ in range(2))
    await asyncio.sleep(1)
    first.cancel()
    assert await second
    assert first.cancelled()
    assert len(upstream.calls) == 1


async def test_closing_gives_up_what_is_under_way() -> None:
    there, upstream = directory(Play(head=FOREVER))
    there.close()
    waiting = asyncio.create_task(there.refresh())
    await asyncio.sleep(1)
    there.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert upstream.ended == [("cancelled", 1.0)]


async def test_it_asks_now_and_then_and_sooner_after_a_failure() -> None:
    there, upstream = directory(Play(refuse=True))
    asked = []
    real = upstream.open

    async def noting(*args: object) -> object:
        asked.append(LoopClock().now())
        return await real(*args)  # type: ignore[arg-type]

    upstream.open = noting  # type: ignore[method-assign, assignment]
    keeping = asyncio.create_task(there.keep_fresh(3600))
    await asyncio.sleep(70)
    upstream.play = lists_models("gpt5")
    await asyncio.sleep(7300)
    keeping.cancel()
    assert asked == [0, 30, 60, 90, 3690, 7290]


def passing(play: Play, **rows: ModelRow) -> tuple[Directory, FakeUpstream]:
    upstream = FakeUpstream(play)
    return Directory(VendorUpstream(kind="openai", base_url=BASE), upstream, LoopClock(), rows), upstream


@pytest.mark.parametrize("name", ["gpt-4o", "no-such-model", "meta-llama/Llama-3:free", "x" * 200])
async def test_where_names_are_passed_on_every_name_is_a_model(name: str) -> None:
    there, upstream = passing(Play())
    assert there.find(name).internal_id == name
    assert (there.roster.listed(), there.roster.live, upstream.calls) == ([], False, [])


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\nb", "\ud800"])
async def test_but_what_cannot_stand_in_a_header_or_the_log_is_no_name(name: str) -> None:
    there, _ = passing(Play())
    assert not there.knows(name)


async def test_where_names_are_passed_on_the_list_is_the_upstreams_own() -> None:
    there, upstream = passing(lists_models("gpt4o", "Qwen/Qwen3"))
    assert await there.refresh()
    assert sorted(listed(there)) == ["Qwen/Qwen3", "gpt4o"]
    assert there.find("not-listed").public_id == "not-listed"
    upstream.play = Play(headers=JSON, body=[(0, b'{"data":[]}')])
    assert not await there.refresh()
    assert len(there.roster.listed()) == 2


async def test_googles_list_is_read_too() -> None:
    there, _ = passing(Play(headers=JSON, body=[(0, b'{"models":[{"name":"models/gemini-2.5-pro"}]}')]))
    assert await there.refresh()
    assert listed(there) == ["gemini-2.5-pro"]


async def test_where_names_are_passed_on_a_row_holds_for_the_name_it_bears() -> None:
    there, _ = passing(lists_models("gpt4o"), **{"gpt-4o": row(7)})
    for _ in range(2):
        limit = there.limits_of(there.find("gpt-4o"))[Timer.TOTAL]
        assert limit is not None
        assert limit.seconds == 7
        assert there.limits_of(there.find("GPT-4o")) == {}
        await there.refresh()


async def test_a_retired_models_successor_is_named_with_the_line_that_maps_it() -> None:
    there, _ = directory(lists_models("gpt4o", "gpt56terra"))
    await there.refresh()
    with pytest.raises(Refused) as refused:
        there.find("argo:gpt-3.5-turbo")
    message = refused.value.failure.message
    assert "`argo:gpt-5.6-terra`" in message
    assert "`aliases: {gpt-3.5-turbo: gpt-5.6-terra}`" in message


async def test_aliases_hold_before_and_after_the_list_has_come() -> None:
    upstream = FakeUpstream(lists_models("gpt5"))
    aliases = {"best": "gpt-5", "gpt-4": "gpt-5", "lost": "gpt-4o"}
    there = Directory(ArgoUpstream(base_url=BASE), upstream, LoopClock(), {"best": row(7)}, aliases)
    for _ in range(2):
        for name in ("best", "gpt-4"):
            assert there.find(name).internal_id == "gpt5"
            limit = there.limits_of(there.find(name))[Timer.TOTAL]
            assert limit is not None
            assert limit.seconds == 7
        await there.refresh()
    assert not there.knows("lost")
    with pytest.raises(Refused, match=r"`lost` is an alias of `gpt-4o` in the relay's configuration. There is no"):
        there.find("lost")
    assert dict(upstream.calls[0].headers).get("authorization") is None


async def test_where_names_are_passed_on_an_alias_is_exact() -> None:
    upstream = FakeUpstream(lists_models("llama"))
    there = Directory(VendorUpstream(kind="openai", base_url=BASE), upstream, LoopClock(), None, {"Best": "llama"})
    for _ in range(2):
        assert (there.find("Best").internal_id, there.find("best").internal_id) == ("llama", "best")
        assert there.find("Best").alias_of == "llama"
        await there.refresh()
    assert [profile.public_id for profile in there.roster.listed()] == ["Best", "llama"]
    upstream.play = lists_models()
    assert not await there.refresh()
    assert there.trouble == "it lists no models", "aliases are none"


async def test_an_unknown_name_has_the_list_fetched_at_most_once_a_minute() -> None:
    there, upstream = directory(lists_models("gpt5", head=4))
    await there.refresh()
    upstream.play = lists_models("gpt5", "gpt99", head=4)
    assert not there.knows("gpt99")
    await asyncio.gather(*(there.look_again() for _ in range(5)))
    assert there.knows("gpt99")
    assert len(upstream.calls) == 2
    for wait, calls in ((55.9, 2), (0.2, 3), (10, 3)):
        await asyncio.sleep(wait)
        await there.look_again()
        assert len(upstream.calls) == calls


async def test_an_unknown_name_waits_for_what_is_under_way() -> None:
    there, upstream = directory(lists_models("gpt99", head=4))
    there.refresh_soon()
    await there.look_again()
    assert there.knows("gpt99")
    await there.look_again()
    assert len(upstream.calls) == 2, "what was under way was nobody's look because of a name"


async def test_trouble_is_told_when_it_begins_and_when_it_ends() -> None:
    told: list[str] = []
    upstream = FakeUpstream(Play(refuse=True))
    there = Directory(ArgoUpstream(base_url=BASE), upstream, LoopClock(), warn=told.append)
    for play, count in (
        (Play(refuse=True), 1),
        (Play(status=500, headers=JSON), 1),
        (lists_models("gpt5"), 2),
        (lists_models("gpt5"), 2),
        (Play(refuse=True), 3),
    ):
        upstream.play = play
        await there.refresh()
        assert len(told) == count
    assert "refused" in told[0]
    assert "says again" in told[1]
    assert not any("secret" in one for one in told)


@pytest.mark.parametrize(("every", "expected"), [(None, [0, 30, 60]), (100, [0, 30, 60, 160, 260])])
async def test_how_often_it_asks_is_configured(every: float | None, expected: list[float]) -> None:
    there, upstream = directory(Play(refuse=True))
    asked: list[float] = []
    refresh = there.refresh

    async def noting() -> bool:
        asked.append(LoopClock().now())
        return await refresh()

    there.refresh = noting  # type: ignore[method-assign]
    keeping = asyncio.create_task(there.keep_fresh(every))
    await asyncio.sleep(50)
    upstream.play = lists_models("gpt5")
    await asyncio.sleep(250)
    keeping.cancel()
    assert asked == expected


async def test_a_name_off_the_list_is_none_where_the_list_is_all_there_is() -> None:
    upstream = FakeUpstream(lists_models("smollm2"))
    there = Directory(LlamaUpstream(base_url=BASE), upstream, LoopClock(), aliases={"gpt-4o": "smollm2"})
    assert not there.knows("gpt-5"), "names are passed on before the list has come"
    await there.look_again()
    assert there.find("smollm2").internal_id == "smollm2"
    assert there.find("gpt-4o").internal_id == "smollm2"
    with pytest.raises(Refused):
        there.find("gpt-5")


async def test_an_upstream_that_cannot_list_its_models_is_asked_for_any() -> None:
    there = Directory(LlamaUpstream(base_url=BASE), FakeUpstream(Play(refuse=True)), LoopClock())
    await there.look_again()
    assert there.find("gpt-5").internal_id == "gpt-5"


async def test_what_was_seen_is_told_and_what_another_has_seen_is_taken_over() -> None:
    one, upstream = directory(lists_models("gpt5", "gpt99", head=2))
    other, unasked = directory(Play())
    shared: list[Listing] = []
    one.share = shared.append
    await one.look_again()
    other.learn(shared[-1])
    assert (other.roster.live, other.trouble, other.last_seen) == (True, None, one.last_seen)
    assert listed(other) == ["gpt5", "gpt99"]
    await other.look_again()
    assert unasked.calls == [], "one look a minute is enough for both"
    upstream.play = Play(refuse=True)
    await one.refresh()
    other.learn(shared[-1])
    assert other.trouble == one.trouble
    assert listed(other) == ["gpt5", "gpt99"], "the last list known stays in use"
    assert len(shared) == 2
