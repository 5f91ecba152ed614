"""The same job, sent before."""

from prodia_compose import addresses, errors
from prodia_compose.record.entries import Claim
from prodia_compose.record.ledger import Ledger


def refuse(claim: Claim, record: Ledger) -> None:
    """Stop if the same job was sent before and nobody knows what became of it.

    Raises:
        errors.UnknownError: It was.
    """
    twin = record.unknown_twin(claim.twin_key)
    if twin is None:
        return
    cure = f"look at `prodia-compose jobs show {twin.id}` and {addresses.DASHBOARD}"
    if twin.is_at_service:
        cure = f"`prodia-compose jobs fetch {twin.id}` brings its picture if there is one"
    raise errors.UnknownError(
        f"the same job was sent on {twin.begun_at.astimezone():%Y-%m-%d at %H:%M:%S} and its "
        f"outcome is unknown, so it may be billed; {cure}; --again sends it once more; "
        "nothing was sent now",
        job_id=twin.job_id,
        request_id=twin.request_id,
    )
