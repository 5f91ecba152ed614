"""What the service accepts: job types, settings, counts and file names.

Only what Prodia's own pages document is enforced. Each choice where they are silent
says so.
"""

import operator
import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from prodia_compose.frozen import frozen
from prodia_compose.models import catalogue, lookup
from prodia_compose.models.facts import Model, Setting, SettingType
from prodia_compose.sandbox.answers import RefusedError
from prodia_compose.sandbox.incoming import Input, Submission

PING = "inference.ping.v1"
"""The smallest job: only a type, and no output."""

_BY_JOB_TYPE = {model.job_type: model for model in catalogue.CATALOGUE}

_JSON_TYPES: dict[type, str] = dict.fromkeys((int, float), "number")
_JSON_TYPES |= {bool: "boolean", str: "string", list: "array", dict: "object"}


@frozen
class Accepted:
    """A job that passed every check that needs no pixels; the smallest one has no model.

    Documented defaults are filled in; the inputs are those it uses, in the prompt's order.
    """

    job_type: str
    model: Model | None
    config: dict[str, object]
    inputs: tuple[Input, ...] = ()

    @property
    def name(self) -> str:
        """The model's short name, or the job type where there is none."""
        return self.model.short_name if self.model else self.job_type

    @property
    def prompt(self) -> str:
        """The prompt; empty where the job has none."""
        prompt = self.config.get("prompt")
        return prompt if isinstance(prompt, str) else ""


def check(submission: Submission) -> Accepted:
    """Return the job as the service would take it, or refuse what breaks a documented rule."""
    job_type = submission.job.get("type")
    if job_type == PING:
        return Accepted(job_type=PING, model=None, config={})
    model = _model(job_type)
    config = _config(model, submission.job)
    if model.listed:
        _check_prompt(model, config)
    names = _image_names(config)
    limit = 1 if lookup.is_single_input(model.job_type) else int(model.max_images.value)
    candidates = _without_copies(submission.inputs)
    if len(candidates if names is None else names) > limit:
        raise RefusedError(400, "config: too many images")
    confirmed = [setting for setting in model.settings if setting.status == "confirmed"]
    for setting in confirmed:
        if setting.name in config:
            _check_setting(setting, config[setting.name])
    inputs = candidates if names is None else _matching(names, submission.inputs)
    if not inputs and "img2img" in model.job_type:
        # Undocumented words; that an input is needed goes without saying.
        raise RefusedError(400, "no 'input' part in request")
    config = dict(config)
    for setting in confirmed:
        if setting.default is not None:
            config.setdefault(setting.name, setting.default)
    return Accepted(job_type=model.job_type, model=model, config=config, inputs=tuple(inputs))


def check_pixels(job: Accepted, sizes: Sequence[tuple[int, int]]) -> None:
    """Refuse inputs, of these sizes, with more pixels than the model is documented to take."""
    combined = job.model.caps.combined if job.model else None
    pixels = sum(width * height for width, height in sizes)
    if combined and combined.kind == "documented" and pixels > combined.limit:
        held = f"the inputs hold {pixels:,} pixels together, want at most {combined.limit:,}"
        raise RefusedError(413, f"payload too large: {held}")


def _model(job_type: object) -> Model:
    # A missing type got 429 in an old test of the vendor's SDK, whose newer text calls an
    # unknown one a user's error. 400 is chosen: a client that repeats 429s would hang on it.
    if job_type is None:
        raise RefusedError(400, "missing property 'type'")
    if not isinstance(job_type, str):
        raise RefusedError(400, f"type: got {_json_type(job_type)}, want string")
    if job_type in _BY_JOB_TYPE:
        return _BY_JOB_TYPE[job_type]
    if not re.match(r"(?:inference|workflow)\..", job_type):
        raise RefusedError(400, f"type: unknown job type '{job_type}'")
    # Any other type passes, so that a client can be tried with types the catalogue lacks.
    return lookup.unlisted(job_type)


def _config(model: Model, job: Mapping[str, object]) -> dict[str, object]:
    config = job.get("config")
    if config is None:
        if model.job_type.startswith("workflow."):  # a workflow's settings stand in its `jobs`
            return {}
        raise RefusedError(400, "missing property 'config'")
    if not isinstance(config, dict):
        raise RefusedError(400, f"config: got {_json_type(config)}, want object")
    return config


def _check_prompt(model: Model, config: Mapping[str, object]) -> None:
    prompt = config.get("prompt")
    if prompt is None or prompt == "":
        raise RefusedError(400, "config: missing property 'prompt'")
    if not isinstance(prompt, str):
        raise RefusedError(400, f"config.prompt: got {_json_type(prompt)}, want string")
    longest = model.max_prompt
    if longest is not None and model.is_max_prompt_sure and len(prompt) > longest.value:
        words = f"maxLength: got {len(prompt):,}, want {longest.value:,.0f}"
        raise RefusedError(400, f"config.prompt: {words}")


def _image_names(config: Mapping[str, object]) -> list[str] | None:
    """Return `config.images`, or None where it was left out."""
    names = config.get("images")
    if names is None:
        return None
    if not isinstance(names, list):
        raise RefusedError(400, f"config.images: got {_json_type(names)}, want array")
    if not names:
        raise RefusedError(400, "config.images: minItems: got 0, want 1")
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise RefusedError(400, f"config.images.{index}: got {_json_type(name)}, want string")
    return names


def _matching(names: list[str], inputs: tuple[Input, ...]) -> list[Input]:
    """Return the inputs in the order named.

    Inputs that no name refers to are ignored, and a repeated file name means its first
    part: the vendor's SDK sends every File once under its own name and once as
    `image.jpg`. A name listed twice uses its input twice (undocumented).
    """
    by_name = {part.filename: part for part in reversed(inputs)}
    for name in names:
        if name not in by_name:
            raise RefusedError(400, f"filename '{name}' not found in request")
    return [by_name[name] for name in names]


def _without_copies(inputs: tuple[Input, ...]) -> list[Input]:
    """Return the inputs less the `image.jpg` copies the vendor's SDK adds after each File."""
    kept: list[Input] = []
    for part in inputs:
        before = kept[-1] if kept and kept[-1].filename != "image.jpg" else None
        is_same = before is not None and before.content.sha256 == part.content.sha256
        if not (is_same and part.filename == "image.jpg"):
            kept.append(part)
    return kept


def _check_setting(setting: Setting, value: object) -> None:
    place = f"config.{setting.name}"
    if not _has_type(setting.type, value):
        raise RefusedError(400, f"{place}: got {_json_type(value)}, want {setting.type}")
    if setting.choices and value not in setting.choices:
        allowed = ", ".join(f"'{choice}'" for choice in setting.choices)
        raise RefusedError(400, f"{place}: value must be one of {allowed}")
    if not is_number(value):
        return
    for rule, breaks, bound in (
        ("minimum", operator.lt, setting.minimum),
        ("maximum", operator.gt, setting.maximum),
        ("multipleOf", operator.mod, setting.multiple_of),
    ):
        if bound is not None and breaks(value, bound):
            got = f"{place}: {rule}: got {_number(value)}, want {_number(bound)}"
            raise RefusedError(400, got)


def _number(value: float) -> str:
    """Return a number the way the service writes it, with thousands separated."""
    return f"{int(value) if value % 1 == 0 else value:,}"


def _has_type(wanted: SettingType, value: object) -> bool:
    if wanted == "integer":  # JSON Schema counts 4.0 as one
        return is_number(value) and value % 1 == 0
    return _json_type(value) == wanted


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a JSON value is a number."""
    return _json_type(value) == "number"


def _json_type(value: object) -> str:
    return _JSON_TYPES.get(type(value), "null")
