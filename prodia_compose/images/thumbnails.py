"""Small copies of pictures, for people to look at."""

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images import encode, prepare
from prodia_compose.images.options import Fitting
from prodia_compose.images.pixels import raster
from prodia_compose.images.plan import Size
from prodia_compose.images.probe import probe
from prodia_compose.inputs.blob import Opener

MEDIA_TYPE = "image/jpeg"

_WISHES = Fitting()


@frozen
class Small:
    """A small copy of a picture: upright, sRGB, on white, as JPEG; and how large that is, in pixels."""

    data: bytes
    width: int
    height: int


def look(opener: Opener) -> probe.ImageInfo:
    """Return what a picture's header says.

    Raises:
        errors.InputError: It is none, is damaged, or would take minutes to decode.
    """
    return probe.probe(opener)


def peak_bytes(info: probe.ImageInfo, side: int) -> int:
    """Return about how much memory it takes to make a picture so small."""
    return raster.peak_bytes(info, _size(info, side))


def make(opener: Opener, info: probe.ImageInfo, side: int, max_bytes: int) -> Small:
    """Return a picture no longer than so many pixels, and never larger than it is.

    It has no more than so many bytes, if that can be seen at all.

    Raises:
        errors.InputError: It is damaged.
        errors.OutputError: There is no room for temporary files.
    """
    size = _size(info, side)
    try:
        image, *_ = prepare.as_seen(raster.decode(opener, info, size, is_rough=True), info, _WISHES)
        return Small(data=encode.small_jpeg(image, max_bytes), width=size[0], height=size[1])
    except MemoryError as exc:
        raise errors.InputError("needs more memory than there is") from exc


def _size(info: probe.ImageInfo, side: int) -> Size:
    scale = min(1, side / max(info.width, info.height))
    return max(1, round(info.width * scale)), max(1, round(info.height * scale))
