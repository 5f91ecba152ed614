"""The page, the table and the sheet of what was made, as files."""

import base64
import hashlib
import html.parser
import io
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from PIL import Image
from reporting import no_record, row, start, written

from prodia_compose import errors
from prodia_compose.output.options import IfExists
from prodia_compose.pipeline import made
from prodia_compose.report.made import writing

MARKUP = """<script>alert(1)</script><img src=x onerror=alert(2)>"'&amp; {{ 7*7 }} {% x %} | `a` [b](c)"""


class _Page(html.parser.HTMLParser):
    """A page taken apart: its tags with their attributes, and its text."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._is_style = False
        self.style = ""
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._is_style = tag == "style"

    def handle_data(self, data: str) -> None:
        if self._is_style:
            self.style, self._is_style = data, False
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def _report(
    names: list[str] | str,
    target: str = "report.html",
    *,
    prompts: bool = True,
    if_exists: IfExists = "fail",
) -> bytes:
    """Write a report and return what is in it."""
    with no_record() as record:
        documents = made.gathered([names] if isinstance(names, str) else names, record)
    (path, *_) = writing.write(
        documents, writing.prove(target, if_exists=if_exists), prompts=prompts
    )
    return Path(path).read_bytes()


def test_pictures_are_in_the_page_and_lead_to_the_originals(here: Path) -> None:
    """Small copies are embedded; links are relative to the page and percent-encoded."""
    (here / "out").mkdir()
    name = "a b#?%:ü~.png"
    outputs = [{"path": f"out/{name}"}]
    written(
        here / "rows.jsonl",
        [row("a", outputs=outputs, images=[{"position": 1, "path": "photo.png"}])],
    )
    Image.new("RGB", (3000, 2000), (200, 30, 30)).save(here / "out" / name)
    (here / "pages").mkdir()

    page = _Page(_report("rows.jsonl", "pages/report.html"))
    kinds, data = zip(*(one["src"].split(",") for one in page.all("img")), strict=True)
    sizes = [Image.open(io.BytesIO(base64.b64decode(one))).size for one in data]

    assert set(kinds) == {"data:image/jpeg;base64"}
    assert sizes == [(60, 40), (480, 320)]
    links = [one["href"] for one in page.all("a") if not one["href"].startswith("#")]
    assert [unquote_to_bytes(one).decode() for one in links] == ["../photo.png", f"../out/{name}"]
    assert all(re.fullmatch(r"[\w./%~-]+", one) for one in links)
    assert [one["alt"] for one in page.all("img")] == [
        "Image 1: photo.png",
        "Result of flux-2-pro for a: a red wall",
    ]


def test_the_page_asks_nothing_of_anybody(here: Path) -> None:
    """No script, nothing remote; the policy allows its own style by hash, and pictures in it."""
    written(here / "rows.jsonl", [row("a"), row("b", "rejected")])
    page = _Page(_report("rows.jsonl"))
    policy = next(one for one in page.all("meta") if "http-equiv" in one)["content"]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()

    assert policy.split("; ") == [
        *("default-src 'none'", "img-src data:", f"style-src 'sha256-{digest}'"),
        *("base-uri 'none'", "form-action 'none'"),
    ]
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "iframe", "object", "form", "audio", "video", "base"}
    assert all(
        not name.startswith("on") and name != "style" for _, found in page.tags for name in found
    )
    addresses = [one.get("src") or one.get("href") or "" for _, one in page.tags]
    assert not [one for one in addresses if re.match(r"[a-z]+:(?!image/jpeg|,)", one)]
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_markup_stays_text(here: Path) -> None:
    """Prompts, ids, labels, models, settings, messages and names of files are text, wherever they are."""
    (here / "a<b>.png").symlink_to("c.png")
    document = row(
        f"id {MARKUP}",
        "rejected",
        prompt=f"prompt {MARKUP}",
        model=f"model {MARKUP}",
        images=[
            {"position": 1, "path": "c.png", "label": f"label {MARKUP}"},
            {"position": 2, "path": "a<b>.png"},
        ],
        job={
            "type": "x",
            "config": {"prompt": "p", "images": [], f"key {MARKUP}": f"value {MARKUP}"},
        },
        errors=[{"message": f"message {MARKUP}"}],
    )
    written(here / "rows.jsonl", [document, row("b")])
    data = _report("rows.jsonl")
    page = _Page(data)

    for what in ("id", "prompt", "model", "label", "key", "value", "message"):
        assert f"{what} {MARKUP}" in page.text
    assert "a<b>.png" in page.text
    assert f"label {MARKUP}" in page.all("img")[0]["alt"]
    assert "script" not in {tag for tag, _ in page.tags}
    assert all("onerror" not in found for _, found in page.tags)


def test_no_prompt_is_anywhere(here: Path) -> None:
    """With `--no-prompts` no prompt is on any report, not even where it is not seen."""
    secret = "the heron of the second image"
    rows = [
        row("a", prompt=secret, job={"config": {"prompt": secret, "images": []}}),
        row("b", "rejected", prompt=secret, errors=[{"message": f"refused: {secret}"}]),
    ]
    written(here / "rows.jsonl", rows)
    for name in ("report.html", "report.md"):
        assert secret.encode() in _report("rows.jsonl", name)
        data = _report("rows.jsonl", name, prompts=False, if_exists="overwrite")
        assert b"heron" not in data
        assert b"Result of flux-2-pro" in data or name == "report.md"


def test_nothing_from_the_root_is_told(here: Path) -> None:
    """No report says where on this machine anything lies."""
    place = str(here / "in.png")
    message = f"{place}: is gone; see /var/lib/other/x.log"
    rows = [
        row("a", images=[{"position": 1, "path": place}], outputs=[{"path": str(here / "a.png")}]),
        row("b", "refused", errors=[{"message": message, "path": place}]),
        row(str(here / "c"), "unknown", prompt="other"),
    ]
    written(here / "rows.jsonl", rows)
    for name in ("report.html", "report.md"):
        data = _report(str(here / "rows.jsonl"), str(here / name))
        assert os.fsencode(here) not in data
        assert b"/var" not in data
        assert b"in.png: is gone; see x.log" in data


def test_the_same_results_give_the_same_bytes(here: Path) -> None:
    """A report made twice is the same, whatever its kind; files in another order are another report."""
    written(here / "one.jsonl", [row(f"a{number}", number=number) for number in range(9)])
    written(here / "two.jsonl", [row("b"), start("c")])
    for suffix in ("html", "md", "jpg", "png"):
        first, second = (_report(["one.jsonl", "two.jsonl"], f"{n}.{suffix}") for n in "xy")
        assert first == second
        assert _report(["two.jsonl", "one.jsonl"], f"z.{suffix}") != first


@pytest.mark.parametrize(
    ("outputs", "shown"),
    [
        ([{"path": "gone.jpg"}], "gone.jpg its file is gone"),
        ([{"path": "folder.jpg"}], "folder.jpg something else is in its place"),
        ([{"path": "pipe.jpg"}], "pipe.jpg something else is in its place"),
        ([{"path": "loop.jpg"}], "loop.jpg its file is gone"),
        ([{"path": "torn.jpg"}], "torn.jpg cannot be shown: is cut short or damaged"),
        ([{"path": "a.png", "sha256": "0" * 64}], "a.png its file has changed since"),
        ([{"path": "notes.jpg"}], "notes.jpg cannot be shown: "),
    ],
)
def test_pictures_that_are_not_as_they_were(here: Path, outputs: list[Any], shown: str) -> None:
    """What is gone, damaged, changed or no picture is told, of a result as of an input."""
    Image.new("RGB", (300, 200)).save(here / "whole.jpg")
    (here / "torn.jpg").write_bytes((here / "whole.jpg").read_bytes()[:700])
    (here / "notes.jpg").write_text("no picture")
    (here / "folder.jpg").mkdir()
    os.mkfifo(here / "pipe.jpg")
    (here / "loop.jpg").symlink_to("loop.jpg")
    (here / "a.png").write_bytes(b"")
    Image.new("RGB", (8, 8)).save(here / "a.png")
    inputs = [{"position": 1, **outputs[0]}]
    written(here / "rows.jsonl", [row("a", outputs=outputs, images=inputs)])

    assert _Page(_report("rows.jsonl")).text.count(shown) == 2


def test_a_table_decodes_nothing(here: Path) -> None:
    """What only decoding would show to be damaged is linked; what is gone or changed is told."""
    Image.new("RGB", (300, 200)).save(here / "whole.jpg")
    (here / "torn.jpg").write_bytes((here / "whole.jpg").read_bytes()[:700])
    outputs = [
        {"path": "torn.jpg"},
        {"path": "gone.jpg"},
        {"path": "whole.jpg", "sha256": "0" * 64},
    ]
    written(here / "rows.jsonl", [row("a", outputs=outputs)])
    data = _report("rows.jsonl", "report.md").decode()

    assert "cannot be shown" in _Page(_report("rows.jsonl")).text
    assert "cannot be shown" not in data
    assert "(torn.jpg)" in data
    assert "its file is gone" in data
    assert "its file has changed since" in data


def test_inputs_that_were_no_files(here: Path) -> None:
    """An address is told without what could be a key, and not looked at; standard input is named."""
    images = [
        {"position": 1, "path": "https://me:key@example.org/a/photo.jpg?token=secret"},
        {"position": 2, "path": "-", "sha256": "0" * 64},
    ]
    written(here / "rows.jsonl", [row("a", images=images)])
    for name in ("report.html", "report.md"):
        data = _report("rows.jsonl", name).decode()
        assert "photo.jpg" in data
        assert "an address, which is not looked at" in data
        assert "standard input" in data
        assert "secret" not in data
        assert "key" not in data


def test_what_did_not_come_is_told(here: Path) -> None:
    """Failed, unknown and unsent compositions are told in words where their pictures would be."""
    rows = [
        row("a~seed=1", number=1),
        row("a~seed=2", "rejected", number=2),
        row("a~seed=3", "busy", number=3),
        start("a~seed=4"),
        row("b~seed=1", number=5, prompt="a blue wall"),
    ]
    written(here / "rows.jsonl", rows)
    text = _Page(_report("rows.jsonl")).text

    assert "Compositions 5: 2 done, 1 failed, 1 unknown, 1 not sent" in text
    assert "May be charged at most $0.04 for 1 job" in text
    for words in ("failed not billed 8.2 s it is rejected", "not sent not billed 8.2 s it is busy"):
        assert words in text
    assert "unknown at most $0.04 outcome unknown: it may have run, and may be billed" in text
    assert text.count("nothing was made") == 3
    assert all(f"seed {seed}" in text for seed in (1, 2, 3, 4))


def test_kept_pictures_are_shown(here: Path) -> None:
    """What came and found no place is shown from where it is kept."""
    Image.new("RGB", (8, 8)).save(here / "kept.png")
    written(here / "rows.jsonl", [row("a", "not-placed", rescued=[{"path": "kept.png"}])])
    page = _Page(_report("rows.jsonl"))
    assert len(page.all("img")) == 2
    assert "failed at most $0.04" in page.text


def test_a_place_that_is_taken_meanwhile(here: Path) -> None:
    """Nothing is written over that was not there before; the name is told."""
    name = written(here / "rows.jsonl", [row("a")])
    target = writing.prove("report.html")
    (here / "report.html").write_text("mine")
    with pytest.raises(errors.OutputError, match=r"report\.html: the name was taken meanwhile"):
        writing.write(made.documents(name), target)
    assert (here / "report.html").read_text() == "mine"
    assert not [*here.glob(".*.part")]
