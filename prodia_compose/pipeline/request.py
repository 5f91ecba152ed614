"""What the user asks for: the options of `compose`, typed but not yet checked against a model."""

from prodia_compose.client.options import Delivery
from prodia_compose.frozen import frozen
from prodia_compose.images.options import Fitting
from prodia_compose.inputs.options import Selection
from prodia_compose.models.facts import SettingValue
from prodia_compose.output.options import Placement
from prodia_compose.pipeline.variables import Variable


@frozen
class ComposeRequest:
    """One run of `compose` or `validate`.

    Attributes:
        selection: Which images.
        prompt: The text of `-p`, if given.
        prompt_file: The file of `--prompt-file`, or `-`, if given.
        model: A short name or a job type.
        settings: (name, value) of the config fields given as options, in the order they
            are sent; the flag is the name with dashes.
        extras: (name, value) of the config fields given with `--set`.
        match: The position of the image whose shape the result shall have, from 1.
        fitting: How the images are made to fit.
        placement: Where the picture goes.
        delivery: How the job is sent.
        token_file: The file of `--token-file`, if given.
        max_cost_usd: The limit of `--max-cost`, if given.
        strict: Whether warnings are errors.
        lint: Whether the prompt is looked over for slips; False under `--no-lint`.
        save_to: The folder of `--save-request`, if given.
        save_over: Whether that folder may hold files already.
        sandbox: Whether the job goes to the stand-in, which needs no token.
        variables: The options that were read from the environment, for messages.
    """

    selection: Selection
    prompt: str | None = None
    prompt_file: str | None = None
    model: str = "nano-banana"
    settings: tuple[tuple[str, SettingValue], ...] = ()
    extras: tuple[tuple[str, SettingValue], ...] = ()
    match: int | None = None
    fitting: Fitting = Fitting()
    placement: Placement = Placement()
    delivery: Delivery = Delivery()
    token_file: str | None = None
    max_cost_usd: float | None = None
    strict: bool = False
    lint: bool = True
    save_to: str | None = None
    save_over: bool = False
    sandbox: bool = False
    variables: tuple[Variable, ...] = ()
