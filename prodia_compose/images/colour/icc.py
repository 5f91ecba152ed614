"""Colour profiles (ICC.1) for pictures that name their colours in numbers.

PNG, HEIC and AVIF can say "these primaries, that curve" instead of carrying a profile, and
cameras say "Adobe RGB" in EXIF. Written out as a small profile, such colours go the same way
to sRGB as all others.
"""

import functools
import math
import struct
from collections.abc import Callable, Sequence
from typing import Final

Vector = Sequence[float]
Chromaticities = Sequence[float]
"""x and y of white, red, green, blue."""

SRGB: Final = b""
"""In place of a profile where sRGB is said in numbers: nothing has to be done."""

_D65: Final = (0.3127, 0.3290)
_C: Final = (0.310, 0.316)
_SRGB: Final = (*_D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
_NTSC: Final = (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)
_ADOBE_RGB: Final = (*_D65, 0.640, 0.330, 0.210, 0.710, 0.150, 0.060)
_UNSPECIFIED: Final = 2
_PRIMARIES: Final[dict[int, tuple[str, Chromaticities]]] = {
    1: ("BT.709", _SRGB),
    _UNSPECIFIED: ("BT.709", _SRGB),
    4: ("BT.470 M", (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08)),
    5: ("BT.601 625", (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06)),
    6: ("BT.601 525", _NTSC),
    7: ("SMPTE 240M", _NTSC),
    8: ("film", (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049)),
    9: ("BT.2020", (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),
    10: ("XYZ", (1 / 3, 1 / 3, 1, 0, 0, 1, 0, 0)),
    11: ("DCI-P3", (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    12: ("Display P3", (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    22: ("EBU 3213", (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077)),
}
"""Names and colours by the codes of ITU-T H.273, table 2."""

_SRGB_GAMMA = 1 / 2.2
_GAMMA_TOLERANCE = 0.05
"""By how much, relatively, a gamma may be off before it counts: browsers do the same."""

_DIFFUSE_WHITE_NITS = 203
"""Where BT.2408 puts the white of ordinary pictures in an HDR signal."""

_BRADFORD: Final = (
    (0.8951, 0.2664, -0.1614),
    (-0.7502, 1.7135, 0.0367),
    (0.0389, -0.0685, 1.0296),
)
_BRADFORD_BACK: Final = (
    (0.98699291, -0.14705426, 0.15996265),
    (0.43230527, 0.51836027, 0.04929123),
    (-0.00852866, 0.04004282, 0.96848670),
)
_D50_XYZ: Final = (0.9642, 1.0, 0.8249)


def from_codes(primaries: int, transfer: int, *, is_full_range: bool = True) -> bytes | None:
    """Return a profile for the code points of ITU-T H.273 (PNG's cICP; nclx of HEIC and AVIF).

    Light above the white of ordinary pictures, which PQ and HLG can hold, is cut off. What is
    unspecified is sRGB's; of a range that is not full, black is at 16 of 255 and white at 235.

    Returns:
        `SRGB` where they mean that; None for codes that say nothing or are not known here.
    """
    is_said = (primaries, transfer) != (_UNSPECIFIED, _UNSPECIFIED)
    if primaries not in _PRIMARIES or transfer not in _CURVES or not is_said:
        return None
    (name, colours), curve = _PRIMARIES[primaries], _CURVES[transfer]
    if not is_full_range:
        return _profile(f"{name} video", colours, lambda value: curve(_widened(value)))
    if colours is _SRGB and curve is _srgb:
        return SRGB
    return _profile(name + {16: " PQ", 18: " HLG"}.get(transfer, ""), colours, curve)


def from_gamma(gamma: int | None, chromaticities: Sequence[int] | None) -> bytes | None:
    """Return a profile for PNG's gAMA and cHRM, both times 100,000; what is not there is sRGB's.

    Returns:
        `SRGB` where they mean that; None where they say nothing sensible.
    """
    exponent = _SRGB_GAMMA if gamma is None else gamma / 100_000
    colours = [value / 100_000 for value in chromaticities] if chromaticities else _SRGB
    if not 0.1 <= exponent <= 10:
        return None
    has_srgb_curve = abs(exponent / _SRGB_GAMMA - 1) < _GAMMA_TOLERANCE
    if has_srgb_curve and all(abs(a - b) < 0.005 for a, b in zip(colours, _SRGB, strict=True)):
        return SRGB
    name = "cHRM" if gamma is None else f"gamma {exponent:.4g}"
    try:
        return _profile(name, colours, _srgb if gamma is None else _power(1 / exponent))
    except (ZeroDivisionError, OverflowError, struct.error):
        return None


@functools.cache
def adobe_rgb() -> bytes:
    """Return a profile for Adobe RGB (1998)."""
    return _profile("Adobe RGB", _ADOBE_RGB, _power(563 / 256))


def _power(exponent: float) -> Callable[[float], float]:
    return lambda value: math.pow(value, exponent)


def _widened(value: float) -> float:
    return min(1.0, max(0.0, (255 * value - 16) / 219))


def _srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else math.pow((value + 0.055) / 1.055, 2.4)


def _pq(value: float) -> float:
    power = math.pow(value, 1 / 78.84375)
    light = max(0.0, power - 0.8359375) / (18.8515625 - 18.6875 * power)
    return min(1.0, 10_000 * math.pow(light, 1 / 0.1593017578125) / _DIFFUSE_WHITE_NITS)


def _hlg(value: float) -> float:
    if value <= 0.5:
        scene = value * value / 3
    else:
        scene = (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    # A display of 1000 nits at the nominal system gamma of 1.2, for each channel by itself.
    return min(1.0, 1000 * math.pow(scene, 1.2) / _DIFFUSE_WHITE_NITS)


_CURVES: Final[dict[int, Callable[[float], float]]] = {
    # The camera curves of BT.709 and its kin: everybody shows them like sRGB.
    **dict.fromkeys((1, _UNSPECIFIED, 6, 7, 11, 12, 13, 14, 15), _srgb),
    4: _power(2.2),
    5: _power(2.8),
    8: _power(1),
    9: lambda value: value and math.pow(100, value - 1),
    10: lambda value: value and math.pow(100 * math.sqrt(10), value - 1),
    16: _pq,
    17: lambda value: 52.37 / 48 * math.pow(value, 2.6),
    18: _hlg,
}
"""Signal to light, both 0 to 1, by the codes of ITU-T H.273, table 3."""


def _profile(name: str, colours: Chromaticities, curve: Callable[[float], float]) -> bytes:
    """Return an ICC profile, version 2.1, of three primaries and one curve."""
    samples = [round(65535 * min(1.0, max(0.0, curve(at / 1023)))) for at in range(1024)]
    trc = struct.pack(">4s4xI1024H", b"curv", 1024, *samples)
    ascii_name = name.encode("ascii") + b"\0"
    description = struct.pack(">4s4xI", b"desc", len(ascii_name)) + ascii_name + bytes(78)
    tags = {
        b"desc": description,
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(_D50_XYZ),
        **dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, _columns(colours)), strict=True)),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), trc),
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4xI4s4s4s12x4s28x3i48x",
        *(start + len(body), 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp"),
        *(round(value * 65536) for value in _D50_XYZ),
    )
    return head + table + body


def _xyz(values: Vector) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *(round(value * 65536) for value in values))


def _columns(colours: Chromaticities) -> list[Vector]:
    """Return XYZ of red, green and blue as seen under D50, by Bradford's method."""
    (x, y, z), *primaries = (
        (x, y, 1 - x - y) for x, y in zip(colours[::2], colours[1::2], strict=True)
    )
    white = x / y, 1.0, z / y
    volume = _volume(primaries)
    there, wanted = _times(_BRADFORD, white), _times(_BRADFORD, _D50_XYZ)
    columns: list[Vector] = []
    for at, primary in enumerate(primaries):
        # Cramer's rule: how much of each primary makes white.
        share = _volume([*primaries[:at], white, *primaries[at + 1 :]]) / volume
        cones = zip(_times(_BRADFORD, primary), there, wanted, strict=True)
        columns.append(
            _times(_BRADFORD_BACK, [share * cone * aim / is_ for cone, is_, aim in cones])
        )
    return columns


def _times(matrix: Sequence[Vector], vector: Vector) -> Vector:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def _volume(columns: Sequence[Vector]) -> float:
    (a, b, c), (d, e, f), (g, h, i) = columns
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
