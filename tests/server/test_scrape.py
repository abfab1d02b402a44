"""The page as whoever scrapes it sees it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette

from argo_relay.observe.metrics import Metrics
from argo_relay.observe.present import Present
from argo_relay.observe.record import Outcome, Record
from argo_relay.server.listen import listen
from argo_relay.server.scrape import Figures, scrape_route, scraped

RECORD = Record(time=1.5, request_id="req_1", dialect="openai_chat", outcome=Outcome.OK, seconds=0.25)
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def metrics() -> Metrics:
    made = Metrics()
    made.note(RECORD)
    return made


@pytest.fixture
async def http(metrics: Metrics) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=[scrape_route(Figures(metrics))]))
    async with httpx.AsyncClient(transport=transport, base_url="http://relay") as client:
        yield client


async def test_text_unless_asked_for_more(http: httpx.AsyncClient) -> None:
    page = await http.get("/metrics", headers={"accept-encoding": "identity"})
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "content-encoding" not in page.headers
    assert page.text.startswith("# HELP gen_ai_")
    assert not page.text.endswith("# EOF\n")


async def test_openmetrics_where_it_is_taken(http: httpx.AsyncClient) -> None:
    page = await http.get("/metrics", headers={"accept": f"{OPENMETRICS},text/plain;version=0.0.4;q=0.5"})
    assert page.headers["content-type"].startswith(OPENMETRICS)
    assert page.text.endswith("# EOF\n")


async def test_compressed_where_that_is_taken(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", "/metrics", headers={"accept-encoding": "gzip"}) as page:
        raw = b"".join([piece async for piece in page.aiter_raw()])
    assert page.headers["content-encoding"] == "gzip"
    assert int(page.headers["content-length"]) == len(raw)
    assert gzip.decompress(raw).startswith(b"# HELP gen_ai_")


async def test_some_of_them_by_name(http: httpx.AsyncClient) -> None:
    page = await http.get("/metrics", params={"name[]": "argo_relay_exchanges_total"})
    assert [line.split("{")[0] for line in page.text.splitlines() if line[0] != "#"] == ["argo_relay_exchanges_total"]


async def test_only_to_be_read(http: httpx.AsyncClient) -> None:
    assert (await http.post("/metrics")).status_code == 405
    assert (await http.head("/metrics")).status_code == 200
    assert (await http.get("/")).status_code == 404


async def test_each_page_says_what_holds_then(metrics: Metrics, http: httpx.AsyncClient) -> None:
    running = iter([5, 6])
    metrics.watch(
        Present(
            in_flight=lambda: next(running),
            waiting=int,
            losses=dict,
            places=tuple,
            breakers=tuple,
            lists=lambda *_: False,
        )
    )
    for number in (5, 6):
        assert f"\nargo_relay_in_flight {number}.0\n" in (await http.get("/metrics")).text


class Watched(Collector):
    """Notes which thread writes the page."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def collect(self) -> Iterator[Metric]:
        self.threads.append(threading.get_ident())
        return iter(())


async def test_deadlines_do_not_wait_for_the_page_but_what_holds_is_read_in_the_relays_own_thread() -> None:
    metrics = Metrics()
    watched = Watched()
    metrics.registry.register(watched)
    watched.threads.clear()
    asked: list[int] = []

    def in_flight() -> int:
        asked.append(threading.get_ident())
        return 0

    metrics.watch(
        Present(in_flight=in_flight, waiting=int, losses=dict, places=tuple, breakers=tuple, lists=lambda *_: False)
    )
    transport = httpx.ASGITransport(app=Starlette(routes=[scrape_route(Figures(metrics))]))
    async with httpx.AsyncClient(transport=transport, base_url="http://relay") as http:
        assert (await http.get("/metrics")).status_code == 200
    assert len(watched.threads) == 1
    assert threading.get_ident() not in watched.threads
    assert asked == [threading.get_ident()]


async def test_a_port_of_its_own_while_the_block_runs(metrics: Metrics) -> None:
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/metrics"
    async with httpx.AsyncClient(headers={"accept-encoding": "identity"}) as http:
        async with scraped(Figures(metrics), listening):
            page = await http.get(url)
            assert (page.status_code, page.headers["content-length"]) == (200, str(len(page.content)))
            assert "server" not in page.headers
        with pytest.raises(httpx.ConnectError):
            await http.get(url)


async def test_what_others_know_is_asked_for_before_each_page(metrics: Metrics) -> None:
    known: list[int] = []

    async def gather() -> None:
        known.append(len(known) + 5)

    metrics.watch(
        Present(
            in_flight=lambda: known[-1],
            waiting=int,
            losses=dict,
            places=tuple,
            breakers=tuple,
            lists=lambda *_: False,
        )
    )
    figures = Figures(metrics, gather)
    for number in (5, 6):
        page = await figures.page("", "", "")
        assert (page.status, b"\nargo_relay_in_flight %d.0\n" % number in page.body) == (200, True)
