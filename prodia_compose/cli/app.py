"""The commands, in the order help shows them; each is declared when it is called."""

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import prodia_compose
from prodia_compose import errors
from prodia_compose.cli.layout import Context

COMMANDS = {
    "compose": "Send pictures and a prompt, save what comes back",
    "validate": "Do all that compose does, except sending",
    "models": "List the models, or all that is known of one",
    "batch": "Make many pictures: a row of a manifest, or of a list, each",
    "compare": "Make one picture with several models or settings, side by side",
    "report": "Show what was made: a page, a contact sheet, a table",
    "verify": "Tell whether pictures are as they were saved, and of which job",
    "sandbox": "Serve a local stand-in: no token, no cost",
    "jobs": "The record of jobs: list, show, fetch, spend, settle",
    "config": "Show which options a config file or the environment sets",
    "completion": "Let a shell complete command lines at TAB: install, or print",
    "help": "Show the help of a command, or a page on a topic",
}


class _Commands(TyperGroup):
    """The commands by name: what help lists of all, and the whole of the one that is called."""

    context_class = Context

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return a command, declared in full, with its name and arguments."""
        name, _, rest = super().resolve_command(ctx, args)
        place = "jobs.group" if name == "jobs" else name
        module = importlib.import_module(f"prodia_compose.cli.commands.{place}")
        command: Any = typer.main.get_command(module.app)
        for one in (command, *getattr(command, "commands", {}).values()):
            one.context_class = Context
        return name, command, rest


app = typer.Typer(
    name="prodia-compose",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
)


def _declared_elsewhere() -> None:
    """Stand for a command until it is called."""


for _name, _summary in COMMANDS.items():
    app.command(_name, short_help=_summary)(_declared_elsewhere)


def _show_version(context: typer.Context, value: bool) -> None:  # noqa: FBT001 - Typer's callbacks are called so
    if value:
        from prodia_compose.cli import terminal  # noqa: PLC0415

        lines = [f"prodia-compose {prodia_compose.__version__}"]
        if context.params["verbose"]:
            from prodia_compose.cli.commands import help as pages  # noqa: PLC0415 - loads Pillow

            lines += pages.surroundings()
        terminal.print_text("\n".join(lines))
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - its callback is what it does
        bool,
        typer.Option("--version", "-V", callback=_show_version, help="Show the version"),
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            is_eager=True,  # so that `--version` knows of it, wherever it stands
            show_default=False,
            help="With --version: the versions of Python and of codecs, and the folders, too",
        ),
    ] = 0,
) -> None:
    """Combine several pictures into one with a sentence.

    \b
    prodia-compose compose product.jpg scene.jpg -o out.jpg \\
        -p "Put the mug from the first image on the table in the second image"
    prodia-compose validate *.jpg -p "..."     everything but sending
    prodia-compose compose --sandbox ...       try it: no token, no cost
    prodia-compose batch rows.jsonl --budget 5
    prodia-compose help money                  a page on a topic

    The token is read from PRODIA_TOKEN. The saved path is printed on stdout.

    Topics of `help`: lists, names, options, again, batch, cluster, reports,
    money, record, exit-codes, json, scripts, rehearsal, shell, environment,
    privacy, marks, troubleshooting.
    """  # noqa: D301 - \b is Typer's mark for a paragraph it must not wrap
    if verbose:
        from prodia_compose.cli import slips  # noqa: PLC0415 - only for those who mistyped

        cure = slips.early("-v", [context.invoked_subcommand or ""])
        raise errors.UsageError("-v: stands before the command", cure)
