"""The commands, in the order help shows them."""

from typing import Annotated

import typer

import prodia_compose
from prodia_compose import errors
from prodia_compose.cli.options import ComposeOptions, FetchOptions, takes_options
from prodia_compose.cli.suggestions import job_ids, model_names

__all__ = ["app"]

app = typer.Typer(
    name="prodia-compose",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
)


def _show_version(value: bool) -> None:  # noqa: FBT001 - Typer's callbacks are called so
    if value:
        from prodia_compose.cli import console  # noqa: PLC0415

        console.print_text(f"prodia-compose {prodia_compose.version()}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version"),
    ] = False,
) -> None:
    """Combine several pictures into one with a sentence.

    \b
    prodia-compose compose product.jpg scene.jpg -o out.jpg \\
        -p "Put the mug from the first image on the table in the second"
    prodia-compose validate *.jpg -p "..."     everything but sending
    prodia-compose compose --sandbox ...       try it: no token, no cost

    The token is read from PRODIA_TOKEN. The saved path is printed on stdout.
    """  # noqa: D301 - \b is Typer's mark for a paragraph it must not wrap


_COMPOSE_EPILOG = """\b
Options with one value, the prompt excepted, are also read from the
environment: --max-cost from PRODIA_COMPOSE_MAX_COST, and so on.

\b
Exit codes: 0 done, 2 usage, 3 input, 4 token, 5 rejected, 6 busy,
7 not delivered, 8 output place, 9 unknown (look before you run it again),
10 picture kept elsewhere, 12 over --max-cost, 130 interrupted.
"""


@app.command(short_help="Send pictures and a prompt, save what comes back", epilog=_COMPOSE_EPILOG)
@takes_options
def compose(options: ComposeOptions) -> int:
    """Send pictures and a prompt; save the picture that comes back.

    \b
    prodia-compose compose a.jpg b.jpg -p "The first image in the second image"
    prodia-compose compose -i mug=a.jpg -i room=b.jpg -p "Put {mug} in {room}"
    find shots -name '*.jpg' -print0 | sort -z | \\
        prodia-compose compose -0 -T - -m seedream-5-lite -p "Blend them all"
    prodia-compose compose a.jpg b.jpg -p "..." -o - | convert - small.png
    """  # noqa: D301
    from prodia_compose.cli import composing  # noqa: PLC0415 - loads requests and Pillow

    return composing.compose(options)


@app.command(short_help="Do all that compose does, except sending", epilog=_COMPOSE_EPILOG)
@takes_options
def validate(options: ComposeOptions) -> int:
    """Check everything that compose checks, prepare the pictures, and send nothing.

    \b
    prodia-compose validate a.jpg b.jpg -p "The first image in the second image"
    prodia-compose validate a.jpg b.jpg -p "..." --json | jq .estimate_usd
    """  # noqa: D301
    from prodia_compose.cli import composing  # noqa: PLC0415 - loads Pillow

    return composing.validate(options)


@app.command(short_help="List the models, or all that is known of one")
def models(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="A model's name or job type", autocompletion=model_names
        ),
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> int:
    """List the models, or show all that is known of one, with its sources.

    \b
    prodia-compose models
    prodia-compose models flux-2-flex
    prodia-compose models --json | jq -r '.models[].name'
    """  # noqa: D301
    from prodia_compose.cli import catalogue  # noqa: PLC0415

    return catalogue.show(name, as_json=json)


@app.command(
    short_help="Serve a local stand-in: no token, no cost",
    context_settings={"allow_interspersed_args": False},
)
def sandbox(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- CMD...]", help="Run this with the sandbox set up, then stop"),
    ] = None,
    *,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="0 takes any free port")
    ] = 0,
    token: Annotated[
        str | None,
        typer.Option(metavar="T", help="The only token it takes; without it, any will do"),
    ] = None,
    latency: Annotated[
        float, typer.Option(metavar="S", min=0, help="Seconds before each answer")
    ] = 0.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[:N]", help="Rehearse a fault: busy, server-error, drop-after, ..."
        ),
    ] = None,
) -> int:
    """Serve a stand-in for the service on this machine: no token, no cost.

    \b
    prodia-compose sandbox                     prints two exports, then serves
    prodia-compose sandbox -- ./nightly.sh     runs a script against it
    prodia-compose sandbox --fault busy:2 -- ./nightly.sh
    """  # noqa: D301
    from prodia_compose.cli import sandboxing  # noqa: PLC0415 - loads Pillow and a server

    return sandboxing.serve(
        command or [], port=port, token=token, latency_s=latency, faults=fault or []
    )


jobs = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
app.add_typer(jobs, name="jobs", short_help="The record of jobs: list, show, fetch, spend")

_Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=0, help="At most so many; 0 for all")
]
_Since = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="Only from then on: YYYY-MM-DD, or with a time"),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object")]
_LIMIT = 20


@jobs.callback()
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


@jobs.command("list", short_help="List the latest jobs")
def jobs_list(*, limit: _Limit = _LIMIT, since: _Since = None, json: _Json = False) -> int:
    """List the latest jobs, the last one first.

    \b
    prodia-compose jobs list --limit 5
    prodia-compose jobs list --limit 0 --json | jq '.jobs[].state'
    """  # noqa: D301
    from prodia_compose.cli import jobs as bodies  # noqa: PLC0415 - loads sqlite3

    return bodies.show_list(limit=limit, since=since, as_json=json)


@jobs.command("show", short_help="Show all that is known of a job")
def jobs_show(
    job: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="The id of a job, or how it begins", autocompletion=job_ids
        ),
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


@jobs.command("fetch", short_help="Bring a picture that did not arrive")
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


@jobs.command("spend", short_help="Sum up what jobs have cost")
def jobs_spend(*, since: _Since = None, json: _Json = False) -> int:
    """Sum up what jobs have cost, by day and model.

    \b
    prodia-compose jobs spend --since 2026-08-01
    prodia-compose jobs spend --json | jq .total.actual_usd
    """  # noqa: D301
    from prodia_compose.cli import jobs as bodies  # noqa: PLC0415 - loads sqlite3

    return bodies.spend(since=since, as_json=json)
