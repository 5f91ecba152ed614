"""What came from the service, looked at and put in its place; never dropped.

From the moment an answer has come, every way out of here leaves each picture it gets to
in its place or in the state folder, and says where.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import IO

from prodia_compose import blob, errors, progress
from prodia_compose.client.answers import Output
from prodia_compose.frozen import frozen
from prodia_compose.images.probe import received
from prodia_compose.output import names, places, rescue, streams
from prodia_compose.output.options import OutputFormat

_CHUNK_BYTES = 1 << 16


Keep = Callable[[blob.Blob, str], Path]
"""Keeps bytes that have no place, under a name with the given suffix."""


@frozen
class SavedOutput:
    """One picture that came back, saved byte for byte.

    Attributes:
        path: Where it is, as typed; `-` is standard output.
        picture: Its format and size in pixels.
        byte_count: Its length.
        sha256: The hash of its bytes, in hex.
    """

    path: str
    picture: received.ReceivedImage
    byte_count: int
    sha256: str


@frozen
class Placer:
    """Puts the pictures of one job in their places.

    Attributes:
        place: The place of the first picture, proved; the others are numbered after it.
        format: The format that was asked for; None if any will do.
        strict: Whether another format is an error.
        stdout: Opens standard output for bytes, for a place that is `-`.
        keep: Keeps a picture that cannot be placed.
        reporter: Is told when somebody has to come first and read.
    """

    place: places.Place
    format: OutputFormat | None
    strict: bool
    stdout: Callable[[], IO[bytes]]
    keep: Keep = rescue.keep
    reporter: progress.Reporter = field(default_factory=progress.Reporter)
    _warnings: list[errors.Warned] = field(default_factory=list, init=False)

    def place_all(
        self, outputs: Sequence[Output]
    ) -> tuple[tuple[SavedOutput, ...], tuple[errors.Warned, ...]]:
        """Save every usable picture; return them, the first one first, and what is odd.

        Raises:
            errors.NotPlacedError: There is none, or one could not be placed; its
                `rescued` says where what came is kept.
            errors.Interrupted: A signal came while a picture was being placed.
        """
        pictures = [(found.blob, _inspect(found)) for found in outputs]
        usable = [(data, picture) for data, picture in pictures if picture is not None]
        if not usable:
            raise _not_placed(
                "the service sent a picture that cannot be decoded",
                self.keep(outputs[0].blob, ".bin"),
            )
        saved: list[SavedOutput] = []
        for number, (data, picture) in enumerate(usable, 1):
            with self._rescuing(data, picture):
                path = self._place(data, picture, number)
            saved.append(
                SavedOutput(path=path, picture=picture, byte_count=data.size, sha256=data.sha256)
            )
        return tuple(saved), tuple(self._warnings)

    @contextlib.contextmanager
    def holding(self, outputs: Sequence[Output]) -> Iterator[None]:
        """Keep what came when a signal, or a bug, ends the block before all of it is placed."""
        try:
            yield
        except errors.ComposeError:
            raise
        except errors.Interrupted as signal:
            if signal.rescued is None:
                signal.state = "answered"
                signal.rescued = str(self._keep_all(outputs)[0])
            raise
        except Exception as exc:
            kept = ", ".join(str(path) for path in self._keep_all(outputs))
            exc.add_note(f"what came is kept as {kept}")
            raise

    def _keep_all(self, outputs: Sequence[Output]) -> list[Path]:
        return [
            self.keep(found.blob, rescue.SUFFIXES.get(found.media_type, ".bin"))
            for found in outputs
        ]

    def _place(self, data: blob.Blob, picture: received.ReceivedImage, number: int) -> str:
        """Save one picture and return its path; `number` counts the pictures from 1."""
        place = self.place
        if number > 1 and place.is_stream:
            return str(self.keep(data, picture.suffix))
        asked = picture.media_type if self.format is None else names.accept_type(self.format)
        if picture.media_type != asked:
            message = f"asked for {asked}, the service sent {picture.media_type}"
            if self.strict:
                raise errors.NotPlacedError(f"{message} (--strict)")
            self._warnings.append(errors.Warned(code="wrong-format", message=message))
            place = places.corrected(place, picture.suffix)
        if place.is_stdout:
            with data.open() as source:
                streams.write_stream(source, self.stdout())
            return place.path
        waiting = partial(self.reporter.say, f"waiting for a reader of {place.path}")
        return places.publish(data, places.numbered(place, number), waiting)

    @contextlib.contextmanager
    def _rescuing(self, data: blob.Blob, picture: received.ReceivedImage) -> Iterator[None]:
        """Keep a picture when the block that places it does not end well."""
        try:
            yield
        except errors.NotPlacedError as error:
            raise _not_placed(error.message, self.keep(data, picture.suffix)) from error
        except errors.Interrupted as signal:
            signal.state = "answered"
            signal.rescued = str(self.keep(data, picture.suffix))
            raise
        except OSError as exc:
            taken = isinstance(exc, FileExistsError)
            reason = "the name was taken meanwhile" if taken else exc.strerror
            raise _not_placed(
                f"the picture came but could not be saved: {reason}",
                self.keep(data, picture.suffix),
            ) from exc


def _inspect(found: Output) -> received.ReceivedImage | None:
    try:
        return received.inspect(found.blob.open)
    except ValueError:
        return None


def _not_placed(message: str, rescued: Path) -> errors.NotPlacedError:
    error = errors.NotPlacedError(f"{message}; it is kept as {rescued}", may_be_billed=True)
    error.rescued = str(rescued)
    return error
