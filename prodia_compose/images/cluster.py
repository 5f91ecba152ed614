"""Pictures prepared by the workers of a Dask cluster; whatever costs money stays here.

A worker reads the same path, prepares what it finds there, and gives the bytes back. That is pure,
so Dask may lose a worker, or have a picture prepared twice, as it likes. Nothing else goes there:
no prompt, no setting of a job, no token. What is said of Dask was read in the source of 2026.8.
"""

import contextlib
import functools
import logging
import os
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Final, Self, TypeVar

import PIL
from PIL import features

import prodia_compose
from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images import fit, plan, prepare, workers
from prodia_compose.images.options import Fitting
from prodia_compose.images.pixels import decoder
from prodia_compose.images.probe import probe
from prodia_compose.inputs import blob, entries, files
from prodia_compose.progress import Stop

if TYPE_CHECKING:
    import distributed

_CODECS: Final = ("libjpeg_turbo", "littlecms2", "webp", "avif", "jpg_2000", "libtiff", "zlib_ng")
"""What of Pillow decides on pixels and bytes, by its own names."""

_TOOL: Final = "prodia-compose"

_GATHER_S: Final = 60
"""How long what is prepared may take from a worker, until it is looked whether that is still there."""

Result = TypeVar("Result")


@frozen
class Wanted:
    """A picture that a worker is to prepare.

    Attributes:
        path: From the root; bytes, as the worker's locale may be another.
        info: What was found here, so that no other picture is taken for it.
        versions: Those of whoever asks.
    """

    path: bytes
    info: probe.ImageInfo
    size: plan.Fit
    wishes: Fitting
    max_bytes: int | None
    versions: Mapping[str, str]


@frozen
class Brought:
    """What a worker gives back: a picture as `prepare.PreparedImage` has it, its bytes at hand."""

    worker: str
    data: bytes
    sha256: str
    media_type: str
    suffix: str
    width: int
    height: int
    changes: tuple[str, ...]
    content: files.Content | None


@functools.cache
def versions() -> dict[str, str]:
    """Return what decides on the bytes of a prepared picture, by name."""
    import importlib.metadata  # noqa: PLC0415 - takes time to load

    by_name = {_TOOL: prodia_compose.__version__, "Pillow": PIL.__version__}
    by_name |= {name: features.version(name) or "none" for name in _CODECS}
    for name in ("pi-heif", "cykooz-resizer"):
        by_name[name] = "none"
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            by_name[name] = importlib.metadata.version(name)
    return by_name


def do(wanted: Wanted) -> Brought | errors.ComposeError:
    """Prepare a picture, on a worker; what is wrong is returned, so that Dask logs no failure."""
    from distributed import get_worker  # noqa: PLC0415 - there, and nowhere else

    worker = get_worker()  # type: ignore[no-untyped-call, unused-ignore]
    name = _called(worker.address, worker.name)
    path = os.fsdecode(wanted.path)
    try:
        _compare(name, versions(), wanted.versions)
        source = entries.open_input(
            entries.Entry(path=path, list_number=1), 1, stdin=None, download=_no_download
        )
        limit = wanted.wishes.max_input_pixels
        if probe.probe(source.opener, max_input_pixels=limit) != wanted.info:
            return errors.InputError(f"{name} has another file there", "give it the same")
        made, content = fit.here(source, wanted.info, wanted.size, wanted.wishes, wanted.max_bytes)
    except errors.UsageError as exc:
        return exc
    except errors.ComposeError as exc:
        reason = exc.words.removeprefix(f"{exc.path}: ")
        return type(exc)(f"{name} cannot prepare it: {reason}", *exc.hints)
    return Brought(
        worker=name,
        data=made.blob.read(),
        sha256=made.blob.sha256,
        media_type=made.media_type,
        suffix=made.suffix,
        width=made.width,
        height=made.height,
        changes=made.changes,
        content=content,
    )


class Cluster:
    """A connection to a scheduler, to be closed; a `fit.Preparing` for any number of threads.

    Attributes:
        count: How many workers there were as it was made.
    """

    def __init__(
        self, address: str, called: str, *, connect_timeout_s: float, budget: workers.Budget
    ) -> None:
        """Connect, and look at the workers.

        Args:
            address: Where the scheduler listens, such as `tcp://127.0.0.1:8786`.
            called: How the option is called, for messages.
            connect_timeout_s: How long to wait for an answer, and for a worker, each time.
            budget: Memory for what has no path, and is prepared here.

        Raises:
            errors.UsageError: Dask is not installed, or a worker could prepare other bytes.
            errors.NotDeliveredError: No scheduler answers, or no worker comes.
        """
        self._named = f"{called} {address}"
        self._patience_s = connect_timeout_s
        self._budget = budget
        self._client = self._connect(address)
        try:
            self._wait_for_worker()
            self.count = self._check()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave: what is still being prepared is not needed any more."""
        with contextlib.suppress(Exception):  # whatever it is, the work is over
            self._client.close(timeout=self._patience_s)

    def _connect(self, address: str) -> "distributed.Client":
        try:
            from distributed import Client  # noqa: PLC0415 - only where a cluster is asked for
        except ImportError as exc:
            cure = decoder.installing("distributed")
            raise errors.UsageError(f"{self._named}: Dask is not installed", cure) from exc
        _silence()
        connect = functools.partial(
            Client, address, timeout=self._patience_s, set_as_default=False, direct_to_workers=False
        )
        try:
            # It waits for ever for a handshake that never comes.
            return workers.within(self._patience_s + 1, connect, stop=Stop())
        except OSError as exc:
            cure = "look at the address, or start one: dask scheduler"
            message = f"{self._named}: no Dask scheduler answers there"
            raise errors.NotDeliveredError(message, cure) from exc
        except (TypeError, ValueError, ImportError) as exc:  # its settings; its version of Dask
            cure = (
                "for tls, Dask's settings name the certificates: DASK_DISTRIBUTED__COMM__TLS__..."
            )
            raise errors.UsageError(f"{self._named}: cannot be connected to", cure) from exc

    def _wait_for_worker(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=self._patience_s)
        except (OSError, RuntimeError) as exc:
            if self._client.status != "running":
                raise self._gone() from exc
            cure = "start some: dask worker ADDRESS"
            message = f"{self._named}: no worker is there, after {self._patience_s:g} s"
            raise errors.NotDeliveredError(message, cure) from exc

    def _check(self) -> int:
        """Return how many workers there are, once it is sure that each prepares the same bytes."""
        names = {
            address: _called(address, worker["name"])
            for address, worker in self._client.scheduler_info()["workers"].items()
        }
        by_address: dict[str, object] = {}
        with contextlib.suppress(OSError):  # those that go meanwhile do no harm
            by_address = self._client.run(versions, on_error="return")
        scheduler: object = None
        with contextlib.suppress(Exception):  # it has none
            scheduler = self._client.run_on_scheduler(versions)
        # A scheduler only hands on what is asked, but takes it apart for that.
        tool = {_TOOL: versions()[_TOOL]}
        _compare(f"{self._named}: the scheduler", scheduler, tool)
        for address, theirs in by_address.items():
            ours = versions() if isinstance(theirs, dict) else tool
            _compare(f"{self._named}: {names.get(address, address)}", theirs, ours)
        return len(by_address)

    def __call__(
        self,
        source: entries.Input,
        info: probe.ImageInfo,
        size: plan.Fit,
        wishes: Fitting,
        max_bytes: int | None,
    ) -> tuple[prepare.PreparedImage, files.Content | None]:
        """Have a picture prepared, as `fit.Preparing`; what has no path of its own, here.

        Raises:
            errors.ComposeError: As `fit.here`, and the worker is named.
            errors.NotDeliveredError: The scheduler is gone, or all workers are.
            errors.UsageError: A worker could prepare other bytes.
        """
        entry = source.entry
        if entry.is_url or entry.is_stdin or files.is_descriptor(entry.path):
            cost = prepare.peak_bytes(info, size, max_bytes)
            self._budget.acquire(cost)
            try:
                return fit.here(source, info, size, wishes, max_bytes)
            finally:
                self._budget.release(cost)
        wanted = Wanted(
            path=os.fsencode(entry.place),
            info=info,
            size=size,
            wishes=wishes,
            max_bytes=max_bytes,
            versions=versions(),
        )
        brought = self._done(do, wanted)
        if isinstance(brought, errors.ComposeError):
            raise brought
        made = blob.stored([brought.data])
        if made.sha256 != brought.sha256:
            message = f"{source.path}: what {brought.worker} prepared came over damaged"
            raise errors.NotDeliveredError(message, "run it again", path=source.path)
        return prepare.PreparedImage(
            blob=made,
            media_type=brought.media_type,
            suffix=brought.suffix,
            width=brought.width,
            height=brought.height,
            changes=brought.changes,
        ), brought.content

    def _done(self, work: Callable[[Wanted], Result], wanted: Wanted) -> Result:
        """Return what a worker returns, whichever it is, and however often it takes."""
        import distributed  # noqa: PLC0415 - it is loaded by now

        while True:
            try:
                # Under a name of its own: by the same one, what was prepared before a file
                # changed would be taken for what it is now.
                future = self._client.submit(work, wanted, pure=False)
                while True:
                    if self._client.status in ("closing", "closed"):
                        raise self._gone()
                    with contextlib.suppress(TimeoutError), self._client.as_current():
                        distributed.wait([future], timeout=self._patience_s)
                        result: Result = future.result(timeout=_GATHER_S)
                        return result
                    self._wait_for_worker()
            except distributed.scheduler.KilledWorker as exc:
                last = _called(exc.last_worker.address, exc.last_worker.name)
                cure = "give the workers more memory, or look into their logs"
                message = f"the workers that were to prepare it died, {last} as the last"
                raise errors.InputError(message, cure) from exc
            except (CancelledError, distributed.client.ClosedClientError, RuntimeError) as exc:
                # The connection broke. Dask's client makes another, if it can within the time.
                if self._client.status not in ("running", "connecting"):
                    raise self._gone() from exc
                if isinstance(exc, RuntimeError):
                    raise

    def _gone(self) -> errors.NotDeliveredError:
        message = f"{self._named}: the scheduler is gone; this was not sent"
        return errors.NotDeliveredError(message, "run it again")


def _called(address: str, name: object) -> str:
    """Return how a worker is called: by its address, and by a name if somebody gave it one."""
    return f"worker {address}" if name == address else f"worker {name} ({address})"


def _compare(who: str, theirs: object, ours: Mapping[str, str]) -> None:
    """Refuse who has other versions than there are here, or none, or could not say.

    Raises:
        errors.UsageError: It has.
    """
    known = theirs if isinstance(theirs, dict) else {}
    differences = [
        f"{name} {known.get(name, 'none')} (here {version})"
        for name, version in ours.items()
        if known.get(name) != version
    ]
    if differences:
        cure = "install the same there; other versions can make other bytes"
        raise errors.UsageError(f"{who} has {', '.join(differences)}", cure)


def _silence() -> None:
    """Keep Dask's own words off stderr: what matters of them is told in ours."""
    for name in ("distributed", "distributed.client", "distributed.gc", "tornado", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
    warnings.filterwarnings("ignore", module=r"distributed(\.|$)")


def _no_download(url: str) -> blob.Blob:
    raise AssertionError(url)
