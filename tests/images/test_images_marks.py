"""Marks of origin: C2PA and IPTC's digital source type, found in any file, and never raising."""

import random
import struct
import time
import zlib
from collections.abc import Callable

import origins as og
import pictures as pics
import pytest
from PIL import Image

from prodia_compose.images.probe import marks

STORE = og.store()
LONG = og.store(150_000)
OTHER = og.superbox(bytes(16), b"org.example", og.box(b"json", b"{}"))


def _look(data: bytes, name: str) -> marks.Marks:
    return marks.look(pics.opener(data), name)


def _c2pa(data: bytes, name: str) -> str | None:
    return _look(data, name).c2pa


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


# C2PA


@pytest.mark.parametrize("name", og.FORMATS)
@pytest.mark.parametrize("size", [1, 2, 150_000])
def test_what_is_there_is_found(name: str, size: int) -> None:
    """A store is present in each format, whatever its size, and absent without."""
    for data in (og.store(size), og.store(size, is_large=True)):
        assert _c2pa(og.carrying(name, data), name) == "present"
    assert _c2pa(og.plain(name), name) == "absent"


BROKEN: dict[str, Callable[[], bytes]] = {
    "cut": lambda: STORE[:-3],
    "longer than it says": lambda: STORE + b"\0",
    "of another kind": lambda: STORE.replace(b"jumb", b"jumc", 1),
    "another label": lambda: STORE.replace(b"\3c2pa\0", b"\3c2pb\0"),
    "another UUID": lambda: STORE.replace(og.STORE_UUID, bytes(16)),
    "no manifest": lambda: og.superbox(og.STORE_UUID, b"c2pa"),
    "a box inside too long": lambda: STORE.replace(
        struct.pack(">I4s", 48, b"cbor"), struct.pack(">I4s", 49, b"cbor")
    ),
    "a manifest without description": lambda: og.superbox(
        og.STORE_UUID, b"c2pa", og.box(b"jumb", og.box(b"cbor", b""))
    ),
    "an empty manifest": lambda: og.superbox(og.STORE_UUID, b"c2pa", og.box(b"jumb", b"")),
    "a box shorter than its head": lambda: og.superbox(
        og.STORE_UUID, b"c2pa", og.manifest(), struct.pack(">I4s", 7, b"cbor")
    ),
    "boxes by the thousand": lambda: og.superbox(
        og.STORE_UUID, b"c2pa", og.manifest(), *[og.box(b"free", b"")] * 30_000
    ),
}


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("name", og.FORMATS)
def test_what_is_broken_is_damaged(name: str, make: Callable[[], bytes]) -> None:
    """A store whose boxes do not fit each other, or that lacks what it must have, is damaged."""
    assert _c2pa(og.carrying(name, make()), name) == "damaged"


def test_segments_in_order_make_one_store() -> None:
    """Those of other boxes between them do not disturb them; in another order they are damaged."""
    pieces, other = og.segments(LONG), og.segments(OTHER, instance=2)

    assert len(pieces) == 3
    for order in (pieces, [pieces[0], *other, *pieces[1:]]):
        assert _c2pa(og.with_segments(og.plain("JPEG"), order), "JPEG") == "present"
    for order in (pieces[::-1], [pieces[0], pieces[2], pieces[1]], [*pieces[1:], pieces[0]]):
        assert _c2pa(og.with_segments(og.plain("JPEG"), order), "JPEG") == "damaged"
    for order in (other, other[::-1]):
        assert _c2pa(og.with_segments(og.plain("JPEG"), order), "JPEG") == "absent"


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_a_gap_between_segments_is_damage(left_out: int) -> None:
    """A segment that is missing, or there twice, or of another head, is damage."""
    pieces = og.segments(LONG)
    gap = [piece for number, piece in enumerate(pieces) if number != left_out]
    twice = [*pieces, pieces[left_out]]
    headed = [_flipped(piece, 15) if at == left_out else piece for at, piece in enumerate(pieces)]

    for order in (gap, twice, headed):
        assert _c2pa(og.with_segments(og.plain("JPEG"), order), "JPEG") == "damaged"


def test_a_checksum_that_is_wrong_is_damage() -> None:
    """PNG's chunk is damaged by one bit, wherever it is, in its data or its checksum."""
    data = og.carrying("PNG", STORE)
    start = data.index(b"caBX") + 4
    for at in range(start, start + len(STORE) + 4):
        assert _c2pa(_flipped(data, at), "PNG") == "damaged", at


def test_the_letters_alone_are_nothing() -> None:
    """It is no search for bytes: a comment, a text, a trailer that hold a whole store carry none."""
    jpeg, png, webp = map(og.plain, og.FORMATS)
    comment = struct.pack(">BBH", 0xFF, 0xFE, len(STORE) + 2) + STORE
    in_app11 = struct.pack(">BBH", 0xFF, 0xEB, len(STORE) + 2) + STORE

    for data in (
        og.with_segments(jpeg, [comment, in_app11]),
        jpeg + b"".join(og.segments(STORE)),
        og.with_segments(jpeg, [struct.pack(">BBH", 0xFF, 0xEB, 6) + b"JP\0\1"]),
    ):
        assert _c2pa(data, "JPEG") == "absent"
    assert _c2pa(og.with_chunk(png, b"tEXt", b"caBX\0" + STORE), "PNG") == "absent"
    assert _c2pa(png + og.carrying("PNG", STORE), "PNG") == "absent"
    assert _c2pa(webp + struct.pack("<4sI", b"C2PA", len(STORE)) + STORE, "WEBP") == "absent"


def test_one_that_is_damaged_counts_most() -> None:
    """Of two stores, of which one is broken, the broken one is told of."""
    data = og.carrying("PNG", STORE[:-1], og.carrying("PNG", STORE))

    assert _c2pa(data, "PNG") == "damaged"


def test_where_it_cannot_be_told_it_is_not() -> None:
    """In a file that ends too early, and of other formats, nothing is said to be absent."""
    for name in og.FORMATS:
        whole = og.plain(name)
        marked = og.carrying(name, LONG)
        assert _look(whole[:30], name) == marks.Marks()
        assert _c2pa(b"", name) is None
        half = _c2pa(marked[: len(marked) - 80_000 if name == "WEBP" else 80_000], name)
        assert half == "damaged", name
    for name in ("GIF", "AVIF", "TIFF"):
        assert _look(pics.encoded(Image.new("RGB", (9, 9)), name), name) == marks.Marks()


def test_a_store_of_gigabytes_is_not_read() -> None:
    """What says that it has 2 GB is not taken in; nothing is told of it."""
    head = struct.pack(">I4s", 2_000_000_000, b"caBX")
    png = og.plain("PNG")

    assert _c2pa(png[:33] + head + png[33:], "PNG") is None


# The digital source type

TERM = "trainedAlgorithmicMedia"
NAMED = {
    "attribute": og.xmp(f'Iptc4xmpExt:DigitalSourceType="{og.IPTC}{TERM}"'),
    "single quotes": og.xmp(f"Iptc4xmpExt:DigitalSourceType = '{og.IPTC}{TERM}'"),
    "element": og.xmp(
        inside=f"<Iptc4xmpExt:DigitalSourceType>\n{og.IPTC}{TERM}\n</Iptc4xmpExt:DigitalSourceType>"
    ),
    "resource": og.xmp(inside=f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{og.IPTC}{TERM}"/>'),
    "https": og.xmp(f'Iptc4xmpExt:DigitalSourceType="{og.IPTC.replace("http:", "https:")}{TERM}"'),
    "another prefix": og.xmp(
        f'x1:DigitalSourceType="{og.IPTC}{TERM}"', xmlns=og.XMLNS.replace("Iptc4xmpExt=", "x1=")
    ),
    "behind a comment": og.xmp(
        inside=f"<!-- none --><Iptc4xmpExt:DigitalSourceType>{og.IPTC}{TERM}"
        "</Iptc4xmpExt:DigitalSourceType>"
    ),
}
NOT_NAMED = {
    "a bare word": og.xmp(f'Iptc4xmpExt:DigitalSourceType="{TERM}"'),
    "another place": og.xmp(f'Iptc4xmpExt:DigitalSourceType="http://example.com/{TERM}"'),
    "a place like it": og.xmp(
        f'Iptc4xmpExt:DigitalSourceType="http://example.com/?{og.IPTC}{TERM}"'
    ),
    "no URI at all": og.xmp('Iptc4xmpExt:DigitalSourceType=""'),
    "another namespace": og.xmp(
        f'Iptc4xmpExt:DigitalSourceType="{og.IPTC}{TERM}"',
        xmlns='xmlns:Iptc4xmpExt="http://example.com/"',
    ),
    "another field": og.xmp(f'Iptc4xmpExt:Event="{og.IPTC}{TERM}"'),
    "in a comment": og.xmp(
        inside=f"<!-- <Iptc4xmpExt:DigitalSourceType>{og.IPTC}{TERM}"
        "</Iptc4xmpExt:DigitalSourceType> -->"
    ),
    "markup in it": og.xmp(f'Iptc4xmpExt:DigitalSourceType="{og.IPTC}&lt;script>"'),
    "an entity": og.xmp('Iptc4xmpExt:DigitalSourceType="&type;"'),
    "nothing": "",
}


@pytest.mark.parametrize("name", og.FORMATS)
@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED)
def test_a_source_type_is_read(name: str, text: str) -> None:
    """As an attribute or an element, by http or https, in each format; beside C2PA, too."""
    assert _look(og.saying(name, text), name) == marks.Marks(
        c2pa="absent", digital_source_type=TERM
    )
    both = og.carrying(name, STORE, og.saying(name, text))
    assert _look(both, name) == marks.Marks(c2pa="present", digital_source_type=TERM)


@pytest.mark.parametrize("name", og.FORMATS)
@pytest.mark.parametrize("text", NOT_NAMED.values(), ids=NOT_NAMED)
def test_what_names_no_source_type(name: str, text: str) -> None:
    """Only IPTC's own URI in IPTC's own field counts."""
    assert _look(og.saying(name, text), name).digital_source_type is None


def test_xmp_that_is_compressed() -> None:
    """A PNG's compressed XMP is read; a bomb of it, or a broken one, says nothing."""
    text = NAMED["element"].encode()
    for packed, expected in (
        (zlib.compress(text), TERM),
        (zlib.compress(bytes(9_000_000) + text), None),
        (b"no stream", None),
    ):
        chunk = b"XML:com.adobe.xmp\0\1\0\0\0" + packed
        data = og.with_chunk(og.plain("PNG"), b"iTXt", chunk)
        assert _look(data, "PNG").digital_source_type == expected


# Whatever is in a file


def test_mutated_files_raise_nothing() -> None:
    """2,000 files with bits flipped, bytes cut out, doubled or cut off: none raises, none takes long."""
    random_ = random.Random(15)
    known = [
        (name, og.carrying(name, store, og.saying(name, NAMED["element"])))
        for name in og.FORMATS
        for store in (STORE, og.store(70_000))
    ]
    shown = set()
    started = time.monotonic()
    for number in range(2000):
        name, data = known[number % len(known)]
        mutated = bytearray(data)
        for _ in range(random_.randint(1, 6)):
            at = random_.randrange(max(1, min(len(mutated), random_.choice((200, 1 << 20)))))
            kind = random_.randrange(5)
            if kind == 0:
                mutated[at : at + 1] = bytes((random_.randrange(256),))
            elif kind == 1:
                mutated[at : at + 4] = random_.choice((b"\xff" * 4, bytes(4), b"\0\0\0\1"))
            elif kind == 2:
                del mutated[at : at + random_.randrange(40)]
            elif kind == 3:
                mutated[at:at] = mutated[at : at + random_.randrange(40)]
            else:
                del mutated[max(1, at) :]
        shown.add(_look(bytes(mutated), random_.choice((name, name, name, *og.FORMATS))).c2pa)
    assert shown == {"present", "absent", "damaged", None}
    assert time.monotonic() - started < 30


SLOW = {
    "comments": "<!--" * 250_000,
    "namespaces": "".join(f'xmlns:a{n}="http://iptc.org/std/Iptc4xmpExt/" ' for n in range(20_000)),
    "fields": og.XMLNS + " Iptc4xmpExt:DigitalSourceType =" * 30_000,
    "blanks": og.XMLNS + " Iptc4xmpExt:DigitalSourceType" + " " * 900_000,
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
def test_no_text_takes_long(text: str) -> None:
    """XMP made to keep a reader busy is gone through at once."""
    started = time.monotonic()

    assert _look(og.saying("WEBP", text), "WEBP").digital_source_type is None
    assert time.monotonic() - started < 2


def test_a_file_that_cannot_be_read() -> None:
    """It has no marks that could be told, and raises nothing."""

    def fail() -> None:
        raise PermissionError

    assert marks.look(fail, "JPEG") == marks.Marks()  # type: ignore[arg-type] # a reader is not given
