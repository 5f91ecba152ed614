"""The documents of a batch: one for each row, and one for all."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from prodia_compose import addresses, errors
from prodia_compose.pipeline.batch.work import End
from prodia_compose.pipeline.plan import Plan
from prodia_compose.record.entries import stamp
from prodia_compose.report import documents, jsontext
from prodia_compose.report.jsontext import Document


def row(end: End) -> Document:
    """Return `prodia-compose/row@1`: what became of a row that was due; also a line of the results."""
    due, error = end.due, end.error
    plan = end.plan or Plan(request=due.row.request, model=None, prompt=None, format="jpg")
    done = documents.result(plan, end.run)
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
        "request_key": due.request_key,
        "record_id": end.record_id,
        "reserved_usd": _usd(due.bound),
        "at": stamp(datetime.now(UTC)),
        "meta": due.row.meta,
    }


def line(document: Mapping[str, object]) -> bytes:
    """Return a document as a line of standard output."""
    return f"{jsontext.line(document)}\n".encode()


def _usd(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def unsent(
    number: int, name: str, status: str, words: str | None, *, path: str | None = None
) -> Document:
    """Return `prodia-compose/row@1` of a row for which nothing is done in this run."""
    return {
        "schema": "prodia-compose/row@1",
        **addresses.named("id", name),
        "row": number,
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
    failed: Sequence[tuple[str, errors.ComposeError]],
    stopped: str | None,
    next_: str,
) -> Document:
    """Return `prodia-compose/batch@1`: how many rows came to what, and what to do next."""
    return {
        "schema": "prodia-compose/batch@1",
        "counts": dict(counts),
        "spent_usd": float(spent),
        "reserved_usd": float(reserved),
        "failed": [
            {
                "id": name,
                "kind": error.kind,
                "exit_code": int(error.code),
                "message": error.message,
            }
            for name, error in failed
        ],
        "stopped": stopped,
        "next": next_,
    }
