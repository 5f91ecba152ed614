"""Everything that can go wrong, and the exit code of each.

The numbers are a stable interface; README has a table of them, and a test compares the two.
"""

import errno
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import ClassVar, Literal, Protocol, Self

from prodia_compose.frozen import frozen

JobState = Literal["not-sent", "sending", "sent", "answered"]
"""How far a job had come when something stopped it; in this order."""


class Status(Protocol):
    """What is known of a job, for whoever tells why its run ended.

    Attributes:
        job_id: The service's name for it, once it gave one.
        request_id: The service's name for the exchange.
        request_key: What it shares with every run that asks for the same picture, if known.
        is_sandbox: Whether it went to a stand-in, which will be gone.
        warnings: What had been found by then that alone would not have stopped the run.
    """

    state: JobState
    job_id: str | None
    request_id: str | None
    request_key: str | None
    is_sandbox: bool
    warnings: "tuple[Warned, ...]"

    @property
    def kept(self) -> tuple[str, ...]:
        """Where what came is kept, as it could not be placed or used."""

    @property
    def pictures(self) -> tuple[str, ...]:
        """Where its pictures are by now, in their places or kept."""


class ExitCode(IntEnum):
    """The exit statuses of every command."""

    OK = 0
    BUG = 1
    USAGE = 2
    INPUT = 3
    AUTH = 4
    REJECTED = 5
    BUSY = 6
    NOT_DELIVERED = 7
    OUTPUT = 8
    UNKNOWN = 9
    NOT_PLACED = 10
    INCOMPLETE = 11
    COST = 12
    SIGHUP = 129
    SIGINT = 130
    SIGTERM = 143


class ComposeError(Exception):
    """Something the user can act on.

    Attributes:
        words: What happened, in one line.
        hints: What to do about it, each in a line.
        path: The input or output it is about, as the user typed it.
        may_be_billed: Whether the job can have run; by default what its kind says.
        run: How far the job was, once there is one.
        line: Of a batch's manifest, where what is wrong stands; `row_id` is the row's id.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.BUG
    kind: ClassVar[str] = "bug"

    def __init_subclass__(cls, exit_code: ExitCode = ExitCode.BUG) -> None:
        cls.exit_code = exit_code
        cls.kind = exit_code.name.lower().replace("_", "-")

    def __init__(
        self,
        words: str,
        *hints: str | None,
        path: str | None = None,
        request_id: str | None = None,
        job_id: str | None = None,
        may_be_billed: bool | None = None,
    ) -> None:
        super().__init__(words)
        self.words = words
        self.hints = tuple(filter(None, hints))
        self.path = path
        self.request_id = request_id
        self.job_id = job_id
        by_kind = self.exit_code in (ExitCode.UNKNOWN, ExitCode.NOT_PLACED)
        self.may_be_billed = by_kind if may_be_billed is None else may_be_billed
        self.run: Status | None = None
        self.line: int | None = None
        self.row_id: str | None = None

    def __str__(self) -> str:
        return self.message

    @property
    def message(self) -> str:
        """What happened, and what to do about it, in one line."""
        return "; ".join((self.words, *self.hints))

    @property
    def code(self) -> ExitCode:
        """The exit code of this very error."""
        return self.exit_code

    @property
    def parts(self) -> tuple["ComposeError", ...]:
        """The single errors this one stands for: itself, unless it holds several."""
        return (self,)


class UsageError(ComposeError, exit_code=ExitCode.USAGE):
    """Options, arguments, or settings outside the model's range."""


class InputError(ComposeError, exit_code=ExitCode.INPUT):
    """An input is missing, unreadable, too many, or over a documented cap."""


class AuthError(ComposeError, exit_code=ExitCode.AUTH):
    """The token is missing or malformed, or the service refused it."""


class BalanceError(AuthError, exit_code=ExitCode.AUTH):
    """The balance of the account does not pay for the job; it did not run."""


class RejectedError(ComposeError, exit_code=ExitCode.REJECTED):
    """The service rejected the job."""


class BusyError(ComposeError, exit_code=ExitCode.BUSY):
    """The service had no capacity until the waiting ran out; the job did not run."""


class NotDeliveredError(ComposeError, exit_code=ExitCode.NOT_DELIVERED):
    """There was no connection, or the upload broke off; the job did not run."""


class OutputError(ComposeError, exit_code=ExitCode.OUTPUT):
    """The output place is unusable or already taken; nothing was sent."""


class UnknownError(ComposeError, exit_code=ExitCode.UNKNOWN):
    """All of the job was sent, and no answer settles it; it may be billed."""


class NotPlacedError(ComposeError, exit_code=ExitCode.NOT_PLACED):
    """A picture came but could not be placed or used; the message names the kept copy."""


class CostError(ComposeError, exit_code=ExitCode.COST):
    """The job would, or could, cost more than the limit; nothing was sent."""


_PRECEDENCE = (ExitCode.USAGE, ExitCode.INPUT, ExitCode.AUTH, ExitCode.OUTPUT, ExitCode.COST)


class ProblemsError(ComposeError):
    """Several errors found before sending; the exit code is the first by precedence.

    The order is usage, input, auth, output, cost; anything else (a failed
    download, say) counts after them.
    """

    def __init__(self, errors: Iterable[ComposeError]) -> None:
        self._parts = tuple(part for error in errors for part in error.parts)
        super().__init__("; ".join(dict.fromkeys(error.message for error in self._parts)))

    @property
    def code(self) -> ExitCode:
        """The code of the part that comes first by precedence."""
        codes = [part.code for part in self._parts]
        return next((code for code in _PRECEDENCE if code in codes), codes[0])

    @property
    def parts(self) -> tuple[ComposeError, ...]:
        """The single errors, in the order they were found."""
        return self._parts


def combined(errors: Sequence[ComposeError]) -> ComposeError:
    """Return the one error there is, or all of them as one."""
    return errors[0] if len(errors) == 1 else ProblemsError(errors)


class Interrupted(BaseException):
    """A signal asked the run to stop.

    A BaseException, so that no handler for broken pictures or broken
    connections can swallow it.

    Attributes:
        signum: SIGINT, SIGTERM or SIGHUP.
        run: How far the job was, once there is one.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum
        self.run: Status | None = None

    @property
    def code(self) -> ExitCode:
        """128 + the signal's number, as a shell would report it."""
        return ExitCode(128 + self.signum)


WarningCode = Literal[
    "c2pa-not-sent",
    "config-unavailable",
    "count-in-doubt",
    "duplicate-row",
    "file-name-in-prompt",
    "image-not-referred",
    "large-report",
    "limit-lowered",
    "name-not-filled",
    "no-reference",
    "no-report",
    "no-token",
    "not-checked",
    "ordinal-beyond-count",
    "over-cap",
    "price-above-bound",
    "record-unavailable",
    "sidecar-not-written",
    "small-image",
    "source-changed",
    "unconfirmed-setting",
    "unknown-model",
    "unknown-option",
    "unknown-setting",
    "unknown-variable",
    "unsorted-list",
    "wrong-format",
]
"""What can be warned of: stable words for scripts."""


@frozen
class Warned:
    """A warning: something that stops nothing unless `--strict` is given.

    Attributes:
        words: What is odd, in one line.
        hints: What to do about it, each in a line.
    """

    code: WarningCode
    words: str
    hints: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """What is odd, and what to do about it, in one line."""
        return "; ".join((self.words, *self.hints))

    def about(self, name: str) -> "Warned":
        """Return the same of what is called so."""
        return Warned(code=self.code, words=f"{name}: {self.words}", hints=self.hints)


NO_FILES = ("no more files can be opened", "raise the limit (ulimit -n)")
NO_THREADS = ("no more can be started", "raise the limit (ulimit -u)")
"""What the machine lacks, and what to do; `cli` has its own for where this cannot be loaded."""

_LOADER = (
    ("failed to map segment", errno.ENOMEM),
    ("Too many open files", errno.EMFILE),
    ("Error 24", errno.EMFILE),  # where its own words can no longer be loaded either
)


class Findings:
    """What the checks before sending have found so far.

    All checks run even when an early one fails, so that the user is told
    everything at once instead of one problem a run. As a context it keeps a
    `ComposeError` of its block instead of passing it on.
    """

    def __init__(self, errors: Iterable[ComposeError] = ()) -> None:
        self.errors = list(errors)
        self.warnings: list[Warned] = []

    def add(self, error: ComposeError) -> None:
        """Find an error."""
        self.errors.extend(error.parts)

    def warn(self, code: WarningCode, words: str, *hints: str | None) -> None:
        """Find something to be warned of."""
        self.warnings.append(Warned(code=code, words=words, hints=tuple(filter(None, hints))))

    def collecting(self) -> Self:
        """Return the findings as a context."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: object, _traceback: object) -> bool:
        if isinstance(error, ComposeError):
            self.add(error)
        return isinstance(error, ComposeError)

    @property
    def has_usage_error(self) -> bool:
        """Whether the command line itself has to change."""
        return any(error.code == ExitCode.USAGE for error in self.errors)

    def raise_if_any(self) -> None:
        """Raise what was found: the one error, or all of them as `ProblemsError`."""
        if self.errors:
            raise combined(self.errors)


def lack(exc: BaseException) -> tuple[str, ...]:
    """Return what the machine did not have, and what to do if known; () for any other exception."""
    code = getattr(exc, "errno", None)
    if isinstance(exc, ImportError):  # the loader of libraries tells no errno, only glibc's words
        code = next((code for words, code in _LOADER if words in str(exc)), None)
    if isinstance(exc, MemoryError) or code == errno.ENOMEM:
        return ("there is not enough memory",)
    if code in (errno.EMFILE, errno.ENFILE):
        return NO_FILES
    return ()


def reason(exc: OSError | ValueError, known: Mapping[int, tuple[str, ...]]) -> tuple[str, ...]:
    """Return why a path cannot be used, in our words or the system's, and what to do if known."""
    if isinstance(exc, OSError) and exc.errno is not None:
        return known.get(exc.errno) or lack(exc) or (os.strerror(exc.errno),)
    return (str(exc),)  # a NUL inside the name
