"""Named images, turned into pictures that fit the model: open, probe, plan, prepare.

All but the last step are a matter of headers. Preparing decodes, so it runs in threads, as
far as a budget of memory goes. What comes of it does not depend on how many there are.
"""

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import BinaryIO, Final

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images import plan, prepare, workers
from prodia_compose.images.options import Fitting
from prodia_compose.images.probe import probe
from prodia_compose.inputs import files
from prodia_compose.inputs.entries import Entry, Input
from prodia_compose.models.facts import Cap, Caps, Fact, Model
from prodia_compose.progress import Reporter, Stop

BUDGET_BYTES: Final = 170_000_000
"""What pictures prepared at one time may take together, beside 50 MB of the process itself: two
JPEGs or PNGs of 48 MP made smaller to 2048 px."""

_MOST_TWICE_PIXELS: Final = {"HEIF": 25_000_000, "AVIF": 24_000_000, "JPEG": 25_000_000}
"""Up to what size two at a time may go beyond the budget. Two JPEGs of 24 MP take 220 MB, and one
after the other they would take twice the time; of larger HEICs the decoder takes 4.5 bytes a pixel,
and the tiles that phones make them of keep its own threads as busy."""

_DECODER_THREADS: Final = {"HEIF": 4, "AVIF": 4}
"""How many threads of its own a decoder starts."""

Preparing = Callable[
    [Input, probe.ImageInfo, plan.Fit, Fitting, int | None],
    tuple[prepare.PreparedImage, files.Content | None],
]
"""Prepares an input as `prepare.prepare` does, wherever that is; tells what is in it as well."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def here(
    source: Input, info: probe.ImageInfo, size: plan.Fit, wishes: Fitting, max_bytes: int | None
) -> tuple[prepare.PreparedImage, files.Content | None]:
    """Prepare an input in this process; `Preparing`."""
    content = source.content

    def opener() -> BinaryIO:
        nonlocal content
        file = source.opener()
        if content is None:  # what is read now, the decoder finds in the system's memory
            content = files.content(file)
            file.seek(0)
        return file

    return prepare.prepare(opener, info, size, wishes, max_bytes), content


@frozen
class Means:
    """What pictures are prepared with: memory for all that are at one time, and somebody to do it.

    Attributes:
        is_elsewhere: Whether that takes no memory and no processor of this machine.
    """

    budget: workers.Budget
    preparing: Preparing = here
    is_elsewhere: bool = False


@frozen
class FittedImage:
    """One input: as found, and as it will be sent, in an `input` part, if it could be prepared.

    What is in its source is known once it is prepared.
    """

    source: Input
    info: probe.ImageInfo
    prepared: prepare.PreparedImage | None = None
    part: str | None = None

    @property
    def is_untouched(self) -> bool:
        """Whether what is sent is the source, byte for byte."""
        sent, lay = self.prepared, self.source.content
        return sent is not None and lay is not None and sent.blob.sha256 == lay.sha256


def fit(
    entries: Sequence[Entry],
    model: Model,
    wishes: Fitting,
    opening: Callable[[Entry, int], Input | None],
    *,
    reporter: Reporter,
    findings: errors.Findings,
    means: Means | None,
    stop: Stop | None = None,
) -> tuple[FittedImage, ...]:
    """Return the images that could be read, in order, each prepared if it could be.

    What is wrong with an image goes to `findings`, in order, and does not hide what is wrong
    with the next.

    Args:
        opening: Opens an entry at a position counted from 1; None for one that is left for later.
        means: None where no pixels need decoding: what is wrong by their headers is found.

    Raises:
        errors.Interrupted: Somebody asked to stop.
    """
    caps = _effective(model.caps, wishes)
    probed = _probe(entries, opening, wishes.max_input_pixels, findings)
    fits = _plan(probed, caps, wishes, findings)
    _warn_of_small(probed, model.minimum_side, findings)
    if means is None:
        _warn_of_marks(probed, findings, is_known_to_stay=wishes.keep_metadata)
        return tuple(probed)
    max_bytes = caps.image_bytes.limit if caps.image_bytes and wishes.resize else None
    tasks = [
        _task(image, size, wishes, max_bytes, means)
        for image, size in zip(probed, fits, strict=True)
    ]
    outcomes = {}
    reporter.start("prepare", len(tasks))
    most = len(tasks) if means.is_elsewhere else None
    done = workers.outcomes(tasks, budget=means.budget, stop=stop or Stop(), most=most)
    for place, outcome in done:
        outcomes[place] = outcome
        reporter.advance(1)
    reporter.finish()
    images = list(probed)
    for place, image in enumerate(probed):
        with findings.collecting(), _naming(image.source.path):
            prepared, content = outcomes[place].result()
            _check_bytes(image.source.path, prepared.blob.size, caps.image_bytes, findings)
            source = replace(image.source, content=content)
            images[place] = replace(image, source=source, prepared=prepared)
    _warn_of_marks(images, findings)
    return _name_parts(images)


def _task(
    image: FittedImage,
    size: plan.Fit,
    wishes: Fitting,
    max_bytes: int | None,
    means: Means,
) -> workers.Task[tuple[prepare.PreparedImage, files.Content | None]]:
    info = image.info
    cost = 0 if means.is_elsewhere else prepare.peak_bytes(info, size, max_bytes)
    # That two run at a time is worth the memory, but for what a progressive JPEG needs beside.
    is_light = not info.header.is_interlaced
    if is_light and info.width * info.height <= _MOST_TWICE_PIXELS.get(info.format, 0):
        cost = min(cost, means.budget.limit // 2)
    work = partial(means.preparing, image.source, info, size, wishes, max_bytes)
    return workers.Task(work=work, cost=cost, threads=_DECODER_THREADS.get(info.format, 0))


def _probe(
    entries: Sequence[Entry],
    opening: Callable[[Entry, int], Input | None],
    max_input_pixels: int,
    findings: errors.Findings,
) -> list[FittedImage]:
    probed = []
    for position, entry in enumerate(entries, 1):
        with findings.collecting():
            source = opening(entry, position)
            if source is None:
                continue
            with _naming(source.path):
                info = probe.probe(source.opener, max_input_pixels=max_input_pixels)
            probed.append(FittedImage(source=source, info=info))
    return probed


def _effective(caps: Caps, wishes: Fitting) -> Caps:
    side = _chosen(caps.side, wishes.max_side, "--max-side")
    return replace(caps, side=side, pixels=_chosen(caps.pixels, wishes.max_pixels, "--max-pixels"))


def _chosen(cap: Cap | None, limit: int | None, flag: str) -> Cap | None:
    """Return an option's cap; it may lower any, and raise all but a documented one."""
    if limit is None or (cap and cap.kind == "documented" and limit > cap.limit):
        return cap
    return Cap(limit=limit, kind="option", source=flag)


def _plan(
    images: Sequence[FittedImage], caps: Caps, wishes: Fitting, findings: errors.Findings
) -> tuple[plan.Fit, ...]:
    sizes = [(image.info.width, image.info.height) for image in images]
    if wishes.resize:
        return plan.plan(sizes, caps)
    for excess in plan.over_caps(sizes, caps):
        names = ", ".join(images[index].source.path for index in excess.indexes)
        path = names if len(excess.indexes) == 1 else None
        _over(f"{names}: {excess.message}", excess.cap, path, findings)
    return tuple(plan.Fit(size=size, reason=None) for size in sizes)


def _over(message: str, cap: Cap, path: str | None, findings: errors.Findings) -> None:
    """Refuse what is over a documented cap; warn of the others."""
    if cap.kind == "documented":
        cure = "leave out --no-resize, or make it smaller"
        findings.add(errors.InputError(message, cure, path=path))
    else:
        findings.warn("over-cap", message)


def _check_bytes(path: str, size: int, cap: Cap | None, findings: errors.Findings) -> None:
    if cap is not None and size > cap.limit:
        whose = "" if cap.kind == "documented" else " (not documented)"
        message = f"{path}: {size:,} bytes; over the limit of {cap.limit:,}{whose}"
        _over(message, cap, path, findings)


def _warn_of_small(
    images: Sequence[FittedImage], minimum: Fact | None, findings: errors.Findings
) -> None:
    for image in images:
        if minimum is not None and min(image.info.width, image.info.height) < minimum.value:
            message = (
                f"{image.source.path}: {image.info.width}x{image.info.height} px; the model's "
                f"vendor asks for sides of at least {minimum.value:g} px"
            )
            findings.warn("small-image", message, "give a larger one; none is enlarged here")


def _warn_of_marks(
    images: Sequence[FittedImage], findings: errors.Findings, *, is_known_to_stay: bool = False
) -> None:
    """Warn of the images whose C2PA what is sent does not carry on; some are sent as they lie."""
    paths = dict.fromkeys(
        image.source.path
        for image in images
        if image.info.has_c2pa and not (image.is_untouched if image.prepared else is_known_to_stay)
    )
    if paths:
        message = f"{', '.join(paths)}: C2PA marks of origin are not in what is sent"
        findings.warn("c2pa-not-sent", message)


def _name_parts(images: Sequence[FittedImage]) -> tuple[FittedImage, ...]:
    """Give each prepared image the file name of its part."""
    suffixes = [image.prepared.suffix for image in images if image.prepared is not None]
    if len(suffixes) < len(images):
        return tuple(images)  # names depend on all of them, and nothing will be sent
    names = part_names([image.source.entry.stem for image in images], suffixes)
    return tuple(replace(image, part=name) for image, name in zip(images, names, strict=True))


@contextlib.contextmanager
def _naming(path: str) -> Iterator[None]:
    """Put the file in front of a reason such as "is an HTML page, not a picture"."""
    try:
        yield
    except errors.InputError as exc:
        raise errors.InputError(f"{path}: {exc.words}", *exc.hints, path=path) from exc


def part_names(stems: Sequence[str], suffixes: Sequence[str]) -> tuple[str, ...]:
    """Return the file names of the `input` parts: the user's own where they are safe.

    A base name goes out only if it is plain ASCII and unique ignoring case (the
    service's documentation asks for different names); any other is `image-N.ext`.
    """
    wanted = [stem + suffix for stem, suffix in zip(stems, suffixes, strict=True)]
    folded = [name.casefold() for name in wanted]
    is_kept = [
        _PLAIN_NAME.fullmatch(name) is not None and folded.count(name.casefold()) == 1
        for name in wanted
    ]
    taken = set(itertools.compress(folded, is_kept))
    for index, suffix in enumerate(suffixes):
        if not is_kept[index]:
            name = f"image-{index + 1}{suffix}"
            while name in taken:  # somebody's own file is called image-2.jpg
                name = f"{name.removesuffix(suffix)}-{index + 1}{suffix}"
            taken.add(name)
            wanted[index] = name
    return tuple(wanted)
