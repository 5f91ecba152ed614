"""What is to be done with a row, by what became of it before: the table of `help batch`."""

import hashlib
import re
import shlex
from collections.abc import Collection, Iterable
from typing import Literal

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.pipeline.batch.results.history import Last, Picture
from prodia_compose.pipeline.batch.results.lines import Status
from prodia_compose.pipeline.batch.results.names import Shard
from prodia_compose.record.entries import Entry, State

Rerun = Literal["unknown", "failed", "missing", "changed"]
"""What the user wants to be sent once more (`--rerun`)."""

Action = Literal["send", "skip", "list", "place", "refuse"]
"""`list` is to tell of it and leave it; `place` is to put a kept copy in its place."""

_DUE = ("refused", "busy", "not-delivered", "cancelled")

_JUDGED: dict[State, Status] = {
    "saved": "done",
    "received": "not-placed",
    "rejected": "rejected",
    **dict.fromkeys(("prepared", "busy", "not-delivered"), "not-delivered"),
}
"""What a row of unknown outcome is, by what its job is on record."""

InPlace = Literal["there", "altered", "gone"]
"""Whether a row's pictures lie where they were saved, as they were."""


@frozen
class Decision:
    """What is to be done with a row.

    Attributes:
        why: The reason, which goes on the sentence that its id begins; empty if it needs none.
        cures: What to type, and what that does.
        rerun: The `--rerun` that sends it, where it is listed.
        replaces: Whether what stands in its place may be written over: this batch made it, or
            the user said so.
        again: Whether it is sent although the same job's outcome is unknown, its own or another's.
        code: The exit code of a row that is refused.
    """

    action: Action
    why: str = ""
    cures: tuple[str, ...] = ()
    rerun: Rerun | None = None
    replaces: bool = False
    again: bool = False
    code: errors.ExitCode | None = None

    @property
    def words(self) -> str:
        """The reason and the cures, as one sentence goes on."""
        return "; ".join(part for part in (self.why, *self.cures) if part)


class Twins:
    """The rows that are done, or of unknown outcome, by what they asked for."""

    def __init__(self, rows: Iterable[Last]) -> None:
        """Take in what is known of all rows, the record asked already (`judged`)."""
        self._rows: dict[str, list[Last]] = {}
        for row in rows:
            if row.request_key is not None and row.status in ("done", "unknown"):
                self._rows.setdefault(row.request_key, []).append(row)

    def done(self, name: str, request_key: str) -> Last | None:
        """Return another row that is done and asked for the same; a repeat of this one is none."""
        rows = self._rows.get(request_key, ())
        others = (row for row in rows if _unrepeated(row.id) != _unrepeated(name))
        return next((row for row in others if row.status == "done"), None)

    def unknown(self, name: str, request_key: str) -> Last | None:
        """Return another row that asked for the same and is of unknown outcome."""
        others = (row for row in self._rows.get(request_key, ()) if row.id != name)
        return next((row for row in others if row.status == "unknown"), None)


def _unrepeated(name: str) -> str:
    return re.sub(r"~#\d+$", "", name)


def in_shard(name: str, shard: Shard | None) -> bool:
    """Return whether a row of this id is a shard's; another row's coming or going moves none."""
    if shard is None:
        return True
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % shard[1] == shard[0] - 1


def judged(last: Last, entry: Entry | None) -> Last:
    """Return what is known of a row once the record has been asked after its job.

    Only what is unknown, or not in its place, can become something else by that.

    Args:
        last: What the results say.
        entry: The job of its `record_id`; None if the record does not know it.
    """
    if entry is None or entry.is_running or last.status not in ("unknown", "not-placed"):
        return last
    status = _JUDGED.get(entry.state, last.status)
    if last.status == "not-placed" and status != "done":
        return last
    price_usd = last.price_usd if entry.price_usd is None else entry.price_usd
    news = last._replace(status=status, price_usd=price_usd)
    if status == "done":
        return news._replace(pictures=tuple(Picture(one.path, one.sha256) for one in entry.outputs))
    if status == "not-placed":
        return news._replace(kept=entry.rescued)
    if status == "rejected" and entry.settled is not None:
        return news._replace(message=f"settled as {entry.settled}")
    return news


def decide(
    last: Last | None,
    request_key: str,
    *,
    in_place: InPlace = "gone",
    entry: Entry | None = None,
    rerun: Collection[Rerun] = (),
    is_forced: bool = False,
) -> Decision:
    """Return what is to be done with a row that no twin stands in the way of.

    Args:
        last: What is known of it, as `judged` and `pictures.Search` return it; None if nothing.
        request_key: What it asks for now.
        in_place: Where its pictures are.
        entry: Its job on record, for words only.
        rerun: What the user wants to be sent once more.
        is_forced: Whether what is no picture of this batch may be written over.
    """
    is_same = last is not None and last.request_key == request_key
    if last is None or last.status in (_DUE if is_same else (*_DUE, "rejected")):
        return Decision(action="send", again="unknown" in rerun)
    if last.status == "unknown":
        return _of_unknown(last, entry, rerun)
    if last.status == "rejected":
        why = last.message or "the service rejected it"
        return _unless_rerun("failed", why, last, rerun)
    if not is_same:
        where = ", ".join((*(one.path for one in last.pictures), *last.kept))
        why = f"it has changed since its picture was made{f': {where}' if where else ''}"
        return _unless_rerun("changed", why, last, rerun, replaces=in_place == "there")
    if last.status == "done" and in_place == "there":
        return Decision(action="skip")
    return _of_missing(last, in_place, rerun, is_forced=is_forced)


def _of_unknown(last: Last, entry: Entry | None, rerun: Collection[Rerun]) -> Decision:
    """Return what is to be done with a row that may have been paid for: nothing, by itself."""
    if entry is not None and entry.is_running:
        why = f"another process ({entry.pid}) is at it"
        return Decision(action="list", why=why, cures=("run it again once that has ended",))
    why = "it was sent, and its outcome is unknown, so it may be billed"
    cures: tuple[str, ...] = (f"look at {addresses.DASHBOARD}",)
    if entry is not None:
        show = f"look at `prodia-compose jobs show {entry.id}` and {addresses.DASHBOARD}"
        settle = f"`prodia-compose jobs settle {entry.id} not-billed` (or billed) says so"
        fetch = f"`prodia-compose jobs fetch {entry.id}` brings its picture if there is one"
        cures = (fetch if entry.is_at_service else show, f"once you know, {settle}")
    return _unless_rerun("unknown", why, last, rerun, *cures)


def _of_missing(
    last: Last, in_place: InPlace, rerun: Collection[Rerun], *, is_forced: bool
) -> Decision:
    """Return what is to be done with a row that is paid for and has no picture in its place."""
    where = ", ".join(one.path for one in last.pictures)
    kept = f"; a copy is kept as {', '.join(last.kept)}" if last.kept else ""
    if in_place == "altered":
        why = f"its picture is not as it was saved: {where}{kept}"
        if not is_forced and (last.kept or "missing" in rerun):
            cure = f"move {where} away, or let -f replace it"
            word: Rerun | None = None if "missing" in rerun else "missing"
            return Decision(action="list", why=why, cures=(cure,), rerun=word)
    elif last.status == "not-placed":
        why = last.message or "its picture came, and could not be placed"
    else:
        why = f"its picture is gone: {where}"
    if last.kept:
        return Decision(action="place", why=why, replaces=is_forced)
    return _unless_rerun("missing", why, last, rerun, replaces=is_forced)


def _unless_rerun(
    word: Rerun,
    why: str,
    last: Last,
    rerun: Collection[Rerun],
    *cures: str,
    replaces: bool = False,
) -> Decision:
    if word in rerun:
        return Decision(action="send", again="unknown" in rerun, replaces=replaces)
    line = f"--rerun {word} --only {shlex.quote(last.id)} sends it once more"
    return Decision(action="list", why=why, cures=(*cures, line), rerun=word)


def with_twins(
    decision: Decision,
    name: str,
    request_key: str,
    *,
    twins: Twins,
    is_new: bool,
    rerun: Collection[Rerun] = (),
) -> Decision:
    """Return what is to be done with a row in view of the others that asked for the same.

    Args:
        decision: As `decide` returns it.
        name: The row's id.
        request_key: What it asks for.
        twins: All rows of the batch, those of other shards too.
        is_new: Whether nothing is known of the id.
        rerun: What the user wants to be sent once more.
    """
    if decision.action != "send":
        return decision
    unknown = None if "unknown" in rerun else twins.unknown(name, request_key)
    if unknown is not None:
        why = f"the same was sent as {unknown.id}, and its outcome is unknown; nothing was sent"
        cure = f"settle that first: --only {shlex.quote(unknown.id)} tells how"
        return Decision(action="refuse", why=why, cures=(cure,), code=errors.ExitCode.UNKNOWN)
    done = twins.done(name, request_key) if is_new and "missing" not in rerun else None
    if done is not None:
        why = f"it is made as {done.id}: {', '.join(one.path for one in done.pictures)}"
        cure = f"--rerun missing --only {shlex.quote(name)} makes another"
        return Decision(action="list", why=why, cures=(cure,), rerun="missing")
    return decision
