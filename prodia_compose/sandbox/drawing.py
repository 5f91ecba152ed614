"""The picture the sandbox answers with: what came in, in order, and plainly no model's work.

The same job gives the same bytes, so a client can be tested against it.
"""

import bisect
import functools
import io
import itertools
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from prodia_compose.frozen import frozen
from prodia_compose.sandbox import thumbnails
from prodia_compose.sandbox.answers import Format
from prodia_compose.sandbox.incoming import Input
from prodia_compose.sandbox.rules import Accepted

_PAPER, _CARD, _EDGE, _SHADE = "#f4f1e8", "#ffffff", "#d8d2c2", "#e6e0d0"
_INK, _FAINT, _BRIGHT, _PALE = "#1d2530", "#6b7078", "#ffb81c", "#9aa4b1"

_DEFAULT_SIDE = 1024
_SMALLEST, _LARGEST = 64, 4096
_RESOLUTIONS = {"1K": 1024, "2K": 2048, "4K": 4096}

_LONGEST = 4000  # letters looked at; more never fit
_LONGEST_NAME = 90

# Pillow's own typeface has little beyond ASCII: what it lacks is shown by the nearest it has.
_SUBSTITUTES = str.maketrans(
    {
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "ß": "ss",
        "æ": "ae",
        "ø": "o",
        "ł": "l",
    }
)
_MISSING = "\u25a1"  # drawn as the typeface's box for missing letters

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

Size = tuple[int, int]
"""(width, height) in pixels."""


def draw(job: Accepted, sizes: Sequence[Size], image_format: Format) -> bytes:
    """Return the encoded picture of a job, whose inputs have these upright sizes.

    Raises:
        RefusedError: An input cannot be decoded.
    """
    size = canvas_size(job.config, sizes[0] if sizes else None)
    canvas = Image.new("RGB", size, _PAPER)
    pen = _Pen(canvas)
    top = _draw_header(pen, job)
    bottom = _draw_words(pen, job)
    _draw_inputs(pen, top, bottom, list(zip(job.inputs, sizes, strict=True)))
    buffer = io.BytesIO()
    how: dict[Format, dict[str, int]] = {  # settings that favour speed
        "JPEG": {"quality": 90, "subsampling": 0},
        "PNG": {"compress_level": 1},
        "WEBP": {"quality": 90, "method": 0},
    }
    canvas.save(buffer, image_format, **how[image_format])
    return buffer.getvalue()


def canvas_size(config: Mapping[str, object], first: Size | None = None) -> Size:
    """Return the size a job asks for, `first` being that of its first input.

    `width` and `height` win over `aspect_ratio`, which keeps the area of a square whose
    side `resolution` tells (1K if nothing does). `auto` is the first input's ratio.
    """
    width, height = config.get("width"), config.get("height")
    if _is_number(width) or _is_number(height):
        return _clamped(width), _clamped(height)
    side = _RESOLUTIONS.get(str(config.get("resolution")), _DEFAULT_SIDE)
    text = config.get("aspect_ratio")
    across, down = first if text == "auto" and first else (1, 1)
    if found := re.fullmatch(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})", str(text)):
        across, down = int(found[1]), int(found[2])
    root = math.sqrt(min(8.0, max(1 / 8, across / down)))
    return _clamped(8 * round(side * root / 8)), _clamped(8 * round(side / root / 8))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _clamped(value: object) -> int:
    number = float(str(value)) if _is_number(value) else _DEFAULT_SIDE
    return int(min(_LARGEST, max(_SMALLEST, number)))


# --- text -----------------------------------------------------------------------------


@frozen
class Block:
    """Lines of text in one size of the typeface, in pixels."""

    lines: tuple[str, ...]
    size: int

    @property
    def height(self) -> int:
        """What the lines take, in pixels."""
        return len(self.lines) * _line_height(self.size)


def fit(text: str, width: float, height: float, largest: int, smallest: int = 4) -> Block:
    """Return text in the largest size in which all of it fits the box; else its beginning.

    Sizes are tried from `largest` down to `smallest`. There is always room for one line.
    """
    shown = _plain(text)
    size = max(4, largest)
    while True:
        most = max(1, int(height // _line_height(size)))
        lines = list(itertools.islice(_lines(shown, width, _font(size)), most + 1))
        if len(lines) <= most:
            return Block(lines=tuple(lines), size=size)
        if size <= max(4, smallest):
            break
        size = max(4, smallest, size * 7 // 8)
    last = lines[most - 1]
    while last and _font(size).getlength(f"{last}…") > width:
        last = last[:-1]
    return Block(lines=(*lines[: most - 1], f"{last.rstrip()}…"), size=size)


def _lines(text: str, width: float, face: _Font) -> Iterator[str]:
    """Yield text in lines, each broken between words, or inside one that is wider than a line."""
    while text:
        counts = range(1, min(len(text), int(width)) + 1)  # no letter is narrower than a pixel
        end = max(1, bisect.bisect_right(counts, width, key=lambda n: face.getlength(text[:n])))
        if end < len(text) and (space := text.rfind(" ", 1, end + 1)) > 0:
            end = space
        yield text[:end]
        text = text[end:].lstrip()


@functools.lru_cache(maxsize=64)
def _font(size: int) -> _Font:
    return ImageFont.load_default(size)


def _line_height(size: int) -> int:
    return max(5, round(size * 1.35))


def _plain(text: str) -> str:
    """Return text the typeface can show: accents dropped, control characters spaces."""
    shown = unicodedata.normalize("NFKD", text[:_LONGEST].translate(_SUBSTITUTES))
    letters = []
    for letter in shown:
        match unicodedata.category(letter):
            case "Mn" | "Me" | "Cf":  # accents, joiners and marks of direction
                continue
            case "Cc" | "Zs" | "Zl" | "Zp":
                letters.append(" ")
            case "Cs":  # half a surrogate pair, as JSON can hold
                letters.append(_MISSING)
            case _:
                letters.append(letter)
    return " ".join("".join(letters).split())


# --- the parts of the picture ---------------------------------------------------------


class _Pen:
    """Draws on a canvas, in a unit that grows with it (1.0 at 1024 x 1024)."""

    def __init__(self, canvas: Image.Image) -> None:
        width, height = canvas.size
        self.canvas = canvas
        self.on = ImageDraw.Draw(canvas)
        self.unit = min(math.sqrt(width * height) / 1024, min(width, height) / 600)

    def px(self, length: float) -> int:
        """Return a length in pixels of this canvas, at least 1."""
        return max(1, round(length * self.unit))

    def write(
        self, spot: tuple[float, float], block: Block, colour: str, anchor: str = "l"
    ) -> None:
        """Write a block, its first line's top at the spot; `anchor` is the side that is there."""
        step = _line_height(block.size)
        for number, line in enumerate(block.lines):
            middle = spot[1] + step * (number + 0.5)
            self.on.text((spot[0], middle), line, colour, _font(block.size), anchor=f"{anchor}m")

    def heavy(
        self, spot: tuple[float, float], words: str, size: int, colour: str, anchor: str
    ) -> None:
        """Write a line in bold, which the typeface lacks, by thickening its strokes."""
        bold = max(0.4, size / 32)
        self.on.text(spot, words, colour, _font(size), anchor=anchor, stroke_width=bold)


def _draw_header(pen: _Pen, job: Accepted) -> int:
    """Draw the band on top, with the model beside the badge or below it; return its height."""
    (width, canvas_height), margin = pen.canvas.size, pen.px(36)
    title = fit("SANDBOX", (width - 2 * margin) * 0.95, pen.px(110), pen.px(82)).size
    beside = width - 3 * margin - round(_font(title).getlength("SANDBOX")) - title // 8
    stacked = beside < pen.px(400)
    height = min(canvas_height // 2, pen.px(200 if stacked else 128))
    pen.on.rectangle((0, 0, width, height - 1), fill=_INK)
    pen.on.rectangle((0, height - pen.px(8), width, height - 1), fill=_BRIGHT)
    pen.heavy((margin, 60 * pen.unit), "SANDBOX", title, _BRIGHT, "lm")
    left, anchor = (margin, "l") if stacked else (width - margin, "r")
    room, top = (width - 2 * margin, 104) if stacked else (beside, 22)
    count = len(job.inputs)
    shown = f"{count} image{'' if count == 1 else 's'} in, drawn here: no model was run"
    name = fit(job.name, room, 1, pen.px(36))
    pen.write((left, top * pen.unit), name, _CARD, anchor)
    pen.write((left, (top + 47) * pen.unit), fit(shown, room, 1, pen.px(22)), _PALE, anchor)
    return height


def _draw_words(pen: _Pen, job: Accepted) -> int:
    """Draw the panel at the foot, the prompt and below it the settings; return its top."""
    (width, height), margin, pad = pen.canvas.size, pen.px(36), pen.px(26)
    left = margin + pen.px(24)
    settings = "  ·  ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in job.config.items()
        if name not in ("prompt", "images")
    )
    room = height * 0.3 - 2 * pad
    small = fit(settings, width - margin - left, pen.px(50), pen.px(18), pen.px(14))
    words = fit(job.prompt, width - margin - left, room - small.height, pen.px(27), pen.px(18))
    filled = words.height + small.height
    if not filled or room < _line_height(4):
        return height
    top = height - filled - 2 * pad
    pen.on.rectangle((0, top, width, height), fill=_CARD)
    pen.on.rectangle((0, top, width, top + pen.px(2) - 1), fill=_EDGE)
    bar = (margin, top + pad, margin + pen.px(6) - 1, top + pad + filled)
    pen.on.rectangle(bar, fill=_BRIGHT)
    pen.write((left, top + pad), words, _INK)
    pen.write((left, top + pad + words.height), small, _FAINT)
    return top


def _draw_inputs(pen: _Pen, top: int, bottom: int, inputs: Sequence[tuple[Input, Size]]) -> None:
    """Draw the inputs as cards in reading order, in the grid that shows them largest."""
    margin, gap, caption = pen.px(36), pen.px(28), pen.px(62)
    width, height = pen.canvas.width - 2 * margin, max(1, bottom - top - 2 * margin)
    if not inputs:
        none = fit("no input images", width, 1, pen.px(36))
        pen.write((pen.canvas.width / 2, (top + bottom) / 2 - none.height / 2), none, _FAINT, "m")
        return

    def cell(columns: int) -> Size:
        rows = math.ceil(len(inputs) / columns)
        return (width - gap * (columns - 1)) // columns, (height - gap * (rows - 1)) // rows

    def shown(columns: int) -> float:
        across, down = cell(columns)
        if across < 1 or down <= caption:
            return 0.0
        ratios = [size[0] / size[1] for _, size in inputs]
        return sum(min(across, (down - caption) * ratio) ** 2 / ratio for ratio in ratios)

    columns = max(range(1, len(inputs) + 1), key=shown)
    across, down = cell(columns)
    for index, (part, size) in enumerate(inputs):
        row, column = divmod(index, columns)
        in_row = min(columns, len(inputs) - row * columns)
        indent = (width - in_row * across - gap * (in_row - 1)) // 2  # the last row is centred
        left = margin + indent + column * (across + gap)
        box = (left, top + margin + row * (down + gap), max(1, across), max(1, down))
        _draw_card(pen, box, caption, index + 1, part, size)


def _draw_card(
    pen: _Pen, box: tuple[int, int, int, int], caption: int, number: int, part: Input, size: Size
) -> None:
    """Draw one input as a numbered card, as tight around the picture as its box allows."""
    frame, corner, shade, pad = pen.px(9), pen.px(10), pen.px(5), pen.px(14)
    room = (max(1, box[2] - 2 * frame), max(1, box[3] - caption - 2 * frame))
    picture = thumbnails.thumbnail(part.filename, part.content, room, _CARD)
    width = max(picture.width + 2 * frame, min(box[2], pen.px(200)))
    height = picture.height + 2 * frame + caption
    left, top = box[0] + (box[2] - width) // 2, box[1] + (box[3] - height) // 2
    card = (left, top, left + width - 1, top + height - 1)
    pen.on.rounded_rectangle(tuple(edge + shade for edge in card), radius=corner, fill=_SHADE)
    pen.on.rounded_rectangle(card, radius=corner, fill=_CARD, outline=_EDGE)
    pen.canvas.paste(picture, (left + (width - picture.width) // 2, top + frame))
    name = part.filename
    if len(name) > _LONGEST_NAME:  # its end stays: there names differ, and show their type
        name = f"{name[: _LONGEST_NAME - 30]}…{name[-29:]}"
    words = fit(name, width - 2 * pad, pen.px(30), pen.px(20), pen.px(11))
    under = top + picture.height + 2 * frame
    pen.write((left + pad, under), words, _INK)
    measured = fit(f"{size[0]} x {size[1]}", width - 2 * pad, 1, pen.px(17))
    pen.write((left + pad, under + pen.px(30)), measured, _FAINT)
    badge = min(pen.px(28), max(4, min(box[2], box[3]) // 7))
    x, y = left + badge // 2, top + badge // 2
    pen.on.ellipse((x - badge, y - badge, x + badge, y + badge), _BRIGHT, _INK, pen.px(3))
    pen.heavy((x, y), str(number), round(badge * 1.2), _INK, "mm")
