"""`config`: where options are also read from, and what each one is without being typed."""

import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

import typer

from prodia_compose import errors, values
from prodia_compose.addresses import named
from prodia_compose.cli import terminal
from prodia_compose.cli.options import config, reading, variables
from prodia_compose.cli.options.reading import VARIABLE, Given
from prodia_compose.options import Declared
from prodia_compose.progress import visible
from prodia_compose.report import tables
from prodia_compose.report.jsontext import Document, warnings

_DEFAULT = "default"

app = typer.Typer(add_completion=False, rich_markup_mode=None)

File = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="PRODIA_COMPOSE_CONFIG",
        show_envvar=False,
        help="Read this config file, not the usual one; off: none",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout")]


@app.callback()
def group() -> None:
    """Show which options a config file or the environment sets.

    \b
    prodia-compose config path    where the file is, or would be
    prodia-compose config show    each option, and where its value comes from

    The file is TOML: options by their long names below [compose] or [batch].

    \b
    [compose]
    model = "flux-2-pro"
    max-cost = 0.05
    token-file = "token"
    """  # noqa: D301


@app.command("path", short_help="Print where the config file is, or would be")
def path(context: typer.Context, *, file: File = None) -> int:
    """Print where the config file is, or would be.

    \b
    mkdir -p "$(dirname "$(prodia-compose config path)")"
    """  # noqa: D301
    place = _place(_given(file, context))
    if place is None:
        raise errors.UsageError("config: there is no home folder to look in", "use --config FILE")
    terminal.print_path(place)
    if place != "off" and not os.path.lexists(place):
        terminal.tell("prodia-compose: there is no such file yet")
    return 0


@app.command("show", short_help="Show the value of each option, and where it comes from")
def show(context: typer.Context, *, file: File = None, json: Json = False) -> int:
    """Show the value of each option, and where it comes from.

    \b
    prodia-compose config show
    prodia-compose config show --json |
        jq '.compose[] | select(.from != "default")'

    Of batch, only what compose does not have or has otherwise is in the table.
    """  # noqa: D301
    named_file = _given(file, context)
    findings = errors.Findings()
    findings.warnings += variables.unknown(os.environ)
    groups = {table: list(_rows(table, named_file, findings)) for table in config.TABLES}
    findings.errors = list({one.message: one for one in findings.errors}.values())
    findings.raise_if_any()
    odd = list({one.message: one for one in findings.warnings}.values())
    place = _place(named_file)
    is_there = place not in (None, "off") and os.path.lexists(str(place))
    if json:
        path_ = {"path": None} if place is None else named("path", place)
        head: Document = {"schema": "prodia-compose/config@1", **path_}
        terminal.print_document({**head, "is_read": is_there, **groups, "warnings": warnings(odd)})
        return 0
    terminal.tell_warnings(odd)
    is_read = is_there or place == "off"
    where = f"{visible(place or 'no home folder')}{'' if is_read else ' (not there)'}"
    alone = {**groups, "batch": [one for one in groups["batch"] if one not in groups["compose"]]}
    if terminal.layout().columns is None:
        _print_all(where, alone)
    else:
        _show_all(where, alone)
    return 0


def _print_all(where: str, groups: Mapping[str, Sequence[Document]]) -> None:
    """Print where the config is, and all about each option in a line."""
    rows = [("config", where, "")]
    for table, options in groups.items():
        rows += [
            (f"[{table}] {one['name']}", _words(one["value"]), str(one["where"] or one["from"]))
            for one in options
        ]
    terminal.print_table(rows)


def _show_all(where: str, groups: Mapping[str, Sequence[Document]]) -> None:
    """Print the same for people: what is set stands out, of what is not only the value is told."""
    terminal.print_table([("config", where)])
    rows: list[tuple[str, str, str]] = []
    for table, options in groups.items():
        rows += [("", "", ""), (tables.styled(f"[{table}]", tables.BOLD), "", "")]
        for one in options:
            value, place = _words(one["value"]), str(one["where"] or "")
            shown = tables.styled(value, tables.BOLD) if place else value
            rows.append((str(one["name"]), shown, f"from {place}" if place else ""))
    terminal.print_table(rows)
    terminal.print_table([("",), ("All else is the default.",)])


def _words(value: object) -> str:
    """Return a value as a config would have it."""
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else visible(str(value))


def _given(file: str | None, context: typer.Context) -> Given | None:
    """Return how the config was named, if it was."""
    source = str(context.get_parameter_source("file"))
    called = "PRODIA_COMPOSE_CONFIG" if source.endswith("ENVIRONMENT") else None
    return None if file is None else Given(values.text(file, "--config"), called, VARIABLE)


def _place(file: Given | None) -> str | None:
    """Return where the config is or would be; "off" if there is to be none."""
    if file is None:
        return reading.config_place()
    named_file = reading.config_file(file, errors.Findings())
    return named_file[0] if named_file else "off"


def _rows(table: str, file: Given | None, findings: errors.Findings) -> Iterator[Document]:
    """Yield what each option of a command is where it is not typed, as the document has it."""
    options = {field.name: field for _, field in config.known_in(table)}
    module = importlib.import_module(f"prodia_compose.cli.commands.{table}")
    command = typer.main.get_command(module.app)
    argv = [] if file is None or file.called else ["--config", file.typed]
    context: Any = command.make_context(table, argv)
    given, configured = reading.given_by(options, context.params, context, findings)
    by_name = reading.values_of(options, given, configured, findings)
    for name, field in options.items():
        if field.variable is None or name == "config":
            continue
        how, value = given.get(name), _value(field, given.get(name), by_name)
        where, place = _DEFAULT, None
        if how is not None and how.called is not None:
            is_variable = how.called == field.variable
            where = "environment" if is_variable else "config"
            place = how.called if is_variable else how.called[how.called.rindex(": [") + 2 :]
        bare = field.long.removeprefix("--")
        yield {"name": bare, "value": value, "from": where, "where": place}


def _value(field: Declared, given: Given | None, by_name: Mapping[str, Any]) -> object:
    """Return an option's value as a document has it: a number, a truth, or text as it is typed."""
    if field.kind is bool:
        return given is not None and bool(given.typed)
    if given is None:
        default = field.option.shown or field.default
        return float(default) if isinstance(default, Decimal) else default
    value = by_name.get(field.name)
    if isinstance(value, str) and values.is_secret(value):  # of a variable
        return "(a token)"
    if isinstance(value, Decimal):
        return float(value)
    return value if field.kind in (int, float) and field.option.parse is None else given.typed
