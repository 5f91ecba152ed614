"""The results file of a batch: one run's at a time, on disk line by line, never torn."""

import contextlib
import errno
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import resulting as rs
from conftest import at_once, disk
from tables import raw

from prodia_compose import errors
from prodia_compose.pipeline.batch.results import file, history, names


@contextlib.contextmanager
def other_run(*argv: str, under: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """Give another process that holds a results file, once it tells so; it is killed at the end."""
    command = [*under, sys.executable, rs.__file__, *argv]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as started:
        try:
            assert started.stdout is not None
            assert started.stdout.readline() in ("held\n", "")
            yield started
        finally:
            started.kill()


def test_lines_of_a_run(tmp_path: Path) -> None:
    """The header is first, then each step of a row, whole and in the order written."""
    (tmp_path / "a.jpg").write_bytes(b"picture")
    path = tmp_path / "m.csv.results.jsonl"
    with rs.opened(path, "a", "b", header=replace(rs.HEADER, shard=(2, 8))) as results:
        rs.begin(results, "a", record_id="012345678901")
        results.end(rs.end("a", path=tmp_path / "a.jpg", meta={"sku": [1, "ü\u202e\x9b"]}))
        results.end(rs.end("b", "refused", reserved_usd=None))
    header, start, done, refused = rs.documents(path)

    assert header == {
        "schema": "prodia-compose/batch-header@1",
        "host": "inference.prodia.com",
        "sandbox": False,
        "shard": "2/8",
        "version": "0.1.0",
    }
    assert start.pop("at").endswith("Z")
    assert start == {
        "schema": "prodia-compose/row-start@1",
        "id": "a",
        "request_key": rs.KEY,
        "record_id": "012345678901",
        "reserved_usd": 0.04,
    }
    assert (done["outputs"][0]["path"], done["output"]["path"]) == ("a.jpg", "a.jpg")
    assert done["outputs"][0]["mtime_ns"] == (tmp_path / "a.jpg").stat().st_mtime_ns
    assert done["meta"] == {"sku": [1, "ü\u202e\x9b"]}
    assert refused["status"] == "refused"
    data = path.read_bytes()
    assert "ü".encode() in data
    assert b"\\u202e\\u009b" in data


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("out/a.jpg", "out/a.jpg"),
        ("{here}/out/a.jpg", "out/a.jpg"),
        ("../work/out/a.jpg", "out/a.jpg"),
        ("{here}/../elsewhere/a.jpg", "{here}/../elsewhere/a.jpg"),
        ("linked/a.jpg", "linked/a.jpg"),
        ("../to-work/out/a.jpg", "out/a.jpg"),
        ("/a.jpg", "/a.jpg"),
        ("./-", "./-"),
        ("-", "-"),
        ("https://example.com/a.jpg?k=1", "https://example.com/a.jpg?k=1"),
        ("caf\udce9.jpg", "caf\udce9.jpg"),
        ("data:x", "./data:x"),
    ],
)
def test_paths_can_be_moved_with_the_file(work: Path, written: str, shown: str) -> None:
    """A path is told from the file's folder on where it lies below that, else from the root."""
    (work / "out").mkdir()
    (work / "linked").symlink_to(work / "out")
    (work.parent / "to-work").symlink_to(work)
    written, shown = written.format(here=work), shown.format(here=work)
    with rs.opened("r.jsonl", "a") as results:
        results.end(rs.end("a", path=written, made={"id": "x", "path": written}))
    (_, line) = rs.documents(Path("r.jsonl"))
    (found,) = history.read(["r.jsonl"]).last.values()
    moved = work.rename(work.with_name("moved"))
    (after,) = history.read([str(moved / "r.jsonl")]).last.values()

    assert os.fsdecode(raw(line["output"])) == os.fsdecode(raw(line["made"])) == shown
    assert found.pictures[0].path == shown
    is_fixed = shown.startswith(("/", "https:")) or shown == "-"
    assert after.pictures[0].path == (shown if is_fixed else f"{moved}/{shown}")


def test_ids_of_any_bytes_come_back() -> None:
    """An id that is no text, as a path can be, is the same when it is read."""
    with rs.opened("r.jsonl", "caf\udce9.jpg") as results:
        rs.begin(results, "caf\udce9.jpg")
    with rs.opened("r.jsonl", "caf\udce9.jpg") as results:
        results.end(rs.end("caf\udce9.jpg"))

    assert list(history.read(["r.jsonl"]).last) == ["caf\udce9.jpg"]


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    """Lines of many threads do not mix, and none is lost."""
    path = tmp_path / "r.jsonl"
    ids = [f"row-{number}" for number in range(16)]

    def write(name: str) -> None:
        for _ in range(5):
            rs.begin(results, name)
            results.end(rs.end(name, "busy", meta="x" * 10_000))

    with rs.opened(path, *ids) as results:
        at_once(*(lambda name=name: write(name) for name in ids))
    shown = [one.get("id") for one in rs.documents(path)]

    assert sorted(shown[1:]) == sorted(ids * 10)
    assert {one.status for one in history.read([str(path)]).last.values()} == {"busy"}


def test_each_line_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is on disk, whole, before the next step; of a new file its name is, too."""
    path = tmp_path / "r.jsonl"
    flushed: list[int] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        status = os.fstat(descriptor)
        is_folder = status.st_ino == tmp_path.stat().st_ino
        flushed.append(0 if is_folder else status.st_size)

    monkeypatch.setattr(os, "fsync", note)
    with rs.opened(path, "a") as results:
        rs.begin(results, "a")
        first = path.stat().st_size
        assert flushed == [first, 0]
        results.end(rs.end("a"))
        assert flushed == [first, 0, path.stat().st_size]


def test_a_kill_loses_no_line(tmp_path: Path) -> None:
    """What was started before a kill is known, and is of unknown outcome."""
    path = tmp_path / "r.jsonl"
    with other_run(str(path), "a", "b") as started:
        started.kill()
        started.wait()

    assert {one.id: one.status for one in history.read([str(path)]).last.values()} == {
        "a": "unknown",
        "b": "unknown",
    }


# --- one run at a time ---------------------------------------------------------------------------


def test_a_file_that_another_run_holds(tmp_path: Path) -> None:
    """A second run of the same batch is told to wait, and has it once the first is gone."""
    path = tmp_path / "r.jsonl"
    with other_run(str(path), "a") as started:
        with pytest.raises(errors.OutputError, match=r"r\.jsonl: another run of this batch"):
            rs.opened(path, "a")
        started.kill()
        started.wait()
        with rs.opened(path, "a") as results:
            rs.begin(results, "a")
            with pytest.raises(errors.OutputError, match="another"):
                rs.opened(path, "a")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_that_cannot_lock(tmp_path: Path, nolock: Path, number: int) -> None:
    """Where nothing can be locked the run is refused, and no file is left."""
    (tmp_path / "nfs").mkdir()
    words = [f"LD_PRELOAD={nolock}", "NOLOCK=/nfs/", "HOW=all", f"ERRNO={number}"]
    with other_run(str(tmp_path / "nfs/r.jsonl"), "a", under=("env", *words)) as started:
        assert started.stderr is not None
        shown = started.stderr.read()

    assert "r.jsonl: this file system cannot lock; let --results name a file on a local" in shown
    assert "OutputError" in shown
    assert not list((tmp_path / "nfs").iterdir())


def test_many_runs_at_once_begin_one_file(tmp_path: Path) -> None:
    """Of runs that start together each has the file for itself, or is told to wait."""
    path = str(tmp_path / "out/r.jsonl")
    held = threading.Lock()
    done: list[int] = []

    def run() -> None:
        for _ in range(30):
            with contextlib.suppress(errors.OutputError):
                with file.Results(path, rs.HEADER, ids=["a"], create_dirs=True) as results:
                    assert held.acquire(blocking=False)
                    held.release()
                    if len(done) > 20:
                        rs.begin(results, "a")
                done.append(1)

    at_once(*[run] * 6)

    assert len(done) > 20
    assert history.read([path]).last["a"].status == "unknown"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_run_that_writes_nothing_leaves_nothing(tmp_path: Path, *, is_there: bool) -> None:
    """No file, and no folder, comes of a run that was refused after the file was opened."""
    path = tmp_path / "out/deep/r.jsonl"
    if is_there:
        path.parent.mkdir(parents=True)
        path.touch()
    with file.Results(str(path), rs.HEADER, ids=["a"], create_dirs=True):
        assert path.exists()

    assert path.exists() == (tmp_path / "out").exists() == is_there


# --- files that cannot be used -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/r.jsonl", "missing/r.jsonl: there is no folder missing; --create-dirs makes it"),
        ("folder", "folder: is a folder; name a file with --results"),
        ("pipe", "pipe: is no file; name one with --results"),
        ("link", "link: links to a folder that is not there; name another file with --results"),
        ("/dev/null", "/dev/null: is no file; name one with --results"),
        ("product.jpg/r.jsonl", "product.jpg/r.jsonl: part of the path is not a folder"),
        ("x" * 300, "x: the name is too long; choose another with --results"),
    ],
)
def test_places_that_will_not_do(work: Path, name: str, words: str) -> None:
    """A place for the results that cannot be written to is told before anything is sent."""
    (work / "folder").mkdir()
    os.mkfifo(work / "pipe")
    (work / "link").symlink_to("missing/r.jsonl")

    with pytest.raises(errors.OutputError) as caught:
        rs.opened(name, "a")
    assert caught.value.message.endswith(words)
    assert caught.value.path == name


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff\xe0 a picture",
        b"\xff\xd8\xff\xe0 a picture\nof two lines\n",
        b'{"id":"a"}\n',
        b'{"id":"a"}',
        b'{"schema":"prodia-compose/row-start@1","id":"a"}\n',
        b'{"schema":"prodia-compose/batch-header@2"}\n',
        b"[1]\n",
        b"id,prompt\na,b\n",
    ],
)
def test_other_files_stay_as_they_are(tmp_path: Path, data: bytes) -> None:
    """What is no results file is refused, and not a byte of it is cut off or added."""
    path = tmp_path / "file"
    path.write_bytes(data)

    with pytest.raises(errors.UsageError, match=r"file: is no results file of .* --results$"):
        rs.opened(path, "a")
    with pytest.raises(errors.UsageError):
        history.read([str(path)])
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"host": "localhost:1"}, "is of localhost:1, and this run is of inference.prodia.com; n"),
        ({"is_sandbox": True}, "is of the sandbox, and this run is of the service itself; name"),
        ({"shard": (1, 4)}, "is of its shard 1/4, and this run is of the whole batch; name an"),
    ],
)
def test_another_service_or_shard(tmp_path: Path, changed: dict[str, object], words: str) -> None:
    """Results of another host, of the sandbox, or of another part are not gone on with."""
    path = tmp_path / "r.jsonl"
    with rs.opened(path, "a", header=replace(rs.HEADER, **changed)) as results:  # type: ignore[arg-type] # a table
        rs.begin(results, "a")
    before = path.read_bytes()

    with pytest.raises(errors.UsageError) as caught:
        rs.opened(path, "a")
    assert caught.value.message.startswith(f"{path}: {words}")
    assert path.read_bytes() == before
    if "shard" in changed:
        assert history.read([str(path)], rs.HEADER).last
    else:
        with pytest.raises(errors.UsageError):
            history.read([str(path)], rs.HEADER)


def test_same_host_in_other_letters(tmp_path: Path) -> None:
    """A host is the same in capitals; another version of this tool goes on."""
    header = replace(rs.HEADER, host="Inference.Prodia.com", version="9.9")
    with rs.opened(tmp_path / "r.jsonl", "a") as results:
        rs.begin(results, "a")
    with rs.opened(tmp_path / "r.jsonl", "a", header=header) as results:
        rs.begin(results, "a")

    assert len(rs.documents(tmp_path / "r.jsonl")) == 3


def test_another_batch(tmp_path: Path) -> None:
    """A file in which none of the rows has a line is another batch's; one row is enough."""
    path = tmp_path / "r.jsonl"
    with rs.opened(path, "a", "b") as results:
        rs.begin(results, "a")
        rs.begin(results, "b")

    with pytest.raises(errors.UsageError, match="is of another batch: none of its rows is in"):
        rs.opened(path, "c")
    with rs.opened(path, "b", "c") as results:
        rs.begin(results, "c")


# --- torn lines, full disks ----------------------------------------------------------------------


def test_cut_anywhere_the_rest_goes_on(tmp_path: Path) -> None:
    """However much of the last line is lost, the lines before count, and what follows is whole."""
    path = tmp_path / "r.jsonl"
    with rs.opened(path, "a") as results:
        rs.begin(results, "a")
        results.end(rs.end("a"))
    data = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(data) if byte == 10]
    near = [cut + by for cut in (0, *ends) for by in (-2, -1, 0, 1)]
    for cut in sorted({*range(0, len(data), 23), *near} & set(range(len(data) + 1))):
        path.write_bytes(data[:cut])
        known = sum(end <= cut + 1 for end in ends)  # a line that lacks its end only is whole
        read = history.read([str(path)]).last
        with rs.opened(path, "a", "z") as results:
            rs.begin(results, "z")

        found = rs.documents(path)
        assert len(found) == max(known, 1) + 1
        statuses = {0: [], 1: [], 2: ["unknown"], 3: ["done"]}[known]
        assert [one.status for one in read.values()] == statuses
        assert found[-1]["id"] == "z"


@pytest.mark.parametrize("tail", [b"\0" * 5000, b'{"schema":"prod\0\0', b"{" * 200_000])
def test_what_a_power_cut_left(tmp_path: Path, tail: bytes) -> None:
    """Bytes at the end that are no line are passed over in reading, and cut off in writing."""
    path = tmp_path / "r.jsonl"
    with rs.opened(path, "a") as results:
        rs.begin(results, "a")
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    read = history.read([str(path)]).last
    rs.opened(path, "a").close()

    assert list(read) == ["a"]
    assert path.read_bytes() == whole


def test_a_line_of_any_length_is_read_and_so_is_what_follows(tmp_path: Path) -> None:
    """A row that tells much (its prompt, its `meta`) hides no later one; torn, it is cut off."""
    path = tmp_path / "r.jsonl"
    with rs.opened(path, "a", "b") as results:
        results.end(rs.end("a", meta="x" * (1 << 26)))
        rs.begin(results, "b")
    read = history.read([str(path)]).last
    assert {name: one.status for name, one in read.items()} == {"a": "done", "b": "unknown"}

    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[1][:-1])
    rs.opened(path, "a", "b").close()
    assert path.stat().st_size == len(whole)


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b'{"schema":"prodia-compose/row-start@1"',
        b'{"schema":"prodia-compose/row-start@1"}',
        b'{"schema":"prodia-compose/row-start@1","id":7}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"fine"}',
        b'{"schema":"prodia-compose/row@1","id":"a"}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"done","outputs":[1]}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"done","outputs":[{}]}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"done","price_usd":"1"}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"done","price_usd":-1}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"done","price_usd":NaN}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"done","price_usd":true}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"done","price_usd":1e300}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"done","record_id":"\\ud800"}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"done","outputs":[{"path":"\\u0000"}]}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"done","outputs":[{"path":"\\ud800"}]}',
        b'{"schema":"prodia-compose/row@1","id":"a","status":"not-placed","rescued":[{"path":"\\u0000"}]}',
        b'{"schema":"prodia-compose/row@1","id_b64":"!","status":"done"}',
        b'{"schema":"prodia-compose/row@2","id":"a"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_damaged_line_is_named(tmp_path: Path, line: bytes) -> None:
    """A line in the middle that cannot be understood stops the run: it may be a paid row's."""
    path = tmp_path / "r.jsonl"
    with rs.opened(path, "z") as results:
        rs.begin(results, "z")
    path.write_bytes(path.read_bytes() + line + b"\n")

    with pytest.raises(errors.InputError) as caught:
        history.read([str(path)])
    words = f"{path}:3: is no line of a batch's results; mend it, or go on with a copy of the"
    assert caught.value.message.startswith(words)


@pytest.mark.parametrize("line", [b"nonsense", b'{"schema":"prodia-compose/row@1"}'])
def test_damage_is_met_before_anything_is_written(tmp_path: Path, line: bytes) -> None:
    """A run does not go on from a file in which it finds no row of its own before the damage."""
    path = tmp_path / "r.jsonl"
    with rs.opened(path, "z") as results:
        rs.begin(results, "z")
    path.write_bytes(path.read_bytes() + line + b"\n")
    before = path.read_bytes()

    with pytest.raises(errors.InputError, match=":3: is no line of a batch's results"):
        rs.opened(path, "a")
    assert path.read_bytes() == before


def test_blank_lines_and_other_ends(tmp_path: Path) -> None:
    """What an editor leaves (CRLF, empty lines, a field of its own) does no harm."""
    path = tmp_path / "r.jsonl"
    with rs.opened(path, "a") as results:
        results.end(rs.end("a", note={"x": 1}))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n\n"))
    rs.opened(path, "a").close()

    assert history.read([str(path)]).last["a"].status == "done"


def test_full_disk(tmp_path: Path) -> None:
    """A line that does not fit is told, leaves no part of itself, and with room again all goes on."""
    with disk(tmp_path / "disk", "24k") as folder:
        path = folder / "r.jsonl"
        with rs.opened(path, "a", "b") as results:
            rs.begin(results, "a")
            before = path.read_bytes()
            with pytest.raises(file.UnwrittenError) as caught:
                results.end(rs.end("a", meta="x" * 40_000))
            assert path.read_bytes() == before
            results.end(rs.end("a"))

        assert caught.value.code == errors.ExitCode.OUTPUT
        assert f"{path}: the results cannot be written: the disk is full; make" in str(caught.value)
        assert history.read([str(path)]).last["a"].status == "done"
        with rs.opened(path, "a"):
            pass


def test_a_limit_on_files(tmp_path: Path) -> None:
    """A first line that does not fit leaves no file that a later run could not go on from."""
    path = tmp_path / "r.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with rs.opened(path, "a") as results:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150, hard))
        try:
            with pytest.raises(file.UnwrittenError):
                rs.begin(results, "a")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == b""
        rs.begin(results, "a")

    assert [json.loads(line)["schema"][15:] for line in path.read_text().splitlines()] == [
        "batch-header@1",
        "row-start@1",
    ]


@pytest.mark.parametrize("is_replaced", [True, False])
def test_a_file_that_was_taken_away(tmp_path: Path, *, is_replaced: bool) -> None:
    """No row is begun that the next run would not know of; those on their way are told still."""
    path, other = tmp_path / "r.jsonl", tmp_path / "other.jsonl"
    with rs.opened(path, "a", "b") as results:
        rs.begin(results, "a")
        path.rename(other)
        if is_replaced:
            rs.opened(path, "a", "b").close()
            path.touch()
        with pytest.raises(file.UnwrittenError, match="the file was removed or renamed; put it"):
            rs.begin(results, "b")
        results.end(rs.end("a"))

    assert {one.id: one.status for one in history.read([str(other)]).last.values()} == {"a": "done"}


@pytest.mark.parametrize("is_cut", [True, False])
def test_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_cut: bool) -> None:
    """A line that the disk did not take is gone again; if it stays, no other follows it."""
    path = tmp_path / "r.jsonl"

    def fail(*_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with rs.opened(path, "a", "b") as results:
        rs.begin(results, "a")
        whole = path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            if not is_cut:
                patch.setattr(os, "ftruncate", fail)
            with pytest.raises(file.UnwrittenError, match="the disk does not take them"):
                results.end(rs.end("a"))
        if is_cut:
            rs.begin(results, "b")
        else:
            with pytest.raises(file.UnwrittenError):
                rs.begin(results, "b")

    assert path.read_bytes().startswith(whole)
    assert len(rs.documents(path)) == 3
    with pytest.raises(file.UnwrittenError):
        rs.begin(results, "b")


def test_results_that_cannot_be_looked_for(work: Path) -> None:
    """Where earlier results may lie and nobody can look, nothing is sent."""
    with pytest.raises(errors.OutputError, match=r"earlier runs cannot be looked for: Not a dir"):
        names.family("product.jpg/r.jsonl")


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manifest", "target", "is_sandbox", "shard", "path"),
    [
        ("m.csv", "out/{id}.jpg", False, None, "m.csv.results.jsonl"),
        ("in/m.jsonl", "x.jpg", True, None, "in/m.jsonl.sandbox.results.jsonl"),
        ("m.csv", "x.jpg", False, (2, 8), "m.csv.2-of-8.results.jsonl"),
        ("m.csv", "x.jpg", True, (2, 8), "m.csv.sandbox.2-of-8.results.jsonl"),
        (None, "out/{each}.jpg", False, None, "out/batch.results.jsonl"),
        (None, "{each}.jpg", False, (1, 2), "batch.1-of-2.results.jsonl"),
        ("-", "/a/{{b}}/c-{each}/{id}.jpg", False, None, "/a/{b}/batch.results.jsonl"),
        ("-", "a/{{{each}}}/x.jpg", True, None, "a/batch.sandbox.results.jsonl"),
        (None, "x.jpg", False, None, "batch.results.jsonl"),
        (None, "../{each}.jpg", False, None, "../batch.results.jsonl"),
    ],
)
def test_default_names(
    manifest: str | None, target: str, shard: names.Shard | None, path: str, *, is_sandbox: bool
) -> None:
    """Results lie beside the manifest, or in the fixed folder of `-o`; a shard's have its mark."""
    found = names.of_shard(names.default_path(manifest, target, is_sandbox=is_sandbox), shard)

    assert found == path


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("m.csv.results.jsonl", ["m.csv.1-of-2.results.jsonl", "m.csv.results.jsonl"]),
        ("./m.csv.results.jsonl", ["./m.csv.1-of-2.results.jsonl", "./m.csv.results.jsonl"]),
        ("m.csv.sandbox.results.jsonl", ["m.csv.sandbox.3-of-4.results.jsonl"]),
        ("r.jsonl", ["r.1-of-2.jsonl", "r.12-of-20.jsonl"]),
        ("r", ["r", "r.1-of-2"]),
        ("m[.csv.results.jsonl", ["m[.csv.results.jsonl"]),
        ("none/r.jsonl", []),
        ("other.results.jsonl", []),
    ],
)
def test_results_that_lie_beside_one_another(tmp_path: Path, path: str, found: list[str]) -> None:
    """A run finds what runs of the same batch left, whole or split otherwise, and no other's."""
    for name in (
        *("m.csv.results.jsonl", "m.csv.1-of-2.results.jsonl", "m.csv.1-of-2.results.jsonl.bak"),
        *(
            "m.csv.sandbox.3-of-4.results.jsonl",
            "mXcsv.results.jsonl",
            "m.csv.x-of-2.results.jsonl",
        ),
        *("r.1-of-2.jsonl", "r.12-of-20.jsonl", "r", "r.1-of-2", "m[.csv.results.jsonl"),
    ):
        (tmp_path / name).touch()

    assert list(names.family(path)) == found
