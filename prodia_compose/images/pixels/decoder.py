"""The door to Pillow: one parser at a time, silent, within limits, its errors translated.

`Image.open` tries all its parsers and blurs what they say.
"""

import contextlib
import functools
import importlib.util
import io
import logging
import re
import shlex
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import PIL
from PIL import Image, ImageFile

from prodia_compose import errors
from prodia_compose.images import workers
from prodia_compose.images.formats import jpeg
from prodia_compose.inputs import blob
from prodia_compose.inputs.blob import Opener

_STEMS: Final = {"WEBP": "WebP", "JPEG2000": "Jpeg2K"}
"""What Pillow's module and class begin with, where it is not as `Jpeg` is for JPEG.

That one, not MPO's, since only the first picture counts.
"""

_OTHERS: Final = {
    "HEIF": ("pi_heif", "HeifImageFile"),
    "TIFF": ("prodia_compose.images.probe.tiff", "StoredTiffFile"),
}

_EXIF_ITEM: Final = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.DOTALL)
"""An AVIF's entry for EXIF data (ISO/IEC 23008-12, A.2.1): its decoder refuses a damaged one."""

_BLOCK_BYTES: Final = 1 << 20
"""What a decoder is fed with at a time. Pillow's 64 kB come back to Python's lock so often
that a thread busy there holds up the decoding in others."""

_pillow_log = logging.getLogger("PIL")
# Without a handler of its own, its errors reach stderr through Python's last resort.
_pillow_log.addHandler(logging.NullHandler())
_pillow_log.setLevel(logging.CRITICAL)

# What it warns of is either refused here or of no interest to whoever sends a picture.
warnings.filterwarnings("ignore", module=r"(PIL|pi_heif)\.")

Image.MAX_IMAGE_PIXELS = 125_000_000


def allow(pixels: int) -> None:
    """Let Pillow decode so many pixels, for good; it refuses more than twice its limit.

    Only an icon's or a GIF's frame can turn out larger than its file said.
    """
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, (pixels + 1) // 2)


@contextlib.contextmanager
def reading(failure: str = "is cut short or damaged", *hints: str) -> Iterator[None]:
    """Turn what a decoder raises into an `InputError` that says `failure`, not in its own words."""
    try:
        yield
    except Exception as exc:  # SyntaxError, ValueError, struct.error, KeyError and more
        # Errors are kept to be told together, and must not keep half-decoded pictures.
        traceback.clear_frames(exc.__traceback__)
        if isinstance(exc, errors.ComposeError):
            raise
        if isinstance(exc, MemoryError):
            reason = ["needs more memory than there is"]
        elif isinstance(exc, Image.DecompressionBombError):
            words = "holds a picture of more pixels than --max-input-pixels allows"
            reason = [words, "raise that if you trust it"]
        elif lack := errors.lack(exc):
            reason = [f"cannot be read: {lack[0]}", *lack[1:]]
        elif isinstance(exc, OSError) and exc.errno is not None and exc.strerror:
            reason = [f"cannot be read: {exc.strerror}"]
        else:
            reason = [failure, *hints]
        raise errors.InputError(*reason) from exc


def copied(opener: Opener, copy: Callable[[BinaryIO], Iterator[bytes]]) -> blob.Blob:
    """Return what a copier makes of a file, in a temporary one."""

    def read(data: Iterator[bytes]) -> Iterator[bytes]:
        with reading():  # or its failure would be taken for the disk's
            yield from data

    with reading(), opener() as file:
        return blob.stored(read(copy(file)))


def installing(package: str) -> str:
    """Return the command that installs a package where this program finds it."""
    python = shlex.quote(sys.executable)
    if importlib.util.find_spec("pip") is None:  # as uv makes its environments
        return f"uv pip install --python {python} {package}"
    return f"{python} -m pip install {package}"


def opened(format_name: str, file: BinaryIO) -> ImageFile.ImageFile:
    """Return a file's first picture, its header read and its pixels not yet: the file stays open.

    Raises:
        errors.InputError: The decoder is not installed.
        Exception: Anything, where the file is damaged: use within `reading`.
    """
    stem = _STEMS.get(format_name, format_name.capitalize())
    own = f"PIL.{stem}ImagePlugin", f"{stem}ImageFile"
    module_name, class_name = _OTHERS.get(format_name, own)
    if format_name == "TIFF":
        _silence_libtiff()
    try:
        module = importlib.import_module(module_name)
    except ImportError as exc:
        if format_name != "HEIF":
            raise
        cure = f"{installing('pi-heif')}, or convert it to JPEG"
        raise errors.InputError("is a HEIC picture, whose decoder is missing", cure) from exc
    if format_name in {"AVIF", "WEBP"} and not getattr(module, "SUPPORTED", True):
        raise errors.InputError(
            f"is in {format_name} format, which the installed Pillow was built without",
            "install Pillow from PyPI",
        )
    if format_name == "HEIF":
        from prodia_compose.images.formats import boxes  # noqa: PLC0415 - seldom needed

        file = boxes.eased(file)
    if format_name in {"AVIF", "HEIF"}:
        _mind_threads(module)
    opens = getattr(module, class_name)
    image: ImageFile.ImageFile
    try:
        image = opens(_bare(format_name, file))
    except ValueError:
        if format_name != "AVIF":
            raise
        file.seek(0)
        image = opens(io.BytesIO(_EXIF_ITEM.sub(rb"\1skip", file.read())))
    image.decodermaxblock = _BLOCK_BYTES
    return image


def _bare(format_name: str, file: BinaryIO) -> BinaryIO:
    """Return a file without metadata that a decoder may stumble over; for PNG, see `png`."""
    if format_name == "JPEG":
        return jpeg.bare(file)
    if format_name == "GIF":
        from prodia_compose.images.formats import gif  # noqa: PLC0415 - seldom needed

        return gif.bare(file)
    return file


def _mind_threads(module: Any) -> None:
    """Have AVIF decoded in one thread where several are not to be had, and refuse HEIC without any.

    AVIF's decoder would fail, and HEIC's end the process.
    """
    wanted = workers.processors() + 1
    found = workers.spare(wanted)
    if hasattr(module, "DEFAULT_MAX_THREADS"):
        module.DEFAULT_MAX_THREADS = 0 if found == wanted else 1
    elif found == 0:
        words, cure = errors.NO_THREADS
        raise errors.InputError(f"takes a thread to decode, and {words}", cure)


def plain(text: str) -> str:
    """Return a text as one line of what can be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@functools.cache
def _silence_libtiff() -> None:
    """Give libtiff a null handler, for good, if it can be found: it writes past Python to stderr.

    Pointing the descriptor elsewhere while decoding would swallow what other threads print.
    """
    import ctypes  # noqa: PLC0415 - only here

    for path in _libtiff_paths():
        try:
            library = ctypes.CDLL(path)
            for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
                setter = getattr(library, name)
                setter.restype = ctypes.c_void_p
                setter(None)
        except (OSError, AttributeError):
            continue


def _libtiff_paths() -> list[str]:
    if sys.platform == "darwin":
        return [str(path) for path in Path(PIL.__file__).parent.glob(".dylibs/libtiff*.dylib")]
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    paths = (line.split(maxsplit=5)[5:] for line in maps.splitlines())
    return sorted({path[0] for path in paths if path and "/libtiff" in path[0]})
