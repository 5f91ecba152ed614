"""Colours named by the codes of ITU-T H.273, made sRGB by LittleCMS through profiles built here.

Nothing is shared with the code under test: the tables are written down anew, the light is
adapted by inverting Bradford's matrix, and the profiles are of version 4.
"""

import functools
import io
import math
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from PIL import Image, ImageCms

Rgb = tuple[int, int, int]
Vector = Sequence[float]
Matrix = Sequence[Vector]
Curve = Callable[[float], float]

_D65: Final = (0.3127, 0.3290)
_C: Final = (0.310, 0.316)
_525: Final = (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65)

PRIMARIES: Final[dict[int, Vector]] = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65),
    4: (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, *_C),
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, *_D65),
    6: _525,
    7: _525,
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *_C),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    10: (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}
"""Red, green, blue and white, x and y of each."""


def srgb(signal: float) -> float:
    """Return the light of sRGB's signal."""
    return signal / 12.92 if signal <= 0.04045 else ((signal + 0.055) / 1.055) ** 2.4


def pq(signal: float) -> float:
    """Return light by SMPTE ST 2084, white at 203 nits as BT.2408 has it, and cut off there."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = signal ** (1 / m2)
    nits = 10_000 * math.pow(max(root - c1, 0) / (c2 - c3 * root), 1 / m1)
    return min(1.0, nits / 203)


def hlg(signal: float) -> float:
    """Return light by BT.2100 on a display of 1000 nits (each channel to 1.2), then as `pq`."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * math.log(4 * a)
    scene = signal**2 / 3 if signal <= 0.5 else (math.exp((signal - c) / a) + b) / 12
    return min(1.0, 1000 * math.pow(scene, 1.2) / 203)


TRANSFERS: Final[dict[int, Curve]] = {
    **dict.fromkeys((1, 6, 7, 11, 12, 13, 14, 15), srgb),  # cameras' curves are shown as sRGB's
    4: lambda signal: signal**2.2,
    5: lambda signal: signal**2.8,
    8: lambda signal: signal,
    9: lambda signal: 10 ** (2 * (signal - 1)) if signal else 0.0,
    10: lambda signal: 10 ** (2.5 * (signal - 1)) if signal else 0.0,
    16: pq,
    17: lambda signal: min(1.0, signal**2.6 * 52.37 / 48),
    18: hlg,
}


def seen(colours: Iterable[Rgb], primaries: Vector, curve: Curve) -> list[Rgb]:
    """Return what LittleCMS makes of colours in sRGB, perceptually."""
    given = list(colours)
    pixels = bytes(value for each in given for value in each)
    image = Image.frombytes("RGB", (len(given), 1), pixels)
    moved = ImageCms.applyTransform(image, _transform(tuple(primaries), curve))
    assert moved is not None
    found = moved.tobytes()
    return [(found[at], found[at + 1], found[at + 2]) for at in range(0, len(found), 3)]


@functools.cache
def _transform(primaries: Vector, curve: Curve) -> ImageCms.ImageCmsTransform:
    """Return the way to sRGB, without the tables that trade exactness for speed."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile(primaries, curve)))
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    kinds = ("RGB", "RGB", ImageCms.Intent.PERCEPTUAL, ImageCms.Flags.NOOPTIMIZE)
    return ImageCms.buildTransform(source, target, *kinds)


@functools.cache
def _curve(curve: Curve) -> bytes:
    samples = [round(65535 * min(1.0, curve(at / 4095))) for at in range(4096)]
    return struct.pack(">4s4xI4096H", b"curv", 4096, *samples)


def profile(primaries: Vector, curve: Curve) -> bytes:
    """Return an ICC profile of version 4."""
    trc = _curve(curve)
    red, green, blue = _columns(primaries)
    text = "reference".encode("utf-16-be")
    name = struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", len(text), 28) + text
    tags = {
        b"desc": name + bytes(-len(name) % 4),
        b"cprt": name + bytes(-len(name) % 4),
        b"wtpt": _xyz(_D50),
        b"rXYZ": _xyz(red),
        b"gXYZ": _xyz(green),
        b"bXYZ": _xyz(blue),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), trc),
    }
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, 132 + 12 * len(tags) + len(body), len(data))
        body += data
    size = 132 + 12 * len(tags) + len(body)
    head = struct.pack(">I4xI", size, 0x04300000) + b"mntrRGB XYZ " + bytes(12) + b"acsp"
    return head.ljust(68, b"\0") + _xyz(_D50)[8:] + bytes(48) + table + body


_D50: Final = (0.9642, 1.0, 0.8249)
_BRADFORD: Final[Matrix] = (
    (0.8951, 0.2664, -0.1614),
    (-0.7502, 1.7135, 0.0367),
    (0.0389, -0.0685, 1.0296),
)


def _xyz(values: Vector) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *(round(value * 65536) for value in values))


def _columns(primaries: Vector) -> list[list[float]]:
    """Return XYZ under D50 of red, green and blue."""
    x, y = primaries[6:]
    white = [x / y, 1.0, (1 - x - y) / y]
    pairs = zip(primaries[0:6:2], primaries[1:6:2], strict=True)
    plain = _transposed([(x, y, 1 - x - y) for x, y in pairs])
    shares = _times(_inverse(plain), white)
    scaled = [[value * share for value, share in zip(row, shares, strict=True)] for row in plain]
    gains = [b / a for a, b in zip(_times(_BRADFORD, white), _times(_BRADFORD, _D50), strict=True)]
    cones = [[gain * value for value in row] for gain, row in zip(gains, _BRADFORD, strict=True)]
    back = _inverse(_BRADFORD)
    return [_times(back, _times(cones, column)) for column in _transposed(scaled)]


def _times(matrix: Matrix, vector: Vector) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def _transposed(matrix: Matrix) -> list[Vector]:
    return list(zip(*matrix, strict=True))


def _inverse(matrix: Matrix) -> list[list[float]]:
    """Return the inverse by Gauss and Jordan."""
    rows = [[*row, *(float(at == other) for other in range(3))] for at, row in enumerate(matrix)]
    for at in range(3):
        best = max(range(at, 3), key=lambda row: abs(rows[row][at]))
        rows[at], rows[best] = rows[best], rows[at]
        rows[at] = [value / rows[at][at] for value in rows[at]]
        for other in range(3):
            if other != at:
                factor = rows[other][at]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[at], strict=True)]
    return [row[3:] for row in rows]
