"""Jobs that are sent by the program, and what it then says of them."""

import json
from typing import Any

import loopback
from conftest import TOKEN, Done, Run

LINE = ("product.jpg", "scene.jpg", "-p", "the first image on the second image")


def compose(run: Run, answer: loopback.Answer, *argv: str) -> Done:
    """Send a job to a service that gives one answer."""
    with loopback.serve([answer]) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        return run("compose", *LINE, *argv, **env)


def jobs(run: Run, *argv: str, **env: str) -> list[dict[str, Any]]:
    """Return the jobs of the record, the newest first, as `jobs --json` tells them."""
    done = run("jobs", *argv, "--json", **env)
    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out)
    assert document["schema"] == "prodia-compose/jobs@1"
    found: list[dict[str, Any]] = document["jobs"]
    return found
