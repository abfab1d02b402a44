"""Who comes in, and what they are told who do not."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from argo_relay.config.schema import Config
from argo_relay.server.app import create_app
from support.site import error_of, site
from support.stage import JSON, WHOLE, Play, ask, stage

KEYED = Config(user="tester", keys=("first-key", "second-key"))
PAGE = "https://app.example.org"
WEB = Config(user="tester", keys=("first-key",), origins=(PAGE,))
ANSWERS = Play(headers=JSON, body=[(0, WHOLE)])


@pytest.mark.parametrize(
    "path", ["/nope", "/v1", "/v1/", "/v1/nope", "/v2/models", "/health/", "/v1/chat/completions/", "/%FF%00%0A"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_a_404(method: str, path: str) -> None:
    async with site() as there:
        reply = await there.http.request(method, path, headers={"x-request-id": "mine"})
    assert reply.status_code == 404
    error = error_of(reply)
    assert error["code"] == "path_not_found"
    assert error["type"] == "not_found_error"
    assert reply.headers["x-request-id"] == "mine"


@pytest.mark.parametrize("host", ["[", "a?b", "x/y", "a#b", ""])
async def test_an_odd_host_changes_nothing(host: str) -> None:
    async with site() as there:
        error = error_of(await there.http.get("/nope", headers={"host": host}))
    assert "/nope" in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", {"POST"}),
        ("HEAD", "/chat/completions", {"POST"}),
        ("PUT", "/v1/chat/completions", {"POST"}),
        ("OPTIONS", "/v1/chat/completions", {"POST"}),
        ("POST", "/", {"GET", "HEAD"}),
        ("POST", "/v1/models", {"GET", "HEAD"}),
        ("DELETE", "/v1/models/gpt-4o", {"GET", "HEAD"}),
        ("POST", "/health", {"GET", "HEAD"}),
        ("PATCH", "/ready", {"GET", "HEAD"}),
    ],
)
async def test_a_wrong_method_is_a_405_that_says_which_is_right(method: str, path: str, allowed: set[str]) -> None:
    async with site() as there:
        reply = await there.http.request(method, path)
    assert reply.status_code == 405
    assert set(reply.headers["allow"].split(", ")) == allowed
    assert reply.headers["x-request-id"].startswith("req_")
    if method != "HEAD":
        error = error_of(reply)
        assert error["code"] == "method_not_allowed"
        assert method in error["message"]
        assert all(one in error["message"] for one in allowed)


async def test_a_request_id_that_cannot_be_passed_on_is_replaced() -> None:
    async with site() as there:
        for given in (b"x" * 129, b"a b", b"\xe9"):
            reply = await there.http.get("/nope", headers={b"x-request-id": given})
            assert reply.headers["x-request-id"].startswith("req_")


async def test_extra_routes_pass_the_same_gate() -> None:
    def page(_: Request) -> PlainTextResponse:
        return PlainTextResponse("extra")

    app = create_app(stage(Play(), KEYED).relay, [Route("/extra", page)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://relay") as http:
        assert (await http.get("/extra")).status_code == 401
        assert (await http.get("/extra", headers={"x-api-key": "first-key"})).text == "extra"


@pytest.mark.parametrize("kind", ["websocket", "something"])
async def test_what_is_no_http_is_left_alone(kind: str) -> None:
    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("nothing is read")

    async def send(_: MutableMapping[str, Any]) -> None:
        raise AssertionError("nothing is said")

    scope = {"type": kind, "path": "/v1/responses", "headers": [], "query_string": b""}
    await create_app(stage(Play(), WEB).relay)(scope, receive, send)


GOOD: dict[str, dict[str, str]] = {
    "bearer": {"authorization": "Bearer second-key"},
    "bearer in lower case": {"authorization": "bearer first-key"},
    "authorization alone": {"authorization": "first-key"},
    "anthropic": {"x-api-key": "first-key"},
    "google": {"x-goog-api-key": "second-key"},
    "azure": {"api-key": "second-key"},
}
BAD: dict[str, dict[str, Any]] = {
    "none": {},
    "another": {"authorization": "Bearer third-key"},
    "half of one": {"x-api-key": "first"},
    "empty": {"authorization": "Bearer "},
    "two together": {"api-key": "first-key,second-key"},
    "not ASCII": {"x-api-key": "first-k\xe9y".encode("latin-1")},
    "basic": {"authorization": "Basic first-key"},
}


@pytest.mark.parametrize("form", GOOD)
async def test_a_key_in_any_form_opens(form: str) -> None:
    async with site(ANSWERS, KEYED) as there:
        assert (await there.http.get("/v1/models", headers=GOOD[form])).status_code == 200
        reply = await there.http.post("/v1/chat/completions", content=ask(), headers=GOOD[form])
        assert reply.content == WHOLE
        sent = there.stage.upstream.calls[0]
    assert "first-key" not in str(sent)
    assert "second-key" not in str(sent)


@pytest.mark.parametrize("form", BAD)
async def test_without_a_key_nothing_is_told_and_nothing_is_sent(form: str) -> None:
    async with site(ANSWERS, KEYED) as there:
        for method, path in (
            ("GET", "/v1/models"),
            ("GET", "/ready"),
            ("GET", "/v1/models/gpt-4o"),
            ("GET", "/nope"),
            ("POST", "/v1/chat/completions"),
            ("POST", "/chat/completions"),
        ):
            reply = await there.http.request(
                method, path, content=ask() if method == "POST" else b"", headers=BAD[form]
            )
            assert reply.status_code == 401, path
            error = error_of(reply)
            assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")
            assert "first-key" not in reply.text
        assert there.calls == []
        assert there.stage.records == []


@pytest.mark.parametrize("key", ["key-of-alice", "door"])
async def test_a_users_key_opens_as_keys_do(key: str) -> None:
    config = Config(user="tester", keys=("door",), users={"key-of-alice": "alice"})
    async with site(ANSWERS, config) as there:
        assert (await there.http.get("/v1/models")).status_code == 401
        assert (await there.http.get(f"/v1beta/models?key={key}")).status_code == 200
        reply = await there.http.post("/v1/chat/completions", content=ask(), headers={"x-api-key": key})
        assert reply.status_code == 200
        (call,) = there.stage.upstream.calls
    who = "alice" if key == "key-of-alice" else "tester"
    assert dict(call.headers)["authorization"] == f"Bearer {who}"
    assert key not in str(call)


async def test_a_users_keys_alone_close_the_door() -> None:
    async with site(ANSWERS, Config(users={"key-of-alice": "alice"})) as there:
        assert error_of(await there.http.get("/v1/models"))["code"] == "invalid_api_key"
        assert (await there.http.get("/v1/models", headers={"api-key": "key-of-alice"})).status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/version"])
@pytest.mark.parametrize("form", BAD)
async def test_open_paths_need_no_key(form: str, path: str) -> None:
    async with site(config=KEYED) as there:
        assert (await there.http.get(path, headers=BAD[form])).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:44497", "", PAGE])
@pytest.mark.parametrize("path", ["/", "/health", "/v1/models", "/v1/chat/completions"])
async def test_web_pages_are_refused(path: str, origin: str) -> None:
    async with site(ANSWERS) as there:
        reply = await there.http.post(path, content=ask(), headers={"origin": origin})
        assert reply.status_code == 403
        assert error_of(reply)["code"] == "origin_not_allowed"
        assert "access-control-allow-origin" not in reply.headers
        assert there.calls == []


async def test_an_allowed_page_may_ask_and_read() -> None:
    async with site(ANSWERS, WEB) as there:
        asked = await there.http.options(
            "/v1/chat/completions",
            headers={
                "origin": PAGE,
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,content-type,x-stainless-os",
            },
        )
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == PAGE
        assert "POST" in asked.headers["access-control-allow-methods"]
        assert "x-stainless-os" in asked.headers["access-control-allow-headers"]
        reply = await there.http.post(
            "/v1/chat/completions", content=ask(), headers={"origin": PAGE, "authorization": "Bearer first-key"}
        )
        assert (reply.status_code, reply.content) == (200, WHOLE)
        assert reply.headers["access-control-allow-origin"] == PAGE


async def test_an_allowed_page_without_a_key_can_read_why_it_is_refused() -> None:
    async with site(ANSWERS, WEB) as there:
        reply = await there.http.post("/v1/chat/completions", content=ask(), headers={"origin": PAGE})
        assert error_of(reply)["code"] == "invalid_api_key"
        assert reply.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "GET"])
async def test_another_page_is_refused_where_one_is_allowed(method: str) -> None:
    headers = {
        "origin": "https://app.example.org.evil.example",
        "access-control-request-method": "POST",
        "authorization": "Bearer first-key",
    }
    async with site(ANSWERS, WEB) as there:
        reply = await there.http.request(method, "/v1/chat/completions", headers=headers)
        assert reply.status_code == 403
        assert error_of(reply)["code"] == "origin_not_allowed"
        assert "access-control-allow-origin" not in reply.headers


async def test_programs_need_no_origin_where_pages_are_allowed() -> None:
    async with site(ANSWERS, WEB) as there:
        reply = await there.http.get("/v1/models", headers={"authorization": "Bearer first-key"})
        assert reply.status_code == 200
        assert "access-control-allow-origin" not in reply.headers


SHAPES = {
    "/v1/chat/completions": "code",
    "/v1/responses": "code",
    "/v1/messages": "type",
    "/v1/messages/count_tokens": "type",
    "/v1beta/models/m:generateContent": "status",
    "/v1beta/nope": "status",
}


@pytest.mark.parametrize("path", SHAPES)
async def test_whoever_is_not_let_in_is_told_in_their_own_dialect(path: str) -> None:
    async with site(ANSWERS, KEYED) as there:
        for headers, status in (({}, 401), ({"origin": "https://evil.example"}, 403)):
            reply = await there.http.post(path, json={}, headers=headers)
            error = reply.json()["error"]
            assert (reply.status_code, error["message"] != "") == (status, True)
            assert {"code": "code", "type": "type", "status": "status"}[SHAPES[path]] in error
            assert ("type" in reply.json()) == (SHAPES[path] == "type")
            assert ("details" in error) == (SHAPES[path] == "status")


async def test_an_unknown_path_below_a_dialects_is_told_in_that_dialect() -> None:
    async with site() as there:
        messages = (await there.http.post("/v1/messages/batches", json={})).json()
        google = (await there.http.get("/v1beta/files")).json()
        wrong = await there.http.put("/v1/messages", json={})
    assert (messages["type"], messages["error"]["type"]) == ("error", "not_found_error")
    assert google["error"]["status"] == "NOT_FOUND"
    assert (wrong.status_code, wrong.json()["type"]) == (405, "error")


async def test_scripts_may_read_what_was_lost() -> None:
    async with site(ANSWERS, WEB) as there:
        headers = {"origin": PAGE, "authorization": "Bearer first-key"}
        reply = await there.http.post("/v1/chat/completions", content=ask(), headers=headers)
    assert "x-losses" in reply.headers["access-control-expose-headers"]
