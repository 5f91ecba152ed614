"""`compose`, declared."""

import typer

from prodia_compose.cli.commands import EPILOG
from prodia_compose.cli.options.declared import ComposeOptions
from prodia_compose.cli.options.grouped import Grouped
from prodia_compose.cli.options.reading import takes_options

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Grouped, epilog=EPILOG)
@takes_options
def compose(options: ComposeOptions) -> int:
    """Send pictures and a prompt; save the picture that comes back.

    \b
    One picture, and two with labels:
    prodia-compose compose mug.jpg -p "Put this mug on a wooden table"
    prodia-compose compose -i mug=a.jpg -i room=b.jpg -p "Put {mug} in {room}"

    \b
    A list; another format, into a program; what came, as JSON:
    find shots -name '*.jpg' -print0 | sort -z | \\
        prodia-compose compose -0 -T - -m seedream-5-lite -p "Blend all of them"
    prodia-compose compose mug.jpg -p "..." -o mug.png
    prodia-compose compose mug.jpg -p "..." -o - | convert - small.webp
    prodia-compose compose mug.jpg -p "..." --json | jq -r .output.path

    \b
    Many pictures, under one budget (see `help batch`):
    prodia-compose batch rows.jsonl --budget 5
    """  # noqa: D301
    from prodia_compose.cli import composing  # noqa: PLC0415 - loads requests and Pillow

    return composing.compose(options)
