"""The picture the sandbox draws: size, order, rotation, determinism, odd words."""

import io
import itertools
import json
import zlib

import pytest
import sandboxing as sb
from PIL import Image
from tables import table

from prodia_compose.inputs import blob
from prodia_compose.sandbox import answers, drawing, rules, server, thumbnails
from prodia_compose.sandbox.incoming import Input

RED, BLUE = (255, 0, 0), (0, 0, 255)


def make_input(name: str, data: bytes) -> Input:
    """Return an input that has come in."""
    return Input(filename=name, content_type="image/jpeg", content=blob.spool([data]))


def saved(image: Image.Image, image_format: str, **how: object) -> bytes:
    """Return an encoded image."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **how)
    return buffer.getvalue()


def coloured(*colours: str) -> list[Input]:
    """Return inputs of one colour each."""
    return [make_input(f"{colour}.png", sb.picture(colour, (80, 80), "PNG")) for colour in colours]


def draw(
    inputs: list[Input],
    prompt: str = "combine them",
    size: tuple[int, int] = (512, 512),
    image_format: answers.Format = "PNG",
    steps: int | None = None,
) -> bytes:
    """Return the picture of a job."""
    config = {"prompt": prompt, "width": size[0], "height": size[1], "steps": steps}
    job = rules.Accepted(job_type=sb.NANO, model=None, config=config, inputs=tuple(inputs))
    sizes = [thumbnails.measure(part.filename, part.content) for part in inputs]
    return drawing.draw(job, sizes, image_format)


def left_edge(picture: bytes, colour: tuple[int, int, int]) -> int:
    """Return where a colour begins in the middle row of a picture."""
    image = sb.decoded(picture)
    return next(x for x in range(512) if image.getpixel((x, image.height // 2)) == colour)


def test_order_shows() -> None:
    """Inputs stand in reading order, so swapping two of them swaps them in the picture."""
    first = draw(coloured("red", "blue"))
    second = draw(coloured("blue", "red"))

    assert left_edge(first, RED) < left_edge(first, BLUE)
    assert left_edge(second, BLUE) < left_edge(second, RED)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_same_job_same_bytes(image_format: answers.Format) -> None:
    """The same job gives the same bytes; another order, prompt, name or setting gives others."""
    one, two = coloured("red", "blue")
    renamed = make_input("red.jpg", sb.picture("red", (80, 80), "PNG"))

    def drawn(*inputs: Input, prompt: str = "a", steps: int = 8) -> bytes:
        return draw(list(inputs), prompt, image_format=image_format, steps=steps)

    first = drawn(one, two)
    assert drawn(one, two) == first
    others = [
        drawn(two, one),
        drawn(one, two, prompt="b"),
        drawn(renamed, two),
        drawn(one, two, steps=9),
    ]
    assert len({first, *others}) == 5


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_inputs_stand_upright(orientation: int, image_format: str) -> None:
    """An input is turned as its EXIF says: its first stored corner comes where it belongs."""
    image = Image.new("RGB", (80, 40), "white")
    image.paste("black", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = blob.spool([saved(image, image_format, exif=exif, quality=100)])
    size = (40, 80) if orientation >= 5 else (80, 40)
    small = thumbnails.thumbnail("a", content, size, "white")
    tones = small.convert("L").point(lambda level: level // 128)
    x, y = {"l": 5, "r": size[0] - 6}, {"t": 5, "b": size[1] - 6}
    dark = [a + b for a in "tb" for b in "lr" if not tones.getpixel((x[b], y[a]))]

    assert thumbnails.measure("a", content) == small.size == size
    assert dark == [("tl", "tr", "br", "bl")[(orientation - 1) % 4]]


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\x00\x00",
        b"Exif\x00\x00II*\x00",
        b"MM\x00*\xff\xff\xff\xff",
        b"II*\x00\x08\x00\x00\x00\xff\xff",
        b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x09\x00\x00\x00",
        b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x07\x00\x01\x00\x00\x00\x06\x00\x00\x00",
        b"nonsense",
    ],
)
def test_broken_exif(exif: bytes) -> None:
    """A rotation that cannot be read is no rotation."""
    data = saved(Image.new("RGB", (8, 4)), "JPEG", exif=exif)

    assert thumbnails.measure("a", blob.spool([data])) == (8, 4)


@pytest.mark.parametrize(
    ("mode", "colour"),
    [
        ("1", 1),
        ("L", 200),
        ("LA", (200, 90)),
        ("P", 3),
        ("RGB", (1, 2, 3)),
        ("RGBA", (1, 2, 3, 0)),
        ("I;16", 40_000),
        ("CMYK", (0, 255, 255, 0)),
    ],
)
def test_modes(mode: str, colour: int | tuple[int, ...]) -> None:
    """Inputs of any colour mode are drawn; what is transparent shows the paper."""
    data = saved(Image.new(mode, (30, 20), colour), "JPEG" if mode == "CMYK" else "PNG")
    small = thumbnails.thumbnail("a", blob.spool([data]), (15, 15), "#aabbcc")

    assert (small.mode, small.size) == ("RGB", (15, 10))
    if mode == "RGBA":
        assert small.getpixel((5, 5)) == (0xAA, 0xBB, 0xCC)
    if mode == "I;16":
        assert small.getpixel((5, 5)) == (155, 155, 155)


def test_vast_pictures_are_refused() -> None:
    """A small file that holds a vast picture is refused by its header alone."""
    data = bytearray(sb.picture(image_format="PNG"))
    data[16:24] = (20_000).to_bytes(4) + (20_000).to_bytes(4)
    crc = zlib.crc32(bytes(data[12:29]))
    data[29:33] = crc.to_bytes(4)
    with pytest.raises(answers.RefusedError, match="20,000 x 20,000 pixels are too many"):
        thumbnails.measure("a", blob.spool([bytes(data)]))


def test_large_pictures_are_quiet(recwarn: pytest.WarningsRecorder) -> None:
    """A picture large enough for Pillow to warn of is drawn without a warning."""
    data = saved(Image.new("L", (10_000, 9_500)), "JPEG")
    small = thumbnails.thumbnail("a", blob.spool([data]), (100, 100), "white")

    assert small.size == (100, 95)
    assert not recwarn.list


PROMPTS = [
    "",
    " \n\t ",
    "two\nlines\r\nand\ttabs",
    "é ñ ü — “quoted” \xd7 中文 🎉 👩‍👩‍👧 אבג عربي \u202e turned",
    "half a pair \ud83d and nul \x00 and escape \x1b[31m",
    "word " * 6000,
    "x" * 32_768,
    "中" * 5000,
    "{}%s<b>[red]",
    "a\u0300" * 5000,
]


@pytest.mark.parametrize("prompt", PROMPTS, ids=range(len(PROMPTS)))
@pytest.mark.parametrize("size", [(64, 64), (512, 300)])
def test_any_prompt(prompt: str, size: tuple[int, int]) -> None:
    """No prompt is too odd or too long to draw, nor is a file name."""
    part = make_input(prompt or "a", sb.picture())

    assert sb.decoded(draw([part], prompt, size)).size == size


@pytest.mark.parametrize("size", [(64, 64), (64, 4096), (4096, 64), (333, 777), (1568, 672)])
@pytest.mark.parametrize("count", [0, 1, 2, 14])
def test_any_canvas(size: tuple[int, int], count: int) -> None:
    """Any number of inputs of any shape is drawn on a canvas of any shape."""
    shapes = itertools.cycle([(1, 1), (900, 1), (1, 900), (30, 20)])
    inputs = [
        make_input(f"{number}.png", sb.picture("red", next(shapes), "PNG"))
        for number in range(count)
    ]

    assert sb.decoded(draw(inputs, size=size)).size == size


@pytest.mark.parametrize(("config", "size"), table("sandbox/canvas_size"), ids=json.dumps)
def test_canvas_size(config: dict[str, object], size: list[int]) -> None:
    """The canvas is what the config asks for, within bounds."""
    assert drawing.canvas_size(config, (400, 300)) == tuple(size)


def test_size_is_honoured_end_to_end() -> None:
    """The answer to a job has the size its config asks for."""
    with server.Sandbox() as sandbox:
        flex = sb.send_job(sandbox, sb.make_job(sb.FLEX, width=512, height=768))
        auto = sb.send_job(sandbox, sb.make_job())
        plain = sb.send_job(sandbox, sb.make_job(sb.PRO))

    assert flex.image.size == (512, 768)
    assert auto.image.size == (1256, 840)  # the inputs are 60 x 40
    assert plain.image.size == (1024, 1024)
