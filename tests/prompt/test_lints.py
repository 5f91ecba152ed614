"""Slips in prompts: what is one, what is none, and what cannot be told."""

import string
import time
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import rows, table

from prodia_compose.inputs.entries import Entry
from prodia_compose.inputs.options import Selection, Sort
from prodia_compose.prompt import lints, template

BEYOND = "ordinal-beyond-count"
FILE = "file-name-in-prompt"
NONE = "no-reference"
SOME = "image-not-referred"
UNSORTED = "unsorted-list"
UNFILLED = "name-not-filled"


def slips(text: str, images: int | Sequence[str], labels: Sequence[str] = ()) -> dict[str, str]:
    """Return what is found in a prompt for some images: code and message.

    Args:
        text: The prompt, without braces.
        images: Their names, or how many there are: `a.jpg`, `b.jpg` and so on.
        labels: The names of the first ones.
    """
    if isinstance(images, int):
        images = [f"{letter}.jpg" for letter in string.ascii_lowercase[:images]]
    named = [Entry(path=name, label=label) for name, label in zip_longest(images, labels)]
    found = list(lints.check(text, named, Selection(), "--prompt"))
    assert len({one.code for one in found}) == len(found)
    return {one.code: one.message for one in found}


# --- positions that no image has --------------------------------------------------------


@pytest.mark.parametrize(("text", "count"), rows("prompt/positions_beyond_the_count"))
def test_positions_beyond_the_count(text: str, count: int) -> None:
    """A position that no image has is a slip, however it is written."""
    found = slips(text, count)

    assert BEYOND in found
    assert f"the {template.ordinal(count + 1)} image, but there " in found[BEYOND]
    assert f'say "the {template.ordinal(count)} image"' in found[BEYOND]


def test_a_numbered_name_is_no_position() -> None:
    """`image3` is the file image3.jpg where there is one, and else the third image."""
    text = "the mug of image3 on the table of IMG_5"

    assert slips(text, ("IMG_5.jpg", "image3.jpg")) == {}
    assert slips(text, ("IMG_5.jpg", "image2.jpg")).keys() == {BEYOND}
    assert slips("the mug of image 1 on the table", ("1.jpg", "2.jpg")).keys() == {SOME}


def test_several_positions_are_told_in_one_warning() -> None:
    """All the positions that are missing stand in one message, which names the last there is."""
    found = slips("Put the mug of the 5th image and image 4 on the first and second image", 2)

    assert list(found) == [BEYOND]
    assert found[BEYOND] == (
        "--prompt: speaks of the fourth and the fifth image, but there are only 2; "
        'say "the second image", or add what is missing'
    )


# --- images not referred to -------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Put the mug on the table",
        "Detailed render of a mug, glossy finish, stylized for a product card, with a shadow",
        'Put "das Bild" on the mug',
        "Put the image of a mug into the image of a room",
    ],
)
def test_no_image_is_referred_to(text: str) -> None:
    """An English prompt for several images, none of which it refers to, is a slip."""
    found = slips(text, 2)

    assert found == {
        NONE: "--prompt: refers to none of the 2 images by its position; "
        'say "the first image" for a.jpg and "the second image" for b.jpg'
    }
    assert slips(text, 1) == {}


@pytest.mark.parametrize(("text", "count", "missing"), rows("prompt/not_referred_to"))
def test_some_images_are_not_referred_to(text: str, count: int, missing: str) -> None:
    """An image that a prompt leaves out, while it refers to others, is named with the cure."""
    found = slips(text, count)

    assert list(found) == [SOME]
    assert found[SOME].startswith(f"--prompt: does not refer to {missing}; say ")


# --- no slip ----------------------------------------------------------------------------

SILENT = [
    line.replace("\\n", "\n")
    for line in Path(__file__).with_name("silent.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("# ")
]
"""Prompts for two images that raise no warning, one a line."""


@pytest.mark.parametrize(
    ("text", "images"),
    [
        *((text, 2) for text in SILENT),
        ("Put all on the mug of the third image", 3),
        ("Straighten the second picture", 1),
        ("Make four images: the first image by day, the second image by night", 1),
        ("photo2 with the light of photo1", ("photo1.jpg", "photo2.jpg")),
    ],
)
def test_no_slip(text: str, images: int | Sequence[str]) -> None:
    """What refers to all images, or is no reference, or is not understood, raises no warning."""
    assert slips(text, images) == {}


@pytest.mark.parametrize("text", table("prompt/phrasings")["silent"])
def test_phrasings_that_are_right(text: str) -> None:
    """However two images are referred to, or the parts of a result counted, nothing is told."""
    assert slips(text, 2) == {}


@pytest.mark.parametrize(("text", "code"), table("prompt/phrasings")["warned"])
def test_phrasings_that_are_slips(text: str, code: str) -> None:
    """A slip is one in any of the ways that images are referred to."""
    assert code in slips(text, 2)


# --- file names -------------------------------------------------------------------------


@pytest.mark.parametrize("text", rows("prompt/file_names"))
def test_file_names(text: str) -> None:
    """An image's own file name, whatever its case, is a slip; its position is the cure."""
    assert slips(text, ("shots/Mug.jpg", "room.jpg")) == {
        FILE: "--prompt: models see positions, not file names; "
        'say "the first image" instead of "Mug.jpg"'
    }


@pytest.mark.parametrize(("name", "text"), rows("prompt/what_is_no_file_name"))
def test_what_is_no_file_name(name: str, text: str) -> None:
    """Only a whole name with its suffix counts, not a part of a word or a bare word."""
    assert slips(text, (name, "room.png")) == {}


@pytest.mark.parametrize(
    ("names", "text", "cure"),
    [
        (("a/mug.jpg", "b/mug.jpg"), "mug.jpg", '"the first image" or "the second image"'),
        (("my mug.jpg", "mug.jpg"), "both with my mug.jpg", '"the first image" instead'),
        (("https://h.example/a/my%20mug.jpg?k=v#x", "b"), "both my mug.jpg", '"the first image"'),
        (("cafe\u0301.jpg", "b"), "both on caf\u00e9.jpg", '"the first image"'),
        (("x.jpg", "a/..jpg", "b.webp"), "all on b.webp", '"the third image"'),
    ],
)
def test_whose_name_it_is(names: tuple[str, ...], text: str, cure: str) -> None:
    """Names are told apart, whole, decoded, and in any normal form; one can be that of two."""
    found = slips(text, names)

    assert list(found) == [FILE]
    assert f"say {cure}" in found[FILE]


@pytest.mark.parametrize("path", ["-", "https://example.com", "https://[bad/", "http://"])
def test_what_has_no_name(path: str) -> None:
    """Standard input and an address without a path have no file name."""
    assert slips("both like example.com and - and bad", (path, "b.jpg")) == {}


def test_all_file_names_are_told_in_one_warning() -> None:
    """Several names are one warning, in the order of the images."""
    found = slips("b.jpg on a.jpg in the light of the third image", 3)

    assert found == {
        FILE: "--prompt: models see positions, not file names; say "
        '"the first image" instead of "a.jpg" and "the second image" instead of "b.jpg"'
    }


# --- labels -----------------------------------------------------------------------------


def test_an_image_with_a_label_is_told_by_it() -> None:
    """The cure names the label, where there is one."""
    labels = ("mug", "room")
    text = template.compile_labels("Put {mug} on the table", {"mug": 1, "room": 2})

    assert slips(text, 2, labels)[SOME].endswith('say "{room}" where it belongs, or leave it out')
    assert 'say "{mug}" for a.jpg' in slips("Put it on the table", 2, labels)[NONE]
    assert 'say "{mug}" instead of "a.jpg"' in slips("both with a.jpg", 2, labels)[FILE]


def test_the_english_of_labels_is_not_the_users() -> None:
    """Labels become English words, which do not make a German prompt an English one."""
    text = template.compile_labels("Setze {mug} auf den Tisch", {"mug": 1, "room": 2})

    assert slips(text, 2, ("mug", "room")) == {}


@given(st.data(), st.integers(min_value=1, max_value=20))
def test_a_prompt_with_all_labels_has_no_slip(data: st.DataObject, count: int) -> None:
    """Whatever stands around the labels, every image is referred to, and no other."""
    labels = [f"l{number}" for number in range(count)]
    order = data.draw(st.permutations(labels))
    around = st.sampled_from(
        ["", " ", "the ", " the cat of ", ", ", "\n", '"', "-", " with ", "1. ", " 3 ", "s", "."]
    ) | st.text(max_size=9).filter(lambda text: not set("{}") & set(text))
    typed = "".join(f"{data.draw(around)}{{{label}}}" for label in order) + data.draw(around)
    positions = {label: position for position, label in enumerate(labels, 1)}

    text = template.compile_labels(typed, positions)

    assert slips(text, count, labels).keys() <= {FILE}


# --- lists ------------------------------------------------------------------------------

BY_POSITION = "the first image and the second, and the third"


def in_lists(
    text: str, lists: Sequence[Sequence[str]], sort: Sort = "none", operands: int = 0
) -> dict[str, str]:
    """Return what is found in a prompt for images in lists, some operands before them."""
    named = [Entry(path="z.jpg")] * operands + [
        Entry(path=path, list_number=number)
        for number, paths in enumerate(lists, 1)
        for path in paths
    ]
    names = tuple(f"list-{number}" for number in range(1, len(lists) + 1))
    selection = Selection(lists=names, sort=sort)
    return {one.code: one.message for one in lints.check(text, named, selection, "--prompt")}


@pytest.mark.parametrize("paths", rows("prompt/ordered_lists"))
def test_ordered_lists(paths: tuple[str, ...]) -> None:
    """A list by name, by number, or without regard to case, is in order."""
    assert UNSORTED not in in_lists(BY_POSITION, [paths])


def test_unordered_lists() -> None:
    """A list in no order, and a prompt that counts on it, are told with the cure."""
    paths = ("c.jpg", "a.jpg", "b.jpg")

    assert in_lists(BY_POSITION, [paths]) == {
        UNSORTED: "-T list-1: in no order, and the prompt refers to positions; "
        "add --sort natural, or --no-lint if the order is meant"
    }
    assert in_lists(BY_POSITION, [paths], sort="name") == {}
    assert in_lists("blend them all", [paths]) == {}
    assert in_lists("the first image and all others", [paths], operands=1) == {}
    assert in_lists(BY_POSITION, [("c.jpg",), ("a.jpg",), ("b.jpg",)]) == {}
    assert (
        "-T list-1 and -T list-3: "
        in in_lists(
            "the 1st image and the last image, with all", [("b", "a"), ("a", "b"), ("d", "c")]
        )[UNSORTED]
    )


# --- any text ---------------------------------------------------------------------------

WORDS = (
    *("first", "1st", "second", "last", "last two", "image", "images", "picture", "1", "2", "99"),
    *("one", "two", "a", "the", "and", "to", "-", ",", "#", "(", '"', "“", "\n", ".", "both", "é"),
    *("a.jpg", "https://", "_", "²", "\u0130", "\u017f", "\u0301", "0", "画像", "\u202e", "*"),
    *("21st", "0th"),
)


@given(
    st.lists(st.sampled_from(WORDS) | st.text(max_size=4)).map(" ".join) | st.text(),
    st.lists(st.text() | st.sampled_from(WORDS), min_size=1, max_size=30),
)
def test_any_text_can_be_looked_over(text: str, names: list[str]) -> None:
    """No prompt and no names make the check fail, and each code comes once at most."""
    assert slips(text, names).keys() <= {BEYOND, FILE, NONE, SOME}


def test_too_many_images_are_not_looked_over() -> None:
    """More images than any model takes are an error of their own, with no words about each."""
    assert slips("the mug of the first image", 21) == {}


@pytest.mark.parametrize("words", ["first, ", "image 1, ", "the first image on "])
def test_a_long_prompt_is_read_at_once(words: str) -> None:
    """However many positions follow one another, each is read once or so, not with all others."""
    begun = time.process_time()
    slips(words * 10_000, 2)

    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{mug} on the first image", "-i mug=PATH fills it"),
        ("the first image, then {each}", "--each LIST fills it"),
        ("{Red_mug} and {mug}, the first image", "-i Red_mug=PATH fills it"),
    ],
)
def test_a_name_that_nothing_fills(text: str, hint: str) -> None:
    """It would be sent as it stands: braces are text where no picture has a label."""
    assert slips(text, 1)[UNFILLED].endswith(f"which is sent as it stands; {hint}")


@pytest.mark.parametrize(
    "text",
    [
        '{"scene": "the first image"}',
        "{{mug}} {1} {} { mug } {a b} the first image",
        "{the first image}",
        "{image1}",
    ],
)
def test_other_braces_are_text(text: str) -> None:
    """As in a prompt that is JSON."""
    assert UNFILLED not in slips(text, 1)
    (entry,) = [Entry(path="a.jpg", label="mug", list_number=0)]
    assert [*lints.check("{b} the first image", [entry], Selection(), "--prompt")] == []
