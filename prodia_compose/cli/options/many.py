"""What `batch` takes: the options of `compose` for every row, and its own."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from prodia_compose.cli.options.declared import Telling
from prodia_compose.frozen import frozen
from prodia_compose.options import Clash, Option, Retold
from prodia_compose.pipeline.batch.options import BatchOptions

IN_BATCH: Mapping[str, Mapping[str, Any]] = {
    "operands": {
        "metavar": "[MANIFEST] [IMAGE...]",
        "help": "MANIFEST has the rows: .jsonl, .csv or .tsv, or - for stdin; with --each there "
        "is none. Each IMAGE is a picture of every row, after its own",
    },
    "labelled": {"help": "A picture of every row, with a label: {NAME} becomes its position"},
    "lists": {"help": "Read more pictures of every row from a list, or - for stdin"},
    "prompt": {"help": "What to make of the images, where the row does not say it"},
    "target": {
        "help": "Where pictures go, such as 'out/{id}.jpg': .jpg, .png or .webp",
        "shown": "{id}.jpg, or {each}.jpg with --each",
    },
    "format": {"help": "The format of pictures, where the name does not tell"},
    "if_exists": {
        "help": "What to do where a file is that this batch did not make; fail by default"
    },
    "width": {"help": "The picture's width"},
    "height": {"help": "The picture's height"},
    "guidance": {"help": "How closely to follow the prompt"},
    "safety_tolerance": {"help": "How much the service lets pass; 0 is strictest"},
    "max_cost_usd": {"help": "Refuse rows of which one may cost more"},
    "assume_price_usd": {"help": "What a row may cost at most, where no price is known"},
    "dry_run": {"help": "Show which rows would be sent, and the price; send nothing"},
    "max_wait_s": {"help": "Give up rows once the service is busy for so long without a success"},
    "connect_timeout_s": {"help": "Seconds for a connection"},
    "stall_timeout_s": {"help": "Seconds without upload progress"},
    "timeout_s": {"help": "Seconds for an answer, once all is sent"},
    "save_to": {"is_hidden": True},
    "origin": {"is_hidden": True},
    "again": {"is_hidden": True},
}
"""What is said otherwise of options of `compose`; those that are for single jobs are left out."""


@frozen
class ManyOptions(Telling):
    """What `batch` takes."""

    json: Annotated[bool, Option(help="Print JSON: an object for each row, then one for all")] = (
        False
    )
    batch: Annotated[BatchOptions, Retold(IN_BATCH)] = BatchOptions()
    fault: Annotated[
        tuple[str, ...],
        Option(
            metavar="KIND[:N]",
            help="With --sandbox: rehearse a fault of the first N jobs, as `sandbox` does",
            variable=None,
        ),
    ] = ()

    def clashes(self) -> Iterator[Clash]:
        """Yield faults that nobody rehearses."""
        yield from super().clashes()
        if self.fault and not self.batch.request.sandbox:
            cure = "is a rehearsal's; add --sandbox"
            yield Clash("fault", "sandbox", f"--fault {self.fault[0]}: {cure}")
