"""The catalogue for people: a table of the models, and one model with its sources."""

from collections.abc import Iterator, Mapping, Sequence

from prodia_compose.models.facts import Cap, CapKind, Estimate, Model, Setting
from prodia_compose.progress import size
from prodia_compose.report import tables

_SET_BY: Mapping[CapKind, str] = {
    "documented": "documented",
    "upstream": "the model's vendor",
    "house": "our own limit",
}


def table(listed: Sequence[Model]) -> list[tuple[str, ...]]:
    """Return the rows of the model table, heading first; README shows the same."""
    titles = ("MODEL", "IMAGES", "PRICE", "SECONDS", "SEED", "SHAPE", "GOOD FOR")
    rows = [tables.heading(*titles, right=("IMAGES", "PRICE", "SECONDS"))]
    rows += [
        (
            model.short_name,
            f"{model.max_images.value:g}",
            price_text(model.estimate(None)),
            f"{model.usual_seconds.value:g}" if model.usual_seconds else "?",
            _seed(model),
            _shape(model),
            model.summary,
        )
        for model in listed
    ]
    return rows


def _taken(model: Model) -> dict[str, Setting]:
    return {one.name: one for one in model.settings if one.status != "refused"}


def _seed(model: Model) -> str:
    """Return whether a model takes a seed, as far as is known."""
    seed = _taken(model).get("seed")
    return "no" if seed is None else "yes" if seed.status == "confirmed" else "maybe"


def _shape(model: Model) -> str:
    """Return how the shape of a result is chosen, and how large it may be."""
    taken, ways = _taken(model), []
    if width := taken.get("width"):
        ways.append(f"size to {width.maximum:g} px" if width.maximum else "size")
    if "aspect_ratio" in taken:
        resolution = taken.get("resolution")
        choices = (resolution.choices or resolution.likely_choices) if resolution else ()
        ways.append(f"ratio to {choices[-1]}" if choices else "ratio")
    return ", ".join(ways) or "-"


def price_text(estimate: Estimate) -> str:
    """Return an estimate for people: "$0.03", "$0.15-0.30", "at most $0.05" or "unknown"."""
    low, high = estimate.minimum_usd, estimate.maximum_usd
    if high is None:
        return "unknown"
    if low is None:
        return f"at most ${_usd(high)}"
    return f"${_usd(low)}" if low == high else f"${_usd(low)}-{_usd(high)}"


def _usd(value: float) -> str:
    return f"{value:.2f}" if round(value, 2) == value else f"{value:g}"


def details(model: Model, layout: tables.Layout = tables.PLAIN) -> Iterator[str]:
    """Yield all that is known of one model, each fact followed by its source."""
    title = tables.styled(model.short_name, tables.BOLD)
    yield from tables.aligned([(title, f"({model.job_type})")], layout)
    yield from tables.aligned([(model.summary,)], layout)
    if model.aliases:
        yield from tables.aligned([(f"also called {', '.join(model.aliases)}",)], layout)
    yield ""
    facts = [
        ("images", f"at most {model.max_images.value:g}", model.max_images.source),
        *_cap_rows(model),
    ]
    if model.minimum_side:
        side = model.minimum_side
        facts.append(
            ("smallest side", f"{side.value:g} px", f"{_SET_BY['upstream']}: {side.source}")
        )
    if model.max_prompt:
        characters = f"{model.max_prompt.value:,g} characters"
        doubt = "" if model.is_max_prompt_sure else "unconfirmed: "
        facts.append(("longest prompt", characters, doubt + model.max_prompt.source))
    for price in model.prices:
        name = f"price at {price.resolution}" if price.resolution else "price"
        usd = price_text(Estimate(minimum_usd=price.minimum_usd, maximum_usd=price.maximum_usd))
        facts.append((name, usd, "; ".join(filter(None, (price.source, price.note)))))
    if not model.prices:
        facts.append(("price", "unknown", "not found in Prodia's pages"))
    if model.usual_seconds:
        seconds = model.usual_seconds
        facts.append(("usual time", f"{seconds.value:g} s", seconds.source))
    rows = [(name, value, f"[{source}]") for name, value, source in facts]
    yield from tables.aligned(rows, layout)
    if model.settings:
        yield ""
        yield from tables.aligned([tables.heading("settings")], layout)
        yield from tables.aligned([_setting_row(setting) for setting in model.settings], layout)
    if model.notes:
        yield ""
        yield from tables.aligned([("note:", note) for note in model.notes], layout, gap=" ")


def _cap_rows(model: Model) -> Iterator[tuple[str, str, str]]:
    caps: tuple[tuple[str, Cap | None], ...] = (
        ("largest side", model.caps.side),
        ("largest image", model.caps.pixels),
        ("all images", model.caps.combined),
        ("each file", model.caps.image_bytes),
    )
    for name, cap in caps:
        if cap is not None:
            is_file = cap is model.caps.image_bytes
            limit = size(cap.limit) if is_file else f"{cap.limit:,} px"
            yield name, limit, f"{_SET_BY[cap.kind]}: {cap.source}"


def _setting_row(setting: Setting) -> tuple[str, str, str]:
    status = "" if setting.status == "confirmed" else f"{setting.status}; "
    default = "" if setting.default is None else f", default {setting.default}"
    note = f"; {setting.note}" if setting.note else ""
    return (
        f"  {setting.name}",
        ("not accepted" if setting.status == "refused" else domain(setting)) + default,
        f"[{status}{setting.source}{note}]",
    )


def domain(setting: Setting) -> str:
    """Return what a setting may be, in a phrase."""
    choices = setting.choices or setting.likely_choices
    if choices:
        return " ".join(choices)
    words: str = setting.type
    if setting.minimum is not None and setting.maximum is not None:
        words = f"{setting.minimum:g} to {setting.maximum:g}"
    step = setting.multiple_of or setting.likely_multiple_of
    return f"{words} in steps of {step}" if step else words
