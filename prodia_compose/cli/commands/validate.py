"""`validate`, declared."""

import typer

from prodia_compose.cli.commands import EPILOG
from prodia_compose.cli.options.declared import ComposeOptions
from prodia_compose.cli.options.reading import takes_options

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EPILOG)
@takes_options
def validate(options: ComposeOptions) -> int:
    """Check everything that compose checks, prepare the pictures, and send nothing.

    \b
    prodia-compose validate a.jpg b.jpg -p "The first image in the second image"
    prodia-compose validate a.jpg b.jpg -p "..." --json | jq .estimate_usd
    """  # noqa: D301
    from prodia_compose.cli import composing  # noqa: PLC0415 - loads Pillow

    return composing.validate(options)
