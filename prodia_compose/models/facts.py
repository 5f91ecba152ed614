"""The shape of what is known of a job type: limits, settings, price and pace.

The facts themselves stand in `catalogue.py`, each with its source.
"""

from typing import Literal

from prodia_compose.frozen import frozen

SettingType = Literal["integer", "number", "string", "boolean"]
SettingStatus = Literal["confirmed", "unconfirmed", "refused"]

SettingValue = str | int | float | bool | None | list[object] | dict[str, object]
"""A value of a config field: whatever JSON can hold."""


CapKind = Literal["documented", "upstream", "house", "option"]
"""Who set a limit: Prodia's own pages, the model's vendor, we, or the user's option."""


@frozen
class Cap:
    """One upper limit.

    Attributes:
        limit: The largest allowed number, inclusive; its unit is the field's in `Caps`.
        kind: Who set it. Only a documented cap is refused over under `--no-resize`.
    """

    limit: int
    kind: CapKind
    source: str


@frozen
class Caps:
    """The upper limits on a job's input images; None is no limit.

    Attributes:
        side: Width and height of each image, upright, in pixels.
        pixels: Width x height of each image, in pixels.
        combined: The sum of width x height over all images, in pixels.
        image_bytes: Each encoded image, in bytes; 1 MB is 10^6 bytes.
    """

    side: Cap | None = None
    pixels: Cap | None = None
    combined: Cap | None = None
    image_bytes: Cap | None = None


@frozen
class Fact:
    """A number, in the unit its field names, and where it was read or why we chose it."""

    value: float
    source: str


@frozen
class Setting:
    """A field of the job's `config` beside `prompt` and `images`.

    Attributes:
        status: `confirmed` by Prodia's own pages, `unconfirmed` (the name or the
            field's existence is inferred), or `refused` (known not to be accepted).
        likely_multiple_of: A step inferred from sibling models: off it warns, never refuses.
        choices: The only values Prodia's pages allow; another is refused.
        likely_choices: Values other sources list; another warns, never refuses.
        default: What the service fills in, as far as it is documented.
    """

    name: str
    type: SettingType
    status: SettingStatus = "confirmed"
    minimum: float | None = None
    maximum: float | None = None
    multiple_of: int | None = None
    likely_multiple_of: int | None = None
    choices: tuple[str, ...] = ()
    likely_choices: tuple[str, ...] = ()
    default: str | float | bool | None = None
    source: str
    note: str | None = None


@frozen
class Price:
    """What one job costs, as listed.

    Attributes:
        minimum_usd: The lowest of the listed range; the highest as well where one price is.
        resolution: The value of the setting `resolution` it holds for; None for any.
    """

    minimum_usd: float
    maximum_usd: float
    resolution: str | None = None
    source: str
    note: str | None = None


@frozen
class Estimate:
    """What a job should cost, in US dollars; None where no price is known.

    Without a minimum, the maximum is not a listed price but an assumed one.
    """

    minimum_usd: float | None = None
    maximum_usd: float | None = None


@frozen
class Model:
    """One job type and everything known of it.

    Attributes:
        short_name: What users type; the job type itself for one not listed.
        listed: Whether it stands in the catalogue.
        doubtful_above: Counts above this are accepted by one of Prodia's pages and not
            by another; None where they agree.
        minimum_side: The vendor's smallest input side, in pixels; None if not known.
        settings: The config fields known of, in the order options show them.
        prices: What it costs; empty where no price was found.
        max_prompt: The longest prompt, in characters; None if not known.
        is_max_prompt_sure: Whether Prodia's own pages say so; if not, a longer one warns.
        notes: What a person should know before choosing it.
    """

    short_name: str
    aliases: tuple[str, ...] = ()
    job_type: str
    summary: str
    listed: bool = True
    max_images: Fact
    doubtful_above: Fact | None = None
    caps: Caps
    minimum_side: Fact | None = None
    settings: tuple[Setting, ...] = ()
    prices: tuple[Price, ...] = ()
    usual_seconds: Fact | None = None
    max_prompt: Fact | None = None
    is_max_prompt_sure: bool = True
    notes: tuple[str, ...] = ()

    def setting(self, name: str) -> Setting | None:
        """Return what is known of a config field, or None."""
        return next((setting for setting in self.settings if setting.name == name), None)

    def estimate(self, resolution: str | None) -> Estimate:
        """Return the listed price of a job with this `resolution` setting (None: not given).

        Without a resolution the whole listed range counts, since the service's
        default is not documented.
        """
        fitting = [
            price
            for price in self.prices
            if resolution is None or price.resolution in (None, resolution)
        ]
        if not fitting:
            return Estimate()
        return Estimate(
            minimum_usd=min(price.minimum_usd for price in fitting),
            maximum_usd=max(price.maximum_usd for price in fitting),
        )
