"""The picture the sandbox answers with: what came in, in order, and plainly no model's work.

The same job gives the same bytes, so a client can be tested against it.
"""

import io
import json
import math
import re
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw

from prodia_compose.images import lettering
from prodia_compose.images.lettering import Block, fit, font
from prodia_compose.sandbox import thumbnails
from prodia_compose.sandbox.answers import Format
from prodia_compose.sandbox.incoming import Input
from prodia_compose.sandbox.rules import Accepted, is_number

_PAPER, _CARD, _EDGE, _SHADE = "#f4f1e8", "#ffffff", "#d8d2c2", "#e6e0d0"
_INK, _FAINT, _BRIGHT, _PALE = "#1d2530", "#6b7078", "#ffb81c", "#9aa4b1"

_DEFAULT_SIDE = 1024
_SMALLEST, _LARGEST = 64, 4096
_RESOLUTIONS = {"1K": 1024, "2K": 2048, "4K": 4096}

_CAPTION = 66  # what a card keeps for words, at 1024 x 1024

Size = tuple[int, int]
"""(width, height) in pixels."""


def draw(job: Accepted, sizes: Sequence[Size], image_format: Format) -> bytes:
    """Return the encoded picture of a job, whose inputs have these upright sizes."""
    size = canvas_size(job.config, sizes[0] if sizes else None)
    canvas = Image.new("RGB", size, _PAPER)
    pen = _Pen(canvas)
    top = _draw_header(pen, job)
    bottom = _draw_words(pen, job)
    _draw_inputs(pen, top, bottom, list(zip(job.inputs, sizes, strict=True)))
    buffer = io.BytesIO()
    # Settings that favour speed; each format heeds its own.
    canvas.save(buffer, image_format, quality=90, subsampling=0, compress_level=1, method=0)
    return buffer.getvalue()


def canvas_size(config: Mapping[str, object], first: Size | None = None) -> Size:
    """Return the size a job asks for, `first` being that of its first input.

    `width` and `height` win over `aspect_ratio`, which keeps the area of a square whose
    side `resolution` tells (1K if nothing does). `auto` is the first input's ratio.
    """
    width, height = config.get("width"), config.get("height")
    if is_number(width) or is_number(height):
        return _clamped(width), _clamped(height)
    side = _RESOLUTIONS.get(str(config.get("resolution")), _DEFAULT_SIDE)
    text = config.get("aspect_ratio")
    across, down = first if text == "auto" and first else (1, 1)
    if found := re.fullmatch(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})", str(text)):
        across, down = int(found[1]), int(found[2])
    root = math.sqrt(min(8.0, max(1 / 8, across / down)))
    return _clamped(8 * round(side * root / 8)), _clamped(8 * round(side / root / 8))


def _clamped(value: object) -> int:
    return int(min(_LARGEST, max(_SMALLEST, value if is_number(value) else _DEFAULT_SIDE)))


class _Pen:
    """Draws on a canvas, in a unit that grows with it (1.0 at 1024 x 1024)."""

    def __init__(self, canvas: Image.Image) -> None:
        self.canvas = canvas
        self.on = ImageDraw.Draw(canvas)
        self.unit = min(math.sqrt(canvas.width * canvas.height) / 1024, min(canvas.size) / 600)

    def px(self, length: float) -> int:
        """Return a length in pixels of this canvas, at least 1."""
        return max(1, round(length * self.unit))

    def write(self, x: float, y: float, block: Block, colour: str, anchor: str = "l") -> None:
        """Write a block whose top is at y and whose left, middle or right is at x."""
        lettering.write(self.on, x, y, block, colour, anchor)

    def heavy(self, x: float, y: float, words: str, size: int, colour: str, anchor: str) -> None:
        """Write a line in bold, which the typeface lacks, by thickening its strokes."""
        bold = max(0.4, size / 32)
        self.on.text((x, y), words, colour, font(size), anchor=anchor, stroke_width=bold)


def _draw_header(pen: _Pen, job: Accepted) -> int:
    """Draw the band on top, the model beside the badge or below it; return its height."""
    width, margin, title = pen.canvas.width, pen.px(36), max(4, pen.px(82))
    room = width - 3 * margin - round(font(title).getlength("SANDBOX")) - title // 8
    x, top, band, anchor = width - margin, 22, 128, "r"
    if room < pen.px(400):
        x, top, band, anchor, room = margin, 104, 200, "l", width - 2 * margin
    height = min(pen.canvas.height // 2, pen.px(band))
    pen.on.rectangle((0, 0, width, height - 1), _INK)
    pen.on.rectangle((0, height - pen.px(8), width, height - 1), _BRIGHT)
    pen.heavy(margin, 60 * pen.unit, "SANDBOX", title, _BRIGHT, "lm")
    count = len(job.inputs)
    shown = f"{count} image{'' if count == 1 else 's'} in, drawn here: no model was run"
    pen.write(x, top * pen.unit, fit(job.name, room, 1, pen.px(36)), _CARD, anchor)
    pen.write(x, (top + 47) * pen.unit, fit(shown, room, 1, pen.px(22)), _PALE, anchor)
    return height


def _draw_words(pen: _Pen, job: Accepted) -> int:
    """Draw the panel at the foot, the prompt and below it the settings; return its top."""
    (width, height), margin, pad = pen.canvas.size, pen.px(36), pen.px(26)
    left, most = margin + pen.px(24), height * 0.3 - 2 * pad
    settings = " · ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in job.config.items()
        if name not in ("prompt", "images")
    )
    notes = fit(settings, width - margin - left, pen.px(50), pen.px(17))
    words = fit(job.prompt, width - margin - left, most - notes.height, pen.px(27))
    filled = words.height + notes.height
    if not filled or most < 5:
        return height
    top = height - filled - 2 * pad
    pen.on.rectangle((0, top, width, height), _CARD)
    pen.on.rectangle((0, top, width, top + pen.px(2) - 1), _EDGE)
    pen.on.rectangle((margin, top + pad, margin + pen.px(6) - 1, top + pad + filled), _BRIGHT)
    pen.write(left, top + pad, words, _INK)
    pen.write(left, top + pad + words.height, notes, _FAINT)
    return top


def _draw_inputs(pen: _Pen, top: int, bottom: int, inputs: Sequence[tuple[Input, Size]]) -> None:
    """Draw the inputs as cards in reading order, in the grid that shows them largest."""
    margin, gap = pen.px(36), pen.px(28)
    width, height = pen.canvas.width - 2 * margin, max(1, bottom - top - 2 * margin)
    if not inputs:
        none = fit("no input images", width, 1, pen.px(36))
        pen.write(pen.canvas.width / 2, (top + bottom - none.height) / 2, none, _FAINT, "m")
        return

    def cell(columns: int) -> Size:
        rows = math.ceil(len(inputs) / columns)
        return (width - gap * (columns - 1)) // columns, (height - gap * (rows - 1)) // rows

    def shown(columns: int) -> float:
        across, down = cell(columns)
        ratios = [size[0] / size[1] for _, size in inputs]
        down = max(0, down - pen.px(_CAPTION))
        return sum(min(max(0, across), down * ratio) ** 2 / ratio for ratio in ratios)

    columns = max(range(1, len(inputs) + 1), key=shown)
    across, down = cell(columns)
    for index, (part, size) in enumerate(inputs):
        row, column = divmod(index, columns)
        in_row = min(columns, len(inputs) - row * columns)
        indent = (width - in_row * across - gap * (in_row - 1)) // 2  # the last row is centred
        left = margin + indent + column * (across + gap)
        box = (left, top + margin + row * (down + gap), max(1, across), max(1, down))
        _draw_card(pen, box, index + 1, part, size)


def _draw_card(
    pen: _Pen, box: tuple[int, int, int, int], number: int, part: Input, size: Size
) -> None:
    """Draw one input as a numbered card, as tight around the picture as its box allows."""
    frame, caption, pad = pen.px(9), pen.px(_CAPTION), pen.px(14)
    room = (max(1, box[2] - 2 * frame), max(1, box[3] - caption - 2 * frame))
    picture = thumbnails.thumbnail(part.filename, part.content, room, _CARD)
    width = max(picture.width + 2 * frame, min(box[2], pen.px(200)))
    height = picture.height + 2 * frame + caption
    left, top = box[0] + (box[2] - width) // 2, box[1] + (box[3] - height) // 2
    card = (left, top, left + width - 1, top + height - 1)
    shadow = tuple(edge + pen.px(5) for edge in card)
    pen.on.rounded_rectangle(shadow, pen.px(10), _SHADE)
    pen.on.rounded_rectangle(card, pen.px(10), _CARD, _EDGE)
    pen.canvas.paste(picture, (left + (width - picture.width) // 2, top + frame))
    name = part.filename
    if len(name) > 90:  # its end stays: there names differ, and show their type
        name = f"{name[:60]}…{name[-29:]}"
    words = fit(name, width - 2 * pad, pen.px(34), pen.px(20))
    measured = fit(f"{size[0]} x {size[1]}", width - 2 * pad, 1, pen.px(17))
    under = top + picture.height + 2 * frame
    pen.write(left + pad, under, words, _INK)
    pen.write(left + pad, under + words.height, measured, _FAINT)
    badge = min(pen.px(28), max(4, min(box[2], box[3]) // 7))
    x, y = left + badge // 2, top + badge // 2
    pen.on.ellipse((x - badge, y - badge, x + badge, y + badge), _BRIGHT, _INK, pen.px(3))
    pen.heavy(x, y, str(number), round(badge * 1.2), _INK, "mm")
