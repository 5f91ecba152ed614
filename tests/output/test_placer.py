"""A picture that came, put in its place: what it is saved as, and what is said of it."""

import hashlib
import io
import os
import threading
from pathlib import Path

import pytest

from prodia_compose import errors
from prodia_compose.images.probe import received
from prodia_compose.inputs import blob
from prodia_compose.output import places, rescue
from prodia_compose.output.options import IfExists, OutputFormat
from prodia_compose.output.placer import Placer
from prodia_compose.progress import Reporter, Stop

BYTES = b"\xff\xd8\xff a picture"
JPEG = received.ReceivedImage(
    format="JPEG", media_type="image/jpeg", suffix=".jpg", width=4, height=3
)


class Listener(Reporter):
    """Whoever watches; remembers what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Remember a line."""
        self.said.append(text)


@pytest.fixture
def data() -> blob.Blob:
    """Return what came."""
    return blob.spool([BYTES])


@pytest.fixture
def stdout() -> io.BytesIO:
    """Return standard output."""
    return io.BytesIO()


def _placer(
    path: str,
    stdout: io.BytesIO,
    *,
    asked: OutputFormat | None = "jpg",
    strict: bool = False,
    reporter: Reporter | None = None,
) -> Placer:
    return Placer(
        place=places.prove(path, if_exists="fail", create_dirs=False),
        format=asked,
        strict=strict,
        stdout=lambda: stdout,
        stop=Stop(),
        reporter=reporter or Reporter(),
    )


def test_what_is_told_of_a_saved_picture(work: Path, data: blob.Blob, stdout: io.BytesIO) -> None:
    """Its path as typed and from the root, its length and its hash."""
    saved, odd = _placer("out.jpg", stdout).put(data, JPEG, 1)

    assert (saved.path, saved.absolute, saved.picture) == ("out.jpg", f"{work}/out.jpg", JPEG)
    assert (saved.byte_count, saved.sha256) == (len(BYTES), hashlib.sha256(BYTES).hexdigest())
    assert ((work / "out.jpg").read_bytes(), odd, data.spares) == (BYTES, (), [])


def test_standard_output_takes_one_picture(work: Path, data: blob.Blob, stdout: io.BytesIO) -> None:
    """The first goes down the stream; each further one is kept, or stays where it was kept."""
    placer = _placer("-", stdout)
    first, _ = placer.put(data, JPEG, 1)
    second, _ = placer.put(data, JPEG, 2)
    rehearsed, _ = placer.put(data, JPEG, 3, is_sandbox=True)
    stays, _ = placer.put(data, JPEG, 4, kept=work / "kept.jpg")

    assert (first.path, first.absolute, stdout.getvalue()) == ("-", "-", BYTES)
    state = work.parent / "state/prodia-compose"
    assert Path(second.path).parent == state / "rescued"
    assert Path(rehearsed.path).parent == state / "sandbox/rescued"
    assert [Path(one.path).read_bytes() for one in (second, rehearsed)] == [BYTES, BYTES]
    assert stays.path == str(work / "kept.jpg")


@pytest.mark.parametrize(
    ("asked", "strict", "path", "shown"),
    [
        ("jpg", True, "out.png", ()),
        (None, True, "out.png", ()),
        ("png", False, "out.jpg", ("asked for image/png, the service sent image/jpeg",)),
    ],
)
def test_another_format_is_named_and_told(
    work: Path,
    data: blob.Blob,
    stdout: io.BytesIO,
    asked: OutputFormat | None,
    path: str,
    shown: tuple[str, ...],
    *,
    strict: bool,
) -> None:
    """It has its true suffix, with a warning; where any will do, it has the name that was given."""
    saved, odd = _placer("out.png", stdout, asked=asked, strict=strict).put(data, JPEG, 1)

    assert (saved.path, [(one.code, one.message) for one in odd]) == (
        path,
        [("wrong-format", words) for words in shown],
    )


def test_strict_refuses_another_format(work: Path, data: blob.Blob, stdout: io.BytesIO) -> None:
    """Nothing is placed; whoever holds the picture keeps it."""
    with pytest.raises(errors.NotPlacedError, match=r"sent image/jpeg \(--strict\)$"):
        _placer("out.png", stdout, asked="png", strict=True).put(data, JPEG, 1)

    assert not list(work.glob("out*"))


@pytest.mark.parametrize("is_kept", [True, False])
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (Path.mkdir, "the name was taken meanwhile"),
        (lambda path: path.parent.rmdir(), "No such file or directory"),
    ],
    ids=["taken", "gone"],
)
def test_what_cannot_be_placed(
    work: Path, data: blob.Blob, stdout: io.BytesIO, spoil: object, reason: str, *, is_kept: bool
) -> None:
    """The reason is told; no copy beside the place stays if there is one elsewhere already."""
    (work / "sub").mkdir()
    placer = _placer("sub/out.jpg", stdout)
    spoil(work / "sub/out.jpg")  # type: ignore[operator] # one of the rows
    kept = work / "kept.jpg" if is_kept else None
    with pytest.raises(errors.NotPlacedError) as caught:
        placer.put(data, JPEG, 1, kept=kept)

    words = f"the picture came but could not be saved: {reason}"
    assert caught.value.message == words
    is_spare = reason.startswith("the name") and not is_kept
    assert len(data.spares) == is_spare
    assert [path.read_bytes() for path in work.glob("sub/.*")] == [BYTES] * is_spare


def test_a_reader_that_has_to_come_is_asked_for(
    work: Path, data: blob.Blob, stdout: io.BytesIO
) -> None:
    """A named pipe that nobody reads yet is told, by the name that was typed."""

    class Reading(Listener):
        def say(self, text: str) -> None:
            super().say(text)
            reader.start()

    read: list[bytes] = []
    (work / "sub").mkdir()
    pipe = work / "sub" / "pipe"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    listener = Reading()
    saved, _ = _placer("sub/../sub/pipe", stdout, reporter=listener).put(data, JPEG, 1)
    reader.join()

    assert (saved.path, read) == ("sub/../sub/pipe", [BYTES])
    assert listener.said == ["waiting for a reader of sub/../sub/pipe"]


def _is_ours(name: str) -> bool:
    return Path(name).read_bytes() == BYTES


@pytest.mark.parametrize(
    ("files", "policy", "found"),
    [
        ({}, "fail", None),
        ({"out.jpg": BYTES}, "fail", "out.jpg"),
        ({"out.jpg": b"another"}, "fail", None),
        ({"out.jpg": b"another", "out-2.jpg": BYTES}, "fail", None),
        ({"out.jpg": b"another", "out-2.jpg": BYTES}, "number", "out-2.jpg"),
        ({"out.jpg": b"another", "out-3.jpg": BYTES}, "number", None),
        ({"out-2.jpg": BYTES}, "number", None),
    ],
)
def test_a_picture_that_lies_there_already(
    work: Path, files: dict[str, bytes], policy: IfExists, found: str | None
) -> None:
    """It is found under its name, or under a number of it where all before are taken."""
    for name, content in files.items():
        (work / name).write_bytes(content)
    place = places.standing("out.jpg", policy, _is_ours)

    assert (place and place.path) == found
    assert place is None or place.skipped


def test_what_takes_too_long_to_look_at(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is too slow to decode is taken by its header; one without is told so."""
    until = threading.Event()
    inspect, look = received.inspect, received.look
    monkeypatch.setattr(rescue, "PATIENCE_S", 0.3)
    monkeypatch.setattr(received, "inspect", lambda opener: until.wait() and inspect(opener))
    try:
        seen = rescue.inspect(lambda: (work / "scene.jpg").open("rb"), Stop())
        monkeypatch.setattr(received, "look", lambda opener: until.wait() and look(opener))
        with pytest.raises(ValueError, match=r"^takes far too long to read$"):
            rescue.inspect(lambda: (work / "scene.jpg").open("rb"), Stop())
    finally:
        until.set()

    assert (seen.format, seen.slow) == ("JPEG", "a picture that takes far too long to decode")
