"""`completion`, declared."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Shell = Literal["bash", "zsh", "fish", "powershell"]

FILES: dict[Shell, str] = {
    "bash": "prodia-compose.bash",
    "zsh": "_prodia-compose",
    "fish": "prodia-compose.fish",
    "powershell": "prodia-compose.ps1",
}
"""The scripts of `cli/completion`, by the shell they are for."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def completion(
    shell: Annotated[
        Shell,
        typer.Argument(metavar="SHELL", help="The shell: bash, zsh, fish or powershell"),
    ],
) -> int:
    """Print the script that lets a shell complete this program's command lines.

    \b
    mkdir -p ~/.local/share/bash-completion/completions
    prodia-compose completion bash > \\
        ~/.local/share/bash-completion/completions/prodia-compose

    \b
    mkdir -p ~/.zfunc
    prodia-compose completion zsh > ~/.zfunc/_prodia-compose    (in your fpath)

    \b
    mkdir -p ~/.config/fish/completions
    prodia-compose completion fish > \\
        ~/.config/fish/completions/prodia-compose.fish

    \b
    prodia-compose completion powershell >> $PROFILE
    """  # noqa: D301
    from prodia_compose.cli import terminal  # noqa: PLC0415

    script = Path(__file__).parent.parent / "completion" / FILES[shell]
    terminal.print_text(script.read_text(encoding="utf-8").removesuffix("\n"))
    return 0
