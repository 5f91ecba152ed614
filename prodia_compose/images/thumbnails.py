"""Small copies of pictures, for people to look at."""

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images import encode, plan, prepare
from prodia_compose.images.options import Fitting
from prodia_compose.images.pixels import raster
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


def peak_bytes(info: probe.ImageInfo, side: int) -> int:
    """Return about how much memory it takes to make a picture so small."""
    return raster.peak_bytes(info, plan.fitted_into((info.width, info.height), (side, side)))


def make(opener: Opener, info: probe.ImageInfo, side: int, max_bytes: int) -> Small:
    """Return a picture no longer than so many pixels, and never larger than it is.

    It has no more than so many bytes, if that can be seen at all.

    Raises:
        errors.InputError: It is damaged.
        errors.OutputError: There is no room for temporary files.
    """
    size = plan.fitted_into((info.width, info.height), (side, side))
    try:
        image, *_ = prepare.as_seen(raster.decode(opener, info, size, is_rough=True), info, _WISHES)
        return Small(data=encode.small_jpeg(image, max_bytes), width=size[0], height=size[1])
    except MemoryError as exc:
        raise errors.InputError("needs more memory than there is") from exc
