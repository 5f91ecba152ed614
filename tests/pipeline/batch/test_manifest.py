"""Manifests: JSON Lines, CSV and TSV as people and programs write them, and what is wrong."""

import csv
import io
import json
from pathlib import Path

import pytest
from batching import read, refusals, rows, write
from hypothesis import given
from hypothesis import strategies as st

from prodia_compose.pipeline.batch.rows import fields, manifest

TABLE = 'id,image1,label1,image2,prompt,seed,set:q,var:name,meta:sku\na,p.jpg,mug,,"x, ""y""",7,[1],N,12\n'
"""A table that has one of each kind of column."""


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m.csv", TABLE.encode()),
        ("m.CSV", b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode()),
        ("m.csv", TABLE.replace("\n", "\r").encode()),
        ("m.csv", TABLE.replace("x, ", "x@ ").replace(",", ";").replace("x@ ", "x, ").encode()),
        ("m.tsv", TABLE.replace("x, ", "x@ ").replace(",", "\t").replace("x@ ", "x, ").encode()),
        ("m.csv", f"\n,,,,,,,,\n{TABLE}\n,,,,,,,,\n".encode()),
        ("m.csv", TABLE.replace("id,", " id ,").replace("\n", ",\n").encode()),
        ("m.csv", TABLE.removesuffix("\n").encode()),
        (
            "m.jsonl",
            (
                b'{"id": "a", "images": [{"path": "p.jpg", "label": "mug"}], "prompt": "x, \\"y\\"",'
                b' "seed": 7, "set": {"q": [1]}, "vars": {"name": "N"}, "meta": {"sku": "12"}}\n'
            ),
        ),
        (
            "m.ndjson",
            (
                b'\xef\xbb\xbf\r\n{"images":[{"label":"mug","path":"p.jpg"}],"id":"a","seed":7.0,'
                b'"prompt":"x, \\"y\\"","set":{"q":[1]},"vars":{"name":"N"},"meta":{"sku":"12"},'
                b'"steps":null,"match":null,"output":null}\r\n  \r\n'
            ),
        ),
    ],
    ids=[
        "csv",
        "bom-crlf",
        "cr",
        "semicolon",
        "tsv",
        "blank-lines",
        "excel",
        "cut",
        "jsonl",
        "bom",
    ],
)
def test_all_kinds_say_the_same(work: Path, name: str, data: bytes) -> None:
    """A row is the same in each kind, with the marks, ends and blanks that programs leave."""
    Path(name).write_bytes(data)
    (row,) = rows(name)
    request = row.request

    assert (row.id, row.number, row.meta) == ("a", 1, {"sku": "12"})
    assert request.selection.labelled == (("mug", "p.jpg"),)
    assert (request.prompt, request.settings.seed) == ('x, "y"', 7)
    assert request.settings.extras == (("q", [1]),)
    assert (request.texts, request.is_template) == ((("name", "N"),), True)


def test_a_row_is_where_it_begins(work: Path) -> None:
    """A cell of several lines, and blank lines, do not shift what a message calls a line."""
    Path("m.csv").write_text('id,image1,prompt\n\na,a.jpg,"x\ny\n"\nb,b.jpg,z\n')
    write("m.jsonl", ["", {"id": "c"}, "  ", {"id": "d"}])

    assert [(row.id, row.line, row.number) for row in rows("m.csv")] == [("a", 3, 1), ("b", 6, 2)]
    assert [(row.id, row.line, row.number) for row in rows("m.jsonl")] == [("c", 2, 1), ("d", 4, 2)]


def test_pictures_of_a_table_come_in_the_order_of_their_numbers(work: Path) -> None:
    """Columns may stand anywhere, and empty cells are no pictures."""
    header = ",".join(f"image{number}" for number in (10, 2, 1))
    Path("m.csv").write_text(f"{header},prompt\nc.jpg,b.jpg,a.jpg,x\nf.jpg,,d.jpg,x\n")
    first, second = rows("m.csv")

    assert [path for _, path in first.request.selection.labelled] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [path for _, path in second.request.selection.labelled] == ["d.jpg", "f.jpg"]


@pytest.mark.parametrize(
    ("argv", "stdin"),
    [
        (("-",), b'{"images": ["a.jpg"]}\n'),
        (("-", "--manifest-format", "csv"), b"image1\na.jpg\n"),
        (("m.txt", "--manifest-format", "tsv"), None),
    ],
)
def test_a_format_can_be_said(work: Path, argv: tuple[str, ...], stdin: bytes | None) -> None:
    """Standard input is JSON Lines unless said otherwise; a name without a suffix is told."""
    Path("m.txt").write_text("image1\na.jpg\n")
    (row,) = rows(*argv, stdin=stdin)

    assert row.request.selection.labelled == ((None, "a.jpg"),)
    assert refusals("m.txt") == [
        (
            "2 whole m.txt: the name tells no format; "
            "say which it has: --manifest-format jsonl, csv or tsv"
        )
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{nope}", "3 FILE:1: is no JSON from column 2 on; write an object a line, such as"),
        ("{", "3 FILE:1: is no JSON from column 2 on"),
        ("[1]", "3 FILE:1: [1]: is no object; write an object a line"),
        ('"text"', "3 FILE:1: text: is no object"),
        ("3", "3 FILE:1: 3: is no object"),
        ('{"id": "a", "id": "b"}', "3 FILE:1: id: is given twice; keep one of them"),
        ('{"vars": {"x": "1", "x": "2"}}', "3 FILE:1: x: is given twice"),
        ('{"steps": NaN}', "3 FILE:1: NaN is not JSON; write null, or leave it out"),
        ('{"steps": -Infinity}', "3 FILE:1: -Infinity is not JSON"),
        ('{"steps": 1e999}', "3 FILE:1: 1e999: too large a number"),
        (f'{{"steps": {"9" * 5000}}}', "3 FILE:1: holds too large a number"),
        (f'{{"meta": {"[" * 100000}{"]" * 100000}}}', "3 FILE:1: the JSON is nested too deeply"),
        ('{"promt": "x"}', "3 FILE:1: promt: no such field; did you mean prompt?"),
        ('{"image1": "x"}', "3 FILE:1: image1: no such field; did you mean images?"),
        ('{"Prompt": "x"}', "3 FILE:1: Prompt: no such field; did you mean prompt?"),
        ('{"quality": 9}', "3 FILE:1: quality: no such field; --quality is for the whole batch"),
        ('{"token_file": "x"}', "3 FILE:1: token_file: no such field; --token-file is for the who"),
        ('{"zzzzzz": 1}', "3 FILE:1: zzzzzz: no such field; there are id, images, prompt"),
        ('{"id": ""}', '2 FILE:1: id "": must be text that is not empty, or a whole number'),
        ('{"id": " "}', "2 FILE:1: id  : must be text"),
        ('{"id": 1.5}', "2 FILE:1: id 1.5: must be text"),
        ('{"id": true}', "2 FILE:1: id true: must be text"),
        ('{"id": "a\\nb"}', '2 FILE:1: id "a\\nb": holds what is no character'),
        ('{"id": "\\ud800"}', '2 FILE:1: id "\\ud800": holds what is no character'),
        (f'{{"id": "{"x" * 201}"}}', "has more than 200 characters"),
        ('{"images": "a.jpg"}', '2 FILE:1: images a.jpg: must be a list, such as ["a.jpg", "b.jpg'),
        ('{"images": [1]}', "2 FILE:1: images 1: is no picture; write a path, or"),
        ('{"images": [""]}', '2 FILE:1: images "": is no picture; write a path, or'),
        ('{"images": [{}]}', "2 FILE:1: images {}: is no picture; write a path, or"),
        ('{"images": [["a"]]}', '2 FILE:1: images ["a"]: is no picture; write a path, or'),
        (
            '{"images": [{"path": "a", "lable": "x"}]}',
            "3 FILE:1: lable: no such field of a picture",
        ),
        (
            '{"images": [{"path": "a", "label": "1x"}]}',
            "2 FILE:1: label 1x: is no label; a label is a letter",
        ),
        (
            '{"images": [{"path": "a", "label": 1}]}',
            "2 FILE:1: label 1: is no label; a label is a letter",
        ),
        (
            '{"images": [{"path": "a", "label": "id"}]}',
            "2 FILE:1: label id: {id} stands for someth",
        ),
        ('{"images": ["-"]}', "3 FILE:1: images -: a row names files"),
        ('{"images": ["/dev/stdin"]}', "3 FILE:1: images /dev/stdin: a row names files"),
        ('{"images": ["a\\u0000"]}', '3 FILE:1: images "a\\u0000": no file can be called so'),
        ('{"images": ["\\ud800"]}', '3 FILE:1: images "\\ud800": no file can be called so'),
        ('{"prompt_file": "-"}', "3 FILE:1: prompt_file -: a row names files"),
        ('{"prompt_file": ""}', '2 FILE:1: prompt_file "": must name a file'),
        ('{"prompt": 5}', "2 FILE:1: prompt 5: must be text"),
        (
            '{"prompt": "x", "prompt_file": "y"}',
            "2 FILE:1: prompt and prompt_file: both are given; give one of th",
        ),
        ('{"output": "-"}', "3 FILE:1: output -: a row names files"),
        ('{"output": "/dev/fd/1"}', "3 FILE:1: output /dev/fd/1: a row names files"),
        ('{"output": ["a"]}', '2 FILE:1: output ["a"]: must be text'),
        ('{"output": ""}', "2 FILE:1: output '': is empty"),
        ('{"model": 5}', "2 FILE:1: model 5: must be text, in double quotes"),
        ('{"steps": "many"}', "2 FILE:1: steps many: must be a whole number, such as 28"),
        ('{"steps": true}', "2 FILE:1: steps true: must be text or a number"),
        ('{"steps": 2.5}', "2 FILE:1: steps 2.5: must be a whole number"),
        ('{"steps": [1]}', "2 FILE:1: steps [1]: must be text or a number"),
        ('{"match": 0}', "2 FILE:1: match 0: must be 1 or more, a label, or a file's name"),
        ('{"max_cost": -1}', "2 FILE:1: max_cost -1: must be 0 or more"),
        ('{"assume_price": "x"}', "2 FILE:1: assume_price x: must be a number"),
        ('{"set": [1]}', "2 FILE:1: set [1]: must be an object"),
        ('{"set": {"a=b": 1}}', "2 FILE:1: set a=b: a KEY has no = in it"),
        ('{"set": {"\\u00fc": 1}}', "a KEY is ASCII without blanks"),
        ('{"vars": "x"}', "2 FILE:1: vars x: must be an object"),
        ('{"vars": {"a": 1}}', "2 FILE:1: vars a 1: must be text, in double quotes"),
        ('{"vars": {"a b": "x"}}', "2 FILE:1: vars: a b is no name for a variable"),
        ('{"vars": {"seed": "x"}}', "2 FILE:1: vars seed: {seed} stands for something else"),
        (
            '{"vars": {"a": "x"}, "images": [{"path": "p", "label": "a"}]}',
            "a picture has that label",
        ),
        (
            '{"images": [{"path": "p", "label": "a"}, {"path": "q", "label": "a"}]}',
            "label a: is giv",
        ),
        ('{"match": 1, "width": 512}', "match and width: both are given; give one of them"),
    ],
    ids=lambda value: value[:40],
)
def test_what_is_wrong_with_a_row_is_told(work: Path, line: str, words: str) -> None:
    """One line names the field and what to do, with the code of what it is; another row stands."""
    write("m.jsonl", [line, {"id": "right", "images": ["r.jpg"]}])
    found, _ = read("m.jsonl")
    (message,) = refusals("m.jsonl")

    assert words in message
    assert [row.id for row in found] == ["right"]
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,promt\na,x\n", "3 whole FILE:1: promt: no such column; did you mean prompt?"),
        ("id,images\na,x\n", "3 whole FILE:1: images: no such column; did you mean image1?"),
        ("id,image0\na,x\n", "3 whole FILE:1: image0: no such column; did you mean image1?"),
        (
            "id,aspect-ratio\na,1:1\n",
            "3 whole FILE:1: aspect-ratio: no such column; did you mean a",
        ),
        ("id,id\na,b\n", "3 whole FILE:1: id: there are two columns of this name; keep one"),
        ("id\timage1\na\tb\n", "no such column; of cells between tabs, say --manifest-format tsv"),
        ("id,set:\na,b\n", "3 whole FILE:1: set:: no such column"),
        ("id,var:row\na,b\n", "2 whole FILE:1: vars row: {row} stands for something else"),
        ("id,set:x y\na,b\n", "2 whole FILE:1: --set 'x y': a KEY is ASCII without blanks"),
        ("\n\nid,keep_alpha\na,b\n", "3 whole FILE:3: keep_alpha: no such column; --keep-alpha is"),
        ('id,prompt\na,"x\n', '3 whole FILE:2: a quote (") is opened and never closed'),
        ('id,prompt\na,"x"y\n', '3 whole FILE:2: text follows a closing quote (")'),
        (f"id,prompt\na,{'x' * 200_000}\n", "3 whole FILE:2: a cell has more than 131,072 charact"),
        ("id,prompt\na\n", "3 FILE:2: has 1 cells, the header 2; is a quote missing?"),
        ("id,prompt\na,x,y\n", "3 FILE:2: has 3 cells, the header 2"),
        ("id,,prompt\na,oops,x\n", "3 FILE:2: a: oops: column 2 has no name"),
        ("id,label2,image1\na,x,y\n", "2 FILE:2: a: label2: there is no image2 to call so"),
        ("id,steps\na,1_0\n", "2 FILE:2: a: steps 1_0: must be a whole number"),
        ("id,image1\na,-\n", "3 FILE:2: a: images -: a row names files"),
        ("", "3 whole m.csv: holds no row"),
        ("id,image1\n\n", "3 whole m.csv: holds no row"),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_wrong_with_a_table_is_told(work: Path, text: str, words: str) -> None:
    """A column is the whole table's, and so is a quote; a cell is its row's."""
    Path("m.csv").write_text(text)
    (message,) = refusals("m.csv")

    assert words in message


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("m.csv", "id\na\n".encode("utf-16"), "3 whole m.csv: is UTF-16; save it as UTF-8"),
        ("m.jsonl", b"\0\0\xfe\xff\0\0\0{", "3 whole m.jsonl: is UTF-32; save it as UTF-8"),
        ("m.csv", b"id\n\xfc\n", "3 whole FILE:2: is not UTF-8 text (byte 1); save it as UTF-8"),
        ("m.jsonl", b'{"id": "\xfc"}\n', "3 FILE:1: is not UTF-8 text (byte 9); save it as UTF-8"),
        ("m.jsonl", b"\n\n", "3 whole m.jsonl: holds no row"),
        ("p.jpg", b"\xff\xd8\xff\xe0", "3 whole p.jpg: is a picture, not a manifest; name a manif"),
        ("-", b"\xff\xd8\xff\xe0", "3 whole -: is a picture, not a manifest"),
        ("m.jsonl", None, "3 whole m.jsonl: no such file; check the name"),
    ],
)
def test_what_cannot_be_read_is_told(work: Path, name: str, data: bytes | None, words: str) -> None:
    """A manifest in another encoding, an empty one and none are told by what they are."""
    if data is not None and name != "-":
        Path(name).write_bytes(data)
    (message,) = refusals(name, stdin=data)

    assert message.startswith(words)


def test_numbers_may_be_written_as_tables_write_them(work: Path) -> None:
    """A whole number with a point is one; where a column lacks some, programs write all so."""
    write("m.jsonl", ['{"id": "a", "seed": 7.0, "steps": 3e1, "match": 1.0, "guidance": 3}'])
    (row,) = rows("m.jsonl", "-p", "x")
    settings = row.request.settings

    assert (settings.seed, settings.steps, settings.match) == (7, 30, 1)
    assert settings.guidance == 3


def test_a_comma_in_a_quoted_name_separates_nothing(work: Path) -> None:
    """What separates the cells is what stands outside the quotes of the header."""
    Path("m.csv").write_text('id;"meta:a,b";image1\na;"x;y";p.jpg\n')
    (row,) = rows("m.csv", "-p", "x")

    assert row.meta == {"a,b": "x;y"}


def test_all_that_is_wrong_is_told_at_once(work: Path) -> None:
    """Rows that are wrong in fifteen ways are fifteen messages, in the order of the lines."""
    wrong = [
        "{nope}",
        "[1, 2]",
        {"id": "c", "promt": "x"},
        '{"id": "d", "id": "d"}',
        {"id": "e", "steps": "many"},
        {"id": "f", "images": "f.jpg"},
        {"id": "g", "images": ["-"]},
        {"id": "h", "prompt": "x", "prompt_file": "y"},
        {"id": "i", "vars": {"x": 1}},
        {"id": "j", "images": [{"path": "a.jpg", "label": "no label"}]},
        {"id": "right", "images": ["k.jpg"], "output": "k.png"},
        {"id": "right", "images": ["l.jpg"]},
        {"id": "m", "output": "k.png"},
        {"id": "n", "match": 1, "height": 512},
        {"id": "o", "set": {"": 1}},
        {"id": "", "images": ["p.jpg"]},
        '{"id": "q", "seed": NaN}',
    ]
    messages = refusals(write("m.jsonl", wrong))

    lines = [int(message.split("FILE:")[1].split(":")[0]) for message in messages]
    assert lines == [*range(1, 11), *range(12, 18)]
    assert [message.split()[1] == "whole" for message in messages].count(True) == 2


NAMES = st.sampled_from((*fields.NAMES, "path", "label", "promt", "quality", "a=b", ""))
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@given(
    st.lists(st.fixed_dictionaries({"prompt": TEXT, "meta:x": TEXT, "image1": TEXT}), min_size=1)
)
def test_a_table_is_read_as_it_was_written(written: list[dict[str, str]]) -> None:
    """Whatever the cells hold, quotes, delimiters and blanks included, they are read back."""
    table = io.StringIO()
    writer = csv.DictWriter(table, ["prompt", "meta:x", "image1"])
    writer.writeheader()
    writer.writerows(written)
    found = manifest.rows(table.getvalue().encode(), "m.csv", "csv", [])

    def filled(row: dict[str, str]) -> dict[str, object]:
        cells = {name: cell for name, cell in row.items() if cell.strip()}
        image, meta = cells.pop("image1", None), cells.pop("meta:x", None)
        images: object = [{"path": image, "label": None}]
        return {
            **cells,
            **({"images": images} if image else {}),
            **({"meta": {"x": meta}} if meta else {}),
        }

    assert [row.cells for row in found] == [
        filled(row) for row in written if "".join(row.values()).strip()
    ]


@given(st.lists(st.dictionaries(TEXT, st.none() | st.booleans() | st.integers() | TEXT)))
def test_lines_are_read_as_they_were_written(written: list[dict[str, object]]) -> None:
    """JSON of any program, escaped or not, is what it was."""
    data = "".join(f"{json.dumps(row, ensure_ascii=len(row) % 2 == 0)}\n" for row in written)
    found = manifest.rows(data.encode(), "m.jsonl", "jsonl", [])

    assert [row.cells for row in found] == written


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
"""What a row may hold, and what not."""


@given(st.lists(st.dictionaries(NAMES, JSON, max_size=5), max_size=4), st.sampled_from(["", "~x"]))
def test_no_row_ends_the_reading(written: list[dict[str, object]], more: str) -> None:
    """Whatever stands in the fields, each row is a row or is told in words with a code."""
    lines = "".join(f"{json.dumps(row)}{more}\n" for row in written)
    found, problems = read("-", "-p", "x", "-o", "{row}.jpg", stdin=lines.encode())

    assert all(problem.error.code in (2, 3, 8) for problem in problems)
    assert len({row.id for row in found}) == len(found) or problems
    assert found or problems


@given(
    st.binary(max_size=60) | st.text(alphabet='id,image1\n\r";\t ', max_size=60).map(str.encode),
    st.sampled_from(["jsonl", "csv", "tsv"]),
)
def test_no_bytes_end_the_reading(data: bytes, format_: str) -> None:
    """What is no manifest at all is told as such."""
    found, problems = read("-", "-p", "x", "--manifest-format", format_, stdin=data)

    assert found or problems
    assert all(problem.error.code in (2, 3, 8) for problem in problems)
