"""`batch`, declared."""

import typer

from prodia_compose.cli.commands import EPILOG
from prodia_compose.cli.options.declared import ManyOptions
from prodia_compose.cli.options.reading import takes_options

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EPILOG)
@takes_options
def batch(options: ManyOptions) -> int:
    """Make many pictures: a row of a manifest each, or one for each picture of a list.

    \b
    prodia-compose batch rows.jsonl --budget 5
    prodia-compose batch shop.csv -m seedream-5-lite -o 'out/{id}.jpg' --create-dirs -y
    find products -name '*.jpg' -print0 | prodia-compose batch --each - -0 \\
        -i room=room.jpg -p 'Put {each} in {room}' -o 'out/{each}.jpg' --create-dirs -y
    prodia-compose batch rows.jsonl -n          what would be sent, and at what price

    Running it again goes on where it stopped: what is done is not paid twice.
    """  # noqa: D301
    from prodia_compose.cli import batching  # noqa: PLC0415 - loads requests and Pillow

    return batching.batch(options)
