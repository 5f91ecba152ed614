"""Options that were read from the environment, so that messages call them by their variable."""

import re
from collections.abc import Sequence
from dataclasses import replace

from prodia_compose import errors
from prodia_compose.frozen import frozen


@frozen
class Variable:
    """An option whose value came from the environment.

    Attributes:
        name: The variable, such as `PRODIA_COMPOSE_STEPS`.
        flags: The option's own names, such as `--steps`, of which none was typed.
    """

    name: str
    flags: tuple[str, ...]


def name_in_error(error: errors.ComposeError, variables: Sequence[Variable]) -> None:
    """Let an error, and each it holds, name variables where it names options nobody typed."""
    for part in error.parts:
        part.message = _named(part.message, variables, part.path)
    error.message = "; ".join(part.message for part in error.parts)


def name_in_findings(findings: errors.Findings, variables: Sequence[Variable]) -> None:
    """Do the same for all that the checks have found so far."""
    for error in findings.errors:
        name_in_error(error, variables)
    findings.warnings[:] = [
        replace(warned, message=_named(warned.message, variables)) for warned in findings.warnings
    ]


def _named(message: str, variables: Sequence[Variable], path: str | None = None) -> str:
    """Return a message with variables for flags in what it is about, before the colon.

    What comes after that is advice, where a flag is one to type. A file may be called
    as an option is; its name stays.
    """
    subject, colon, rest = message.partition(": ")
    if not subject.startswith("-") or subject == path:
        return message
    for variable in variables:
        for flag in variable.flags:
            subject = re.sub(rf"(?<!\S){re.escape(flag)}(?!\S)", variable.name, subject)
    return f"{subject}{colon}{rest}"
