"""The record of jobs: written before the first byte leaves, read when in doubt.

It must never stop a job, slow it, or raise a database's error at it: where the record
cannot be used, every call does nothing, and `Ledger.trouble` holds the one warning.
The only package that knows sqlite3.

From the bottom up: `processes` (is the one that wrote a row still running?), `entries`
(the values), `schema` and `database` (one file, many processes), `spending` (sums),
`record` (the record itself), `documents` (its JSON).
"""

from prodia_compose.ledger.entries import Claim, Entry, File, State
from prodia_compose.ledger.record import Ledger, OpenEntry, is_off, open_record
from prodia_compose.ledger.spending import Amounts, Spend, Spending

__all__ = [
    "Amounts",
    "Claim",
    "Entry",
    "File",
    "Ledger",
    "OpenEntry",
    "Spend",
    "Spending",
    "State",
    "is_off",
    "open_record",
]
