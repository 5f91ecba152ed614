"""`jobs`, declared: the record listed, one job shown, fetched, settled or forgotten, costs summed up."""

import typer

from prodia_compose import errors
from prodia_compose.cli.commands.jobs import changing, fetching, looking
from prodia_compose.cli.commands.jobs.options import LIMIT, Json, Limit, Sandbox, Since, Until
from prodia_compose.cli.options.grouped import Grouped
from prodia_compose.cli.options.reading import takes_options

app = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)


@app.callback()
def jobs(
    context: typer.Context,
    *,
    limit: Limit = LIMIT,
    since: Since = None,
    until: Until = None,
    sandbox: Sandbox = False,
    json: Json = False,
) -> int:
    """Look at the record of jobs, and fetch what did not arrive.

    \b
    prodia-compose jobs                        the latest jobs
    prodia-compose jobs show 3f9c              one of them
    prodia-compose jobs show composed.jpg      those that made or used a picture
    prodia-compose jobs fetch 3f9c -o out.jpg  its picture, if that did not arrive
    prodia-compose jobs spend --since 2026-11
    prodia-compose jobs settle 3f9c billed     what became of it, if you found out

    Without a subcommand it lists the latest jobs.

    The record stays on this machine; PRODIA_COMPOSE_RECORD=off turns it off.
    """  # noqa: D301
    command = context.invoked_subcommand
    if command is None:
        return looking.list_jobs(limit=limit, since=since, until=until, sandbox=sandbox, json=json)
    given = {"--limit": limit != LIMIT, "--since": since is not None, "--until": until is not None}
    given |= {"--sandbox": sandbox, "--json": json}
    flag = next((name for name, is_given in given.items() if is_given), None)
    if flag is not None:
        from prodia_compose.cli import slips  # noqa: PLC0415 - only for those who mistyped

        cure = slips.early(flag, [command], "jobs")
        if f"jobs {command} " not in cure:
            cure = f"leave it out: jobs {command} does not take it"
        raise errors.UsageError(f"{flag}: stands before the command", cure)
    return 0


app.command("list", short_help="List the latest jobs")(looking.list_jobs)
app.command("show", short_help="Show all that is known of a job")(looking.show)
app.command("fetch", cls=Grouped, short_help="Bring a picture that did not arrive")(
    takes_options(fetching.fetch)
)
app.command("spend", short_help="Sum up what jobs have cost")(looking.spend)
app.command("settle", short_help="Say what became of an unknown job")(changing.settle)
app.command("forget", short_help="Remove a job from the record")(changing.forget)
app.command("clean", short_help="Remove the pictures that were kept aside")(changing.clean)
