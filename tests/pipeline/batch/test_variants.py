"""Rows that are run several times: one for each of some values, or as they are."""

from pathlib import Path

import pytest
from batching import read, refusals, rows, write

LINE = ("m.jsonl", "-p", "x")


def test_each_value_has_its_row(work: Path) -> None:
    """Rows come in the order of the values as given, and their ids name each in the alphabet's."""
    write("m.jsonl", [{"id": "a"}, {"id": "b"}])
    found = rows(*LINE, "--vary", "seed=1..2", "--vary", "model=flux-2-pro,flux-2-dev")

    assert [(row.number, row.line, row.id, row.repeat) for row in found[:5]] == [
        (1, 1, "a~model=flux-2-pro~seed=1", 0),
        (2, 1, "a~model=flux-2-dev~seed=1", 0),
        (3, 1, "a~model=flux-2-pro~seed=2", 0),
        (4, 1, "a~model=flux-2-dev~seed=2", 0),
        (5, 2, "b~model=flux-2-pro~seed=1", 0),
    ]
    assert (found[3].request.model, found[3].request.settings.seed) == ("flux-2-dev", 2)
    assert dict(found[4].request.fields)["row"] == "5"


def test_an_id_does_not_tell_in_which_order_fields_were_given(work: Path) -> None:
    """What was paid for is found again when the options are typed the other way round."""
    write("m.jsonl", [{"id": "a"}])
    one = rows(*LINE, "--vary", "seed=1,2", "--vary", "guidance=2.50,3")
    other = rows(*LINE, "--vary", "guidance=3,2.5", "--vary", "seed=2,+1")

    assert {row.id for row in one} == {row.id for row in other}
    assert "a~guidance=2.5~seed=1" in {row.id for row in one}


def test_repeats_are_numbered(work: Path) -> None:
    """Each row is run so many times, with nothing changed but its id; once is numbered too."""
    write("m.jsonl", [{"id": "a", "meta": {"x": 1}}])
    found = rows(*LINE, "--repeat", "2", "--vary", "seed=7")

    assert [(row.id, row.repeat) for row in found] == [("a~seed=7~#1", 1), ("a~seed=7~#2", 2)]
    assert found[0].request.settings == found[1].request.settings
    assert [row.meta for row in found] == [{"x": 1}, {"x": 1}]
    assert [row.id for row in rows(*LINE, "--repeat", "1")] == ["a~#1"]
    assert [row.id for row in rows(*LINE)] == ["a"]


def test_other_settings_can_be_varied(work: Path) -> None:
    """`set:KEY` is what `--set KEY` is: JSON where it is any, and any name."""
    write("m.jsonl", [{"id": "a", "set": {"q": 1}}])
    found = rows(*LINE, "--vary", "set:mode=fast,3", "--set", "r=2")

    assert [row.id for row in found] == ["a~set:mode=fast", "a~set:mode=3"]
    assert [dict(row.request.settings.extras) for row in found] == [
        {"r": 2, "q": 1, "mode": "fast"},
        {"r": 2, "q": 1, "mode": 3},
    ]


@pytest.mark.parametrize(
    ("own", "vary", "name"),
    [
        ({"seed": 5}, "seed=1,2", "seed"),
        ({"model": "flux-2-pro"}, "model=flux-2-dev", "model"),
        ({"set": {"q": 1}}, "set:q=1,2", "q"),
        ({"set": {"seed": 1}}, "seed=1,2", "seed"),
        ({"aspect_ratio": "1:1"}, "aspect-ratio=1:1,16:9", "aspect_ratio"),
    ],
)
def test_a_row_cannot_set_what_is_varied(
    work: Path, own: dict[str, object], vary: str, name: str
) -> None:
    """It is that row's error, once, and the others are run; their numbers are as they were."""
    write("m.jsonl", [{"id": "a", **own}, {"id": "b"}])
    found, _ = read(*LINE, "--vary", vary)
    count = vary.count(",") + 1

    assert [row.number for row in found] == [*range(count + 1, 2 * count + 1)]
    assert refusals(*LINE, "--vary", vary) == [
        (
            f"2 FILE:1: a: {name}: the row sets it, and --vary gives it several values; "
            "leave one of them out"
        )
    ]


def test_a_varied_value_beats_what_contradicts_it(work: Path) -> None:
    """What is varied is as if each row had it; a row that contradicts that is told."""
    write("m.jsonl", [{"id": "a"}, {"id": "b", "width": 512}])
    found, _ = read(*LINE, "--vary", "match=1,2", "--set", "height=512")

    assert [(row.request.settings.match, row.request.settings.extras) for row in found] == [
        (1, ()),
        (2, ()),
    ]
    assert refusals(*LINE, "--vary", "match=1,2") == [
        "2 FILE:2: b: match and width: both are given; give one of them"
    ]


def test_variants_have_places_of_their_own(work: Path) -> None:
    """By their ids; a template that does not tell them apart is refused, once a row."""
    write("m.jsonl", [{"id": "a"}, {"id": "b"}])
    vary = ("--vary", "seed=1..9", "--repeat", "2")

    assert len({row.id for row in rows(*LINE, *vary)}) == 36
    assert refusals(*LINE, "-o", "{seed}-{row}.jpg", *vary) == []
    assert [
        message.split(": the")[0] for message in refusals(*LINE, "-o", "{stem}.jpg", *vary)
    ] == [
        "3 whole FILE:1: a~seed=1~#2",
        "3 whole FILE:2: b~seed=1~#1",
    ]
