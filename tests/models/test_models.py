"""The catalogue: every figure, where it was read, and how models are found."""

import re
from dataclasses import fields
from operator import attrgetter

import pytest
from tables import rows

from prodia_compose import errors
from prodia_compose.models import catalogue, lookup
from prodia_compose.models.facts import Cap, Estimate, Model
from prodia_compose.models.settings import check_settings

BY_NAME = {model.short_name: model for model in catalogue.CATALOGUE}
KNOWN = [(name, setting) for name, model in BY_NAME.items() for setting in model.settings]

GUIDE = rows("models/guide")
"""Each model's name, job type, images, least and most price in USD, and seconds."""

CAPS = {name: figures for name, *figures in rows("models/caps")}
"""Each model's side, combined pixels, megabytes of each, and smallest side."""

SETTINGS = rows("models/settings")
"""Each model's settings: type, status, minimum, maximum, step, likely step, default.

That of `safety_tolerance` in [max] is inferred from its siblings, 0 to 5, and may not refuse.
"""

GOOGLE_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")


def limits(cap: Cap | None) -> list[int | str] | None:
    """Return a cap's number and kind."""
    return None if cap is None else [cap.limit, cap.kind]


domain = attrgetter(
    *("type", "status", "minimum", "maximum", "multiple_of", "likely_multiple_of", "default")
)
"""What a setting may be."""


def test_the_eight_models_of_the_guide() -> None:
    """The job types, counts, prices and times are those of Prodia's pages, in their order."""
    assert [
        [
            *(model.short_name, model.job_type, model.max_images.value),
            *(model.estimate(None).minimum_usd, model.estimate(None).maximum_usd),
            model.usual_seconds and model.usual_seconds.value,
        ]
        for model in catalogue.CATALOGUE
    ] == GUIDE


@pytest.mark.parametrize("name", BY_NAME)
def test_caps_have_their_figure_and_kind(name: str) -> None:
    """Only [pro]'s nine megapixels are documented; the others are the vendor's or ours."""
    caps = BY_NAME[name].caps
    side, combined, (megabytes, kind), smallest = CAPS[name]
    minimum = BY_NAME[name].minimum_side

    assert limits(caps.side) == side
    assert limits(caps.combined) == combined
    assert limits(caps.image_bytes) == [megabytes * 1_000_000, kind]
    assert caps.pixels is None
    assert (minimum and minimum.value) == smallest


def test_settings_have_their_ranges() -> None:
    """Every setting known has the type, range, step and default that was read, and no other."""
    found = [[name, setting.name, *domain(setting)] for name, setting in KNOWN]

    assert sorted(found) == sorted(SETTINGS)


def test_choices() -> None:
    """What a setting may be is refused outside only where Prodia's own pages list it."""
    choices = {
        (name, setting.name): (setting.choices, setting.likely_choices)
        for name, setting in KNOWN
        if setting.choices or setting.likely_choices
    }
    presets = choices.pop(("flux-2-dev", "style_preset"))

    assert choices == {
        ("nano-banana", "aspect_ratio"): ((), ("auto", *GOOGLE_RATIOS)),
        ("gemini-3-pro", "aspect_ratio"): ((), GOOGLE_RATIOS),
        ("gemini-3-pro", "resolution"): (("1K", "2K", "4K"), ()),
        ("gemini-3.1-flash", "aspect_ratio"): ((), (*GOOGLE_RATIOS, "1:4", "4:1", "1:8", "8:1")),
        ("gemini-3.1-flash", "resolution"): (("1K", "2K", "4K"), ()),
    }
    assert presets[0] == ()
    assert len(set(presets[1])) == 17


def test_longest_prompts() -> None:
    """The known lengths are the transcription's for Nano Banana and the schemas' for FLUX.2."""
    lengths = {m.short_name: m.max_prompt.value for m in catalogue.CATALOGUE if m.max_prompt}

    assert lengths == {"nano-banana": 2500, "flux-2-pro": 32_768, "flux-2-flex": 32_768}


def test_a_long_prompt_is_refused_only_where_prodia_says_so() -> None:
    """Characters count, not bytes; over a documented length is an error, over a hearsay one warns."""
    findings = errors.Findings()
    flex, nano = lookup.find("flux-2-flex"), lookup.find("nano-banana")
    lookup.check_prompt(flex, "é" * 32_768, "--prompt", findings)
    lookup.check_prompt(nano, "👍" * 2500, "--prompt", findings)
    assert findings.warnings == []

    lookup.check_prompt(nano, "👍" * 2501, "--prompt", findings)
    with pytest.raises(errors.UsageError, match=r"--prompt: .*32,769 characters; .*takes 32,768"):
        lookup.check_prompt(flex, "é" * 32_769, "--prompt", findings)
    assert [warned.code for warned in findings.warnings] == ["unconfirmed-setting"]


def test_every_fact_has_a_source() -> None:
    """No number stands without the place it was read, or the reason it was chosen."""
    for model in catalogue.CATALOGUE:
        caps = [getattr(model.caps, field.name) for field in fields(model.caps)]
        facts = [model.max_images, model.minimum_side, model.usual_seconds, model.max_prompt]
        for fact in [*facts, *model.settings, *model.prices, *caps]:
            assert fact is None or len(fact.source) > 5, model.short_name


def test_ranges_are_whole() -> None:
    """A range has both ends, and they are multiples of its step, as the messages suppose."""
    for _, setting in KNOWN:
        assert (setting.minimum is None) == (setting.maximum is None)
        step = setting.multiple_of or setting.likely_multiple_of
        if step:
            assert setting.minimum is not None
            assert setting.maximum is not None
            assert setting.minimum % step == setting.maximum % step == 0


def test_settings_are_named_once_and_are_not_reserved() -> None:
    """A model knows a field once, and none that the tool fills in itself."""
    for model in catalogue.CATALOGUE:
        names = [setting.name for setting in model.settings]
        assert len(set(names)) == len(names)
        assert not {"prompt", "images", "type"} & set(names)


@pytest.mark.parametrize(("name", "resolution", "low", "high"), rows("models/estimates"))
def test_estimate_follows_the_resolution(
    name: str, resolution: str | None, low: float | None, high: float | None
) -> None:
    """A tier narrows the listed range; without one all of it counts, and unknown is unknown."""
    estimate = BY_NAME[name].estimate(resolution)

    assert (estimate.minimum_usd, estimate.maximum_usd) == (low, high)


@pytest.mark.parametrize("model", catalogue.CATALOGUE, ids=lambda model: model.short_name)
def test_models_are_found_by_each_name(model: Model) -> None:
    """Short name, alias and job type all lead to the same model."""
    for name in (model.short_name, *model.aliases, model.job_type):
        assert lookup.find(name) is model


def test_default_and_alias() -> None:
    """The default is the guide's first model, and the dashed spelling finds the dotted one."""
    assert lookup.find(catalogue.DEFAULT_MODEL).short_name == "nano-banana"
    assert lookup.find("gemini-3-1-flash").short_name == "gemini-3.1-flash"


@pytest.mark.parametrize(
    "name", ["inference.novel.img2img.v9", "workflow.serial.v1", "inference.seedream-4.img2img.v1"]
)
def test_unlisted_job_types_pass_with_house_caps(name: str) -> None:
    """A job type we know nothing of is taken as it is, with limits of our own."""
    model = lookup.find(name)

    assert (model.short_name, model.job_type, model.listed) == (name, name, False)
    assert model.max_images.value == 14
    assert limits(model.caps.side) == [2048, "house"]
    assert limits(model.caps.image_bytes) == [7_000_000, "house"]
    assert model.estimate(None) == Estimate()


@pytest.mark.parametrize("name", rows("models/single_input_families_are_refused"))
def test_single_input_families_are_refused(name: str) -> None:
    """The guide's families that take one image are refused, and the others named."""
    with pytest.raises(errors.UsageError, match="one image only") as caught:
        lookup.find(name)

    assert all(model.short_name in caught.value.message for model in catalogue.CATALOGUE)


@pytest.mark.parametrize(("name", "cure"), rows("models/unknown_names_get_the_nearest"))
def test_unknown_names_get_the_nearest(name: str, cure: str) -> None:
    """A typo is answered with the nearest name, or with where to look."""
    with pytest.raises(errors.UsageError, match=cure) as caught:
        lookup.find(name)

    assert caught.value.message.startswith(f"--model {name}: ")


def test_an_empty_name_is_shown() -> None:
    """A name that is empty shows as such, whatever stood before it."""
    with pytest.raises(errors.UsageError, match=r"^--model '': no such model; `prodia"):
        lookup.find("")
    with pytest.raises(errors.UsageError, match=r"^'': no such model"):
        lookup.find("", flag="")


@pytest.mark.parametrize("model", catalogue.CATALOGUE, ids=lambda model: model.short_name)
def test_count_up_to_the_cap(model: Model) -> None:
    """As many images as the guide says are taken, and one more is not."""
    most = int(model.max_images.value)
    findings = errors.Findings()
    lookup.check_count(model, most, findings)
    with pytest.raises(errors.InputError, match=f"takes at most {most}; "):
        lookup.check_count(model, most + 1, findings)

    assert findings.errors == []


@pytest.mark.parametrize(("count", "doubtful"), [(1, False), (8, False), (9, True), (10, True)])
def test_flex_between_eight_and_ten_warns(count: int, doubtful: bool) -> None:  # noqa: FBT001 - a row
    """Where Prodia's own pages disagree the tool warns and does not refuse."""
    findings = errors.Findings()
    lookup.check_count(BY_NAME["flux-2-flex"], count, findings)

    assert [warned.code for warned in findings.warnings] == ["count-in-doubt"] * doubtful


@pytest.mark.parametrize(
    ("name", "count", "cure"),
    [
        ("nano-banana", 4, "; use -m gemini-3.1-flash, flux-2-dev, flux-2-pro, "),
        ("nano-banana", 12, "; use -m gemini-3.1-flash or seedream-5-lite"),
        ("nano-banana", 99, "leave some out"),
        ("inference.novel.v1", 15, "our own limit"),
    ],
)
def test_too_many_names_a_roomier_model(name: str, count: int, cure: str) -> None:
    """A count over the cap says which models take as many, or whose limit it is."""
    with pytest.raises(errors.InputError, match=re.escape(cure)):
        lookup.check_count(lookup.find(name), count, errors.Findings())


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("nano-banana", {"aspect_ratio": "1:1"}),
        ("flux-2-flex", {"aspect_ratio": "1:1", "width": 1024, "height": 1024, "steps": 50}),
    ],
)
def test_the_guides_own_jobs_raise_no_warning(model: str, settings: dict[str, str | int]) -> None:
    """Both examples of the guide are sent as they stand, without a word."""
    findings = errors.Findings()
    config = check_settings(lookup.find(model), settings.items(), (), findings)

    assert config == settings
    assert (findings.errors, findings.warnings) == ([], [])
