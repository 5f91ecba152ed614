"""Finding a model by name, and what to say of one that is not listed."""

import re
from collections.abc import Mapping

from prodia_compose import errors, values
from prodia_compose.models.catalogue import CATALOGUE
from prodia_compose.models.facts import Cap, Caps, Estimate, Fact, Model, SettingValue

_OURS = "chosen for a job type of which nothing is known"


def unlisted(job_type: str) -> Model:
    """Return a model for a job type that is not in the catalogue, with limits of our own."""
    return Model(
        short_name=job_type,
        job_type=job_type,
        summary="not in the catalogue",
        listed=False,
        max_images=Fact(value=14, source=_OURS),
        caps=Caps(
            side=Cap(limit=2048, kind="house", source=_OURS),
            image_bytes=Cap(limit=7_000_000, kind="house", source=_OURS),
        ),
    )


# Guide, "Models that support multiple inputs": FLUX.1 Kontext, SDXL inpainting,
# Recraft V4 and SeedEdit/Seedance accept one input part only.
_SINGLE_INPUT = re.compile(
    r"inference\.(?:.*kontext|sdxl\.inpaint|recraft\.v4|seededit|seedance)", re.IGNORECASE
)


def is_single_input(job_type: str) -> bool:
    """Return whether a job type is of a family that takes one image only."""
    return _SINGLE_INPUT.match(job_type) is not None


def find(name: str, *, flag: str = "--model ") -> Model:
    """Return the model of a short name, alias or full job type.

    A job type that is not listed comes back with `listed` False and limits of our own. `flag` is
    what stood before the name, for messages.

    Raises:
        errors.UsageError: The name is unknown, or the type takes one image only.
    """
    by_name = {
        known: model
        for model in CATALOGUE
        for known in (model.short_name, *model.aliases, model.job_type)
    }
    if name in by_name:
        return by_name[name]
    if is_single_input(name):
        cure = f"for several: {', '.join(m.short_name for m in CATALOGUE)}"
        raise errors.UsageError(f"{flag}{name}: this job type takes one image only", cure)
    if re.fullmatch(r"(?:inference|workflow)\.[\x21-\x7e]+", name):
        return unlisted(name)
    shown = name or "''"
    # The first word of a name is told too: "nano" is 0.53 near to nano-banana.
    cure = values.hint(name, by_name, otherwise="`prodia-compose models` lists them", cutoff=0.4)
    raise errors.UsageError(f"{flag}{shown}: no such model", cure)


def choose(name: str, called: str, findings: errors.Findings) -> Model | None:
    """Return the model of a name as `find` does; what is wrong with it, or odd, is found."""
    with findings.collecting():
        model = find(name, flag=f"{called} ")
        if not model.listed:
            message = (
                f"{called} {name}: not in the catalogue, its limits are unknown; "
                f"at most {model.max_images.value:g} images and our own limits apply"
            )
            findings.warn("unknown-model", message)
        return model
    return None


def estimate(
    model: Model,
    config: Mapping[str, SettingValue],
    assumed_usd: float | None,
    limit_usd: float | None,
    findings: errors.Findings,
    called: str,
) -> Estimate:
    """Return what a job may cost; above the limit, or unknown under one, is found.

    Where no price is known, it is at most what is assumed.
    """
    resolution = config.get("resolution")
    cost = model.estimate(resolution if isinstance(resolution, str) else None)
    if cost.maximum_usd is None:
        cost = Estimate(maximum_usd=assumed_usd)
    most = cost.maximum_usd
    if limit_usd is not None and most is None:
        cure = "--assume-price USD says what it may be"
        message = f"{called} {limit_usd:g}: the price of {model.short_name} is unknown"
        findings.add(errors.CostError(f"{message}; nothing was sent", cure))
    elif limit_usd is not None and most is not None and most > limit_usd:
        message = f"{called} {limit_usd:.10g}: a job may cost ${most:g}; nothing was sent"
        where = "" if called.startswith("--") else " there"
        cure = f"raise it{where}, or choose a cheaper model with -m"
        findings.add(errors.CostError(message, cure))
    return cost


def check_count(model: Model, count: int, findings: errors.Findings) -> None:
    """Find more images than a model takes, or more than all of Prodia's pages agree on.

    Raises:
        errors.InputError: There are too many.
    """
    most = int(model.max_images.value)
    if count > most:
        roomier = [m.short_name for m in CATALOGUE if m.max_images.value >= count]
        listed = " or ".join(filter(None, (", ".join(roomier[:-1]), *roomier[-1:])))
        cure = f"use -m {listed}" if roomier else "leave some out"
        whose = "" if model.listed else " (our own limit for a job type not in the catalogue)"
        takes = f"{model.short_name} takes at most {most}{whose}"
        raise errors.InputError(f"{count} images; {takes}", cure)
    if model.doubtful_above is not None and count > model.doubtful_above.value:
        message = (
            f"{count} images: one of Prodia's pages lets {model.short_name} take {most}, "
            f"another {model.doubtful_above.value:g}; the service may refuse them"
        )
        findings.warn("count-in-doubt", message)


def check_prompt(model: Model, prompt: str, flag: str, findings: errors.Findings) -> None:
    """Find a prompt longer than a model takes.

    Raises:
        errors.UsageError: Prodia's own pages say that it is too long.
    """
    longest = model.max_prompt
    if longest is None or len(prompt) <= longest.value:
        return
    takes = f"{model.short_name} takes {longest.value:,g}"
    message = f"{flag}: the prompt has {len(prompt):,} characters; {takes}"
    if model.is_max_prompt_sure:
        raise errors.UsageError(message, "shorten it")
    findings.warn("unconfirmed-setting", f"{message} by {longest.source}", "shorten it")
