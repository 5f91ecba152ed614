"""The same job, sent before."""

from typing import TYPE_CHECKING

from prodia_compose import addresses, errors
from prodia_compose.inputs import files
from prodia_compose.record.entries import Claim, Entry

if TYPE_CHECKING:  # for an annotation; a plan must not load sqlite3
    from prodia_compose.record.ledger import Ledger


def refuse(claim: Claim, record: "Ledger", flag: str = "--again") -> None:
    """Stop if the same job was sent before and nobody knows what became of it.

    `flag` is what sends it all the same.

    Raises:
        errors.UnknownError: It was.
    """
    twin = record.unknown_twin(claim)
    if twin is None:
        return
    cure = f"look at `prodia-compose jobs show {twin.id}` and {addresses.DASHBOARD}"
    if twin.is_at_service:
        has_it = "while its sandbox runs" if twin.is_sandbox else "if there is one"
        cure = f"`prodia-compose jobs fetch {twin.id}` brings its picture {has_it}"
    raise errors.UnknownError(
        f"the same job was sent on {twin.begun_at.astimezone():%Y-%m-%d at %H:%M:%S} and its "
        "outcome is unknown, so it may be billed; nothing was sent now",
        cure,
        f"once you know, `prodia-compose jobs settle {twin.id} billed` (or not-billed) says so; "
        f"{flag} sends it once more",
        job_id=twin.job_id,
        request_id=twin.request_id,
    )


def made(host: str, request_key: str, record: "Ledger") -> Entry | None:
    """Return the last job that asked for the same and whose pictures lie as they were saved."""
    for twin in record.saved(host, request_key):
        if twin.outputs and all(lies(one.sha256, one.path) for one in twin.outputs):
            return twin
    return None


def lies(sha256: str, path: str) -> bool:
    """Return whether a picture is what a file holds; standard output holds nothing."""
    return path != "-" and files.holds(path, sha256)


def message(twin: Entry) -> str:
    """Return when, for how much and where the same picture was made, in words."""
    price = "at an unknown price" if twin.price_usd is None else f"for ${twin.price_usd:g}"
    price = "in a sandbox" if twin.is_sandbox else price
    when = f"{twin.begun_at.astimezone():%Y-%m-%d at %H:%M:%S}"
    return f"the same picture was made on {when} {price}: {twin.outputs[0].path}"
