"""Model, prompt and settings, turned into the job JSON, and the names of its parts."""

import difflib
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.model import Model, Setting
from prodia_compose.request import SettingValue

__all__ = ["Job", "check_settings", "digest", "flag_of", "parse_set", "part_names"]

_RESERVED = ("prompt", "images", "type")

_SURROGATE = re.compile(r"[\ud800-\udfff]")

# What is parsed here is written again further down the call stack, where less of it is left.
_DEEPEST = 100

# No more than these are in a 64-bit integer and its sign.
_MOST_DIGITS = 20

_KEY = re.compile(r"[!-~]+")

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@frozen
class Job:
    """A job as the service takes it.

    Attributes:
        type: The job type.
        config: Its fields, in the order they are sent: prompt, images, settings.
    """

    type: str
    config: Mapping[str, SettingValue]

    def document(self) -> dict[str, object]:
        """Return the job as plain JSON values."""
        return {"type": self.type, "config": dict(self.config)}

    def json(self) -> bytes:
        """Return the bytes of `job.json`: ASCII, as Python's `json.dumps` writes it."""
        return json.dumps(self.document(), allow_nan=False).encode("ascii")


def flag_of(name: str) -> str:
    """Return the option that sets a config field: `aspect_ratio` is `--aspect-ratio`."""
    return f"--{name.replace('_', '-')}"


def parse_set(argument: str) -> tuple[str, SettingValue]:
    """Return the (name, value) of one `--set KEY=VALUE`.

    The value is JSON if it parses as JSON, else text.

    Raises:
        errors.UsageError: There is no `=`, no name, or text that is not UTF-8.
    """
    name, equals, text = argument.partition("=")
    if not equals or not name.strip():
        shown = argument or "''"
        raise errors.UsageError(f"--set {shown}: write it as --set KEY=VALUE")
    if _SURROGATE.search(argument):
        raise errors.UsageError(f"--set {name}: not valid UTF-8; retype it")
    if not _KEY.fullmatch(name):
        raise errors.UsageError(f"--set '{name}': a KEY is ASCII without blanks; correct it")
    if name.startswith("config."):
        raise errors.UsageError(f"--set {name}: write {name.removeprefix('config.')} alone")
    too_deep = errors.UsageError(f"--set {name}: the JSON is nested too deeply; simplify it")
    try:
        value: SettingValue = json.loads(
            text, parse_constant=_refuse_constant, parse_int=_integer, parse_float=_decimal
        )
        if _is_deeper(value, _DEEPEST):
            raise too_deep
        written = json.dumps(value, ensure_ascii=False)
    except OverflowError as exc:
        message = f"--set {name}: holds too large a number; text belongs in double quotes"
        raise errors.UsageError(message) from exc
    except ValueError:
        return name, text
    except RecursionError as exc:
        raise too_deep from exc
    if _SURROGATE.search(written):
        raise errors.UsageError(
            f"--set {name}: a \\u escape is half a character; write both halves"
        )
    return name, value


def _is_deeper(value: object, levels: int) -> bool:
    """Return whether lists and objects are nested more than so many levels."""
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(child, levels - 1) for child in children)


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise OverflowError
    return int(digits)


def _decimal(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        raise OverflowError
    return value


def _refuse_constant(word: str) -> SettingValue:
    raise ValueError(f"{word} is not JSON")  # NaN and Infinity stay text


def check_settings(
    model: Model,
    options: Iterable[tuple[str, SettingValue]],
    extras: Iterable[tuple[str, SettingValue]],
    findings: errors.Findings,
) -> dict[str, SettingValue]:
    """Return the config fields to send, in order: options first, then `--set`.

    What is out of the model's range goes to `findings` as an error; what no page
    confirms goes there as a warning and is sent all the same.
    """
    config: dict[str, SettingValue] = {}
    given: set[str] = set()
    for name, value in options:
        given.add(name)
        with findings.collecting():
            if isinstance(value, str) and _SURROGATE.search(value):
                raise errors.UsageError(f"{flag_of(name)}: not valid UTF-8; retype it")
            _check(model, name, value, flag_of(name), findings)
            config[name] = value
    for name, value in extras:
        with findings.collecting():
            if name in _RESERVED:
                cure = {"prompt": "use -p", "type": "use -m"}.get(name, "the tool names the images")
                raise errors.UsageError(f"--set {name}: not a setting; {cure}")
            if name in given:
                raise errors.UsageError(f"--set {name}: already given; give it once")
            given.add(name)
            _check(model, name, value, f"--set {name}", findings)
            config[name] = value
    return config


def _check(
    model: Model, name: str, value: SettingValue, flag: str, findings: errors.Findings
) -> None:
    """Raise for a value the model does not take; warn of one no page confirms."""
    setting = model.setting(name)
    if setting is None:
        _warn_of_unlisted(model, name, flag, findings)
        return
    if setting.status == "refused":
        raise errors.UsageError(
            f"{flag}: {model.short_name} does not take {name} ({setting.source}); leave it out"
        )
    _check_type(setting, value, flag)
    _check_range(model, setting, value, flag)
    doubt = _doubt(model, setting, value)
    if doubt:
        findings.warnings.append(
            errors.Warned(code="unconfirmed-setting", message=f"{flag} {value}: {doubt}")
        )


def _warn_of_unlisted(model: Model, name: str, flag: str, findings: errors.Findings) -> None:
    if not flag.startswith("--set"):
        message = f"{flag}: {model.short_name} is not known to take it; sent as given"
        findings.warnings.append(errors.Warned(code="unconfirmed-setting", message=message))
        return
    nearest = difflib.get_close_matches(name, [s.name for s in model.settings], n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    message = f"{flag}: not a known setting of {model.short_name}; sent as given{hint}"
    findings.warnings.append(errors.Warned(code="unknown-setting", message=message))


def _check_type(setting: Setting, value: SettingValue, flag: str) -> None:
    fits = {
        # JSON Schema counts 4.0 as an integer.
        "integer": _is_number(value) and value % 1 == 0,
        "number": _is_number(value),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
    }[setting.type]
    if not fits:
        article = "an" if setting.type == "integer" else "a"
        shown = json.dumps(value, ensure_ascii=False)
        raise errors.UsageError(f"{flag} {shown}: must be {article} {setting.type}")


def _is_number(value: SettingValue) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_range(model: Model, setting: Setting, value: SettingValue, flag: str) -> None:
    if isinstance(value, str):
        if setting.name == "aspect_ratio" and not re.fullmatch(
            r"auto|[1-9][0-9]*:[1-9][0-9]*", value
        ):
            raise errors.UsageError(f"{flag} {value}: a ratio is two numbers, such as 16:9")
        if setting.choices and value not in setting.choices:
            raise errors.UsageError(
                f"{flag} {value}: {model.short_name} takes {', '.join(setting.choices)}"
            )
        return
    if not isinstance(value, int | float):
        return
    low, high = setting.minimum, setting.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise errors.UsageError(f"{flag} {value}: {model.short_name} takes {low:g} to {high:g}")
    if setting.multiple_of and value % setting.multiple_of:
        nearest = _nearest(setting, float(value), setting.multiple_of)
        raise errors.UsageError(
            f"{flag} {value}: a multiple of {setting.multiple_of}; nearest {nearest}"
        )


def _nearest(setting: Setting, value: float, step: int) -> int:
    """Return the allowed multiple nearest to a value."""
    multiple = round(value / step) * step
    return int(min(max(multiple, setting.minimum or multiple), setting.maximum or multiple))


def _doubt(model: Model, setting: Setting, value: SettingValue) -> str | None:
    """Say why a value may not be taken, if it may not."""
    if setting.status == "unconfirmed":
        return f"{model.short_name} is not confirmed to take {setting.name}; sent as given"
    if setting.likely_choices and value not in setting.likely_choices:
        return f"not among the known values ({', '.join(setting.likely_choices)}); sent as given"
    step = setting.likely_multiple_of
    if step and _is_number(value) and value % step:
        return f"probably must be a multiple of {step}; nearest {_nearest(setting, value, step)}"
    return None


def part_names(stems: Sequence[str], suffixes: Sequence[str]) -> tuple[str, ...]:
    """Return the file names of the `input` parts: the user's own where they are safe.

    A base name goes out only if it is plain ASCII and unique ignoring case (the
    service's documentation asks for different names); any other is `image-N.ext`.

    Args:
        stems: The inputs' base names without suffix, in order.
        suffixes: The suffixes of what is sent, such as ".jpg", in order.
    """
    wanted = [stem + suffix for stem, suffix in zip(stems, suffixes, strict=True)]
    folded = [name.casefold() for name in wanted]
    kept = {
        index
        for index, name in enumerate(wanted)
        if _PLAIN_NAME.fullmatch(name) and folded.count(folded[index]) == 1
    }
    taken = {folded[index] for index in kept}
    names = []
    for index, suffix in enumerate(suffixes):
        name = wanted[index]
        if index not in kept:
            name = f"image-{index + 1}{suffix}"
            while name in taken:  # somebody's own file is called image-2.jpg
                name = f"{name.removesuffix(suffix)}-{index + 1}{suffix}"
            taken.add(name)
        names.append(name)
    return tuple(names)


def digest(job_json: bytes, parts: Iterable[tuple[str, str, str]]) -> str:
    """Return "sha256:..." over all a job sends, whatever the boundary between its parts.

    Args:
        job_json: The bytes of `job.json`.
        parts: (file name, media type, SHA-256 in hex) of each input, in order.
    """
    lines = [("job.json", "application/json", hashlib.sha256(job_json).hexdigest()), *parts]
    text = "".join(f"{name}\0{media_type}\0{sha256}\n" for name, media_type, sha256 in lines)
    return f"sha256:{hashlib.sha256(text.encode('ascii')).hexdigest()}"
