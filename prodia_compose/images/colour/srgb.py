"""Colours to sRGB, the only ones that a model can be relied on to expect.

A profile that is damaged, or made for other pixels than these, counts as none: then RGB
and grey are taken as sRGB, and CMYK and Lab by their plain formulas.
"""

import functools
import itertools
from typing import Final, Literal

from PIL import Image

UNUSABLE: Final = "colour profile unusable: left out"
Verdict = Literal["srgb", "other", "unusable"]

_SPACES: Final = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK", b"Lab ": "LAB"}
_TOLERANCE = 1  # by how much, of 255, a profile may move a test colour and still count as sRGB
_STEPS: Final = (0, 32, 64, 96, 128, 160, 192, 224, 255)
_FALLBACK_NAMES: Final = {"L": "grey profile", "CMYK": "CMYK profile", "LAB": "Lab profile"}

Converted = tuple[Image.Image, str | None]
"""A picture in mode L, LA, RGB or RGBA, and what was done to its colours, if anything."""


@functools.lru_cache(maxsize=32)
def judge(profile: bytes | None, *, grey: bool) -> Verdict:
    """Tell what an ICC profile says about RGB or grey pixels; RGB's is good for grey as well.

    Returns:
        "srgb" for no profile, and for one that moves each of a grid of colours by at
        most 1/255; "unusable" for one that is damaged or made for other pixels;
        "other" for one that counts.
    """
    if not profile:
        return "srgb"
    mode = _SPACES.get(profile[16:20])
    if mode not in {"RGB", "L"} or (mode == "L" and not grey):
        return "unusable"
    from prodia_compose.images.colour import profiles  # noqa: PLC0415 - LittleCMS, where there is one

    samples = _samples(mode)
    before = samples.convert("RGB").tobytes()
    moved = profiles.through(samples, profile, "RGB")
    if moved is None:
        return "unusable"
    near = all(abs(a - b) <= _TOLERANCE for a, b in zip(before, moved.tobytes(), strict=True))
    return "srgb" if near else "other"


def to_srgb(image: Image.Image, profile: bytes | None) -> Converted:
    """Return a picture in sRGB, its transparency untouched; it may be changed in place.

    It comes in mode L, LA, RGB, RGBA, CMYK or LAB, with or without an ICC profile.
    """
    space = _SPACES.get(profile[16:20], "") if profile else ""
    if image.mode == "CMYK" and space != "CMYK":
        return image.convert("RGB"), "CMYK -> sRGB"
    if image.mode not in {"CMYK", "LAB"}:
        verdict = judge(profile, grey=image.mode in {"L", "LA"})
        if verdict != "other":
            return image, UNUSABLE if verdict == "unusable" else None
    from prodia_compose.images.colour import profiles  # noqa: PLC0415 - as above

    if image.mode == "LAB" or profile is None:
        return profiles.from_lab(image), "Lab -> sRGB"  # a profile could add nothing
    target = "RGBA" if image.mode in {"LA", "RGBA"} else "RGB"
    if space == "RGB" and image.mode in {"L", "LA"}:
        image = image.convert(target)
    if image.mode == "LA":
        grey, alpha = image.split()
        moved = profiles.through(grey, profile, "RGB")
        if moved is not None:
            moved.putalpha(alpha)
    else:
        moved = profiles.through(image, profile, target)
    if moved is None:
        return image.convert(target), UNUSABLE
    fallback = _FALLBACK_NAMES.get(space, "embedded profile")
    return moved, f"{profiles.name(profile) or fallback} -> sRGB"


def _samples(mode: str) -> Image.Image:
    if mode == "L":
        return Image.frombytes("L", (256, 1), bytes(range(256)))
    grid = bytes(itertools.chain.from_iterable(itertools.product(_STEPS, repeat=3)))
    return Image.frombytes("RGB", (len(grid) // 3, 1), grid)
