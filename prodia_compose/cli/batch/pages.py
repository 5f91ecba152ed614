"""The page that shows what a compare made."""

import os
import shlex

from prodia_compose import errors
from prodia_compose.pipeline import made
from prodia_compose.pipeline.batch.rows.compared import PAGE
from prodia_compose.record import ledger


def make(results: str, record: ledger.Ledger, findings: errors.Findings) -> str | None:
    """Write the page beside the results of a compare and return its path; None if there is none.

    Of a compare in which nothing was begun there is nothing to show.
    The pictures are paid for and in their places, so whatever goes wrong with it is a warning.
    """
    if not (os.path.exists(results) and os.path.getsize(results)):  # noqa: PTH110, PTH202 - as typed
        return None
    page = os.path.join(os.path.dirname(results), PAGE)  # noqa: PTH118, PTH120 - as typed
    try:
        from prodia_compose.report.made import writing  # noqa: PLC0415 - loads Jinja2

        documents = made.documents(results, record)
        known = writing.named_in(documents)
        target = writing.prove(page, kind="html", if_exists="overwrite", inputs=known)
        return writing.write(documents, target, warn=findings.warn)[0]
    except Exception as exc:  # noqa: BLE001 - as above
        words = exc.message if isinstance(exc, errors.ComposeError) else f"{page}: {exc!r}"
        again = shlex.join(["prodia-compose", "report", "-f", "-o", page, "--", results])
        findings.warn("no-report", f"no page was written: {words}", f"to make it: {again}")
    return None
