"""A run as it stands before sending."""

import prodia_compose
from prodia_compose import errors
from prodia_compose.client.options import TokenState
from prodia_compose.client.service import Service, Token
from prodia_compose.frozen import frozen
from prodia_compose.images import fit
from prodia_compose.inputs import entries
from prodia_compose.job import pack
from prodia_compose.models import facts
from prodia_compose.output import names, places
from prodia_compose.output.options import OutputFormat
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.record.entries import Claim, Entry, Source


@frozen
class Plan:
    """A run as it stands before sending; complete only if `errors` is empty, and not skipped.

    Attributes:
        request: What was asked for.
        model: The model, if the name found one.
        prompt: The final text, if it can be sent.
        images: The inputs that could be read, in order.
        format: The format the service is asked for.
        place: Where the picture goes, if that is settled.
        token: The token, if there is a usable one.
        token_state: Whether there is one.
        estimate: The listed price.
        packed: The job and the body to send, if all that goes into them is there.
        warnings: What stops nothing.
        errors: What stops the run, in the order found.
        request_key: What it shares with every run that asks for the same picture, if known.
        made: The last job that asked for the same, if it was looked for and its picture lies there.
        match: The position of the image that the result is framed like, from 1.
        sources: The inputs, each with the SHA-256 of its bytes as they lay there, in hex, if that is
            known; empty if some inputs are not known.
        is_saved: Whether the request has been written to the folder of `--save-request`.
    """

    request: ComposeRequest
    model: facts.Model | None
    prompt: str | None
    format: OutputFormat
    place: places.Place | None = None
    token_state: TokenState = "missing"  # noqa: S105 - a word for it
    images: tuple[fit.FittedImage, ...] = ()
    token: Token | None = None
    estimate: facts.Estimate = facts.Estimate()
    packed: pack.Packed | None = None
    warnings: tuple[errors.Warned, ...] = ()
    errors: "tuple[errors.ComposeError, ...]" = ()  # the default would hide the module
    request_key: str | None = None
    made: Entry | None = None
    match: int | None = None
    sources: tuple[tuple[entries.Entry, str | None], ...] = ()
    is_saved: bool = False

    @property
    def is_reuse(self) -> bool:
        """Whether the picture of an earlier job is taken, so that nothing is sent."""
        return self.made is not None and self.request.if_made == "reuse"

    @property
    def is_skipped(self) -> bool:
        """Whether the place is taken and `--if-exists skip` says to leave it."""
        return self.place is not None and self.place.skipped and not self.errors

    @property
    def accept(self) -> str:
        """The value of `Accept`: the job's record and, unless it is async, the picture."""
        if self.request.delivery.is_async:
            return "application/json"
        return f"multipart/form-data; {names.accept_type(self.format)}"

    def recipe(self, *, is_absolute: bool = False) -> dict[str, object] | None:
        """Return what it is made again of, if that is known; with paths as typed, or from the root."""
        if self.prompt is None or not self.sources:
            return None
        from prodia_compose.pipeline.again import recipe  # noqa: PLC0415 - once all is well

        return recipe.document(
            self.request,
            prompt=self.prompt,
            format_=self.format,
            match=self.match,
            sources=self.sources,
            is_absolute=is_absolute,
        )

    def target(self) -> places.Place:
        """Return where the picture goes.

        Raises:
            errors.ComposeError: What stops the run, if anything does.
        """
        if self.errors or self.place is None:
            raise errors.combined(self.errors)
        return self.place

    def sendable(self) -> "Sendable":
        """Return what is to be sent.

        Raises:
            errors.ComposeError: What stops the run, if anything does.
        """
        model, packed, token = self.model, self.packed, self.token
        place, claim = self.place, self.claim()
        if self.errors or not (model and packed and token and place and claim):
            raise errors.combined(self.errors)
        service = self.request.delivery.service(token)
        return Sendable(
            plan=self, model=model, service=service, packed=packed, place=place, claim=claim
        )

    def claim(self) -> Claim | None:
        """Return what the record notes of the job before it is sent; None if it is not complete."""
        model, packed, place, key = self.model, self.packed, self.place, self.request_key
        if not (model and packed and place and key):
            return None
        return Claim(
            host=self.request.delivery.host,
            digest=packed.digest,
            request_key=key,
            model=model.short_name,
            job_json=packed.job.json(),
            inputs=tuple(
                Source(
                    path=image.source.entry.place,
                    sent_sha256=image.prepared.blob.sha256,
                    **vars(image.source.content),
                )
                for image in self.images
                if image.prepared is not None
            ),
            output=place.absolute,
            estimate_min_usd=self.estimate.minimum_usd,
            estimate_usd=self.estimate.maximum_usd,
            tool_version=prodia_compose.__version__,
            recipe=self.recipe(is_absolute=True),
        )


@frozen
class Sendable:
    """A plan with nothing wrong and nothing missing.

    Attributes:
        service: Where it is sent, with which token, and how patiently.
        packed: Its job, and the body to send.
        claim: What the record notes of it.
    """

    plan: Plan
    model: facts.Model
    service: Service
    packed: pack.Packed
    place: places.Place
    claim: Claim
