"""The prompt: labels, ordinals, files, and what cannot be sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import rows

from prodia_compose import errors
from prodia_compose.inputs.options import LABEL
from prodia_compose.prompt import template

POSITIONS = {"mug": 1, "room": 2, "back-drop_3": 15}


@pytest.mark.parametrize(
    ("position", "word"),
    [
        *((1, "first"), (2, "second"), (3, "third"), (10, "tenth"), (12, "twelfth")),
        *((14, "fourteenth"), (15, "15th"), (20, "20th"), (21, "21st"), (22, "22nd"), (23, "23rd")),
        *((101, "101st"), (111, "111th"), (112, "112th"), (113, "113th"), (1011, "1011th")),
    ],
)
def test_ordinals(position: int, word: str) -> None:
    """Positions the models take are words; beyond them English endings are right."""
    assert template.ordinal(position) == word


@pytest.mark.parametrize(("typed", "compiled"), rows("prompt/labels_become_positions"))
def test_labels_become_positions(typed: str, compiled: str) -> None:
    """A label in braces is its image's place; doubled braces are literal."""
    assert template.compile_labels(typed, POSITIONS) == compiled


@pytest.mark.parametrize(("typed", "words"), rows("prompt/unknown_labels_are_refused"))
def test_unknown_labels_are_refused(typed: str, words: str) -> None:
    """A name that is no label is refused with the nearest one, or all of them."""
    with pytest.raises(errors.UsageError, match=words):
        template.compile_labels(typed, POSITIONS)


@given(st.text())
def test_without_labels_braces_are_text(text: str) -> None:
    """A run without labels sends its prompt untouched."""
    assert template.compile_labels(text, {}) == text


@given(st.text())
def test_doubled_braces_give_any_text(text: str) -> None:
    """With labels, any text can be had by doubling its braces."""
    doubled = text.replace("{", "{{").replace("}", "}}")

    assert template.compile_labels(doubled, {"a": 1}) == text


@pytest.mark.parametrize(("typed", "compiled"), rows("prompt/texts_stand_in_braces"))
def test_texts_stand_in_braces(typed: str, compiled: str) -> None:
    """Other names stand for texts, which are put in as they are and read no second time."""
    texts = {"colour": "red", "odd": "{mug} {{x}}", "each": "the first three images", "none": ""}

    assert template.compile_labels(typed, POSITIONS, texts=texts) == compiled


@pytest.mark.parametrize(
    ("typed", "texts", "words"),
    [
        ("{colr}", {"colour": "red"}, "{colr} is no label or variable; did you mean {colour}?"),
        (
            "{wall}",
            {"colour": "red"},
            "{wall} is no label or variable; there are {colour}; a literal",
        ),
        ("{colour}", {"colour": ""}, "{colour} is empty"),
        ("{a}", {}, "{a} is no label or variable; there are no names here"),
        ("a { b", {}, "{ is no label or variable"),
    ],
)
def test_names_without_a_text_are_refused(typed: str, texts: dict[str, str], words: str) -> None:
    """Where braces count without labels, a name that is unknown or empty is told, and what is near."""
    with pytest.raises(errors.UsageError) as shown:
        template.compile_labels(typed, {}, texts=texts)

    assert words in shown.value.message


@given(st.text(), st.text())
def test_any_text_is_put_in_as_it_is(text: str, other: str) -> None:
    """What a name stands for is never read again, whatever it holds."""
    assert template.compile_labels("<{a}{b}>", {}, texts={"a": f"{text} ", "b": f" {other}"}) == (
        f"<{text}  {other}>"
    )


@pytest.mark.parametrize("name", ["mug", "M", "a1", "a-b_c"])
@pytest.mark.parametrize("other", ["", "1a", "-a", "a b", "é", "a.b", "a\n"])
def test_label_names(name: str, other: str) -> None:
    """A label is a letter, then letters, digits, dashes and underscores, and nothing else."""
    assert LABEL.fullmatch(name)
    assert LABEL.fullmatch(other) is None


@pytest.mark.parametrize(("written", "text"), rows("prompt/prompt_files"))
def test_prompt_files(written: str, text: str) -> None:
    """A file's BOM and final newlines are dropped, and nothing else."""
    assert template.text_of_file(written.encode(), "p.txt") == text


@pytest.mark.parametrize(
    ("data", "byte"),
    [(b"caf\xe9 au lait", 4), (b"\xef\xbb\xbfcaf\xe9", 7), (b"\xffcaf", 1)],
)
def test_undecodable_prompt_files_are_refused(data: bytes, byte: int) -> None:
    """A file in another encoding is a usage error that names the byte, counted from 1."""
    with pytest.raises(errors.UsageError, match=rf"not UTF-8 text \(byte {byte}\)") as caught:
        template.text_of_file(data, "p.txt")

    assert caught.value.path == "p.txt"
    assert caught.value.message.startswith("--prompt-file p.txt: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the prompt is empty"),
        (" \n\t\u3000", "the prompt is empty"),
        ("caf\udce9", "not valid UTF-8"),
        ("P\0u\0t\0", "holds a NUL byte"),
    ],
)
def test_unsendable_prompts_are_refused(text: str, words: str) -> None:
    """A prompt that is empty or undecodable is refused, naming its option."""
    with pytest.raises(errors.UsageError, match=words) as caught:
        template.to_send(text, "--prompt")

    assert caught.value.message.startswith("--prompt: ")
