"""Answers that are odd, and answers that are damaged: none loses a picture, or is paid for twice."""

from pathlib import Path

import mutating
import mutations
import pytest


@pytest.mark.parametrize("first", range(0, 60, 15))
def test_no_odd_answer_loses_a_picture(first: int, tmp_path: Path) -> None:
    """A sample of what `tests/tools/mutate_answers.py` tries 2,000 of, in turn over HTTP and TLS."""
    wrong = [
        problem
        for seed in range(first, first + 15)
        for problem in mutating.problems(seed, tmp_path / str(seed), tls=bool(seed % 2))
    ]

    assert wrong == []


def test_the_answers_are_odd_enough() -> None:
    """Among 200 there are legal and damaged ones, most of them odd in several ways."""
    made = [mutations.answer(seed) for seed in range(200)]

    assert 70 < sum(one.is_legal for one in made) < 130
    assert sum(len(one.oddities) > 2 for one in made) > 150
    assert sum(not one.is_legal and bool(one.pictures) for one in made) > 30
    assert len({oddity for one in made for oddity in one.oddities}) > 150


def test_what_is_looked_for_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is in none of the files is told as lost, and a legal answer as not taken."""
    made = mutations.Mutated(wire=b"HTTP/1.1 200 OK\r\n\r\nnone", pictures=[b"a picture"])
    monkeypatch.setattr(mutations, "answer", lambda _seed: made)
    wrong = mutating.problems(1, tmp_path / "1", tls=False)

    assert [problem.partition(":")[0] for problem in wrong] == [
        "a picture is lost",
        "a legal answer is not taken",
    ]
