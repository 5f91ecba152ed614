"""The page that shows what a compare made."""

import os

from prodia_compose import errors
from prodia_compose.cli import terminal
from prodia_compose.cli.options.many import ManyOptions
from prodia_compose.pipeline import made


def make(options: ManyOptions) -> str | None:
    """Write the page, if there is to be one, and return its path; None if there is none.

    The pictures are paid for and in their places, so whatever goes wrong with it is a warning.
    """
    page, results = options.batch.page, options.batch.results
    if page is None or results is None or not os.path.exists(results):  # noqa: PTH110 - as typed
        return None
    try:
        from prodia_compose.report.made import writing  # noqa: PLC0415 - loads Jinja2

        documents = made.documents(results)
        known = writing.named_in(documents)
        target = writing.prove(page, kind="html", if_exists="overwrite", inputs=known)
        return writing.write(documents, target)[0]
    except Exception as exc:  # noqa: BLE001 - as above
        words = exc.message if isinstance(exc, errors.ComposeError) else f"{page}: {exc!r}"
        again = f"`prodia-compose report {results} -o {page}` makes it"
        warned = errors.Warned(code="no-report", message=f"no page was written: {words}; {again}")
        terminal.tell_warnings([warned], options)
    return None
