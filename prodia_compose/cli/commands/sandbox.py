"""`sandbox`, declared."""

from typing import Annotated

import typer

from prodia_compose.cli.options import values

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    context_settings={"allow_interspersed_args": False},
)
def sandbox(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- CMD...]", help="Run this with the sandbox set up, then stop"),
    ] = None,
    *,
    port: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=values.parsing("--port", int, maximum=65535),
            help="0 takes any free port",
        ),
    ] = 0,
    token: Annotated[
        str | None,
        typer.Option(metavar="T", help="The only token it takes; without it, any will do"),
    ] = None,
    latency: Annotated[
        float,
        typer.Option(
            metavar="S",
            parser=values.parsing("--latency", float),
            help="Seconds before each answer",
        ),
    ] = 0.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[:N]", help="Rehearse a fault: busy, server-error, drop-after, ..."
        ),
    ] = None,
) -> int:
    """Serve a stand-in for the service on this machine: no token, no cost.

    \b
    prodia-compose sandbox                     prints two exports, then serves
    prodia-compose sandbox -- ./nightly.sh     runs a script against it
    prodia-compose sandbox --fault busy:2 -- ./nightly.sh
    """  # noqa: D301
    from prodia_compose.cli import sandboxing  # noqa: PLC0415 - loads Pillow and a server

    return sandboxing.serve(
        command or [], port=port, token=token, latency_s=latency, faults=fault or []
    )
