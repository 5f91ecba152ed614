"""What the shell is offered at a TAB press.

Read from the catalogue, which is all it loads, and for ids from the record of jobs.
"""

import os

import typer

from prodia_compose import errors, models

__all__ = ["aspect_ratios", "job_ids", "model_names", "resolutions"]

_JOBS_OFFERED = 50
_PATIENCE_S = 0.5


def model_names(incomplete: str) -> list[tuple[str, str]]:
    """Return the short names that begin so, each with its summary."""
    return [
        (model.short_name, f"{model.summary}; up to {model.max_images.value:g} images")
        for model in models.CATALOGUE
        if model.short_name.startswith(incomplete)
    ]


def aspect_ratios(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ratios known for the model on the line."""
    return _choices(ctx, "aspect_ratio", incomplete)


def resolutions(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the tiers known for the model on the line."""
    return _choices(ctx, "resolution", incomplete)


def job_ids(incomplete: str) -> list[tuple[str, str]]:
    """Return the ids of the latest jobs of the record that begin so, each with what it is."""
    from prodia_compose.cli import jobs  # noqa: PLC0415 - loads sqlite3, where an id is wanted

    with jobs.open_existing(os.environ, patience_s=_PATIENCE_S) as record:
        return [
            (entry.id, f"{entry.state}, {entry.model}, {jobs.moment(entry.begun_at)}")
            for entry in record.entries(limit=_JOBS_OFFERED)
            if entry.id.startswith(incomplete.lower())
        ]


def _choices(ctx: typer.Context, name: str, incomplete: str) -> list[str]:
    try:
        setting = models.find(str(ctx.params.get("model"))).setting(name)
    except errors.UsageError:
        return []
    if setting is None:
        return []
    known = setting.choices or setting.likely_choices
    return [choice for choice in known if choice.startswith(incomplete)]
