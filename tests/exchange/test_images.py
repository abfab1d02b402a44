"""What requests give by URL: what is fetched of it, how often, within which limits, and what the client is told."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from argo_relay.config.schema import Config
from argo_relay.config.schema import Images as ImagesConfig
from argo_relay.config.schema import Upstream as UpstreamConfig
from argo_relay.dialects.base import Outline
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import FetchFailed, Refused
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.images import Images
from argo_relay.models.roster import catalogue_roster
from argo_relay.neutral.failure import Failure
from argo_relay.observe.record import Outcome
from argo_relay.transport.base import Fetched, Rules
from argo_relay.upstreams.base import Operation
from argo_relay.upstreams.choose import upstream_of
from support.said import DOT
from support.stage import JSON, WHOLE, FakeClient, Play, ask, stage

pytestmark = pytest.mark.looptime

URL = "http://images.example/a.png"
PNG = base64.b64decode(DOT)


class Fetcher:
    """Fetches nothing: what a URL leads to is in `there`, after `takes` seconds."""

    def __init__(self, there: Callable[[str], bytes] = lambda _: PNG, takes: float = 1.0) -> None:
        self.asked: list[str] = []
        self.rules: list[Rules] = []
        self.running = 0
        self.most = 0
        self._there = there
        self._takes = takes

    async def __call__(self, url: str, rules: Rules) -> Fetched:
        self.asked.append(url)
        self.rules.append(rules)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self._takes)
        finally:
            self.running -= 1
        return Fetched("image/png", self._there(url))


def picture(url: str = URL) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def outline(parts: Sequence[Any], name: str = "openai_chat", **fields: Any) -> Outline:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": list(parts)}], **fields}
    return DIALECTS[name].outline(Entry(dialect=DIALECTS[name], model="m").incoming(json.dumps(body).encode()))


def images(fetcher: Fetcher | None = None, kind: Any = "argo", max_body: int = 2**20, **limits: Any) -> Images:
    config = Config(user="jdoe", upstream=UpstreamConfig(kind=kind), images=ImagesConfig(**limits), max_body=max_body)
    return Images(config, upstream_of(config.upstream, config.user, {}, "http://up.example"), fetcher or Fetcher())


def linked(made: Images, read: Outline, operation: Operation = Operation.GENERATE, name: str = "openai_chat") -> int:
    profile = catalogue_roster().resolve("gpt-4o" if name == "openai_chat" else "claude-opus-4.5")
    assert profile is not None
    return len(made.linked(Entry(dialect=DIALECTS[name], operation=operation), read, profile))


async def inlined(made: Images, read: Outline) -> Any:
    profile = catalogue_roster().resolve("gpt-4o")
    assert profile is not None
    after = await made.inlined(read, made.linked(Entry(dialect=DIALECTS["openai_chat"]), read, profile))
    assert json.loads(after.body.text) == after.body.values
    return after.body.values["messages"][0]["content"]


async def refused(made: Images, read: Outline) -> Failure:
    with pytest.raises(Refused) as caught:
        await inlined(made, read)
    assert caught.value.failure.status == 400
    assert "Send it as data instead, as a URL of the form `data:image/png;base64,DATA`." in caught.value.failure.message
    return caught.value.failure


async def test_urls_become_data_and_everything_else_stays() -> None:
    fetcher = Fetcher()
    text, other = {"type": "text", "text": "x"}, picture("gs://bucket/a.png")
    after = await inlined(images(fetcher), outline([text, picture(), other], user="jdoe"))
    assert after == [text, picture(f"data:image/png;base64,{DOT}"), other]
    assert fetcher.asked == [URL]


async def test_the_same_url_is_fetched_once_and_four_at_the_same_time() -> None:
    fetcher = Fetcher(takes=1)
    urls = [f"{URL}?{number}" for number in range(10)] * 2
    began = asyncio.get_running_loop().time()
    after = await inlined(images(fetcher), outline([picture(url) for url in urls]))
    assert after == [picture(f"data:image/png;base64,{DOT}")] * 20
    assert sorted(fetcher.asked) == sorted(set(urls))
    assert fetcher.most == 4
    assert asyncio.get_running_loop().time() - began == 3


def test_what_nobody_has_to_fetch() -> None:
    read = outline([picture()])
    assert linked(images(), read) == 1
    assert linked(images(fetch=False), read) == 0
    for kind in ("openai", "openai_responses", "anthropic", "google"):
        assert linked(images(kind=kind), read) == 0, "vendors fetch by themselves"
    for operation in (Operation.EMBED, Operation.COMPLETE):
        assert linked(images(), read, operation) == 0
    assert linked(images(), outline(["x"])) == 0


def test_tokens_are_counted_with_the_images_where_the_upstream_counts() -> None:
    source = {"type": "image", "source": {"type": "url", "url": URL}}
    assert linked(images(), outline([source], "anthropic"), Operation.COUNT, "anthropic") == 1
    assert linked(images(), outline([picture()]), Operation.COUNT) == 0, "estimated: an image counts the same anywhere"


def test_the_number_has_a_limit() -> None:
    read = outline([picture(f"{URL}?{number}") for number in range(4)])
    assert linked(images(max_count=4), read) == 4
    with pytest.raises(Refused) as caught:
        linked(images(max_count=3), read)
    failure = caught.value.failure
    assert failure.param == "messages[0].content[3].image_url.url"
    assert failure.code == "too_many_images"
    assert "4 images or documents by URL, and `images.max_count` allows 3" in failure.message


async def test_a_failed_fetch_names_its_place_and_ends_the_others() -> None:
    def there(url: str) -> bytes:
        if url.endswith("?1"):
            raise FetchFailed("its server answered 404", "invalid_image_url")
        return PNG

    fetcher = Fetcher(there)
    failure = await refused(images(fetcher), outline([picture(f"{URL}?{number}") for number in range(12)]))
    assert (failure.param, failure.code) == ("messages[0].content[1].image_url.url", "invalid_image_url")
    assert failure.message.startswith(
        "`messages[0].content[1].image_url.url` could not be fetched: its server answered 404. Send it"
    )
    assert fetcher.running == 0
    assert len(fetcher.asked) < 12
    assert "example" not in failure.message


async def test_all_together_have_a_time() -> None:
    fetcher = Fetcher(takes=4)
    read = outline([picture(f"{URL}?{number}") for number in range(8)])
    failure = await refused(images(fetcher, timeout=5), read)
    assert (failure.param, failure.code) == ("messages[0].content[4].image_url.url", "image_timeout")
    assert "could not be fetched within the 5 s that `images.timeout` allows" in failure.message
    assert asyncio.get_running_loop().time() == 5
    assert fetcher.running == 0


async def test_a_fetch_is_told_its_rules() -> None:
    fetcher = Fetcher()
    await inlined(images(fetcher, max_size=99, allow=("images.example",)), outline([picture()]))
    (rules,) = fetcher.rules
    assert (rules.size, rules.wanted) == (99, "a PNG, JPEG, GIF or WebP image")
    assert rules.lets("images.example", "10.0.0.1")
    assert not rules.lets("other.example", "10.0.0.1")


async def test_a_request_with_its_images_is_no_larger_than_any_other_may_be() -> None:
    read = outline([picture()] * 3)
    room = len(base64.b64encode(PNG)) * 3
    size = len(read.body.text)
    fetcher = Fetcher()
    await inlined(images(fetcher, max_body=size + room), read)
    assert fetcher.rules[0].size == room // 3 // 4 * 3
    with pytest.raises(Refused) as caught:
        await inlined(images(Fetcher(), max_body=size + room - 1), read)
    failure = caught.value.failure
    assert (failure.param, failure.code) == ("messages[0].content[0].image_url.url", "image_too_large")
    assert "`max_body`" in failure.message


async def test_a_member_that_stands_twice_is_refused() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":'
    body += b'{"url":"http://a/b","url":"http://a/c"}}]}]}'
    read = DIALECTS["openai_chat"].outline(Entry(dialect=DIALECTS["openai_chat"]).incoming(body))
    with pytest.raises(Refused) as caught:
        await inlined(images(), read)
    assert (caught.value.failure.status, caught.value.failure.code) == (400, "invalid_json")


ASKED = ask(messages=[{"role": "user", "content": [picture()]}], timeout=3)


async def test_an_exchange_sends_data_in_the_place_of_urls() -> None:
    there = stage(Play(headers=JSON, body=[(0, WHOLE)]))
    there.relay.main.images.fetch = Fetcher(takes=2)
    done = await there.run(FakeClient([(0, ASKED)]))
    assert (done.client.status, done.took) == (200, 2)
    sent = json.loads(there.upstream.calls[0].body or b"")
    assert sent["messages"] == [{"role": "user", "content": [picture(f"data:image/png;base64,{DOT}")]}]
    assert "timeout" not in sent


async def test_a_fetch_counts_towards_the_requests_own_time() -> None:
    there = stage(Play(headers=JSON, body=[(0, WHOLE)]))
    there.relay.main.images.fetch = fetcher = Fetcher(takes=10)
    done = await there.run(FakeClient([(0, ASKED)]))
    assert (done.client.status, done.took, fetcher.running) == (504, 3, 0)
    error = done.client.json()["error"]
    assert error["code"] == "timeout_total"
    assert "while its images were being fetched" in error["message"]
    assert (done.record.outcome, done.record.phase) == (Outcome.TIMEOUT, "fetching")
    assert there.upstream.calls == []


async def test_a_client_that_leaves_ends_its_fetches() -> None:
    there = stage(Play(headers=JSON, body=[(0, WHOLE)]))
    there.relay.main.images.fetch = fetcher = Fetcher(takes=10)
    done = await there.run(FakeClient([(0, ASKED)], leave=1))
    assert (done.took, fetcher.running) == (1, 0)
    assert (done.record.outcome, done.record.phase) == (Outcome.CANCELLED, "fetching")
    assert there.upstream.calls == []


async def test_the_process_stopping_ends_them_too() -> None:
    there = stage(Play(headers=JSON, body=[(0, WHOLE)]))
    there.relay.main.images.fetch = fetcher = Fetcher(takes=10)
    asyncio.get_running_loop().call_later(1, there.relay.end_all)
    done = await there.run(FakeClient([(0, ASKED)]))
    assert (done.client.status, done.took, fetcher.running) == (503, 1, 0)


async def test_the_requests_own_time_comes_before_that_of_its_images() -> None:
    """The watchdog's cancellation is none of the fetch's own time limit, even at the same moment."""
    there = stage(Play(headers=JSON, body=[(0, WHOLE)]), Config(user="t", images=ImagesConfig(timeout=3)))
    there.relay.main.images.fetch = Fetcher(takes=10)
    done = await there.run(FakeClient([(0, ASKED)]))
    assert (done.client.status, done.took) == (504, 3)


async def test_what_has_been_fetched_serves_every_attempt() -> None:
    on, fetcher = stage([Play(refuse=True), Play(headers=JSON, body=[(0, WHOLE)])]), Fetcher()
    on.relay.main.images.fetch = fetcher
    done = await on.run(FakeClient([(0, ask(messages=[{"role": "user", "content": [picture()]}]))]))
    assert (done.client.status, done.record.attempts, fetcher.asked) == (200, 2, [URL])
