"""What was kept aside, looked at again."""

from pathlib import Path

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
