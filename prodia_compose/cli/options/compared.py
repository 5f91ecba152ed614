"""What `compare` takes: the options of `compose` for every variant, and some of `batch`."""

from collections.abc import Mapping
from typing import Annotated, Any

from prodia_compose.cli.options.many import IN_BATCH, ManyOptions
from prodia_compose.frozen import frozen
from prodia_compose.options import Option, Overrides
from prodia_compose.pipeline.batch.rows.compared import CompareOptions

_LEFT_OUT = (
    *("model", "target", "if_exists"),
    *("each", "manifest_format", "skip_invalid", "shard", "results", "cluster"),
)

_IN_COMPARE: Mapping[str, Mapping[str, Any] | None] = {
    **{name: said for name, said in IN_BATCH.items() if name not in ("operands", "labelled")},
    "lists": {},
    "prompt": {"help": "What to make of the pictures"},
    "vary": {"help": "Run each model with each of these values, such as seed=1..4"},
    "repeat": {"help": "Make N pictures of each"},
    "format": {"help": "Format of the pictures  [default: jpg]"},
    "max_wait_s": {"help": "Give up a model that is busy for S seconds on end"},
    "force": {
        "help": "Use the folder even if it holds other files, and overwrite those in the way"
    },
    "create_dirs": {"help": "Make the missing folders above that of -o"},
    "max_cost_usd": {"help": "Refuse variants that may cost more than this each, such as 0.05"},
    "assume_price_usd": {"help": "Price of a variant to reckon with where none is known"},
    "dry_run": {"help": "Show which variants would be sent, and their price; send nothing"},
    "budget_usd": {"help": "Spend at most this in all runs of this compare together, such as 1"},
    "max_failures": {"help": "Start no more variants after N failures without a success; 0: go on"},
    "only": {"help": "Run only the variant of this name; repeat it for several"},
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
    batch: Annotated[CompareOptions, Overrides(_IN_COMPARE)] = CompareOptions()
