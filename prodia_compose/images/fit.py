"""Named images, turned into pictures that fit the model: open, probe, plan, prepare.

All but the last step are a matter of headers. Preparing decodes, so it runs in threads,
several pictures at a time, as far as a budget of memory goes. What comes of it does not
depend on how many there are: the bytes are the same, and errors and warnings are told in
the order of the pictures.
"""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images import plan, prepare, workers
from prodia_compose.images.options import Fitting
from prodia_compose.images.probe import probe
from prodia_compose.inputs.entries import Entry, Input
from prodia_compose.models.facts import Cap, Caps, Fact, Model
from prodia_compose.progress import Reporter

_BUDGET_BYTES: Final = 170_000_000
"""What pictures prepared at one time may take together, beside 50 MB of the process itself: two
JPEGs or PNGs of 48 MP made smaller to 2048 px, or one JPEG of 48 MP to 4096 px."""

_MOST_TWICE_PIXELS: Final = 50_000_000
"""Up to what size a HEIC may go beyond the budget: no camera's are larger."""


_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@frozen
class FittedImage:
    """One input: as found, and as it will be sent.

    Attributes:
        source: Where it comes from.
        info: What was found, upright.
        prepared: What will be sent; None if it could not be prepared.
        part: The file name of its `input` part; None if it could not be prepared.
    """

    source: Input
    info: probe.ImageInfo
    prepared: prepare.PreparedImage | None = None
    part: str | None = None


def fit(
    entries: Sequence[Entry],
    model: Model,
    wishes: Fitting,
    opening: Callable[[Entry, int], Input],
    *,
    reporter: Reporter,
    findings: errors.Findings,
    is_probed_only: bool = False,
    meanwhile: Callable[[], object] | None = None,
) -> tuple[FittedImage, ...]:
    """Return the images that could be read, in order, each prepared if it could be.

    What is wrong with an image goes to `findings` and does not hide what is wrong with
    the next.

    Args:
        entries: What was named.
        model: Whose caps apply.
        wishes: The options that change them.
        opening: Opens an entry at a position counted from 1.
        reporter: Told of each image that is done.
        findings: Takes the errors and warnings.
        is_probed_only: Whether nothing can come of it, so that no pixels need decoding.
        meanwhile: Is called once while the first images are prepared, to use the time.
    """
    caps = _effective(model.caps, wishes)
    found = _probe(entries, opening, wishes.max_input_pixels, findings)
    if is_probed_only:
        return tuple(found)
    fits = _plan(found, caps, wishes, findings)
    _warn_of_small(found, model.minimum_side, findings)
    options = _options(wishes, caps.image_bytes)
    images: list[FittedImage] = []
    for image, result in zip(
        found, _prepare(found, fits, options, reporter, meanwhile), strict=True
    ):
        prepared = None
        with findings.collecting(), _naming(image.source.path):
            prepared = result()
            _check_bytes(image.source.path, prepared, caps.image_bytes, findings)
        images.append(replace(image, prepared=prepared))
    return _name_parts(images)


def _prepare(
    found: Sequence[FittedImage],
    fits: Sequence[plan.Fit],
    options: prepare.PrepareOptions,
    reporter: Reporter,
    meanwhile: Callable[[], object] | None,
) -> list[Callable[[], prepare.PreparedImage]]:
    """Prepare the images and return, in their order, what gives each or raises why not."""
    tasks = [
        workers.Task(
            work=functools.partial(prepare.prepare, image.source.opener, image.info, size, options),
            cost=_cost(image.info, size, options),
        )
        for image, size in zip(found, fits, strict=True)
    ]
    results: dict[int, Callable[[], prepare.PreparedImage]] = {}
    reporter.start("prepare", len(tasks))
    for outcome in workers.outcomes(tasks, budget=_BUDGET_BYTES, meanwhile=meanwhile):
        results[outcome.place] = outcome.result
        reporter.advance(1)
    reporter.finish()
    return [results[place] for place in range(len(tasks))]


def _cost(info: probe.ImageInfo, size: plan.Fit, options: prepare.PrepareOptions) -> int:
    """Return what preparing an image takes of the budget, in bytes."""
    cost = prepare.peak_bytes(info, size, options)
    # Decoding a HEIC takes as long as five JPEGs: that two run at a time is worth the memory.
    if info.format == "HEIF" and info.width * info.height <= _MOST_TWICE_PIXELS:
        return min(cost, _BUDGET_BYTES // 2)
    return cost


def _probe(
    entries: Sequence[Entry],
    opening: Callable[[Entry, int], Input],
    max_input_pixels: int,
    findings: errors.Findings,
) -> list[FittedImage]:
    found = []
    for position, entry in enumerate(entries, 1):
        with findings.collecting():
            source = opening(entry, position)
            with _naming(source.path):
                info = probe.probe(source.opener, max_input_pixels=max_input_pixels)
            found.append(FittedImage(source=source, info=info))
    return found


def _effective(caps: Caps, wishes: Fitting) -> Caps:
    """Return the model's caps with `--max-side` and `--max-pixels` applied.

    An option may lower any cap, and raise all but a documented one.
    """
    return replace(
        caps,
        side=_chosen(caps.side, wishes.max_side, "--max-side"),
        pixels=_chosen(caps.pixels, wishes.max_pixels, "--max-pixels"),
    )


def _chosen(cap: Cap | None, limit: int | None, flag: str) -> Cap | None:
    if limit is None:
        return cap
    if cap is not None and cap.kind == "documented" and limit > cap.limit:
        return cap
    return Cap(limit=limit, kind="option", source=flag)


def _plan(
    found: Sequence[FittedImage], caps: Caps, wishes: Fitting, findings: errors.Findings
) -> tuple[plan.Fit, ...]:
    sizes = [(image.info.width, image.info.height) for image in found]
    if wishes.resize:
        return plan.plan(sizes, caps)
    for excess in plan.over_caps(sizes, caps):
        names = ", ".join(found[index].source.path for index in excess.indexes)
        path = names if len(excess.indexes) == 1 else None
        _over(f"{names}: {excess.message}", excess.cap, path, findings)
    return tuple(plan.Fit(size=size, reason=None) for size in sizes)


def _over(message: str, cap: Cap, path: str | None, findings: errors.Findings) -> None:
    """Refuse what is over a documented cap; warn of the others."""
    if cap.kind == "documented":
        cure = "leave out --no-resize, or make it smaller"
        findings.add(errors.InputError(f"{message}; {cure}", path=path))
    else:
        findings.warn("over-cap", message)


def _check_bytes(
    path: str, prepared: prepare.PreparedImage, cap: Cap | None, findings: errors.Findings
) -> None:
    if cap is not None and prepared.blob.size > cap.limit:
        message = (
            f"{path}: {prepared.blob.size:,} bytes; over the {cap.kind} limit of {cap.limit:,}"
        )
        _over(message, cap, path, findings)


def _warn_of_small(
    found: Sequence[FittedImage], minimum: Fact | None, findings: errors.Findings
) -> None:
    for image in found:
        if minimum is not None and min(image.info.width, image.info.height) < minimum.value:
            message = (
                f"{image.source.path}: {image.info.width}x{image.info.height} px; the model's "
                f"vendor asks for sides of at least {minimum.value:g} px; never enlarged here"
            )
            findings.warn("small-image", message)


def _options(wishes: Fitting, image_bytes: Cap | None) -> prepare.PrepareOptions:
    return prepare.PrepareOptions(
        quality=wishes.quality,
        background=wishes.background,
        keep_alpha=wishes.keep_alpha,
        keep_metadata=wishes.keep_metadata,
        max_bytes=image_bytes.limit if image_bytes is not None and wishes.resize else None,
    )


def _name_parts(images: Sequence[FittedImage]) -> tuple[FittedImage, ...]:
    """Give each prepared image the file name of its part."""
    ready = [image for image in images if image.prepared is not None]
    if len(ready) < len(images):
        return tuple(images)  # names depend on all of them, and nothing will be sent
    names = part_names(
        [image.source.entry.stem for image in images],
        [image.prepared.suffix for image in ready if image.prepared is not None],
    )
    return tuple(replace(image, part=name) for image, name in zip(images, names, strict=True))


@contextlib.contextmanager
def _naming(path: str) -> Iterator[None]:
    """Put the file in front of a reason such as "is an HTML page, not a picture"."""
    try:
        yield
    except errors.InputError as exc:
        raise errors.InputError(f"{path}: {exc.message}", path=path) from exc


def part_names(stems: Sequence[str], suffixes: Sequence[str]) -> tuple[str, ...]:
    """Return the file names of the `input` parts: the user's own where they are safe.

    A base name goes out only if it is plain ASCII and unique ignoring case (the
    service's documentation asks for different names); any other is `image-N.ext`.

    Args:
        stems: The inputs' base names without suffix, in order.
        suffixes: The suffixes of what is sent, such as ".jpg", in order.
    """
    wanted = [stem + suffix for stem, suffix in zip(stems, suffixes, strict=True)]
    folded = [name.casefold() for name in wanted]
    kept = {
        index
        for index, name in enumerate(wanted)
        if _PLAIN_NAME.fullmatch(name) and folded.count(folded[index]) == 1
    }
    taken = {folded[index] for index in kept}
    names = []
    for index, suffix in enumerate(suffixes):
        name = wanted[index]
        if index not in kept:
            name = f"image-{index + 1}{suffix}"
            while name in taken:  # somebody's own file is called image-2.jpg
                name = f"{name.removesuffix(suffix)}-{index + 1}{suffix}"
            taken.add(name)
        names.append(name)
    return tuple(names)
