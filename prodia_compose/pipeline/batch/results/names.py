"""What a batch's results are called, and which of them lie beside one another."""

import os
import re
from pathlib import Path

from prodia_compose import errors
from prodia_compose.output.names import fixed_folder

_ENDINGS = (".results.jsonl", ".jsonl", "")

Shard = tuple[int, int]
"""Which part of how many, counted from 1."""


def default_path(manifest: str | None, target: str, *, is_sandbox: bool) -> str:
    """Return where a batch's results are if nobody says where; of a shard, `of_shard` of that.

    Args:
        manifest: As typed; None, or `-`, where the rows come from no file that has a name.
        target: The template of `-o`, as typed; the results of such rows are in its fixed folder.
        is_sandbox: Whether the rows cost nothing; their results are apart.
    """
    base = str(Path(fixed_folder(target)) / "batch") if manifest in (None, "-") else manifest
    return f"{base}{'.sandbox' if is_sandbox else ''}.results.jsonl"


def of_shard(path: str, shard: Shard | None) -> str:
    """Return what the results of a shard are called where those of all are called so."""
    if shard is None:
        return path
    ending = next(ending for ending in _ENDINGS if path.endswith(ending))
    return f"{path.removesuffix(ending)}.{shard[0]}-of-{shard[1]}{ending}"


def family(path: str) -> tuple[str, ...]:
    """Return the files there are of results that are called so: of all rows, and of any shard.

    Raises:
        errors.OutputError: One cannot look; what was paid for may be in there.
    """
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208 - paths as typed
    except FileNotFoundError:
        return ()
    except OSError as exc:
        words = f"the results of earlier runs cannot be looked for: {exc.strerror}"
        raise errors.OutputError(f"{path}: {words}", path=path) from exc
    patterns = [
        re.compile(f"{re.escape(name.removesuffix(ending))}(\\.\\d+-of-\\d+)?{re.escape(ending)}")
        for ending in _ENDINGS[: 2 if name.endswith(".jsonl") else 3]
        if name.endswith(ending)
    ]
    found = (one for one in names if any(pattern.fullmatch(one) for pattern in patterns))
    return tuple(os.path.join(folder, one) for one in sorted(found))  # noqa: PTH118 - as typed


def of_others(path: str, shard: Shard | None) -> list[str]:
    """Return the files of `family` that can have rows of a shard, but for its own: of other splits."""
    ending = next(ending for ending in _ENDINGS if path.endswith(ending))
    own = of_shard(path, shard)
    split = own if shard is None else f"-of-{shard[1]}{ending}"
    return [one for one in family(path) if not one.endswith(split)]
