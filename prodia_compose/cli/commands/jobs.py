"""`jobs` and its commands, declared."""

from typing import Annotated

import typer

from prodia_compose import errors
from prodia_compose.cli.options import values
from prodia_compose.cli.options.declared import FetchOptions
from prodia_compose.cli.options.reading import takes_options

app = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)

_Limit = Annotated[
    int,
    typer.Option(
        "--limit",
        metavar="N",
        parser=values.parsing("--limit", int),
        help="At most so many; 0 for all",
    ),
]
_Since = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="Only from then on: YYYY-MM-DD, or with a time"),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object")]
_LIMIT = 20


@app.callback()
def jobs_root(
    context: typer.Context, *, limit: _Limit = _LIMIT, since: _Since = None, json: _Json = False
) -> int:
    """Look at the record of jobs, and fetch what did not arrive; alone, it lists them.

    \b
    prodia-compose jobs                        the latest jobs
    prodia-compose jobs show 3f9c              one of them
    prodia-compose jobs fetch 3f9c -o out.jpg  its picture, if that did not arrive
    prodia-compose jobs spend --since 2026-08-01

    The record stays on this machine; PRODIA_COMPOSE_RECORD=off turns it off.
    """  # noqa: D301
    if context.invoked_subcommand is None:
        return jobs_list(limit=limit, since=since, json=json)
    if limit != _LIMIT or since is not None or json:
        command = context.invoked_subcommand
        raise errors.UsageError(f"jobs: write its options after the command: jobs {command} ...")
    return 0


@app.command("list", short_help="List the latest jobs")
def jobs_list(*, limit: _Limit = _LIMIT, since: _Since = None, json: _Json = False) -> int:
    """List the latest jobs, the last one first.

    \b
    prodia-compose jobs list --limit 5
    prodia-compose jobs list --limit 0 --json | jq '.jobs[].state'
    """  # noqa: D301
    from prodia_compose.cli import jobs as bodies  # noqa: PLC0415 - loads sqlite3

    return bodies.show_list(limit=limit, since=since, as_json=json)


@app.command("show", short_help="Show all that is known of a job")
def jobs_show(
    job: Annotated[
        str,
        typer.Argument(metavar="ID", help="The id of a job, or how it begins"),
    ],
    *,
    json: _Json = False,
) -> int:
    """Show all that is known of a job.

    \b
    prodia-compose jobs show 3f9c
    """  # noqa: D301
    from prodia_compose.cli import jobs as bodies  # noqa: PLC0415 - loads sqlite3

    return bodies.show(job, as_json=json)


@app.command("fetch", short_help="Bring a picture that did not arrive")
@takes_options
def jobs_fetch(options: FetchOptions) -> int:
    """Bring a job's picture that did not arrive: one kept aside, or an --async job's.

    \b
    prodia-compose jobs fetch 3f9c
    prodia-compose jobs fetch 3f9c -o out.jpg --create-dirs

    A copy that was kept aside stays; remove it when you need it no more.
    """  # noqa: D301
    from prodia_compose.cli import jobs as bodies  # noqa: PLC0415 - loads sqlite3

    return bodies.fetch(options)


@app.command("spend", short_help="Sum up what jobs have cost")
def jobs_spend(*, since: _Since = None, json: _Json = False) -> int:
    """Sum up what jobs have cost, by day and model.

    \b
    prodia-compose jobs spend --since 2026-08-01
    prodia-compose jobs spend --json | jq .total.actual_usd
    """  # noqa: D301
    from prodia_compose.cli import jobs as bodies  # noqa: PLC0415 - loads sqlite3

    return bodies.spend(since=since, as_json=json)
