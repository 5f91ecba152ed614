"""What came from the service, looked at and put in its place; never dropped.

From the moment an answer has come, every way out of here leaves each picture it gets to
in its place or in the state folder, and says where.
"""

from collections.abc import Callable
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import IO

from prodia_compose import addresses, errors, progress
from prodia_compose.frozen import frozen
from prodia_compose.images.probe import received
from prodia_compose.inputs import blob
from prodia_compose.output import names, places, rescue, streams
from prodia_compose.output.options import OutputFormat
from prodia_compose.record import entries


@frozen
class SavedOutput:
    """One picture that came back, saved byte for byte.

    Attributes:
        path: Where it is, as typed; `-` is standard output.
        sha256: The hash of its bytes, in hex.
    """

    path: str
    picture: received.ReceivedImage
    byte_count: int
    sha256: str

    @property
    def absolute(self) -> str:
        """Its path from the root; `-` is standard output."""
        return self.path if self.path == "-" else addresses.absolute(self.path)

    @property
    def recorded(self) -> entries.File:
        """What the record notes of it."""
        pixels = self.picture.pixels_sha256
        return entries.File(path=self.absolute, sha256=self.sha256, pixels_sha256=pixels)


@frozen
class Placer:
    """Puts the pictures of one job in their places.

    Attributes:
        place: The place of the first picture, proved; the others are numbered after it.
        format: The format that was asked for; None if any will do.
        strict: Whether another format is an error.
        stdout: Opens standard output for bytes, for a place that is `-`.
        stop: What a wait for a reader is ended by.
        reporter: Is told when somebody has to come first and read.
    """

    place: places.Place
    format: OutputFormat | None
    strict: bool
    stdout: Callable[[], IO[bytes]]
    stop: progress.Stop
    reporter: progress.Reporter = field(default_factory=progress.Reporter)

    def put(
        self,
        data: blob.Blob,
        picture: received.ReceivedImage,
        number: int,
        *,
        kept: Path | None = None,
        is_sandbox: bool = False,
    ) -> tuple[SavedOutput, tuple[errors.Warned, ...]]:
        """Save a picture, the job's `number`th; return it, and what is odd about it.

        Numbers count from 1. `kept` is where it lies already, if it does. One that is no job's
        but the sandbox's is not kept among those that were paid for.

        Raises:
            errors.NotPlacedError: It could not be placed.
            errors.Interrupted: Somebody asked to stop while nobody read it.
        """
        try:
            place, warned = self._place(picture)
            if number > 1 and place.is_stream:
                path = str(kept or rescue.keep_blob(data, picture.suffix, is_sandbox=is_sandbox))
            elif place.is_stream:
                with self.stop.at_once():
                    path = self._write(data, place)
            else:
                path = places.publish(data, places.numbered(place, number))
        except OSError as exc:
            if kept is not None:
                data.drop_spares()  # one copy is enough
            taken = isinstance(exc, FileExistsError)
            reason = "the name was taken meanwhile" if taken else exc.strerror
            message = f"the picture came but could not be saved: {reason}"
            raise errors.NotPlacedError(message) from exc
        saved = SavedOutput(path=path, picture=picture, byte_count=data.size, sha256=data.sha256)
        return saved, warned

    def _place(
        self, picture: received.ReceivedImage
    ) -> tuple[places.Place, tuple[errors.Warned, ...]]:
        """Return where pictures of this format go, and a warning if it is not the one asked for."""
        asked = picture.media_type if self.format is None else names.accept_type(self.format)
        if picture.media_type == asked:
            return self.place, ()
        words = f"asked for {asked}, the service sent {picture.media_type}"
        if self.strict:
            raise errors.NotPlacedError(f"{words} (--strict)")
        warned = errors.Warned(code="wrong-format", words=words)
        return places.corrected(self.place, picture.suffix), (warned,)

    def _write(self, data: blob.Blob, place: places.Place) -> str:
        if place.is_stdout:
            with data.open() as source:
                streams.write_stream(source, self.stdout())
            return place.path
        waiting = partial(self.reporter.say, f"waiting for a reader of {place.path}")
        return places.publish(data, place, waiting)
