"""The eight multi-image job types of Prodia's guide, every fact with its source.

Read in November 2026 from stored copies of the pages named; nothing here was
checked against the live service. Where Prodia's own documents disagree, the guide
wins and the other figure is kept beside it.
"""

from dataclasses import replace

from prodia_compose.models.facts import (
    Cap,
    CapKind,
    Caps,
    Fact,
    Model,
    Price,
    Setting,
    SettingStatus,
)

DEFAULT_MODEL = "nano-banana"

_GUIDE = "Prodia guide, Combining Multiple Images"
_GEMINI = "docs.prodia.com/models/gemini-3/"
_FLUX = "docs.prodia.com/models/flux-2/"
_FLUX_PRO = "docs.prodia.com/job-types/inference-flux-2-pro-img2img-v1"
_FLUX_FLEX = "docs.prodia.com/job-types/inference-flux-2-flex-img2img-v1"
_SEEDREAM = "docs.prodia.com/models/seedream/"
_NANO_NOTE = "a public transcription of Prodia's pages, July 2026"
_VERTEX_FLASH = "Google Vertex AI, Gemini 2.5 Flash Image"
_VERTEX = "Google Vertex AI, image understanding (Gemini 3 Pro Image)"
_BFL = "Black Forest Labs' FLUX.2 documentation"
_ARK = "Volcengine Ark image API"
_SIBLINGS = "inferred from the schemas of flux-2-pro and flux-2-flex"
_FLUX_SCHNELL = "docs.prodia.com/job-types/inference-flux-fast-schnell-txt2img-v1"

_MB = 1_000_000

_STYLE_PRESETS = (
    *("3d-model", "analog-film", "anime", "cinematic", "comic-book", "craft-clay", "digital-art"),
    *("enhance", "fantasy-art", "isometric", "line-art", "low-poly", "neon-punk", "origami"),
    *("photographic", "pixel-art", "texture"),
)

_GOOGLE_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")

_LARGEST_SIDE = "the output's largest side"


def _bytes(megabytes: int, kind: CapKind, source: str) -> Cap:
    return Cap(limit=megabytes * _MB, kind=kind, source=source)


def _caps(side: int, reason: str, image_bytes: Cap, combined: Cap | None = None) -> Caps:
    """Return caps with a side of our own choice, in pixels."""
    ours = Cap(limit=side, kind="house", source=reason)
    return Caps(side=ours, combined=combined, image_bytes=image_bytes)


def _sizes(
    low: int,
    high: int,
    source: str,
    *,
    step: int | None = None,
    likely_step: int | None = None,
    default: int | None = None,
) -> tuple[Setting, Setting]:
    """Return `width` and `height`, in pixels."""
    width = Setting(
        name="width",
        type="integer",
        minimum=low,
        maximum=high,
        multiple_of=step,
        likely_multiple_of=likely_step,
        default=default,
        source=source,
        note=None if step else "the range is documented; the full schema was not readable",
    )
    return width, replace(width, name="height")


_RESOLUTION = Setting(
    name="resolution",
    type="string",
    status="unconfirmed",
    choices=("1K", "2K", "4K"),
    source=_GEMINI,
    note="the three tiers are documented; the field's name is inferred",
)


def _ratio(likely: tuple[str, ...], source: str) -> Setting:
    return Setting(
        name="aspect_ratio",
        type="string",
        status="unconfirmed",
        likely_choices=likely,
        source=source,
        note="the vendor has it; Prodia's schema was not readable",
    )


def _seed(status: SettingStatus, source: str) -> Setting:
    return Setting(name="seed", type="integer", status=status, source=source)


def _guidance_of_dev(name: str, other: str) -> Setting:
    return Setting(
        name=name,
        type="number",
        status="unconfirmed",
        minimum=1,
        maximum=10,
        source=_FLUX,
        note=f"the range is documented; the name may be {other}",
    )


def _tolerance(source: str) -> Setting:
    return Setting(
        name="safety_tolerance", type="integer", minimum=0, maximum=5, default=2, source=source
    )


def _price(usd: float, source: str, *, resolution: str | None = None) -> Price:
    return Price(minimum_usd=usd, maximum_usd=usd, resolution=resolution, source=source)


_FLUX_MINIMUM = Fact(value=64, source=_BFL)

CATALOGUE: tuple[Model, ...] = (
    Model(
        short_name="nano-banana",
        job_type="inference.nano-banana.img2img.v2",
        summary="flat rate, plain-language edits",
        max_images=Fact(value=3, source=_GUIDE),
        caps=_caps(2048, "no vendor page names a side", _bytes(7, "upstream", _VERTEX_FLASH)),
        settings=(
            Setting(
                name="aspect_ratio",
                type="string",
                likely_choices=("auto", *_GOOGLE_RATIOS),
                default="auto",
                source=f"{_GUIDE} (default); {_NANO_NOTE} (values)",
                note="auto is the first image's ratio; another client lists 4:7, 7:4, 9:21 too",
            ),
            Setting(
                name="include_messages",
                type="boolean",
                source="recorded live answers in vercel/ai, August 2026",
                note="asks for text beside the picture",
            ),
            _seed("refused", "vercel/ai issue 17938"),
            Setting(
                name="negative_prompt",
                type="string",
                status="refused",
                source="a public client's comment",
            ),
        ),
        prices=(_price(0.039, f"{_GUIDE}; the same in recorded live answers"),),
        usual_seconds=Fact(value=8, source=_GUIDE),
        max_prompt=Fact(value=2500, source=_NANO_NOTE),
        is_max_prompt_sure=False,
    ),
    Model(
        short_name="gemini-3-pro",
        job_type="inference.gemini-3-pro.img2img.v1",
        summary="up to 4K output",
        max_images=Fact(value=3, source=_GUIDE),
        caps=_caps(4096, "the guide says up to 4K out", _bytes(7, "upstream", _VERTEX)),
        settings=(_ratio(_GOOGLE_RATIOS, _VERTEX), _RESOLUTION),
        prices=(
            _price(0.15, _GEMINI, resolution="1K"),
            _price(0.15, _GEMINI, resolution="2K"),
            _price(0.30, _GEMINI, resolution="4K"),
        ),
        usual_seconds=Fact(value=12, source=f"{_GUIDE}; {_GEMINI}: 10 to 12"),
        notes=("Google takes 14 images; Prodia's pages say 3",),
    ),
    Model(
        short_name="gemini-3.1-flash",
        aliases=("gemini-3-1-flash",),
        job_type="inference.gemini-3-1-flash.img2img.v1",
        summary="many images, Google Search",
        max_images=Fact(value=14, source=_GUIDE),
        caps=_caps(4096, "up to 4K out", _bytes(7, "house", "its siblings' figure")),
        settings=(
            _ratio(
                (*_GOOGLE_RATIOS, "1:4", "4:1", "1:8", "8:1"), "resellers' pages quoting Google"
            ),
            _RESOLUTION,
            Setting(
                name="google_search",
                type="boolean",
                source=f"{_GEMINI}; {_GUIDE}",
                note="grounds the picture in a search; that it is a boolean is inferred",
            ),
        ),
        prices=(
            _price(0.08, _GEMINI, resolution="1K"),
            _price(0.12, _GEMINI, resolution="2K"),
            _price(0.16, _GEMINI, resolution="4K"),
        ),
        usual_seconds=Fact(value=33, source=f"{_GEMINI}: 30 to 35"),
        notes=("the vendor advises at most 10 objects and 4 characters",),
    ),
    Model(
        short_name="flux-2-dev",
        job_type="inference.flux-2.dev.img2img.v1",
        summary="fastest, cheapest, open weights",
        max_images=Fact(value=8, source=_GUIDE),
        caps=_caps(1920, _LARGEST_SIDE, _bytes(20, "house", "its siblings' figure")),
        minimum_side=_FLUX_MINIMUM,
        settings=(
            *_sizes(512, 1920, _FLUX),
            Setting(name="steps", type="integer", minimum=1, maximum=50, source=_FLUX),
            _guidance_of_dev("guidance", "guidance_scale"),
            _guidance_of_dev("guidance_scale", "guidance"),
            Setting(
                name="style_preset",
                type="string",
                status="unconfirmed",
                likely_choices=_STYLE_PRESETS,
                source=f"{_GUIDE}; {_FLUX} (17 presets); {_FLUX_SCHNELL} (name and values)",
                note="that there are presets is documented; name and values are a relative's",
            ),
            _seed("unconfirmed", _SIBLINGS),
        ),
        prices=(
            Price(
                minimum_usd=0.01,
                maximum_usd=0.015,
                source=_FLUX,
                note="what moves it within the range is not documented",
            ),
        ),
        usual_seconds=Fact(value=3, source=_FLUX),
        notes=("the vendor recommends at most 6 images",),
    ),
    Model(
        short_name="flux-2-pro",
        job_type="inference.flux-2.pro.img2img.v1",
        summary="up to 4096 px, 9 MP of inputs",
        max_images=Fact(value=8, source=_GUIDE),
        caps=_caps(
            4096,
            "the guide says up to 4096 px",
            _bytes(20, "upstream", _BFL),
            combined=Cap(
                limit=9_000_000,
                kind="documented",
                source=f"{_GUIDE}; {_FLUX_PRO} (the vendor counts the output too)",
            ),
        ),
        minimum_side=_FLUX_MINIMUM,
        settings=(
            *_sizes(64, 4096, _FLUX_PRO, step=16),
            _seed("confirmed", _FLUX_PRO),
            _tolerance(_FLUX_PRO),
        ),
        prices=(_price(0.03, _FLUX),),
        usual_seconds=Fact(value=12, source=_FLUX),
        max_prompt=Fact(value=32_768, source=_FLUX_PRO),
    ),
    Model(
        short_name="flux-2-flex",
        job_type="inference.flux-2.flex.img2img.v1",
        summary="steps and guidance, 10 images",
        max_images=Fact(value=10, source=_GUIDE),
        doubtful_above=Fact(value=8, source=_FLUX_FLEX),
        caps=_caps(4096, _LARGEST_SIDE, _bytes(20, "upstream", _BFL)),
        minimum_side=_FLUX_MINIMUM,
        settings=(
            Setting(
                name="aspect_ratio",
                type="string",
                source=f"{_GUIDE} (its example sends 1:1)",
                note="not in the schema page, which forbids no extra field",
            ),
            *_sizes(64, 4096, _FLUX_FLEX, step=16),
            Setting(
                name="steps", type="integer", minimum=1, maximum=50, default=50, source=_FLUX_FLEX
            ),
            Setting(
                name="guidance",
                type="number",
                minimum=1.5,
                maximum=10,
                default=4.5,
                source=_FLUX_FLEX,
            ),
            _seed("confirmed", _FLUX_FLEX),
            _tolerance(_FLUX_FLEX),
        ),
        prices=(_price(0.06, _FLUX),),
        usual_seconds=Fact(value=22, source=_FLUX),
        max_prompt=Fact(value=32_768, source=_FLUX_FLEX),
        notes=("the guide and the model page say 10 images, the schema page 8",),
    ),
    Model(
        short_name="flux-2-max",
        job_type="inference.flux-2.max.img2img.v1",
        summary="finest single image, to 2048 px",
        max_images=Fact(value=8, source=_GUIDE),
        caps=_caps(2048, "the guide says up to 2048 px", _bytes(20, "upstream", _BFL)),
        minimum_side=_FLUX_MINIMUM,
        settings=(
            *_sizes(256, 2048, f"{_FLUX} (range); {_SIBLINGS} (step)", likely_step=16),
            _seed("unconfirmed", _SIBLINGS),
            Setting(
                name="safety_tolerance",
                type="integer",
                status="unconfirmed",
                source=_SIBLINGS,
                note="they take 0 to 5, default 2",
            ),
        ),
        prices=(_price(0.04, _FLUX),),
        usual_seconds=Fact(value=15, source=_FLUX),
    ),
    Model(
        short_name="seedream-5-lite",
        job_type="inference.seedream-5-0.lite.img2img.v1",
        summary="blends many images",
        max_images=Fact(value=14, source=_GUIDE),
        caps=_caps(
            4096,
            _LARGEST_SIDE,
            _bytes(10, "upstream", f"{_ARK} (older copies; a newer one: 30 MB)"),
        ),
        minimum_side=Fact(value=15, source=f"{_ARK} (over 14 px)"),
        settings=(*_sizes(1024, 4096, _SEEDREAM, default=2048), _seed("refused", _SEEDREAM)),
        prices=(),
        usual_seconds=Fact(value=15, source=_SEEDREAM),
        notes=("no price was found in Prodia's pages",),
    ),
)
