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
    ) -> None:
        """Begin.

        Args:
            places: `Entry.place` of each picture of each row that is still to come.
            preparing: Who prepares them.
            most_bytes: What may wait on disk.
        """
        self._left = Counter(places)
        self._preparing = preparing
        self._room = most_bytes
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
            if self._left[place] < 2 or mark is None or self._room <= 0:
                found, is_ours = None, True
            else:
                made = self._made.setdefault(place, {})
                found, is_ours = made.get(wanted), wanted not in made
                if found is None:
                    found = made[wanted] = Future()
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
