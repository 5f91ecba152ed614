"""`models`, declared."""

from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def models(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A model's name or job type"),
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> int:
    """List the models, or show all that is known of one, with its sources.

    \b
    prodia-compose models
    prodia-compose models flux-2-flex
    prodia-compose models --json | jq -r '.models[].name'
    """  # noqa: D301
    from prodia_compose.cli import catalogue  # noqa: PLC0415

    return catalogue.show(name, as_json=json)
