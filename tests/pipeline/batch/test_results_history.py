"""What results files say: the latest of each row, and what was spent over their whole life."""

import itertools
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import resulting as rs
from hypothesis import given
from hypothesis import strategies as st

from prodia_compose import errors
from prodia_compose.pipeline.batch.results import history, lines

START, END = "prodia-compose/row-start@1", "prodia-compose/row@1"


def written(path: Path, *steps: dict[str, object]) -> str:
    """Write a results file of these steps, and return its path."""
    path.write_bytes(b"".join(map(lines.written, (rs.HEADER.document(), *steps))))
    return str(path)


def start(name: str, reserved_usd: float | None = 0.04, **others: object) -> dict[str, object]:
    """Return a row's start."""
    known = {"schema": START, "id": name, "request_key": rs.KEY, "record_id": None}
    return {**known, "reserved_usd": reserved_usd, "at": "2026-12-02T00:59:00.000Z", **others}


def test_latest_line_of_a_row_counts(tmp_path: Path) -> None:
    """Each row is what its last line says, with what is needed to go on."""
    (tmp_path / "a.jpg").write_bytes(b"1234")
    kept = [{"path": "/state/rescued/x.jpg"}]
    path = written(
        tmp_path / "r.jsonl",
        start("a", record_id="r1"),
        rs.end("a", "unknown", record_id="r1"),
        start("a", record_id="r2"),
        start("b", record_id="r3"),
        rs.end("a", path=tmp_path / "a.jpg", record_id="r2"),
        rs.end("c", "not-placed", rescued=kept, errors=[{"exit_code": 10, "message": "x" * 999}]),
    )
    found = history.read([path]).last

    assert list(found) == ["a", "b", "c"]
    assert found["a"]._replace(pictures=()) == history.Last(
        id="a",
        status="done",
        request_key=rs.KEY,
        record_id="r2",
        price_usd=0.039,
        reserved_usd=0.04,
    )
    assert found["a"].pictures[0][:1] + found["a"].pictures[0][2:] == (f"{tmp_path}/a.jpg", 4, None)
    assert (found["b"].status, found["b"].record_id, found["b"].is_open) == ("unknown", "r3", True)
    assert found["c"].kept == ("/state/rescued/x.jpg",)
    assert (found["c"].exit_code, found["c"].message) == (10, "x" * 300)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_several_files_the_latest_counts(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Whatever file a row's last step is in, and in whatever order the files are read."""
    early, late = "2026-12-01T00:00:00.000Z", "2026-12-03T00:00:00.000Z"
    files = [
        written(tmp_path / "1.jsonl", rs.end("a", "busy"), rs.end("b", "busy", at=early)),
        written(tmp_path / "2.jsonl", rs.end("a", at=late)),
        written(tmp_path / "3.jsonl", rs.end("a", "rejected", at=early), start("c")),
    ]
    found = history.read([files[place] for place in order]).last

    assert {one.id: one.status for one in found.values()} == {
        "a": "done",
        "b": "busy",
        "c": "unknown",
    }


@pytest.mark.parametrize("status", ["rejected", "busy", "not-delivered", "cancelled", "refused"])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("is_open", [True, False])
def test_no_other_file_hides_an_unknown_outcome(
    tmp_path: Path, status: str, *, is_first: bool, is_open: bool
) -> None:
    """A clock set back may stamp another job's end later; the row would be sent once more."""
    early, late = "2026-12-01T00:00:00.000Z", "2026-12-03T00:00:00.000Z"
    unknown = start("a") if is_open else rs.end("a", "unknown")
    files = [
        written(tmp_path / "1.jsonl", unknown | {"at": early}),
        written(tmp_path / "2.jsonl", rs.end("a", status, at=late)),
    ]
    found = history.read(files if is_first else files[::-1]).last

    assert found["a"].status == "unknown"


def test_a_clock_that_went_back(tmp_path: Path) -> None:
    """In one file what was written last counts, whatever the clock said."""
    path = written(
        tmp_path / "r.jsonl",
        rs.end("a", "busy", at="2026-12-05T00:00:00.000Z"),
        rs.end("a", at="2026-12-01T00:00:00.000Z"),
    )

    assert history.read([path]).last["a"].status == "done"


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is named: what is in it may have been paid for."""
    with pytest.raises(errors.InputError, match=r"gone\.jsonl: cannot be read \(No such file"):
        history.read([str(tmp_path / "gone.jsonl")])


JOB: dict[str, Any] = {"record_id": "r1"}
AGAIN: dict[str, Any] = {"record_id": "r2"}
UNPRICED: dict[str, Any] = {"price_usd": None}


@pytest.mark.parametrize(
    ("steps", "spent", "unpriced"),
    [
        ([], "0", 0),
        ([start("a")], "0.04", 0),
        ([start("a"), rs.end("a")], "0.039", 0),
        ([start("a"), rs.end("a", price_usd=0.05)], "0.05", 0),
        ([start("a"), rs.end("a", **UNPRICED)], "0.04", 0),
        ([start("a", None)], "0", 1),
        ([start("a", None), rs.end("a", reserved_usd=None, **UNPRICED)], "0", 1),
        ([start("a", None), rs.end("a", reserved_usd=None)], "0.039", 0),
        *(
            ([start("a"), rs.end("a", status)], spent, 0)
            for status, spent in {
                **dict.fromkeys(("unknown", "not-placed"), "0.04"),
                **dict.fromkeys(("rejected", "busy", "not-delivered", "cancelled"), "0"),
            }.items()
        ),
        ([start("a"), rs.end("a", "rejected", may_be_billed=True)], "0.04", 0),
        ([start("a"), rs.end("a", "rejected", price_usd=0.02)], "0.02", 0),
        ([rs.end("a", "refused")], "0", 0),
        (
            [rs.end("a", reserved_usd=None, made={"path": "b.jpg", "taken": True}, **UNPRICED)],
            "0",
            0,
        ),
        # Sent again: each try counts.
        ([start("a"), rs.end("a"), start("a"), rs.end("a")], "0.078", 0),
        ([start("a", **JOB), start("a", **AGAIN)], "0.08", 0),
        ([start("a"), start("a"), rs.end("a")], "0.079", 0),
        ([start("a", **JOB), rs.end("a", **JOB), rs.end("a", "refused")], "0.039", 0),
        ([start("a"), rs.end("a"), rs.end("a", "refused")], "0.039", 0),
        ([start("a", **JOB), rs.end("a", "refused")], "0.04", 0),
        # Told once more: what became of the same try is known by now.
        ([start("a", **JOB), rs.end("a", "unknown", **JOB), rs.end("a", **JOB)], "0.039", 0),
        ([start("a", **JOB), rs.end("a", "not-delivered", **JOB)], "0", 0),
        ([start("a"), rs.end("a", "not-placed"), rs.end("a")], "0.039", 0),
        ([start("a"), start("b"), rs.end("b"), rs.end("a")], "0.078", 0),
    ],
)
def test_what_was_spent(
    tmp_path: Path, steps: list[dict[str, object]], spent: str, unpriced: int
) -> None:
    """Prices count, and the bounds of what may be billed and named none; of each try."""
    found = history.read([written(tmp_path / "r.jsonl", *steps)])

    assert (found.spent, found.unpriced) == (Decimal(spent), unpriced)


def test_bounds_are_told_from_prices(tmp_path: Path) -> None:
    """Of what was spent, the part that nobody named a price of; 0 once there is one."""
    steps = [start("a"), rs.end("a", price_usd=0.05), start("b"), start("c", **JOB)]
    path = tmp_path / "r.jsonl"
    assert history.read([written(path, *steps)]).bounds == Decimal("0.08")
    found = history.read([written(path, *steps, rs.end("c", price_usd=0.02, **JOB))])
    assert (found.spent, found.bounds) == (Decimal("0.11"), Decimal("0.04"))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.decimals("0", "9", places=4)), max_size=30))
def test_sums_are_exact(
    tmp_path_factory: pytest.TempPathFactory, paid: list[tuple[str, Decimal]]
) -> None:
    """However often each row was sent, and in whichever file, the sum is that of the prices."""
    folder = tmp_path_factory.mktemp("sums")
    steps = [
        [
            start(name, 9.0, record_id=f"{at}"),
            rs.end(name, price_usd=float(price), record_id=f"{at}"),
        ]
        for at, (name, price) in enumerate(paid)
    ]
    files = [
        written(folder / f"{part}.jsonl", *itertools.chain(*steps[part::2])) for part in range(2)
    ]

    assert history.read(files).spent == sum((price for _, price in paid), Decimal(0))


def _many(path: Path, count: int) -> str:
    """Write a results file of so many rows that are done, with all that such lines have."""
    digest, name = "0123456789abcdef" * 4, "products/autumn/ROW-a-rather-long-name.jpg"
    sent = [{"path": f"{name}-{at}", "sha256": digest, "sent_sha256": digest} for at in range(3)]
    done = rs.end(name, path=f"out/{name}.jpg", record_id="0123456789ab", images=sent)
    done |= {"outputs": [{**done["output"], "mtime_ns": 1764633600123456789}]}
    both = lines.written(start(name, record_id="0123456789ab")) + lines.written(done)
    with path.open("wb") as file:
        file.write(lines.written(rs.HEADER.document()))
        for number in range(count):
            file.write(both.replace(b"ROW", b"%06d" % number))
    return str(path)


def test_ten_thousand_rows(tmp_path: Path) -> None:
    """All are found, their prices summed up, and each takes about a kilobyte."""
    path = _many(tmp_path / "many.jsonl", 10_000)
    found = history.read([path])
    fewer = _many(tmp_path / "fewer.jsonl", 1000)
    tracemalloc.start()
    of_fewer = history.read([fewer])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(found.last) == 10_000
    assert found.spent == Decimal(390)
    assert len(of_fewer.last) == 1000
    assert held < 1000 * 1100
