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

_MOST_SHOWN = 20  # in full
_MOST_NAMED = 200


def too_many(problems: Sequence[errors.ComposeError], *, as_json: bool) -> errors.ComposeError:
    """Return what is wrong as one error; of that people are told no more than they can read."""
    whole, shown = errors.combined(problems), problems if as_json else _folders_once(problems)
    count = len(shown) - _MOST_SHOWN
    if as_json or count <= 0:
        return errors.combined(shown)
    first = next(one for one in shown if one.code == whole.code)  # by which the run ends
    words, hints = _and_more(count, "problem")
    return errors.combined([*shown[:_MOST_SHOWN], type(first)(words, *hints)])


def _folders_once(problems: Sequence[errors.ComposeError]) -> list[errors.ComposeError]:
    """Return what is wrong, with a folder that several rows lack told by the first of them."""
    lacking = [one for one in problems if isinstance(one, places.NoFolderError)]
    counts = Counter(os.path.dirname(one.path or "") for one in lacking)  # noqa: PTH120 - as typed
    merged: list[errors.ComposeError] = []
    for one in problems:
        if not isinstance(one, places.NoFolderError):
            merged.append(one)
        elif count := counts.pop(os.path.dirname(one.path or ""), 0):  # noqa: PTH120 - as typed
            more = f" (as for {documents.counted(count - 1, 'more row')})" if count > 1 else ""
            merged.append(type(one)(f"{one.words}{more}", *one.hints, path=one.path))
    return merged


def _and_more(count: int, what: str) -> tuple[str, tuple[str]]:
    return f"and {documents.counted(count, f'more {what}')}", ("--json lists them all",)


def ask(options: ManyOptions, survey: Survey, *, is_sandbox: bool) -> None:
    """Ask whether to spend, unless that is settled; of a rehearsal tell that it would be asked.

    Raises:
        errors.UsageError: There is nobody to ask, or the answer is no.
    """
    wishes = options.batch
    # A budget of the config is a limit, and no consent: it stands there for every batch.
    has_budget = wishes.budget_usd is not None and "budget_usd" not in options.configured
    if wishes.yes or has_budget:
        return
    can_ask = terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)
    can_ask = can_ask and not options.json
    cure = "--budget USD caps it, -y sends without asking"
    if is_sandbox:
        if not can_ask and not (options.json or options.quiet):
            terminal.tell(
                f"prodia-compose: with a token it would stop here, as nobody agrees: {cure}"
            )
        return
    models = ", ".join(dict.fromkeys(one.model for one in survey.due))
    unknown = f", {survey.unpriced} of unknown price" if survey.unpriced else ""
    cost = f"at least {progress.usd(survey.least_usd)}{unknown}"
    what = f"{documents.counted(len(survey.due), wishes.what)} ({models}), {cost}"
    if not can_ask:
        raise errors.UsageError(f"{what}: nobody has agreed to that", cure)
    if not terminal.is_agreed(f"prodia-compose: send {what}? [y/N] "):
        raise errors.UsageError("nothing was sent")


def tell(
    options: ManyOptions, survey: Survey, passed: Sequence[errors.ComposeError], earlier: History
) -> None:
    """Tell what is odd, what is not sent and why, and what was spent before.

    Args:
        options: As given.
        survey: What is to be done.
        passed: What is wrong with rows that are passed over.
        earlier: What earlier runs did, and spent.
    """
    if options.json:
        return
    warnings = [warned if row is None else warned.about(row.id) for row, warned in survey.warnings]
    terminal.tell_warnings(warnings[:_MOST_SHOWN], options)
    if (rest := len(warnings[_MOST_SHOWN:])) and not options.quiet:
        words, hints = _and_more(rest, "warning")
        terminal.tell(f"prodia-compose: {'; '.join((words, *hints))}")
    if options.quiet or not options.batch.is_compare:
        tell_left(survey, passed)
    elif not options.batch.request.dry_run:
        laid = tables.aligned(list(_variants(survey, passed)), terminal.layout(sys.stderr))
        terminal.tell("\n".join(laid))
        if survey.due:
            terminal.tell(f"prodia-compose: {_sum(options, survey, 'to send', earlier)}")
    if not options.quiet:
        _tell_money(options, earlier)


def tell_left(survey: Survey, passed: Sequence[errors.ComposeError]) -> None:
    """Tell what is not sent, and why."""
    listed = [left for left in survey.left if left.decision.action in ("list", "refuse")]
    passed = _folders_once(passed)
    if problems := passed[:_MOST_SHOWN]:
        terminal.tell_error(errors.combined(problems), as_json=False)
    if rest := len(passed[_MOST_SHOWN:]):
        terminal.tell(terminal.problem(*_and_more(rest, "row")))
    for left in listed[:_MOST_SHOWN]:
        terminal.tell(terminal.problem(f"{left.row.id}: {left.decision.why}", left.decision.cures))
    for text, cure in _named(listed[_MOST_SHOWN:]):
        terminal.tell(terminal.problem(text, [cure]))


def _variants(
    survey: Survey, passed: Sequence[errors.ComposeError]
) -> Iterator[tuple[str, str, str]]:
    """Yield what is compared, in order: its name, its price if it is sent, else why it is not."""
    by_name: dict[str, tuple[int, str, str]] = {}
    for due in survey.due:
        price = "unknown price" if due.bound is None else f"at most {progress.usd(due.bound)}"
        by_name[due.row.id] = due.row.number, price, ""
    for left in survey.left:
        words = left.decision.why or f"{left.path or ''} is made already"
        word = _WORDS[left.decision.action]
        by_name[left.row.id] = left.row.number, word, words
    numbers = {row.id: row.number for row in survey.wrong}
    for error in passed:
        name = error.row_id or ""
        words = error.message.removeprefix(f"{name}: ")
        before = by_name.get(name)
        all_words = words if before is None else f"{before[2]}; {words}"
        by_name[name] = numbers.get(name, 0), "refused", all_words
    for name, (_, word, words) in sorted(by_name.items(), key=lambda one: one[1][0]):
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
    survey: Survey,
    passed: Sequence[errors.ComposeError],
    plans: Mapping[int, Document],
    earlier: History,
) -> None:
    """Show what would be sent (`-n`).

    Args:
        options: As given.
        survey: What would be done.
        passed: What is wrong with rows that are passed over.
        plans: Under `--json`, the documents of the rows that would be sent, by their numbers.
        earlier: What earlier runs did, and spent.
    """
    tell(options, survey, passed, earlier)
    if options.json:
        by_number = {**plans, **documents.left_out(survey, passed)}
        for number in sorted(by_number):
            terminal.print_document(by_number[number])
        counts = Counter(str(one["status"]) for one in by_number.values())
        terminal.print_document(documents.total(counts, survey, passed, spent=earlier.spent))
        return
    rows = [(progress.visible(one.row.id), one.model, _price(one.bound)) for one in survey.due]
    if options.batch.is_compare:
        rows = [*_variants(survey, passed)]
    if rows:
        terminal.print_table(rows)
    terminal.print_text(_sum(options, survey, "would be sent", earlier))


def _sum(options: ManyOptions, survey: Survey, verb: str, earlier: History) -> str:
    """Return how many rows are due, what they cost, and for how many of them the budget will do."""
    least = progress.usd(survey.least_usd)
    most = "unknown" if survey.most_usd is None else progress.usd(survey.most_usd)
    cost = least if least == most else f"at least {least}, at most {most}"
    left = len(survey.left) + len(survey.wrong)
    others = f", {left} not" if left else ""
    return f"{documents.counted(len(survey.due), options.batch.what)} {verb}{others}; {cost}{_room(options, survey, earlier)}"


def _room(options: ManyOptions, survey: Survey, earlier: History) -> str:
    """Return for how many rows there is room in the budget, where that is not all of them."""
    count, limit = fitting(options, survey, earlier), options.batch.limit_usd
    if limit is None or count >= len(survey.due):
        return ""
    room = f"{progress.usd(limit)} is enough for the first {count}" if count > 0 else "not one fits"
    return f"; by the most that each may cost, {room}"


def fitting(options: ManyOptions, survey: Survey, earlier: History) -> int:
    """Return how many of the rows that are due, the first ones, the budget is enough for."""
    limit = options.batch.limit_usd
    if limit is None:
        return len(survey.due)
    bounds = [math.inf if one.bound is None else one.bound for one in survey.due]
    sums = itertools.accumulate(bounds, initial=earlier.spent)
    return sum(spent <= limit for spent in sums) - 1


def _price(bound: Decimal | None) -> str:
    return "unknown" if bound is None else progress.usd(bound)
