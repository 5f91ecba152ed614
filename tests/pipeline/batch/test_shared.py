"""Pictures that rows share: prepared once, and held for no longer than they are needed."""

from pathlib import Path

import pytest

from prodia_compose import errors
from prodia_compose.images import plan, prepare
from prodia_compose.images.options import Fitting
from prodia_compose.images.probe import probe
from prodia_compose.inputs import files
from prodia_compose.inputs.blob import Blob, stored
from prodia_compose.inputs.entries import Entry, Input
from prodia_compose.pipeline.batch.shared import Shared

Prepared = tuple[prepare.PreparedImage, files.Content | None]


class Preparing:
    """Counts what it is asked to prepare."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(
        self, source: Input, info: probe.ImageInfo, size: plan.Fit, _: Fitting, __: int | None
    ) -> Prepared:
        """Return eight bytes for any picture."""
        self.asked.append(source.entry.name)
        found = prepare.PreparedImage(
            blob=stored([b"prepared"]),
            media_type="image/jpeg",
            suffix=".jpg",
            width=info.width,
            height=size.size[1],
            changes=(),
        )
        return found, None


@pytest.mark.parametrize(
    ("most", "asked"),
    [
        pytest.param({}, ["product.jpg", "scene.jpg"], id="room for both"),
        pytest.param({"most_files": 1}, ["product.jpg", "scene.jpg", "scene.jpg"], id="one file"),
        pytest.param({"most_bytes": 8}, ["product.jpg", "scene.jpg", "scene.jpg"], id="bytes"),
    ],
)
def test_what_waits_is_used_again(work: Path, most: dict[str, int], asked: list[str]) -> None:
    """Also where there is no room for more; what finds none is prepared for each row anew."""
    paths = [str(work / name) for name in ("product.jpg", "scene.jpg")]
    preparing = Preparing()
    shared = Shared(paths * 2, preparing, **most)
    for _ in range(2):
        for path in paths:
            _prepare(shared, path)

    assert sorted(preparing.asked) == asked
    shared.leave(paths * 2)
    _prepare(shared, paths[0])
    assert len(preparing.asked) == len(asked) + 1, "it waits for no row any more"


def test_an_address_is_fetched_once() -> None:
    """Not so one of a single row; and one that could not be had is tried again for the next row."""
    asked: list[str] = []

    def download(url: str) -> Blob:
        asked.append(url)
        if len(asked) == 1:
            raise errors.NotDeliveredError("the server answered 503")
        return stored([url.encode()])

    named = [f"https://a.example/{end}" for end in ("x?k=1", "x?k=1", "x?k=2", "y")]
    shared = Shared(Entry(path=url).place for url in named)
    fetch = shared.fetching(download)
    with pytest.raises(errors.NotDeliveredError):
        fetch("https://a.example/x?k=1")
    found = [fetch("https://a.example/x?k=1").read() for _ in range(2)]
    fetch("https://a.example/x?k=2")
    fetch("https://a.example/y")
    fetch("https://a.example/y")

    assert found == [b"https://a.example/x?k=1"] * 2
    assert [url[-5:] for url in asked] == ["x?k=1", "x?k=1", "x?k=2", "ple/y", "ple/y"]


def _prepare(shared: Shared, path: str) -> None:
    source = Input(entry=Entry(path=path), position=1, opener=files.opener(path))
    info = probe.probe(source.opener)
    shared(source, info, plan.Fit(size=(info.width, info.height), reason=None), Fitting(), None)
