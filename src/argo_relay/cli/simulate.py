"""`argo-relay simulate`: a faithful Argo on this machine, to test timeouts and error handling without a token."""

from __future__ import annotations

from typing import Any, Final

import click

_ERAS: Final = ("2026-04", "2026-05", "2026-08", "2026-09")

_ROUTES: Final = [
    ("POST /v1/chat/completions", "every chat model"),
    ("POST /v1/responses", "OpenAI's models"),
    ("POST /v1/messages", "Claude"),
    ("POST /v1/messages/count_tokens", "Claude's tokens"),
    ("POST /v1/embeddings", "embedding models"),
    ("GET /v1/models", "what there is"),
    ("GET /api/v1/models/", "the same"),
    ("POST /api/v1/resource/chat/", "Argo's own older API: every chat model, always whole"),
    ("POST /api/v1/resource/streamchat/", "the same as plain text, always a stream"),
    ("POST /api/v1/resource/embed/", "embedding models"),
    ("POST /api/v1/resource/rerank/", "the same models; what it says is guessed"),
    ("GET /api/v1/resource/", "a greeting"),
    ("GET /api/v1/resource/health/", "whether it is well"),
    ("GET /openapi.json", "the routes that there are in this month"),
]


class _SimulateCommand(click.Command):
    """Ends its help with the tables that the simulator itself works from."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write where it answers, what a prompt can order, and which users Argo turns away."""
        # Read when somebody asks for help: other commands start without the simulator.
        from argo_relay.simulator.access import SPECIAL_USERS  # noqa: PLC0415
        from argo_relay.simulator.directives import explained  # noqa: PLC0415
        from argo_relay.simulator.ways import ERAS  # noqa: PLC0415

        with formatter.section("Routes"):
            formatter.write_dl(_ROUTES)
        with formatter.section("Directives, anywhere in the last user message"):
            formatter.write_dl(explained())
        with formatter.section("Users that Argo turns away, politely, with status 200"):
            formatter.write_dl([(user, why) for user, (why, _) in SPECIAL_USERS.items()])
        with formatter.section("Eras, and what is known to have changed"):
            formatter.write_dl([(era, row.told) for era, row in ERAS.items()])
        with formatter.section("What happened, and what is to happen"):
            formatter.write_dl(
                [
                    (
                        "GET /simulator/exchanges",
                        "each request, oldest first: body, status, state (running, finished, aborted), times, events",
                    ),
                    ("DELETE /simulator/exchanges", "forget those that have ended"),
                    ("GET /simulator/era", "the era and the switches, as one object"),
                    ("PUT /simulator/era", 'change some of them while it runs: {"as_of": "2026-05"}'),
                    ("", 'have models refuse more, as they may one day: {"refused": {"gpto3": ["top_p"]}}'),
                ]
            )


@click.command(cls=_SimulateCommand)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=44498,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--as-of",
    type=click.Choice(_ERAS),
    default=_ERAS[-1],
    show_default=True,
    help="The month whose Argo this is; see below.",
)
@click.option("--responses/--no-responses", default=True, help="Whether there is /v1/responses, in months that had it.")
@click.option("--retired/--no-retired", default=True, help="Whether models that Argo has retired are served.")
@click.option("--fetch-images/--no-fetch-images", default=False, help="Whether images are taken by URL.")
@click.option(
    "--gemini-500",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="How often Gemini fails for no reason, with a 500; the real one does at 0.17.",
)
def simulate(host: str, port: int, **ways: Any) -> None:
    """Serve a faithful Argo on this machine.

    It answers on Argo's routes as Argo does, errors included, without a model behind it. Steer it from the prompt, for
    example: "Say something [first_token=2] [chunks=40] [gap=0.25]".
    """
    # uvicorn and starlette take long to import: only this command pays.
    from argo_relay.simulator.run import run  # noqa: PLC0415
    from argo_relay.simulator.ways import Ways  # noqa: PLC0415

    try:
        run(host, port, Ways(**ways), _announce)
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(
            f"cannot listen on {host} port {port}: {reason}. Choose another with --port, or --port 0 for any free one."
        ) from None
    click.echo("The simulator has stopped.", err=True)


def _announce(base_url: str) -> None:
    click.echo(f"The Argo simulator listens on {base_url} (Ctrl-C stops it).", err=True)
    click.echo("Point argo-relay at it, in argo-relay.yaml:", err=True)
    click.echo(f"  upstream: {{base_url: {base_url}}}", err=True)
    click.echo(f"What happened to each request: {base_url}/simulator/exchanges", err=True)
