"""What is told of a batch before its first row is sent, and asked."""

import itertools
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from prodia_compose import errors, progress
from prodia_compose.addresses import DASHBOARD
from prodia_compose.cli import terminal
from prodia_compose.cli.options.many import ManyOptions
from prodia_compose.output import places
from prodia_compose.pipeline.batch.results.history import History
from prodia_compose.pipeline.batch.survey import Left, Survey
from prodia_compose.report import batch as documents
from prodia_compose.report import tables
from prodia_compose.report.jsontext import Document

_MOST_TOLD = 20  # in full
_MOST_NAMED = 200


def too_many(found: Sequence[errors.ComposeError], *, as_json: bool) -> errors.ComposeError:
    """Return what is wrong as one error; of that people are told no more than they can read."""
    whole, told = errors.combined(found), found if as_json else _folders_once(found)
    rest = len(told) - _MOST_TOLD
    if as_json or rest <= 0:
        return errors.combined(told)
    first = next(one for one in told if one.code == whole.code)  # by which the run ends
    words, hints = _and_more(rest, "problem")
    return errors.combined([*told[:_MOST_TOLD], type(first)(words, *hints)])


def _folders_once(found: Sequence[errors.ComposeError]) -> list[errors.ComposeError]:
    """Return what is wrong, with a folder that several rows lack told by the first of them."""
    lacked: dict[str, list[errors.ComposeError]] = {}
    for one in found:
        if isinstance(one, places.NoFolderError):
            lacked.setdefault(os.path.dirname(one.path or ""), []).append(one)  # noqa: PTH120 - as typed
    told = []
    for one in found:
        alike = lacked.get(os.path.dirname(one.path or "")) if one.path else None  # noqa: PTH120 - as typed
        if alike is None or one not in alike:
            told.append(one)
        elif one is alike[0]:
            more = documents.counted(len(alike) - 1, "more row")
            words = f"{one.words} (as for {more})" if alike[1:] else one.words
            told.append(type(one)(words, *one.hints, path=one.path))
    return told


def _and_more(rest: int, what: str) -> tuple[str, tuple[str]]:
    return f"and {documents.counted(rest, f'more {what}')}", ("--json lists them all",)


def ask(options: ManyOptions, found: Survey, *, is_sandbox: bool) -> None:
    """Ask whether to spend, unless that is settled.

    Raises:
        errors.UsageError: There is nobody to ask, or the answer is no.
    """
    wishes = options.batch
    # A budget of the config is a limit, and no consent: it stands there for every batch.
    has_budget = wishes.budget_usd is not None and "budget_usd" not in options.configured
    if wishes.yes or has_budget or is_sandbox:
        return
    models = ", ".join(dict.fromkeys(one.model for one in found.due))
    unknown = f", {found.unpriced} of unknown price" if found.unpriced else ""
    cost = f"at least {progress.usd(found.least_usd)}{unknown}"
    what = f"{documents.counted(len(found.due), wishes.what)} ({models}), {cost}"
    can_ask = terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)
    if not can_ask or options.json:
        cure = "--budget USD caps it, -y sends without asking"
        raise errors.UsageError(f"{what}: nobody has agreed to that", cure)
    if not terminal.is_agreed(f"prodia-compose: send {what}? [y/N] "):
        raise errors.UsageError("nothing was sent")


def tell(
    options: ManyOptions, found: Survey, passed: Sequence[errors.ComposeError], earlier: History
) -> None:
    """Tell what is odd, what is not sent and why, and what was spent before.

    Args:
        options: As given.
        found: What is to be done.
        passed: What is wrong with rows that are passed over.
        earlier: What earlier runs did, and spent.
    """
    if options.json:
        return
    told = [warned if row is None else warned.about(row.id) for row, warned in found.warnings]
    terminal.tell_warnings(told[:_MOST_TOLD], options)
    if (rest := len(told[_MOST_TOLD:])) and not options.quiet:
        words, hints = _and_more(rest, "warning")
        terminal.tell(f"prodia-compose: {'; '.join((words, *hints))}")
    if options.quiet or not options.batch.is_compare:
        tell_left(found, passed)
    elif not options.batch.request.dry_run:
        laid = tables.aligned(list(_variants(found, passed)), terminal.layout(sys.stderr))
        terminal.tell("\n".join(laid))
        if found.due:
            terminal.tell(f"prodia-compose: {_sum(options, found, 'to send', earlier)}")
    if not options.quiet:
        _tell_money(options, earlier)


def tell_left(found: Survey, passed: Sequence[errors.ComposeError]) -> None:
    """Tell what is not sent, and why."""
    listed = [left for left in found.left if left.decision.action in ("list", "refuse")]
    passed = _folders_once(passed)
    if told := passed[:_MOST_TOLD]:
        terminal.tell_error(errors.combined(told), as_json=False)
    if rest := len(passed[_MOST_TOLD:]):
        terminal.tell(terminal.problem(*_and_more(rest, "row")))
    for left in listed[:_MOST_TOLD]:
        terminal.tell(terminal.problem(f"{left.row.id}: {left.decision.why}", left.decision.cures))
    for text, cure in _named(listed[_MOST_TOLD:]):
        terminal.tell(terminal.problem(text, [cure]))


def _variants(
    found: Survey, passed: Sequence[errors.ComposeError]
) -> Iterator[tuple[str, str, str]]:
    """Yield what is compared, in order: its name, its price if it is sent, else why it is not."""
    told: dict[str, tuple[int, str, str]] = {}
    for due in found.due:
        price = "unknown price" if due.bound is None else f"at most {progress.usd(due.bound)}"
        told[due.row.id] = due.row.number, price, ""
    for left in found.left:
        words = left.decision.why or f"{left.path or ''} is made already"
        word = _WORDS[left.decision.action]
        told[left.row.id] = left.row.number, word, words
    numbers = {row.id: row.number for row in found.wrong}
    for error in passed:
        name = error.row_id or ""
        words = error.message.removeprefix(f"{name}: ")
        before = told.get(name)
        all_words = words if before is None else f"{before[2]}; {words}"
        told[name] = numbers.get(name, 0), "refused", all_words
    for name, (_, word, words) in sorted(told.items(), key=lambda one: one[1][0]):
        yield progress.visible(name), word, progress.visible(words)


_WORDS = {"skip": "done", "list": "listed", "place": "kept", "refuse": "refused", "send": ""}
"""What becomes of a variant that is not sent, by what was decided."""


def _tell_money(options: ManyOptions, earlier: History) -> None:
    """Tell what this run may spend, and what was spent before, if there is a limit."""
    limit, shard = options.batch.limit_usd, options.batch.shard
    if limit is None:
        return
    if shard is not None:
        part = f"part {shard[0]} of {shard[1]} may spend {progress.usd(limit)} of the budget"
        terminal.tell(f"prodia-compose: {part}")
    if earlier.spent:
        so_far = f"{progress.usd(earlier.spent)} of {progress.usd(limit)}"
        of_it = f", {progress.usd(earlier.bounds)} of it at most (no price was told)"
        more = of_it if earlier.bounds else ""
        terminal.tell(f"prodia-compose: {so_far} were spent before{more}")
    if earlier.unpriced:
        jobs = documents.counted(earlier.unpriced, "earlier job")
        why = "may be billed, and nobody knows the price"
        terminal.tell(f"prodia-compose: not counted: {jobs} that {why}; look at {DASHBOARD}")


def _named(left: Sequence[Left]) -> Iterator[tuple[str, str]]:
    """Yield the names of rows that are left as they are, with what sends them."""
    names: dict[str, list[str]] = {}
    for one in left:
        word = one.decision.rerun
        cure = "--json tells why" if word is None else f"--rerun {word} sends them once more"
        names.setdefault(cure, []).append(one.row.id)
    for cure, ids in names.items():
        shown = ", ".join([*ids[:_MOST_NAMED], *(["..."] if ids[_MOST_NAMED:] else [])])
        yield f"{documents.counted(len(ids), 'more row')} left as they are: {shown}", cure


def show(
    options: ManyOptions,
    found: Survey,
    passed: Sequence[errors.ComposeError],
    plans: Mapping[int, Document],
    earlier: History,
) -> None:
    """Show what would be sent (`-n`).

    Args:
        options: As given.
        found: What would be done.
        passed: What is wrong with rows that are passed over.
        plans: Under `--json`, the documents of the rows that would be sent, by their numbers.
        earlier: What earlier runs did, and spent.
    """
    tell(options, found, passed, earlier)
    if options.json:
        told = {**plans, **documents.left_out(found, passed)}
        for number in sorted(told):
            terminal.print_document(told[number])
        counts = Counter(str(one["status"]) for one in told.values())
        terminal.print_document(documents.total(counts, found, passed, spent=earlier.spent))
        return
    rows = [(progress.visible(one.row.id), one.model, _price(one.bound)) for one in found.due]
    if options.batch.is_compare:
        rows = [*_variants(found, passed)]
    if rows:
        terminal.print_table(rows)
    terminal.print_text(_sum(options, found, "would be sent", earlier))


def _sum(options: ManyOptions, found: Survey, verb: str, earlier: History) -> str:
    """Return how many rows are due, what they cost, and for how many of them the budget will do."""
    least = progress.usd(found.least_usd)
    most = "unknown" if found.most_usd is None else progress.usd(found.most_usd)
    cost = least if least == most else f"at least {least}, at most {most}"
    left = len(found.left) + len(found.wrong)
    others = f", {left} not" if left else ""
    return f"{documents.counted(len(found.due), options.batch.what)} {verb}{others}; {cost}{_room(options, found, earlier)}"


def _room(options: ManyOptions, found: Survey, earlier: History) -> str:
    """Return for how many rows there is room in the budget, where that is not all of them."""
    limit = options.batch.limit_usd
    if limit is None:
        return ""
    bounds = [math.inf if one.bound is None else one.bound for one in found.due]
    sums = itertools.accumulate(bounds, initial=earlier.spent)
    count = sum(spent <= limit for spent in sums) - 1
    if count >= len(bounds):
        return ""
    room = f"{progress.usd(limit)} is enough for the first {count}" if count > 0 else "not one fits"
    return f"; by the most that each may cost, {room}"


def _price(bound: Decimal | None) -> str:
    return "unknown" if bound is None else progress.usd(bound)
