"""The record of jobs as its callers meet it: begun, advanced, asked, summed up."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import ledgering as lg
import pytest
from tables import table

from prodia_compose import errors
from prodia_compose.record import database, entries, ledger, spending
from prodia_compose.report import jobs, jsontext


@pytest.fixture
def record() -> Iterator[ledger.Ledger]:
    """Give an empty record that is in order, and must be so at the end."""
    with ledger.open_record({}) as opened:
        yield opened
        assert opened.trouble is None


# --- one job -----------------------------------------------------------------------------------


def test_a_job_as_json(record: ledger.Ledger) -> None:
    """A job is told with all that was claimed of it, and what each state has added; times in UTC."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    entry = record.begin(
        lg.claim(
            estimate_min_usd=0.08,
            estimate_usd=0.16,
            request_key="e" * 64,
            output="/out/composed.jpg",
            inputs=(
                entries.Source(
                    path="/shots/mug.jpg",
                    sent_sha256=lg.SHA_1,
                    sha256="8" * 64,
                    size=1200,
                    mtime_ns=1764633600123456789,
                ),
                entries.Source(path="-", sent_sha256=lg.SHA_2, sha256="9" * 64, size=900),
            ),
        )
    )
    (found,) = record.entries()
    (begun,) = json.loads(jsontext.line(jobs.jobs([found])))["jobs"]
    entry.advance("sending")
    entry.advance("accepted", job_id="job-1", request_id="request-1")
    entry.advance("received", price_usd=0.039, came=["f" * 64])
    entry.advance("saved", outputs=[entries.File(path="/out/a.jpg", sha256="f" * 64)], exit_code=0)
    document = json.loads(jsontext.line(jobs.jobs(record.entries())))

    (ended,) = document["jobs"]
    assert document["schema"] == "prodia-compose/jobs@1"
    assert before <= found.begun_at == found.changed_at <= datetime.now(UTC)
    assert ended.pop("changed_at") >= begun.pop("changed_at") == begun["begun_at"]
    assert begun["begun_at"].endswith("Z")
    own = {"id": entry.id, "pid": os.getpid(), "begun_at": begun["begun_at"]}
    assert begun == {**table("record/job")["prepared"], **own}
    assert ended == {**begun, **table("record/job")["saved"]}


def test_busy_service_takes_a_job_back_to_prepared(record: ledger.Ledger) -> None:
    """A job that was turned away and waits has not run, even if it is killed waiting."""
    entry = record.begin(lg.claim())
    entry.advance("sending")
    entry.advance("prepared")
    lg.sql("UPDATE jobs SET process = ''")

    assert record.entries()[0].state == "not-delivered"


@pytest.mark.parametrize(("reached", "exit_code", "rescued", "state"), table("record/ended"))
def test_run_that_has_ended(
    record: ledger.Ledger,
    reached: entries.State,
    exit_code: int,
    rescued: list[str],
    state: entries.State,
) -> None:
    """With an exit code nobody is at a job any more, though the process may live on."""
    entry = record.begin(lg.claim())
    lg.advance_to(entry, reached)
    entry.advance(reached, exit_code=exit_code, rescued=rescued or None)
    (found,) = record.entries()

    assert (found.state, found.reached, found.is_running) == (state, reached, False)
    assert list(found.rescued) == rescued


@pytest.mark.parametrize(("steps", "known"), table("record/async"))
def test_async_job_stays_one(
    record: ledger.Ledger, steps: list[tuple[entries.State, str | None]], known: list[bool]
) -> None:
    """A job whose id was known as it was accepted runs by itself, whatever becomes of it."""
    entry = record.begin(lg.claim())
    for state, job_id in steps:
        entry.advance(state, job_id=job_id)
    running = record.find(str(entry.id))
    lg.sql("UPDATE jobs SET process = ''")
    (found,) = record.entries()

    assert [found.is_async, found.is_at_service] == known
    assert not running.is_running or not running.is_at_service


def test_fetching_takes_an_entry_up_again(record: ledger.Ledger) -> None:
    """An async job whose client was killed belongs to whoever fetches it, and then blocks no more."""
    lg.advance_to(record.begin(lg.claim()), "accepted")
    lg.sql("UPDATE jobs SET process = ''")
    (dead,) = record.entries()
    entry = record.reopen(dead)
    steps: list[tuple[entries.State, int | None]] = [("accepted", None), ("unknown", 9)]
    for state, exit_code in (*steps, steps[0], ("saved", 0)):
        entry.advance(state, exit_code=exit_code)
        (found,) = record.entries()
        assert (found.state, found.exit_code) == (state, exit_code)
        assert found.is_running == (exit_code is None)
        assert (record.unknown_twin(lg.claim()) is not None) == (state == "unknown")


def test_repeated_state_costs_no_write(
    record: ledger.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the claim and an async job's id wait for the disk; a state told twice is written once."""
    write = mock.create_autospec(database.Database.write, side_effect=database.Database.write)
    monkeypatch.setattr(database.Database, "write", write)
    entry = record.begin(lg.claim())
    for state in ("sending", "sending", "accepted"):
        entry.advance(state)
    entry.advance("accepted", job_id="job-1")
    entry.advance("received", price_usd=0.03)
    entry.advance("saved", exit_code=0)

    assert [(call.args[2]["state"], call.kwargs["flushed"]) for call in write.mock_calls] == [
        *(("prepared", False), ("sending", True), ("accepted", False), ("accepted", True)),
        *(("received", False), ("saved", False)),
    ]


def test_order_is_that_of_beginning(record: ledger.Ledger) -> None:
    """Jobs are listed by when they began, the last first, even if the clock was set back."""
    names = [record.begin(lg.claim()).id for _ in range(3)]
    lg.sql("UPDATE jobs SET begun_at = '2999-01-01T00:00:00.000Z' WHERE id = ?", names[0])

    assert [entry.id for entry in record.entries()] == names[::-1]
    assert [entry.id for entry in record.entries(limit=2)] == [names[2], names[1]]
    assert record.entries(limit=0) == record.entries(limit=-3) == ()
    assert len(record.entries(limit=10**30)) == 3
    year_on = datetime.now(UTC) + timedelta(days=365)
    assert [entry.id for entry in record.entries(since=year_on)] == [names[0]]


# --- twins -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("history", "blocking"), table("record/twins"))
def test_which_twin_blocks(
    record: ledger.Ledger, history: list[tuple[entries.State, str]], blocking: int | None
) -> None:
    """The newest unknown one does, unless an identical job has brought a picture since."""
    names = []
    for reached, fate in history:
        entry = record.begin(lg.claim())
        lg.advance_to(entry, reached)
        if fate == "rescued":
            entry.advance(reached, exit_code=10, rescued=["/state/rescued/a.jpg"])
        elif fate == "dead":
            lg.sql("UPDATE jobs SET process = '' WHERE id = ?", entry.id)
        names.append(entry.id)
    twin = record.unknown_twin(lg.claim())

    assert (twin.id if twin else None) == (None if blocking is None else names[blocking])


@pytest.mark.parametrize(
    ("other", "is_twin"),
    [
        (lg.claim(prompt="another"), False),
        (lg.claim(model="flux-2-pro"), False),
        (lg.claim(host="127.0.0.1:8080"), False),
        (lg.claim(hashes=(lg.SHA_2, lg.SHA_1)), False),
        (lg.claim(names=("mug.jpg",), hashes=(lg.SHA_1,)), False),
        (lg.claim(host="Inference.PRODIA.com", names=("x.jpg", "y.jpg"), output="z.png"), True),
    ],
)
def test_what_makes_a_twin(other: entries.Claim, *, is_twin: bool) -> None:
    """Prompt, model, service and pictures in their order do; names here and letter case do not."""
    assert (other.twin_key == lg.claim().twin_key) == is_twin


@pytest.mark.parametrize(
    ("other", "is_twin"),
    [
        ({"request_key": lg.claim().request_key}, True),
        ({"request_key": "e" * 64}, False),
        ({"request_key": lg.claim().request_key, "host": "Inference.Prodia.com"}, True),
        ({"request_key": lg.claim().request_key, "host": "h.example"}, False),
    ],
)
def test_twins_by_what_they_ask_for(
    record: ledger.Ledger, other: dict[str, Any], *, is_twin: bool
) -> None:
    """Of one service and request key is enough, whatever bytes were sent; a saved one settles it."""
    lg.advance_to(record.begin(lg.claim()), "unknown")
    later = lg.claim(hashes=("7" * 64, "8" * 64), **other)

    assert (record.unknown_twin(later) is not None) is is_twin
    assert record.saved(later.host, later.request_key) == ()
    entry = record.begin(later)
    lg.advance_to(entry, "saved")
    assert (record.unknown_twin(lg.claim()) is None) is is_twin
    assert [one.id for one in record.saved(later.host.upper(), later.request_key)] == [entry.id]


@pytest.mark.parametrize("settled", ["billed", "not-billed"])
def test_a_settled_twin_blocks_nothing(record: ledger.Ledger, settled: entries.Settled) -> None:
    """What the user has found out about an unknown outcome is kept with it, and counts."""
    entry = record.begin(lg.claim())
    entry.advance("unknown", exit_code=9)
    entry.advance("unknown", settled=settled, is_sandbox=True)
    (found,) = record.entries()

    assert (found.settled, found.is_sandbox) == (settled, True)
    assert record.unknown_twin(lg.claim()) is None


def test_saved_jobs_come_the_last_one_first(record: ledger.Ledger) -> None:
    """Of the jobs for one picture, those that are saved are found, and no others."""
    names = []
    for reached in ("saved", "rejected", "saved", "received"):
        entry = record.begin(lg.claim())
        lg.advance_to(entry, reached)
        names.append(entry.id)

    found = record.saved(lg.claim().host, lg.claim().request_key)
    assert [one.id for one in found] == [names[2], names[0]]


# --- inputs as they were -----------------------------------------------------------------------

ODD = os.fsdecode(b'/in/"caf\xe9\n%_.jpg')


def _source(path: str, sha256: str, size: int, mtime_ns: int | None) -> entries.Source:
    return entries.Source(
        path=path, sent_sha256=lg.SHA_1, sha256=sha256 * 64, size=size, mtime_ns=mtime_ns
    )


@pytest.mark.parametrize(
    ("path", "size", "mtime_ns", "known"),
    [
        ("/in/a.jpg", 10, 20, "c"),
        ("/in/b.jpg", 11, 21, "b"),
        (ODD, 12, 22, "d"),
        ("/in/a.jpg", 11, 21, None),
        ("/in/a.jpg", 0, 20, None),
        ("/in/a.jpg", 10, 2, None),
        ("in/a.jpg", 10, 20, None),
        ("a.jpg", 10, 20, None),
        ("/in/c.jpg", 13, 23, None),
        ("-", 14, 24, None),
    ],
)
def test_what_was_in_an_input(
    record: ledger.Ledger, path: str, size: int, mtime_ns: int, known: str | None
) -> None:
    """The hash of a file of this path, size and time is told, the last one written of it."""
    first = (_source("/in/a.jpg", "a", 10, 20), _source("/in/b.jpg", "b", 11, 21))
    last = (_source("/in/a.jpg", "c", 10, 20), _source(ODD, "d", 12, 22))
    piped = (_source("-", "e", 14, None), entries.Source(path="c.jpg", sent_sha256=lg.SHA_1))
    for inputs in (first, last, piped):
        record.begin(lg.claim(inputs=inputs))

    found = record.known_sha256(path, size, mtime_ns)
    assert found == (None if known is None else known * 64)


# --- finding -----------------------------------------------------------------------------------


@pytest.fixture
def named(record: ledger.Ledger) -> ledger.Ledger:
    """Give a record of jobs with known ids, ours and the service's."""
    job_ids = ("0a1F-JOB", "0b1F-JOB", "0c1F-JOB", "aaaa")
    for name, job_id in zip(("a" * 12, "b" * 12, "abc" * 4, "d" * 12), job_ids, strict=True):
        entry = record.begin(lg.claim())
        entry.advance("accepted", job_id=job_id)
        lg.sql("UPDATE jobs SET id = ? WHERE id = ?", name, entry.id)
    return record


@pytest.mark.parametrize(("prefix", "wanted"), table("record/finds")["found"])
def test_find(named: ledger.Ledger, prefix: str, wanted: str) -> None:
    """Any unique beginning of our id or the service's finds a job; a whole id is preferred."""
    assert named.find(prefix).id == wanted


@pytest.mark.parametrize(("prefix", "words"), table("record/finds")["refused"])
def test_find_nothing_or_too_much(named: ledger.Ledger, prefix: str, words: str) -> None:
    """No job, or several, is a usage error that names the candidates."""
    with pytest.raises(errors.UsageError, match=words):
        named.find(prefix)


def test_many_candidates_are_counted(record: ledger.Ledger) -> None:
    """Of many candidates the newest five are named."""
    for _ in range(8):
        record.begin(lg.claim()).advance("accepted", job_id="same")

    with pytest.raises(errors.UsageError, match=r"8 jobs have an id .* and 3 more"):
        record.find("same")


# --- switches ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["off", "OFF", " Off ", "0", "no", "false"])
def test_switched_off(value: str) -> None:
    """Switched off, nothing is recorded, made, or said."""
    with ledger.open_record({"PRODIA_COMPOSE_RECORD": value}) as opened:
        entry = opened.begin(lg.claim())
        lg.advance_to(entry, "saved")
        assert (entry.id, opened.entries(), opened.trouble) == (None, (), None)

    assert not os.path.lexists(os.environ["XDG_STATE_HOME"])


@pytest.mark.parametrize("value", ["", "on", "1", "offline"])
def test_not_switched_off(value: str) -> None:
    """Any other value leaves the record on."""
    with ledger.open_record({"PRODIA_COMPOSE_RECORD": value}) as opened:
        assert opened.begin(lg.claim()).id is not None


def test_reading_makes_no_record() -> None:
    """Whoever only reads finds a missing record empty and leaves it missing."""
    with ledger.open_record({}, create=False) as opened:
        assert (opened.entries(), opened.trouble) == ((), None)
        assert opened.unknown_twin(lg.claim()) is None
        assert opened.begin(lg.claim()).id is None
    assert not lg.path().exists()


def test_closed_record_does_nothing(record: ledger.Ledger) -> None:
    """After closing, every call is harmless."""
    entry = record.begin(lg.claim())
    record.close()
    record.close()
    entry.advance("sending")

    assert record.entries() == ()
    with ledger.open_record({}, create=False) as opened:
        assert [one.reached for one in opened.entries()] == ["prepared"]


# --- odd values --------------------------------------------------------------------------------


def test_names_that_are_not_utf8(record: ledger.Ledger) -> None:
    """Names of any bytes are kept, and shown escaped with their bytes beside them."""
    odd = os.fsdecode(b"caf\xe9\n.jpg")
    entry = record.begin(lg.claim(names=(odd, "b.jpg"), output=f"/out/{odd}"))
    entry.advance("received", rescued=[f"/state/{odd}"], exit_code=10)
    (found,) = record.entries()
    (job,) = json.loads(jsontext.line(jobs.jobs([found])))["jobs"]

    shown = {"name": "caf\\xe9\\n.jpg", "name_b64": "Y2Fm6QouanBn"}
    assert (found.inputs[0].path, found.output) == (odd, f"/out/{odd}")
    assert found.rescued == (f"/state/{odd}",)
    assert job["inputs"][0].items() >= {**shown, "path": None}.items()
    path = {"path": "/out/caf\\xe9\\n.jpg", "path_b64": "L291dC9jYWbpCi5qcGc="}
    assert job["output"] == {**shown, **path}
    path = {"path": "/state/caf\\xe9\\n.jpg", "path_b64": "L3N0YXRlL2NhZukKLmpwZw=="}
    assert job["rescued"] == [path]


def test_half_characters_from_the_service(record: ledger.Ledger) -> None:
    """Text that UTF-8 cannot write is recorded and shown escaped."""
    entry = record.begin(lg.claim(prompt="half \ud800"))
    entry.advance("accepted", job_id="id \udfff", request_id="nul \0 and \ud800")
    (job,) = json.loads(jsontext.line(jobs.jobs(record.entries())))["jobs"]

    assert job["config"]["prompt"] == "half \\ud800"
    assert (job["job_id"], job["request_id"]) == ("id \\udfff", "nul \0 and \\ud800")


@pytest.mark.parametrize("price", [float("nan"), float("inf")])
def test_price_that_is_no_price(record: ledger.Ledger, price: float) -> None:
    """A price that is no amount is no price."""
    record.begin(lg.claim()).advance("saved", price_usd=price)

    assert record.entries()[0].price_usd is None


# --- spend -------------------------------------------------------------------------------------


@pytest.fixture
def kiritimati(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the process 14 hours ahead of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XXX-14")
        time.tzset()
        yield
    time.tzset()


def spent(
    record: ledger.Ledger, begun_at: str, reached: entries.State, answer: Any, claimed: Any
) -> None:
    """Record a job that began at a time, and what was told as it came to its end."""
    entry = record.begin(lg.claim(**claimed))
    entry.advance("sending")
    entry.advance(reached, **answer)
    lg.sql("UPDATE jobs SET begun_at = ? WHERE id = ?", begun_at, entry.id)


def test_spend_by_day_and_model(record: ledger.Ledger, kiritimati: None) -> None:
    """Sums are by local day and model; what is unknown is counted as unknown, never as nothing."""
    for row in table("record/spend")["jobs"]:
        spent(record, *row)

    document = json.loads(jsontext.line(jobs.spend(spending.spending(record.entries()))))
    assert document == table("record/spend")["document"]


def test_spend_since(record: ledger.Ledger) -> None:
    """Only what began at or after a moment is summed; of nothing there is no sum, not even 0."""
    spent(record, "2026-03-01T00:00:00.000Z", "saved", {"price_usd": 1.0}, {})
    spent(record, "2026-03-02T00:00:00.000Z", "saved", {"price_usd": 2.0}, {})
    since = datetime(2026, 3, 2, tzinfo=UTC)

    found = spending.spending(record.entries(since=since), since=since)
    none = spending.spending(record.entries(since=since + timedelta(days=1)))

    assert found.total.actual_usd == 2.0
    assert list(found.lines) == [(since.astimezone().date(), "nano-banana")]
    assert jobs.spend(found)["since"] == "2026-03-02T00:00:00.000Z"
    assert (none.lines, none.total.jobs) == ({}, 0)
    assert (none.total.actual_usd, none.total.at_most_usd) == (None, None)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("https://shop.example/mugs/blue.jpg?...", "blue.jpg"),
        ("HTTPS://shop.example/mugs/blue.jpg#a/b?c", "blue.jpg"),
        ("https://shop.example/blue.jpg/?...", "blue.jpg"),
        ("/shots/what?/mug #2.jpg", "mug #2.jpg"),
        ("/shots/which?.jpg", "which?.jpg"),
        ("/", "/"),
        ("-", "-"),
    ],
)
def test_name_of_an_input(path: str, name: str) -> None:
    """Of an address it is the last step before its query; a file's may have any character."""
    assert entries.base_name(path) == name


def test_a_job_is_paid_for_unless_it_is_told(record: ledger.Ledger) -> None:
    """Only what goes to the sandbox is a job of it."""
    record.begin(lg.claim())
    record.begin(lg.claim(), is_sandbox=True)

    assert [entry.is_sandbox for entry in record.entries()] == [True, False]
    assert [entry.is_sandbox for entry in record.entries(is_sandbox=True)] == [True]
    assert [entry.is_sandbox for entry in record.entries(is_sandbox=False)] == [False]
    assert [len(record.entries(limit=limit)) for limit in (-1, 0, 1, 2, 1 << 70)] == [0, 0, 1, 2, 2]


def test_an_id_that_is_none(record: ledger.Ledger) -> None:
    """Nothing is no beginning of an id, and a space no part of one."""
    entry = record.begin(lg.claim())
    entry.advance("accepted", job_id="ABC-1")
    for prefix in ("", " \t"):
        with pytest.raises(errors.UsageError, match="an empty id names no job"):
            record.find(prefix)

    for prefix in (f" {entry.id}\n", "abc", "ABC-1", str(entry.id)[:1].upper()):
        assert record.find(prefix).id == entry.id
    with pytest.raises(errors.UsageError, match="no job of the record has an id that begins so"):
        record.find("bc-1")
