"""The door to Pillow: one parser at a time, silent, within limits, its errors translated.

Pillow is asked through the class of the one format that a file is in, not
through `Image.open`, which tries all its parsers and blurs what they say.
"""

import contextlib
import functools
import importlib
import logging
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import PIL
from PIL import Image, ImageFile

from prodia_compose import errors

_CLASSES: Final = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),  # not MPO's: only the first picture counts
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIF": ("pillow_heif", "HeifImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "TIFF": ("prodia_compose.images.probe.tiff", "StoredTiffFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "PPM": ("PIL.PpmImagePlugin", "PpmImageFile"),
    "TGA": ("PIL.TgaImagePlugin", "TgaImageFile"),
    "ICO": ("PIL.IcoImagePlugin", "IcoImageFile"),
    "JPEG2000": ("PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "QOI": ("PIL.QoiImagePlugin", "QoiImageFile"),
    "PSD": ("PIL.PsdImagePlugin", "PsdImageFile"),
}

_BLOCK_BYTES: Final = 1 << 20
"""What a decoder is fed with at a time. Pillow's 64 kB come back to Python, and to its lock,
so often that a thread busy there holds up the decoding in others."""

_UNKNOWN_WORDS = "the data is not what the format asks for"

_pillow_log = logging.getLogger("PIL")
# Without a handler of its own, its errors reach stderr through Python's last resort.
_pillow_log.addHandler(logging.NullHandler())
_pillow_log.setLevel(logging.CRITICAL)

_quiet_lock = threading.Lock()
_quiet_limits: list[int] = []
_quiet_undo = contextlib.ExitStack()

_EVERY_WARNING: Final = "(?s:.*)"
_SILENCE: Final = ("ignore", re.compile(_EVERY_WARNING, re.IGNORECASE), Warning, None, 0)
"""The filter that `warnings` makes of it: like nobody else's, so that it can be taken out."""


@contextlib.contextmanager
def quiet(max_pixels: int) -> Iterator[None]:
    """Keep Pillow's warnings to itself, and its own pixel limit at ours, for the block.

    Both are settings of the whole process. The first block to begin, in whichever
    thread, changes them, and the last one to end puts them back.

    Args:
        max_pixels: What Pillow may decode; the largest of all open blocks counts.
    """
    with _quiet_lock:
        if not _quiet_limits:
            warnings.filterwarnings("ignore", _EVERY_WARNING)
            _quiet_undo.callback(_hear_again)
            _quiet_undo.callback(setattr, Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
        _quiet_limits.append(max_pixels)
        _apply_limit()
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_limits.remove(max_pixels)
            if _quiet_limits:
                _apply_limit()
            else:
                _quiet_undo.close()


@contextlib.contextmanager
def reading(failure: str = "is cut short or damaged") -> Iterator[None]:
    """Turn whatever a decoder raises in the block into an `InputError`.

    Errors are kept to be told together; they must not keep half-decoded pictures with
    them, which the frames in their tracebacks refer to.

    Args:
        failure: What the message begins with; the decoder's words follow.

    Raises:
        errors.InputError: The block failed; it says why, without naming the file.
    """
    try:
        yield
    except errors.ComposeError:
        raise
    except MemoryError as exc:
        traceback.clear_frames(exc.__traceback__)
        raise errors.InputError("needs more memory than there is") from exc
    except OSError as exc:
        traceback.clear_frames(exc.__traceback__)
        if exc.errno is not None and exc.strerror:
            raise errors.InputError(f"cannot be read: {exc.strerror}") from exc
        raise errors.InputError(f"{failure}: {_words(exc)}") from exc
    except Exception as exc:
        # Bad files raise SyntaxError, ValueError, struct.error, KeyError and more.
        traceback.clear_frames(exc.__traceback__)
        raise errors.InputError(f"{failure}: {_words(exc)}") from exc


def opened(format_name: str, file: BinaryIO) -> ImageFile.ImageFile:
    """Return a file's first picture, its header read and its pixels not yet.

    The picture needs the file to stay open until it is loaded.

    Raises:
        errors.InputError: The decoder is not installed.
        Exception: Anything, where the file is damaged: use within `reading`.
    """
    module_name, class_name = _CLASSES[format_name]
    if format_name == "TIFF":
        _silence_libtiff()
    try:
        module = importlib.import_module(module_name)
    except ImportError as exc:
        if format_name != "HEIF":
            raise
        raise errors.InputError("is a HEIC picture: pip install 'prodia-compose[heic]'") from exc
    if format_name in {"AVIF", "WEBP"} and not getattr(module, "SUPPORTED", True):
        raise errors.InputError(
            f"is in {format_name} format, which the installed Pillow was built without: "
            "install Pillow from PyPI"
        )
    factory: type[ImageFile.ImageFile] = getattr(module, class_name)
    image = factory(file)
    image.decodermaxblock = _BLOCK_BYTES
    return image


def _hear_again() -> None:
    """Take our filter out; other threads may have put in theirs, so the old ones would not do."""
    filters = warnings.filters
    if isinstance(filters, list) and _SILENCE in filters:
        filters.remove(_SILENCE)


def _apply_limit() -> None:
    # Pillow warns beyond its limit and raises beyond twice that.
    Image.MAX_IMAGE_PIXELS = (max(_quiet_limits) + 1) // 2


def _words(error: Exception) -> str:
    """Return a decoder's message as a short plain line."""
    text = "" if isinstance(error, KeyError | IndexError) else str(error)
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:120] or _UNKNOWN_WORDS


@functools.cache
def _silence_libtiff() -> None:
    """Stop libtiff from writing to stderr, if it can be found.

    It writes straight to file descriptor 2, past Python, and Pillow has no switch
    for that. Pointing the descriptor elsewhere while decoding would swallow what
    other threads print. The library itself takes a null handler, for good.
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
    """Return where the copies of libtiff lie that this process has loaded."""
    folder = Path(PIL.__file__).parent
    if sys.platform == "darwin":
        return [str(path) for path in folder.glob(".dylibs/libtiff*.dylib")]
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    paths = (line.split(maxsplit=5)[5:] for line in maps.splitlines())
    return sorted({path[0] for path in paths if path and "/libtiff" in path[0]})
