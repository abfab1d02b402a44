"""The keys of rows, of which a configuration may have many: one a model, an upstream, a route."""

from __future__ import annotations

from typing import Final

from argo_relay.config import addresses, kinds, routing
from argo_relay.config.key import Key

MODEL_KEYS: Final = (
    Key(name="timeouts.total", kind=kinds.DURATION, meaning="The whole exchange with this model."),
    Key(name="timeouts.connect", kind=kinds.DURATION, meaning="One attempt to connect, for this model."),
    Key(name="timeouts.first_event", kind=kinds.DURATION_OR_NONE, meaning="The wait for this model's first content."),
    Key(name="timeouts.idle", kind=kinds.DURATION_OR_NONE, meaning="The longest gap in this model's stream."),
    Key(
        name="parameters",
        kind=kinds.DEEDS,
        meaning="What becomes of parameters that this model does not take as they are, by their names in the "
        "upstream's dialect (`a.b` is a member of `a`); no built-in row touches these. keep; drop, drop unless VALUE, "
        "drop beside NAME; rename NAME; default VALUE; nearest WORD ...; thinking adaptive, thinking enabled.",
    ),
)

UPSTREAM_KEYS: Final = (
    Key(
        name="kind",
        kind=kinds.choice("argo", "openai", "openai_responses", "anthropic", "google", "llamacpp"),
        meaning="What the upstream speaks: argo is Argo, each model on the route that serves it best; openai is Chat "
        "Completions (vLLM, Ollama, ALCF's endpoints, OpenAI); openai_responses, anthropic and google are these "
        "vendors' APIs; llamacpp is llama.cpp's server. For all but argo model names are passed on as they are.",
    ),
    Key(
        name="environment",
        kind=kinds.choice("prod", "dev", "test"),
        meaning="Which of Argo's environments answers: prod, dev or test.",
    ),
    Key(
        name="base_url",
        kind=kinds.BASE_URL,
        meaning="Another address in place of the environment's or the vendor's; a tunnel to Argo belongs into "
        "connect_to. /v1/chat/completions, /v1/models and so on are appended to it.",
        example="http://localhost:8000",
    ),
    Key(
        name="key_env",
        kind=kinds.VARIABLE,
        meaning="The environment variable that holds the upstream's key, for kinds that ask for one; null for none. "
        "Argo takes the user name instead.",
        example="OPENAI_API_KEY",
    ),
    Key(
        name="refresh",
        kind=kinds.INTERVAL_OR_NONE,
        meaning="How often to ask the upstream which models it has; null for at the start only. SIGHUP, and a request "
        "for a name that nobody knows, have it asked at once.",
    ),
    Key(
        name="resolve",
        kind=addresses.RESOLVE,
        meaning="Addresses to take for names that are not looked up then; TLS and HTTP keep the name.",
        example='["apps.inside.anl.gov:443:10.0.0.1"]',
    ),
    Key(
        name="connect_to",
        kind=addresses.CONNECT_TO,
        meaning="Other hosts and ports to connect to, an SSH forward for example; TLS and HTTP keep the name. "
        "An empty HOST1 or PORT1 means any, an empty HOST2 or PORT2 the same.",
        example='["apps.inside.anl.gov:443:localhost:8443"]',
    ),
    Key(
        name="proxy",
        kind=addresses.PROXY,
        meaning="The proxy to go through: http:// or https:// for one that takes CONNECT, socks5:// or socks5h:// for "
        "SOCKS5, which then looks up names. none goes through none; null asks HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and "
        "NO_PROXY. A password in it is never shown: keep this file 0600.",
        example="socks5h://localhost:1080",
        secret=True,
    ),
    Key(
        name="ca_bundle",
        kind=kinds.PATH_OR_NONE,
        meaning="A PEM file of the certificate authorities to trust, in place of the system's.",
        example="/etc/ssl/certs/argonne.pem",
    ),
    Key(
        name="client_cert",
        kind=kinds.PATH_OR_NONE,
        meaning="A PEM file with the certificate to show to an upstream that asks for one, those of the authorities "
        "between it and the one that the upstream trusts behind it. Its key may stand in the same file, without a "
        "passphrase: keep that 0600.",
        example="/etc/argo-relay/client.pem",
    ),
    Key(
        name="client_key",
        kind=kinds.PATH_OR_NONE,
        meaning="A PEM file with the key of `client_cert`, where that has another file.",
        example="/etc/argo-relay/client.key",
    ),
    Key(
        name="socket",
        kind=kinds.PATH_OR_NONE,
        meaning="A Unix socket to connect to: a server's on this machine, or the near end of an SSH forward. HTTP and "
        "TLS keep the name, the path and the scheme of `base_url`. No proxy, `resolve` or `connect_to` goes with it.",
        example="/run/vllm.sock",
    ),
    Key(
        name="max_in_flight",
        kind=kinds.COUNT_OR_NONE,
        meaning="How many exchanges it answers at once; those beyond it wait in order. null: as many as the relay "
        "takes.",
        example="8",
    ),
    Key(
        name="tell_timeout",
        kind=kinds.BOOLEAN,
        meaning="Tell it what is left of a request's time, in the header X-Request-Timeout; for another relay, and "
        "others that know the header.",
    ),
)
"""The keys of one upstream."""

ROUTE_KEYS: Final = (
    Key(
        name="to",
        kind=routing.STEPS,
        meaning="Who is asked, in order: UPSTREAM, or UPSTREAM/MODEL where the model has another name there. Those "
        "with a weight share the first attempts; the others are asked when these have failed.",
        needed=True,
    ),
    Key(
        name="retries",
        kind=routing.RETRIES_OR_NONE,
        meaning="How often to go through them again when all have failed; null for what `retries` of the relay says.",
    ),
    Key(
        name="hedge_after",
        kind=kinds.DURATION_OR_NONE,
        meaning="Silence after which the next one is asked, too (a single one again); the first to answer is taken, "
        "the other is cut. It may cost tokens twice. null for never.",
    ),
    Key(
        name="hedge_share",
        kind=routing.SHARE,
        meaning="The part of the route's requests that may be asked of two, as 0.05 or 5%.",
    ),
)
