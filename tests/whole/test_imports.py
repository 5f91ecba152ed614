"""The structure: imports go down, each library has one home, and start-up loads little."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import PIL
import pytest

PACKAGE = Path(__file__).parent.parent.parent / "prodia_compose"

ROOMS = (
    *("models", "inputs", "prompt", "images", "client", "record", "output", "job"),
    *("pipeline", "report", "sandbox", "cli"),
)
"""The rooms, each above those that it may import from; below them all is the ground."""

GROUND = {"addresses", "errors", "frozen", "options", "progress", "values"}
"""The modules that every room may import, and that know no room."""

HEAVY = {
    "requests",
    "PIL",
    "pi_heif",
    "rich",
    "pydantic",
    "sqlite3",
    "distributed",
    "dask",
    "jinja2",
}
"""What a command loads only if it needs it."""

HOMES = {
    "typer": ("cli/",),
    "rich": ("cli/bars.py", "cli/batch/board.py", "cli/commands/help.py"),
    "requests": ("client/",),
    "urllib3": ("client/",),
    "PIL": ("images/", "sandbox/"),
    "pi_heif": ("images/",),
    "isal": ("images/",),
    "cykooz_resizer": ("images/",),
    "sqlite3": ("record/",),
    "jinja2": ("report/",),
    "dask": ("images/cluster.py",),
    "distributed": ("images/cluster.py",),
}
"""Where each library may be imported; Pillow has a second home in the sandbox, which draws."""


LETTERING = "prodia_compose.images.lettering"
"""What the sandbox shares with those who lay out contact sheets: words in a picture."""


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imports(path: Path) -> set[str]:
    """Return the modules a file imports, anywhere in it, but for those for type checkers only."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _room(dotted: str) -> str:
    return dotted.split(".")[1]


def test_imports_go_down() -> None:
    """No room imports from a higher one, and the ground from none."""
    height = dict.fromkeys(GROUND, -1) | {room: row for row, room in enumerate(ROOMS)}
    for path in _modules():
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            continue
        for imported in _imports(path):
            if imported.startswith("prodia_compose.") and _room(imported) in height:
                assert height[_room(imported)] <= height[room], f"{path}: imports {imported}"


def test_the_top_holds_the_rooms_and_the_ground() -> None:
    """Nothing lies loose in the package but what all rooms stand on."""
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"}
    loose = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}

    assert folders == set(ROOMS)
    assert loose <= GROUND


def test_nothing_is_too_large_to_read() -> None:
    """A folder has at most 12 files, a module 350 lines, a function 60."""
    for folder in {path.parent for path in _modules()}:
        assert len(list(folder.glob("*.py"))) <= 12, folder
    for path in _modules():
        text = path.read_text()
        assert len(text.splitlines()) <= 350, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                assert lines <= 60, f"{path}: {node.name} has {lines} lines"


def test_names_say_what_a_module_holds() -> None:
    """No module is for all sorts of things, and none lists names that nobody imports by a star."""
    for path in _modules():
        assert not {"util", "utils", "helper", "helpers", "common", "misc"} & {
            *path.stem.split("_")
        }
        assert "__all__" not in path.read_text(), path


def test_no_test_changes_what_is_private() -> None:
    """What a test needs otherwise, it hands in, or it is a public name."""
    private = re.compile(r"__kwdefaults__|setattr\([^()]*\"_[a-z]|setattr\([^()]*, \"_[A-Z]")
    for path in set(Path(__file__).parent.parent.rglob("*.py")) - {Path(__file__)}:
        assert not private.search(path.read_text()), path


def test_each_library_has_its_home() -> None:
    """Typer, rich, requests, Pillow and sqlite3 are imported in one place each."""
    for path in _modules():
        where = str(path.relative_to(PACKAGE))
        for imported in _imports(path):
            homes = HOMES.get(imported.split(".")[0])
            assert homes is None or where.startswith(homes), f"{where} imports {imported}"


def test_the_sandbox_shares_nothing_with_the_client() -> None:
    """The stand-in neither encodes nor parses with the client's code."""
    for path in (PACKAGE / "sandbox").glob("*.py"):
        shared = {"client", "job", "images"}
        for imported in _imports(path):
            if imported.startswith("prodia_compose.") and LETTERING not in imported:
                assert _room(imported) not in shared, f"{path.name} imports {imported}"


@pytest.mark.parametrize(
    ("argv", "unwanted"),
    [
        (["help", "compose"], {*HEAVY, "prodia_compose.pipeline.batch"}),
        (["help", "money"], {*HEAVY, "json", "prodia_compose.cli.options"}),
        (
            ["--version"],
            {*HEAVY, "json", "decimal", "importlib.metadata", "prodia_compose.models.catalogue"},
        ),
        (
            ["--help"],
            {
                *HEAVY,
                "json",
                "decimal",
                "prodia_compose.models.catalogue",
                "prodia_compose.cli.options",
            },
        ),
        (["models"], {*HEAVY, "json", "decimal", "prodia_compose.cli.options"}),
        (["compose", "--help"], {*HEAVY, "decimal", "prodia_compose.pipeline.batch"}),
        (["validate"], {*HEAVY, "prodia_compose.pipeline.batch"} - {"PIL"}),
        (["batch", "--help"], HEAVY),
        (["report", "--help"], HEAVY),
        (["report", "beef", "-o", "a.md"], HEAVY - {"sqlite3", "PIL"}),
        (["jobs"], HEAVY - {"sqlite3"}),
        (
            ["__complete", "bash", "x compose -m ", "", ""],
            {*HEAVY, "typer", "decimal", "dataclasses"},
        ),
        (["__complete", "bash", "x jobs show ", "", ""], HEAVY - {"sqlite3"} | {"typer"}),
        (["__complete", "bash", "x batch a.csv --only ", "", ""], {*HEAVY, "typer"}),
    ],
    ids=[
        *("help-compose", "help-topic", "version", "help", "models", "compose-help", "validate"),
        *("batch-help", "report-help", "report", "jobs"),
        *("tab", "tab-for-an-id", "tab-for-a-row"),
    ],
)
def test_a_command_loads_only_what_it_uses(argv: list[str], unwanted: set[str]) -> None:
    """Start-up stays cheap: heavy libraries are loaded by the commands that need them."""
    program = (
        "import sys; from prodia_compose.cli import main; code = main(sys.argv[1:]);"
        " print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *argv], capture_output=True, text=True, check=True
    )

    assert not unwanted & set(done.stderr.split())


@pytest.mark.skipif(
    int(PIL.__version__.split(".")[0]) < 13, reason="Pillow loads five formats at once"
)
@pytest.mark.parametrize("side", ["2048", "64"], ids=["untouched", "smaller"])
def test_a_jpeg_loads_no_other_format(side: str) -> None:
    """Neither to look at it nor to encode it anew: no plugins of Pillow, nor ours, and no ISA-L."""
    ours = ("formats.boxes", "formats.gif", "formats.tiff", "pixels.interleaved", "pixels.samples")
    endings = ("ImagePlugin", "isal", "pi_heif", *ours)
    program = (
        "import sys; from prodia_compose.cli import main; code = main(sys.argv[1:]);"
        f" print(*[name for name in sys.modules if name.endswith({endings})], file=sys.stderr)"
    )
    photo = str(PACKAGE.parent / "tests/images/product.jpg")
    argv = ("validate", photo, "-q", "-p", "this image", "--max-side", side)
    done = subprocess.run(
        [sys.executable, "-c", program, *argv], capture_output=True, text=True, check=True
    )

    assert done.stderr.split() == ["PIL.JpegImagePlugin"]
