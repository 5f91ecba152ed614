"""The picture the sandbox answers with: what came in, in order, and plainly no model's work.

The same job gives the same bytes, so a client can be tested against it.
"""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

from prodia_compose.frozen import frozen
from prodia_compose.sandbox import layout, lettering, thumbnails
from prodia_compose.sandbox.answers import Format
from prodia_compose.sandbox.incoming import Input
from prodia_compose.sandbox.layout import Box

_PAPER = "#f4f1e8"
_CARD = "#ffffff"
_EDGE = "#d8d2c2"
_SHADE = "#e6e0d0"
_INK = "#1d2530"
_FAINT = "#6b7078"
_BRIGHT = "#ffb81c"
_HEADER_FAINT = "#9aa4b1"


@frozen
class _Pen:
    """Draws on one canvas, in a unit that grows with it (1.0 at 1024 x 1024)."""

    on: ImageDraw.ImageDraw
    unit: float

    def px(self, length: float) -> int:
        """Return a length in pixels of this canvas, at least 1."""
        return max(1, round(length * self.unit))

    def text(
        self, spot: tuple[float, float], words: str, size: int, colour: str, **how: str
    ) -> None:
        """Write one line; `how` may hold an anchor other than left, middle."""
        anchor = how.get("anchor", "lm")
        self.on.text(spot, words, fill=colour, font=lettering.font(size), anchor=anchor)

    def heavy(
        self, spot: tuple[float, float], words: str, size: int, colour: str, anchor: str
    ) -> None:
        """Write one line in bold, which the typeface lacks, by thickening its strokes."""
        self.on.text(
            spot,
            words,
            fill=colour,
            font=lettering.font(size),
            anchor=anchor,
            stroke_width=max(0.4, size / 32),
            stroke_fill=colour,
        )


def draw(
    *, name: str, prompt: str, inputs: Sequence[Input], size: tuple[int, int], image_format: Format
) -> bytes:
    """Return the encoded picture of a job.

    Args:
        name: The model's short name.
        prompt: The job's prompt; any text, even what no typeface holds.
        inputs: What the job uses, in the prompt's order.
        size: The canvas in pixels, (width, height).
        image_format: What to encode as.

    Raises:
        RefusedError: An input cannot be decoded.
    """
    canvas = Image.new("RGB", size, _PAPER)
    unit = min((size[0] * size[1]) ** 0.5 / 1024, min(size) / 600)
    pen = _Pen(on=ImageDraw.Draw(canvas), unit=unit)
    margin = pen.px(36)
    header = _draw_header(pen, size, name, len(inputs))
    footer = _draw_prompt(pen, size, prompt)
    area = Box(margin, header + margin, size[0] - margin, footer - margin)
    _draw_inputs(pen, canvas, area, inputs)
    return _encode(canvas, image_format)


def _draw_header(pen: _Pen, size: tuple[int, int], name: str, count: int) -> int:
    """Draw the band on top; return its height."""
    width, margin, title = size[0], pen.px(36), pen.px(82)
    title_width = round(lettering.font(title).getlength("SANDBOX")) + title // 8
    stacked = width - title_width - 3 * margin < pen.px(270)
    height = min(size[1] // 2, pen.px(200 if stacked else 128))
    pen.on.rectangle((0, 0, width, height - 1), fill=_INK)
    pen.on.rectangle((0, height - pen.px(8), width, height - 1), fill=_BRIGHT)
    shown = f"{count} image{'' if count == 1 else 's'} in, drawn here: no model was run"
    if stacked:
        spots, anchor, room = (128.0, 163.0), "lm", width - 2 * margin
        left = margin
        title = lettering.fitted("SANDBOX", room * 0.97, title)
    else:
        spots, anchor, room = (46.0, 84.0), "rm", width - title_width - 3 * margin
        left = width - margin
    pen.heavy((margin, 60 * pen.unit), "SANDBOX", title, _BRIGHT, "lm")
    label = lettering.plain(name)
    label_size = lettering.fitted(label, room, pen.px(36))
    pen.text((left, spots[0] * pen.unit), label, label_size, "#ffffff", anchor=anchor)
    shown_size = lettering.fitted(shown, room, pen.px(22))
    pen.text((left, spots[1] * pen.unit), shown, shown_size, _HEADER_FAINT, anchor=anchor)
    return height


def _draw_prompt(pen: _Pen, size: tuple[int, int], prompt: str) -> int:
    """Draw the prompt at the foot; return the top of its panel."""
    words = lettering.plain(prompt)
    margin, text_size = pen.px(36), pen.px(27)
    step = lettering.line_height(text_size)
    most = int((size[1] * 0.3 - 2 * margin) // step)
    if not words or most < 1:
        return size[1]
    face = lettering.font(text_size)
    lines = lettering.wrap(words, size[0] - 2 * margin - pen.px(24), face, most)
    top = size[1] - len(lines) * step - 2 * pen.px(26)
    pen.on.rectangle((0, top, size[0], size[1]), fill=_CARD)
    pen.on.rectangle((0, top, size[0], top + pen.px(2) - 1), fill=_EDGE)
    bar = Box(margin, top + pen.px(30), margin + pen.px(6), size[1] - pen.px(28))
    pen.on.rectangle((bar.left, bar.top, bar.right - 1, bar.bottom), fill=_BRIGHT)
    for index, line in enumerate(lines):
        middle = top + pen.px(26) + step * (index + 0.5)
        pen.text((bar.right + pen.px(18), middle), line, text_size, _INK)
    return top


def _draw_inputs(pen: _Pen, canvas: Image.Image, area: Box, inputs: Sequence[Input]) -> None:
    sizes = [thumbnails.measure(part.filename, part.content) for part in inputs]
    caption = pen.px(46) if len(inputs) <= 6 else pen.px(38)
    gap = pen.px(28)
    if not inputs:
        middle = ((area.left + area.right) / 2, (area.top + area.bottom) / 2)
        pen.text(middle, "no input images", pen.px(36), _FAINT, anchor="mm")
    boxes = layout.cells(area, [width / height for width, height in sizes], gap, caption)
    for number, (part, size, box) in enumerate(zip(inputs, sizes, boxes, strict=True), start=1):
        _draw_input(pen, canvas, box, caption, number, part, size)


def _draw_input(
    pen: _Pen,
    canvas: Image.Image,
    box: Box,
    caption: int,
    number: int,
    part: Input,
    size: tuple[int, int],
) -> None:
    """Draw one input as a numbered card, as tight around the picture as its box allows."""
    frame = pen.px(9)
    room = (max(1, box.width - 2 * frame), max(1, box.height - caption - 2 * frame))
    picture = thumbnails.thumbnail(part.filename, part.content, room, _CARD)
    card_width = max(picture.width + 2 * frame, min(box.width, pen.px(200)))
    card_height = picture.height + 2 * frame + caption
    left = box.left + (box.width - card_width) // 2
    top = box.top + (box.height - card_height) // 2
    corner, shade = pen.px(10), pen.px(5)
    card = (left, top, left + card_width - 1, top + card_height - 1)
    shadow = tuple(edge + shade for edge in card)
    pen.on.rounded_rectangle(shadow, radius=corner, fill=_SHADE)
    pen.on.rounded_rectangle(card, radius=corner, fill=_CARD, outline=_EDGE)
    canvas.paste(picture, (left + (card_width - picture.width) // 2, top + frame))
    _draw_caption(pen, Box(left, card[3] - caption - frame // 2, card[2], card[3]), part, size)
    badge = min(pen.px(28), max(4, min(box.width, box.height) // 7))
    spot = (left + badge // 2, top + badge // 2)
    around = (spot[0] - badge, spot[1] - badge, spot[0] + badge, spot[1] + badge)
    pen.on.ellipse(around, fill=_BRIGHT, outline=_INK, width=pen.px(3))
    pen.heavy(spot, str(number), round(badge * 1.2), _INK, "mm")


def _draw_caption(pen: _Pen, box: Box, part: Input, size: tuple[int, int]) -> None:
    text_size = pen.px(20)
    face = lettering.font(text_size)
    measured = f"{size[0]} x {size[1]}"
    room = box.width - pen.px(28)
    name_room = room - face.getlength(measured) - pen.px(14)
    middle = (box.top + box.bottom) / 2
    name = lettering.shorten(lettering.plain(part.filename), name_room, face)
    if name:
        pen.text((box.left + pen.px(14), middle), name, text_size, _INK)
        pen.text((box.right - pen.px(14), middle), measured, text_size, _FAINT, anchor="rm")
        return
    name = lettering.shorten(lettering.plain(part.filename), room, face)
    pen.text((box.left + pen.px(14), middle), name, text_size, _INK)


def _encode(canvas: Image.Image, image_format: Format) -> bytes:
    """Return the canvas's bytes, at settings that favour speed."""
    buffer = io.BytesIO()
    if image_format == "JPEG":
        canvas.save(buffer, "JPEG", quality=90, subsampling=0)
    elif image_format == "PNG":
        canvas.save(buffer, "PNG", compress_level=1)
    else:
        canvas.save(buffer, "WEBP", quality=90, method=0)
    return buffer.getvalue()
