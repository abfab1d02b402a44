"""The real command against every way to fail: what a person reads, what a program reads, and the exit status."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from support.certificates import Authority, refusing, self_signed
from support.process import COMMAND, SimulatorProcess, run_command
from support.proxies import http_proxy, socks_proxy
from support.terminal import Terminal
from support.upstream import Connection, Upstream, upstream

HOST = "argo.invalid"
KNOWN = {HOST: "127.0.0.1"}
USER = {"ARGO_RELAY_USER": "tester"}
CHECKS = ["configuration", "DNS", "TCP", "proxy", "TLS", "models", "clock", "generation"]


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    with SimulatorProcess() as started:
        yield started


@pytest.fixture
def authority() -> Authority:
    return Authority()


async def doctor(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command while this loop goes on serving."""
    return await asyncio.to_thread(run_command, "doctor", *args, env=USER | env)


async def found(*args: str, **env: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit status, and each check's finding."""
    done = await doctor("--json", *args, **env)
    assert done.stderr == ""
    findings = json.loads(done.stdout)["checks"]
    assert [finding["check"] for finding in findings] == CHECKS
    return done.returncode, {finding["check"]: finding for finding in findings}


def only(findings: dict[str, dict[str, Any]], failed: str) -> tuple[str, str]:
    """Return what was found and advised of the one check that failed; all before it are fine, none after it is made."""
    at = CHECKS.index(failed)
    assert {findings[check]["severity"] for check in CHECKS[:at]} == {"ok"}
    assert {findings[check]["found"] for check in CHECKS[at + 1 :]} <= {f"not checked, because {failed} failed"}
    assert findings[failed]["severity"] == "error"
    return findings[failed]["found"], findings[failed]["advice"]


def models(off: timedelta = timedelta()) -> Callable[[Connection], Awaitable[None]]:
    """Return an upstream that lists one model, and whose clock is off."""
    body = json.dumps({"data": [{"id": "GPT-4.1-nano", "internal_id": "gpt41nano"}]}).encode()

    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            date = format_datetime(datetime.now(UTC) + off, usegmt=True)
            head = f"HTTP/1.1 200 OK\r\ndate: {date}\r\ncontent-length: {len(body)}\r\n\r\n"
            await connection.say(head.encode() + body)

    return behave


def there(port: int, **more: str) -> dict[str, str]:
    """Return the environment for an upstream that has a name only in its certificate."""
    named = {"ARGO_RELAY_UPSTREAM_BASE_URL": f"https://{HOST}:{port}"}
    return named | {f"ARGO_RELAY_UPSTREAM_{name}": value for name, value in more.items()}


def test_all_is_fine(simulator: SimulatorProcess) -> None:
    done = run_command("doctor", "--base-url", simulator.url, "--paid", env=USER)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    place = simulator.url.removeprefix("http://")
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"The upstream is {simulator.url}.", ""]
    assert [line.split()[:2] for line in lines[2:10]] == [["ok", check] for check in CHECKS]
    assert lines[2:4] == [
        "ok       configuration  no file; environment and defaults; Argo, in the name of tester",
        "ok       DNS            127.0.0.1 is an address; no name has to be looked up",
    ]
    assert lines[4].startswith(f"ok       TCP            {place} takes connections (")
    assert lines[5:7] == [
        "ok       proxy          none is used",
        "ok       TLS            none is used: the upstream's address begins with http://",
    ]
    assert "to chat with" in lines[7]
    # A date has whole seconds, and a busy machine is slow to read one.
    assert re.search(r"clock and the upstream's agree within [123] s", lines[8])
    assert "argo:gpt-4.1-nano answered within" in lines[9]
    assert lines[10:] == ["", "All is fine."]


def test_a_person_at_a_terminal_sees_colours(simulator: SimulatorProcess, tmp_path: Path) -> None:
    with Terminal((*COMMAND, "doctor", "--base-url", simulator.url), tmp_path, USER) as terminal:
        assert terminal.finish() == 0
    assert "\x1b[32mok" in terminal.shown


def test_what_costs_is_asked_for_with_paid_only(simulator: SimulatorProcess) -> None:
    done = run_command("doctor", "--base-url", simulator.url, env=USER)
    assert done.returncode == 0
    assert "-        generation     not checked, because it costs tokens; with --paid" in done.stdout


@pytest.mark.parametrize(
    ("user", "says", "advice"),
    [
        ("nobody", "ACCESS DENIED. The username 'nobody' could not be validated", "Check `user` in the configuration"),
        ("stranger", "The username 'stranger' is not authorized", "ask your division's DOO"),
        ("overdrawn", "Your Argo usage limit has been exceeded", "a new month does"),
    ],
)
async def test_a_user_whom_argo_denies_politely(simulator: SimulatorProcess, user: str, says: str, advice: str) -> None:
    status, findings = await found("--base-url", simulator.url, "--paid", ARGO_RELAY_USER=user)
    assert status == 2
    what, todo = only(findings, "generation")
    assert f"Argo turns the user {user} away, with status 200 and a notice for an answer" in what
    assert says in todo
    assert todo.isascii()
    assert "doctor" not in todo
    assert advice in todo


async def test_another_model_can_be_named(simulator: SimulatorProcess) -> None:
    for model, ending in (("claude-haiku-4.5", "tokens"), ("no-such-model", "lists all.")):
        _, findings = await found("--base-url", simulator.url, "--paid", "--model", model)
        assert findings["generation"]["found"].startswith(model)
        assert findings["generation"]["found"].endswith(ending)
    assert "status 404" in findings["generation"]["found"]


async def test_no_user() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        done = await doctor("--base-url", f"http://127.0.0.1:{closed.getsockname()[1]}", ARGO_RELAY_USER="")
    assert done.returncode == 2
    assert "there is no `user`, and Argo answers nobody without one" in done.stdout
    assert "argo-relay config init --user NAME" in done.stdout
    assert "ERROR    TCP " in done.stdout, "the way is looked at all the same"


async def test_a_configuration_that_cannot_be_used() -> None:
    done = await doctor(ARGO_RELAY_PORT="x", ARGO_RELAY_UPSTREAM_PROXY="ftp://a:s3cret@b")
    assert (done.returncode, done.stderr) == (2, "")
    assert (
        done.stdout
        == """\
ERROR    configuration  ARGO_RELAY_PORT: port: `x` is text; expected a whole number from 0 to 65535
ERROR    configuration  ARGO_RELAY_UPSTREAM_PROXY: upstream.proxy: it is not a proxy's address of that form; expected \
http(s)://, socks5:// or socks5h://[user:password@]host[:port], or none, or null for what the environment says
-        DNS            not checked, because configuration failed
-        TCP            not checked, because configuration failed
-        proxy          not checked, because configuration failed
-        TLS            not checked, because configuration failed
-        models         not checked, because configuration failed
-        clock          not checked, because configuration failed
-        generation     not checked, because configuration failed

What to do:
  configuration: Correct it; `argo-relay config check` says when it is fine, `argo-relay config
  show` what holds.
"""
    )


async def test_a_warning_is_no_error(simulator: SimulatorProcess, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("keys: [s3cret]\n")
    path.chmod(0o644)
    done = await doctor("--config", str(path), "--base-url", simulator.url)
    assert done.returncode == 1
    assert f"warning  configuration  {path} holds `keys`" in done.stdout
    assert "s3cret" not in done.stdout


async def test_a_name_that_nobody_knows() -> None:
    done = await doctor("--base-url", f"https://{HOST}/argoapi")
    assert done.returncode == 2
    assert (
        done.stdout
        == f"""\
The upstream is https://{HOST}/argoapi.

ok       configuration  no file; environment and defaults; Argo, in the name of tester
ERROR    DNS            {HOST}: its name could not be resolved
-        TCP            not checked, because DNS failed
-        proxy          not checked, because DNS failed
-        TLS            not checked, because DNS failed
-        models         not checked, because DNS failed
-        clock          not checked, because DNS failed
-        generation     not checked, because DNS failed

What to do:
  DNS: Check the name and the port in `upstream.base_url`, and this machine's network.
"""
    )


async def test_a_port_that_refuses() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        status, findings = await found("--base-url", f"http://127.0.0.1:{port}")
    assert status == 2
    what, todo = only(findings, "TCP")
    assert what == f"127.0.0.1:{port}: the connection was refused"
    assert todo.startswith("Nothing listens there: is the tunnel")


async def test_a_detour_with_the_right_certificate(authority: Authority, tmp_path: Path) -> None:
    async with upstream(models(), authority.server(HOST)) as server:
        way = there(443, CONNECT_TO=f"{HOST}:443:localhost:{server.port}", CA_BUNDLE=authority.bundle(tmp_path))
        status, findings = await found(**way)
        assert status == 0, findings
        assert findings["DNS"]["found"].startswith(
            f"{HOST}:443 is reached at localhost:{server.port}, as configured; localhost is "
        )
        assert findings["TLS"]["found"].startswith(f"TLSv1.3; the certificate for {HOST} is by trustme")
        assert findings["models"]["found"] == "1 models, 1 of them to chat with"


@pytest.mark.parametrize(
    ("case", "what", "advice"),
    [
        (
            "another name",
            "its certificate is for another name (it is for wrong.example, www.wrong.example)",
            "connect_to",
        ),
        ("expired", "its certificate has expired", "This machine believes that it is 20"),
        ("self-signed", "its certificate is self-signed", "upstream.ca_bundle"),
        ("unknown authority", "its certificate comes from an authority that is not trusted here", "inspects TLS"),
        ("no TLS", "the TLS handshake failed", "begin `upstream.base_url` with http://"),
    ],
)
@pytest.mark.parametrize("proxied", [False, True])
async def test_certificates(
    case: str, what: str, advice: str, proxied: bool, authority: Authority, tmp_path: Path
) -> None:
    servers: dict[str, ssl.SSLContext | None] = {
        "another name": authority.server("wrong.example", "www.wrong.example"),
        "expired": authority.server(HOST, days=-1),
        "self-signed": self_signed(),
        "unknown authority": Authority().server(HOST),
        "no TLS": None,
    }

    async def behave(connection: Connection) -> None:
        await connection.reader.read(1)
        await connection.say(b"220 hello, this is no TLS\r\n")
        await connection.end()

    async with upstream(behave, servers[case]) as server, AsyncExitStack() as stack:
        bundle = authority.bundle(tmp_path)
        if proxied:
            proxy = await stack.enter_async_context(http_proxy(names=KNOWN))
            way = there(server.port, CA_BUNDLE=bundle, PROXY=f"http://127.0.0.1:{proxy.port}")
        else:
            way = there(server.port, CA_BUNDLE=bundle, RESOLVE=f"{HOST}:{server.port}:127.0.0.1")
        status, findings = await found(**way)
    assert status == 2
    told, todo = only(findings, "TLS")
    assert told == f"{HOST}: {what}"
    assert advice in todo


async def test_a_certificate_that_expires_soon(authority: Authority, tmp_path: Path) -> None:
    async with upstream(models(), authority.server(HOST, days=3.4)) as server:
        way = there(server.port, CA_BUNDLE=authority.bundle(tmp_path), RESOLVE=f"{HOST}:{server.port}:127.0.0.1")
        status, findings = await found(**way)
    assert status == 1
    assert findings["TLS"]["severity"] == "warning"
    assert findings["TLS"]["found"].endswith(", in 3 days")
    assert findings["models"]["severity"] == "ok"


@pytest.mark.parametrize(
    ("off", "what"),
    [
        (timedelta(hours=1), "1 hour behind"),
        (timedelta(hours=-1), "1 hour ahead of"),
        (timedelta(days=-2, minutes=-5), "2 days 5 minutes ahead of"),
    ],
)
async def test_a_clock_that_is_off(off: timedelta, what: str) -> None:
    async with upstream(models(off)) as server:
        status, findings = await found("--base-url", server.url)
    assert status == 1
    assert findings["clock"]["severity"] == "warning"
    assert findings["clock"]["found"] == f"this machine's clock is {what} the upstream's"
    assert "timedatectl" in findings["clock"]["advice"]


PROXIES = {"http": http_proxy, "socks5": socks_proxy}


@pytest.mark.parametrize("scheme", PROXIES)
async def test_a_proxy_looks_up_the_name(scheme: str, authority: Authority, tmp_path: Path) -> None:
    async with (
        upstream(models(), authority.server(HOST)) as server,
        PROXIES[scheme](names=KNOWN, credentials=("jdoe", "s3cret")) as proxy,
    ):
        place = f"127.0.0.1:{proxy.port}"
        way = there(server.port, CA_BUNDLE=authority.bundle(tmp_path))
        status, findings = await found(**way, HTTPS_PROXY=f"{scheme}://jdoe:s3cret@{place}")
        assert status == 0, findings
        assert findings["proxy"]["found"] == f"{scheme}://{place} (from HTTPS_PROXY) connects to {HOST}:{server.port}"
        assert "s3cret" not in str(findings)
        assert set(proxy.asked) == {(HOST, server.port)}


@pytest.mark.parametrize("scheme", PROXIES)
async def test_a_proxy_that_needs_a_password(scheme: str) -> None:
    async with PROXIES[scheme](credentials=("jdoe", "right")) as proxy:
        place = f"127.0.0.1:{proxy.port}"
        status, findings = await found(**there(443, PROXY=f"{scheme}://{place}"))
        what, todo = only(findings, "proxy")
        assert (status, what) == (
            2,
            f"{scheme}://{place} (from upstream.proxy): the proxy asks for a user name and a password",
        )
        assert f"into `upstream.proxy`: {scheme}://USER:PASSWORD@{place}" in todo
        _, findings = await found(**there(443, PROXY=f"{scheme}://jdoe:s3cret@{place}"))
        assert "does not accept the user name and password" in only(findings, "proxy")[0]
        assert "s3cret" not in str(findings)


async def test_a_proxy_that_needs_a_password_for_plain_http() -> None:
    async with http_proxy(credentials=("jdoe", "right")) as proxy:
        way = there(80, PROXY=f"http://127.0.0.1:{proxy.port}")
        way["ARGO_RELAY_UPSTREAM_BASE_URL"] = f"http://{HOST}"
        _, findings = await found(**way)
    assert "is given each request by itself" in findings["proxy"]["found"]
    assert only(findings, "models")[0] == "the proxy asks for a user name and a password"


async def test_a_proxy_that_refuses() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        _, findings = await found(**there(443, PROXY=f"socks5h://{place}"))
        assert only(findings, "TCP")[0] == f"{place}: the connection was refused"
    async with http_proxy(refusal=403) as proxy:
        _, findings = await found(**there(443, PROXY=f"http://127.0.0.1:{proxy.port}"))
        what, todo = only(findings, "proxy")
        assert what.endswith("the proxy refused to connect to it (status 403)")
        assert f"does not lead to {HOST}" in todo
    async with http_proxy() as proxy:
        way = there(443, PROXY=f"socks5://127.0.0.1:{proxy.port}")
        _, findings = await found(**way, ARGO_RELAY_TIMEOUTS_CONNECT="0.5")
        assert only(findings, "proxy")[0].endswith("no answer within 0.5 s")
        assert "socks5:// for `ssh -D`" in only(findings, "proxy")[1]


async def test_a_forward_whose_far_end_gives_up() -> None:
    """As `ssh -D` does: it says yes, and closes the connection when it finds that it cannot."""

    async def behave(connection: Connection) -> None:
        connection.reset()

    async with upstream(behave) as server, socks_proxy(names=KNOWN) as proxy:
        _, findings = await found(**there(server.port, PROXY=f"socks5h://127.0.0.1:{proxy.port}"))
    what, todo = only(findings, "TLS")
    assert what == f"{HOST}: the connection was closed while it was being made"
    assert f"curl -I https://{HOST}:{server.port}" in todo


@asynccontextmanager
async def saying(head: str, body: bytes = b"") -> AsyncIterator[Upstream]:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(f"HTTP/1.1 {head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)

    async with upstream(behave) as server:
        yield server


@pytest.mark.parametrize(
    ("head", "body", "what", "advice"),
    [
        ("401 No", b"", "it answered 401", "check `upstream.key_env`"),
        ("403 No", b"", "it answered 403", "on the right network"),
        ("404 No", b"", "it answered 404", "check `upstream.base_url`"),
        ("302 Go\r\nlocation: /login", b"", "it answered 302", "login pages"),
        ("502 Bad", b"<html>", "it answered 502", "try again in some minutes"),
        ("200 OK", b"<html>log in</html>", "", "log in first"),
        ("200 OK", b'{"data": []}', "it lists no models", "upstream.kind"),
    ],
)
async def test_a_list_of_models_that_is_none(head: str, body: bytes, what: str, advice: str) -> None:
    async with saying(head, body) as server:
        status, findings = await found("--base-url", server.url)
    assert status == 2
    told, todo = only(findings, "models")
    assert what in told
    assert advice in todo


async def test_an_upstream_that_tells_no_time() -> None:
    async with saying("200 OK", b'{"data": [{"id": "m"}]}') as server:
        status, findings = await found("--base-url", server.url, ARGO_RELAY_UPSTREAM_KIND="openai")
    assert status == 0
    assert findings["clock"]["found"] == "not checked, because the upstream does not say what time it is"
    assert "an upstream of the kind openai" in findings["configuration"]["found"]


async def test_another_upstream_can_be_examined(tmp_path: Path) -> None:
    file = tmp_path / "argo-relay.yaml"
    async with saying("404 No", b"") as server:
        file.write_text(f"upstreams: {{vllm: {{kind: openai, base_url: '{server.url}'}}}}\nroutes: {{x: [vllm]}}\n")
        status, findings = await found("--config", str(file), "--upstream", "vllm")
    assert status == 2
    assert "an upstream of the kind openai" in findings["configuration"]["found"]
    assert "check `upstreams.vllm.base_url`" in only(findings, "models")[1]
    status, findings = await found("--config", str(file), "--upstream", "vlm")
    assert status == 2
    assert "no upstream is called `vlm`; known are main, vllm" in findings["configuration"]["found"]
    done = await doctor("--upstream", "vllm", "--base-url", "http://localhost:1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "leave --upstream out" in done.stderr


async def test_a_server_that_asks_who_we_are(authority: Authority, tmp_path: Path) -> None:
    of_clients = Authority()
    file, key = of_clients.client(tmp_path)
    async with upstream(models(), authority.asking(HOST, of=of_clients)) as server:
        more = {"CA_BUNDLE": authority.bundle(tmp_path), "RESOLVE": f"{HOST}:{server.port}:127.0.0.1"}
        status, findings = await found(**there(server.port, CLIENT_CERT=file, CLIENT_KEY=key, **more))
        assert status == 0, findings
        assert findings["models"]["found"] == "1 models, 1 of them to chat with"


@pytest.mark.parametrize(
    ("stranger", "told", "advice"),
    [
        (False, "it asks for a client certificate, and has got none", "`upstream.client_cert`"),
        (True, "it does not accept the client certificate that it was shown", "which authority"),
    ],
)
async def test_a_server_that_does_not_learn_who_we_are(
    stranger: bool, told: str, advice: str, authority: Authority, tmp_path: Path
) -> None:
    """TLS 1.3 says so only after the handshake, so it is the first request that learns of it."""
    file, key = Authority().client(tmp_path)
    with refusing(authority.asking(HOST, of=Authority())) as port:
        more = {"CA_BUNDLE": authority.bundle(tmp_path), "RESOLVE": f"{HOST}:{port}:127.0.0.1"}
        shown = {"CLIENT_CERT": file, "CLIENT_KEY": key} if stranger else {}
        status, findings = await found(**there(port, **shown, **more))
    assert status == 2
    assert findings["TLS"]["severity"] == "ok"
    found_there, todo = only(findings, "models")
    assert told in found_there
    assert advice in todo


async def test_at_a_unix_socket(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="relay-") as place:
        path = f"{place}/a.sock"
        way = {"ARGO_RELAY_UPSTREAM_BASE_URL": "http://localhost", "ARGO_RELAY_UPSTREAM_SOCKET": path}
        async with upstream(models(), socket_path=path):
            status, findings = await found(**way)
            assert status == 0, findings
            assert findings["DNS"]["found"].startswith("no name has to be looked up")
            assert findings["TCP"]["found"].startswith(f"{path} takes connections (")
        status, findings = await found(**way | {"ARGO_RELAY_UPSTREAM_SOCKET": f"{place}/other.sock"})
        assert status == 2
        told, todo = only(findings, "TCP")
        assert told == f"{place}/other.sock: its socket does not exist"
        assert "`upstream.socket`" in todo


async def test_a_certificate_for_another_name_at_a_unix_socket(authority: Authority, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="relay-") as place:
        path = f"{place}/a.sock"
        async with upstream(models(), authority.server("wrong.example"), path):
            way = there(443, CA_BUNDLE=authority.bundle(tmp_path), SOCKET=path)
            status, findings = await found(**way)
    assert status == 2
    assert "(it is for wrong.example)" in only(findings, "TLS")[0]
