"""What `batch` takes: the options of `compose` for every row, and its own."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from prodia_compose.cli.options.declared import Telling
from prodia_compose.frozen import frozen
from prodia_compose.options import Clash, Option, Overrides
from prodia_compose.pipeline.batch.options import BatchOptions

IN_BATCH: Mapping[str, Mapping[str, Any]] = {
    "operands": {
        "metavar": "[MANIFEST] [IMAGE...]",
        "help": "MANIFEST has the rows: .jsonl, .csv or .tsv, or - for stdin; with --each there "
        "is none. Each IMAGE is a picture of every row, after its own",
    },
    "labelled": {"help": "A picture of every row, with a label: {NAME} becomes its position"},
    "lists": {"help": "Read more pictures of every row from a list, or - for stdin"},
    "prompt": {"help": "What to make of the pictures, where the row does not say it"},
    "target": {
        "help": "Where pictures go, such as 'out/{id}.jpg': .jpg, .png or .webp",
        "shown": "{id}.jpg, or {each}.jpg with --each",
    },
    "format": {"help": "Format of the results, if their names have no suffix"},
    "if_exists": {
        "help": "If a file exists that this batch did not make: fail, skip the row, number "
        "the name (-2), or overwrite  [default: fail]"
    },
    "max_cost_usd": {"help": "Refuse rows that may cost more than this each, such as 0.05"},
    "assume_price_usd": {"help": "Price of a row to reckon with where none is known"},
    "dry_run": {"help": "Show which rows would be sent, and their price; send nothing"},
    "max_wait_s": {"help": "Give up rows when the service is busy for S seconds on end"},
    "save_to": {"is_hidden": True},
    "origin": {"is_hidden": True},
    "unset": {"is_hidden": True},
    "again": {"is_hidden": True},
}
"""What is said otherwise of options of `compose`; those that are for single jobs are left out."""


@frozen
class ManyOptions(Telling):
    """What `batch` takes."""

    json: Annotated[
        bool, Option(help="Print JSON: an object for each row, then one for all", group="talk")
    ] = False
    batch: Annotated[BatchOptions, Overrides(IN_BATCH)] = BatchOptions()
    fault: Annotated[
        tuple[str, ...],
        Option(
            metavar="KIND[:N]",
            help="With --sandbox: rehearse a fault of the first N jobs (`help sandbox`)",
            group="money",
            variable=None,
        ),
    ] = ()

    def clashes(self) -> Iterator[Clash]:
        """Yield faults that nobody rehearses."""
        yield from super().clashes()
        if self.fault and not self.batch.request.sandbox:
            message = f"--fault {self.fault[0]}: is a rehearsal's"
            yield Clash("fault", "sandbox", message, "add --sandbox")
