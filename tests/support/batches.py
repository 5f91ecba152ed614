"""Batches as their user meets them: whole processes, and a service that answers each row."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import loopback
from PIL import Image
from sandboxing import picture

TOKEN = "sentinel-token-0b5c9e"

PROGRAM = (sys.executable, "-m", "prodia_compose")

ANSWER = loopback.multipart_ok(picture())

Choose = Callable[[int, loopback.Received], loopback.Answer]
"""Gives the answer to a request by its number from 1, and what it is."""


def pictures(folder: Path, count: int) -> list[str]:
    """Make as many small pictures, no two alike; return their names."""
    names = []
    for number in range(1, count + 1):
        names.append(f"p{number:02}.png")
        Image.new("RGB", (32, 24), (number, 2 * number, 90)).save(folder / names[-1])
    return names


def rows(count: int, **fields: object) -> list[dict[str, Any]]:
    """Return the rows of a manifest: r01, r02 and so on, of a picture each."""
    return [
        {
            "id": f"r{n:02}",
            "images": [f"p{n:02}.png"],
            "prompt": f"a red wall, number {n}",
            **fields,
        }
        for n in range(1, count + 1)
    ]


def manifest(folder: Path, written: Sequence[object], name: str = "rows.jsonl") -> str:
    """Write a manifest, and the pictures of all its rows; return its name."""
    pictures(folder, len(written))
    (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in written))
    return name


@contextmanager
def serving(choose: Choose | None = None) -> Iterator[loopback.Server]:
    """Run a service that answers by what is asked, and address the program to it."""
    count = iter(range(1, 1 << 30))

    def answer(request: loopback.Received) -> loopback.Answer:
        return ANSWER if choose is None else choose(next(count), request)

    before = {name: os.environ.get(name) for name in ("PRODIA_BASE_URL", "PRODIA_TOKEN")}
    with loopback.serve([loopback.by(answer)]) as server:
        os.environ.update(PRODIA_BASE_URL=server.url, PRODIA_TOKEN=TOKEN)
        try:
            yield server
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def prompts(server: loopback.Server) -> list[str]:
    """Return the prompts of all jobs that came whole, in the order they came in."""
    jobs = [one.job() for one in server.requests if one.complete]
    return [str(job["config"]["prompt"]) for job in jobs]  # type: ignore[index] # a job as it is sent


def number_of(request: loopback.Received) -> int:
    """Return which of `rows` a request is of."""
    config: Any = request.job()["config"]
    return int(str(config["prompt"]).rpartition(" ")[2])


def documents(text: str | bytes) -> list[dict[str, Any]]:
    """Return the documents of a text, one a line."""
    return [json.loads(line) for line in text.splitlines()]


def statuses(folder: Path, name: str = "rows.jsonl.results.jsonl") -> dict[str, str]:
    """Return the latest status of each row that the results tell the end of."""
    lines = documents((folder / name).read_text())
    return {line["id"]: line["status"] for line in lines if line["schema"].endswith("/row@1")}


def started(*argv: str, **pipes: Any) -> Any:
    """Start the program; all streams are pipes."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | pipes
    return subprocess.Popen([*PROGRAM, *argv], **streams)
