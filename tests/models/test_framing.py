"""`--match N`: the result gets the shape of an input, in what the model takes."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import rows

from prodia_compose import errors
from prodia_compose.models import catalogue, framing, lookup
from prodia_compose.sandbox import server

SIZED = [model.short_name for model in catalogue.CATALOGUE if model.setting("width")]


@pytest.mark.parametrize(("model", "size", "expected"), rows("models/the_nearest_frame_is_chosen"))
def test_the_nearest_frame_is_chosen(
    model: str, size: tuple[int, int], expected: dict[str, object]
) -> None:
    """Models with ratios get the nearest one, models with sizes about a megapixel."""
    assert framing.like(lookup.find(model), *size) == expected


@given(st.sampled_from(SIZED), st.integers(1, 20_000), st.integers(1, 20_000))
@settings(max_examples=150, derandomize=True)
def test_sizes_are_ones_the_model_takes(name: str, width: int, height: int) -> None:
    """Whatever the shape, both sides are within the range and in the steps of the model."""
    model = lookup.find(name)
    framed = framing.like(model, width, height)

    for side in ("width", "height"):
        setting, value = model.setting(side), framed[side]
        assert setting is not None
        assert isinstance(value, int)
        assert setting.minimum is not None
        assert setting.maximum is not None
        assert setting.minimum <= value <= setting.maximum
        assert value % (setting.multiple_of or setting.likely_multiple_of or 1) == 0


@given(st.floats(0.4, 2.5))
@settings(max_examples=100, derandomize=True)
def test_usual_shapes_are_kept(ratio: float) -> None:
    """Between 2:5 and 5:2 the shape is within 2 % and the area within 15 % of a megapixel."""
    framed = framing.like(lookup.find("flux-2-pro"), round(4000 * ratio), 4000)
    width, height = framed["width"], framed["height"]
    assert isinstance(width, int)
    assert isinstance(height, int)

    assert abs(math.log(width / height / ratio)) < 0.02
    assert abs(math.log(width * height / 1e6)) < 0.15


def test_an_unknown_model_cannot_be_matched() -> None:
    """Where no setting is known that frames the result, the user is told to give one."""
    with pytest.raises(errors.UsageError, match="--aspect-ratio"):
        framing.like(lookup.find("inference.novel.img2img.v1"), 100, 100)


def test_match_reaches_the_job(
    run: Run, work: Path, sandbox: server.Sandbox, picture: Callable[..., Path]
) -> None:
    """`--match 2` sends the frame of the second image, first among the settings."""
    wide = picture("wide.jpg", (1600, 900))
    done = run(
        *("compose", "product.jpg", wide, "-p", "the first image in the second image"),
        *("-m", "flux-2-flex", "--steps", "20", "--match", "2"),
    )
    job = sandbox.jobs[0].job

    assert done.code == 0
    assert job is not None
    config = job["config"]
    assert isinstance(config, dict)
    assert list(config)[2:] == ["width", "height", "steps"]
    assert abs(config["width"] / config["height"] - 16 / 9) < 0.02


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--match", "3"), "there are only 2 images"),
        (("--match", "0"), "--match"),
        (("--match", "1", "--width", "512"), "--match and --width"),
        (("--match", "1", "--set", "aspect_ratio=1:1"), "--match and --set aspect_ratio"),
    ],
)
def test_wrong_matches_are_refused(
    run: Run, work: Path, options: tuple[str, ...], words: str
) -> None:
    """A position that is not there, or another frame beside it, is a usage error."""
    done = run("validate", "product.jpg", "scene.jpg", "-p", "both", *options)

    assert done.code == 2
    assert words in done.err
