"""Pictures with marks of origin, put together byte by byte after the specifications.

C2PA 2.2, "Embedding manifests into assets", and ISO/IEC 19566-5 (JUMBF); nothing is signed.
"""

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Final

from PIL import Image

STORE_UUID: Final = bytes.fromhex("6332706100110010800000aa00389b71")
MANIFEST_UUID: Final = bytes.fromhex("63326d6100110010800000aa00389b71")
CLAIM_UUID: Final = bytes.fromhex("6332636c00110010800000aa00389b71")

IPTC: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
XMLNS: Final = 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'

FORMATS: Final = ("JPEG", "PNG", "WEBP")


def box(kind: bytes, content: bytes, *, is_large: bool = False) -> bytes:
    """Return a box; a large one has its length in eight bytes."""
    if is_large:
        return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, kind) + content


def superbox(uuid: bytes, label: bytes, *inside: bytes, is_large: bool = False) -> bytes:
    """Return a box with a description and what is in it."""
    about = box(b"jumd", uuid + b"\x03" + label + b"\0")
    return box(b"jumb", about + b"".join(inside), is_large=is_large)


def manifest(size: int = 40) -> bytes:
    """Return a manifest with a claim of a size."""
    claim = superbox(CLAIM_UUID, b"c2pa.claim.v2", box(b"cbor", bytes(size)))
    return superbox(MANIFEST_UUID, b"urn:c2pa:one", claim)


def store(size: int = 40, *, is_large: bool = False) -> bytes:
    """Return a store with one manifest."""
    return superbox(STORE_UUID, b"c2pa", manifest(size), is_large=is_large)


def segments(data: bytes, *, most: int = 60_000, instance: int = 1) -> list[bytes]:
    """Return a box as APP11 segments, each with the box's own head."""
    head = 16 if data[:4] == b"\0\0\0\1" else 8
    pieces = [data[at : at + most] for at in range(head, len(data), most)]
    return [
        _segment(0xEB, struct.pack(">2sHI", b"JP", instance, number) + data[:head] + piece)
        for number, piece in enumerate(pieces, 1)
    ]


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def plain(name: str, size: tuple[int, int] = (48, 32)) -> bytes:
    """Return a picture of a format without marks."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    out = io.BytesIO()
    image.save(out, name)
    return out.getvalue()


def with_segments(picture: bytes, added: Sequence[bytes]) -> bytes:
    """Return a JPEG with segments put in front of its own."""
    return picture[:2] + b"".join(added) + picture[2:]


def with_chunk(picture: bytes, name: bytes, data: bytes, *, crc: int | None = None) -> bytes:
    """Return a PNG with a chunk put behind its header."""
    checksum = zlib.crc32(name + data) if crc is None else crc
    chunk = struct.pack(">I4s", len(data), name) + data + struct.pack(">I", checksum)
    return picture[:33] + chunk + picture[33:]


def with_riff(picture: bytes, name: bytes, data: bytes, *, length: int | None = None) -> bytes:
    """Return a WebP with a chunk at its end."""
    chunk = struct.pack("<4sI", name, len(data) if length is None else length) + data
    chunk += b"\0" * (len(data) % 2)
    size = struct.unpack("<I", picture[4:8])[0] + len(chunk)
    return picture[:4] + struct.pack("<I", size) + picture[8:] + chunk


def carrying(name: str, data: bytes, picture: bytes | None = None) -> bytes:
    """Return a picture of a format with a store of C2PA in its place."""
    picture = picture or plain(name)
    if name == "JPEG":
        return with_segments(picture, segments(data))
    if name == "PNG":
        return with_chunk(picture, b"caBX", data)
    return with_riff(picture, b"C2PA", data)


def saying(name: str, xmp: str, picture: bytes | None = None) -> bytes:
    """Return a picture of a format with XMP in its place."""
    picture, data = picture or plain(name), xmp.encode()
    if name == "JPEG":
        return with_segments(picture, [_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + data)])
    if name == "PNG":
        return with_chunk(picture, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + data)
    return with_riff(picture, b"XMP ", data)


def xmp(attributes: str = "", inside: str = "", *, xmlns: str = XMLNS) -> str:
    """Return an XMP packet."""
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        f'rdf:about="" {xmlns} {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    )
