"""The documents of a batch: one for each row, and one for all."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, get_args

from prodia_compose import addresses, errors
from prodia_compose.pipeline.batch.results.ends import End
from prodia_compose.pipeline.batch.results.lines import Status
from prodia_compose.pipeline.batch.rows.row import Row
from prodia_compose.pipeline.batch.survey import Survey
from prodia_compose.pipeline.plan import Plan
from prodia_compose.progress import visible
from prodia_compose.record.entries import stamp
from prodia_compose.report import documents, jsontext
from prodia_compose.report.jsontext import Document

_STATUS: Final = {"skip": "skipped", "list": "listed", "refuse": "refused"}
"""What becomes of rows that are not sent, by what was decided."""

_COUNTED: Final = ("due", *get_args(Status), "skipped", "listed", "not-started")


def row(end: End) -> Document:
    """Return `prodia-compose/row@1`: what became of a row that was due; also a line of the results."""
    due, error = end.due, end.error
    plan = end.plan or Plan(request=due.row.request, model=None, prompt=None, format="jpg")
    done = documents.result(plan, end.run)
    done["recipe"] = end.recipe or done["recipe"]
    is_done = end.outcome.status == "done"
    return {
        "schema": "prodia-compose/row@1",
        **addresses.named("id", due.row.id),
        "row": due.row.number,
        "status": end.outcome.status,
        **{name: value for name, value in done.items() if name != "schema"},
        "ok": is_done,
        "errors": documents.problems(() if error is None or is_done else error.parts),
        "skipped": is_done and not end.run.saved,
        "may_be_billed": end.outcome.may_be_billed,
        "rescued": documents.files(end.run.kept),
        "request_key": due.request_key or None,
        "record_id": end.record_id,
        "reserved_usd": _usd(due.bound),
        "at": stamp(datetime.now(UTC)),
        "meta": due.row.meta,
    }


def planned(row: Row, plan: Plan) -> Document:
    """Return `prodia-compose/plan@1` of a row that would be sent, as far as headers tell."""
    known = documents.plan(plan)
    about = {**addresses.named("id", row.id), "row": row.number, "status": "due"}
    return {"schema": known.pop("schema"), **about, **known}


def left_out(survey: Survey, passed: Sequence[errors.ComposeError]) -> dict[int, Document]:
    """Return `prodia-compose/row@1` of the rows that are not sent, by their numbers.

    One whose picture is put in its place is told by whoever does it.

    Args:
        survey: What is to be done.
        passed: What is wrong with rows that are passed over.
    """
    wrong = {one.row_id: one.message for one in reversed(passed)}
    by_number = {row.number: _unsent(row, "refused", wrong.get(row.id)) for row in survey.wrong}
    for left in survey.left:
        if left.decision.action != "place":
            status, words = _STATUS[left.decision.action], left.decision.words or None
            path = left.path if status == "skipped" else None
            by_number[left.row.number] = _unsent(left.row, status, words, path=path)
    return by_number


def total(
    counts: Mapping[str, int],
    survey: Survey,
    passed: Sequence[errors.ComposeError],
    *,
    spent: Decimal,
) -> Document:
    """Return `prodia-compose/batch@1` of a batch of which nothing is sent."""
    next_ = "run-again" if survey.due else "none"
    failed = [(error.row_id, error) for error in passed]
    return {
        **summary(
            counts, spent=spent, reserved=Decimal(0), failed=failed, stopped=None, next_=next_
        ),
        "estimate_usd": _usd(survey.most_usd),
        "estimate_min_usd": _usd(survey.least_usd),
        "unpriced": survey.unpriced,
    }


def counted(count: int, what: str) -> str:
    """Return so many of something, for people."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def line(document: Mapping[str, object]) -> bytes:
    """Return a document as a line of standard output."""
    return f"{jsontext.line(document)}\n".encode()


def _usd(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _unsent(row: Row, status: str, words: str | None, *, path: str | None = None) -> Document:
    return {
        "schema": "prodia-compose/row@1",
        **addresses.named("id", row.id),
        "row": row.number,
        "status": status,
        "ok": status == "skipped",
        "output": None if path is None else documents.named_path(path),
        "why": words,
    }


def summary(
    counts: Mapping[str, int],
    *,
    spent: Decimal,
    reserved: Decimal,
    failed: Sequence[tuple[str | None, errors.ComposeError]],
    stopped: str | None,
    next_: str,
    warnings: Sequence[errors.Warned] = (),
) -> Document:
    """Return `prodia-compose/batch@1`: how many rows came to what, and what to do next."""
    return {
        "schema": "prodia-compose/batch@1",
        "counts": {status: counts[status] for status in _COUNTED if counts.get(status)},
        "spent_usd": float(spent),
        "reserved_usd": float(reserved),
        "failed": [
            {
                **({"id": None} if name is None else addresses.named("id", name)),
                "kind": error.kind,
                "exit_code": int(error.code),
                "message": visible(error.message),
            }
            for name, error in failed
        ],
        "stopped": stopped,
        "next": next_,
        "warnings": jsontext.warnings(warnings),
    }
