"""The service, spoken to over HTTP; the only package that knows requests and urllib3.

From the bottom up: `loading` (of requests), `policy` (what a status means, how
long to wait), `redaction` (the token kept out of texts), `passage` (how far a
request has come), `connections` (urllib3's, watched), `failures` (words for
what breaks), `exchange` (one request and its answer), `verdicts` (the error
each outcome is), `attempts` (sending again), `submission`, `polling` and
`downloads`.
"""

from prodia_compose.client import loading  # noqa: F401 - before anybody imports requests
from prodia_compose.client.downloads import download
from prodia_compose.client.polling import Created, fetch_output, poll, submit_async
from prodia_compose.client.submission import Delivered, submit
from prodia_compose.client.verdicts import kept

__all__ = [
    "Created",
    "Delivered",
    "download",
    "fetch_output",
    "kept",
    "poll",
    "submit",
    "submit_async",
]
