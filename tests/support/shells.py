"""Interactive shells for tests: keys are pressed in a terminal, and what the program got is seen."""

import contextlib
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import regenerate
from conftest import need

import prodia_compose

LEFT = "\x02"
_READY = "ready> "
_PATIENCE_S = 30
_TERMINAL = {"TERM": "xterm", "LC_ALL": "C.UTF-8", "COLUMNS": "150"}

_BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
_PACKAGE = Path(prodia_compose.__file__).parent.parent

_ON_ITS_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""

_STAND_IN = """#!/bin/sh
[ "$1" = __complete ] && PYTHONPATH={package} exec {python} -Bm prodia_compose "$@"
printf '%s\\0' "$@" > {got}.part
mv {got}.part {got}
"""


class Shell:
    """A shell that has loaded its completion file; use it as a context manager.

    Args:
        name: bash, zsh or fish; without it the test is skipped, and in CI fails.
        home: An empty folder for the shell's files, the program among them.
        settings: Lines of the user's own for its start-up file.
        is_on_path: Whether the program is on the PATH; else none of its name is, of whatever
            the tests' own PATH holds, and fish loads its file at its start.
        is_installed: Whether the completion file is in its place in the home folder already.
    """

    def __init__(
        self,
        name: str,
        home: Path,
        work: Path,
        *,
        env: Mapping[str, str] | None = None,
        settings: str = "",
        is_on_path: bool = True,
        is_installed: bool = False,
    ) -> None:
        shell = shutil.which(name)
        need(name, is_there=shell is not None)
        assert shell is not None
        self.name = name
        self._got = home / "got"
        self.program = home / "bin" / "prodia-compose"
        self.program.parent.mkdir()
        stand_in = _STAND_IN.format(package=_PACKAGE, python=sys.executable, got=self._got)
        self.program.write_text(stand_in)
        self.program.chmod(0o755)
        if is_installed:
            flags = _installed(name, home)
        else:
            configure = {"bash": _bash, "zsh": _zsh, "fish": _fish}[name]
            flags = configure(home, settings, is_on_path=is_on_path)
        folders = os.environ["PATH"].split(os.pathsep)
        if is_on_path:
            folders.insert(0, str(self.program.parent))
        else:
            folders = [one for one in folders if not Path(one, self.program.name).exists()]
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_ITS_TERMINAL, shell, *flags],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=work,
            env={
                **dict.fromkeys(("HOME", "ZDOTDIR"), str(home)),
                "XDG_CONFIG_HOME": str(home / (".config" if is_installed else "config")),
                "PATH": os.pathsep.join(folders),
                **_TERMINAL,
                **(env or {}),
            },
        )
        os.close(theirs)
        self.output = ""
        self._read_until(_READY, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._ours)
        self._process.kill()
        self._process.wait()

    def run(self, keys: str) -> list[str]:
        """Press keys, then Enter; return the arguments that the program is called with."""
        start = len(self.output)
        os.write(self._ours, os.fsencode(keys) + b"\r")
        self._read_on(self._got.exists, "the call of the program")
        self._read_until(_READY, start)
        arguments = self._got.read_bytes().split(b"\0")[:-1]
        self._got.unlink()
        return [os.fsdecode(argument) for argument in arguments]

    def list(self, keys: str, last: str) -> str:
        """Press keys; return what is shown from then on once it holds a text; then press Enter."""
        start = len(self.output)
        os.write(self._ours, os.fsencode(keys))
        shown = self._read_until(last, start)
        self.run("")
        return shown

    def _read_until(self, text: str, start: int) -> str:
        self._read_on(lambda: text in self.output[start:], repr(text))
        return self.output[start:]

    def _read_on(self, is_there: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not is_there():
            assert time.monotonic() < deadline, f"{what} did not come: {self.output[-2000:]!r}"
            ready, _, _ = select.select([self._ours], [], [], 0.01)
            with contextlib.suppress(OSError):  # how Linux tells that the shell is gone
                self.output += os.read(self._ours, 65536).decode(errors="replace") if ready else ""


def _installed(name: str, home: Path) -> list[str]:
    """Let a shell start as its user has it, but for the prompt; bash with bash-completion."""
    if name == "bash":
        need("bash-completion", is_there=_BASH_COMPLETION.exists())
        (home / "bashrc").write_text(f"PS1='{_READY}'\nsource {_BASH_COMPLETION}\n")
        return ["--noprofile", "--rcfile", str(home / "bashrc"), "-i"]
    start = home / {"zsh": ".zshrc", "fish": ".config/fish/config.fish"}[name]
    before = start.read_text() if start.exists() else ""
    prompt = {"zsh": f"PS1='{_READY}'", "fish": f"function fish_prompt; echo -n '{_READY}'; end"}
    start.write_text(f"{prompt[name]}\n{before}")
    return ["-i"]


def _bash(home: Path, settings: str, *, is_on_path: bool) -> list[str]:
    start = home / "bashrc"
    start.write_text(
        f"PS1='{_READY}'\nbind 'set show-all-if-ambiguous on'\n"
        f"{settings}\nsource '{regenerate.COMPLETIONS['bash']}'\n"
    )
    return ["--noprofile", "--rcfile", str(start), "-i"]


def _zsh(home: Path, settings: str, *, is_on_path: bool) -> list[str]:
    functions = home / "functions"
    functions.mkdir()
    shutil.copy(regenerate.COMPLETIONS["zsh"], functions)
    (home / ".zshrc").write_text(
        f"PS1='{_READY}'\nbindkey -e\nfpath=({functions} $fpath)\n"
        f"autoload -U compinit\ncompinit -u -d {home}/dump\n{settings}\n"
    )
    return ["-i"]


def _fish(home: Path, settings: str, *, is_on_path: bool) -> list[str]:
    # fish 3.6 and later look into completions/ only for what is on the PATH by its name.
    completions = home / "config/fish" / ("completions" if is_on_path else "conf.d")
    completions.mkdir(parents=True)
    shutil.copy(regenerate.COMPLETIONS["fish"], completions)
    (completions.parent / "config.fish").write_text(
        f"set -g fish_greeting\nset -g fish_autosuggestion_enabled 0\n"
        f"function fish_prompt\n    echo -n '{_READY}'\nend\n{settings}\n"
    )
    return ["-i"]
