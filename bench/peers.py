"""The systems that the benches set side by side: where they come from, how they are configured, how they are asked.

Each is installed once, pinned, into `.bench/` beside the project, and runs from there as a process of its own, with a
folder of its own as home. In commands, files and variables `$port` is where it shall listen (`$other_port`: for what
else it serves), `$upstream` the upstream's address, `$limit` and `$limit_ms` the time limit it shall have, `$retries`
how often it may try again (`$attempts`: the first time included), `$workers` how many processes shall serve, `$bin`
and `$modules` where it is installed, `$home` its folder, `$extra` more lines of configuration.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

KEY: Final = "fgw_benchmark0123456789abcdef0123456789abc"
"""What clients show; one peer wants this form."""
RETRIES: Final = 2

Terms = tuple[dict[str, str], dict[str, Any]]
"""Headers, and members of the body."""


@dataclass(frozen=True)
class Wish:
    """What a request asks for beside its reply: a limit in seconds for a timer (`total`, `idle`, `first_event`)."""

    upstream: str
    limit: float | None = None
    timer: str = "total"


def _nothing(_: Wish) -> Terms:
    return {}, {}


@dataclass(frozen=True)
class System:
    """One system, and its best way to be given a limit: in requests (`asks`), or in its configuration (`static`)."""

    name: str
    version: str
    """Empty when it is the machine's."""
    by: Literal["pip", "npm", "debian", "path", "here"]
    """Who installs it; `path`: whoever runs the machine, `debian`: unless they have; `here`: it is this project."""
    command: str
    packages: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    """Installed by pip after them, without what they ask for."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Of npm's."""
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    announces: str | None = None
    """What its output says where it listens, when it does not take a port."""
    prefix: str = ""
    """Of the paths that it serves."""
    model: str = "gpt-4o"
    dialects: tuple[str, ...] = ("chat",)
    asks: Callable[[Wish], Terms] = _nothing
    static: bool = False
    limited: str = ""
    """How it is asked, in words."""
    workers: int = 1

    @property
    def scales(self) -> bool:
        """Whether it can be told how many processes shall serve; others take all cores, or one."""
        return "$workers" in self.command + "".join(self.files.values())


def _ours(wish: Wish) -> Terms:
    if wish.limit is None:
        return {}, {}
    return {}, {"timeout": wish.limit if wish.timer == "total" else {wish.timer: wish.limit}}


def _litellm(wish: Wish) -> Terms:
    if wish.limit is None:
        return {}, {}
    return {}, {"timeout": wish.limit, "stream_timeout": wish.limit, "num_retries": RETRIES}


def _argo_proxy(wish: Wish) -> Terms:
    return {}, {} if wish.limit is None else {"timeout": wish.limit}


def _portkey(wish: Wish) -> Terms:
    target: dict[str, Any] = {"provider": "openai", "custom_host": f"{wish.upstream}/v1", "api_key": KEY}
    if wish.limit is None:
        return {"x-portkey-config": json.dumps(target)}, {}
    routed = json.dumps(target | {"retry": {"attempts": RETRIES}})
    return {"x-portkey-config": routed, "x-portkey-request-timeout": str(round(wish.limit * 1000))}, {}


_LITELLM: Final = """\
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_base: "$upstream/v1", api_key: sk-bench}
router_settings: {num_retries: 0, disable_cooldowns: true}
litellm_settings: {telemetry: false}
general_settings: {master_key: %s, cancel_on_disconnect: true}
"""
_ROSETTA: Final = """\
{"providers": {"bench": {"type": "openai_chat", "api_key": "sk-bench", "base_url": "$upstream/v1"}},
 "models": {"gpt-4o": {"provider": "bench"}},
 "server": {"host": "127.0.0.1", "port": $port, "open_on_no_keys": true, "upstream_timeout": $limit}}
"""
_FERRO: Final = """\
apiVersion: v1
request_timeout: ${limit}s
strategy: {mode: fallback}
targets:
  - virtual_key: openai
    retry: {attempts: $retries}
"""
_TENSORZERO: Final = """\
[gateway]
observability.enabled = false
[models.bench]
routing = ["bench"]
[models.bench.providers.bench]
type = "openai"
model_name = "gpt-4o"
api_base = "$upstream/v1/"
api_key_location = "env::OPENAI_API_KEY"
[functions.bench]
type = "chat"
[functions.bench.variants.bench]
type = "chat_completion"
model = "bench"
retries = { num_retries = $retries, max_delay_s = 10 }
timeouts = { non_streaming.total_ms = $limit_ms, streaming.ttft_ms = $limit_ms, streaming.total_ms = $limit_ms }
"""
_TENSORZERO_STARTS: Final = """\
import asyncio, openai, tensorzero
async def main():
    client = openai.AsyncOpenAI(api_key="x")
    tensorzero.patch_openai_client(client, config_file="tensorzero.toml", async_setup=False)
    print("listening on", str(client.base_url).split("/openai")[0], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
_CCR: Final = """\
{"LOG": false, "HOST": "127.0.0.1", "PORT": $port, "APIKEY": "%s", "API_TIMEOUT_MS": $limit_ms,
 "NON_INTERACTIVE_MODE": true, "Router": {"default": "bench,gpt-4o"},
 "Providers": [{"name": "bench", "api_base_url": "$upstream/v1/chat/completions", "api_key": "sk-bench",
                "models": ["gpt-4o"]}]}
"""
_ARGO_PROXY: Final = """\
{config_version: "3", user: tester, host: 127.0.0.1, port: $port, verbose: false, argo_base_url: "$upstream",
 skip_url_validation: true}
"""
_NGINX: Final = """\
daemon off; worker_processes $workers; pid $home/pid; error_log stderr warn;
events { worker_connections 8192; }
http {
  access_log off; client_body_temp_path $home/body; proxy_temp_path $home/proxied;
  fastcgi_temp_path $home/fastcgi; uwsgi_temp_path $home/uwsgi; scgi_temp_path $home/scgi;
  client_body_buffer_size 1m;
  upstream bench { server $upstream_address; keepalive 256; }
  server {
    listen 127.0.0.1:$port;
    location / {
      proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
      proxy_read_timeout ${limit}s;
    }
  }
}
"""
_HAPROXY: Final = """\
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server ${limit}s
  option abortonclose
  retries $retries
listen bench
  bind 127.0.0.1:$port
  server upstream $upstream_address
"""

OURS: Final = System(
    name="argo-relay",
    version="here",
    by="here",
    command="$bin/argo-relay serve --config $home/relay.yaml --upstream openai --base-url $upstream --port $port "
    "--workers $workers",
    files={"relay.yaml": "log: {requests: false}\n$extra"},
    dialects=("chat", "responses", "messages", "google"),
    asks=_ours,
    limited="`timeout` in the body; `retries` in the configuration",
)

BARE: Final = System(
    name="bare Python",
    version="here",
    by="here",
    command=f"$bin/python {shlex.quote(str(Path(__file__).with_name('bare_relay.py')))} $port $upstream_address",
)
"""What a relay in Python costs that only passes bytes on: no peer, but a floor."""

PEERS: Final = (
    System(
        name="litellm",
        version="1.109.1",
        by="pip",
        # Not every part that 1.109.1 names is in the package index; it runs on those of the version before.
        packages=("litellm[proxy]==1.106.2",),
        alone=("litellm==1.109.1",),
        command="$bin/litellm --config $home/config.yaml --host 127.0.0.1 --port $port --num_workers $workers",
        files={"config.yaml": _LITELLM % KEY},
        env={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "DO_NOT_TRACK": "1"},
        asks=_litellm,
        limited="`timeout`, `stream_timeout`, `num_retries` in the body; `cancel_on_disconnect`",
    ),
    System(
        name="llm-rosetta",
        version="0.13.0",
        by="pip",
        packages=("llm-rosetta[gateway]==0.13.0",),
        command="$bin/llm-rosetta-gateway --config $home/config.jsonc --no-banner --host 127.0.0.1 --port $port "
        "--data-dir $home",
        files={"config.jsonc": _ROSETTA},
        static=True,
        limited="`upstream_timeout`; it has no retries",
    ),
    System(
        name="portkey",
        version="1.15.2",
        by="npm",
        packages=("@portkey-ai/gateway@1.15.2",),
        overrides={"@hono/node-server": "1.13.7"},  # newer ones answer 500 to every stream
        command="node $modules/@portkey-ai/gateway/build/start-server.js --port=$port --headless",
        env={"TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.1"},
        asks=_portkey,
        limited="`x-portkey-request-timeout`, `retry` in `x-portkey-config`",
    ),
    System(
        name="ferrogw",
        version="1.5.10",
        by="pip",
        packages=("ferrogw==1.5.10",),
        command="$bin/ferrogw serve",
        files={"config.yaml": _FERRO},
        env={
            "GATEWAY_CONFIG": "$home/config.yaml",
            "MASTER_KEY": KEY,
            "OPENAI_API_KEY": "sk-bench",
            "OPENAI_BASE_URL": "$upstream",
            "FERRO_MODEL_CATALOG_TIMEOUT": "0",
            "RATE_LIMIT_RPS": "0",
            "HOST": "127.0.0.1",
            "PORT": "$port",
        },
        static=True,
        limited="`request_timeout`, `retry.attempts`",
    ),
    System(
        name="tensorzero",
        version="2026.6.0",
        by="pip",
        packages=("tensorzero==2026.6.0", "openai"),
        command="$bin/python $home/start.py",
        files={"tensorzero.toml": _TENSORZERO, "start.py": _TENSORZERO_STARTS},
        env={"OPENAI_API_KEY": "sk-bench"},
        announces=r"listening on (http://\S+)",
        prefix="/openai",
        model="tensorzero::function_name::bench",
        static=True,
        limited="a variant's `timeouts` and `retries`",
    ),
    System(
        name="vllm-router",
        version="0.1.17",
        by="pip",
        packages=("vllm-router==0.1.17",),
        command="$bin/vllm-router --host 127.0.0.1 --port $port --worker-urls $upstream --policy round_robin "
        "--health-check-endpoint /v1/models --prometheus-port $other_port --prometheus-host 127.0.0.1 "
        "--request-timeout-secs $limit --retry-max-retries $attempts --disable-circuit-breaker",
        static=True,
        limited="`--request-timeout-secs`, `--retry-max-retries`",
    ),
    System(
        name="argo-proxy",
        version="3.3.3",
        by="pip",
        packages=("argo-proxy==3.3.3",),
        command="$bin/argo-proxy serve $home/config.yaml",
        files={"config.yaml": _ARGO_PROXY},
        asks=_argo_proxy,
        limited="`timeout` in the body, as Argo documents it; it has no retries",
    ),
    System(
        name="ccr",
        version="2.0.0",
        by="npm",
        packages=("@musistudio/claude-code-router@2.0.0",),
        command="node $modules/@musistudio/claude-code-router/dist/cli.js start",
        files={".claude-code-router/config.json": _CCR % KEY},
        env={"SERVICE_PORT": "$port"},
        model="bench,gpt-4o",
        dialects=("messages",),
        static=True,
        limited="`API_TIMEOUT_MS`; it has no retries",
    ),
    System(
        name="nginx",
        version="",
        by="debian",
        packages=("nginx",),
        command="$bin/nginx -e stderr -p $home -c $home/nginx.conf",
        files={"nginx.conf": _NGINX},
        static=True,
        limited="`proxy_read_timeout`",
    ),
    System(
        name="haproxy",
        version="",
        by="path",
        command="haproxy -db -f $home/haproxy.cfg",
        files={"haproxy.cfg": _HAPROXY},
        static=True,
        limited="`timeout server`, `retries`",
    ),
)
