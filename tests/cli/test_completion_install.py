"""`completion install`: the file is where each shell looks, and what it says then is enough."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
import regenerate
from conftest import Done, Run
from shells import Shell
from terminals import Running

PLACES = {
    "bash": ".local/share/bash-completion/completions/prodia-compose",
    "zsh": ".zfunc/_prodia-compose",
    "fish": ".config/fish/completions/prodia-compose.fish",
}

COMPLETES = ("prodia-compose compose prod\t", ["compose", "product.jpg"])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder like that of a fresh account, with the program on the PATH."""
    made = tmp_path / "home"
    program = tmp_path / "bin/prodia-compose"
    for folder in (made, program.parent):
        folder.mkdir()
    program.touch(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    for name in (
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "ZDOTDIR",
        "FPATH",
        "BASH_COMPLETION_USER_DIR",
    ):
        monkeypatch.delenv(name, raising=False)
    return made


def _told(done: Done) -> str:
    assert done.code == 0
    return done.err


@pytest.mark.parametrize("name", PLACES)
def test_tab_works_in_the_next_shell(run: Run, home: Path, work: Path, name: str) -> None:
    """With `-y`, and the lines that it says to add, nothing else is needed on a fresh account."""
    done = run("completion", "install", name, "-y")
    start = home / ".zshrc"
    if name == "zsh":
        lines = [line.strip() for line in _told(done).splitlines() if line.startswith("    ")]
        start.write_text("".join(f"{line}\n" for line in lines))

    assert (done.code, done.text) == (0, f"{home / PLACES[name]}\n")
    with Shell(name, home, work, is_installed=True) as shell:
        keys, arguments = COMPLETES
        assert shell.run(keys) == arguments


def test_bash_without_bash_completion_is_told_a_line(run: Run, home: Path, work: Path) -> None:
    """That line in ~/.bashrc does it."""
    printed = _told(run("completion", "install", "bash", "-y"))
    (line,) = (line.strip() for line in printed.splitlines() if line.startswith("    "))

    with Shell("bash", home, work, settings=f"complete -r prodia-compose; {line}") as shell:
        keys, arguments = COMPLETES
        assert shell.run(keys) == arguments


@pytest.mark.parametrize("name", PLACES)
def test_a_second_time_changes_nothing(run: Run, home: Path, name: str) -> None:
    """Where it stands already nothing is asked or written, and what is left to do is told again."""
    first = run("completion", "install", name, "-y")
    file = home / PLACES[name]
    before = file.stat()
    again = run("completion", "install", name)
    after = file.stat()

    assert (again.code, again.text) == (0, first.text)
    assert again.err == f"prodia-compose: already there\n{first.err}"
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert file.read_text() == regenerate.COMPLETIONS[name].read_text()
    assert sorted(one.name for one in file.parent.iterdir()) == [file.name]


SHELLS = {
    "/bin/bash": "bash",
    "/usr/local/bin/fish": "fish",
    "zsh": "zsh",
}


@pytest.mark.parametrize(("printed", "name"), SHELLS.items())
def test_the_shell_is_that_of_the_environment(
    run: Run, home: Path, printed: str, name: str
) -> None:
    """Without one on the line SHELL says which it is; on the line it may be typed as a path."""
    for line in ((), (printed,)):
        done = run("completion", "install", "-y", *line, SHELL=printed if not line else "/bin/dash")
        assert (done.code, done.text) == (0, f"{home / PLACES[name]}\n")


FOLDERS: dict[str, tuple[str, dict[str, str], str]] = {
    "fish-config": (
        "fish",
        {"XDG_CONFIG_HOME": "HOME/c"},
        "c/fish/completions/prodia-compose.fish",
    ),
    "fish-relative": ("fish", {"XDG_CONFIG_HOME": "c"}, PLACES["fish"]),
    "fish-by-its-path": ("fish", {"PATH": "/nowhere"}, ".config/fish/conf.d/prodia-compose.fish"),
    "bash-data": (
        "bash",
        {"XDG_DATA_HOME": "HOME/d e"},
        "d e/bash-completion/completions/prodia-compose",
    ),
    "bash-own": (
        "bash",
        {"BASH_COMPLETION_USER_DIR": "HOME/b:HOME/c"},
        "b/completions/prodia-compose",
    ),
    "zsh-exported": (
        "zsh",
        {"FPATH": "/x:HOME/.zsh/completions"},
        ".zsh/completions/_prodia-compose",
    ),
    "zsh-data": (
        "zsh",
        {"XDG_DATA_HOME": "HOME/d", "FPATH": "HOME/d/zsh/site-functions"},
        "d/zsh/site-functions/_prodia-compose",
    ),
    "zsh-elsewhere": ("zsh", {"FPATH": "/usr/share/zsh/functions"}, PLACES["zsh"]),
}


@pytest.mark.parametrize(("name", "env", "place"), FOLDERS.values(), ids=FOLDERS)
def test_what_the_environment_says_counts(
    run: Run, home: Path, name: str, env: Mapping[str, str], place: str
) -> None:
    """The folders of XDG, of bash-completion and of zsh are where their users have them."""
    expanded = {key: value.replace("HOME", str(home)) for key, value in env.items()}
    done = run("completion", "install", name, "-y", **expanded)

    assert (done.code, done.text) == (0, f"{home / place}\n")
    assert (home / place).stat().st_size > 900


STARTS: dict[str, tuple[str, str, list[str]]] = {
    "empty": ("", ".zfunc", ["fpath=(~/.zfunc $fpath)", "autoload -U compinit; compinit"]),
    "all-is-there": ("fpath+=~/.zfunc\nautoload -Uz compinit && compinit\n", ".zfunc", []),
    "in-quotes": ('fpath=("$HOME/.zfunc" $fpath)\ncompinit\n', ".zfunc", []),
    "over-lines": (
        "fpath=(\n  ${HOME}/.zsh/completions/\n  $fpath)\ncompinit\n",
        ".zsh/completions",
        [],
    ),
    "oh-my-zsh": ("source $ZSH/oh-my-zsh.sh\n", ".zfunc", ["fpath=(~/.zfunc $fpath)"]),
    "commented-out": (
        "# fpath+=~/.zsh/completion\n  # compinit\n",
        ".zfunc",
        ["fpath=(~/.zfunc $fpath)", "autoload -U compinit; compinit"],
    ),
    "no-compinit": (
        "FPATH=~/.zsh/functions:$FPATH\n",
        ".zsh/functions",
        ["autoload -U compinit; compinit"],
    ),
    "odd-bytes": ("alias e='\udcff'\ncompinit\n", ".zfunc", ["fpath=(~/.zfunc $fpath)"]),
}


@pytest.mark.parametrize(("text", "folder", "lines"), STARTS.values(), ids=STARTS)
def test_zsh_users_are_told_what_is_missing(
    run: Run, home: Path, text: str, folder: str, lines: list[str]
) -> None:
    """The folder is one that ~/.zshrc names, and only what is not in there is to be added."""
    start = home / ".zshrc"
    start.write_text(text, errors="surrogateescape")
    done = run("completion", "install", "zsh", "-y")

    assert done.text == f"{home / folder / '_prodia-compose'}\n"
    assert [one.strip() for one in done.err.splitlines() if one.startswith("    ")] == lines
    assert ("before the one that calls compinit" in done.err) == (
        len(lines) == 1 and "fpath" in lines[0]
    )
    assert start.read_text(errors="surrogateescape") == text


def test_it_asks_before_it_writes(home: Path, work: Path) -> None:
    """The question names the file; anything but yes leaves all as it is."""
    env = {"HOME": str(home), "XDG_CONFIG_HOME": None}
    for answer, code in (("\n", 2), ("n\n", 2), ("y\n", 0), ("", 0)):
        with Running(
            ["completion", "install", "fish"],
            columns=200,
            also_stdout=True,
            also_stdin=True,
            env=env,
        ) as running:
            if answer:
                asked = running.until(lambda shown: "[y/N]" in shown)
                assert f"for fish, write: {home / PLACES['fish']}? [y/N]" in asked
                running.type(answer)
            ended = running.ended()
        assert ended.code == code
        assert (home / PLACES["fish"]).exists() == (code == 0)
        assert ("nothing was written" in ended.screen) == (code == 2)


def test_one_of_another_version_is_replaced(run: Run, home: Path) -> None:
    """Through a link, too, as those have who keep their settings in a repository; its mode stays."""
    kept = home / "dotfiles/fish.script"
    kept.parent.mkdir()
    kept.write_text("# Completion of prodia-compose for fish; older\n")
    kept.chmod(0o640)
    link = home / PLACES["fish"]
    link.parent.mkdir(parents=True)
    link.symlink_to(kept)
    done = run("completion", "install", "fish", "-y")

    assert (done.code, done.text) == (0, f"{link}\n")
    assert link.is_symlink()
    assert kept.read_bytes() == regenerate.COMPLETIONS["fish"].read_bytes()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640


@pytest.mark.parametrize("kind", ["file", "empty", "folder", "pipe", "link"])
def test_what_is_not_ours_stays(run: Run, home: Path, kind: str) -> None:
    """Of any kind; a pipe is not waited for."""
    file = home / PLACES["fish"]
    file.parent.mkdir(parents=True)
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "link":
        file.symlink_to("nowhere")
    else:
        file.write_text("complete -c prodia-compose -f\n" if kind == "file" else "")

    def state() -> tuple[int, ...]:
        found = file.lstat()  # its time of access aside, which looking at it may change
        return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns

    before = state()
    done = run("completion", "install", "fish", "-y")

    assert (done.code, done.out) == (8, b"")
    assert done.messages == (
        f"prodia-compose: error: {file}: is there and not of prodia-compose; "
        "move it away, and run this again\n"
    )
    assert state() == before


REFUSED: dict[str, tuple[tuple[str, ...], dict[str, str], int, str]] = {
    "near": (("fsih", "-y"), {}, 2, "must be bash, zsh, fish or powershell; did you mean fish?"),
    "far": (("nu", "-y"), {}, 2, "completion install nu: must be bash, zsh, fish or powershell"),
    "powershell": (("powershell", "-y"), {}, 2, "completion powershell >> $PROFILE"),
    "other-shell": (("-y",), {"SHELL": "/bin/dash"}, 2, "SHELL is /bin/dash"),
    "no-shell": (("-y",), {"SHELL": ""}, 2, "SHELL is not set; name one: bash, zsh or fish"),
    "nobody-to-ask": (("fish",), {}, 2, "completion install: there is nobody to ask; -y writes "),
    "file-in-the-way": (
        ("fish", "-y"),
        {"XDG_CONFIG_HOME": "WORK/product.jpg"},
        8,
        "Not a directory; `prodia-compose completion fish` prints what belongs there",
    ),
    "no-place": (
        ("bash", "-y"),
        {"XDG_DATA_HOME": "/proc/none"},
        8,
        "No such file or directory; `prodia-compose completion bash` prints what belongs there",
    ),
}


@pytest.mark.parametrize(("line", "env", "code", "words"), REFUSED.values(), ids=REFUSED)
def test_refusals_are_one_clear_line(
    run: Run,
    home: Path,
    work: Path,
    line: tuple[str, ...],
    env: Mapping[str, str],
    code: int,
    words: str,
) -> None:
    """They say what is wrong and what to do; nothing is written."""
    done = run(
        "completion",
        "install",
        *line,
        **{key: value.replace("WORK", str(work)) for key, value in env.items()},
    )

    assert (done.code, done.out) == (code, b"")
    assert words in done.messages
    assert done.messages.count("\n") == 1
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("bsh", "completion bash"), ("isntall", "completion install"), ("bad", None)],
)
def test_near_names_of_the_subcommands_are_told(run: Run, typed: str, meant: str | None) -> None:
    """A shell is not taken for the id of a job."""
    done = run("completion", typed)

    assert done.code == 2
    assert (f"did you mean: {meant}?" in done.err) == (meant is not None)
    assert "show" not in done.err
