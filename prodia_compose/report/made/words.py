"""What a page, a sheet and a table say of compositions, in words."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from prodia_compose import addresses
from prodia_compose.models.facts import Estimate
from prodia_compose.pipeline.batch.results.lines import Document
from prodia_compose.progress import visible
from prodia_compose.record.entries import base_name
from prodia_compose.report.catalogue import price_text
from prodia_compose.report.made.grid import Set, Variant

_MEANINGS = {
    "done": "",
    "skipped": "it was made before",
    "rejected": "the service rejected it",
    "busy": "not sent: the service was busy",
    "not-delivered": "not sent in whole: it did not run",
    "unknown": "outcome unknown: it may have run, and may be billed",
    "not-placed": "a picture came and is not in its place",
    "cancelled": "not sent: the run was stopped",
    "refused": "not sent: it was refused",
    "listed": "not sent",
    "not-started": "not sent: no more rows were started",
    "running": "not at its end",
}
"""What became of a composition."""

_KINDS = {
    "done": ("done", "done"),
    "skipped": ("done", "done"),
    "rejected": ("failed", "failed"),
    "not-placed": ("failed", "failed"),
    "unknown": ("unknown", "unknown"),
    "running": ("unknown", "running"),
}
"""What it counts as, and is called; all else was not sent."""

NOTHING = "nothing was made"
"""What stands where a set has no composition of a variant."""

_ABSOLUTE = re.compile(r"(?<![\w.:/~-])(?:/[^/\s:'\",;()]+)+/(?=[^/\s])")
"""All of a path from the root but its last step, in a message."""

_NAMING = ("images", "outputs", "rescued", "errors")
_APART = ("prompt", "images")
_BILLED = ("done", "unknown", "not-placed", "running")


def kind(document: Document) -> tuple[str, str]:
    """Return what a composition counts as (done, failed, unknown, unsent), and is called."""
    return _KINDS.get(str(document["status"]), ("unsent", "not sent"))


def outcome(document: Document, *, prompts: bool) -> str:
    """Return what became of a composition, in one line; empty if its picture is there."""
    meaning = _MEANINGS.get(str(document["status"]), "")
    listed = document.get("errors") or []
    messages = [one.get("message") for one in listed if isinstance(one, dict)]  # type: ignore[attr-defined] # a list, as it was read
    message = next((one for one in messages if isinstance(one, str)), document.get("why"))
    if not meaning or not isinstance(message, str) or not message:
        return meaning
    prompt = document.get("prompt")
    if not prompts and isinstance(prompt, str) and prompt:
        message = message.replace(prompt, "…")
    for path in sorted(_paths(document), key=len, reverse=True):
        message = message.replace(path, base_name(path))
    return plain(message)


def _paths(document: Document) -> Iterator[str]:
    """Yield the paths from the root that a document names: with blanks, no pattern finds them."""
    listed = [one for key in _NAMING for one in document.get(key) or ()]  # type: ignore[attr-defined] # a list, as it was read
    for one in (*listed, document.get("output")):
        path = one.get("path") if isinstance(one, dict) else None
        if isinstance(path, str) and path.startswith("/"):
            yield visible(path)


def plain(text: str) -> str:
    """Return a message of which nobody learns where on this machine anything lies."""
    return visible(" ".join(_ABSOLUTE.sub("", text).split()))


def lines(text: str) -> str:
    """Return a prompt as it was typed, line by line."""
    return "\n".join(map(visible, text.splitlines()))


def model(variant: Variant) -> str:
    """Return what a column is headed by."""
    return visible(variant.model or "model unknown")


def details(variant: Variant) -> str:
    """Return what a column differs in from others of its model."""
    parts = [f"{visible(key.replace('_', ' '))} {visible(value)}" for key, value in variant.varied]
    if variant.turn > 1:
        parts.append(f"run {variant.turn}")
    return ", ".join(parts)


def settings(document: Document, *, prompts: bool) -> str:
    """Return the settings of a job, as the service calls them."""
    job = document.get("job")
    config = job.get("config") if isinstance(job, dict) else None
    known = config.items() if isinstance(config, dict) else ()
    return ", ".join(
        f"{visible(key.replace('_', ' '))} {visible(_value(value))}"
        for key, value in known
        if key not in _APART and (prompts or "prompt" not in key)
    )


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def price(document: Document) -> str:
    """Return what a composition cost, or may have cost."""
    cost = _amount(document, "price_usd")
    if document.get("sandbox") is True:
        return "no cost: sandbox"
    if cost is not None:
        return usd(cost)
    if not _may_be_billed(document):
        return "not billed"
    most = _most(document)
    return "price unknown" if most is None else f"at most {usd(most)}"


def seconds(document: Document) -> str:
    """Return how long it took; empty if that is not known."""
    elapsed = document.get("elapsed_s")
    return f"{elapsed:.1f} s" if isinstance(elapsed, int | float) and elapsed > 0 else ""


def usd(amount: Decimal) -> str:
    """Return an amount for people."""
    return price_text(Estimate(minimum_usd=float(amount), maximum_usd=float(amount)))


def _amount(document: Document, key: str) -> Decimal | None:
    value = document.get(key)
    return Decimal(str(value)) if isinstance(value, int | float) else None


def _most(document: Document) -> Decimal | None:
    found = _amount(document, "reserved_usd")
    return _amount(document, "estimate_usd") if found is None else found


def _may_be_billed(document: Document) -> bool:
    billed, made = document.get("may_be_billed"), document.get("made")
    if isinstance(made, dict) and made.get("taken") is True:
        return False  # an earlier picture, instead of paying
    return billed if isinstance(billed, bool) else document["status"] in _BILLED


def totals(documents: Iterable[Document]) -> list[tuple[str, str]]:
    """Return what all of it came to: (what, in words), money first."""
    listed = list(documents)
    jobs = [one for document in listed for one in (document, *_before(document))]
    real = [one for one in jobs if one.get("sandbox") is not True]
    charged = sum((_amount(one, "price_usd") or Decimal(0) for one in real), Decimal(0))
    open_ = [one for one in real if _may_be_billed(one) and _amount(one, "price_usd") is None]
    pairs = [("Charged", usd(charged) if real else "nothing: sandbox")]
    if open_:
        known = [most for one in open_ if (most := _most(one)) is not None]
        words = (
            f"at most {usd(sum(known, Decimal(0)))} for {counted(len(known), 'job')}"
            if known
            else ""
        )
        unknown = len(open_) - len(known)
        more = f"{counted(unknown, 'job')} of unknown price" if unknown else ""
        pairs.append(("May be charged", ", and ".join(filter(None, (words, more)))))
    counts = Counter(kind(one)[1] for one in listed)
    words = ", ".join(f"{counts[name]} {name}" for name in _ORDER if counts[name])
    return [*pairs, ("Compositions", f"{len(listed)}: {words}")]


_ORDER = ("done", "failed", "unknown", "running", "not sent")


def _before(document: Document) -> Sequence[Document]:
    value = document.get("before")
    return value if isinstance(value, list) else []


def counted(count: int, what: str) -> str:
    """Return so many of something."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def image(document: Document) -> str:
    """Return what an input is called: its label, or the name of its file."""
    label = document.get("label")
    if isinstance(label, str) and label:
        return visible(label)
    path = str(document["path"])
    return "standard input" if path == "-" else visible(base_name(addresses.shown(path)))


def named(set_: Set, place: int) -> str:
    """Return what a set is called, the `place`th: by its id, if that tells something."""
    if set_.name and not _DIGEST.fullmatch(set_.name):
        return plain(set_.name)
    return f"Set {place}"


_DIGEST = re.compile(r"[0-9a-f]{12}(-[0-9]+)?")
"""What rows are called that nobody named."""


def alt(set_: Set, document: Document, name: str, *, prompts: bool) -> str:
    """Return what a picture is, for those who do not see it."""
    title = f"Result of {visible(str(document.get('model') or 'an unknown model'))} for {name}"
    prompt = document.get("prompt") or set_.prompt
    return f"{title}: {_cut(str(prompt))}" if prompts and prompt else title


def _cut(text: str) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= _LONGEST_ALT else f"{line[: _LONGEST_ALT - 1].rstrip()}…"


_LONGEST_ALT = 120
