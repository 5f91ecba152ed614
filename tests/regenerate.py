"""Write what is made from the program: completion files and README's model table.

Run it from the top folder: `python tests/regenerate.py`. Tests compare the kept files
with what it would write.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from prodia_compose import models
from prodia_compose.cli import catalogue

__all__ = ["COMPLETIONS", "README", "completion", "readme"]

TOP = Path(__file__).parent.parent
README = TOP / "README.md"
COMPLETIONS = {
    "bash": TOP / "completions/prodia-compose.bash",
    "zsh": TOP / "completions/_prodia-compose",
    "fish": TOP / "completions/prodia-compose.fish",
    "powershell": TOP / "completions/prodia-compose.ps1",
}


def completion(shell: str) -> str:
    """Return the completion file of a shell, as the program prints it."""
    program = "from prodia_compose.cli import entry_point; entry_point()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "_PRODIA_COMPOSE_COMPLETE": f"source_{shell}"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip() + "\n"  # zsh wants #compdef in the first line


def model_table() -> str:
    """Return the catalogue as a Markdown table."""
    heading, *rows = catalogue.table(models.CATALOGUE)
    lines = [" | ".join(heading).lower(), "|".join("---" for _ in heading)]
    lines += [f"`{row[0]}` | {' | '.join(row[1:])}" for row in rows]
    return "\n".join(f"| {line} |" if "---" not in line else f"|{line}|" for line in lines)


def readme(text: str) -> str:
    """Return README with its model table made anew."""
    block = f"<!-- models -->\n{model_table()}\n<!-- /models -->"
    return re.sub(r"<!-- models -->.*?<!-- /models -->", lambda _: block, text, flags=re.DOTALL)


if __name__ == "__main__":
    for shell, path in COMPLETIONS.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(completion(shell))
    README.write_text(readme(README.read_text()))
