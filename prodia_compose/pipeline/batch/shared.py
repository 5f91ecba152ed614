"""Pictures that many rows share: each is fetched and prepared once, and waits until its last row."""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from prodia_compose import errors
from prodia_compose.images import fit, plan
from prodia_compose.images.options import Fitting
from prodia_compose.images.prepare import PreparedImage
from prodia_compose.images.probe.probe import ImageInfo
from prodia_compose.inputs import blob, files
from prodia_compose.inputs.entries import Entry, Input

MOST_BYTES: Final = 2_000_000_000
"""What the pictures that wait may take on disk; those beyond are prepared for each row anew."""

MOST_FILES: Final = 1000
"""In how many files they may wait: each is open."""

Made = TypeVar("Made")

_Prepared = tuple[PreparedImage, files.Content | None]


class Shared:
    """Prepares pictures, those of several rows once; a `fit.Preparing` for any number of threads.

    A file that changes between two rows is another picture.
    """

    def __init__(
        self,
        places: Iterable[str],
        preparing: fit.Preparing = fit.here,
        most_bytes: int = MOST_BYTES,
        most_files: int = MOST_FILES,
    ) -> None:
        """Begin.

        Args:
            places: `Entry.place` of each picture of each row that is still to come.
            preparing: Who prepares them.
            most_bytes: What may wait on disk.
            most_files: In how many files; those beyond are prepared for each row anew, too.
        """
        self._left = Counter(places)
        self._preparing = preparing
        self._room, self._files = most_bytes, most_files
        self._made: dict[str, dict[Hashable | None, Future[Any]]] = {}  # each with its size
        self._lock = threading.Lock()

    def __call__(
        self, source: Input, info: ImageInfo, size: plan.Fit, wishes: Fitting, max_bytes: int | None
    ) -> _Prepared:
        """Return a picture as `fit.Preparing` does."""
        with source.opener() as file:
            status = files.status(file)
        mark = status or (source.entry.path if source.entry.is_url else None)
        return self._once(
            source.entry.place,
            None if mark is None else (mark, size.size, wishes, max_bytes),
            lambda: self._preparing(source, info, size, wishes, max_bytes),
            lambda prepared: prepared[0].blob.size,
        )

    def fetching(self, download: Callable[[str], blob.Blob]) -> Callable[[str], blob.Blob]:
        """Return what downloads as this does, but once what several rows share."""

        def fetch(url: str) -> blob.Blob:
            place = Entry(path=url).place
            return self._once(place, url, lambda: download(url), lambda found: found.size)

        return fetch

    def _once(
        self,
        place: str,
        wanted: Hashable | None,
        make: Callable[[], Made],
        size: Callable[[Made], int],
    ) -> Made:
        """Return what was made for another row, or make it; what nothing names waits for nobody.

        What could not be had this time can be tried again; what is broken is so for all.
        """
        with self._lock:
            made = self._made.get(place, {}).get(wanted)
            is_ours = made is None
            has_room = min(self._room, self._files) > 0
            if made is None and self._left[place] > 1 and wanted is not None and has_room:
                made = self._made.setdefault(place, {})[wanted] = Future()
        if not is_ours and made is not None:
            value: Made = made.result()[0]
            return value
        try:
            value = make()
        except BaseException as exc:
            if made is not None:
                made.set_exception(exc)
            if isinstance(exc, errors.NotDeliveredError):
                with self._lock:
                    self._made.get(place, {}).pop(wanted, None)
            raise
        if made is not None:
            made.set_result((value, size(value)))
            with self._lock:
                self._room -= size(value)
                self._files -= 1
        return value

    def leave(self, places: Iterable[str]) -> None:
        """Let go of what no other row needs: one has been sent, or never will be."""
        with self._lock:
            for place in places:
                self._left[place] -= 1
                if self._left[place] <= 0:
                    del self._left[place]
                    for one in self._made.pop(place, {}).values():
                        if one.done() and one.exception() is None:
                            self._room += one.result()[1]
                            self._files += 1
