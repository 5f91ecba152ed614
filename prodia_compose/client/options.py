"""How a job is sent, as the options say it."""

from typing import Annotated

from prodia_compose.client.service import DEFAULT_BASE_URL, normalise_base_url
from prodia_compose.frozen import frozen
from prodia_compose.options import Option, Options


def _seconds(flag: str, told: str, *, minimum: float = 0.001) -> Option:
    return Option(names=(flag,), metavar="S", minimum=minimum, maximum=86400, help=told)


@frozen
class Delivery(Options):
    """How the job is sent, as a `Service` takes it; `token_file` is a file, or `-`."""

    token_file: Annotated[
        str | None,
        Option(metavar="FILE", help="Read the token from a file instead of PRODIA_TOKEN"),
    ] = None
    connect_timeout_s: Annotated[float, _seconds("--connect-timeout", "For a connection")] = 10
    stall_timeout_s: Annotated[float, _seconds("--stall-timeout", "Without upload progress")] = 30
    timeout_s: Annotated[float, _seconds("--timeout", "For the answer, once all is sent")] = 300
    max_wait_s: Annotated[
        float, _seconds("--max-wait", "In all, while the service is busy", minimum=0)
    ] = 120
    base_url: Annotated[
        str,
        Option(
            is_hidden=True,
            parse=lambda text, _: normalise_base_url(text),
            variable="PRODIA_BASE_URL",
        ),
    ] = DEFAULT_BASE_URL
    is_async: Annotated[
        bool,
        Option(names=("--async",), help="Create the job, ask after it, then fetch the picture"),
    ] = False
