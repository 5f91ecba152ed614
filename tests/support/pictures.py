"""Pictures for tests, made from nothing: every kind that the tool has to cope with.

What Pillow cannot write (16-bit colour, odd depths, damaged structure) is put
together byte by byte here, independently of the code under test.
"""

import functools
import io
import itertools
import math
import operator
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import BinaryIO, Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter
from tables import table

from prodia_compose.images import plan, prepare
from prodia_compose.images.options import Fitting
from prodia_compose.images.probe import probe
from prodia_compose.models.facts import Cap, CapKind, Caps

Rgb = tuple[int, int, int]
Matrix = Sequence[Sequence[float]]

SECRET: Final = "Sekret-7391"
"""A word in every piece of metadata made here; it must not be found in what is sent."""

RED: Final = (220, 30, 40)
GREEN: Final = (30, 200, 60)
BLUE: Final = (40, 60, 230)
YELLOW: Final = (240, 220, 20)


# --- giving pictures to the code under test ---------------------------------------------


def opener(data: bytes) -> Callable[[], BinaryIO]:
    """Return what gives a fresh reader of some bytes each time."""
    return lambda: io.BytesIO(data)


def cap(limit: int, kind: CapKind = "house") -> Cap:
    """Return a cap."""
    return Cap(limit=limit, kind=kind, source="a test")


def prepared(
    data: bytes,
    wishes: Fitting | None = None,
    *,
    side: int | None = None,
    max_bytes: int | None = None,
) -> prepare.PreparedImage:
    """Return a picture prepared alone, under the caps given."""
    info = probe.probe(opener(data))
    caps = Caps(side=None if side is None else cap(side))
    (fit,) = plan.plan([(info.width, info.height)], caps)
    return prepare.prepare(opener(data), info, fit, wishes or Fitting(), max_bytes)


def pixels(picture: prepare.PreparedImage) -> Image.Image:
    """Return what is sent, decoded."""
    return decoded(picture.blob.read())


def decoded(data: bytes) -> Image.Image:
    """Return bytes decoded."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    """Return a picture as a file of a format."""
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def rgb_at(image: Image.Image, place: tuple[int, int]) -> Rgb:
    """Return the colour of one pixel."""
    value = image.convert("RGB").getpixel(place)
    assert isinstance(value, tuple)
    return int(value[0]), int(value[1]), int(value[2])


def furthest(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the greatest distance between two colours in any channel."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Return the peak signal-to-noise ratio of two RGB pictures, in dB."""
    histogram = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).histogram()
    squares = sum(count * (at % 256) ** 2 for at, count in enumerate(histogram))
    return 99.0 if squares == 0 else 10 * math.log10(255**2 * sum(histogram) / squares)


# --- pictures ---------------------------------------------------------------------------


def quarters(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Return a picture of four colours that lies differently in each orientation."""
    image = Image.new("RGB", size, RED)
    draw = ImageDraw.Draw(image)
    middle_x, middle_y = size[0] // 2, size[1] // 2
    draw.rectangle((middle_x, 0, size[0], middle_y - 1), fill=GREEN)
    draw.rectangle((0, middle_y, middle_x - 1, size[1]), fill=BLUE)
    draw.rectangle((middle_x, middle_y, size[0], size[1]), fill=YELLOW)
    return image


@functools.lru_cache(maxsize=4)
def photo(size: tuple[int, int], seed: int = 1) -> Image.Image:
    """Return something like a photo: clouds of every size, a few edges, a little grain."""
    rng = random.Random(seed)
    total = Image.new("RGB", size, (128, 128, 128))
    cells = 4
    weight = 0.5
    while cells < max(size) / 3:
        small = (cells, max(2, cells * size[1] // size[0]))
        noise = Image.frombytes("RGB", small, rng.randbytes(small[0] * small[1] * 3))
        total = Image.blend(total, noise.resize(size, Image.Resampling.BICUBIC), weight)
        cells, weight = cells * 2, max(0.06, weight * 0.62)
    draw = ImageDraw.Draw(total)
    for _ in range(40):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        reach = max(2, rng.randrange(max(3, size[0] // 12)))
        colour = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
        draw.ellipse((x, y, x + reach, y + reach), fill=colour)
    return total.filter(ImageFilter.GaussianBlur(0.7))


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return a picture as a camera stores it that notes this orientation."""
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    return image.copy() if back is None else image.transpose(back)


# --- metadata ---------------------------------------------------------------------------


def exif(orientation: int | None = None, *, thumbnail: bool = False) -> bytes:
    """Return EXIF data with a maker, a serial number, a comment and a place on Earth."""
    data = Image.Exif()
    if orientation is not None:
        data[0x0112] = orientation
    data[0x010F] = SECRET
    data[0x0131] = SECRET
    data.get_ifd(0x8769).update({0xA431: SECRET, 0x927C: SECRET.encode(), 0x9003: SECRET})
    data.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    written = data.tobytes()
    return written + encoded(quarters((16, 12)), "JPEG") if thumbnail else written


def xmp() -> bytes:
    """Return XMP data."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
        f'<rdf:li xml:lang="x-default">{SECRET}</rdf:li></rdf:Alt></dc:description>'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def iptc() -> bytes:
    """Return a Photoshop resource block with an IPTC caption."""
    caption = struct.pack(">BBBH", 0x1C, 2, 120, len(SECRET)) + SECRET.encode()
    caption += bytes(len(caption) % 2)
    return b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(caption)) + caption


def jpeg_segment(marker: int, payload: bytes) -> bytes:
    """Return one JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def jpeg_with(data: bytes, *segments: bytes) -> bytes:
    """Return a JPEG with segments put in behind its first one (JFIF's)."""
    place = 2
    if data[2:4] == b"\xff\xe0":
        place = 4 + int.from_bytes(data[4:6], "big")
    return data[:place] + b"".join(segments) + data[place:]


def scanned_jpeg(size: tuple[int, int], scans: int, *, progressive: bool = True) -> bytes:
    """Return a black JPEG of so many scans; they refine it, or (not progressive) repeat a channel.

    In each all blocks are skipped by runs of up to 32,767, so that a scan takes few bytes.
    """
    blocks = -(-size[0] // 8) * -(-size[1] // 8)
    channels = 1 if progressive else 3
    frame = struct.pack(">BHHB", 8, size[1], size[0], channels)
    frame += b"".join(bytes((number + 1, 0x11, 0)) for number in range(channels))
    head = b"\xff\xd8" + jpeg_segment(0xDB, b"\0" + b"\1" * 64)
    head += jpeg_segment(0xC2 if progressive else 0xC0, frame)
    head += jpeg_segment(0xC4, b"\0" + b"\1" + bytes(15) + b"\0")
    head += jpeg_segment(0xC4, b"\x10" + b"\0\0\0\x0f" + bytes(12) + bytes(range(0, 0xF0, 16)))
    if not progressive:  # a bit for the brightness of a block, four for the end of it
        channel = jpeg_segment(0xDA, b"\1\1\0\0\x3f\0") + bytes(-(-blocks * 5 // 8))
        return head + channel * scans + b"\xff\xd9"
    first = jpeg_segment(0xDA, b"\1\1\0\0\0\0") + bytes(-(-blocks // 8))
    bits = ""
    while blocks:
        power = min(14, blocks.bit_length() - 1)
        run = min(blocks, (2 << power) - 1)
        bits += f"{power:04b}" + (f"{run - (1 << power):0{power}b}" if power else "")
        blocks -= run
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    more = jpeg_segment(0xDA, b"\1\1\0\1\x3f\0") + coded
    refined = jpeg_segment(0xDA, b"\1\1\0\1\x3f\x10") + coded
    return head + first + b"".join((more, *[refined] * (scans - 2))) + b"\xff\xd9"


def talkative_jpeg(image: Image.Image, **options: object) -> bytes:
    """Return a JPEG with every kind of metadata, a thumbnail and a tail."""
    plain = encoded(image, "JPEG", **options)
    jfif_thumbnail = b"JFIF\0\x01\x02\x01\0\x48\0\x48\x02\x01" + bytes(6)
    extension = b"JFXX\0\x10" + encoded(quarters((16, 12)), "JPEG")
    chatty = jpeg_with(
        plain,
        jpeg_segment(0xE0, extension),
        jpeg_segment(0xE1, exif(thumbnail=True)),
        jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp()),
        jpeg_segment(0xE2, b"FPXR\0" + SECRET.encode()),
        jpeg_segment(0xE4, SECRET.encode()),
        jpeg_segment(0xEB, b"JP" + SECRET.encode()),
        jpeg_segment(0xED, iptc()),
        jpeg_segment(0xFE, SECRET.encode()),
    )
    jfif_end = 4 + int.from_bytes(chatty[4:6], "big")
    chatty = chatty[:2] + jpeg_segment(0xE0, jfif_thumbnail) + chatty[jfif_end:]
    return chatty + SECRET.encode() + plain


def frames(name: str, count: int) -> bytes:
    """Return a file of several pictures; an MPO's are partners, as gain-map cameras write them."""
    others = [quarters().rotate(90 * turn) for turn in range(1, count)]
    return encoded(quarters(), name, save_all=True, append_images=others)


# --- PNG, TIFF and the like, byte by byte -----------------------------------------------


def png_chunk(name: bytes, data: bytes) -> bytes:
    """Return one PNG chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    size: tuple[int, int],
    bits: int,
    colour_type: int,
    rows: Iterable[bytes],
    chunks: Iterable[tuple[bytes, bytes]] = (),
    tail: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """Return a PNG of any depth.

    Args:
        colour_type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.
        rows: Packed samples of each row, without the filter byte.
        chunks: What stands in front of the pixels.
        tail: What stands behind them.
    """
    header = struct.pack(">IIBBBBB", *size, bits, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    every = [(b"IHDR", header), *chunks, (b"IDAT", data), *tail, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, each) for name, each in every)


def png_with(data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG with chunks put in front of its pixels."""
    place = data.index(b"IDAT") - 4
    return data[:place] + b"".join(png_chunk(*each) for each in chunks) + data[place:]


def talkative_png(image: Image.Image) -> bytes:
    """Return a PNG with every kind of metadata and a tail."""
    word = SECRET.encode()
    data = png_with(
        encoded(image, "PNG"),
        (b"tEXt", b"Comment\0" + word),
        (b"zTXt", b"Author\0\0" + zlib.compress(word)),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp()),
        (b"eXIf", exif().removeprefix(b"Exif\0\0")),
        (b"tIME", struct.pack(">HBBBBB", 2026, 11, 22, 18, 17, 0)),
        (b"prVt", word),
    )
    end = data.rindex(b"IEND") - 4
    return data[:end] + png_chunk(b"tEXt", b"Late\0" + word) + data[end:] + word


def webp_with(data: bytes, *chunks: tuple[bytes, bytes], flags: int) -> bytes:
    """Return a WebP in its extended form with chunks put behind its pixels."""
    image = decoded(data)
    body = b"WEBP"
    sides = (image.width - 1).to_bytes(3, "little") + (image.height - 1).to_bytes(3, "little")
    parts = [(b"VP8X", bytes([flags, 0, 0, 0]) + sides), (data[12:16], data[20:]), *chunks]
    for name, payload in parts:
        body += name + struct.pack("<I", len(payload)) + payload + bytes(len(payload) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def talkative_webp(image: Image.Image, **options: object) -> bytes:
    """Return a WebP with every kind of metadata and a tail."""
    word = SECRET.encode()
    chunks = ((b"EXIF", exif()[6:]), (b"XMP ", xmp()), (b"PRIV", word))
    return webp_with(encoded(image, "WEBP", **options), *chunks, flags=0x0C) + word


def tiff(
    size: tuple[int, int],
    bits: int,
    data: bytes,
    *,
    order: str = "<",
    tags: Mapping[int, tuple[int, Sequence[int]]] | None = None,
) -> bytes:
    """Return an uncompressed TIFF of one strip.

    Args:
        bits: Of the one sample.
        order: "<" or ">".
        tags: More or other tags: type (3 SHORT, 4 LONG) and values.
    """
    entries: dict[int, tuple[int, Sequence[int]]] = dict.fromkeys((259, 262, 277), (3, [1]))
    entries |= {256: (4, [size[0]]), 257: (4, [size[1]]), 258: (3, [bits])}
    entries |= {273: (4, [0]), 278: (4, [size[1]]), 279: (4, [len(data)]), **(tags or {})}
    codes = {1: "B", 3: "H", 4: "I"}
    table_bytes = 2 + 12 * len(entries) + 4
    extra_at = 8 + table_bytes
    table, extra = struct.pack(order + "H", len(entries)), b""
    packed = {tag: struct.pack(f"{order}{len(v)}{codes[k]}", *v) for tag, (k, v) in entries.items()}
    data_at = extra_at + sum(len(value) for value in packed.values() if len(value) > 4)
    if 273 not in (tags or {}):
        packed[273] = struct.pack(order + "I", data_at)
    for tag in sorted(entries):
        kind, values = entries[tag]
        value = packed[tag]
        if len(value) > 4:
            field = struct.pack(order + "I", extra_at + len(extra))
            extra += value
        else:
            field = value.ljust(4, b"\0")
        table += struct.pack(order + "HHI", tag, kind, len(values)) + field
    magic = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return magic + struct.pack(order + "I", 8) + table + bytes(4) + extra + data


def psd(
    image: Image.Image, *, layers: int = 0, has_flat: bool = True, selection: bool = False
) -> bytes:
    """Return a Photoshop document.

    Args:
        image: Its flat picture, RGB or RGBA.
        layers: The count that the layer section states; negative if alpha is transparency.
        has_flat: What the version resource says of the flat picture.
        selection: Whether to add a channel that is no transparency.
    """
    channels = list(image.split())
    if selection:
        channels.append(Image.new("L", image.size, 0))
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, len(channels), image.height, image.width, 8, 3)
    version = struct.pack(">I?", 1, has_flat) + bytes(12)
    resource = b"8BIM" + struct.pack(">HHI", 1057, 0, len(version)) + version
    resource += bytes(len(version) % 2)
    info = struct.pack(">h", layers) + bytes(2)
    section = struct.pack(">I", len(info)) + info if layers else b""
    resources = struct.pack(">II", 0, len(resource)) + resource
    section = struct.pack(">I", len(section)) + section + bytes(2)
    return header + resources + section + b"".join(channel.tobytes() for channel in channels)


# --- colour -----------------------------------------------------------------------------

SPACES: Final[dict[str, tuple[Matrix, float]]] = table("images/colour_spaces")
"""Published matrices from linear RGB to XYZ under D50, and gammas; 0 is sRGB's curve."""

_XYZ_TO_SRGB: Final = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)
_D50: Final = (0.9642, 1.0, 0.8249)


def rgb_profile(name: str) -> bytes:
    """Return the ICC profile of one of the spaces above."""
    matrix, gamma = SPACES[name]
    columns = [[row[at] for row in matrix] for at in range(3)]
    tags = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_icc_xyz, columns), strict=True))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _icc_curve(gamma))
    return _icc(name, b"mntrRGB XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    """Return an ICC profile for grey of a gamma."""
    return _icc(f"Grey {gamma}", b"mntrGRAYXYZ ", {b"kTRC": _icc_curve(gamma)})


def cmyk_profile() -> bytes:
    """Return an ICC profile for CMYK whose solid inks are dull, as printed ones are."""
    nodes = b""
    for inks in itertools.product((0, 1), repeat=4):
        lightness, a, b = lab_of(cmyk_to_rgb(inks))
        parts = lightness / 100 * 0xFF00, (a + 128) * 256, (b + 128) * 256
        nodes += struct.pack(">3H", *map(round, parts))
    ramp = struct.pack(">2H", 0, 65535)
    lut = b"mft2" + struct.pack(">4xBBBx", 4, 3, 2)
    lut += struct.pack(">9i", *(65536 * (at % 4 == 0) for at in range(9)))
    lut += struct.pack(">2H", 2, 2) + ramp * 4 + nodes + ramp * 3
    return _icc("Test press", b"prtrCMYKLab ", {b"A2B0": lut})


def table_profile(meant: Callable[[int, int, int], Rgb]) -> bytes:
    """Return an ICC profile for RGB that is a table of which sRGB colour each is meant to be."""
    steps = [round(255 * at / 16) for at in range(17)]
    nodes = b""
    for colour in itertools.product(steps, repeat=3):
        lightness, a, b = lab_of(meant(*colour))
        parts = lightness / 100 * 0xFF00, (a + 128) * 256, (b + 128) * 256
        nodes += struct.pack(">3H", *map(round, parts))
    ramp = struct.pack(">2H", 0, 65535)
    lut = b"mft2" + struct.pack(">4xBBBx", 3, 3, 17)
    lut += struct.pack(">9i", *(65536 * (at % 4 == 0) for at in range(9)))
    lut += struct.pack(">2H", 2, 2) + ramp * 3 + nodes + ramp * 3
    return _icc("Test scanner", b"scnrRGB Lab ", {b"A2B0": lut})


def cmyk_to_rgb(inks: Sequence[int]) -> Rgb:
    """Return the sRGB colour of solid inks on the press of `cmyk_profile`."""
    filters = ((0.25, 0.75, 0.9), (0.85, 0.2, 0.55), (0.95, 0.9, 0.2), (0.03, 0.03, 0.03))
    through = itertools.compress(filters, inks)
    red, green, blue = (
        round(255 * math.prod(parts)) for parts in zip((1, 1, 1), *through, strict=True)
    )
    return red, green, blue


def to_srgb(colour: Rgb, space: str) -> Rgb:
    """Return by plain formulas what a colour of a space is in sRGB."""
    matrix, gamma = SPACES[space]
    linear = [(value / 255) ** gamma for value in colour] if gamma else _linear(colour)
    back = _times(_XYZ_TO_SRGB, _times(matrix, linear))
    red, green, blue = (round(255 * _srgb_signal(min(1.0, max(0.0, value)))) for value in back)
    return red, green, blue


def _times(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    return [sum(map(operator.mul, row, vector)) for row in matrix]


def _linear(colour: Sequence[float]) -> list[float]:
    signals = [value / 255 for value in colour]
    return [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in signals]


def _srgb_signal(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def lab_of(colour: Rgb) -> tuple[float, float, float]:
    """Return CIELAB under D50 of an sRGB colour."""
    x, y, z = (
        ratio ** (1 / 3) if ratio > 216 / 24389 else (24389 / 27 * ratio + 16) / 116
        for ratio in map(operator.truediv, _times(SPACES["sRGB"][0], _linear(colour)), _D50)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _icc(name: str, kinds: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """Return a profile; its kinds are those of device, colours and connection."""
    text = name.encode() + b"\0"
    tags = {
        b"desc": b"desc" + struct.pack(">4xI", len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + b"free\0",
        b"wtpt": _icc_xyz(_D50),
        **tags,
    }
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, 132 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4xI", 132 + 12 * len(tags) + len(body), 0x02100000)
    head += kinds + bytes(12) + b"acsp" + bytes(28)
    head += struct.pack(">3i", *(round(value * 65536) for value in _D50)) + bytes(48)
    return head + table + body


def _icc_xyz(values: Sequence[float]) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *(round(value * 65536) for value in values))


def _icc_curve(gamma: float) -> bytes:
    if gamma:
        return struct.pack(">4s4xIH", b"curv", 1, round(gamma * 256))
    samples = [round(65535 * value) for value in _linear([at * 255 / 1023 for at in range(1024)])]
    return struct.pack(">4s4xI1024H", b"curv", 1024, *samples)


# --- broken ones ------------------------------------------------------------------------

HUGE: Final = (15_000, 15_000)
"""Sides that a header may well name, 225 megapixels, with next to nothing behind them."""


def bombs() -> dict[str, bytes]:
    """Return files of a few hundred bytes whose headers name 225 megapixels."""
    width, height = HUGE
    big = struct.pack(">II", height, width)
    frame, short = struct.pack(">HH", height, width), struct.pack("<HH", width, height)
    small = quarters()

    def patched(name: str, mark: bytes, offset: int, value: bytes, **options: object) -> bytes:
        data = bytearray(encoded(small, name, **options))
        at = data.index(mark) + offset
        data[at : at + len(value)] = value
        return bytes(data)

    flat = psd(small)
    return {
        "JPEG": patched("JPEG", b"\xff\xc0", 5, frame),
        "progressive JPEG": patched("JPEG", b"\xff\xc2", 5, frame, progressive=True),
        "PNG": png(HUGE, 8, 2, [bytes(3 * width)] * 10),
        "16-bit PNG": png(HUGE, 16, 0, [bytes(2 * width)] * 10),
        "palette PNG": png(HUGE, 8, 3, [bytes(width)] * 10, [(b"PLTE", b"\1\2\3")]),
        "WebP": patched("WEBP", b"\x9d\x01\x2a", 3, short),
        "lossless WebP": patched(
            "WEBP", b"VP8L", 9, struct.pack("<I", width - 1 | height - 1 << 14), lossless=True
        ),
        "AVIF": patched("AVIF", b"ispe", 8, struct.pack(">II", width, height)),
        "GIF": patched("GIF", b"GIF8", 6, short),
        "BMP": patched("BMP", b"BM", 18, struct.pack("<II", width, height)),
        "TIFF": tiff(HUGE, 8, bytes(4000)),
        "LZW TIFF": tiff(HUGE, 8, bytes(4000), tags={259: (3, [5])}),
        "deflated TIFF": tiff(
            HUGE, 8, zlib.compress(random.Random(1).randbytes(4000)), tags={259: (3, [8])}
        ),
        "deep TIFF": tiff(HUGE, 64, bytes(4000), tags={339: (3, [3])}),
        "deep LZW TIFF": tiff(
            HUGE, 32, bytes(4000), tags={339: (3, [3]), 259: (3, [5]), 317: (3, [3])}
        ),
        "LZW TIFF in planes": tiff(
            HUGE,
            16,
            bytes(4000),
            tags={
                258: (3, [16] * 3),
                259: (3, [5]),
                262: (3, [2]),
                273: (4, [8] * 3),
                277: (3, [3]),
                279: (4, [4000] * 3),
                284: (3, [2]),
            },
        ),
        "fax TIFF": tiff(HUGE, 1, bytes(4000), tags={259: (3, [4])}),
        "PPM": b"P6 15000 15000 255\n" + bytes(1000),
        "plain PPM": b"P3 15000 15000 255\n" + b"1 " * 1000,
        "TGA": patched("TGA", b"", 12, short),
        "QOI": patched("QOI", b"qoif", 4, struct.pack(">II", width, height)),
        "PSD": flat[:14] + big + flat[22:],
        "JPEG 2000": patched("JPEG2000", b"\xff\x51", 6, struct.pack(">II", width, height)),
    }


# --- other processes --------------------------------------------------------------------


def run_apart(program: str, *arguments: str) -> tuple[str, str, int]:
    """Run a program in a Python of its own.

    Returns:
        What it printed on stdout, what on stderr, and its peak memory in bytes.
    """
    # On Linux, ru_maxrss starts at what the forking process held, even behind an exec.
    report = (
        "import pathlib as _p, resource as _r, sys as _s\n"
        "_status = _p.Path('/proc/self/status')\n"
        "_lines = _status.read_text().splitlines() if _status.exists() else []\n"
        "_high = [int(_line.split()[1]) * 1024 for _line in _lines if 'VmHWM' in _line]\n"
        "_unit = 1 if _s.platform == 'darwin' else 1024\n"
        "_peak = _high[0] if _high else _r.getrusage(_r.RUSAGE_SELF).ru_maxrss * _unit\n"
        "_s.stdout.write('\\npeak ' + str(_peak))\n"
    )
    command = [sys.executable, "-c", program + "\n" + report, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    out, _, peak = done.stdout.rpartition("\npeak ")
    return out, done.stderr, int(peak)
