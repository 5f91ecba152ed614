"""`compare`, declared."""

from dataclasses import replace

import typer

from prodia_compose.cli.commands import EPILOG_OF_COMPARE
from prodia_compose.cli.options.compared import ComparedOptions
from prodia_compose.cli.options.grouped import Grouped
from prodia_compose.cli.options.reading import takes_options

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Grouped, epilog=EPILOG_OF_COMPARE)
@takes_options
def compare(options: ComparedOptions) -> int:
    """Make the same picture with several models or settings, side by side.

    \b
    Two models; four seeds, and what they would cost; a rehearsal without token:
    prodia-compose compare a.jpg b.jpg -p "..." -m nano-banana -m flux-2-pro \\
        -o tried --budget 1
    prodia-compose compare a.jpg b.jpg -p "..." -m flux-2-dev -m flux-2-pro \\
        --vary seed=1..4 -o seeds -n
    prodia-compose compare a.jpg b.jpg -p "..." -m flux-2-dev -m seedream-5-lite \\
        -o tried --sandbox

    The folder gets a picture of each, and report.html, which shows them all.
    Running it again goes on where it stopped: nothing is paid twice.
    """  # noqa: D301
    from prodia_compose.cli import batching  # noqa: PLC0415 - loads requests and Pillow

    return batching.batch(replace(options, batch=options.batch.as_batch()))
