"""A page that a worker is asked for and the supervisor writes."""

from __future__ import annotations

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from argo_relay.workers.messages import Page, Written
from argo_relay.workers.pages import PassedPage, answered


async def said(request: Request) -> Response:
    shown = {"method": request.method, "query": request.url.query, "accept": request.headers.get("accept")}
    return JSONResponse(shown, 201, {"x-own": "yes"})


async def pieces(_: Request) -> Response:
    return StreamingResponse(piece for piece in ("one ", "two"))


APPLICATION = Starlette(routes=[Route("/said", said, methods=["GET", "DELETE"]), Route("/pieces", pieces)])


async def ask(page: Page) -> Written:
    return await answered(APPLICATION, page)


async def http(method: str, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=PassedPage(ask))
    async with httpx.AsyncClient(transport=transport, base_url="http://relay") as client:
        return await client.request(method, path, headers=headers)


async def test_it_is_as_if_the_supervisor_had_been_asked_itself() -> None:
    reply = await http("DELETE", "/said?a=%20b", accept="text/x")
    assert reply.status_code == 201
    assert reply.headers["x-own"] == "yes"
    assert reply.json() == {"method": "DELETE", "query": "a=%20b", "accept": "text/x"}


async def test_one_in_pieces_comes_whole() -> None:
    assert (await http("GET", "/pieces")).text == "one two"


async def test_what_is_not_there_is_said_so() -> None:
    assert (await http("GET", "/none")).status_code == 404
