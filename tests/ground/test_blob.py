"""Bytes that wait on disk: readers, threads, and what is left behind."""

import gc
import hashlib
import io
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import at_once
from hypothesis import given
from hypothesis import strategies as st

from prodia_compose import errors
from prodia_compose.inputs import blob

needs_full_device = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="no device that is always full"
)

SAMPLE = bytes(range(256)) * 1000


@pytest.fixture
def own_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that temporary files go to."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_spool_keeps_every_byte(chunks: list[bytes]) -> None:
    """What was put in comes out, with its length and hash."""
    data = b"".join(chunks)
    kept = blob.spool(chunks)

    assert kept.read() == data
    assert kept.size == len(data)
    assert kept.sha256 == hashlib.sha256(data).hexdigest()


@given(st.integers(0, 30), st.integers(0, 30))
def test_read_at_slices(offset: int, count: int) -> None:
    """A stretch of the bytes is what a slice would give, and empty behind the end."""
    data = bytes(range(20))

    assert blob.spool([data]).read_at(offset, count) == data[offset : offset + count]


def test_readers_have_positions_of_their_own() -> None:
    """Two readers of one blob do not move each other."""
    kept = blob.spool([SAMPLE])
    with kept.open() as first, kept.open() as second:
        assert first.read(5) == SAMPLE[:5]
        assert second.read(3) == SAMPLE[:3]
        assert first.read(5) == SAMPLE[5:10]


def test_reader_is_a_whole_file() -> None:
    """A reader seeks and tells like any file, which is what Pillow needs."""
    with blob.spool([SAMPLE]).open() as reader:
        assert reader.seekable()
        assert reader.seek(-4, io.SEEK_END) == len(SAMPLE) - 4
        assert reader.read() == SAMPLE[-4:]
        assert reader.seek(2) == 2
        assert reader.seek(3, io.SEEK_CUR) == 5
        assert reader.tell() == 5
        assert reader.seek(len(SAMPLE) + 10) == len(SAMPLE) + 10
        assert reader.read() == b""
        with pytest.raises(ValueError, match="negative"):
            reader.seek(-len(SAMPLE) - 1, io.SEEK_END)


def test_threads_read_at_once() -> None:
    """Readers in several threads each see all of the bytes."""
    kept = blob.spool([SAMPLE])
    seen: list[bytes] = []

    def read() -> None:
        with kept.open() as reader:
            seen.append(b"".join(iter(lambda: reader.read(1000), b"")))

    at_once(*[read] * 8)

    assert seen == [SAMPLE] * 8


def test_reader_keeps_the_blob() -> None:
    """A reader goes on reading when nobody else holds the blob any more."""
    reader = blob.spool([SAMPLE]).open()
    gc.collect()
    with reader:
        assert reader.read() == SAMPLE


def test_closing_a_reader_leaves_the_blob() -> None:
    """The next reader works after the last one was closed."""
    kept = blob.spool([SAMPLE])
    kept.open().close()
    with kept.open() as reader:
        assert reader.read(1) == SAMPLE[:1]


def test_file_has_no_name(own_tmp: Path) -> None:
    """A kill leaves nothing private behind, since the file is in no folder."""
    kept = blob.spool([SAMPLE])

    assert list(own_tmp.iterdir()) == []
    assert kept.size == len(SAMPLE)


def test_descriptor_closes_with_the_blob() -> None:
    """A blob that nobody holds any more frees its descriptor."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no list of open descriptors here")
    gc.collect()
    before = len(list(folder.iterdir()))
    blobs = [blob.spool([b"x"]) for _ in range(20)]
    assert len(list(folder.iterdir())) == before + len(blobs)
    del blobs
    gc.collect()

    assert len(list(folder.iterdir())) == before


@pytest.mark.parametrize("error", [OSError("gone"), errors.Interrupted(signal.SIGTERM)])
def test_spool_passes_on_what_its_source_raises(own_tmp: Path, error: BaseException) -> None:
    """A source that breaks off ends the spooling, and nothing is left."""

    def chunks() -> Iterator[bytes]:
        yield b"begin"
        raise error

    with pytest.raises(type(error)):
        blob.spool(chunks())

    assert list(own_tmp.iterdir()) == []


@needs_full_device
def test_full_disk_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary folder that is full is told as the system tells it."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
        with pytest.raises(OSError, match="No space left"):
            blob.spool([b"x" * 100])
