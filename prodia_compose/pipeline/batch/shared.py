"""Pictures that many rows share: each is prepared once, and waits until its last row."""

import threading
from collections import Counter
from collections.abc import Hashable, Iterable
from concurrent.futures import Future
from typing import Final

from prodia_compose.images import fit, plan
from prodia_compose.images.options import Fitting
from prodia_compose.images.prepare import PreparedImage
from prodia_compose.images.probe.probe import ImageInfo
from prodia_compose.inputs import files
from prodia_compose.inputs.entries import Input

MOST_BYTES: Final = 2_000_000_000
"""What the pictures that wait may take on disk; those beyond are prepared for each row anew."""

MOST_FILES: Final = 1000
"""In how many files they may wait: each is open."""

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
        self._made: dict[str, dict[Hashable, Future[_Prepared]]] = {}
        self._lock = threading.Lock()

    def __call__(
        self, source: Input, info: ImageInfo, size: plan.Fit, wishes: Fitting, max_bytes: int | None
    ) -> _Prepared:
        """Return a picture as `fit.Preparing` does."""
        place = source.entry.place
        with source.opener() as file:
            status = files.status(file)
        mark = status or (source.entry.path if source.entry.is_url else None)
        wanted = (mark, size.size, wishes, max_bytes)
        with self._lock:
            found = self._made.get(place, {}).get(wanted)
            is_ours = found is None
            has_room = min(self._room, self._files) > 0
            if found is None and self._left[place] > 1 and mark is not None and has_room:
                found = self._made.setdefault(place, {})[wanted] = Future()
        if not is_ours and found is not None:
            return found.result()
        try:
            prepared = self._preparing(source, info, size, wishes, max_bytes)
        except BaseException as exc:
            if found is not None:
                found.set_exception(exc)  # as bad for all that share it
            raise
        if found is not None:
            found.set_result(prepared)
            with self._lock:
                self._room -= prepared[0].blob.size
                self._files -= 1
        return prepared

    def leave(self, places: Iterable[str]) -> None:
        """Let go of what no other row needs: one has been sent, or never will be."""
        with self._lock:
            for place in places:
                self._left[place] -= 1
                if self._left[place] <= 0:
                    del self._left[place]
                    for one in self._made.pop(place, {}).values():
                        if one.done() and one.exception() is None:
                            self._room += one.result()[0].blob.size
                            self._files += 1
