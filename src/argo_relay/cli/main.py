"""The command `argo-relay`; each subcommand is imported when it is called, so that none waits for the others."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from argo_relay import __version__

# In the order that --help shows. Name -> module below this package; the command has the name's own name there.
_COMMANDS: Final = {
    "serve": "argo_relay.cli.serve",
    "models": "argo_relay.cli.models",
    "doctor": "argo_relay.cli.doctor",
    "config": "argo_relay.cli.config",
    "simulate": "argo_relay.cli.simulate",
}


class _Commands(click.Group):
    """Knows its subcommands by name, and says which one was meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS:
            from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

            if near := get_close_matches(args[0], _COMMANDS, 1):
                ctx.fail(f"No such command '{args[0]}'. Did you mean '{near[0]}'?")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(_COMMANDS[cmd_name]), cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="argo-relay")
def main() -> None:
    """Point any LLM client at localhost and get Argo's models, with timeouts that hold.

    \b
    Try it without a token:   argo-relay serve --simulate
    For real:                 argo-relay serve
    Then point a client at    http://localhost:44497/v1
    """  # noqa: D301 - click wants the control character itself
