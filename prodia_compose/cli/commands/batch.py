"""`batch`, declared."""

import typer

from prodia_compose.cli.commands import EPILOG_OF_BATCH
from prodia_compose.cli.options.many import ManyOptions
from prodia_compose.cli.options.reading import takes_options

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EPILOG_OF_BATCH)
@takes_options
def batch(options: ManyOptions) -> int:
    """Make many pictures: a row of a manifest each, or one for each picture of a list.

    \b
    prodia-compose batch rows.jsonl --budget 5
    prodia-compose batch rows.jsonl -n          which rows are due, and what they cost
    prodia-compose batch rows.jsonl --sandbox   rehearse it: no token, no cost
    prodia-compose batch shop.csv room.jpg -o 'out/{id}.jpg' --create-dirs --budget 5 \\
        -p "Put the {product} from the first image into the room of the second image"
    find products -name '*.jpg' -print0 | prodia-compose batch --each - -0 \\
        -i room=room.jpg -p 'Put {each} in {room}' -o 'out/{each}.jpg' --create-dirs -y

    Running it again goes on where it stopped: nothing is paid twice.
    """  # noqa: D301
    from prodia_compose.cli import batching  # noqa: PLC0415 - loads requests and Pillow

    return batching.batch(options)
