"""How pictures are made to fit, as the options say it."""

from prodia_compose.frozen import frozen


@frozen
class Fitting:
    """How the images are made to fit.

    Attributes:
        max_side: A cap on each side in pixels, instead of the model's; None keeps it.
        max_pixels: A cap on width x height of each image, in pixels.
        max_input_pixels: Larger inputs are refused undecoded, in pixels.
        quality: JPEG quality, 1 to 100.
        background: The colour under transparency, (red, green, blue), 0 to 255.
        keep_alpha: Send transparency as PNG instead.
    """

    resize: bool = True
    max_side: int | None = None
    max_pixels: int | None = None
    max_input_pixels: int = 250_000_000
    quality: int = 95
    background: tuple[int, int, int] = (255, 255, 255)
    keep_alpha: bool = False
    keep_metadata: bool = False
