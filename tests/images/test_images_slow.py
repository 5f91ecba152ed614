"""Small files of few pixels that a decoder would be busy with for minutes."""

import io
import struct
import time
from pathlib import Path

import pictures as make
import pytest

from prodia_compose import errors
from prodia_compose.images.formats import exif
from prodia_compose.images.probe import probe, received
from prodia_compose.output import rescue
from prodia_compose.progress import Stop


@pytest.mark.parametrize(
    ("scans", "size", "most"),
    [
        (100, (64, 48), None),
        (101, (64, 48), 100),
        (2000, (4000, 3000), 100),
        (20, (16_000, 15_000), None),
        (21, (16_000, 15_000), 20),
    ],
)
def test_a_jpeg_of_very_many_scans_is_no_input(
    scans: int, size: tuple[int, int], most: int | None
) -> None:
    """More than encoders ever write, fewer of a large picture, are refused by the header alone."""
    data = make.scanned_jpeg(size, scans)
    if most is None:
        assert probe.probe(make.opener(data)).width == size[0]
        return
    with pytest.raises(errors.InputError) as caught:
        probe.probe(make.opener(data))

    assert caught.value.message == (
        f"is a JPEG of more than {most} scans, which takes minutes to decode; "
        "save it anew, not progressive"
    )
    found = received.inspect(make.opener(data))
    assert (found.format, found.width, found.height) == ("JPEG", *size)
    assert found.slow is not None


def test_scans_are_counted_that_are_not_progressive_too() -> None:
    """A plain JPEG may have a scan for each of its channels, and any of them again."""
    data = make.scanned_jpeg((64, 48), 101, progressive=False)

    with pytest.raises(errors.InputError, match="more than 100 scans"):
        probe.probe(make.opener(data))


def test_a_jpeg_of_very_many_segments_is_no_input() -> None:
    """Empty comments by the million are not walked through."""
    data = make.encoded(make.photo((64, 48)), "JPEG")
    comments = make.jpeg_segment(0xFE, b"") * 2_000_000
    began = time.process_time()

    with pytest.raises(errors.InputError, match="more than 64 MB of metadata"):
        probe.probe(make.opener(data[:2] + comments + data[2:]))
    assert time.process_time() - began < 1


def test_a_gif_of_very_many_pieces_is_looked_at_for_a_moment() -> None:
    """The count of its frames ends before that of tiny pieces of comments takes seconds."""
    data = make.encoded(make.photo((64, 48)), "GIF")
    comment = b"!\xfe" + b"\1x" * 10_000_000 + b"\0"
    began = time.process_time()

    assert probe.probe(make.opener(data[:-1] + comment + b";")).header.frames == 1
    assert time.process_time() - began < 5


def test_a_tiff_of_directories_one_over_the_other_is_looked_at_for_a_moment() -> None:
    """A thousand of them, of thousands of entries each, fit into a small file."""
    entry = struct.pack("<HHII", 4096, 4, 2, 100)
    data = bytearray(b"II*\0\x08\0\0\0" + entry * 6000)
    for place in range(8, 8 + 999 * len(entry), len(entry)):
        struct.pack_into("<I", data, place + 2 + 4096 * len(entry), place + len(entry))
    began = time.process_time()

    assert sum(1 for _ in exif.directories(io.BytesIO(data))) < 100
    assert time.process_time() - began < 5


def test_who_decodes_for_too_long_is_not_waited_for(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture of any kind that takes longer than any should is taken by its header."""
    picture = work / "scene.jpg"
    slow = received.look(lambda: picture.open("rb"))
    monkeypatch.setattr(rescue, "PATIENCE_S", 0.2)
    monkeypatch.setattr(received, "inspect", lambda _opener: time.sleep(60))
    found = rescue.inspect(lambda: picture.open("rb"), Stop())

    assert (found.format, found.width, found.height) == ("JPEG", slow.width, slow.height)
    assert found.slow == "a picture that takes far too long to decode"
    assert rescue.fault(str(picture)) is None

    monkeypatch.setattr(received, "look", lambda _opener: time.sleep(60))
    with pytest.raises(ValueError, match="far too long to read"):
        rescue.inspect(lambda: picture.open("rb"), Stop())
