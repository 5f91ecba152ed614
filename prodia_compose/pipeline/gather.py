"""What is read before any picture is opened: lists, the prompt, the token.

Standard input can be any of them, or an image, but only one.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO, Literal

from prodia_compose import errors
from prodia_compose.client.options import Delivery
from prodia_compose.client.service import SANDBOX_TOKEN, Token
from prodia_compose.inputs import files
from prodia_compose.inputs.entries import Entry, list_entries
from prodia_compose.models import facts, lookup
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.prompt import template

TokenState = Literal["present", "missing", "invalid"]


def owned_stdin(
    request: ComposeRequest, stdin: BinaryIO | None, findings: errors.Findings
) -> BinaryIO | None:
    """Return standard input if at most one thing asks for it."""
    called = request.called("--token-file")
    claims = [
        *("the operand -" for path in request.selection.operands if path == "-"),
        *(f"-i {label}=-" for label, path in request.selection.labelled if path == "-"),
        *("-T -" for path in request.selection.lists if path == "-"),
        *("--prompt-file -" for path in [request.prompt_file] if path == "-"),
        *(f"{called} -" for path in [request.delivery.token_file] if path == "-"),
    ]
    if len(claims) < 2:
        return stdin
    message = f"{claims[0]} and {claims[1]} both read standard input; only one can"
    findings.add(errors.UsageError(message))
    return None


def entries(
    request: ComposeRequest, stdin: BinaryIO | None, findings: errors.Findings
) -> tuple[tuple[Entry, ...], bool]:
    """Return what was named, and whether that is all of it."""
    selection = request.selection
    if stdin is None and "-" in selection.lists and findings.has_usage_error:
        return (), False  # whose standard input it is has to be settled first
    with findings.collecting():
        return list_entries(selection, stdin), True
    if not findings.has_usage_error and (selection.operands or selection.labelled):
        # A list cannot be read; what is wrong with the other images is told all the same.
        with findings.collecting():
            return list_entries(replace(selection, lists=()), stdin), False
    return (), False


def prompt_text(
    request: ComposeRequest,
    model: facts.Model | None,
    named: Sequence[Entry],
    stdin: BinaryIO | None,
    findings: errors.Findings,
) -> str | None:
    """Return the prompt as it is sent, labels turned into positions; None if it cannot be.

    Args:
        request: Which says where the prompt is.
        model: Whose longest prompt counts, if there is one.
        named: The images, for the positions of their labels.
        stdin: Standard input, if it is the prompt's.
        findings: Takes what is wrong.
    """
    if request.prompt_file == "-" and stdin is None and findings.has_usage_error:
        return None  # whose standard input it is has to be settled first
    with findings.collecting():
        flag = prompt_flag(request)
        text = _typed_prompt(request, stdin)
        positions = {
            entry.label: position for position, entry in enumerate(named, 1) if entry.label
        }
        final = template.to_send(template.compile_labels(text, positions, flag), flag)
        if model is not None:
            lookup.check_prompt(model, final, flag, findings)
        return final
    return None


def prompt_flag(request: ComposeRequest) -> str:
    """Return the option that the prompt comes from, for messages."""
    return "--prompt" if request.prompt_file is None else f"--prompt-file {request.prompt_file}"


def _typed_prompt(request: ComposeRequest, stdin: BinaryIO | None) -> str:
    if request.prompt is not None and request.prompt_file is not None:
        raise errors.UsageError("--prompt and --prompt-file: give one of them")
    if request.prompt is not None:
        return request.prompt
    if request.prompt_file is None:
        raise errors.UsageError("no prompt; say what to make with -p, or --prompt-file FILE")
    data = files.read_text(request.prompt_file, "--prompt-file", stdin)
    return template.text_of_file(data, request.prompt_file)


def token(
    delivery: Delivery,
    text: str | None,
    stdin: BinaryIO | None,
    findings: errors.Findings,
    *,
    sending: bool,
    sandbox: bool = False,
) -> tuple[Token | None, TokenState]:
    """Return the token, and whether there is a usable one.

    Args:
        delivery: May name a file.
        text: The value of `PRODIA_TOKEN`, or None; a file comes before it.
        stdin: Standard input, if it is the token's.
        findings: Takes what is wrong.
        sending: Whether it is needed; if not, a missing one is only a warning.
        sandbox: Whether any token will do.
    """
    if sandbox:
        return Token.parse(SANDBOX_TOKEN), "present"
    name, flag = delivery.token_file, delivery.called("--token-file")
    if name == "-" and stdin is None and findings.has_usage_error:
        return None, "missing"
    if name is not None:
        try:
            text = files.read_text(name, flag, stdin).decode("utf-8", errors="replace")
        except errors.InputError as exc:
            findings.add(errors.AuthError(exc.message, path=exc.path))
            return None, "missing"
    if text is not None and text.strip():
        try:
            return Token.parse(text), "present"
        except errors.AuthError as exc:
            place = "PRODIA_TOKEN" if name is None else flag
            cure = f"{place}: {exc.message}; put the token alone there"
            findings.add(errors.AuthError(cure, path=name))
            return None, "invalid"
    message = "no token; set PRODIA_TOKEN or give --token-file FILE (--sandbox needs none)"
    if name is not None:
        message = f"{flag} {name}: holds no token"
    if sending:
        findings.add(errors.AuthError(message))
    else:
        findings.warn("no-token", message)
    return None, "missing"
