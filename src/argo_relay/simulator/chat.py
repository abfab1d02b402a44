"""`POST /v1/chat/completions`: decides what Argo would answer, then acts it out for as long as the client stays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping

from starlette.types import Receive, Scope, Send

from argo_relay.simulator import bodies, script
from argo_relay.simulator.access import notice, user_of
from argo_relay.simulator.bodies import Tokens
from argo_relay.simulator.calls import Call, arguments, chosen, fragments
from argo_relay.simulator.client import Client, ClientLeftError
from argo_relay.simulator.directives import BadDirectiveError, Directives, parse
from argo_relay.simulator.exchanges import Exchange, Ledger
from argo_relay.simulator.models import Model, find
from argo_relay.simulator.prose import pieces
from argo_relay.simulator.refusals import bad_directive, invalid_model, judge, ordered
from argo_relay.simulator.request import ChatRequest, Heard, RefusedError, hear, read, text_of
from argo_relay.simulator.script import Cut, Finish, Hang, Reply, Start, Step, Write


def _prompt_tokens(request: ChatRequest, model: Model) -> int:
    """Return what the messages cost: "ping" was 7 tokens for OpenAI's models and 1 for Gemini, as recorded."""
    text = sum(-(-len(text_of(message)) // 4) for message in request.messages)
    return text + 3 + 3 * len(request.messages) if model.owner == "openai" else text


def _reply(request: ChatRequest, model: Model, orders: Directives, created: int) -> Reply:
    function = chosen(request, orders.tool)
    call = None
    finish = "stop"
    if function is None:
        limit = request.token_limit
        said = pieces(model.internal_id, min(orders.chunks, limit or orders.chunks), orders.size)
        if len(said) < orders.chunks:
            finish = "length"
    else:
        call = Call(id=bodies.call_id(model), name=function["name"])
        said = fragments(arguments(function.get("parameters")), orders.chunks)
        finish = "tool_calls"
    counted = Tokens(prompt=_prompt_tokens(request, model), completion=len(said))
    return Reply(
        stamp=bodies.stamp(model, created),
        pieces=said,
        finish=finish,
        tokens=Tokens(prompt=None, completion=None) if orders.usage == "null" else counted,
        call=call,
        include_usage=request.include_usage,
    )


def _denial(text: str, user: str | None, request: ChatRequest, created: int) -> Reply:
    return Reply(
        stamp=bodies.blocked_stamp(user, request.model, created),
        pieces=(text,),
        finish="stop",
        tokens=Tokens(prompt=0, completion=0),
        include_usage=request.include_usage,
    )


def _told(request: ChatRequest, reply: Reply, orders: Directives) -> Iterator[Step]:
    steps = script.streamed(reply, orders) if request.stream else script.whole(reply, orders)
    return script.in_pieces(steps, orders.pieces) if orders.pieces else steps


def _decide(heard: Heard, headers: Mapping[str, str], created: int) -> Iterator[Step]:
    request = read(heard)
    user = user_of(headers, request.body)
    text = notice(user)
    if text is not None:
        return _told(request, _denial(text, user, request, created), parse("[first_token=0]"))
    model = find(request.model)
    if model is None:
        raise RefusedError(invalid_model(request.model))
    refusal = judge(request, model)
    if refusal is not None:
        raise RefusedError(refusal)
    orders = parse(request.prompt)
    if orders.status is not None:
        return script.refused(ordered(orders.status, orders.retry_after), orders.headers)
    return _told(request, _reply(request, model, orders, created), orders)


def plan(heard: Heard, headers: Mapping[str, str], created: int) -> Iterator[Step]:
    """Return what is done about a request, judged in this order: shape, user, model, what the model refuses, orders."""
    try:
        return _decide(heard, headers, created)
    except RefusedError as error:
        return script.refused(error.refusal)
    except BadDirectiveError as error:
        return script.refused(bad_directive(str(error)))


async def _act(client: Client, exchange: Exchange, steps: Iterator[Step], start: float) -> None:
    for step in steps:
        await client.until(start + step.at)
        match step:
            case Write():
                await client.write(step.data)
                exchange.events += step.events
            case Start():
                await client.start(step.status, step.headers)
            case Hang():
                await client.forever()
            case Finish():
                await client.write(b"")  # a client that leaves with most of it unread has not had its reply
                exchange.end("finished")
                await client.finish()
            case Cut():
                # Returning without the end is how an ASGI application has its server close the connection.
                exchange.end("finished")


class Chat:
    """The route, as an ASGI application."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and note in the ledger how that ended."""
        client = Client(receive, send)
        try:
            raw = await client.body()
        except ClientLeftError:
            return
        start = asyncio.get_running_loop().time()
        heard = hear(raw)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        exchange = self._ledger.open(heard, headers)
        try:
            async with client:
                await _act(client, exchange, plan(heard, headers, int(time.time())), start)
        except ClientLeftError:
            pass
        finally:
            exchange.end("aborted")
