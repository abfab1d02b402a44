"""The clients that people use, run headless against `argo-relay serve --simulate`, and the official Node SDKs.

    make test-clients                                 all of them
    python proofs/clients.py --only claude --only sdk-google      those whose name starts so

Each agent speaks its own dialect to models of other families and of its own: once for a text, once for a tool that it
must really run, and once it gets a Ctrl-C within a stream, after which nothing of it may go on upstream. Each SDK does
everything it can with a model of each family (`clients/*.mjs`). They are installed from npm, as
`clients/package-lock.json` pins them, with a Node of their own where this machine's is too old.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from servers import relay

HERE: Final = Path(__file__).parent / "clients"
PACKAGES: Final = HERE / "node_modules"
ANSWER: Final = re.compile(r"This is the Argo simulator, answering as \S*(gpt|claude|gemini)")
RAN: Final = re.compile(r"(?<!echo )argo-relay-works")
"""What the tool printed, and not the command that was to print it: `echo argo-relay-works`."""
AGENT_SECONDS: Final = 90.0
SDK_SECONDS: Final = 240.0
_MACHINE: Final = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}[platform.machine().lower()]
_PLATFORM: Final = f"{sys.platform}-{_MACHINE}"
_QUESTION: Final = "Say hi."
_LONG: Final = f"{_QUESTION} [chunks=900] [gap=0.1]"
"""Has the simulator write for longer than any case may take."""
_PAUSE_SECONDS: Final = 0.05
_CUT_SECONDS: Final = 10.0
"""Between Ctrl-C and the last of the upstream's work; most of it is the client's own leave-taking."""


@dataclass(frozen=True)
class Run:
    """A command of one client, the variables it needs, and the files it reads in its home."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Agent:
    """A client, the model it is given, and how a prompt is handed to it."""

    name: str
    model: str
    tool: str
    run: Callable[[str, str, str], Run]
    """Takes the relay's base URL, the model and the prompt."""

    @property
    def title(self) -> str:
        """What its results are shown under."""
        return f"{self.name} with {self.model}"


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    status: int | None
    out: str
    err: str

    def tail(self, lines: int = 15) -> list[str]:
        """Return the last lines printed, none of them long."""
        printed = [line for text in (self.out, self.err) for line in text.splitlines()[-lines:] if line.strip()]
        return [line if len(line) <= 400 else f"{line[:200]} ... {line[-200:]}" for line in printed]


@dataclass(frozen=True)
class Result:
    """What one case came to; `why` is empty where it passed."""

    client: str
    case: str
    why: str = ""
    tail: tuple[str, ...] = ()


def main() -> int:
    """Run what was asked for; return the exit status."""
    options = _options()
    if not PACKAGES.exists():
        print("clients: they are not installed; run `make test-clients`", file=sys.stderr)
        return 2
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="clients-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        with relay(place, "--simulate") if options.relay is None else contextlib.nullcontext(options.relay) as base:
            for result in _results(base, place, tuple(options.only or [""])):
                passed, failed = (passed, failed + 1) if result.why else (passed + 1, failed)
                _show(result)
        if failed and options.log:
            shutil.copy(place / "servers.log", options.log)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="clients whose name starts so (repeatable)")
    parser.add_argument("--relay", metavar="URL", help="a relay that runs already, with the simulator behind it")
    parser.add_argument("--log", metavar="PATH", help="where to keep the relay's log if something fails")
    return parser.parse_args()


def _show(result: Result) -> None:
    reason = f": {result.why}" if result.why else ""
    print(f"{'FAIL' if reason else 'ok':4} {result.client}: {result.case}{reason}", flush=True)
    for line in result.tail:
        print(f"       | {line}", flush=True)


def _results(base: str, place: Path, only: tuple[str, ...]) -> Iterator[Result]:
    for agent in AGENTS:
        if agent.name.startswith(only):
            yield _turn(agent, base, place, "text", _QUESTION)
            yield _turn(agent, base, place, "tool", f"STUBTOOL:{agent.tool} Show that it works.")
            yield _leaving(agent, base, place)
    for script in sorted(HERE.glob("sdk-*.mjs")):
        if script.stem.startswith(only):
            yield from _sdk(script, base, place)


def _turn(agent: Agent, base: str, place: Path, case: str, prompt: str) -> Result:
    start = time.monotonic()
    run = agent.run(base, agent.model, prompt)
    if not Path(run.command[0]).exists():
        return Result(agent.title, case, f"npm has no package of it for {_PLATFORM}")
    done = _execute(run, place, AGENT_SECONDS)
    why = _wrong(done, agent, tool=case == "tool")
    return Result(agent.title, f"{case} ({time.monotonic() - start:.1f} s)", why, tuple(done.tail()) if why else ())


def _wrong(done: Done, agent: Agent, *, tool: bool) -> str:
    """Return what is wrong with an agent's run, or nothing."""
    if done.status is None:
        return f"had not ended after {AGENT_SECONDS:g} s"
    if done.status:
        return f"exit status {done.status}"
    family = ANSWER.search(done.out)
    if family is None:
        return "the simulator's answer is not in what it printed"
    if family[1] not in agent.model:
        return f"a {family[1]} model answered"
    if tool and not RAN.search(done.out):
        return f"the tool {agent.tool} did not run: what it prints is not in what the client printed"
    return ""


def _leaving(agent: Agent, base: str, place: Path) -> Result:
    """Press Ctrl-C while the upstream streams: all that was asked of it must have ended, and the answer been cut."""
    run = agent.run(base, agent.model, _LONG)
    if not Path(run.command[0]).exists():
        return Result(agent.title, "Ctrl-C", f"npm has no package of it for {_PLATFORM}")
    _exchanges(base, "DELETE")
    with _started(run, Path(tempfile.mkdtemp(prefix="home-", dir=place))) as child:
        begun = _until(
            AGENT_SECONDS, child, lambda: any(row["stream"] and row["events"] > 9 for row in _exchanges(base))
        )
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGINT)
        start = time.monotonic()
        ended = _until(_CUT_SECONDS, child, lambda: all(row["state"] != "running" for row in _exchanges(base)))
        seconds = time.monotonic() - start
        states = [f"{row['path']} {row['state']} after {row['events']} events" for row in _exchanges(base)]
    why = "" if begun else f"no stream had begun after {AGENT_SECONDS:g} s"
    if begun and not ended:
        why = f"the upstream was still at work {_CUT_SECONDS:g} s later"
    if begun and ended and not any(" aborted " in state for state in states):
        why = "no stream of the upstream's was cut"
    return Result(agent.title, f"Ctrl-C ({seconds:.1f} s)", why, tuple(states) if why else ())


def _exchanges(base: str, method: str = "GET") -> Any:
    """Return what the simulator was asked and what became of it; DELETE has it forget what has ended."""
    with urlopen(Request(f"{base}/simulator/exchanges", method=method), timeout=_CUT_SECONDS) as response:
        return json.loads(response.read())


def _until(seconds: float, child: subprocess.Popen[bytes], holds: Callable[[], bool]) -> bool:
    """Wait until something holds that a child brings about, by living or by ending; say whether it does."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_PAUSE_SECONDS)
    return holds()


def _sdk(script: Path, base: str, place: Path) -> Iterator[Result]:
    """Run an SDK's script, which prints one JSON object a case and, at last, how many there were."""
    done = _execute(Run([_node(), str(script)], {"GATEWAY": base}), place, SDK_SECONDS)
    rows = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
    for row in rows:
        if "case" in row:
            yield Result(f"{script.stem} {row['api']} with {row['model']}", row["case"], row["why"])
    if done.status != 0 or not any("cases" in row for row in rows):
        why = f"exit status {done.status}" if done.status is not None else f"had not ended after {SDK_SECONDS:g} s"
        yield Result(script.stem, "the whole script", why, tuple(done.tail()))


def _execute(run: Run, place: Path, seconds: float) -> Done:
    """Run a command to its end."""
    home = Path(tempfile.mkdtemp(prefix="home-", dir=place))
    with _started(run, home) as child:
        try:
            status: int | None = child.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
    return Done(status, *((home / name).read_text(errors="replace") for name in ("out", "err")))


@contextlib.contextmanager
def _started(run: Run, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in this home while the block runs, and end whatever it leaves behind."""
    work = home / "work"
    work.mkdir()
    for name, text in run.files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    paths = os.pathsep.join((str(Path(_node()).parent), os.environ["PATH"]))
    environment = {"PATH": paths, "HOME": str(home), "TERM": "dumb", "NO_COLOR": "1", "TMPDIR": str(home)}
    with (home / "out").open("w+b") as out, (home / "err").open("w+b") as err:
        child = subprocess.Popen(
            run.command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=work,
            env=environment | {name: text.replace("{HOME}", str(home)) for name, text in run.environment.items()},
            start_new_session=True,
        )
        try:
            yield child
        finally:
            _end_group(child)


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End the child and what it started: they are a process group of their own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _node() -> str:
    """Return the Node that was installed with the clients, or else this machine's."""
    installed = PACKAGES / f"node-{_PLATFORM}" / "bin" / "node"
    found = str(installed) if installed.exists() else shutil.which("node")
    if found is None:
        raise SystemExit("clients: there is no Node; install Node 22 or newer")
    return found


def _claude(base: str, model: str, prompt: str) -> Run:
    binary = PACKAGES / "@anthropic-ai" / f"claude-code-{_PLATFORM}" / "claude"
    options = ["--output-format", "stream-json", "--verbose", "--allowedTools", "Bash"]
    return Run(
        [str(binary), "-p", prompt, *options],
        {
            "ANTHROPIC_BASE_URL": base,
            "ANTHROPIC_AUTH_TOKEN": "dummy",
            "ANTHROPIC_MODEL": model,
            "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "200000",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_AUTOUPDATER": "1",
        },
    )


def _codex(base: str, model: str, prompt: str) -> Run:
    provider = f'model_providers.relay={{name="relay",base_url="{base}/v1"}}'
    return _codex_with(["-c", "model_provider=relay", "-c", provider, "-m", model], prompt)


def _codex_openai(base: str, model: str, prompt: str) -> Run:
    """Its own provider with another address: it asks for a WebSocket first."""
    return _codex_with(["-c", f'openai_base_url="{base}/v1"', "-m", model], prompt)


def _codex_with(options: list[str], prompt: str) -> Run:
    always = ["--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    return Run(
        [_node(), str(PACKAGES / "@openai" / "codex" / "bin" / "codex.js"), "exec", *options, *always, prompt],
        {"CODEX_HOME": "{HOME}/.codex", "OPENAI_API_KEY": "dummy"},
        {".codex/config.toml": "check_for_update_on_startup = false\n[analytics]\nenabled = false\n"},
    )


def _gemini(base: str, model: str, prompt: str) -> Run:
    settings = {
        "general": {"disableAutoUpdate": True},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
    }
    script = PACKAGES / "@google" / "gemini-cli" / "bundle" / "gemini.js"
    return Run(
        [_node(), str(script), "-m", model, "--yolo", "-o", "stream-json", "-p", prompt],
        {"GEMINI_API_KEY": "dummy", "GOOGLE_GEMINI_BASE_URL": base, "GEMINI_CLI_TRUST_WORKSPACE": "true"},
        {".gemini/settings.json": json.dumps(settings)},
    )


def _opencode(package: str, path: str) -> Callable[[str, str, str], Run]:
    """Return how opencode is run with this package of the AI SDK, and so in its dialect."""

    def run(base: str, model: str, prompt: str) -> Run:
        provider = {
            "npm": package,
            "name": "relay",
            "options": {"baseURL": base + path, "apiKey": "dummy"},
            "models": {model: {"name": model, "limit": {"context": 128_000, "output": 16_000}}},
        }
        configuration = {
            "autoupdate": False,
            "share": "disabled",
            "model": f"relay/{model}",
            "small_model": f"relay/{model}",
            "provider": {"relay": provider},
            "permission": {"bash": "allow", "edit": "allow"},
        }
        # The build for any x64: the other one needs AVX2.
        build = f"{_PLATFORM}-baseline" if _MACHINE == "x64" else _PLATFORM
        binary = PACKAGES / f"opencode-{build}" / "bin" / "opencode"
        return Run(
            [str(binary), "run", "--format", "json", prompt],
            {
                "OPENCODE_CONFIG_CONTENT": json.dumps(configuration),
                "OPENCODE_DISABLE_AUTOUPDATE": "1",
                "OPENCODE_DISABLE_MODELS_FETCH": "1",
            },
        )

    return run


AGENTS: Final = (
    Agent("claude", "argo:gpt-4o", "Bash", _claude),
    Agent("claude", "argo:gemini-2.5-pro", "Bash", _claude),
    Agent("claude", "argo:claude-opus-4.7", "Bash", _claude),
    Agent("codex", "argo:claude-opus-4.7", "exec_command", _codex),
    Agent("codex", "argo:gemini-2.5-pro", "exec_command", _codex),
    Agent("codex", "argo:gpt-5", "exec_command", _codex),
    Agent("codex-openai", "argo:gpt-5", "exec_command", _codex_openai),
    Agent("gemini", "argo:gpt-4o", "run_shell_command", _gemini),
    Agent("gemini", "argo:claude-opus-4.7", "run_shell_command", _gemini),
    Agent("gemini", "argo:gemini-2.5-pro", "run_shell_command", _gemini),
    Agent("opencode-chat", "argo:claude-opus-4.7", "bash", _opencode("@ai-sdk/openai-compatible", "/v1")),
    Agent("opencode-responses", "argo:gemini-2.5-pro", "bash", _opencode("@ai-sdk/openai", "/v1")),
    Agent("opencode-messages", "argo:gpt-4o", "bash", _opencode("@ai-sdk/anthropic", "/v1")),
    Agent("opencode-google", "argo:claude-sonnet-4.5", "bash", _opencode("@ai-sdk/google", "/v1beta")),
)

if __name__ == "__main__":
    sys.exit(main())
