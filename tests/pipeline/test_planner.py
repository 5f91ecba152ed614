"""What a request may say beyond its options: what braces stand for, and fields of the output."""

from dataclasses import replace
from pathlib import Path

import pytest
from planning import plan

from prodia_compose.inputs.options import Selection
from prodia_compose.models.options import Settings
from prodia_compose.output.options import Placement
from prodia_compose.pipeline.request import ComposeRequest

REQUEST = ComposeRequest(selection=Selection(operands=("product.jpg", "scene.jpg")), lint=False)


@pytest.mark.parametrize(
    ("prompt", "given", "sent"),
    [
        ("a {b}", {}, "a {b}"),
        ("a {b}", {"texts": (("b", "{c} of {b}"),)}, "a {c} of {b}"),
        ("a {{b}}", {"is_template": True}, "a {b}"),
        ("a {b}", {"is_template": True}, "{b} is no label or variable"),
        ("a {b}", {"texts": (("b", ""),), "is_template": True}, "{b} is empty"),
        ("{each}", {"texts": (("each", "the first image"),)}, "the first image"),
    ],
)
def test_braces_in_a_prompt_stand_for_texts(
    work: Path, prompt: str, given: dict[str, object], sent: str
) -> None:
    """Where the request says so, braces are names without any label, and what is unknown is told."""
    made = plan(replace(REQUEST, prompt=prompt, **given))  # type: ignore[arg-type] # one of the two

    if "is " in sent:
        assert sent in made.errors[0].message
    else:
        assert (made.prompt, made.errors) == (sent, ())


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("{id}-{row}.jpg", "a-b~seed=1-3.jpg"),
        ("{stem}-{colour}.jpg", "scene-{red}.jpg"),
        ("{date}.jpg", "1999-12-31.jpg"),
        ("{colr}.jpg", "did you mean {colour}?"),
        ("{none}.jpg", "{none} is empty"),
    ],
)
def test_an_output_has_the_fields_of_the_request(work: Path, target: str, path: str) -> None:
    """More fields of the template stand beside the usual ones, and before them."""
    fields = {"id": "a/b~seed=1", "row": "3", "colour": "{red}", "date": "1999-12-31", "none": ""}
    placement = Placement(target=target)
    made = plan(replace(REQUEST, prompt="x", placement=placement, fields=tuple(fields.items())))

    if made.place is not None:
        assert made.place.path == path
    else:
        assert path in made.errors[0].message


def test_what_is_downloaded_later_keeps_its_place(work: Path) -> None:
    """A plan by headers leaves an address out, and each other image has its own position."""
    named = Selection(operands=("https://example.org/a.jpg", "product.jpg", "scene.jpg"))
    settings = Settings(match=3)
    request = replace(REQUEST, selection=named, settings=settings, prompt="x", model="flux-2-pro")
    made = plan(request, decoding=False)

    assert [(one.source.position, one.source.path) for one in made.images] == [
        (2, "product.jpg"),
        (3, "scene.jpg"),
    ]
    assert made.request.settings.match == 3
    assert made.packed is None
