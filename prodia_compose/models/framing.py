"""The settings that frame the result like one of the inputs (`--match N`)."""

import math
from collections.abc import Iterable, Mapping

from prodia_compose import errors
from prodia_compose.models import settings
from prodia_compose.models.facts import Model, Setting, SettingValue

_TARGET_PIXELS = 1_000_000

# A percent of the shape counts as much as four of the area.
_SHAPE_WEIGHT = 4.0


def match(
    model: Model,
    position: int,
    sizes: Mapping[int, tuple[int, int]],
    count: int,
    findings: errors.Findings,
    called: str,
) -> dict[str, SettingValue]:
    """Return the settings that `--match N` stands for.

    Args:
        model: Whose settings they are.
        position: N, from 1.
        sizes: (width, height) of the images that could be read, upright, by position.
        count: How many were named.
        findings: Takes what is wrong.
        called: What asks for it, for messages.
    """
    with findings.collecting():
        if position > count > 0:
            there = "is only 1 image" if count == 1 else f"are only {count} images"
            raise errors.UsageError(f"{called} {position}: there {there}")
        if position in sizes:
            framed = like(model, *sizes[position], called=called)
            return settings.check_settings(model, framed.items(), (), findings)
    return {}


def like(
    model: Model, width: int, height: int, *, called: str = "--match"
) -> dict[str, SettingValue]:
    """Return the settings that give the result the shape of an upright picture of this size.

    Where the model takes width and height, about one megapixel in its steps and range;
    else the nearest of its ratios.

    Raises:
        errors.UsageError: No setting of the model is known to frame the result.
    """
    shape = width / height
    across, down = model.setting("width"), model.setting("height")
    if across is not None and down is not None:
        best = min(_sizes(across, down, shape), key=lambda size: _distance(size, shape))
        return {"width": best[0], "height": best[1]}
    ratio = model.setting("aspect_ratio")
    known = [] if ratio is None else [*ratio.choices, *ratio.likely_choices]
    ratios = [choice for choice in known if ":" in choice]
    if not ratios:
        lack = f"no setting that frames the result is known of {model.short_name}"
        cure = "give --aspect-ratio, or --width and --height, yourself"
        raise errors.UsageError(f"{called}: {lack}", cure)
    return {"aspect_ratio": min(ratios, key=lambda text: _off(_value(text), shape))}


def _sizes(across: Setting, down: Setting, ratio: float) -> Iterable[tuple[int, int]]:
    """Yield every width the model takes with the height that comes nearest to the ratio."""
    for width in _allowed(across):
        yield width, _snapped(down, width / ratio)
    for height in _allowed(down):
        yield _snapped(across, height * ratio), height


def _allowed(setting: Setting) -> range:
    step = setting.multiple_of or setting.likely_multiple_of or 1
    low, high = int(setting.minimum or step), int(setting.maximum or 4096)
    return range(-(-low // step) * step, high + 1, step)


def _snapped(setting: Setting, value: float) -> int:
    """Return the allowed number nearest to a value."""
    allowed = _allowed(setting)
    index = round((value - allowed.start) / allowed.step)
    return allowed[min(max(index, 0), len(allowed) - 1)]


def _distance(size: tuple[int, int], ratio: float) -> float:
    width, height = size
    return _SHAPE_WEIGHT * _off(width / height, ratio) + _off(width * height, _TARGET_PIXELS)


def _off(value: float, wanted: float) -> float:
    """Return how far a number is from another, as a factor on a logarithmic scale."""
    return abs(math.log(value / wanted))


def _value(ratio: str) -> float:
    width, _, height = ratio.partition(":")
    return int(width) / int(height)
