"""How many rows can be on their way at one time, by how many files may be open."""

import pytest

from prodia_compose.pipeline.batch.open_files import Room, raised, room

_ALONE = [("a",), ("b",), ("c",)]
_ONE_FOR_ALL = [("a", "x"), ("b", "x"), ("c", "x")]
_MANY_FOR_TWO = [(str(number), str(number + 1)) for number in range(40)]


@pytest.mark.parametrize(
    ("rows", "files", "many", "shared"),
    [
        pytest.param(_ALONE, 100, 25, 0, id="each needs its picture, a connection, an answer"),
        pytest.param(_ONE_FOR_ALL, 101, 25, 1, id="what all share is open once"),
        pytest.param(
            [("a", "https://x"), ("b", "https://x")], 102, 25, 2, id="an address, as it came too"
        ),
        pytest.param([("a", "a")], 100, 25, 0, id="one picture twice in a row is one"),
        pytest.param(_MANY_FOR_TWO, 20, 2, 10, id="half at most is for what waits"),
        pytest.param(_ALONE, 0, 1, 0, id="one row is tried in any case"),
        pytest.param([], 40, 13, 0, id="no row"),
    ],
)
def test_open_files_bound_the_rows(
    rows: list[tuple[str, ...]], files: int, many: int, shared: int
) -> None:
    """As many as there are files for, shared pictures counted once while there is room."""
    assert room(rows, files) == Room(files=files, rows=many, shared=shared)


def test_the_limit_is_raised_as_far_as_it_goes() -> None:
    """Beyond the soft limit, which is there for programs that ask for no more."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
        found = raised()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
        assert found > 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
