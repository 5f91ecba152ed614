"""What earlier runs of a batch did: the last that is known of each row, and what was spent."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from prodia_compose import addresses, errors
from prodia_compose.pipeline.batch.results import lines
from prodia_compose.pipeline.batch.results.lines import Document, Header, Status

_STATUSES = {status: status for status in get_args(Status)}  # one text each, however many rows
_BILLED = ("done", "unknown", "not-placed")
_NEVER_RUN = ("refused", "busy", "not-delivered", "cancelled")
_UNPAID = ("rejected", *_NEVER_RUN)
_HALF = re.compile("[\ud800-\udfff]")  # of a character
_LONGEST_MESSAGE = 300
_LARGEST = 2**63  # US dollars; no option takes more, and no price is read that is


class Picture(NamedTuple):
    """A picture that was saved.

    Attributes:
        path: Usable from the working directory.
        sha256: Of its bytes, in hex.
        size: Their number, if known.
        mtime_ns: When the file had last changed once it was saved, in nanoseconds, if known.
    """

    path: str
    sha256: str
    size: int | None = None
    mtime_ns: int | None = None


class Last(NamedTuple):
    """The last that is known of a row. There are many of them: no field is kept without need.

    Attributes:
        record_id: Our own name for its job; None if it was not recorded, or never begun.
        pictures: Those that were saved, the one for `-o` first.
        kept: Where what came is kept, as it could not be placed.
        reserved_usd: The most that it could have cost.
        message: What was wrong.
        is_open: Whether only its start is known.
    """

    id: str
    status: Status
    request_key: str | None = None
    record_id: str | None = None
    pictures: tuple[Picture, ...] = ()
    kept: tuple[str, ...] = ()
    price_usd: float | None = None
    reserved_usd: float | None = None
    exit_code: int | None = None
    message: str = ""
    is_open: bool = False


class History:
    """What the results files of a batch say.

    Attributes:
        last: The latest of each row, by its id.
        spent: What was paid for rows that `counts`, in US dollars: prices, and the bounds of
            what may be billed and named none.
        bounds: The part of it that are such bounds.
        unpriced: How many jobs may be billed of which neither is known.
    """

    def __init__(self, counts: Callable[[str], bool] = lambda _: True) -> None:
        self._counts = counts
        self.last: dict[str, Last] = {}
        self.spent = self.bounds = Decimal(0)
        self.unpriced = 0

    def count(self, last: Last, amount: Decimal | None, sign: Literal[1, -1] = 1) -> None:
        """Take a row's job into the sums, or out of them."""
        if not self._counts(last.id):
            return
        if amount is None:
            self.unpriced += sign
        else:
            self.spent += sign * amount
            self.bounds += sign * (amount if last.price_usd is None else 0)


def read(
    paths: Iterable[str],
    header: Header | None = None,
    counts: Callable[[str], bool] = lambda _: True,
    called: str = "--results",
) -> History:
    """Return what results files say; a start without an end is of unknown outcome.

    Args:
        paths: What `names.family` finds.
        header: The run's; all files must be of the same service. None if that is no matter.
        counts: Whether what was spent on the row of an id matters.
        called: What names the files, for messages.

    Raises:
        errors.UsageError: One is of another service, or no results file.
        errors.InputError: One cannot be read, or a line is damaged.
    """
    history = History(counts)
    latest: dict[str, str] = {}
    for path in paths:
        for at, last, spent in _read(path, header, history, called).values():
            history.count(last, spent)
            before = history.last.get(last.id)
            if _is_over(last, before, is_later=latest.get(last.id, "") <= at):
                latest[last.id] = at
                history.last[last.id] = last
    return history


def _is_over(now: Last, before: Last | None, *, is_later: bool) -> bool:
    """Return whether a row's step counts, and not the one that another file has.

    The later does, but as clocks are set back, a job of unknown outcome counts over another
    that did not run, whenever that was: nothing sends it by itself.
    """
    if before is not None and (now.record_id is None or now.record_id != before.record_id):
        if before.status == "unknown" and now.status in _UNPAID:
            return False
        if now.status == "unknown" and before.status in _UNPAID:
            return True
    return is_later


def _read(
    path: str, header: Header | None, history: History, called: str
) -> dict[str, tuple[str, Last, Decimal | None]]:
    """Return the last step of each row in a file: when, what, and what is spent on that job.

    What was spent on earlier jobs of a row is counted at once.
    """
    folder = os.path.dirname(path)  # noqa: PTH120 - as typed
    steps: dict[str, tuple[str, Last, Decimal | None]] = {}
    try:
        with Path(path).open("rb") as file:
            for number, document in lines.read(path, file, called):
                if document["schema"] == lines.HEADER:
                    if header is not None:
                        lines.require_same(path, document, header, is_own=False, called=called)
                    continue
                try:
                    at, now, spent = step(document, folder)
                except ValueError as exc:
                    raise lines.damaged(path, number) from exc
                before = steps.get(now.id)
                if before is not None and not is_same_job(before[1], now):
                    history.count(*before[1:])
                steps[now.id] = at, now, spent
    except OSError as exc:
        raise errors.InputError(f"{path}: cannot be read ({exc.strerror})", path=path) from exc
    return steps


def step(document: Document, folder: str) -> tuple[str, Last, Decimal | None]:
    """Return a step of a row: when, what, and what is spent on that job.

    Raises:
        ValueError: It is damaged.
    """
    last = _last(document, folder)
    made, billed = document.get("made"), document.get("may_be_billed")
    if isinstance(made, dict) and made.get("taken") is True:
        billed = False  # an earlier picture, instead of paying
    return _text(document, "at") or "", last, amount(last, may_be_billed=_truth(billed))


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def is_same_job(before: Last, now: Last) -> bool:
    """Return whether a step is of the job that the one before was of, and not of another try."""
    if now.is_open or before.record_id != now.record_id:
        return False
    return now.record_id is not None or before.is_open or now.status not in _NEVER_RUN


def _last(document: Document, folder: str) -> Last:
    """Return what a step says of its row.

    Raises:
        ValueError: It is damaged.
    """
    known = Last(
        id=addresses.name_in(document, "id"),
        status="unknown",
        request_key=_text(document, "request_key"),
        record_id=_text(document, "record_id"),
        reserved_usd=_number(document, "reserved_usd"),
        is_open=document["schema"] == lines.START,
    )
    if known.is_open:
        return known
    problem = next(_objects(document, "errors"), {})
    status, code = _text(document, "status"), _number(problem, "exit_code")
    if status not in _STATUSES:
        raise ValueError(f"no such status: {status}")
    return known._replace(
        status=_STATUSES[status],
        pictures=tuple(_picture(one, folder) for one in _objects(document, "outputs")),
        kept=tuple(lines.found_at(one, folder) for one in _objects(document, "rescued")),
        price_usd=_number(document, "price_usd"),
        exit_code=None if code is None else int(code),
        message=(_text(problem, "message") or "")[:_LONGEST_MESSAGE],
    )


def _picture(output: Document, folder: str) -> Picture:
    size, mtime_ns = output.get("bytes"), output.get("mtime_ns")
    return Picture(
        path=lines.found_at(output, folder),
        sha256=_text(output, "sha256") or "",
        size=size if isinstance(size, int) else None,
        mtime_ns=mtime_ns if isinstance(mtime_ns, int) else None,
    )


def amount(last: Last, *, may_be_billed: bool | None = None) -> Decimal | None:
    """Return what a job counts as in US dollars; None if it may be billed and nothing is known.

    Args:
        last: What became of it.
        may_be_billed: Whether it can have run; None if that is as its status says.
    """
    if last.price_usd is not None:
        return Decimal(str(last.price_usd))
    if not (last.status in _BILLED if may_be_billed is None else may_be_billed):
        return Decimal(0)
    return None if last.reserved_usd is None else Decimal(str(last.reserved_usd))


def _text(document: Document, key: str) -> str | None:
    value = document.get(key)
    if value is None or (isinstance(value, str) and not _HALF.search(value)):
        return value
    raise ValueError(f"{key} is no text")


def _number(document: Document, key: str) -> float | None:
    value = document.get(key)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return value
    raise ValueError(f"{key} is no number")


def _objects(document: Document, key: str) -> Iterator[Document]:
    listed = document.get(key) or []
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise ValueError(f"{key} is no list")
    yield from listed
