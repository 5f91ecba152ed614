"""How the steps tell of their progress, without knowing who listens."""

import contextlib
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from prodia_compose import errors

if TYPE_CHECKING:
    from decimal import Decimal  # a millisecond of every start

Clock = Callable[[], float]
"""Tells seconds, from whenever; they only grow."""

LOOK_EVERY_S = 0.1
"""How often whoever waits looks whether to stop."""

# Format characters that turn the direction of writing, or that nobody would see in a name.
_HIDDEN = re.compile(
    r"[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0001]"
)

Phase = Literal["download", "prepare", "upload", "waiting", "receive"]
"""The phases a person can watch; `waiting` counts seconds, `prepare` images, the rest bytes."""


class Reporter:
    """Whoever watches a run; this one is nobody, for library use and tests."""

    def start(self, phase: Phase, total: int | None = None) -> None:
        """Begin a phase, ending the one before; `total` is in the phase's unit, if known."""

    def advance(self, amount: int) -> None:
        """Say that `amount` more units of the phase are done."""

    def finish(self) -> None:
        """End the last phase and clear it from view."""

    def say(self, text: str) -> None:
        """Tell one line that people want to see unless they asked for quiet."""

    def detail(self, text: str) -> None:
        """Tell one line that people see who asked for details (`-v`)."""

    def trace(self, text: str) -> None:
        """Tell one line of the exchange on the wire (`-vv`); never a secret."""


def visible(text: str) -> str:
    r"""Return foreign text with what a terminal would obey, or could not show, escaped.

    Control characters, ESC included, become `\n` or `\x1b`; bytes that were not UTF-8
    become `\xff`; marks that turn the direction of writing, and invisible ones such as
    a stray byte order mark, become `\u202e`. Joiners stay: emoji and Persian need them.
    """
    if text.isprintable():  # nearly all of it is, and some of it is long
        return text
    return "".join(_visible_char(char) for char in text)


def size(byte_count: int) -> str:
    """Return how many bytes there are as people read it: 999 bytes, 53 kB, 1.4 MB."""
    value, unit = float(byte_count), "byte" if byte_count == 1 else "bytes"
    for larger in ("kB", "MB", "GB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    digits = 1 if unit[-1] == "B" and value < 9.95 else 0
    return f"{value:.{digits}f}".removesuffix(".0") + f" {unit}"


def usd(amount: "Decimal") -> str:
    """Return an amount for people, to a tenth of a cent."""
    cents = f"{amount:.2f}"
    return f"${cents if type(amount)(cents) == amount else f'{amount:.3f}'}"


def _visible_char(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # surrogateescape: one undecodable byte
        return f"\\x{ord(char) - 0xDC00:02x}"
    if char.isprintable() or unicodedata.category(char) == "Zs":
        return char
    if unicodedata.category(char) == "Cf" and not _HIDDEN.match(char):
        return char
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


class Stop:
    """Whether work shall end early: set by a signal's handler, looked at by the steps.

    One serves any number of jobs in any number of threads; neither side needs a lock.

    Attributes:
        signum: The signal that asked for it; None until one does.
        is_deferred: Whether a signal only sets `signum`. Else its handler raises at once, in
            the main thread, wherever that is.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.is_deferred = False

    def request(self, signum: int) -> None:
        """Ask whoever looks to stop; the first signal counts."""
        if self.signum is None:
            self.signum = signum

    def check(self) -> None:
        """Raise `errors.Interrupted` if somebody asked to stop."""
        if self.signum is not None:
            raise errors.Interrupted(self.signum)

    def sleep(self, seconds: float) -> None:
        """Wait; raise `errors.Interrupted` as soon as somebody asks to stop."""
        deadline = time.monotonic() + seconds
        self.check()
        while (left_s := deadline - time.monotonic()) > 0:
            time.sleep(min(left_s, LOOK_EVERY_S))
            self.check()

    def defer(self) -> None:
        """Let no signal raise out of the blue any more: something could be lost by it."""
        self.is_deferred = True

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Let a signal end what the block waits for and cannot look up from, by raising.

        Raises:
            errors.Interrupted: Somebody asked to stop, then or before.
        """
        self.check()
        if threading.current_thread() is not threading.main_thread():
            yield  # signals raise in the main thread only, and it may be at something else
            return
        before, self.is_deferred = self.is_deferred, False
        try:
            self.check()
            yield
        finally:
            self.is_deferred = before
