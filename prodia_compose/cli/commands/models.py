"""`models`: the catalogue as a table, one model with its sources, or all of it as JSON."""

from typing import Annotated

import typer

from prodia_compose.cli import terminal
from prodia_compose.models import catalogue, lookup
from prodia_compose.report import catalogue as listing

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def models(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A model's name or job type"),
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout")] = False,
) -> int:
    """List the models, or show all that is known of one, with its sources.

    \b
    prodia-compose models
    prodia-compose models flux-2-flex
    prodia-compose models --json | jq -r '.models[].name'
    """  # noqa: D301
    listed = catalogue.CATALOGUE if name is None else (lookup.find(name, flag=""),)
    if json:
        from prodia_compose.report import documents  # noqa: PLC0415 - loads json

        terminal.print_document(documents.models(listed))
    elif name is None:
        terminal.print_table(listing.table(listed))
    else:
        terminal.print_text("\n".join(listing.details(listed[0], terminal.layout())))
    return 0
