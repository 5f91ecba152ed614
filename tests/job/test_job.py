"""Settings, `--set`, part names and the digest."""

import hashlib
import json
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import rows

from prodia_compose import errors
from prodia_compose.images import fit
from prodia_compose.job import pack
from prodia_compose.models import lookup, settings
from prodia_compose.models.facts import SettingValue

Pairs = list[tuple[str, SettingValue]]


def check(
    model: str, options: Pairs | None = None, extras: Pairs | None = None
) -> tuple[dict[str, SettingValue], errors.Findings]:
    """Return the config of these settings and what was found."""
    findings = errors.Findings()
    config = settings.check_settings(lookup.find(model), options or [], extras or [], findings)
    return config, findings


def messages(findings: errors.Findings) -> list[str]:
    """Return the words of the errors found."""
    return [error.message for error in findings.errors]


@pytest.mark.parametrize(("argument", "name", "value"), rows("job/set_is_json_or_else_text"))
def test_set_is_json_or_else_text(argument: str, name: str, value: SettingValue) -> None:
    """A value that parses as JSON is that; what JSON has no word for stays text."""
    parsed = settings.parse_set(argument)

    assert parsed == (name, value)
    assert type(parsed[1]) is type(value)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        *rows("job/set_refuses_what_cannot_be_sent"),
        ("x=" + "9" * 21, "too large a number"),
        ('x={"a": ' + "9" * 5000 + "}", "too large a number"),
        ("x=" + "[" * 500 + "]" * 500, "nested too deeply"),
        ("x=" + '{"a":' * 500 + "1" + "}" * 500, "nested too deeply"),
        ("x=" + "[" * 200_000, "nested too deeply"),
        ("x=" + "[" * 200_000 + "]" * 200_000, "nested too deeply"),
    ],
)
def test_set_refuses_what_cannot_be_sent(argument: str, words: str) -> None:
    """What would fail later, inside the JSON or on the wire, is a usage error at once."""
    with pytest.raises(errors.UsageError, match=words):
        settings.parse_set(argument)


@given(st.text(st.characters(), max_size=30))
def test_set_never_breaks_the_job(text: str) -> None:
    """Whatever was typed is refused, or can be written as JSON in UTF-8."""
    try:
        name, value = settings.parse_set(f"x={text}")
    except errors.UsageError:
        return
    built = pack.Job(type="t", config={name: value})

    assert json.loads(built.json()) == built.document()
    assert json.dumps(built.document(), ensure_ascii=False).encode()


def test_job_json_is_plain_ascii() -> None:
    """`job.json` is what Python's `json.dumps` writes, prompt and images first."""
    built = pack.Job(
        type="inference.x.v1",
        config={"prompt": "Grüße", "images": ["a.jpg"], "width": 1024, "deep": {"a": [1.5, None]}},
    )

    assert built.json() == (
        rb'{"type": "inference.x.v1", "config": {"prompt": "Gr\u00fc\u00dfe", '
        rb'"images": ["a.jpg"], "width": 1024, "deep": {"a": [1.5, null]}}}'
    )


def test_settings_keep_their_order() -> None:
    """Options come first, then `--set`, each in the order given."""
    options: Pairs = [("width", 1024), ("steps", 5)]
    config, findings = check("flux-2-flex", options, [("zeta", 1), ("alpha", 2)])

    assert list(config) == ["width", "steps", "zeta", "alpha"]
    assert [warned.code for warned in findings.warnings] == ["unknown-setting"] * 2


@pytest.mark.parametrize(
    ("model", "name", "value", "words"),
    [
        *rows("job/out_of_range_is_refused"),
        ("seedream-5-lite", "width", 10**400, "takes 1024 to 4096"),
    ],
)
def test_out_of_range_is_refused(model: str, name: str, value: SettingValue, words: str) -> None:
    """A value the model is known not to take is an error that says what it takes."""
    config, findings = check(model, [(name, value)])

    assert [error.code for error in findings.errors] == [errors.ExitCode.USAGE]
    assert words in messages(findings)[0]
    assert findings.warnings == []
    assert config == {}


@pytest.mark.parametrize(("name", "value", "words"), rows("job/wrong_sets_are_refused"))
def test_wrong_sets_are_refused(name: str, value: SettingValue, words: str) -> None:
    """What `--set` gives has its field's JSON type, and is not what the tool fills in."""
    config, findings = check("flux-2-flex", extras=[(name, value)])

    assert config == {}
    assert len(findings.errors) == 1
    assert words in messages(findings)[0]


@pytest.mark.parametrize(("model", "name", "value"), rows("job/confirmed_values_pass_silently"))
def test_confirmed_values_pass_silently(model: str, name: str, value: SettingValue) -> None:
    """A value inside the documented range raises nothing."""
    for config, findings in (check(model, [(name, value)]), check(model, extras=[(name, value)])):
        assert (config, findings.errors, findings.warnings) == ({name: value}, [], [])


@pytest.mark.parametrize(("model", "name", "value", "words"), rows("job/unconfirmed_settings"))
def test_unconfirmed_settings_warn_and_are_sent(
    model: str, name: str, value: SettingValue, words: str
) -> None:
    """What no page confirms is sent, with a warning."""
    config, findings = check(model, [(name, value)])

    assert config == {name: value}
    assert findings.errors == []
    assert [warned.code for warned in findings.warnings] == ["unconfirmed-setting"]
    assert words in findings.warnings[0].message


@pytest.mark.parametrize(
    ("model", "name", "hint"),
    [
        ("flux-2-flex", "stepz", "did you mean steps?"),
        ("flux-2-flex", "Width", "did you mean width?"),
        ("flux-2-flex", "frobnicate", ""),
        ("nano-banana", "stpes", "did you mean steps? flux-2-dev takes it"),
        ("nano-banana", "sed", "did you mean seed? flux-2-dev takes it"),
        ("nano-banana", "aspect-ratio", "did you mean aspect_ratio?"),
    ],
)
def test_unknown_settings_warn_with_the_nearest(model: str, name: str, hint: str) -> None:
    """`--set` reaches any field; an unlisted one is sent with a warning that names the nearest.

    That of the model itself, or else of all models, with one that takes it.
    """
    config, findings = check(model, extras=[(name, 1)])

    assert config == {name: 1}
    assert [warned.code for warned in findings.warnings] == ["unknown-setting"]
    assert findings.warnings[0].hints == ((hint,) if hint else ())


@pytest.mark.parametrize(
    ("options", "extras"),
    [
        ([("steps", 5)], [("steps", 6)]),
        ([], [("x", 1), ("x", 1)]),
        ([("steps", 60)], [("steps", 6)]),
        ([], [("steps", 60), ("steps", 6)]),
    ],
)
def test_a_setting_is_given_once(options: Pairs, extras: Pairs) -> None:
    """A field given twice is told, also when one of its values is wrong besides."""
    _, findings = check("flux-2-flex", options, extras)

    assert any("already given; give it once" in message for message in messages(findings))


def test_all_settings_are_checked() -> None:
    """Every wrong setting is told in the same run."""
    _, findings = check("flux-2-flex", [("width", 1), ("steps", 60)], [("type", 1), ("seed", "x")])

    assert len(findings.errors) == 4


@given(st.integers(64, 4096))
def test_the_nearest_multiple_is_allowed(width: int) -> None:
    """The size an error proposes is itself accepted, and none is nearer."""
    _, findings = check("flux-2-pro", [("width", width)])
    if width % 16 == 0:
        assert findings.errors == []
        return
    nearest = int(messages(findings)[0].rpartition(" ")[2])

    assert abs(nearest - width) <= 8
    assert check("flux-2-pro", [("width", nearest)])[1].errors == []


@pytest.mark.parametrize(("names", "expected"), rows("job/part_names"))
def test_part_names(names: list[str], expected: list[str]) -> None:
    """The user's own name goes out where it is plain and alone; else `image-N`."""
    stems, _, ends = zip(*(name.rpartition(".") for name in names), strict=True)

    assert [*fit.part_names(stems, [f".{end}" for end in ends])] == expected


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.sampled_from(["image-1", "image-2", "Image-2", "image-2-2", "image-1-1", "a"]),
                st.text("aAbB-._1é", max_size=4),
                st.text(max_size=5),
                st.binary(min_size=1, max_size=9).map(os.fsdecode),
            ),
            st.sampled_from([".jpg", ".png", ".webp"]),
        ),
        max_size=14,
    )
)
def test_part_names_differ_ignoring_case(pairs: list[tuple[str, str]]) -> None:
    """Whatever the files are called, the parts' names are plain, unique and keep their type."""
    suffixes = [suffix for _, suffix in pairs]
    names = fit.part_names([stem for stem, _ in pairs], suffixes)
    wanted = [stem + suffix for stem, suffix in pairs]
    folded = [name.casefold() for name in wanted]

    assert len({name.casefold() for name in names}) == len(names) == len(pairs)
    for name, want, suffix in zip(names, wanted, suffixes, strict=True):
        plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", want)
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name)
        assert name.endswith(suffix)
        assert (name == want) == bool(plain and folded.count(want.casefold()) == 1) or (
            want.startswith("image-")
        )


def test_digest_is_a_fixed_function() -> None:
    """The digest of a known job never changes, whatever Python or run."""
    parts = [("a.jpg", "image/jpeg", "0" * 64), ("b.png", "image/png", "f" * 64)]
    text = (
        f"job.json\0application/json\0{hashlib.sha256(b'{}').hexdigest()}\n"
        f"a.jpg\0image/jpeg\0{'0' * 64}\nb.png\0image/png\0{'f' * 64}\n"
    )

    assert pack.digest(b"{}", iter(parts)) == pack.digest(b"{}", parts)
    assert pack.digest(b"{}", parts) == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert pack.digest(b"{}", parts).startswith("sha256:8e07c64bfec07056c6f24a41ae3348f0")


def test_digest_sees_everything_sent() -> None:
    """Another job, name, type, picture or number of pictures is another digest."""
    part = ("a.jpg", "image/jpeg", "0" * 64)
    others = [("b.jpg", *part[1:]), ("a.jpg", "image/png", part[2]), (*part[:2], "1" * 64)]
    sent = [[], [part], [part] * 2, *([other] for other in others)]
    digests = {pack.digest(b"{}", parts) for parts in sent}

    assert len({pack.digest(b"{ }", [part]), *digests}) == 7


def test_flags_are_the_fields_with_dashes() -> None:
    """The option of a field is its name with dashes."""
    assert settings.flag_of("safety_tolerance") == "--safety-tolerance"
