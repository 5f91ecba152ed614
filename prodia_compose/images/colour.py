"""Colours to sRGB, the only ones that a model can be relied on to expect.

Conversion goes through the embedded profile by LittleCMS with the perceptual
intent, as viewers do. A profile that is damaged, or made for other pixels than
these, counts as none: then RGB and grey are taken as sRGB, and CMYK and Lab by
their plain formulas.
"""

import functools
import io
import itertools
from dataclasses import dataclass
from typing import Final, Literal

from PIL import Image, ImageCms

__all__ = ["UNUSABLE", "Converted", "Verdict", "judge", "to_srgb"]

UNUSABLE: Final = "colour profile unusable: left out"
"""What is said of a profile that is damaged or made for other pixels."""

Verdict = Literal["srgb", "other", "unusable"]

_SPACES: Final = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK", b"Lab ": "LAB"}
"""The mode that profiles of each colour space are for."""

_TOLERANCE = 1
"""By how much, of 255, a profile may move a test colour and still count as sRGB."""

_STEPS: Final = (0, 32, 64, 96, 128, 160, 192, 224, 255)
_INTENT: Final = ImageCms.Intent.PERCEPTUAL
_FINE: Final = ImageCms.Flags.HIGHRESPRECALC
"""Finer tables for CMYK and Lab: 4/255 nearer in saturated greens, for 0.1 s at most."""

_FALLBACK_NAMES: Final = {"L": "grey profile", "CMYK": "CMYK profile", "LAB": "Lab profile"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A picture in sRGB.

    Attributes:
        image: In mode L, LA, RGB or RGBA.
        change: What was done to the colours, in words; None if nothing.
    """

    image: Image.Image
    change: str | None = None


@functools.lru_cache(maxsize=32)
def judge(profile: bytes | None, *, grey: bool) -> Verdict:
    """Tell what a profile says about RGB or grey pixels.

    Args:
        profile: The ICC profile that came with them.
        grey: Whether they are grey; a profile for RGB is good for grey as well.

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
    samples = _samples(mode)
    before = samples.convert("RGB").tobytes()
    moved = _through(samples, profile, "RGB")
    if moved is None:
        return "unusable"
    near = all(abs(a - b) <= _TOLERANCE for a, b in zip(before, moved.tobytes(), strict=True))
    return "srgb" if near else "other"


def to_srgb(image: Image.Image, profile: bytes | None) -> Converted:
    """Return a picture in sRGB, its transparency untouched.

    Args:
        image: In mode L, LA, RGB, RGBA, CMYK or LAB; may be changed in place.
        profile: The ICC profile that came with it.
    """
    space = _SPACES.get(profile[16:20]) if profile else None
    if image.mode == "CMYK":
        if profile and space == "CMYK":
            return _by_profile(image, profile)
        return Converted(image=image.convert("RGB"), change="CMYK -> sRGB")
    if image.mode == "LAB":
        # Lab names its colours absolutely; a profile could add nothing.
        lab = ImageCms.createProfile("LAB")
        transform = ImageCms.buildTransform(lab, _srgb(), "LAB", "RGB", _INTENT, _FINE)
        moved = ImageCms.applyTransform(image, transform)
        return Converted(image=moved or image.convert("RGB"), change="Lab -> sRGB")
    verdict = judge(profile, grey=image.mode in {"L", "LA"})
    if verdict != "other" or profile is None:
        return Converted(image=image, change=UNUSABLE if verdict == "unusable" else None)
    if space == "RGB" and image.mode in {"L", "LA"}:
        image = image.convert("RGBA" if image.mode == "LA" else "RGB")
    return _by_profile(image, profile)


def _by_profile(image: Image.Image, profile: bytes) -> Converted:
    """Return a picture converted by a profile of its own colour space."""
    target = "RGBA" if image.mode in {"LA", "RGBA"} else "RGB"
    if image.mode == "LA":
        grey, alpha = image.split()
        moved = _through(grey, profile, "RGB")
        if moved is not None:
            moved.putalpha(alpha)
    else:
        moved = _through(image, profile, target)
    if moved is None:
        return Converted(image=image.convert(target), change=UNUSABLE)
    return Converted(image=moved, change=f"{_name(profile)} -> sRGB")


def _through(image: Image.Image, profile: bytes, target: str) -> Image.Image | None:
    """Return a picture moved from a profile to sRGB; None if the profile cannot be used.

    Changes RGB and RGBA pixels in place: a copy of a large picture is expensive.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, _srgb(), image.mode, target, _INTENT, _FINE)
        in_place = image.mode == target and not image.readonly
        moved = ImageCms.applyTransform(image, transform, inPlace=in_place)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return image if in_place else moved


def _samples(mode: str) -> Image.Image:
    """Return the test colours: a grid of RGB, or all greys."""
    if mode == "L":
        return Image.frombytes("L", (256, 1), bytes(range(256)))
    grid = bytes(itertools.chain.from_iterable(itertools.product(_STEPS, repeat=3)))
    return Image.frombytes("RGB", (len(grid) // 3, 1), grid)


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _name(profile: bytes) -> str:
    """Return what a profile calls itself, as a short plain line."""
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        name = ""
    line = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return line[:60] or _FALLBACK_NAMES.get(_SPACES.get(profile[16:20], ""), "embedded profile")
