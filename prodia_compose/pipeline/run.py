"""One job on its way: how far it is, what came for it, and what the record says of it."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob
from prodia_compose.output import rescue
from prodia_compose.output.placer import Placer, SavedOutput
from prodia_compose.progress import Stop
from prodia_compose.record import entries

if TYPE_CHECKING:  # for annotations; what is wrong before sending is told without these
    from prodia_compose.client.answers import Answer, Output
    from prodia_compose.client.send import Sent
    from prodia_compose.client.transport.exchange import Reply
    from prodia_compose.images.probe.received import ReceivedImage
    from prodia_compose.record.open_entry import OpenEntry

_SENT: dict[errors.JobState, entries.State] = {
    "not-sent": "prepared",
    "sending": "sending",
    "sent": "sending",
    "answered": "accepted",
}

_FAILED: dict[errors.ExitCode, entries.State] = {
    errors.ExitCode.AUTH: "rejected",
    errors.ExitCode.REJECTED: "rejected",
    errors.ExitCode.BUSY: "busy",
    errors.ExitCode.NOT_DELIVERED: "not-delivered",
    errors.ExitCode.UNKNOWN: "unknown",
    errors.ExitCode.NOT_PLACED: "received",
}

_ENDED: dict[errors.JobState, entries.State] = {
    "not-sent": "not-delivered",
    "sending": "not-delivered",
    "sent": "unknown",
    "answered": "unknown",
}

BILLED = "; the job may be billed"  # what came may also be no picture


@frozen
class _Held:
    """What came, and is in no place yet.

    Attributes:
        output: The bytes, and what they are.
        file: Where they lie already; None if only here.
        is_picture: Whether it is a whole picture of the answer.
    """

    output: "Output"
    file: Path | None = None
    is_picture: bool = True


def _unseen(saved: SavedOutput) -> tuple[errors.Warned, ...]:
    """Return the warning for a picture that was saved without having been decoded."""
    slow = saved.picture.slow
    words = f"{saved.path} is {slow}; it is saved as it came, and may be broken"
    return (errors.Warned(code="not-checked", words=words),) if slow else ()


class Run:
    """One job, from before its first byte to its picture in its place.

    The only one who knows how far the job is, and the one who holds what came for it, from
    the first byte on, until that is in its place or kept. An `errors.Status`; the client's
    `Watch`. From the start of `to_its_end` on no signal raises out of the blue.

    Attributes:
        stop: Whether the run shall end early.
        is_sandbox: Whether it costs nothing: as expected, until the service has told.
        state: How far the job is.
        job_id: The service's id for the job, once it gave one.
        request_id: The service's id for the exchange.
        price_usd: What the job cost, as the service says.
        attempts: How often it was sent, the first included.
        elapsed_s: Wall time from sending to saved, in seconds.
        messages: The service's words beside the pictures.
        saved: The pictures that are in their places, the one for `-o` first.
        request_key: What it shares with every run that asks for the same picture, if known.
        made: An earlier job that asked for the same and whose picture lies there.
        warnings: What stopped nothing.
        clean: Takes secrets out of what is kept.
    """

    def __init__(
        self,
        stop: Stop,
        *,
        warnings: Sequence[errors.Warned] = (),
        request_key: str | None = None,
        is_sandbox: bool = False,
    ) -> None:
        self.stop = stop
        self.is_sandbox = is_sandbox
        self.state: errors.JobState = "not-sent"
        self.job_id: str | None = None
        self.request_id: str | None = None
        self.price_usd: float | None = None
        self.attempts = 0
        self.elapsed_s = 0.0
        self.messages: tuple[str, ...] = ()
        self.saved: tuple[SavedOutput, ...] = ()
        self.warnings = tuple(warnings)
        self.request_key = request_key
        self.made: entries.Entry | None = None
        self.clean: Callable[[blob.Blob], blob.Blob] = lambda came: came
        self._entry: OpenEntry | None = None
        self._is_fetch = False
        self._is_taken_on = False
        self._held: tuple[_Held, ...] = ()
        self._kept: tuple[Path, ...] = ()
        self._has_kept_picture = False
        self._has_come = False

    @property
    def kept(self) -> tuple[str, ...]:
        """Where what came is kept, as it could not be placed or used."""
        return tuple(str(path) for path in self._kept)

    @property
    def pictures(self) -> tuple[str, ...]:
        """Where its pictures are by now, in their places or kept; standard output is nowhere."""
        return (*self._placed, *(self.kept if self._has_kept_picture else ()))

    @property
    def _placed(self) -> tuple[str, ...]:
        return tuple(one.path for one in self.saved if one.path != "-")

    # What the client tells

    def reached(self, state: errors.JobState) -> None:
        """Take in how far the sending has come."""
        self.state = state
        if not self._is_fetch:
            self._advance(_SENT[state])

    def met(self, reply: "Reply") -> None:
        """Take in who answers."""
        self.is_sandbox = reply.is_sandbox

    def came(self, answer: "Answer") -> None:
        """Hold what has come of an answer: its whole pictures, and what else is to be kept."""
        pictures = tuple(_Held(output=output) for output in answer.outputs)
        rest = tuple(_Held(output=output, is_picture=False) for output in answer.salvaged)
        self._held = (*pictures, *rest)
        if pictures:
            self.state, self._has_come = "answered", True

    # What the pipeline tells

    def record(self, entry: "OpenEntry") -> None:
        """Write all that follows into the record."""
        self._entry = entry

    def fetches(
        self, entry: "OpenEntry | None", job_id: str | None, kept: Sequence["tuple[Output, Path]"]
    ) -> None:
        """Be an earlier job, whose row is told what is news; hold the pictures kept of it."""
        self._entry, self._is_fetch, self.job_id = entry, True, job_id
        self.state = "not-sent" if kept else "sent"
        self._held = tuple(_Held(output=output, file=file) for output, file in kept)

    def found(self, saved: Sequence[SavedOutput]) -> None:
        """Take in that the pictures lie in their places already, and write that they are there."""
        self.saved = tuple(saved)
        self._write_saved(errors.ExitCode.OK)

    def taken_on(self, sent: "Sent") -> str:
        """Take in that the job runs by itself from here on; return what to ask after it by."""
        self._is_taken_on, self._held = True, ()
        self.state, self.attempts = "sent", sent.attempts
        self.job_id, self.request_id = sent.answer.job.id, sent.request_id
        self._advance("accepted")
        return self.job_id or ""

    def received(self, sent: "Sent") -> None:
        """Take in that the pictures have come, before anything is done with them."""
        self.attempts = self.attempts or sent.attempts
        self.job_id = sent.answer.job.id or self.job_id
        self.request_id = self.request_id or sent.request_id
        self.price_usd, self.messages = sent.answer.job.price_usd, sent.answer.messages
        came = [held.output.blob.sha256 for held in self._held if held.is_picture]
        self._advance("received", price_usd=self.price_usd, came=came)

    def place(self, placer: Placer) -> None:
        """Put the pictures that came in their places, and write that they are there.

        Raises:
            errors.NotPlacedError: One of them cannot be used, or found no place.
            errors.Interrupted: Somebody asked to stop.
        """
        for number, (held, picture) in enumerate(self._usable(), 1):
            saved, odd = placer.put(
                held.output.blob, picture, number, kept=held.file, is_sandbox=self.is_sandbox
            )
            self.saved = (*self.saved, saved)
            self._held = tuple(one for one in self._held if one is not held)
            self.warnings = (*self.warnings, *odd, *_unseen(saved))
        if self._held:
            raise errors.NotPlacedError("the service sent a picture that cannot be decoded")
        self._write_saved(errors.ExitCode.OK)

    def _usable(self) -> list[tuple[_Held, "ReceivedImage"]]:
        """Return the pictures that came, each with what it is, but for those that are broken."""
        usable = []
        for held in (one for one in self._held if one.is_picture):
            with contextlib.suppress(ValueError):
                usable.append((held, rescue.inspect(held.output.blob.open, self.stop)))
        return usable

    @contextlib.contextmanager
    def carried(self) -> Iterator[None]:
        """Have what ends the block carry this run, for whoever tells of it."""
        try:
            yield
        except (errors.ComposeError, errors.Interrupted) as end:
            end.run = self
            raise

    @contextlib.contextmanager
    def to_its_end(self) -> Iterator[None]:
        """Keep what came, and write what became of the job, if the block does not end well.

        Raises:
            errors.ComposeError: That of the block, with where what came is kept.
            errors.Interrupted: That of the block.
        """
        self.stop.defer()
        try:
            yield
        except (errors.ComposeError, errors.Interrupted) as end:
            self._end(end)
            raise
        except Exception as exc:
            if lack := errors.lack(exc):
                lacking = self._of_lack(*lack)
                self._end(lacking)
                raise lacking from exc
            self._keep()
            if self._kept:
                exc.add_note(f"what came is kept as {', '.join(self.kept)}")
                self._advance(
                    "received" if self._has_kept_picture else "unknown",
                    exit_code=int(errors.ExitCode.BUG),
                    rescued=self._kept,
                )
            raise

    def _of_lack(self, lack: str, *hints: str) -> errors.ComposeError:
        """Return the error for something that the machine did not have, by how far the job is."""
        if self.state in ("not-sent", "sending"):
            return errors.NotDeliveredError(f"{lack}; the job did not run", *hints)
        if any(held.is_picture for held in self._held):
            return errors.NotPlacedError(f"the picture came, but {lack}", *hints)
        hints += (f"look at `prodia-compose jobs` and {addresses.DASHBOARD}",)
        return errors.UnknownError(f"the whole job was sent, but {lack}; it may be billed", *hints)

    def _end(self, end: errors.ComposeError | errors.Interrupted) -> None:
        """Keep what came and write what became of the job.

        Raises:
            errors.NotPlacedError: It could not be kept.
        """
        try:
            self._keep()
        except errors.NotPlacedError as lost:
            if self._kept:
                lost.words += f"; the rest is kept as {', '.join(self.kept)}"
            lost.words += BILLED
            self._write_end(lost)
            raise lost from end
        if isinstance(end, errors.ComposeError) and self._kept:
            what = "it" if isinstance(end, errors.NotPlacedError) else "what came"
            end.words += f"; {what} is kept as {', '.join(self.kept)}"
            if self._placed:
                end.words += f"; saved as {', '.join(self._placed)}"
        if isinstance(end, errors.NotPlacedError):
            end.words += BILLED
        self._write_end(end)

    def _keep(self) -> None:
        """Keep what is in no place yet.

        Raises:
            errors.NotPlacedError: Some of it could not be kept.
        """
        lost = None
        for held in self._held:
            if held.output.blob.size:
                try:
                    output = replace(held.output, blob=self.clean(held.output.blob))
                    file = held.file or rescue.keep(output, is_sandbox=self.is_sandbox)
                    self._kept = (*self._kept, file)
                except errors.NotPlacedError as error:
                    lost = error  # there may be room for a smaller one
                else:
                    self._has_kept_picture |= held.is_picture
        self._held = ()
        if lost is not None:
            raise lost

    def _write_saved(self, code: errors.ExitCode) -> None:
        files = [one.recorded for one in self.saved]
        self._advance("saved", exit_code=int(code), outputs=files)

    def _write_end(self, end: errors.ComposeError | errors.Interrupted) -> None:
        """Write what became of the job; of a fetch only what is news."""
        may_be_billed = None
        if isinstance(end, errors.Interrupted):
            if self.saved and not self._kept:
                self._write_saved(end.code)
                return
            state = "received" if self._has_kept_picture else _ENDED[self.state]
            is_news = self._has_come and self._has_kept_picture
        else:
            state = _FAILED.get(end.code, _ENDED[self.state])
            is_news = self._has_come or isinstance(end, errors.RejectedError)
            may_be_billed = end.may_be_billed or None
            self.job_id = self.job_id or end.job_id
            self.request_id = self.request_id or end.request_id
        if self._is_taken_on and state == "unknown":
            state = "accepted"  # it can still be asked after
        if is_news or not self._is_fetch:
            self._advance(
                state,
                exit_code=int(end.code),
                may_be_billed=may_be_billed,
                rescued=self._kept or None,
            )

    def _advance(self, state: entries.State, **columns: Any) -> None:
        if self._entry is not None:
            self._entry.advance(
                state,
                is_sandbox=self.is_sandbox,
                job_id=self.job_id,
                request_id=self.request_id,
                **columns,
            )
