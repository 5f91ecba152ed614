"""The two streams: the product on stdout, talk on stderr, each by its own rules."""

import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Literal, TextIO, TypeVar

from prodia_compose import addresses, errors, progress
from prodia_compose.output import streams

if TYPE_CHECKING:  # for annotations; help must not load what the rooms declare
    from prodia_compose.cli.options.declared import Telling
    from prodia_compose.output.places import Place
    from prodia_compose.pipeline.run import Run
    from prodia_compose.report import tables

_NARROWEST = 20  # columns; what is narrower folds lines itself

_STATES: dict[errors.JobState, str] = {
    "not-sent": "the job did not run",
    "sending": "the upload was not complete, so the job did not run",
    "sent": "the job had been sent and may be billed, and its picture cannot be fetched later: "
    f"look at `prodia-compose jobs` and {addresses.DASHBOARD} before you run it again",
    "answered": "the job had been answered and is billed",
}


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream exists and is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def obeys(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal that can do more than type line after line."""
    # Windows' own terminal sets no TERM.
    kind = os.environ.get("TERM", "dumb" if os.name == "posix" else "")
    return is_terminal(stream) and kind not in ("dumb", "unknown")


def in_colour(stream: TextIO | None) -> bool:
    """Return whether a stream takes colour: NO_COLOR, then FORCE_COLOR, then the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("FORCE_COLOR", "") not in ("", "0") or obeys(stream)


def layout(stream: TextIO | None = None) -> "tables.Layout":
    """Return how tables are laid out on a stream, standard output by default."""
    from prodia_compose.report import tables  # noqa: PLC0415 - only for tables

    stream, columns = stream or sys.stdout, None
    if stream is not None and is_terminal(stream):
        typed = os.environ.get("COLUMNS", "")
        with contextlib.suppress(OSError, ValueError):
            found = int(typed) if typed.isdecimal() else os.get_terminal_size(stream.fileno())[0]
            columns = max(found, _NARROWEST) if found else None
    return tables.Layout(columns=columns, in_colour=in_colour(stream))


def tell(text: str) -> None:
    """Write lines to stderr; where there is none, they are lost and nothing else happens."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # a closed pipe, a full disk: there is nowhere left to say so


def tells_details(telling: "Telling") -> bool:
    """Return whether to tell what is good to know: on a terminal, and wherever `-v` is given."""
    return not telling.quiet and (telling.verbose > 0 or is_terminal(sys.stderr))


def is_agreed(question: str) -> bool:
    """Ask on stderr, and return whether the answer on stdin is yes."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


_Wrong = TypeVar("_Wrong", errors.ComposeError, errors.Warned)

_COLOURS = {"error": 31, "warning": 33, "hint": 36}


def label(word: Literal["error", "warning", "hint"]) -> str:
    """Return what a line on stderr begins with that tells of one."""
    if in_colour(sys.stderr):
        return f"prodia-compose: \x1b[{_COLOURS[word]}m{word}:\x1b[0m "
    return f"prodia-compose: {word}: "


def tell_warnings(warnings: Sequence[errors.Warned], telling: "Telling | None" = None) -> None:
    """Tell warnings, unless they are in the document, or not wanted."""
    is_silent = telling is not None and (telling.json or telling.quiet)
    for warned, hints in () if is_silent else _hints_once(warnings):
        tell(warning_lines(warned, hints))


def warning_lines(warned: errors.Warned, hints: Iterable[str] | None = None) -> str:
    """Return the lines that tell a warning, with all of its hints or these."""
    first = f"{label('warning')}{progress.visible(warned.words)} [{warned.code}]"
    return _hinted(first, warned.hints if hints is None else hints)


def _hints_once(wrong: Sequence[_Wrong]) -> Iterator[tuple[_Wrong, list[str]]]:
    """Yield what is wrong, each with those of its hints that no later one has."""
    last = {hint: place for place, one in enumerate(wrong) for hint in one.hints}
    for place, one in enumerate(wrong):
        yield one, [hint for hint in one.hints if last[hint] == place]


def _hinted(words: str, hints: Iterable[str]) -> str:
    return "\n".join([words, *(f"{label('hint')}{progress.visible(hint)}" for hint in hints)])


def _tell_document(document: Mapping[str, object]) -> None:
    """Write a document to stderr as one line of UTF-8, whatever the locale."""
    from prodia_compose.report import jsontext  # noqa: PLC0415 - loads json

    data = f"{jsontext.line(document)}\n".encode()
    if sys.stderr is None:
        return
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()


def problem(words: str, hints: Iterable[str] = (), *identity: str) -> str:
    """Return the lines that tell what is wrong, with which job, and what to do about it."""
    lines = [f"{label('error')}{progress.visible(words)}"]
    if identity:
        lines.append(f"prodia-compose: {progress.visible(', '.join(identity))}")
    return _hinted("\n".join(lines), hints)


def tell_error(error: errors.ComposeError, *, as_json: bool) -> None:
    """Tell an error, a block of lines for each part; what several have to do is told once."""
    if as_json:
        from prodia_compose.report import documents  # noqa: PLC0415 - loads json

        _tell_document(documents.error(error))
        return
    for part, hints in _hints_once(error.parts):
        tell(problem(part.words, hints, *_identity(part)))


def _identity(error: errors.ComposeError) -> Iterator[str]:
    """Yield what identifies the job that an error is of."""
    run = error.run
    if request_id := error.request_id or (run and run.request_id):
        yield f"request id {request_id}"
    if job_id := error.job_id or (run and run.job_id):
        yield f"job id {job_id}"


def tell_interruption(
    interruption: errors.Interrupted, *, as_json: bool, sends: bool = True
) -> None:
    """Tell that a signal stopped the run, and what state the job is in.

    Args:
        interruption: The signal.
        as_json: Whether to tell it as a document.
        sends: Whether the command sends a job; else there is none that "did not run".
    """
    message = in_words(interruption, sends=sends)
    if as_json:
        from prodia_compose.report import documents  # noqa: PLC0415 - loads json

        _tell_document(documents.interruption(interruption, message))
    else:
        tell(f"prodia-compose: {progress.visible(message)}")


def in_words(interruption: errors.Interrupted, *, sends: bool) -> str:
    """Return what a signal stopped, how far the job is, and where its picture is."""
    run = interruption.run
    state, job_id = ("not-sent", None) if run is None else (run.state, run.job_id)
    if state == "answered" and run and run.kept and not run.pictures:
        state = "sent"  # what came is no whole picture
    words = _STATES[state]
    if run and run.is_sandbox and state in ("sent", "answered"):
        words = f"the job had been {state}{' to' if state == 'sent' else ' by'} a sandbox, which costs nothing"
    if job_id is not None and state == "sent":
        is_there = "as long as its sandbox does" if run and run.is_sandbox else "and may be billed"
        until = " until then" if run and run.is_sandbox else ""
        words = (
            f"the job {job_id} runs on {is_there}; "
            f"`prodia-compose jobs fetch {job_id}` brings its picture{until}"
        )
    if run and run.pictures:
        words += f"; the picture is kept as {', '.join(run.pictures)}"
    elif run and run.kept:
        words += f"; what came is kept as {', '.join(run.kept)}"
    has_job = sends or state != "not-sent"
    return f"stopped by {interruption}{f': {words}' if has_job else ''}"


def tell_bug(exception: Exception, *, as_json: bool, may_be_billed: bool) -> None:
    """Tell an exception that nobody foresaw, with its traceback."""
    if as_json:
        from prodia_compose.report import documents  # noqa: PLC0415 - loads json

        _tell_document(documents.bug(exception, may_be_billed=may_be_billed))
    else:
        trace = "".join(traceback.format_exception(exception)).splitlines()
        shown = "\n".join(map(progress.visible, trace))
        tell(f"{shown}\nprodia-compose: this is a bug; please report it")


def refuse_stdout(target: str, telling: "Telling | None" = None) -> None:
    """Refuse a file's bytes on standard output where they do not belong.

    Raises:
        errors.UsageError: JSON goes there too, or it is a terminal.
    """
    if telling is not None and telling.json:
        first = telling.called("--json")
        both = f"{first} and {telling.called('-o', first)} {target}"
        raise errors.UsageError(f"{both}: both write to stdout", "give one")
    if is_terminal(sys.stdout):
        flag = "-o" if telling is None else telling.called("-o")
        words = f"{flag} {target}: standard output is a terminal"
        raise errors.UsageError(words, "redirect it, or name a file")


def print_bytes(data: bytes) -> None:
    """Write bytes to stdout and flush them.

    Raises:
        OSError: Stdout is closed, its reader is gone, or its disk is full.
    """
    streams.write_stream(io.BytesIO(data), binary_stdout())


def print_text(text: str) -> None:
    """Write a line of text to stdout, whatever the locale, as UTF-8.

    A reader that went away (`| head -1`) has what it wanted.

    Raises:
        errors.OutputError: Stdout is closed or its disk is full.
    """
    try:
        print_bytes(f"{text}\n".encode("utf-8", "backslashreplace"))
    except BrokenPipeError:
        return
    except OSError as exc:
        raise errors.OutputError(f"standard output: {exc.strerror}", "redirect it") from exc


def print_document(document: Mapping[str, object]) -> None:
    """Write a document to stdout as a line, as `print_text` does."""
    from prodia_compose.report import jsontext  # noqa: PLC0415 - loads json

    print_text(jsontext.line(document))


def print_table(rows: Iterable[Sequence[str]], *, gap: str = "  ") -> None:
    """Write a table to stdout as wide as that is, as `print_text` does."""
    from prodia_compose.report import tables  # noqa: PLC0415 - only for tables

    print_text("\n".join(tables.aligned(list(rows), layout(), gap=gap)))


def print_path(path: str) -> None:
    """Write a saved picture's path to stdout, as the bytes it has on disk.

    A terminal, which would obey some of them, gets those escaped.
    """
    data = os.fsencode(path)
    if is_terminal(sys.stdout):
        data = progress.visible(data.decode("utf-8", "surrogateescape")).encode()
    print_saved(data + b"\n", path)


def tell_saved(
    telling: "Telling",
    run: "Run",
    place: "Place",
    document: Callable[[], Mapping[str, object]],
    *,
    details: Iterable[str],
) -> None:
    """Tell of a picture that is in its place: as a document, or in words and by its path."""
    path = run.saved[0].path if run.saved else place.path
    if telling.json:
        from prodia_compose.report import jsontext  # noqa: PLC0415 - loads json

        print_saved(f"{jsontext.line(document())}\n".encode(), path)
        return
    for message in () if telling.quiet else run.messages:
        tell(f"the service says: {progress.visible(message)}")
    if tells_details(telling):
        for line in details:
            tell(line)
    if path != "-":
        print_path(path)


def print_saved(data: bytes, path: str | None) -> None:
    """Write what tells of a saved picture to stdout; if that fails, its path, if any, to stderr.

    The picture is saved by then, so a reader that went away changes nothing.
    """
    try:
        print_bytes(data)
    except OSError as exc:
        if path is not None:
            tell(f"prodia-compose: saved as {progress.visible(path)} (stdout: {exc.strerror})")


def binary_stdout() -> IO[bytes]:
    """Return standard output for bytes, unbuffered: to flush what a stuck reader left would hang.

    Raises:
        OSError: It is closed.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, "is closed")
    sys.stdout.flush()
    stream: IO[bytes] = getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)
    return stream


def flush(code: int) -> int:
    """Flush both streams and return the exit code, whatever becomes of them.

    The interpreter flushes once more at exit; where it cannot, it would complain on stderr
    and put 120 in place of the code.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), 1 if stream is sys.stdout else 2)
    return code
