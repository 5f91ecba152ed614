"""What `compare` takes: the options of `compose` for every variant, and some of `batch`."""

from collections.abc import Mapping
from typing import Annotated, Any

from prodia_compose.cli.options.many import IN_BATCH, ManyOptions
from prodia_compose.frozen import frozen
from prodia_compose.options import Option, Retold
from prodia_compose.pipeline.batch.rows.compared import CompareOptions

_LEFT_OUT = (
    *("model", "target", "if_exists"),
    *("each", "manifest_format", "skip_invalid", "shard", "results", "cluster"),
)

_IN_COMPARE: Mapping[str, Mapping[str, Any] | None] = {
    **{name: said for name, said in IN_BATCH.items() if name not in ("operands", "labelled")},
    "lists": {},
    "prompt": {"help": "What to make of the images"},
    "vary": {"help": "Compare these values with each model, seed=1..4 too"},
    "repeat": {"help": "Make N pictures of each"},
    "format": {"help": "The format of the pictures"},
    "max_wait_s": {"help": "Give up a model once it is busy for so long without a success"},
    "force": {"help": "Use a folder that holds something else, and overwrite what is in the way"},
    "create_dirs": {"help": "Make the folders that lead to it, too"},
    "max_cost_usd": {"help": "Refuse variants that may cost more"},
    "assume_price_usd": {"help": "What a variant may cost at most, where no price is known"},
    "dry_run": {"help": "Show what would be sent, and the price; send nothing"},
    "budget_usd": {"help": "Spend no more, in all runs of this compare together"},
    "max_failures": {"help": "Start no more after N failures without a success; 0 goes on"},
    "only": {"help": "Only the variant called so; give it once for each"},
    "rerun": {"help": "Send variants that ended so once more; nothing else sends them again"},
    **dict.fromkeys(_LEFT_OUT),
}
"""What is said otherwise of options of `batch` and `compose`, and what is left out."""


@frozen
class ComparedOptions(ManyOptions):
    """What `compare` takes."""

    json: Annotated[
        bool, Option(help="Print JSON: an object for each variant, then one for all", group="talk")
    ] = False
    batch: Annotated[CompareOptions, Retold(_IN_COMPARE)] = CompareOptions()
