"""Compressed bodies, cut anywhere, broken anywhere, and far larger than they look."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from argo_relay.errors import ConnectionBroken
from argo_relay.transport.inflate import Inflater, inflater_of

TEXT = bytes(range(256)) * 20


def raw_deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(data) + machine.flush()


ENCODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "its old name": ("X-GZIP", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "deflate without its header": ("deflate", raw_deflate),
}


def inflated(encoding: str, *pieces: bytes) -> bytes:
    inflater = inflater_of(encoding)
    assert inflater is not None
    out = b""
    for piece in pieces:
        out += inflater.feed(piece)
        while inflater.waiting:
            out += inflater.feed(b"")
    inflater.finish()
    return out


@pytest.mark.parametrize("case", ENCODINGS)
def test_it_comes_out_as_it_went_in_however_it_is_cut(case: str) -> None:
    encoding, compress = ENCODINGS[case]
    data = compress(TEXT)
    assert inflated(encoding, data) == TEXT
    assert inflated(encoding, b"", *(data[at : at + 1] for at in range(len(data)))) == TEXT


def test_several_one_after_the_other() -> None:
    data = gzip.compress(b"one, ") + gzip.compress(b"two")
    for at in range(len(data)):
        assert inflated("gzip", data[:at], data[at:]) == b"one, two"


def test_nothing_at_all() -> None:
    assert inflated("deflate") == b""
    assert inflated("gzip", gzip.compress(b"")) == b""


@pytest.mark.parametrize("case", ENCODINGS)
def test_what_has_no_end(case: str) -> None:
    encoding, compress = ENCODINGS[case]
    data = compress(TEXT)
    for at in (1, len(data) // 2, len(data) - 1):
        with pytest.raises(ConnectionBroken, match="closed the connection before"):
            inflated(encoding, data[:at])


@pytest.mark.parametrize("data", [b"hello, world", b"\x1f\x8bnot gzip at all"])
def test_what_is_not_compressed(data: bytes) -> None:
    with pytest.raises(ConnectionBroken, match="not compressed as its head says"):
        inflated("gzip", data)


def test_what_is_damaged() -> None:
    data = bytearray(gzip.compress(TEXT))
    data[-6] ^= 1
    with pytest.raises(ConnectionBroken, match="not compressed as its head says"):
        inflated("gzip", bytes(data))


@pytest.mark.parametrize("size", [256 * 1024, 256 * 1024 + 1, 50_000_000])
def test_it_grows_a_bounded_piece_at_a_time(size: int) -> None:
    inflater = Inflater("gzip")
    sizes = [len(inflater.feed(gzip.compress(bytes(size))))]
    while inflater.waiting:
        sizes.append(len(inflater.feed(b"")))
    inflater.finish()
    assert sum(sizes) == size
    assert max(sizes) == 256 * 1024


@pytest.mark.parametrize("encoding", ["identity", "br", "zstd", "gzip, gzip", ""])
def test_what_is_left_as_it_is(encoding: str) -> None:
    assert inflater_of(encoding) is None
