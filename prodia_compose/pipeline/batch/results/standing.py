"""Where each row of a batch stands: by the results, the record, and the pictures themselves."""

import copy
from collections.abc import Collection
from typing import TYPE_CHECKING

from prodia_compose.pipeline.batch.results import due, history, pictures
from prodia_compose.pipeline.batch.results.due import Decision, Rerun
from prodia_compose.pipeline.batch.results.history import History, Last
from prodia_compose.record.entries import Entry

if TYPE_CHECKING:  # for an annotation; a plan must not load sqlite3
    from prodia_compose.record.ledger import Ledger


class Standing:
    """What is known of all rows that earlier runs met, and what is to be done by that.

    Attributes:
        last: The latest of each row, by its id, as the record and the pictures have it.
        settled: The ids of those of which the results alone say something else.
        history: What the results say, its sums by what is known now.
    """

    def __init__(
        self,
        known: History,
        record: "Ledger",
        *,
        is_sandbox: bool = False,
        rerun: Collection[Rerun] = (),
        is_forced: bool = False,
    ) -> None:
        """Ask the record, and look for pictures, of rows whose outcome the results leave open.

        Args:
            known: What the results say.
            record: Where the jobs are; it stays open while there is something to decide.
            is_sandbox: Whether they cost nothing.
            rerun: What the user wants to be sent once more.
            is_forced: Whether what is no picture of this batch may be written over.
        """
        self.last = dict(known.last)
        self.settled: set[str] = set()
        self.history = copy.copy(known)  # its sums change
        self._record = record
        self._rerun = frozenset(rerun)
        self._is_forced = is_forced
        self._search = pictures.Search(is_sandbox=is_sandbox)
        running = set()  # by another process: they stand in nobody's way, as on record
        for name, before in known.last.items():
            if before.status in ("unknown", "not-placed"):
                entry = self._entry(before)
                if entry is not None and entry.is_running:
                    running.add(name)
                last = self._search.settled(due.judged(before, entry), entry)
                self.last[name] = last
                if last.status != before.status:
                    self._settle(before, last, entry)
        self._twins = due.Twins(last for last in self.last.values() if last.id not in running)

    def decide(self, name: str, request_key: str) -> Decision:
        """Return what is to be done with the row of an id that asks for this now.

        `last` of that id has the copies to place, then.
        """
        last, entry = self.last.get(name), None
        in_place = pictures.in_place(last)
        if last is not None and last.status in ("unknown", "not-placed", "done"):
            is_whole = last.status == "done" and in_place == "there"
            entry = None if is_whole else self._entry(last)
            if last.status != "unknown" and not is_whole:
                self.last[name] = last = self._search.with_kept(last, entry)
        decision = due.decide(
            last,
            request_key,
            in_place=in_place,
            entry=entry,
            rerun=self._rerun,
            is_forced=self._is_forced,
        )
        return due.with_twins(
            decision,
            name,
            request_key,
            twins=self._twins,
            is_new=last is None,
            rerun=self._rerun,
        )

    def halves(self, last: Last) -> list[str]:
        """Return files that were half-way to the places where a row's pictures are."""
        return self._search.halves(last)

    def job(self, name: str) -> Entry | None:
        """Return the last job of a row on record, so that what is done for it is told there, too."""
        last = self.last.get(name)
        return None if last is None else self._entry(last)

    def _entry(self, last: Last) -> Entry | None:
        return None if last.record_id is None else self._record.entry(last.record_id)

    def _settle(self, before: Last, last: Last, entry: Entry | None) -> None:
        self.settled.add(last.id)
        billed = entry.may_be_billed if entry is not None and last.status == "rejected" else None
        self.history.count(before, history.amount(before), -1)
        self.history.count(last, history.amount(last, may_be_billed=billed))
