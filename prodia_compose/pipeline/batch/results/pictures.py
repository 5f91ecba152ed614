"""The pictures of rows, looked for on disk: in their places, half-way there, or kept aside."""

import contextlib
import glob
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from prodia_compose.inputs import files
from prodia_compose.output import rescue
from prodia_compose.output.options import SUFFIXES
from prodia_compose.pipeline.batch.results.due import InPlace
from prodia_compose.pipeline.batch.results.history import Last, Picture
from prodia_compose.record import home
from prodia_compose.record.entries import Entry

_HALF_WAY = ".*.part"


def in_place(last: Last | None) -> InPlace:
    """Return whether all pictures of a row lie where they were saved, as they were.

    One of the size and time that were noted is not read.
    """
    if last is None or not last.pictures:
        return "gone"
    found = {stands(picture) for picture in last.pictures}
    return next(worst for worst in ("altered", "gone", "there") if worst in found)


def stands(picture: Picture) -> InPlace:
    """Return whether a picture lies where it was saved, as `in_place` does."""
    try:
        status = Path(picture.path).stat()
    except OSError:
        return "gone" if not os.path.lexists(picture.path) else "altered"
    if (status.st_size, status.st_mtime_ns) == (picture.size, picture.mtime_ns):
        return "there"
    is_it = files.holds(picture.path, picture.sha256, picture.size)
    return "there" if is_it else "altered"


class Search:
    """Looks for the pictures of many rows; each file is read once at most.

    Args:
        is_sandbox: Whether they cost nothing, and so are kept apart.
    """

    def __init__(self, *, is_sandbox: bool) -> None:
        self._is_sandbox = is_sandbox
        self._known: dict[tuple[str, int, int], str] = {}
        self._files: dict[tuple[Path, str], dict[str, str]] = {}  # by hash, as they were found

    def settled(self, last: Last, entry: Entry | None) -> Last:
        """Return what a row is that is unknown or not placed, if its pictures had come and are found.

        It is done where all lie in their places, and `not-placed` where one lies in a file that
        was to get that name, or in the state folder.
        """
        if entry is None or entry.is_running or not entry.came:
            return last
        place, hashes = Path(entry.output), set(entry.came)
        placed = {sha256: path for path, sha256 in self._hashed(_names(place)) if sha256 in hashes}
        pictures = tuple(Picture(path, sha256) for sha256, path in placed.items())
        if len(pictures) == len(hashes):
            return last._replace(status="done", pictures=pictures, kept=())
        if last.status != "unknown":
            return last
        kept = tuple(self._lying(hashes - placed.keys(), [place]))
        return last._replace(status="not-placed", pictures=pictures, kept=kept) if kept else last

    def with_kept(self, last: Last, entry: Entry | None) -> Last:
        """Return a row that lacks a picture with the whole ones that can be put in its place."""
        lies = {one.sha256 for one in last.pictures if stands(one) == "there"}
        hashes = {one.sha256 for one in last.pictures} | set(entry.came if entry else ())
        places = [Path(one.path) for one in last.pictures]
        places += [Path(entry.output)] if entry is not None else []
        named = dict.fromkeys((*last.kept, *(entry.rescued if entry is not None else ())))
        found = self._hashed([Path(path) for path in named])
        kept = [one for one, sha256 in found if sha256 not in lies and rescue.fault(one) is None]
        return last._replace(kept=tuple(kept or self._lying(hashes - lies, places)))

    def halves(self, last: Last) -> list[str]:
        """Return files beside a row's pictures that hold the same, half-way to their places."""
        folders = self._folders([Path(one.path) for one in last.pictures])
        hashes = {one.sha256 for one in last.pictures}
        return self._held([(folder, _HALF_WAY) for folder in folders], hashes)

    def _lying(self, hashes: Collection[str], places: Collection[Path]) -> list[str]:
        """Return files that hold pictures of these hashes, half-way to a place or kept."""
        folders = [(folder, _HALF_WAY) for folder in self._folders(places)]
        if (state := home.place()) is not None:
            folders.append((rescue.kept_in(state, is_sandbox=self._is_sandbox), "*"))
        return self._held(folders, hashes)

    @staticmethod
    def _folders(places: Collection[Path]) -> list[Path]:
        """Return where files lie that are half-way to places: links are followed before."""
        real = [Path(os.path.realpath(place)) for place in places]
        return list(dict.fromkeys(place.parent for place in (*places, *real)))

    def _held(self, folders: Collection[tuple[Path, str]], hashes: Collection[str]) -> list[str]:
        """Return one file of each hash that is in one of these folders, under such a name."""
        paths: dict[str, str] = {}
        for folder, pattern in folders:
            if (folder, pattern) not in self._files:
                files_there = self._hashed(list(folder.glob(pattern)))
                self._files[folder, pattern] = {sha256: path for path, sha256 in files_there}
            there = self._files[folder, pattern]
            paths |= {sha256: there[sha256] for sha256 in hashes if sha256 in there}
        return list(paths.values())

    def _hashed(self, paths: Collection[Path]) -> Iterator[tuple[str, str]]:
        """Yield files, each with the SHA-256 of its bytes; what cannot be read is left out."""
        for path in paths:
            with contextlib.suppress(OSError):
                status = path.stat()
                key = (str(path), status.st_size, status.st_mtime_ns)
                if key not in self._known and path.is_file():
                    with path.open("rb") as file:
                        self._known[key] = files.content(file).sha256
                if key in self._known:
                    yield str(path), self._known[key]


def _names(place: Path) -> list[Path]:
    """Return the names that a picture for a place can have got: another suffix, or a number."""
    stem = place.stem if place.suffix.lower() in SUFFIXES else place.name
    others = [place.with_name(f"{stem}{suffix}") for suffix in SUFFIXES]
    numbered = sorted(place.parent.glob(f"{glob.escape(stem)}-[0-9]*"))
    return list(dict.fromkeys((place, *others, *numbered)))
