"""How a job is sent, as the options say it."""

from prodia_compose.client.service import DEFAULT_BASE_URL
from prodia_compose.frozen import frozen


@frozen
class Delivery:
    """How the job is sent; times in seconds.

    Attributes:
        base_url: The service, without `/v2`.
        connect_timeout_s: For each connection attempt.
        stall_timeout_s: Without any progress of the upload.
        timeout_s: From the last byte sent to the complete answer.
        max_wait_s: For capacity, over all attempts.
        is_async: Whether the job is created, asked after and fetched, rather than waited
            for on one connection.
    """

    base_url: str = DEFAULT_BASE_URL
    connect_timeout_s: float = 10
    stall_timeout_s: float = 30
    timeout_s: float = 300
    max_wait_s: float = 120
    is_async: bool = False
