"""`models`: the catalogue as a table, one model with its sources, or all of it as JSON."""

from prodia_compose.cli import terminal
from prodia_compose.models import catalogue, lookup
from prodia_compose.report import catalogue as listing
from prodia_compose.report import tables


def show(name: str | None, *, as_json: bool) -> int:
    """Print the catalogue, or one model of it; return the exit code."""
    listed = catalogue.CATALOGUE if name is None else (lookup.find(name, flag=""),)
    if as_json:
        from prodia_compose.report import documents, jsontext  # noqa: PLC0415 - loads json

        terminal.print_text(jsontext.line(documents.models(listed)))
    elif name is None:
        terminal.print_text("\n".join(tables.aligned(listing.table(listed))))
    else:
        terminal.print_text("\n".join(listing.details(listed[0])))
    return 0
