"""What a file is to the jobs of the record, by its bytes."""

import hashlib
import os
from pathlib import Path

import ledgering as lg
import pytest

from prodia_compose import errors
from prodia_compose.record import contents, entries, ledger

PICTURE = b"a picture"
SHA256 = hashlib.sha256(PICTURE).hexdigest()


def _source(*, sent: str = lg.SHA_1, lay: str | None = None) -> entries.Source:
    return entries.Source(path="/shots/a.jpg", sent_sha256=sent, sha256=lay, size=9)


def _job(record: ledger.Ledger, *inputs: entries.Source, made: str = lg.SHA_2) -> str:
    """Write down a job that is saved; return its id."""
    entry = record.begin(lg.claim(inputs=inputs))
    file = entries.File(path="/out/made.jpg", sha256=made)
    entry.advance("saved", exit_code=0, outputs=[file])
    return str(entry.id)


def test_what_a_file_is_to_each_job(tmp_path: Path) -> None:
    """Made, used as it lay, used as it was sent, more than one of these; the last job first."""
    file = tmp_path / "any name"
    file.write_bytes(PICTURE)
    with ledger.open_record({}) as record:
        parts = {
            _job(record, _source(), made=SHA256): "the picture of this job",
            _job(record, _source(), _source(lay=SHA256)): "input 2 of this job",
            _job(record, _source(sent=SHA256)): "input 1 of this job",
            _job(record, _source(lay=SHA256), _source(), _source(sent=SHA256), made=SHA256): (
                "the picture and input 1 and input 3 of this job"
            ),
        }
        _job(record, _source())
        found = contents.find(record, str(file))

    assert [(entry.id, part.words) for entry, part in found] == list(reversed(parts.items()))


def test_what_was_kept_of_a_job(tmp_path: Path) -> None:
    """Kept copies are told by size and bytes; a job that also used the file is told for that."""
    file, other, same, gone = (tmp_path / name for name in ("file", "other", "same", "gone"))
    file.write_bytes(PICTURE)
    same.write_bytes(PICTURE)
    other.write_bytes(PICTURE.upper())
    with ledger.open_record({}) as record:
        kept = []
        for paths, inputs in (
            ([other], ()),
            ([gone, other, same], ()),
            ([gone], ()),
            ([same], (_source(lay=SHA256),)),
        ):
            entry = record.begin(lg.claim(inputs=inputs))
            entry.advance("received", exit_code=10, rescued=paths)
            kept.append(entry.id)
        found = contents.find(record, str(file))

    assert [(entry.id, part.words) for entry, part in found] == [
        (kept[3], "input 1 of this job"),
        (kept[1], "what was kept of this job"),
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is named, with the reason."""
    with ledger.open_record({}) as record, pytest.raises(errors.InputError) as caught:
        contents.find(record, os.fspath(tmp_path))

    assert caught.value.message == f"{tmp_path}: is a folder; name a picture in it"
    assert caught.value.path == str(tmp_path)


def test_a_damaged_row_hides_no_other(tmp_path: Path) -> None:
    """Where one row's lists are no JSON, the others are found all the same."""
    file = tmp_path / "file"
    file.write_bytes(PICTURE)
    with ledger.open_record({}) as record:
        sound, damaged = (_job(record, _source(), made=SHA256) for _ in range(2))
        change = "UPDATE jobs SET outputs = '[[', inputs = '{' WHERE id = :id"
        record.change(change, {"id": damaged})
        found = contents.find(record, str(file))
        made = contents.made(record, [SHA256])
        trouble = record.trouble

    assert [entry.id for entry, _ in found] == [entry.id for entry in made] == [sound]
    assert trouble is None


def test_what_came_for_a_job(tmp_path: Path) -> None:
    """A picture that came and was never saved finds its job, by the hash that was noted then."""
    file = tmp_path / "file"
    file.write_bytes(PICTURE)
    with ledger.open_record({}) as record:
        entry = record.begin(lg.claim())
        entry.advance("received", came=[SHA256])
        ((found, part),) = contents.find(record, str(file))

    assert (found.id, part.words) == (entry.id, "the picture of this job")


def test_what_was_made_at_a_place(tmp_path: Path) -> None:
    """A picture's place finds its job, of any bytes; an input's place does not."""
    place = b"/out/\xff.jpg".decode("utf-8", "surrogateescape")
    with ledger.open_record({}) as record:
        entry = record.begin(lg.claim(inputs=(_source(),)))
        files = [entries.File(path=place, sha256=SHA256, pixels_sha256=lg.SHA_2)]
        entry.advance("saved", exit_code=0, outputs=files)
        found = [contents.made(record, [sought]) for sought in (place, SHA256, lg.SHA_2)]
        none = [contents.made(record, [sought]) for sought in ("/shots/a.jpg", lg.SHA_1, "")]

    assert [[one.id for one in jobs] for jobs in found] == [[entry.id]] * 3
    assert none == [()] * 3
