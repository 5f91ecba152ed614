"""Plans of requests in tests, without a service."""

import io

from prodia_compose.images import fit
from prodia_compose.images.workers import Budget
from prodia_compose.inputs import blob
from prodia_compose.pipeline import planner
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.progress import Reporter, Stop


def plan(request: ComposeRequest, *, decoding: bool = True) -> Plan:
    """Return the plan of a request, with nothing on standard input and no token."""

    def download(url: str) -> blob.Blob:
        raise AssertionError(url)

    around = planner.Surroundings(
        stdin=io.BytesIO(),
        token=None,
        reporter=Reporter(),
        download=download,
        means=fit.Means(budget=Budget(1 << 30)),
        stop=Stop(),
    )
    return planner.make(request, around, sending=False, decoding=decoding)
