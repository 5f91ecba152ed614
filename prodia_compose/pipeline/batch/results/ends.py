"""A row that is due, what became of it, and what is kept of that."""

from collections.abc import Mapping
from decimal import Decimal

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.pipeline.batch.outcomes import Outcome
from prodia_compose.pipeline.batch.results.lines import Status
from prodia_compose.pipeline.batch.rows.row import Row
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.run import Run


@frozen
class Due:
    """A row that is to be sent.

    Attributes:
        model: The model's name, for its gate.
        bound: The most that it can cost, in US dollars; None if nobody knows.
        request_key: What it asks for.
        places: `Entry.place` of its pictures.
        again: Whether it is sent although the same job's outcome is unknown.
        is_sandbox: Whether it costs nothing, as far as can be known before.
        warnings: What is odd about it beside the other rows.
    """

    row: Row
    model: str
    bound: Decimal | None
    request_key: str
    places: tuple[str, ...]
    again: bool = False
    is_sandbox: bool = False
    warnings: tuple[errors.Warned, ...] = ()


@frozen
class End:
    """What became of a row that was due.

    Attributes:
        plan: How it stood before it was sent, if it came so far.
        error: Why it is not done.
        record_id: The id of its job in the record, if it is on record.
        recipe: What it is made again of, where the record knows more of that than the plan does.
    """

    due: Due
    plan: Plan | None
    run: Run
    outcome: Outcome
    error: errors.ComposeError | None
    record_id: str | None
    recipe: Mapping[str, object] | None = None

    def done(
        self, document: dict[str, object], status: Status | None, bug: Exception | None = None
    ) -> "Done":
        """Return what is kept of it."""
        return Done(
            due=self.due,
            status=status,
            path=next((one.path for one in self.run.saved), None),
            document=document,
            error=self.error,
            warnings=self.run.warnings,
            bug=bug,
        )


@frozen
class Done:
    """What is kept of a row's end.

    Attributes:
        status: None where nothing was begun for it, since no more rows are started.
        path: Where its picture is, if it is there.
        document: Its line of the results.
        warnings: What stopped nothing.
        bug: An exception that nobody foresaw.
    """

    due: Due
    status: Status | None
    path: str | None
    document: dict[str, object]
    error: errors.ComposeError | None = None
    warnings: tuple[errors.Warned, ...] = ()
    bug: Exception | None = None
