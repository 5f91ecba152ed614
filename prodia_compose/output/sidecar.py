"""What is told of a picture, in a file beside it: `composed.jpg.json` beside `composed.jpg`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from prodia_compose import addresses, errors
from prodia_compose.inputs import blob
from prodia_compose.output import places
from prodia_compose.output.options import IfExists
from prodia_compose.output.places import Place


def prove(
    place: Place, inputs: Sequence[tuple[str, Path]], called: str, proven: set[Path] | None
) -> None:
    """Find out whether a file can be made beside a picture's proved place, by the same rules.

    The arguments are as for `places.prove`.

    Raises:
        errors.UsageError: The picture goes down a stream.
        errors.OutputError: Another file is there, or none can be made.
    """
    if place.is_stream:
        message = f"{called}: nothing lies beside {place.path}"
        raise errors.UsageError(message, "name a file with -o")
    if not place.skipped:
        places.prove(
            f"{place.path}{places.SIDECAR}",
            if_exists=_policy(place),
            create_dirs=place.create_dirs,
            inputs=inputs,
            called=called,
            proven=proven,
        )


def _policy(place: Place) -> IfExists:
    """Return what to do where a file is: a number is the picture's, which chose it for both."""
    return "overwrite" if place.if_exists == "overwrite" else "fail"


def folder(picture: str) -> Path:
    """Return the folder, from the root, that the sidecar of a picture is in."""
    return Path(addresses.absolute(picture)).parent


def write(data: bytes, place: Place, picture: str) -> tuple[errors.Warned, ...]:
    """Write the sidecar of a picture that is in its place; return what is wrong with it, if anything.

    Args:
        data: All of it.
        place: The picture's place, as it was proved.
        picture: Where it is.
    """
    path = f"{picture}{places.SIDECAR}"
    own = replace(
        place, path=path, if_exists=_policy(place), file=None, taken=None, has_sidecar=False
    )
    try:
        kept = blob.stored([data])
        try:
            places.publish(kept, own)
        finally:
            kept.drop_spares()  # nobody has paid for it
    except (OSError, errors.ComposeError) as exc:
        why = errors.reason(exc, {})[0] if isinstance(exc, OSError) else exc.message
        words = f"{path}: could not be written ({why}); the picture is there, and paid for"
        return (errors.Warned(code="sidecar-not-written", words=words),)
    return ()
