"""How a job is sent, as the options say it."""

from typing import Annotated, BinaryIO, Literal
from urllib.parse import urlsplit

from prodia_compose import addresses, errors, values
from prodia_compose.client.service import (
    DEFAULT_BASE_URL,
    SANDBOX_TOKEN,
    Service,
    Token,
    normalise_base_url,
)
from prodia_compose.frozen import frozen
from prodia_compose.inputs import files
from prodia_compose.options import Option, Options

TokenState = Literal["present", "missing", "invalid"]


def _seconds(flag: str, help_text: str, example: str, *, minimum: float = 0.001) -> Option:
    return Option(
        names=(flag,),
        metavar="S",
        minimum=minimum,
        maximum=86400,
        example=example,
        help=help_text,
        group="network",
    )


@frozen
class Delivery(Options):
    """How the job is sent, as a `Service` takes it; `token_file` is a file, or `-`."""

    token_file: Annotated[
        str | None,
        Option(
            metavar="FILE",
            help="Read the token from a file, or - for stdin, instead of from PRODIA_TOKEN",
            group="network",
        ),
    ] = None
    connect_timeout_s: Annotated[
        float, _seconds("--connect-timeout", "Give up connecting after S seconds", "10")
    ] = 10
    stall_timeout_s: Annotated[
        float,
        _seconds("--stall-timeout", "Give up when the upload stands still for S seconds", "60"),
    ] = 30
    timeout_s: Annotated[
        float,
        _seconds("--timeout", "Wait at most S seconds for the result, once all is sent", "600"),
    ] = 300
    max_wait_s: Annotated[
        float,
        _seconds(
            "--max-wait",
            "Keep retrying a busy service for at most S seconds in total",
            "300",
            minimum=0,
        ),
    ] = 120
    base_url: Annotated[
        str,
        Option(
            is_hidden=True,
            parse=normalise_base_url,
            variable="PRODIA_BASE_URL",
        ),
    ] = DEFAULT_BASE_URL
    is_async: Annotated[
        bool,
        Option(
            names=("--async",),
            help="Submit, poll, download; `jobs fetch` finishes an interrupted wait",
            group="network",
        ),
    ] = False

    @property
    def host(self) -> str:
        """The service, with the port if one was given."""
        return urlsplit(self.base_url).netloc

    def token(
        self,
        text: str | None,
        stdin: BinaryIO | None,
        findings: errors.Findings,
        *,
        sending: bool,
        sandbox: bool = False,
    ) -> tuple[Token | None, TokenState]:
        """Return the token, and whether there is a usable one.

        Args:
            text: The value of `PRODIA_TOKEN`, or None; the file comes before it.
            stdin: Standard input, if it is the token's.
            findings: Takes what is wrong.
            sending: Whether it is needed; if not, a missing one is only a warning.
            sandbox: Whether any will do.
        """
        if sandbox:
            return Token.parse(SANDBOX_TOKEN), "present"
        name, flag = self.token_file, self.called("--token-file")
        if name == "-" and stdin is None and findings.has_usage_error:
            return None, "missing"
        if name is not None:
            try:
                text = _text(name, flag, stdin)
            except errors.InputError as exc:
                findings.add(errors.AuthError(exc.words, *exc.hints, path=exc.path))
                return None, "missing"
        if text is not None and text.strip():
            try:
                return Token.parse(text), "present"
            except errors.AuthError as exc:
                place = "PRODIA_TOKEN" if name is None else flag
                hints = exc.hints or ("put the token alone there",)
                findings.add(errors.AuthError(f"{place}: {exc.words}", *hints, path=name))
                return None, "invalid"
        error = errors.AuthError(f"{flag} {name}: holds no token", "put it alone there")
        if name is None:
            error = errors.AuthError(
                "no token",
                f"make one at {addresses.DASHBOARD}",
                "set PRODIA_TOKEN or give --token-file FILE (--sandbox needs none)",
            )
        if sending:
            findings.add(error)
        else:
            findings.warn("no-token", error.words, *error.hints)
        return None, "missing"

    def service(self, token: Token) -> Service:
        """Return the service that this names, with the token for it."""
        return Service(
            base_url=self.base_url,
            token=token,
            connect_timeout_s=self.connect_timeout_s,
            stall_timeout_s=self.stall_timeout_s,
            timeout_s=self.timeout_s,
            max_wait_s=self.max_wait_s,
        )


def _text(name: str, flag: str, stdin: BinaryIO | None) -> str:
    """Return what a token's file holds.

    Raises:
        errors.InputError: It cannot be read, is in another encoding, or is the token itself.
    """
    if values.is_secret(name):
        words = f"{flag}: is given a token, not a file"
        raise errors.InputError(words, "put it alone into a file, or set PRODIA_TOKEN")
    data = files.read_text(name, flag, stdin)
    if encoding := files.wide_encoding(data):
        raise errors.InputError(f"{flag} {name}: is {encoding}", "save it as UTF-8", path=name)
    return data.decode("utf-8", errors="replace").removeprefix("\ufeff")
