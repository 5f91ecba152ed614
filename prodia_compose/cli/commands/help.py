"""`help`: that of a command, or a page on a topic; and what a report of a bug should say."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from prodia_compose import errors
from prodia_compose.cli import terminal

TOPICS: Mapping[str, str] = {
    "lists": "Pictures from lists, folders, pipes and the web, and their order",
    "names": "Names of results: -o and its fields, formats, files that exist",
    "options": "All options of compose and batch, by what they are for",
    "again": "Making a picture again: sidecars, --from, --if-made",
    "batch": "Many pictures: manifests, results, running it again",
    "cluster": "A batch on many machines: Dask, shards, Slurm, Kubernetes",
    "reports": "Comparing models; pages and contact sheets of what was made",
    "money": "What a job costs, limits, and what is never paid twice",
    "record": "The record of jobs: looking back, fetching, settling",
    "exit-codes": "What each exit code means, and whether to run it again",
    "json": "What --json prints, the schemas, and the codes of warnings",
    "scripts": "Pipes, loops, make, CI, and a request sent with curl",
    "rehearsal": "The sandbox, and the faults it can show",
    "shell": "Setting up completion in bash, zsh, fish and PowerShell",
    "environment": "Environment variables and the config file",
    "privacy": "What is sent of a picture, what is kept on this machine",
    "marks": "Checking files with verify; marks of origin such as C2PA",
    "troubleshooting": "What to do about common problems",
}
"""The pages of `cli/topics`, with what they are about."""

_FOLDER = Path(__file__).parent.parent / "topics"
_WIDEST = 120

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("help")
def show(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND|TOPIC]", help="What to tell of; without it, all are listed"
        ),
    ] = None,
) -> int:
    """Show the help of a command, or a page on a topic.

    \b
    prodia-compose help                lists commands and topics
    prodia-compose help compose
    prodia-compose help jobs show
    prodia-compose help exit-codes
    """  # noqa: D301
    from prodia_compose.cli import app as program  # noqa: PLC0415 - it declares this command

    topic = "-".join(words or []).lower()
    if not words:
        for title, listed in (("Commands", program.COMMANDS), ("Topics", TOPICS)):
            terminal.print_text(f"{title}:")
            terminal.print_table([(f"  {name}", about) for name, about in listed.items()])
            terminal.print_text("")
        terminal.print_table([("prodia-compose help NAME shows one of them.",)])
    elif topic in TOPICS:
        _show_page((_FOLDER / f"{topic}.md").read_text(encoding="utf-8"))
    elif words[0] in program.COMMANDS:
        program.app(args=[*words, "--help"], prog_name="prodia-compose", standalone_mode=False)
    else:
        from prodia_compose.cli import slips  # noqa: PLC0415 - only for those who mistyped

        near = slips.nearest(topic, [*program.COMMANDS, *TOPICS])
        hint = f"did you mean: help {near}?" if near else "see prodia-compose help"
        raise errors.UsageError(f"no such command or topic {slips.shown(' '.join(words))}", hint)
    return 0


def _show_page(text: str) -> None:
    """Print a page: on a terminal as wide as that is, elsewhere as it was written."""
    layout = terminal.layout()
    if layout.columns is None:
        terminal.print_text(text.rstrip("\n"))
        return
    from io import StringIO  # noqa: PLC0415 - on a terminal only

    from rich import console, markdown, theme  # noqa: PLC0415 - as above
    from rich import text as words  # noqa: PLC0415 - as above

    class Heading(markdown.Heading):
        """A heading at the left, as in help."""

        def __rich_console__(
            self, _console: console.Console, _options: console.ConsoleOptions
        ) -> console.RenderResult:
            self.text.justify = "left"
            yield self.text

    class Commands(markdown.CodeBlock):
        """Commands as they are typed: a terminal may fold a line, and a copy of it stays one."""

        def __rich_console__(
            self, _console: console.Console, _options: console.ConsoleOptions
        ) -> console.RenderResult:
            lines = str(self.text).rstrip().splitlines()
            shown = "\n".join(f"    {line}" for line in lines)
            yield words.Text(shown, no_wrap=True, overflow="ignore")

    class Page(markdown.Markdown):
        """Markdown with such headings and commands."""

        elements: ClassVar = {
            **markdown.Markdown.elements,
            "heading_open": Heading,
            "code_block": Commands,
        }

    width = min(layout.columns, _WIDEST)
    shown = console.Console(
        file=StringIO(),
        width=width,
        force_terminal=layout.in_colour,
        no_color=not layout.in_colour,
        highlight=False,
        theme=theme.Theme({"markdown.code": "cyan"}),
    )
    with shown.capture() as captured:
        shown.print(Page(text, hyperlinks=False), crop=False)
    terminal.print_text("\n".join(line.rstrip() for line in captured.get().splitlines()))


def surroundings() -> Iterator[str]:
    """Yield what a report of a bug should say: versions, and where things are."""
    import platform  # noqa: PLC0415 - only for reports

    from prodia_compose.cli.options import reading  # noqa: PLC0415 - as below
    from prodia_compose.images import cluster  # noqa: PLC0415 - Pillow
    from prodia_compose.record import home  # noqa: PLC0415 - as above

    versions = cluster.versions()
    resizer = versions["cykooz-resizer"]
    state = str(home.place() or "none: there is no home folder")
    rows = [
        ("Python", f"{platform.python_version()} ({sys.executable})"),
        ("platform", platform.platform()),
        ("Pillow", versions["Pillow"]),
        ("JPEG", f"libjpeg-turbo {versions['libjpeg_turbo']}"),
        ("WebP", f"libwebp {versions['webp']}"),
        ("AVIF", f"libavif {versions['avif']}"),
        ("HEIC", f"pi-heif {versions['pi-heif']}"),
        ("resizer", "Pillow" if resizer == "none" else f"cykooz-resizer {resizer}"),
        ("state folder", state + (" (no record is kept)" if home.is_off(os.environ) else "")),
        ("config", reading.config_place() or "none: there is no home folder"),
    ]
    for name, said in rows:
        yield f"{name}: {said}"
