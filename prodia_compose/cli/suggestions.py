"""What the shell is offered at a TAB press; read from the catalogue, which is all it loads."""

import typer

from prodia_compose import errors, models

__all__ = ["aspect_ratios", "model_names", "resolutions"]


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


def _choices(ctx: typer.Context, name: str, incomplete: str) -> list[str]:
    try:
        setting = models.find(str(ctx.params.get("model"))).setting(name)
    except errors.UsageError:
        return []
    if setting is None:
        return []
    known = setting.choices or setting.likely_choices
    return [choice for choice in known if choice.startswith(incomplete)]
