"""Images by URL, with the four official SDKs through the real process: the upstream gets data, whoever asks."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.pictures import PDF, Pictures, pictures
from support.process import PATIENCE, RelayProcess
from support.said import DOT, Speaker
from support.speakers import MODELS, SPEAKERS

LIMITS = "images: {allow: [127.0.0.1], max_size: 2000, max_count: 3, timeout: 1}\n"


@pytest.fixture(scope="module")
def there() -> Iterator[Pictures]:
    with pictures() as running:
        yield running


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess("--simulate", config=LIMITS) as process:
        yield process


@pytest.fixture(params=SPEAKERS)
def speaker(request: pytest.FixtureRequest, relay: RelayProcess) -> Iterator[Speaker]:
    made = SPEAKERS[request.param](relay.url)
    yield made
    made.close()


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    streamed: bool = request.param
    return streamed


def sent(relay: RelayProcess) -> str:
    """Return the last body that the upstream got, as text."""
    return json.dumps(relay.exchanges()[-1]["body"])


@pytest.mark.parametrize("page", ["dot.png", "odd", "moved"])
@pytest.mark.parametrize("model", MODELS)
def test_the_upstream_gets_data(
    relay: RelayProcess, there: Pictures, speaker: Speaker, model: str, stream: bool, page: str
) -> None:
    url = f"{there.url}/{page}?{speaker.name}-{model}-{stream}"
    said = speaker.say(model, "what is it?", stream=stream, image=url)
    assert "1 image" in said.text
    body = sent(relay)
    assert DOT in body
    assert there.url not in body
    assert f"/{page}?{speaker.name}-{model}-{stream}" in there.asked
    assert not {"authorization", "x-api-key", "x-goog-api-key", "cookie"} & set(there.headers[-1])


FAULTS = {
    "page": "is not a PNG, JPEG, GIF or WebP image",
    "nothing.png": "its server answered 404",
    "large.png": "larger than the 2000 bytes",
    "inside": "is not one that the relay may ask",
    "slow.png": "within the 1 s that `images.timeout` allows",
}
PLACES = {
    "openai_chat": "messages[0].content[1].image_url.url",
    "openai_responses": "input[0].content[1].image_url",
    "anthropic": "messages[0].content[1].source.url",
    # As the SDK writes it, which mixes both spellings.
    "google": "contents[0].parts[1].fileData.file_uri",
}


@pytest.mark.parametrize("page", FAULTS)
@pytest.mark.parametrize("model", MODELS[:2])
def test_what_cannot_be_fetched_is_the_sdks_own_400(
    relay: RelayProcess, there: Pictures, speaker: Speaker, model: str, stream: bool, page: str
) -> None:
    before = len(relay.exchanges())
    with pytest.raises(speaker.failures) as caught:
        speaker.say(model, "what is it?", stream=stream, image=f"{there.url}/{page}")
    assert getattr(caught.value, "status_code", getattr(caught.value, "code", None)) == 400
    told = str(caught.value)
    assert FAULTS[page] in told
    assert PLACES[speaker.name] in told
    assert "Send it as data instead" in told
    assert "127.0.0" not in told
    assert len(relay.exchanges()) == before


def test_a_slow_server_ends_with_the_requests_own_deadline(there: Pictures, speaker: Speaker, stream: bool) -> None:
    there.left.clear()
    with pytest.raises(speaker.failures) as caught:
        speaker.say(MODELS[0], "what is it?", stream=stream, image=f"{there.url}/slow.png", timeout=0.4)
    assert getattr(caught.value, "status_code", getattr(caught.value, "code", None)) == 504
    assert "while its images were being fetched" in str(caught.value)
    assert there.left.wait(PATIENCE)


def test_a_client_that_leaves_ends_the_fetch(relay: RelayProcess, there: Pictures) -> None:
    there.left.clear()
    since = len(relay.stderr_lines)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{relay.url}/v1/chat/completions", json=chat(f"{there.url}/slow.png"), timeout=0.5)
    assert there.left.wait(PATIENCE)
    line = relay.wait_for(lambda text: "phase=fetching" in text and "outcome=cancelled" in text, since)
    assert "slow.png" not in line


def chat(*urls: str) -> dict[str, Any]:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"model": MODELS[0], "messages": [{"role": "user", "content": parts}]}


def test_too_many(relay: RelayProcess, there: Pictures) -> None:
    reply = httpx.post(f"{relay.url}/v1/chat/completions", json=chat(*[f"{there.url}/dot.png"] * 4))
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (400, "too_many_images")
    assert error["param"] == "messages[0].content[3].image_url.url"


def test_a_pdf_is_sent_on_as_data(relay: RelayProcess, there: Pictures) -> None:
    part = {"type": "input_file", "file_url": f"{there.url}/report.pdf"}
    asked = {"model": MODELS[0], "input": [{"role": "user", "content": [part]}]}
    assert httpx.post(f"{relay.url}/v1/responses", json=asked).status_code == 200
    data = base64.b64encode(PDF).decode()
    made = {"type": "input_file", "filename": "report.pdf", "file_data": f"data:application/pdf;base64,{data}"}
    assert relay.exchanges()[-1]["body"]["input"][0]["content"] == [made]


@pytest.mark.parametrize("config", ["images: {fetch: false, allow: [127.0.0.1]}\n", ""], ids=["off", "not allowed"])
def test_nobody_is_asked(there: Pictures, config: str) -> None:
    url = f"{there.url}/dot.png"
    before = len(there.asked)
    with RelayProcess("--simulate", config=config) as relay:
        reply = httpx.post(f"{relay.url}/v1/chat/completions", json=chat(url))
        seen = [row["body"] for row in relay.exchanges()]
    if config:
        assert [body["messages"] for body in seen] == [chat(url)["messages"]], "passed on as it came"
    else:
        assert (reply.status_code, seen) == (400, [])
        assert "is not one that the relay may ask" in reply.json()["error"]["message"]
    assert len(there.asked) == before
