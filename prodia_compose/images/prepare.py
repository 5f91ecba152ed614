"""Making the bytes that are sent of one picture.

A JPEG, PNG or WebP that already fits, is upright, sRGB, 8-bit and a single opaque
frame keeps its coded pixels bit for bit; its metadata is cut out, and a decoder is
shown it once, cheaply, to find out whether it is whole. Everything else is decoded,
made smaller, so that all later steps are cheap, and encoded anew.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final

from PIL import Image

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images import encode
from prodia_compose.images.colour import srgb
from prodia_compose.images.formats import jpeg, png, stream, webp
from prodia_compose.images.options import Fitting
from prodia_compose.images.pixels import decoder, raster, spare
from prodia_compose.images.plan import Fit
from prodia_compose.images.probe.header import MAX_COUNTED
from prodia_compose.images.probe.probe import ImageInfo
from prodia_compose.inputs import blob, kinds
from prodia_compose.inputs.blob import Opener, stored

_STRIPPERS: Final[dict[str, Callable[[BinaryIO], Iterator[bytes]]]] = {
    "JPEG": jpeg.stripped,
    "PNG": png.stripped,
    "WEBP": webp.stripped,
}

_TRANSPOSITIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its EXIF orientation."""


@frozen
class PreparedImage:
    """A picture ready to be sent, in pixels; and in words all that was done to it, and why."""

    blob: blob.Blob
    media_type: str
    suffix: str
    width: int
    height: int
    changes: tuple[str, ...]


def prepare(
    opener: Opener, info: ImageInfo, fit: Fit, wishes: Fitting, max_bytes: int | None = None
) -> PreparedImage:
    """Return the bytes to send of a picture. The same input gives the same bytes.

    The size is what `fit` says, whatever the wishes; `max_bytes` caps the encoded picture.

    Raises:
        errors.InputError: It is damaged, or passes the byte cap; the caller names the file.
        errors.OutputError: There is no room for temporary files.
    """
    found = _untouched(opener, info, wishes, max_bytes) if _could_stay(info, fit) else None
    if isinstance(found, PreparedImage):
        return found
    decoded = found or raster.decode(opener, info, fit.size)
    try:
        return _rendered(decoded, info, fit, wishes, max_bytes)
    except MemoryError as exc:
        raise errors.InputError("needs more memory than there is") from exc


def peak_bytes(info: ImageInfo, fit: Fit, max_bytes: int | None = None) -> int:
    """Return about how much memory `prepare` takes at its peak."""
    is_over = max_bytes is not None and info.byte_count > max_bytes
    if info.format == "JPEG" and _could_stay(info, fit) and not is_over:
        return raster.jpeg_bytes(info)
    # Behind the decoder come two more of the picture in its new size, at most.
    result = 3 * raster.PIXEL_BYTES * fit.size[0] * fit.size[1]
    return max(raster.peak_bytes(info, fit.size), result)


def _could_stay(info: ImageInfo, fit: Fit) -> bool:
    """Tell whether the coded pixels may be sent as they are, going by the header."""
    header = info.header
    return (
        info.format in _STRIPPERS
        and fit.size == (info.width, info.height)
        and info.orientation == 1
        and header.bits <= 8
        and header.frames == 1
        and header.colour in {"grey", "palette", "rgb"}
        and srgb.judge(header.profile, grey=header.colour == "grey") != "other"
    )


def _untouched(
    opener: Opener, info: ImageInfo, wishes: Fitting, max_bytes: int | None
) -> PreparedImage | Image.Image | None:
    """Return a picture with its coded pixels as they are, if that turns out well.

    Otherwise the decoded picture, if it has to be changed; or None, if it still has to be
    decoded: over the byte cap, or broken in a way that only a decoder can judge.
    """
    try:
        bare = decoder.copied(opener, _STRIPPERS[info.format])
        kept = decoder.copied(opener, stream.copy_all) if wishes.keep_metadata else bare
    except errors.InputError:
        return None
    is_over = max_bytes is not None and kept.size > max_bytes
    if is_over and info.format == "JPEG":
        return None
    checked = raster.check(bare.open, info)
    # Of transparent greys below 8 bits, common decoders make opaque ones.
    may_stay_transparent = wishes.keep_alpha and info.format == "PNG" and info.header.bits == 8
    if is_over or not (_is_opaque(checked) or may_stay_transparent):
        return checked
    verdict = srgb.judge(info.header.profile, grey=info.header.colour == "grey")
    has_lost = info.header.has_metadata or kept.size < info.byte_count
    changes = (
        srgb.UNUSABLE if verdict == "unusable" else None,
        info.header.note,
        "metadata removed" if has_lost and not wishes.keep_metadata else None,
    )
    kind = kinds.KINDS[info.format]
    return PreparedImage(
        blob=kept,
        media_type=kind.media_type,
        suffix=kind.suffix,
        width=info.width,
        height=info.height,
        changes=tuple(each for each in changes if each),
    )


def _rendered(
    image: Image.Image, info: ImageInfo, fit: Fit, wishes: Fitting, max_bytes: int | None
) -> PreparedImage:
    """Return a decoded picture with all that has to be done to it, encoded anew."""
    header = info.header
    image, converted, flattened = as_seen(image, info, wishes)
    deep = f"{header.bits}-bit -> 8-bit" if header.bits > 8 else None
    kept = header if wishes.keep_metadata else None
    if image.mode == "RGBA":
        kind = kinds.PNG
        encoded = encode.as_png(image, max_bytes, kept)
    else:
        kind = kinds.JPEG
        encoded = encode.as_jpeg(image, wishes.quality, max_bytes, kept)
    return PreparedImage(
        blob=stored([encoded.data]),
        media_type=kind.media_type,
        suffix=kind.suffix,
        width=encoded.width,
        height=encoded.height,
        changes=_changes(info, fit, wishes, max_bytes, encoded, kind, (deep, converted, flattened)),
    )


def as_seen(
    image: Image.Image, info: ImageInfo, wishes: Fitting
) -> tuple[Image.Image, str | None, str | None]:
    """Return a decoded picture upright, in sRGB and as RGB, or RGBA where it may stay transparent.

    With it comes what was done to its colours, and to what was transparent.
    """
    if info.orientation != 1 or image.mode not in {"L", "RGB"}:
        spare.drop()  # further copies of the picture take its place
    if info.orientation != 1:
        image = image.transpose(_TRANSPOSITIONS[info.orientation])
    with decoder.reading():
        image, converted = srgb.to_srgb(image, info.header.profile)
    image, flattened = _without_alpha(image, wishes)
    return image, converted, flattened


def _is_opaque(image: Image.Image) -> bool:
    return image.mode not in {"LA", "RGBA"} or image.getchannel("A").getextrema() == (255, 255)


def _without_alpha(image: Image.Image, wishes: Fitting) -> tuple[Image.Image, str | None]:
    """Return a picture as RGB, or as RGBA where it is transparent and may stay so."""
    if _is_opaque(image):
        return image.convert("RGB") if image.mode != "RGB" else image, None
    if wishes.keep_alpha:
        return image.convert("RGBA"), None
    flat = Image.new("RGB", image.size, wishes.background)
    flat.paste(image.convert("RGB"), (0, 0), image.getchannel("A"))
    colour = "#{:02x}{:02x}{:02x}".format(*wishes.background)
    name = {"#ffffff": "white", "#000000": "black"}.get(colour, colour)
    return flat, f"transparency flattened on {name}"


def _changes(
    info: ImageInfo,
    fit: Fit,
    wishes: Fitting,
    max_bytes: int | None,
    encoded: encode.Encoded,
    kind: kinds.Kind,
    colour_changes: Iterable[str | None],
) -> tuple[str, ...]:
    """Return every change to a picture that was encoded anew, in words."""
    header = info.header
    changes: list[str | None] = []
    if fit.size != (info.width, info.height):
        changes.append(_resized((info.width, info.height), fit.size, fit.reason))
    if info.orientation != 1 or header.was_turned:
        changes.append("rotated")
    if header.frames > 1:
        many = " or more" if header.frames >= MAX_COUNTED else ""
        changes.append(f"first of {header.frames}{many} frames")
    changes.extend(colour_changes)
    changes.append(header.note)
    byte_cap = f"{(max_bytes or 0) / 1e6:.3g} MB per image"
    if (encoded.width, encoded.height) != fit.size:
        changes.append(_resized(fit.size, (encoded.width, encoded.height), byte_cap))
    if kind is kinds.JPEG and encoded.quality < wishes.quality:
        changes.append(f"quality {wishes.quality} -> {encoded.quality} ({byte_cap})")
    if header.has_metadata and not wishes.keep_metadata:
        changes.append("metadata removed")
    if info.format != kind.name:
        changes.append(f"{kinds.KINDS[info.format].title} -> {kind.title}")
    return tuple(change for change in changes if change)


def _resized(before: tuple[int, int], after: tuple[int, int], reason: str | None) -> str:
    why = f" ({reason})" if reason else ""
    return f"{before[0]}x{before[1]} -> {after[0]}x{after[1]}{why}"
