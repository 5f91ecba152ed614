"""A batch's options: what their values may be, what contradicts what, and which have variables."""

from decimal import Decimal

import pytest
from batching import typed

from prodia_compose import errors
from prodia_compose.cli.options import reading
from prodia_compose.output.options import DEFAULT_TARGET
from prodia_compose.pipeline.batch.options import BatchOptions


def test_all_values_are_read() -> None:
    """Each option becomes a value of its kind; those of `compose` are defaults for the rows."""
    found = typed(
        *("rows.csv", "scene.jpg", "-p", "x", "-m", "flux-2-dev", "--steps", "9", "-j", "8"),
        *("--rate", "10/m", "--budget", "0.10", "-y", "--max-failures", "0", "--skip-invalid"),
        *("--rerun", "failed", "--rerun", "Missing", "--only", "a", "--only", "b"),
        *("--shard", "2/4", "--results", "r.jsonl", "--cluster", "tls://a:1", "--repeat", "3"),
        *("--vary", "seed=1..3", "--vary", "aspect-ratio=1:1,16:9", "--manifest-format", "tsv"),
    )

    assert (found.manifest, found.shared) == ("rows.csv", ("scene.jpg",))
    assert (found.request.model, found.request.settings.steps) == ("flux-2-dev", 9)
    assert (found.jobs, found.rate, found.budget_usd) == (8, 10 / 60, Decimal("0.10"))
    assert (found.yes, found.max_failures, found.skip_invalid) == (True, 0, True)
    assert (found.rerun, found.only, found.shard) == (("failed", "missing"), ("a", "b"), (2, 4))
    assert (found.results, found.cluster, found.repeat) == ("r.jsonl", "tls://a:1", 3)
    assert found.vary == (("seed", (1, 2, 3)), ("aspect_ratio", ("1:1", "16:9")))
    assert (found.manifest_format, found.each) == ("tsv", None)


@pytest.mark.parametrize(
    "address",
    ["tls://dask.example.com:8786", "tcp://127.0.0.1:1", "tcp://localhost:8786", "tcp://[::1]:80"],
)
def test_a_cluster_without_encryption_is_on_this_machine(address: str) -> None:
    """Others are reached by TLS."""
    assert typed("rows.csv", "--cluster", address).cluster == address


def test_defaults_send_one_job_a_row() -> None:
    """Where nothing is said, four jobs run at a time, once each, without a budget."""
    found = typed("rows.csv")

    assert (found.jobs, found.rate, found.repeat, found.budget_usd) == (4, None, 0, None)
    assert (found.shard, found.rerun, found.max_failures) == (None, (), None)
    assert found.request.placement.target == DEFAULT_TARGET


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--rate", "10"), "--rate 10: is no rate; write it as N/s, N/m or N/h"),
        (("--rate", "0/m"), "--rate 0/m: is no rate; write it"),
        (("--rate", "-1/s"), "--rate -1/s: is no rate; write it"),
        (("--rate", "1e9/s"), "--rate 1e9/s: is no rate; write it"),
        (("--rate", "5/d"), "--rate 5/d: is no rate; write it"),
        (("--budget", "much"), "--budget much: must be a number"),
        (("--budget", "-1"), "--budget -1: must be 0 or more"),
        (("--budget", "nan"), "--budget nan: must be a number"),
        (("--jobs", "0"), "--jobs 0: must be 1 to 256"),
        (("--jobs", "257"), "--jobs 257: must be 1 to 256"),
        (("--repeat", "0"), "--repeat 0: must be 1 to 1000"),
        (("--max-failures", "-1"), "--max-failures -1: must be 0 or more"),
        (("--shard", "0/4"), "--shard 0/4: is no part; write it as I/N"),
        (("--shard", "5/4"), "--shard 5/4: is no part; write it"),
        (("--shard", "1"), "--shard 1: is no part; write it"),
        (
            ("--cluster", "127.0.0.1:8786"),
            "--cluster 127.0.0.1:8786: is no scheduler's address; write it as tls://HOST:PORT",
        ),
        (
            ("--cluster", "tcp://127.0.0.1"),
            "--cluster tcp://127.0.0.1: is no scheduler's address; write it as tls://HOST:PORT",
        ),
        (
            ("--cluster", "local:2"),
            "--cluster local:2: is no scheduler's address; write it as tls://HOST:PORT",
        ),
        (
            ("--cluster", "tls://me:secret@a:1"),
            "--cluster tls://a:1: is no scheduler's address; write it as tls://HOST:PORT",
        ),
        (
            ("--cluster", "tcp://10.0.0.7:1"),
            "--cluster tcp://10.0.0.7:1: tcp:// is for this machine",
        ),
        (
            ("--cluster", "tcp://a.com:1"),
            "--cluster tcp://a.com:1: tcp:// is for this machine only",
        ),
        (("--rerun", "faild"), "must be unknown, failed, missing or changed; did you mean failed?"),
        (("--manifest-format", "json"), "must be jsonl, csv or tsv; did you mean jsonl?"),
        (("--vary", "seed"), "--vary seed: has no KEY or no values; write it as KEY=V1,V2"),
        (("--vary", "sed=1,2"), "--vary sed=1,2: no such field to vary; did you mean seed?"),
        (("--vary", "strength=1"), "no such field to vary; there are model, "),
        (("--vary", "prompt=a,b"), "no such field to vary"),
        (("--vary", "seed=1,,2"), "--vary seed=1,,2: a value is empty"),
        (("--vary", "seed="), "--vary seed=: a value is empty"),
        (("--vary", "seed=1,1"), "--vary seed=1,1: a value is given twice"),
        (("--vary", "seed=4..1"), "--vary seed=4..1: counts downwards; count upwards"),
        (("--vary", "seed=1..999999999"), "count upwards, at most 1,000 values"),
        (("--vary", "seed=one,two"), "seed one: must be a whole number"),
        (("--vary", "guidance=1..3"), "guidance 1..3: must be a number"),
        (("--vary", "seed=1,2", "--vary", "seed=3"), "--vary seed=...: is given twice"),
        (
            ("--vary", "seed=1,2", "--seed", "3"),
            "--vary seed=... and --seed: both are given; give one of them",
        ),
        (
            ("--vary", "model=a,b", "-m", "flux-2-dev"),
            "--vary model=... and --model: both are given; give one",
        ),
        (
            ("--vary", "set:x=1,2", "--set", "x=3"),
            "--vary set:x=... and --set x: both are given; give one",
        ),
        (
            ("--vary", "match=1,2", "--match", "1"),
            "--vary match=... and --match: both are given; give one",
        ),
        (("-o", "-"), "-o -: a batch makes many pictures; name files, such as"),
        (("-o", "/dev/stdout"), "-o /dev/stdout: a batch makes many pictures"),
        (("--save-request", "d"), "--save-request: is for one job; use it with compose"),
        (("--again",), "--again: is for one job; --rerun unknown sends"),
        (
            ("-p", "x", "--prompt-file", "y"),
            "--prompt and --prompt-file: both are given; give one of them",
        ),
        (
            ("--match", "1", "--width", "512"),
            "--match and --width: both are given; give one of them",
        ),
        (("--each", "list"), "rows.csv and --each: both are given; give one of them"),
        (("-0",), "-0: tells how to read a list; give one with -T"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_batch_is_refused(argv: tuple[str, ...], words: str) -> None:
    """A value that is none, or contradicts another, is told as it was typed."""
    with pytest.raises(errors.ComposeError) as refused:
        typed("rows.csv", *argv)

    assert refused.value.code == 2
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), "no rows; name a manifest, or a list with --each LIST"),
        (("--each", "a", "--each", "b"), "--each: given 2 times; one list makes the rows"),
        (("--each", ""), "--each '': is empty"),
        (("--each", "a", "--manifest-format", "csv"), "--manifest-format: a list of --each has no"),
    ],
)
def test_rows_come_from_one_place(argv: tuple[str, ...], words: str) -> None:
    """There is a manifest or a list, and only one of them."""
    with pytest.raises(errors.ComposeError) as refused:
        typed(*argv)

    assert words in refused.value.message


def test_a_list_may_end_its_names_in_nul() -> None:
    """`-0` goes for `--each` too, without any `-T`; all operands are pictures then."""
    found = typed("--each", "-", "-0", "room.jpg")

    assert (found.manifest, found.shared) == (None, ("room.jpg",))
    assert found.request.selection.null_separated


@pytest.mark.parametrize(
    ("name", "value", "argv"),
    [
        ("OUTPUT", "-", ()),
        ("SAVE_REQUEST", "d", ()),
        ("SEED", "7", ("--vary", "seed=1..2")),
        ("MODEL", "flux-2-dev", ("--vary", "model=flux-2-pro,flux-2-dev")),
        ("MANIFEST_FORMAT", "csv", ("--each", "list")),
    ],
)
def test_a_variable_for_single_jobs_is_silent(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, argv: tuple[str, ...]
) -> None:
    """What is set once for `compose` does not stand in the way of a batch that was typed."""
    monkeypatch.setenv(f"PRODIA_COMPOSE_{name}", value)
    found = typed("rows.jpg", *argv)

    assert found.request.placement.target == DEFAULT_TARGET
    assert (found.request.save_to, found.request.settings.seed) == (None, None)
    assert found.manifest_format is None


def test_variables_are_for_what_stays_the_same() -> None:
    """Which rows are run, and again, is typed each time; how fast and how dear can be set."""
    variables = reading.variables(BatchOptions)
    own = ("each", "yes", "rerun", "only", "shard", "skip-invalid", "results", "vary", "repeat")

    assert {variables[f"--{name}"] for name in own} == {None}
    for name in ("jobs", "rate", "budget", "max-failures", "cluster", "manifest-format"):
        assert variables[f"--{name}"] == f"PRODIA_COMPOSE_{name.upper().replace('-', '_')}"
