"""The settings of a job, as typed and as its model takes them."""

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import TypeGuard

from prodia_compose import errors, values
from prodia_compose.models.catalogue import CATALOGUE
from prodia_compose.models.facts import Model, Setting, SettingValue
from prodia_compose.options import as_text

_RESERVED = {"prompt": "use -p", "images": "the tool names the images", "type": "use -m"}

_SURROGATE = re.compile(r"[\ud800-\udfff]")

# What is parsed here is written again further down the call stack, where less of it is left.
_DEEPEST = 100

# No more than these are in a 64-bit integer and its sign.
_MOST_DIGITS = 20

_LEAVE = "leave it out"

_KEY = re.compile(r"[!-~]+")
_RATIO = re.compile(r"auto|[1-9][0-9]*:[1-9][0-9]*")


def flag_of(name: str) -> str:
    """Return the option that sets a config field: `aspect_ratio` is `--aspect-ratio`."""
    return f"--{name.replace('_', '-')}"


def parse_set(typed: str, _called: str = "") -> tuple[str, SettingValue]:
    """Return the (name, value) of one `--set KEY=VALUE`.

    The value is JSON if it parses as JSON, else text.

    Raises:
        errors.UsageError: There is no `=`, no name, or text that is not UTF-8.
    """
    argument = as_text(typed)
    name, equals, text = argument.partition("=")
    if not equals or not name.strip():
        shown = argument or "''"
        raise errors.UsageError(
            f"--set {shown}: has no KEY or no VALUE", "write it as --set KEY=VALUE"
        )
    if _SURROGATE.search(argument):
        raise errors.UsageError(f"--set {name}: not valid UTF-8", "retype it")
    if not _KEY.fullmatch(name):
        raise errors.UsageError(f"--set '{name}': a KEY is ASCII without blanks", "correct it")
    if name.startswith("config."):
        cure = f"write {name.removeprefix('config.')} alone"
        raise errors.UsageError(f"--set {name}: a KEY is without config.", cure)
    too_deep = errors.UsageError(f"--set {name}: the JSON is nested too deeply", "simplify it")
    try:
        value: SettingValue = json.loads(
            text, parse_constant=_refuse_constant, parse_int=_integer, parse_float=_decimal
        )
        if _is_deeper(value, _DEEPEST):
            raise too_deep
        written = json.dumps(value, ensure_ascii=False)
    except OverflowError as exc:
        message = f"--set {name}: holds too large a number"
        raise errors.UsageError(message, "text belongs in double quotes") from exc
    except ValueError:
        return name, text
    except RecursionError as exc:
        raise too_deep from exc
    if _SURROGATE.search(written):
        message = f"--set {name}: a \\u escape is half a character"
        raise errors.UsageError(message, "write both halves")
    return name, value


def _is_deeper(value: object, levels: int) -> bool:
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
    called: Callable[[str], str] = str,
    earlier: str | None = None,
) -> dict[str, SettingValue]:
    """Return the config fields to send, in order: options first, then `--set`.

    `earlier` is what a job made again is named by: some of the settings are its recipe's.

    What is out of the model's range goes to `findings` as an error; what no page
    confirms goes there as a warning and is sent all the same.
    """
    typed = [(called(flag_of(name)), name, value) for name, value in options]
    typed += [(f"--set {name}", name, value) for name, value in extras]
    config: dict[str, SettingValue] = {}
    given: set[str] = set()
    for flag, name, value in typed:
        with findings.collecting():
            if name in _RESERVED:
                raise errors.UsageError(f"{flag}: not a setting", _RESERVED[name])
            if name in given:
                raise errors.UsageError(f"{flag}: already given", "give it once")
            given.add(name)
            if isinstance(value, str) and _SURROGATE.search(value):
                raise errors.UsageError(f"{flag}: not valid UTF-8", "retype it")
            try:
                _check(model, name, value, flag, findings)
            except errors.UsageError as exc:
                if flag == f"{name} of {earlier}":  # as `pipeline.again` has them called
                    rest = (one.removeprefix(f"{_LEAVE}; ") for one in exc.hints)
                    exc.hints = (f"--unset {name} leaves it out", *rest)
                raise
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
        words = f"{flag}: {model.short_name} does not take {name}"
        raise errors.UsageError(words, f"{_LEAVE}; `prodia-compose models` tells who takes it")
    _check_type(setting, value, flag)
    _check_range(model, setting, value, flag)
    doubt = _doubt(model, setting, value)
    if doubt:
        findings.warn("unconfirmed-setting", f"{flag} {value}: {doubt}")


def _warn_of_unlisted(model: Model, name: str, flag: str, findings: errors.Findings) -> None:
    if not flag.startswith("--set "):
        findings.warn("unconfirmed-setting", f"{flag}: {model.short_name} is not known to take it")
        return
    hint = values.hint(name, _takers([model]))
    if not hint and (near := values.nearest(name, takers := _takers(CATALOGUE))):
        hint = f"did you mean {near}? {takers[near].short_name} takes it"
    findings.warn("unknown-setting", f"{flag}: not a known setting of {model.short_name}", hint)


def _takers(models: Iterable[Model]) -> dict[str, Model]:
    """Return the settings that models take, each with the first that does."""
    found: dict[str, Model] = {}
    for model in models:
        for setting in model.settings:
            if setting.status != "refused":
                found.setdefault(setting.name, model)
    return found


def _check_type(setting: Setting, value: SettingValue, flag: str) -> None:
    fits = {
        # JSON Schema counts 4.0 as an integer.
        "integer": _is_number(value) and value % 1 == 0,
        "number": _is_number(value),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
    }[setting.type]
    if not fits:
        shown = json.dumps(value, ensure_ascii=False)
        cure = "put it in double quotes" if setting.type == "string" else None
        raise errors.UsageError(f"{flag} {shown}: must be {_kind(setting)}", cure)


def _kind(setting: Setting) -> str:
    """Return what a setting's value has to be; a number with one that is in its range."""
    if setting.type in ("boolean", "string"):
        return "text" if setting.type == "string" else "true or false"
    example = setting.default or min(setting.maximum or 42, 1024)
    kind = "whole number" if setting.type == "integer" else "number"
    return f"a {kind}, such as {example:g}"


def _is_number(value: SettingValue) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_range(model: Model, setting: Setting, value: SettingValue, flag: str) -> None:
    if isinstance(value, str):
        if setting.name == "aspect_ratio" and not _RATIO.fullmatch(value):
            raise errors.UsageError(
                f"{flag} {value}: is no ratio", "write two numbers, such as 16:9"
            )
        if setting.choices and value not in setting.choices:
            choices = ", ".join(setting.choices)
            words = f"{flag} {value}: {model.short_name} takes {choices}"
            raise errors.UsageError(words, values.hint(value, setting.choices))
        return
    if not isinstance(value, int | float):
        return
    low, high = setting.minimum, setting.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise errors.UsageError(f"{flag} {value}: {model.short_name} takes {low:g} to {high:g}")
    if setting.multiple_of and value % setting.multiple_of:
        nearest = _nearest(setting, float(value), setting.multiple_of)
        words = f"{flag} {value}: must be a multiple of {setting.multiple_of}"
        raise errors.UsageError(words, f"the nearest is {nearest}")


def _nearest(setting: Setting, value: float, step: int) -> int:
    multiple = round(value / step) * step
    return int(min(max(multiple, setting.minimum or multiple), setting.maximum or multiple))


def _doubt(model: Model, setting: Setting, value: SettingValue) -> str | None:
    """Say why a value may not be taken, if it may not."""
    if setting.status == "unconfirmed":
        return f"{model.short_name} is not confirmed to take {setting.name}"
    if setting.likely_choices and value not in setting.likely_choices:
        return f"not among the known values ({', '.join(setting.likely_choices)})"
    step = setting.likely_multiple_of
    if step and _is_number(value) and value % step:
        return f"probably must be a multiple of {step}; nearest {_nearest(setting, value, step)}"
    return None
