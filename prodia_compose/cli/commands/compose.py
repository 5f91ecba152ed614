"""`compose`, declared."""

import typer

from prodia_compose.cli.commands import EPILOG
from prodia_compose.cli.options.declared import ComposeOptions
from prodia_compose.cli.options.reading import takes_options

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EPILOG)
@takes_options
def compose(options: ComposeOptions) -> int:
    """Send pictures and a prompt; save the picture that comes back.

    \b
    prodia-compose compose a.jpg b.jpg -p "The first image in the second image"
    prodia-compose compose -i mug=a.jpg -i room=b.jpg -p "Put {mug} in {room}"
    find shots -name '*.jpg' -print0 | sort -z | \\
        prodia-compose compose -0 -T - -m seedream-5-lite -p "Blend them all"
    prodia-compose compose a.jpg b.jpg -p "..." -o - | convert - small.png
    """  # noqa: D301
    from prodia_compose.cli import composing  # noqa: PLC0415 - loads requests and Pillow

    return composing.compose(options)
