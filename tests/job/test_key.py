"""The request key: what two runs share that ask for the same picture."""

import hashlib
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from prodia_compose.images.options import Fitting
from prodia_compose.job.key import Asked

ASKED = Asked(
    job_type="inference.nano-banana.img2img.v2",
    prompt="a café",
    settings={"seed": 7, "aspect_ratio": "16:9"},
    match=None,
    fitting=Fitting(quality=80, max_input_pixels=5, background=(255, 255, 255)),
    format="png",
)

CANONICAL = (
    '{"format":"png","job_type":"inference.nano-banana.img2img.v2","match":null,'
    '"preparing":{"quality":80},"prompt":"a caf\\u00e9",'
    '"settings":{"aspect_ratio":"16:9","seed":7},"sources":["%s","https://h.example/b.jpg?x=1"]}'
)


def test_the_key_is_over_canonical_json() -> None:
    """Sorted, without blanks, in ASCII; of the preparing options what is not as by default."""
    text = CANONICAL % ("1" * 64)

    key = ASKED.key(["1" * 64, "https://h.example/b.jpg?x=1"])

    assert key == hashlib.sha256(text.encode("ascii")).hexdigest()
    assert re.fullmatch("[0-9a-f]{64}", key)


def test_the_order_of_sources_counts_and_that_of_settings_does_not() -> None:
    """The first image is another than the second; settings have names."""
    turned = replace(ASKED, settings={"aspect_ratio": "16:9", "seed": 7})

    assert ASKED.key(["a", "b"]) != ASKED.key(["b", "a"])
    assert ASKED.key(["ab"]) != ASKED.key(["a", "b"])
    assert turned.key(["a", "b"]) == ASKED.key(["a", "b"])


@given(st.text(), st.text())
def test_each_prompt_has_a_key_of_its_own(one: str, other: str) -> None:
    """Two prompts share a key only if they are the same."""
    keys = {replace(ASKED, prompt=text).key(["a"]) for text in (one, other)}

    assert len(keys) == len({one, other})
