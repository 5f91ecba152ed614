"""What a Photoshop document says of its flat picture."""

import struct
from typing import BinaryIO, Final

_VERSION_INFO: Final = 1057
_MAX_RESOURCES = 10_000


def inspect(file: BinaryIO) -> tuple[bool, bool]:
    """Return what the sections in front of the picture of all layers together say of it.

    Returns:
        Whether a fourth channel is transparency; if not, it is a selection that somebody
        saved, which no viewer shows. And whether the document says that it was saved without
        such a picture; some programs say so and save it all the same.
    """
    file.seek(26)
    file.seek(_number(file, ">I"), 1)  # past the colour table
    length = _number(file, ">I")
    end = file.tell() + length
    may_be_blank = _has_layers_only(file, end)
    file.seek(end)
    has_layers = _number(file, ">I") > 0 and _number(file, ">I") > 0
    # Photoshop makes the count of layers negative to say that alpha is transparency.
    return has_layers and _number(file, ">h") < 0, may_be_blank


def _has_layers_only(file: BinaryIO, end: int) -> bool:
    for _ in range(_MAX_RESOURCES):
        if file.tell() >= end or file.read(4) != b"8BIM":
            break
        resource = _number(file, ">H")
        name_length = _number(file, ">B")
        file.seek(name_length + (name_length + 1) % 2, 1)
        length = _number(file, ">I")
        start = file.tell()
        if resource == _VERSION_INFO:
            return file.read(5)[4:] == b"\0"
        file.seek(start + length + length % 2)
    return False


def _number(file: BinaryIO, layout: str) -> int:
    """Return the next number; 0 where the file ends."""
    data = file.read(struct.calcsize(layout))
    if len(data) < struct.calcsize(layout):
        return 0
    (value,) = struct.unpack(layout, data)
    return int(value)
