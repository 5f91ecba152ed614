"""The request of one row: what the row says, and the command line where it says nothing."""

import time
from collections.abc import Mapping
from dataclasses import replace
from os.path import join

from prodia_compose import errors, values
from prodia_compose.inputs.options import Selection
from prodia_compose.models.facts import SettingValue
from prodia_compose.models.options import Settings, overruled
from prodia_compose.output.options import DEFAULT_TARGET, Placement
from prodia_compose.pipeline.batch.options import BatchOptions
from prodia_compose.pipeline.batch.rows import fields, paths
from prodia_compose.pipeline.batch.rows.sources import Source, folder_of
from prodia_compose.pipeline.batch.rows.variants import Variant
from prodia_compose.pipeline.request import ComposeRequest

_Variables = tuple[tuple[str, str], ...]
_Extras = tuple[tuple[str, SettingValue], ...]

_PLAIN = ("model", "max_cost", "assume_price")  # of no group


class Requests:
    """Makes the requests of a batch; what several have in common is one value, to save memory."""

    def __init__(self, options: BatchOptions, *, is_template: bool) -> None:
        request = options.request
        labelled = (*((None, path) for path in options.shared), *request.selection.labelled)
        selection = replace(request.selection, operands=(), labelled=labelled)
        self._base = replace(request, selection=selection, is_template=is_template)
        self._folder = folder_of(options)
        self._called: dict[tuple[str, ...], _Variables] = {}
        self._placements: dict[tuple[str, _Variables], Placement] = {}
        self._settings: dict[str, Settings] = {}
        clock = time.localtime()  # one for all: rows may be planned before and after midnight
        self._times = (
            ("date", time.strftime("%Y-%m-%d", clock)),
            ("time", time.strftime("%H%M%S", clock)),
        )

    def selection(self, source: Source) -> Selection:
        """Return a row's pictures: its own come first, with the labels that they have.

        Raises:
            errors.UsageError: A label is not its alone.
        """
        base, own = self._base.selection, source.cells.images
        findings = errors.Findings()
        shared = {label for label, _ in base.labelled if label}
        labels = [label for label, _ in own if label]
        for label in labels:
            if label in shared:
                message = f"label {label}: -i has a picture of that label too"
                findings.add(errors.UsageError(message, "labels must differ"))
        for name, _ in source.cells.texts:
            if name in shared or name in labels:
                message = f"vars {name}: a picture has that label"
                findings.add(errors.UsageError(message, "call one of them otherwise"))
        findings.raise_if_any()
        if not own:
            return base
        return replace(
            base, labelled=(*((one[0], self._here(one[1])) for one in own), *base.labelled)
        )

    def request(
        self, source: Source, variant: Variant, selection: Selection, id_: str, number: int
    ) -> ComposeRequest:
        """Return the request of a row.

        Raises:
            errors.UsageError: Fields contradict each other.
        """
        base, own = self._base, source.cells
        typed = {**own.values, **variant.values}
        extras = (*own.settings, *variant.settings)
        _refuse_varied(source, variant)
        variables = self._variables(tuple(typed))
        texts = own.texts
        more = (("id", id_), ("row", str(number)), *own.texts, *self._times)
        if source.each is not None:
            texts = (("each", source.each[1]),)
            more = (("each", source.each[0]), *more)
        plain = {fields.OPTIONS[name].name: typed[name] for name in _PLAIN if name in typed}
        has_prompt = own.prompt is not None or own.prompt_file is not None
        file = None if own.prompt_file is None else self._here(own.prompt_file)
        return replace(
            base,
            selection=selection,
            prompt=own.prompt if has_prompt else base.prompt,
            prompt_file=file if has_prompt else base.prompt_file,
            settings=self._settled(typed, extras, variables),
            placement=self._placement(source, variant, variables),
            texts=texts,
            fields=more,
            variables=variables,
            **plain,  # type: ignore[arg-type] # each as its option reads it
        )

    def _here(self, path: str) -> str:
        return paths.joined(self._folder, path)

    def _variables(self, names: tuple[str, ...]) -> _Variables:
        """Return what messages call the options: those that a row gives are called as there."""
        if names not in self._called:
            known = dict(self._base.variables)
            for name in names:
                known |= dict.fromkeys(fields.OPTIONS[name].names, name)
            self._called[names] = tuple(known.items())
        return self._called[names]

    def _settled(
        self, typed: Mapping[str, object], extras: _Extras, variables: _Variables
    ) -> Settings:
        own = {name: value for name, value in typed.items() if name in fields.SETTINGS}
        key = repr((own, extras, variables))
        if key not in self._settings:
            self._settings[key] = overruled(self._base.settings, own, extras, variables)
        return self._settings[key]

    def _placement(self, source: Source, variant: Variant, variables: _Variables) -> Placement:
        base, output = self._base.placement, source.cells.values.get("output")
        target = base.target
        if isinstance(output, str):
            is_here = self._here(output) == output
            target = output if is_here else join(values.literal(self._folder), output)  # noqa: PTH118 - as typed
        elif target == DEFAULT_TARGET:
            suffix = values.literal(variant.suffix.replace("/", "-"))
            target = "{id}.{ext}" if source.each is None else f"{{each}}{suffix}.{{ext}}"
        key = (target, variables if output is not None else base.variables)
        if key not in self._placements:
            made = replace(base, target=target, variables=key[1])
            is_other = output is not None and any(one.one == "format" for one in made.clashes())
            self._placements[key] = replace(made, format=None) if is_other else made
        return self._placements[key]


def _refuse_varied(source: Source, variant: Variant) -> None:
    """Refuse a row that sets what is varied.

    Raises:
        errors.UsageError: It does.
    """
    own = {*source.cells.values, *(name for name, _ in source.cells.settings)}
    for name in variant.names:
        bare = name.removeprefix("set:")
        if bare in own:
            words = f"{bare}: the row sets it, and --vary gives it several values"
            raise errors.UsageError(words, "leave one of them out")
