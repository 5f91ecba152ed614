"""Variables that read like ours and are none: a typing error in one must not be silent."""

from collections.abc import Iterator, Mapping

from prodia_compose import values
from prodia_compose.cli.options import reading
from prodia_compose.cli.options.declared import ComposeOptions
from prodia_compose.errors import Warned

OTHERS = ("PRODIA_TOKEN", "PRODIA_BASE_URL", "PRODIA_COMPOSE_RECORD", "PRODIA_ACCEPT")
"""Ours that are no option's; the last one is read by `send.sh`."""

_OF_OTHER_PROGRAMS = {"KEY": "PRODIA_TOKEN", "API_KEY": "PRODIA_TOKEN", "URL": "PRODIA_BASE_URL"}

_NEAR = 0.7  # MODLE is 0.8 near to MODEL; most names that are no nearer are another program's


def unknown(environ: Mapping[str, str]) -> Iterator[Warned]:
    """Yield a warning for each variable that nothing reads though somebody seems to think so.

    That is any whose name begins with PRODIA_COMPOSE_; of the others that begin with PRODIA_,
    which may be another program's, one that is nearly called as a variable that is not set.

    Those of all commands' options are read, whichever runs.
    """
    ours = sorted(name for name in environ if name.upper().startswith("PRODIA_"))
    if not {*ours} - {*OTHERS}:
        return  # as nearly always: the options need no walk
    options = reading.variables(ComposeOptions)
    if any(name.startswith("PRODIA_COMPOSE_") for name in {*ours} - {*options.values(), *OTHERS}):
        from prodia_compose.cli.options.many import ManyOptions  # noqa: PLC0415 - a tenth of a job's start

        options = reading.variables(ManyOptions)
    known = {*filter(None, options.values()), *OTHERS}
    for name in ours:
        if name in known:
            continue
        words = "nothing reads it"
        flag = f"--{_bare(name).replace('_', '-').lower()}"
        meant = _nearest(name, known)
        if flag in options and options[flag] is None and name.startswith("PRODIA_COMPOSE_"):
            words, cure = f"{flag} is not read from the environment", "type it"
        elif meant and (name.startswith("PRODIA_COMPOSE_") or not environ.get(meant)):
            cure = f"did you mean {meant}?"
        elif name.startswith("PRODIA_COMPOSE_"):
            cure = "unset it"
        else:
            continue
        yield Warned(code="unknown-variable", words=f"{name}: {words}", hints=(cure,))


def _bare(name: str) -> str:
    return name.upper().removeprefix("PRODIA_").removeprefix("COMPOSE_")


def _nearest(name: str, known: set[str]) -> str | None:
    """Return the variable that was most likely meant."""
    bare = {_bare(one): one for one in sorted(known)}
    found = values.nearest(_bare(name), bare, _NEAR)
    return bare[found] if found else _OF_OTHER_PROGRAMS.get(_bare(name))
