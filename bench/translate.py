"""What an event costs on its way between two dialects: CPU time, beside llm-rosetta in the same run.

    .venv/bin/python bench/translate.py            ours alone
    .venv/bin/python bench/translate.py --peer     llm-rosetta 0.13.0 as well, installed into a folder of its own

Each crossing gets the same stream: 400 pieces of text, then a call whose arguments come in 50 pieces. Both sides start
from the bytes of each event's JSON and end with bytes. Rounds alternate; the medians and their ratio are printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from argo_relay.dialects.base import Dialect, Incoming, Target, encode_events
from argo_relay.dialects.table import DIALECTS
from argo_relay.framing import jsonx
from argo_relay.neutral.content import Text, ToolCall
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Ended,
    Event,
    PartEnded,
    PartStarted,
    Started,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.reply import Stop, Usage
from argo_relay.neutral.request import Request

ROUNDS: Final = 7
_PEER: Final = "llm-rosetta==0.13.0"
_PEER_LOOP: Final = """
import json, sys, time
from llm_rosetta import ConversionPipeline
for line in sys.stdin:
    job = json.loads(line)
    pipeline = ConversionPipeline(job["client"], job["upstream"])
    pipeline.convert_request(job["request"])
    frames = [frame.encode() for frame in job["frames"]]
    processor = pipeline.create_stream_processor()
    began = time.process_time()
    for frame in frames:
        for chunk in processor.process_chunk(json.loads(frame)):
            json.dumps(chunk, ensure_ascii=False).encode()
    print(json.dumps(time.process_time() - began), flush=True)
"""
_NAMES: Final = {"google": "google_generate"}


def events() -> Iterator[Event]:
    """Yield the reply that every crossing carries."""
    yield Started(id="msg_1", model="model", created=1)
    yield PartStarted(index=0, part=Text(text=""))
    for number in range(400):
        yield TextDelta(index=0, text=f" word{number}")
    yield PartEnded(index=0)
    yield PartStarted(index=1, part=ToolCall(id="call_1", name="look_up"))
    for piece in ('{"text": "', *(f"w{number} " for number in range(48)), '"}'):
        yield ArgumentsDelta(index=1, text=piece)
    yield PartEnded(index=1)
    yield UsageSeen(usage=Usage(input=10, output=450))
    yield Ended(stop=Stop(reason="tool_calls"))


def request_of(dialect: str) -> dict[str, Any]:
    """Return a small request of a dialect's."""
    said = [{"role": "user", "content": "hi"}]
    requests: dict[str, dict[str, Any]] = {
        "openai_chat": {"model": "m", "messages": said, "stream": True},
        "openai_responses": {"model": "m", "input": said, "stream": True},
        "anthropic": {"model": "m", "messages": said, "max_tokens": 99, "stream": True},
        "google": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    }
    return requests[dialect]


def decoded(client: Dialect, body: dict[str, Any]) -> Request:
    """Return a client's request."""
    return client.decode_request(client.outline(Incoming(body=jsonx.encode(body), model="m", stream=True)))


def stream_of(upstream: Dialect) -> bytes:
    """Return the stream as an upstream of a dialect sends it."""
    return encode_events(upstream.stream_encoder(decoded(upstream, request_of(upstream.name))), events())


def crossing(upstream: Dialect, client: Dialect, stream: bytes) -> float:
    """Return the CPU seconds of one stream from one dialect to another."""
    encoder = client.stream_encoder(decoded(client, request_of(client.name)))
    decoder = upstream.stream_decoder()
    splitter = upstream.framing.splitter()
    began = time.process_time()
    for frame in splitter.feed(stream):
        for event in decoder.feed(frame):
            encoder.feed(event)
    for event in decoder.finish():
        encoder.feed(event)
    return time.process_time() - began


def watching(upstream: Dialect, stream: bytes) -> float:
    """Return the CPU seconds of watching one stream that is relayed; cutting it into frames is not counted."""
    watch = upstream.watch_stream()
    frames = upstream.framing.splitter().feed(stream)
    began = time.process_time()
    for frame in frames:
        watch.feed(frame)
    watch.finish()
    return time.process_time() - began


def agent_request() -> bytes:
    """Return an agent's request of about 250 KB: 40 tools, 120 turns of calls and results."""
    schema = {
        "type": "object",
        "properties": {f"field{n}": {"type": "string", "description": "x" * 60} for n in range(9)},
    }
    tools = [{"name": f"tool{n}", "description": "y" * 800, "input_schema": schema} for n in range(40)]
    turns: list[dict[str, Any]] = []
    for number in range(60):
        call = {"type": "tool_use", "id": f"toolu_{number}", "name": "tool1", "input": {"field1": "z" * 300}}
        result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": "r" * 2400}
        turns += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    first = {"role": "user", "content": "go"}
    body = {"model": "m", "max_tokens": 99, "messages": [first, *turns], "tools": tools, "stream": True}
    return jsonx.encode(body)


def requesting(body: bytes, upstream: Dialect) -> float:
    """Return the CPU seconds of turning one agent request into another dialect."""
    client = DIALECTS["anthropic"]
    began = time.process_time()
    request = client.decode_request(client.outline(Incoming(body=body)))
    members, _ = upstream.encode_request(request, Target(model="m"))
    jsonx.encode(members)
    return time.process_time() - began


@contextmanager
def peer(wanted: bool) -> Iterator[Callable[[str, str, list[str]], float] | None]:
    """Yield a function that has the peer carry a stream, or None."""
    if not wanted:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", _PEER], check=True, stderr=subprocess.DEVNULL)
        process = subprocess.Popen([python, "-c", _PEER_LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def carry(upstream: str, client: str, frames: list[str]) -> float:
            assert process.stdin is not None
            assert process.stdout is not None
            names = {"upstream": _NAMES.get(upstream, upstream), "client": _NAMES.get(client, client)}
            process.stdin.write(json.dumps(names | {"request": request_of(client), "frames": frames}) + "\n")
            process.stdin.flush()
            seconds: float = json.loads(process.stdout.readline())
            return seconds

        try:
            yield carry
        finally:
            process.kill()
            process.wait()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", action="store_true", help="measure llm-rosetta in the same run")
    with peer(parser.parse_args().peer) as carry:
        print(f"{'upstream':>17} -> {'client':<17} {'us an event':>11} {'llm-rosetta':>12} {'ratio':>6}")
        for upstream in DIALECTS.values():
            stream = stream_of(upstream)
            frames = [frame.data.decode() for frame in upstream.framing.splitter().feed(stream) if frame.data]
            carried = [frame for frame in frames if frame != "[DONE]"]
            for client in DIALECTS.values():
                if client is upstream:
                    continue
                ours, theirs = [], []
                for _ in range(ROUNDS):
                    ours.append(crossing(upstream, client, stream))
                    if carry is not None:
                        theirs.append(carry(upstream.name, client.name, carried))
                show(f"{upstream.name:>17} -> {client.name:<17}", len(frames), ours, theirs)
            watched = [watching(upstream, stream) for _ in range(ROUNDS)]
            show(f"{upstream.name:>17} == {'watched':<17}", len(frames), watched, [])
    body = agent_request()
    for upstream in DIALECTS.values():
        if upstream.name != "anthropic":
            took = statistics.median(requesting(body, upstream) for _ in range(ROUNDS * 3))
            print(f"a request of {len(body) // 1000} KB, anthropic -> {upstream.name:<17} {took * 1e3:.2f} ms")


def show(name: str, count: int, ours: list[float], theirs: list[float]) -> None:
    """Print a row: microseconds an event of the upstream's."""
    own = statistics.median(ours) / count * 1e6
    other = statistics.median(theirs) / count * 1e6 if theirs else None
    rest = f"{other:12.1f} {other / own:6.1f}" if other is not None else ""
    print(f"{name} {own:11.2f} {rest}")


if __name__ == "__main__":
    main()
