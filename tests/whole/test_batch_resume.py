"""A batch run again: what became of each row, and what it asks for now, decide what is done."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import counting
import loopback
import pytest
from conftest import TOKEN, Done, Run, process  # noqa: F401

from prodia_compose.record import ledger


class Batch:
    """A batch of one row or more, and the service that it is sent to.

    Attributes:
        rows: By id, what is asked for.
    """

    def __init__(self, run: Run, service: counting.Service) -> None:
        self._run = run
        self.service = service
        self.rows: dict[str, dict[str, Any]] = {"a": {}}

    def run(self, *argv: str) -> Done:
        """Write the manifest and run the batch."""
        lines = []
        for name, fields in self.rows.items():
            known = {"id": name, "images": ["product.jpg"], "prompt": "red"}
            lines.append(json.dumps({**known, "output": f"{name}.jpg", **fields}))
        Path("rows.jsonl").write_text("\n".join(lines))
        return self._run("batch", "rows.jsonl", "-y", *argv)

    def statuses(self, *argv: str) -> dict[str, str]:
        """Run the batch and return the status of each row."""
        done = self.run("--json", *argv)
        documents = [json.loads(line) for line in done.out.splitlines()]
        assert all(one["schema"] == "prodia-compose/row@1" for one in documents[:-1]), done.err
        return {one["id"]: one["status"] for one in documents[:-1]}

    @property
    def asked(self) -> int:
        """How often the service was asked for anything."""
        return self.service.asked.total()


@pytest.fixture
def batch(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Batch]:
    """Return a batch of a row `a`, with the prompt "red" and the place `a.jpg`."""
    with counting.serve() as service:
        monkeypatch.setenv("PRODIA_BASE_URL", service.url)
        monkeypatch.setenv("PRODIA_TOKEN", TOKEN)
        yield Batch(run, service)


def take_place(prompt: str) -> None:
    """Be quicker than the service."""
    Path("a.jpg").write_text(prompt)


# Each makes the row `a`, once it is done, what it is called.


def gone(batch: Batch) -> None:
    batch.run()
    Path("a.jpg").unlink()


def altered(batch: Batch) -> None:
    batch.run()
    Path("a.jpg").write_bytes(counting.picture("blue"))


def done(batch: Batch) -> None:
    batch.run()


def gone_and_kept(batch: Batch) -> None:
    batch.run()
    kept = Path("../state/prodia-compose/rescued")
    kept.mkdir()
    shutil.move("a.jpg", kept / "any.jpg")


def altered_and_kept(batch: Batch) -> None:
    gone_and_kept(batch)
    Path("a.jpg").write_bytes(counting.picture("blue"))


def not_placed(batch: Batch) -> None:
    batch.service.meanwhile = take_place
    batch.run()
    batch.service.meanwhile = lambda _prompt: None
    Path("a.jpg").unlink()


def not_placed_and_taken(batch: Batch) -> None:
    not_placed(batch)
    take_place("mine")


def not_placed_nor_kept(batch: Batch) -> None:
    not_placed(batch)
    shutil.rmtree("../state/prodia-compose/rescued")


def unknown(batch: Batch) -> None:
    batch.service.answers["red"] = [loopback.drop("after")]
    batch.run()


def _settled(batch: Batch, outcome: str) -> None:
    unknown(batch)
    with ledger.open_record(os.environ) as record:
        name = record.entries()[0].id
    assert batch._run("jobs", "settle", name, outcome).code == 0


def not_billed(batch: Batch) -> None:
    _settled(batch, "not-billed")


def billed(batch: Batch) -> None:
    _settled(batch, "billed")


def rejected(batch: Batch) -> None:
    batch.service.answers["red"] = [loopback.status(400)]
    batch.run()


def busy(batch: Batch) -> None:
    batch.service.answers["red"] = [loopback.busy("900")]
    batch.run()


def cancelled(batch: Batch) -> None:
    batch.service.answers["red"] = [loopback.status(401)]
    batch.run()


def refused(batch: Batch) -> None:
    whole = Path("product.jpg").read_bytes()
    Path("product.jpg").write_bytes(whole[:-3000])
    batch.run()
    Path("product.jpg").write_bytes(whole)


SENT = (11, "done")
ALL = ("unknown", "failed", "missing", "changed")


@pytest.mark.parametrize(
    ("before", "same", "other", "word"),
    [
        (done, "skipped", "listed", "changed"),
        (gone, "listed", "listed", "missing"),
        (altered, "listed", "listed", "missing"),
        (gone_and_kept, "placed", "listed", ""),
        (altered_and_kept, "listed", "listed", ""),
        (not_placed, "placed", "listed", ""),
        (not_placed_and_taken, "not-placed", "listed", ""),
        (not_placed_nor_kept, "listed", "listed", "missing"),
        (unknown, "listed", "listed", "unknown"),
        (not_billed, "sent", "sent", ""),
        (billed, "listed", "sent", "failed"),
        (rejected, "listed", "sent", "failed"),
        (busy, "sent", "sent", ""),
        (cancelled, "sent", "sent", ""),
        (refused, "sent", "sent", ""),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
@pytest.mark.parametrize("is_same", [True, False], ids=["same", "other"])
def test_table(
    batch: Batch, before: Any, same: str, other: str, word: str, *, is_same: bool
) -> None:
    """Running it again does as the table says, and once more nothing; a word of `--rerun` sends."""
    before(batch)
    stood = Path("a.jpg").read_bytes() if Path("a.jpg").exists() else None
    if not is_same:
        batch.rows["a"]["prompt"] = "green"
    prompt = "red" if is_same else "green"
    expected = same if is_same else other
    sent = batch.asked

    told = batch.run()
    if expected == "listed":
        assert told.code == 11
        assert " a: " in told.err
        assert batch.asked == sent
        assert stood == (Path("a.jpg").read_bytes() if Path("a.jpg").exists() else None)
        words = {word if is_same or word == "unknown" else "changed"} - {""}
        for one in words:
            assert f"--rerun {one} --only a sends it once more" in told.err
            assert batch.run("--rerun", *(w for w in ALL if w != one)[:1]).code == 11
        assert batch.asked == sent
    elif expected == "not-placed":
        assert (told.code, batch.asked) == (11, sent)
        assert "exists already; -f overwrites it" in told.err
        assert Path("a.jpg").read_bytes() == stood
    else:
        assert told.code == 0, told.err
        assert told.text == "a.jpg\n"
        assert batch.asked == sent + (expected == "sent")
        assert Path("a.jpg").read_bytes() == counting.picture(prompt)
        assert batch.statuses() == {"a": "skipped"}
        assert batch.asked == sent + (expected == "sent")
