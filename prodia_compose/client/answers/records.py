"""What the service tells of a job in JSON, believed as far as it makes sense."""

import json
from collections.abc import Callable

from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob

_MOST_USD = 1_000_000_000  # what is more is no price of a picture

WORDS_LIMIT = 500
"""The most characters of the service's own words that are passed on."""

_JSON_LIMIT_BYTES = 1 << 20

Hide = Callable[[str], str]
"""Takes secrets out of a text that came from outside."""


@frozen
class JobRecord:
    """What the service tells of a job; anything it leaves out or garbles is None.

    Attributes:
        state: `completed` or `failed` in synchronous answers, `processing`,
            `processed` or `failed` in asynchronous ones.
        price_usd: What it cost; told only if asked for, and only on success.
    """

    id: str | None = None
    state: str | None = None
    error: str | None = None
    price_usd: float | None = None

    @property
    def failed(self) -> bool:
        """Whether the record says that the job did not work out."""
        went_well = self.state in ("completed", "processed")
        return self.state == "failed" or (self.error is not None and not went_well)


def strings(value: object) -> tuple[str, ...]:
    """Return the texts of a JSON array, dropping whatever else is in it."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def json_value(body: blob.Blob) -> object:
    """Return the value of a JSON body; None if it is none, or absurdly large."""
    if body.size > _JSON_LIMIT_BYTES:
        return None
    try:
        value: object = json.loads(body.read())
    except (ValueError, RecursionError):
        return None
    return value


def job_record(value: dict[str, object], hide: Hide) -> JobRecord:
    """Return what a job's JSON, or an error's, tells."""
    state = value.get("state")
    error = _error_text(value)
    return JobRecord(
        id=_known(value.get("id"), hide),
        state=_known(_member(state, "current") or state, hide),
        error=None if error is None else words(error, hide),
        price_usd=_amount(_member(value.get("price"), "dollars")),
    )


def _error_text(value: dict[str, object]) -> str | None:
    """Return the words of an error object, wherever they are.

    `error` is the documented place; older servers put the reason into the last
    entry of `state.history`, gateways into `message` or `detail`.
    """
    going_well = _member(value.get("state"), "current") in ("completed", "processed", "processing")
    for key in ("error",) if going_well else ("error", "message", "detail"):
        reason = value.get(key)
        if isinstance(reason, dict):
            reason = reason.get("message")
        if isinstance(reason, list):
            reason = "; ".join(strings([_member(item, "msg") or item for item in reason]))
        if isinstance(reason, str) and reason.strip():
            return reason
    history = _member(value.get("state"), "history")
    last = _member(history[-1], "message") if isinstance(history, list) and history else None
    return last if not going_well and isinstance(last, str) and last.strip() else None


def _member(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _known(value: object, hide: Hide) -> str | None:
    """Return a short text that came from outside, or None."""
    return hide(value)[:WORDS_LIMIT] if isinstance(value, str) and value else None


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        amount = float(value)
    except OverflowError:
        return None
    return amount if 0 <= amount <= _MOST_USD else None


def words(text: str, hide: Hide) -> str | None:
    """Return the service's words without white space around them; None if there are none.

    Longer ones are cut to `WORDS_LIMIT` characters.
    """
    # Hidden first: a cut through the middle of a secret would leave half of it.
    redacted = hide(text).strip()
    return redacted[: WORDS_LIMIT - 3] + "..." if len(redacted) > WORDS_LIMIT else redacted or None
