"""Batches for tests: a manifest written anew for each run, and a service that counts."""

import json
from pathlib import Path
from typing import Any

import counting
from conftest import Done, Run


class Batch:
    """A batch of one row or more, and the service that it is sent to.

    Attributes:
        call: Calls the program.
        rows: By id, what is asked for: for the prompt "red" and the place `ID.jpg` if nothing is said.
    """

    def __init__(self, run: Run, service: counting.Service) -> None:
        self.call = run
        self.service = service
        self.rows: dict[str, dict[str, Any]] = {"a": {}}

    def run(self, *argv: str) -> Done:
        """Write the manifest and run the batch."""
        return self.call("batch", self.written(), "-y", *argv)

    def written(self) -> str:
        """Write the manifest, and return its name."""
        lines = []
        for name, fields in self.rows.items():
            known = {"id": name, "images": ["product.jpg"], "prompt": "red"}
            lines.append(json.dumps({**known, "output": f"{name}.jpg", **fields}))
        Path("rows.jsonl").write_text("\n".join(lines))
        return "rows.jsonl"

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
