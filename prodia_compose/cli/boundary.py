"""The one place that turns what went wrong into words and an exit code."""

import errno
import os
import re
import signal
from collections.abc import Sequence

import typer

from prodia_compose import errors
from prodia_compose.cli import signals, terminal
from prodia_compose.cli.app import app

_TRUE = ("1", "true", "t", "yes", "y", "on")  # as the parser reads a switch's variable
_SENDING = (["compose"], ["batch"], ["compare"])
_OF_CONFIGS = (["compose"], ["validate"], ["batch"], ["compare"])
_ODD = re.compile(r"-[A-Za-z][a-z-]{2,}|-[A-Za-z]=|--$|[\u2010-\u2015\u2212]")
"""How words begin that may be options written otherwise, or names behind `--`."""

_STREAM_TROUBLE = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT)


def run(argv: Sequence[str]) -> int:
    """Run the application on some arguments and return the exit code.

    Variables of ours that hold blanks are emptied in the process's environment.
    """
    for name in os.environ:
        if name.startswith("PRODIA_") and not os.environ[name].strip():
            os.environ[name] = ""  # as good as none, to whoever reads it
    try:
        with signals.handled() as stop:
            code = _call(argv)
        if stop.signum is not None:  # it came when all had been told
            code = 128 + stop.signum
    except errors.ComposeError as error:
        terminal.tell_error(error, as_json=_wants_json(argv))
        code = int(error.code)
    except (errors.Interrupted, KeyboardInterrupt) as end:
        code = _interrupted(end, argv, as_json=_wants_json(argv))
    except Exception as exc:  # noqa: BLE001 - the last boundary: a bug is shown whole, with its own code
        code, as_json = int(errors.ExitCode.BUG), _wants_json(argv)
        if (signalled := _signal_behind(exc)) is not None:
            code = _interrupted(signalled, argv, as_json=as_json)
        elif lack := errors.lack(exc):
            code = int(errors.ExitCode.OUTPUT)
            terminal.tell_error(errors.OutputError(*lack), as_json=as_json)
        else:
            is_about_a_job = argv[:1] in _SENDING or argv[:2] == ["jobs", "fetch"]
            terminal.tell_bug(exc, as_json=as_json, may_be_billed=is_about_a_job)
    return terminal.flush(code)


def _wants_json(argv: Sequence[str]) -> bool:
    """Return whether errors are told as JSON: it was typed, or else a variable or a config says so."""
    options = argv[: argv.index("--")] if "--" in argv else argv
    if "--json" in options:
        return True
    if from_environment := os.environ.get("PRODIA_COMPOSE_JSON", "").strip().lower():
        return from_environment in _TRUE
    if argv[:1] not in _OF_CONFIGS and argv[:2] != ["jobs", "fetch"]:
        return False
    from prodia_compose.cli.options import reading  # noqa: PLC0415 - other commands do without

    return reading.says_json(options)


def _interrupted(end: BaseException, argv: Sequence[str], *, as_json: bool) -> int:
    signalled = end if isinstance(end, errors.Interrupted) else errors.Interrupted(signal.SIGINT)
    terminal.tell_interruption(signalled, as_json=as_json, sends=argv[:1] in _SENDING)
    return int(signalled.code)


def _signal_behind(exc: BaseException) -> BaseException | None:
    """Return the signal that an exception comes of, as where Python wraps what a class's body raises."""
    found: BaseException | None = exc
    while found is not None and not isinstance(found, errors.Interrupted):
        found = found.__cause__ or found.__context__
    return found


def _refuse_slips(argv: Sequence[str]) -> None:
    """Refuse options that the parser would take for something else.

    Raises:
        errors.UsageError: One is written otherwise than options are, or stands behind `--`.
    """
    if any(map(_ODD.match, argv)):
        from prodia_compose.cli import slips  # noqa: PLC0415 - only for those who may have mistyped

        if misspelt := slips.misspelt(argv):
            raise errors.UsageError(*misspelt)
        if "--" in argv and (option := slips.behind(argv)):
            words = f"{option}: stands after --, where all words are names"
            raise errors.UsageError(words, "write options before --")


def _call(argv: Sequence[str]) -> int:
    """Let Typer parse and run; its own errors become ours."""
    _refuse_slips(argv)
    try:
        code = app(args=list(argv), prog_name="prodia-compose", standalone_mode=False)
    except typer.TyperException as exc:
        is_bare = exc.format_message() == "Missing command."
        if is_bare and not _wants_json(argv):
            # Not on standard output: whoever reads that waits for a path.
            terminal.tell(vars(exc)["ctx"].get_help())
            return int(errors.ExitCode.USAGE)
        raise _error(exc, argv) from exc
    except typer.Abort:
        return int(errors.ExitCode.SIGINT)
    except OSError as exc:
        if exc.errno not in _STREAM_TROUBLE:
            raise
        # Help, which Typer prints itself, into a full disk.
        raise errors.OutputError(f"standard output: {exc.strerror}", "redirect it") from exc
    except SystemExit as exc:
        if isinstance(exc.__context__, BrokenPipeError):  # Typer's way to say that nobody reads
            return 0
        raise
    return code if isinstance(code, int) else 0


def _error(exc: typer.TyperException, argv: Sequence[str]) -> errors.UsageError:
    """Return the parser's message in the house's voice, with where help is."""
    from prodia_compose.cli import slips  # noqa: PLC0415 - only for those who mistyped

    possible = getattr(exc, "possibilities", None)  # only that of an unknown option has them
    message = " ".join((exc.format_message() if possible is None else exc.message).split())
    context = getattr(exc, "ctx", None)  # only some of the parser's errors have one
    parameter = getattr(exc, "param", None)
    if context is not None and parameter is not None and parameter.envvar:
        source = context.get_parameter_source(parameter.name)
        if source is not None and source.name == "ENVIRONMENT":
            # Only switches and counts: all else is read by `options.reading`.
            wanted = "a whole number, such as 1" if parameter.count else "1 or 0"
            found = f"{parameter.envvar} {os.environ.get(parameter.envvar)}"
            return errors.UsageError(f"{found}: must be {wanted}")
    command = context.command_path if context is not None else f"prodia-compose {argv[0]}"
    hint = f"see {command} --help"
    # A name that was taken for an option, such as that of the picture -rf.jpg.
    dashed = [word for word in argv if word.startswith("-") and os.path.isfile(word)]  # noqa: PTH113 - pathlib raises at long words
    typed = [at for at, word in enumerate(argv) if message.startswith(f"No such command {word!r}")]
    if dashed:
        hint = f"for the file, write ./{dashed[0]}"
    elif typed:
        name, rest = argv[typed[0]], argv[typed[0] + 1 :]
        message = f"no such command {slips.shown(name)}"
        hint = slips.command(name, rest, command.partition(" ")[2]) or hint
    elif message.startswith("No such option"):
        flag = str(vars(exc)["option_name"])
        group = command.partition(" ")[2]
        is_group = context is not None and hasattr(context.command, "commands")
        if is_group and (early := slips.early(flag, argv, group)):
            return errors.UsageError(f"{flag}: stands before the command", early)
        bare = {option.lstrip("-"): option for option in possible or ()}
        if nearest := slips.nearest(flag.lstrip("-"), bare):
            hint = f"did you mean {bare[nearest]}?"
        else:
            hint = slips.elsewhere(flag) or hint
    elif lacking := slips.lacking(message, argv):
        return errors.UsageError(*lacking)
    return errors.UsageError(f"{message[:1].lower()}{message[1:].rstrip('.')}", hint)
