"""How near smaller pictures are to Lanczos on all of the picture, in decibels.

    python tests/benchmarks/quality.py FOLDER [--count N]

Takes the photos in a folder and, for 12, 24 and 48 megapixels, as many pictures of them: a part
of one that is large enough, or several parts side by side, each at its own scale, since what was
enlarged has nothing to lose. Each is a JPEG of 4:2:0, 4:2:2 and 4:4:4 in turn. Text, rings and
lines follow. All are made smaller to 2048 px: by us, by us without the library for it, and by
vipsthumbnail; compared are the pixels, and what is sent, a JPEG of quality 95. Needs vipsthumbnail.
"""

import argparse
import io
import math
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from unittest import mock

from PIL import Image, ImageDraw, ImageStat

sys.path.append(str(Path(__file__).parent.parent / "support"))

import pictures

from prodia_compose.images import plan, prepare
from prodia_compose.images.options import Fitting
from prodia_compose.images.pixels import lanczos, raster
from prodia_compose.images.probe import probe

SIZES: Final = {12: (4000, 3000), 24: (6000, 4000), 48: (8000, 6000)}
_PARTS: Final = {12: (2, 2), 24: (3, 2), 48: (4, 3)}
_SAMPLINGS: Final = {"4:2:0": 2, "4:2:2": 1, "4:4:4": 0}
_SIDE: Final = 2048
_HEADINGS: Final = ("ours", "sent", "no build", "vips", "sent")


def photos(paths: Sequence[Path], megapixels: int, count: int) -> Iterator[tuple[str, Image.Image]]:
    """Yield pictures of a size, each with the names of what is in it."""
    size, (across, down) = SIZES[megapixels], _PARTS[megapixels]
    part = size[0] // across, size[1] // down
    rng = random.Random(megapixels)
    large = [path for path in paths if _holds(path, size)]
    fit = [path for path in paths if _holds(path, part)]
    for number in range(count):
        if number < len(large):
            yield large[number].stem, _part(large[number], size, rng)
            continue
        image, names = Image.new("RGB", size), []
        for at in range(across * down):
            path = rng.choice(fit)
            names.append(path.stem)
            place = at % across * part[0], at // across * part[1]
            image.paste(_part(path, part, rng), place)
        yield "+".join(name[:6] for name in names), image


def _holds(path: Path, size: tuple[int, int]) -> bool:
    with Image.open(path) as image:
        return image.width >= size[0] and image.height >= size[1]


def _part(path: Path, size: tuple[int, int], rng: random.Random) -> Image.Image:
    with Image.open(path) as image:
        left = rng.randrange(image.width - size[0] + 1)
        top = rng.randrange(image.height - size[1] + 1)
        return image.convert("RGB").crop((left, top, left + size[0], top + size[1]))


def patterns(megapixels: int) -> Iterator[tuple[str, Image.Image]]:
    """Yield what shows stripes where there should be none."""
    size = SIZES[megapixels]
    text = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(text)
    for line in range(0, size[1], 13):
        draw.text((line % 7, line), "The quick brown fox, 0123456789. " * 40, (20, 20, 90))
    yield "text", text
    quarter = size[0] // 4, size[1] // 4
    rings = bytes(
        round(127.5 + 127 * math.cos(math.pi * ((x - quarter[0] / 2) ** 2 + y * y) / quarter[0]))
        for y in range(quarter[1])
        for x in range(quarter[0])
    )
    ring, plate = Image.frombytes("L", quarter, rings), Image.new("RGB", size)
    for at in range(16):
        plate.paste(ring, (at % 4 * quarter[0], at // 4 * quarter[1]))
    yield "rings", plate
    for apart in (2, 3, 5, 8):
        lines = Image.new("RGB", size, "white")
        draw = ImageDraw.Draw(lines)
        for at in range(0, size[0], apart):
            draw.line((at, 0, at, size[1]), "black")
        yield f"lines, 1 in {apart}", lines


def judged(image: Image.Image, sampling: str, folder: Path) -> tuple[list[float], float]:
    """Return the decibels under the headings, and how far our mean colour is off, of 255."""
    path, shrunk = folder / "photo.jpg", folder / "small.png"
    image.save(path, quality=92, subsampling=_SAMPLINGS[sampling])
    size = _SIDE, _SIDE * image.height // image.width

    def opener() -> io.BytesIO:
        return io.BytesIO(path.read_bytes())

    info = probe.probe(opener)
    ours = raster.decode(opener, info, size)
    fit = plan.Fit(size=size, reason=None)
    sent = prepare.prepare(opener, info, fit, Fitting()).blob.read()
    with mock.patch.object(lanczos, "vectors", return_value=lanczos.plain):
        plain = raster.decode(opener, info, size)
    found = [ours, _decoded(sent), plain]
    for to in (f"{shrunk}[compression=1]", f"{folder}/small.jpg[Q=95,subsample_mode=off,strip]"):
        command = ["vipsthumbnail", str(path), "--size", f"{size[0]}x{size[1]}!", "-o", to]
        subprocess.run(command, check=True)
        found.append(_decoded(Path(to.partition("[")[0]).read_bytes()))
    wanted = _decoded(path.read_bytes()).resize(size, Image.Resampling.LANCZOS)
    means = [ImageStat.Stat(each).mean for each in (wanted, found[1])]
    return [pictures.psnr(wanted, each) for each in found], pictures.furthest(*means)


def _decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def main(argv: Sequence[str]) -> None:
    """Print the table, and what is least in it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=20, help="photos of each size")
    options = parser.parse_args(argv)
    kinds = {".jpg", ".jpeg", ".png", ".webp"}
    paths = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in kinds)
    _say("MP, colour, photo", [f"{each:>8}" for each in _HEADINGS], "mean off")
    with tempfile.TemporaryDirectory() as name:
        for megapixels in SIZES:
            rows = []
            for number, (what, image) in enumerate(photos(paths, megapixels, options.count)):
                sampling = list(_SAMPLINGS)[number % len(_SAMPLINGS)]
                rows.append(_told(f"{megapixels} {sampling} {what}", image, sampling, Path(name)))
            columns = [*zip(*(row[0] for row in rows), strict=True)]
            _say(f"{megapixels} mean", _cells([sum(each) / len(each) for each in columns]))
            _say(f"{megapixels} least", _cells([min(each) for each in columns]))
            behind = max(theirs - ours for ours, theirs in zip(columns[1], columns[4], strict=True))
            off = max(row[1] for row in rows)
            _say(f"{megapixels} at most {behind:.2f} dB behind vips as sent, mean off {off:.2f}")
            for what, image in patterns(megapixels):
                _told(f"{megapixels} 4:2:0 {what}", image, "4:2:0", Path(name))


def _told(what: str, image: Image.Image, sampling: str, folder: Path) -> tuple[list[float], float]:
    row = judged(image, sampling, folder)
    _say(what, _cells(row[0]), f"{row[1]:8.2f}")
    return row


def _cells(decibels: Sequence[float]) -> list[str]:
    return [f"{each:8.1f}" for each in decibels]


def _say(what: str, cells: Sequence[str] = (), more: str = "") -> None:
    sys.stdout.write(" ".join((what[:64].ljust(64), *cells, more)).rstrip() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
