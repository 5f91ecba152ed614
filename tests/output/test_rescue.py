"""What was kept aside, looked at again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from prodia_compose.client.answers import Output
from prodia_compose.inputs import blob
from prodia_compose.output import rescue


def test_kept_pictures_are_loaded_if_they_are_whole(work: Path) -> None:
    """Of what was kept, only whole pictures that are still there are given back."""
    whole, cut = work / "scene.jpg", work / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[:5000])
    found = rescue.load([str(cut), str(work / "gone.jpg"), str(work), str(whole)])

    assert [(file, picture.blob.read()) for picture, file in found] == [(whole, whole.read_bytes())]


def test_what_is_no_whole_picture_is_named(work: Path) -> None:
    """What was kept is told for what it is, in words that follow its name."""
    cut, page = work / "cut.jpg", work / "page.jpg"
    cut.write_bytes((work / "scene.jpg").read_bytes()[:5000])
    page.write_text("<html><body>Sorry</body></html>")

    assert rescue.fault(str(work / "scene.jpg")) is None
    assert rescue.fault(str(work / "gone.jpg")) == "is gone"
    assert rescue.fault(str(work)) == "cannot be read (Is a directory)"
    assert rescue.fault(str(page)) == "is an HTML page, not a picture"
    assert str(rescue.fault(str(cut))).startswith("is cut short")


def test_what_is_kept_is_on_disk_before_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is with the system when the copy is synced."""
    data = blob.spool([bytes(100_000), b"too few to be written by themselves"])
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    kept = rescue.keep_blob(data, ".jpg")

    assert synced == [data.size]
    assert kept.read_bytes() == data.read()


def test_looking_loads_no_client() -> None:
    """What is wrong before sending is told without what sends: it takes time to load."""
    words = "import sys; from prodia_compose.output import placer; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", words], capture_output=True, check=True).stdout

    assert b"prodia_compose.output.rescue" in loaded
    assert b"prodia_compose.client" not in loaded


@pytest.mark.parametrize(
    ("head", "media_type", "suffix"),
    [
        (b"\xff\xd8\xff\xe0", "image/png", ".jpg"),
        (b"\x89PNG\r\n\x1a\n", "", ".png"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "application/octet-stream", ".webp"),
        (b"\xff\xd8\xff\xe0", "text/html", ".html"),
        (b"<html>", "text/html", ".html"),
        (b"{}", "application/json", ".json"),
        (b"sorry", "text/plain", ".txt"),
        (b"sorry", "image/png", ".png"),
        (b"sorry", "", ".bin"),
        (b"", "application/octet-stream", ".bin"),
    ],
)
@pytest.mark.parametrize("is_sandbox", [True, False])
def test_what_is_kept_is_called_by_what_it_is(
    work: Path, head: bytes, media_type: str, suffix: str, *, is_sandbox: bool
) -> None:
    """By its first bytes if they are a picture's, else by the type that the service gave it."""
    output = Output(blob=blob.spool([head]), media_type=media_type, filename=None)
    kept = rescue.keep(output, is_sandbox=is_sandbox)

    assert kept.suffix == suffix
    assert kept.parent.parts[-2:] == (
        "sandbox" if is_sandbox else "prodia-compose",
        "rescued",
    )
