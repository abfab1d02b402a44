"""What the command's own tests do not reach: patience, and an upstream that takes its time."""

from __future__ import annotations

import pytest

from argo_relay.clock import SystemClock
from argo_relay.config.load import load
from argo_relay.doctor.case import Case, case_of
from argo_relay.doctor.finding import Check, Trouble
from argo_relay.doctor.network import check_dns, check_tcp, check_tls
from support.inside import full_queue
from support.upstream import Connection, upstream


def case(base_url: str, patience: float = 10) -> Case:
    overrides = {"user": "jdoe", "upstream.base_url": base_url, "timeouts.connect": patience}
    loaded = load(environ={"HOME": "/nowhere"}, overrides=overrides)
    return case_of(loaded, {}, SystemClock(), paid=False, model=None)


async def test_an_address_that_does_not_answer() -> None:
    with full_queue() as url, pytest.raises(Trouble) as failed:
        await check_tcp(case(url, 0.1))
    assert failed.value.finding.check is Check.TCP
    assert failed.value.finding.found == f"{url.removeprefix('http://')}: no answer within 0.1 s"


async def test_a_handshake_that_nobody_answers() -> None:
    async def behave(connection: Connection) -> None:
        await connection.end()

    async with upstream(behave) as there:
        silent = case(f"https://127.0.0.1:{there.port}", 0.1)
        finding, writer = await check_tcp(silent)
        assert finding.found.startswith(f"127.0.0.1:{there.port} takes connections (")
        with pytest.raises(Trouble) as failed:
            await check_tls(silent, writer)
        assert writer.is_closing()
    assert failed.value.finding.found == "127.0.0.1: no answer within 0.1 s"


async def test_a_name_on_this_machine() -> None:
    finding = await check_dns(case("http://localhost:1"))
    assert finding.found.startswith("localhost is ")
    assert "127.0.0.1" in finding.found
