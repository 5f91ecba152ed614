"""Where each shell looks for what completes command lines, and what its user has to do there.

bash: the package bash-completion loads a file by the program's name at the first TAB press.
zsh: `compinit` reads the folders of `fpath`; which those are, an exported FPATH and the user's
own start-up files tell, which are read here and never run or changed. fish: by its manual, from
`completions` what is on the PATH by its name, from `conf.d` all at its start.
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence

from prodia_compose import errors

PROGRAM = "prodia-compose"

_NAMES = {"bash": PROGRAM, "zsh": f"_{PROGRAM}", "fish": f"{PROGRAM}.fish"}

_USUAL = ("~/.zfunc", "~/.zsh/completions", "~/.zsh/completion", "~/.zsh/functions")
_STARTS = (".zshenv", ".zprofile", ".zshrc")
_COMPINIT = re.compile(r"compinit|oh-my-zsh\.sh|prezto|zimfw")  # what calls it, and all that do


def shell(environ: Mapping[str, str]) -> str:
    """Return the shell of the environment.

    Raises:
        errors.UsageError: It is not told, or there are no completions for it.
    """
    path = environ.get("SHELL", "")
    name = os.path.basename(path)  # noqa: PTH119 - as typed
    if name in _NAMES:
        return name
    why = f"SHELL is {path}, which nothing is here for" if path else "SHELL is not set"
    raise errors.UsageError(f"completion install: {why}", "name one: bash, zsh or fish")


def file(shell: str, environ: Mapping[str, str]) -> str:
    """Return the path of the file that a shell of this user would load.

    Raises:
        errors.OutputError: There is no home folder.
    """
    if shell == "zsh":
        usual = _usual(environ)
        folder = next((one for one in usual if _is_in_fpath(one, environ)), usual[0])
    elif shell == "fish":
        is_called_by_name = shutil.which(PROGRAM) is not None
        configs = _folder(environ, "XDG_CONFIG_HOME", "~/.config")
        folder = f"{configs}/fish/{'completions' if is_called_by_name else 'conf.d'}"
    else:
        shared = _folder(environ, "XDG_DATA_HOME", "~/.local/share")
        own = environ.get("BASH_COMPLETION_USER_DIR", "").partition(":")[0]
        folder = f"{own or f'{shared}/bash-completion'}/completions"
    if not os.path.isabs(folder):  # noqa: PTH117 - as typed
        cure = f"`{PROGRAM} completion {shell}` prints what a file would hold"
        raise errors.OutputError("completion install: there is no home folder", cure)
    return f"{folder}/{_NAMES[shell]}"


def following(shell: str, path: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield lines on what the user has to do once a file is there, commands indented."""
    if shell == "fish":
        is_at_start = path.endswith(f"/conf.d/{_NAMES[shell]}")
        yield f"TAB completes in {'the next fish' if is_at_start else 'every fish, from now on'}"
    elif shell == "bash":
        yield "TAB completes in the next bash that loads the package bash-completion"
        yield "if yours does not, add this line to ~/.bashrc:"
        yield f"    source {_short(path)}"
    else:
        lines = _missing(os.path.dirname(path), environ)  # noqa: PTH120 - as typed
        start = _short(f"{_dots(environ)}/.zshrc")
        if lines and len(lines) == 1 and lines[0].startswith("fpath"):
            yield f"add this line to {start}, before the one that calls compinit:"
        elif lines:
            yield f"add this to {start}:"
        yield from (f"    {line}" for line in lines)
        yield "TAB completes in the next zsh; where it does not, remove ~/.zcompdump and try once more"


def _missing(folder: str, environ: Mapping[str, str]) -> Sequence[str]:
    """Return the lines that a start-up file of zsh still needs."""
    lines = [] if _is_in_fpath(folder, environ) else [f"fpath=({_short(folder)} $fpath)"]
    if not _COMPINIT.search(_startup(environ)):
        lines.append("autoload -U compinit; compinit")
    return lines


def _usual(environ: Mapping[str, str]) -> Sequence[str]:
    """Return the folders that people have their own functions of zsh in."""
    dots, shared = _dots(environ), _folder(environ, "XDG_DATA_HOME", "~/.local/share")
    others = (f"{dots}/completions", f"{dots}/functions") if "ZDOTDIR" in environ else ()
    return (*map(_expanded, _USUAL), *others, f"{shared}/zsh/site-functions")


def _is_in_fpath(folder: str, environ: Mapping[str, str]) -> bool:
    """Return whether zsh looks into a folder, as far as can be told without running anything."""
    if folder in environ.get("FPATH", "").split(":"):
        return True
    text = _startup(environ)
    if "fpath" not in text.lower():
        return False
    words = (_expanded(word).rstrip("/") for word in re.split(r"[\s\"'()=:;,]+", text))
    return folder in words


def _startup(environ: Mapping[str, str]) -> str:
    """Return what the user's start-up files of zsh say, without what they comment out."""
    lines: list[str] = []
    for name in _STARTS:
        try:
            with open(f"{_dots(environ)}/{name}", encoding="utf-8", errors="replace") as found:  # noqa: PTH123 - any path
                lines += found.read().splitlines()
        except OSError:
            continue
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def _dots(environ: Mapping[str, str]) -> str:
    """Return the folder of the user's start-up files of zsh."""
    return environ.get("ZDOTDIR") or _expanded("~")


def _folder(environ: Mapping[str, str], variable: str, usual: str) -> str:
    """Return a folder of the XDG specification, which has relative ones ignored."""
    named = environ.get(variable, "")
    return named if os.path.isabs(named) else _expanded(usual)  # noqa: PTH117 - as typed


def _expanded(path: str) -> str:
    return os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111 - as typed


def _short(path: str) -> str:
    """Return a path as it is written into a start-up file."""
    import shlex  # noqa: PLC0415 - for names that need it

    home = _expanded("~")
    if path.startswith(f"{home}/"):
        return f"~/{shlex.quote(path[len(home) + 1 :])}"
    return shlex.quote(path)
