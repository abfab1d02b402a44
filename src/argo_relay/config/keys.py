"""What each configuration key is for, in one table that help, template, variables and checks are made from."""

from __future__ import annotations

from typing import Final

import msgspec

from argo_relay.config import kinds, routing
from argo_relay.config.key import Key
from argo_relay.config.rows import MODEL_KEYS, ROUTE_KEYS, UPSTREAM_KEYS

_MAIN_KEYS: Final = tuple(msgspec.structs.replace(key, name=f"upstream.{key.name}") for key in UPSTREAM_KEYS)

GROUPS: Final = {
    "upstream": "Who answers; routes call it `main`.",
    "breaker": "When an upstream that fails is left alone for a while: it is then asked only after all others.",
    "timeouts": "The server's own limits, in seconds or as 500ms, 30s, 5m. Requests and models may have others.",
    "images": "Images and PDFs that a request gives by URL, for Argo, which does not fetch them.",
    "log": "Log lines never hold prompts, answers, keys or upstream addresses.",
    "metrics": "Figures for Prometheus at /metrics: models and upstreams by name; no user, key or address.",
}
"""What the keys of a group have in common."""

KEYS: Final = (
    Key(
        name="user",
        kind=kinds.USER,
        meaning="Your Argo user name: the bare ANL domain name, lower case, without @anl.gov. Argo takes it as "
        "identity, so the relay needs it for Argo's environments.",
        example="jdoe",
    ),
    Key(
        name="identity",
        kind=kinds.choice("user", "client"),
        meaning="Whose name Argo gets: user is the configured `user`; client is each client's own API key, which must "
        "then be an Argo user name. The names are no secrets, so they keep nobody out: `keys` do.",
    ),
    Key(
        name="users",
        kind=kinds.KEYS_OF_USERS,
        meaning="Client keys of single people, and the Argo user that each stands for. They open the relay as `keys` "
        "do. Keep this file 0600 when it holds any; they are never shown.",
        example="{a-long-random-text: jdoe, another-one: asmith}",
        secret=True,
    ),
    Key(
        name="host",
        kind=kinds.HOST,
        meaning="The address to listen on. One that other machines can reach is refused unless `keys` or `users` are "
        "set.",
    ),
    Key(name="port", kind=kinds.PORT, meaning="The port to listen on; 0 takes any free one."),
    Key(
        name="socket",
        kind=kinds.PATH_OR_NONE,
        meaning="A Unix socket to listen on; host and port are then unused.",
        example="/run/user/1000/argo-relay.sock",
    ),
    Key(
        name="keys",
        kind=kinds.CLIENT_KEYS,
        meaning="Client keys: a client must show one of them as its API key. With none, every program that reaches "
        "the port may use the relay. Keep this file 0600 when it holds any; they are never shown.",
        example="[a-long-random-text, another-one]",
        secret=True,
    ),
    Key(
        name="origins",
        kind=kinds.ORIGINS,
        meaning="Web pages that may use the relay from a browser, by origin; all others get 403.",
        example="[https://app.example.org]",
    ),
    *_MAIN_KEYS,
    Key(
        name="upstreams",
        kind=kinds.ROWS,
        meaning="Other upstreams, by the names that `routes` call them; each has the keys of `upstream`. A name has "
        "letters, digits, `-`, `_` and `.`.",
        example='{dev: {environment: dev}, vllm: {kind: openai, base_url: "http://localhost:8000", max_in_flight: 8}}',
        rows=UPSTREAM_KEYS,
        names=routing.UPSTREAM_NAME,
    ),
    Key(
        name="routes",
        kind=kinds.ROWS,
        meaning="Who is asked for a model, by its name or a pattern of names (`*` and `?`); all others are asked of "
        "`upstream` alone. Of several that fit the name itself counts, else the longest pattern. docs/routes.md has "
        "recipes.",
        example='{gpt-4o: {to: [main, main/gpt-4.1], retries: 2, hedge_after: 5s}, "claude-*": [main]}',
        rows=ROUTE_KEYS,
        names=routing.ROUTE_NAME,
    ),
    Key(
        name="retries",
        kind=routing.RETRIES,
        meaning="How often a request goes through its upstreams again when all have failed before their replies began; "
        "always within its own time.",
    ),
    Key(
        name="breaker.failures",
        kind=kinds.COUNT_OR_ZERO,
        meaning="How many failures in a row make it rest; 0 for never.",
    ),
    Key(
        name="breaker.rest",
        kind=kinds.DURATION,
        meaning="How long it rests; then one request tries it.",
    ),
    Key(
        name="timeouts.total",
        kind=kinds.DURATION,
        meaning="The whole exchange, from the request read to the last byte of the reply, streams included. "
        "A request's own `timeout` overrides it.",
    ),
    Key(
        name="timeouts.connect",
        kind=kinds.DURATION,
        meaning="One attempt to connect to the upstream: name, address, handshake.",
    ),
    Key(
        name="timeouts.first_event",
        kind=kinds.DURATION_OR_NONE,
        meaning="The wait for the first content of a reply; null for no limit of its own.",
    ),
    Key(
        name="timeouts.idle",
        kind=kinds.DURATION_OR_NONE,
        meaning="The longest gap between two pieces of a stream; null for no limit.",
    ),
    Key(
        name="timeouts.max_total",
        kind=kinds.DURATION,
        meaning="The most that a request may ask for; longer wishes are cut to it.",
    ),
    Key(
        name="timeouts.heartbeat",
        kind=kinds.BEAT,
        meaning="Silence after which a stream gets a sign of life; null or 0 for none.",
    ),
    Key(
        name="timeouts.whole_heartbeat",
        kind=kinds.BOOLEAN,
        meaning="Keep a reply that is not a stream alive, too: the status 200 goes out early and white space before "
        "the JSON, so a later failure can only be told in the body.",
    ),
    Key(name="timeouts.body", kind=kinds.DURATION, meaning="How long a client may take to send its request."),
    Key(
        name="models",
        kind=kinds.ROWS,
        meaning="What differs for single models, by name: timeouts total, connect, first_event and idle, and what "
        "becomes of parameters that a model does not take as they are.",
        example="{gpt-4o: {timeouts: {total: 1800, idle: null}, parameters: {seed: drop}}}",
        rows=MODEL_KEYS,
    ),
    Key(
        name="aliases",
        kind=kinds.NAMES_OF_MODELS,
        meaning="Names of your own: what a client asks for, and the model that it means. A name that is a model's, "
        "too, means yours.",
        example="{gpt-3.5-turbo: gpt-4.1-mini, best: claude-opus-4.8}",
    ),
    Key(
        name="learn",
        kind=kinds.BOOLEAN,
        meaning="Learn from refusals: where the upstream names a parameter that a model does not take, the request is "
        "sent once more without it, and so are all later ones. The log has what was learned, ready for `models`.",
    ),
    Key(
        name="images.fetch",
        kind=kinds.BOOLEAN,
        meaning="Fetch them here, and send them on as data. false: the URLs are passed on as they came.",
    ),
    Key(
        name="images.max_size",
        kind=kinds.SIZE,
        meaning="The largest that is fetched, in bytes or as a size. A request with all of them in it may have "
        "`max_body` bytes.",
        example="20MiB",
    ),
    Key(name="images.max_count", kind=kinds.COUNT, meaning="How many a request may give by URL."),
    Key(
        name="images.timeout",
        kind=kinds.DURATION,
        meaning="How long those of one request may take, all together; the request's own timeout counts, too.",
    ),
    Key(
        name="images.allow",
        kind=kinds.PLACES,
        meaning="Hosts, addresses and networks that may be asked although they are not on the public internet. "
        "Whoever may use the relay can then fetch the images that are there.",
        example="[images.lab.example, 10.1.0.0/16]",
    ),
    Key(
        name="max_body",
        kind=kinds.SIZE,
        meaning="The largest request taken, in bytes or as a size.",
        example="64MiB",
    ),
    Key(
        name="max_in_flight",
        kind=kinds.COUNT,
        meaning="How many exchanges may run at once; those beyond it wait in order, within their own time.",
    ),
    Key(
        name="max_queue",
        kind=kinds.COUNT_OR_ZERO,
        meaning="How many requests may wait for a place, in all; beyond it clients get 503 and when to come back.",
    ),
    Key(
        name="rejoin",
        kind=kinds.DURATION_OR_NONE,
        meaning="How long a generation goes on whose client has left: the same request from the same client joins it "
        "from its beginning, and is not paid for twice. Clients that time out and try again do that; one that does not "
        "come back costs that much more. null ends it at once.",
        example="30s",
    ),
    Key(
        name="rejoin_memory",
        kind=kinds.SIZE,
        meaning="The most that replies kept for `rejoin` may take, all together, in bytes or as a size. One for which "
        "there is no room is not kept.",
        example="64MiB",
    ),
    Key(
        name="shutdown_grace",
        kind=kinds.GRACE,
        meaning="How long running exchanges may go on when the relay is told to stop.",
    ),
    Key(
        name="workers",
        kind=kinds.WORKERS,
        meaning="How many processes serve, on one port and within the same limits; auto for as many as there are cores "
        "for the relay. SIGHUP then has new ones take over, by the configuration as it is then: docs/workers.md.",
        example="auto",
    ),
    Key(
        name="worker_timeout",
        kind=kinds.INTERVAL_OR_NONE,
        meaning="How long one of several workers may stand still before it is killed and another takes its place, with "
        "what it had under way lost; requests that take long do not count. null never kills one.",
        example="2m",
    ),
    Key(
        name="log.format",
        kind=kinds.choice("text", "json"),
        meaning="How log lines are written: text for people, json for machines.",
    ),
    Key(
        name="log.file",
        kind=kinds.PATH_OR_NONE,
        meaning="The file that log lines are appended to; null for standard error.",
        example="/var/log/argo-relay.log",
    ),
    Key(name="log.requests", kind=kinds.BOOLEAN, meaning="Log one line an exchange."),
    Key(name="metrics.port", kind=kinds.PORT_OR_NONE, meaning="A port of their own, such as 9464; it asks for no key."),
    Key(name="metrics.host", kind=kinds.HOST, meaning="That port's address: whoever reaches it reads the figures."),
    Key(name="metrics.on_client_port", kind=kinds.BOOLEAN, meaning="On the clients' port, too, behind its keys."),
)
"""Every key, in the order people meet them."""
