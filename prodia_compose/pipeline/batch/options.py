"""What a batch is asked for: the options of `compose` for every row, and its own."""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import PurePath
from typing import Annotated, Literal, get_args

from prodia_compose import addresses, errors, values
from prodia_compose.client import service
from prodia_compose.frozen import frozen
from prodia_compose.inputs.options import file_or_stdin
from prodia_compose.models.catalogue import DEFAULT_MODEL
from prodia_compose.options import Clash, Option, Options
from prodia_compose.output import streams
from prodia_compose.pipeline.batch.rows import fields, manifest, variants
from prodia_compose.pipeline.request import ComposeRequest

Rerun = Literal["unknown", "failed", "missing", "changed"]

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def _rerun(text: str, called: str) -> str:
    return values.choice(text, called, allowed=get_args(Rerun))


def _rate(text: str, called: str) -> float:
    """Return a number of starts a second."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)/([smh])", text)
    if match is None or float(match[1]) <= 0:
        cure = "write it as N/s, N/m or N/h, such as 10/m"
        raise errors.UsageError(f"{called} {text}: is no rate", cure)
    return float(match[1]) / _SECONDS[match[2]]


def _usd(text: str, called: str) -> Decimal:
    values.number(text, called, kind=float, minimum=0, maximum=None, example="5")
    return Decimal(text)


def _shard(text: str, called: str) -> tuple[int, int]:
    """Return which of how many."""
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        cure = "write it as I/N, the number of this part and how many there are, such as 1/4"
        raise errors.UsageError(f"{called} {text}: is no part", cure)
    return int(match[1]), int(match[2])


def _address(text: str, called: str) -> str:
    """Return where a Dask scheduler listens; without encryption on this machine only."""
    match = re.fullmatch(r"(tcp|tls)://(\[[0-9a-fA-F:.]+\]|[^\s/:@\[\]]+):[0-9]{1,5}", text)
    if match is None:
        cure = "write it as tls://HOST:PORT, or on this machine as tcp://127.0.0.1:8786"
        words = f"{called} {addresses.shown(text)}: is no scheduler's address"
        raise errors.UsageError(words, cure)
    if match[1] == "tcp" and not service.is_loopback(match[2].strip("[]")):
        cure = "over a network use tls://, so that nobody reads or changes the pictures"
        raise errors.UsageError(f"{called} {text}: tcp:// is for this machine only", cure)
    return text


@frozen
class BatchOptions(Options):
    """What a batch is asked for.

    Attributes:
        request: The defaults of every row; the first operand is the manifest, unless there is
            a list of entries (`each`).
        vary: The fields that rows are run with several values of, in the order given.
        repeat: How often each row is run; 0 for once, without a number in its id.
        rate: Starts a second.
        shard: Which of how many parts of the rows this run is for, from 1.
    """

    each: Annotated[
        str | None,
        Option(
            metavar="LIST",
            help="One composition for every picture or folder of a list, or - for stdin",
            group="rows",
            parse=file_or_stdin,
            variable=None,
            once="one list makes the rows",
        ),
    ] = None
    manifest_format: Annotated[
        manifest.Format | None,
        Option(help="Format of the manifest, if its name has no known suffix", group="rows"),
    ] = None
    vary: Annotated[
        tuple[variants.Varied, ...],
        Option(
            metavar="KEY=V1,V2",
            help="Run each row with each of these values, such as seed=1..4",
            group="rows",
            parse=variants.parse,
            variable=None,
        ),
    ] = ()
    repeat: Annotated[
        int,
        Option(
            metavar="N",
            minimum=1,
            maximum=1000,
            example="4",
            help="Run each row N times",
            group="rows",
            shown="1",
            variable=None,
        ),
    ] = 0
    jobs: Annotated[
        int,
        Option(
            names=("-j", "--jobs"),
            metavar="N",
            minimum=1,
            maximum=256,
            example="8",
            help="How many jobs run at one time",
            group="pace",
        ),
    ] = 4
    rate: Annotated[
        float | None,
        Option(
            metavar="N/s|m|h",
            help="Start at most N jobs a second, minute or hour, such as 10/m",
            group="pace",
            parse=_rate,
        ),
    ] = None
    budget_usd: Annotated[
        Decimal | None,
        Option(
            names=("--budget",),
            metavar="USD",
            help="Spend at most this in all runs of this batch together, such as 5",
            group="money",
            parse=_usd,
            is_limit=True,
        ),
    ] = None
    yes: Annotated[
        bool,
        Option(
            names=("-y", "--yes"),
            help="Send without asking, whatever it costs",
            group="money",
            variable=None,
        ),
    ] = False
    max_failures: Annotated[
        int | None,
        Option(
            metavar="N",
            minimum=0,
            example="5",
            help="Start no more rows after N failures without a success; 0: go on",
            group="pace",
            shown="3 of unknown outcome, 10 others",
        ),
    ] = None
    skip_invalid: Annotated[
        bool,
        Option(
            help="Pass over rows that are wrong and send the others", group="rows", variable=None
        ),
    ] = False
    rerun: Annotated[
        tuple[Rerun, ...],
        Option(
            metavar=f"<{'|'.join(get_args(Rerun))}>",
            help="Send rows that ended so once more; nothing else sends them again",
            group="rows",
            parse=_rerun,
            variable=None,
        ),
    ] = ()
    only: Annotated[
        tuple[str, ...],
        Option(
            metavar="ROW",
            help="Run only the row with this id; repeat it for several rows",
            group="rows",
            variable=None,
        ),
    ] = ()
    shard: Annotated[
        tuple[int, int] | None,
        Option(
            metavar="I/N",
            help="Run only part I of N of the rows, such as 1/4",
            group="rows",
            parse=_shard,
            variable=None,
        ),
    ] = None
    results: Annotated[
        str | None,
        Option(
            metavar="FILE",
            help="Where results are written and read  [default: beside the manifest]",
            group="rows",
            variable=None,
        ),
    ] = None
    cluster: Annotated[
        str | None,
        Option(
            metavar="ADDRESS",
            help="Have pictures prepared by a Dask cluster",
            group="pace",
            parse=_address,
        ),
    ] = None
    request: ComposeRequest = ComposeRequest()

    @property
    def manifest(self) -> str | None:
        """The manifest, as typed; None where a list makes the rows."""
        operands = self.request.selection.operands
        return operands[0] if operands and self.each is None else None

    @property
    def source(self) -> str | None:
        """Where rows stand, for messages of what is wrong with one."""
        return self.manifest or f"--each {self.each}"

    @property
    def what(self) -> str:
        """What a row is called."""
        return "row"

    @property
    def is_compare(self) -> bool:
        """Whether the rows are variants of one composition, to be looked at side by side."""
        return False

    @property
    def claims_on_stdin(self) -> list[str]:
        """What asks for standard input beside the manifest, for every row; only one can have it."""
        bare = replace(self.request.selection, operands=self.shared)
        return replace(self.request, selection=bare).claims_on_stdin

    @property
    def shared(self) -> tuple[str, ...]:
        """The pictures among the operands."""
        operands = self.request.selection.operands
        return operands if self.each is not None else operands[1:]

    @property
    def limit_usd(self) -> Decimal | None:
        """What this run may spend, earlier ones of the same rows included: a shard only its part."""
        if self.budget_usd is None or self.shard is None:
            return self.budget_usd
        return self.budget_usd / self.shard[1]

    @property
    def reads_stdin(self) -> bool:
        """Whether the rows, or something of all of them, come from standard input."""
        return "-" in (self.manifest, self.each) or bool(self.claims_on_stdin)

    def clashes(self) -> Iterator[Clash]:
        """Yield what makes no batch; a variable that is meant for single jobs is silent."""
        for clash in super().clashes():
            if self.each is None or (clash.one, clash.other) != ("null_separated", "lists"):
                yield clash
        yield from self._rowless()
        yield from self._single()
        given = {name for name, _ in self.request.settings.items()}
        given |= {"match"} if self.request.settings.match is not None else set()
        given |= {f"set:{name}" for name, _ in self.request.settings.extras}
        given |= {"model"} if self.request.model != DEFAULT_MODEL else set()
        names = [name for name, _ in self.vary]
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                message = f"--vary {name}=...: is given twice"
                yield Clash("vary", "vary", message, "list all values in one")
            if name in given:
                bare = name.removeprefix("set:")
                flag = f"--{name.replace('_', '-')}" if bare == name else f"--set {bare}"
                field = fields.OPTIONS[name].name if bare == name else "extras"
                yield self.clash("vary", field, f"--vary {name}=...", flag)

    def _rowless(self) -> Iterator[Clash]:
        """Yield where no rows come from, or from two places."""
        if self.each is None and self.manifest is None:
            cure = "name a manifest, or a list with --each LIST"
            yield Clash("operands", "each", "no rows", cure)
        if self.each is not None and self.manifest_format is not None:
            flag = self.called("--manifest-format")
            yield Clash(
                "manifest_format", "each", f"{flag}: a list of --each has no format", "leave it out"
            )
        first = self.shared[0] if self.each is not None and self.shared else ""
        if PurePath(first).suffix.lower() in manifest.SUFFIXES:
            yield Clash(
                "operands", "each", f"{first} and --each: both are given", "give one of them"
            )

    def _single(self) -> Iterator[Clash]:
        """Yield what is for one job only."""
        request, target = self.request, self.request.placement.target
        if request.prompt is not None and request.prompt_file is not None:
            yield self.clash("prompt", "prompt_file", "--prompt", "--prompt-file")
        if target == "-" or streams.descriptor(target) is not None:
            message = f"{request.called('-o')} {target}: a batch makes many pictures"
            yield Clash("target", "operands", message, "name files, such as -o 'out/{id}.jpg'")
        if request.save_to is not None:
            flag = request.called("--save-request")
            yield Clash("save_to", "operands", f"{flag}: is for one job", "use it with compose")
        if request.origin is not None:
            yield Clash("origin", "operands", "--from: is for one job", "use it with compose")
        if request.again:
            cure = "--rerun unknown sends what ended so"
            yield Clash("again", "rerun", "--again: is for one job", cure)
