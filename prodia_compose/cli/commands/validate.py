"""`validate`, declared."""

import typer

from prodia_compose.cli.commands import EPILOG_OF_VALIDATE
from prodia_compose.cli.options.declared import ValidateOptions
from prodia_compose.cli.options.grouped import Grouped
from prodia_compose.cli.options.reading import takes_options

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Grouped, epilog=EPILOG_OF_VALIDATE)
@takes_options
def validate(options: ValidateOptions) -> int:
    """Check everything that compose checks, prepare the pictures, and send nothing.

    \b
    One picture, and two with labels:
    prodia-compose validate mug.jpg -p "Put this mug on a wooden table"
    prodia-compose validate -i mug=a.jpg -i room=b.jpg -p "Put {mug} in {room}"

    \b
    A list; another format; the price as JSON; where there is no token, as in CI:
    prodia-compose validate -T list.txt -m seedream-5-lite -p "Blend all of them"
    prodia-compose validate mug.jpg -p "..." -o mug.png
    prodia-compose validate mug.jpg -p "..." --json | jq .estimate_usd
    prodia-compose validate mug.jpg -p "..." --strict --sandbox

    \b
    Many pictures: what is due, and what it costs:
    prodia-compose batch rows.jsonl -n
    """  # noqa: D301
    from prodia_compose.cli import composing  # noqa: PLC0415 - loads Pillow

    return composing.validate(options)
