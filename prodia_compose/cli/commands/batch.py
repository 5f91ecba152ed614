"""`batch`, declared."""

import typer

from prodia_compose.cli.commands import EPILOG_OF_BATCH
from prodia_compose.cli.options.grouped import Grouped
from prodia_compose.cli.options.many import ManyOptions
from prodia_compose.cli.options.reading import takes_options

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Grouped, epilog=EPILOG_OF_BATCH)
@takes_options
def batch(options: ManyOptions) -> int:
    """Make many pictures: a row of a manifest each, or one for each picture of a list.

    \b
    A row a line; which are due, and what they cost; a rehearsal without token:
    prodia-compose batch rows.jsonl --budget 5
    prodia-compose batch rows.jsonl -n
    prodia-compose batch rows.jsonl --sandbox

    \b
    A table from a spreadsheet; each picture of a list into one scene:
    prodia-compose batch shop.csv -i room=room.jpg -o 'out/{id}.jpg' \\
        --create-dirs --budget 5 -p "Put the {thing} of image 1 in {room}"
    find products -name '*.jpg' -print0 | prodia-compose batch --each - -0 \\
        -i room=room.jpg -p "Put {each} in {room}" -o 'out/{each}.jpg' \\
        --create-dirs --budget 5

    Running it again goes on where it stopped: nothing is paid twice.
    """  # noqa: D301
    from prodia_compose.cli import batching  # noqa: PLC0415 - loads requests and Pillow

    return batching.batch(options)
