"""Write what is made from the program: what shells complete, and README's model table.

Run it from the top folder: `python tests/tools/regenerate.py`. Tests compare the kept files
with what it would write.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from prodia_compose.cli.app import COMMANDS, app
from prodia_compose.cli.commands.help import TOPICS
from prodia_compose.cli.completion.offers import Command, Offers
from prodia_compose.cli.completion.offers import Model as OfferedModel
from prodia_compose.images.options import COLOURS
from prodia_compose.models.catalogue import CATALOGUE, DEFAULT_MODEL
from prodia_compose.models.facts import Model
from prodia_compose.pipeline.again import recipe
from prodia_compose.pipeline.batch.rows import fields
from prodia_compose.report import catalogue as listing
from prodia_compose.sandbox.faults import FAULT_KINDS

_FILES = {"--config": "CONFIG", "--results": "RESULTS"}  # by the option, what kind of FILE it takes
_ONCE = ("prompt", "prompt_file", "each")  # a second one is taken in only to be refused

TOP = Path(__file__).parent.parent.parent
README = TOP / "README.md"
OFFERS = TOP / "prodia_compose/cli/completion/offers.json"
COMPLETIONS = {
    "bash": TOP / "completions/prodia-compose.bash",
    "zsh": TOP / "completions/_prodia-compose",
    "fish": TOP / "completions/prodia-compose.fish",
    "powershell": TOP / "completions/prodia-compose.ps1",
}


def completion(shell: str) -> str:
    """Return the completion file of a shell, as the program prints it."""
    done = subprocess.run(
        [sys.executable, "-m", "prodia_compose", "completion", shell],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def offers() -> str:
    """Return what a TAB press reads: the commands as declared, and what the catalogue allows."""
    root = typer.main.get_command(app)
    declared = _command(root, None, "")
    metavars = {
        flag: option["value"]
        for option in declared["commands"]["compose"]["options"]
        for flag in option["flags"]
    }
    known: Offers = {
        "root": declared,
        "default_model": DEFAULT_MODEL,
        "models": {model.short_name: _model(model, metavars) for model in CATALOGUE},
        "values": {
            "COLOUR": list(COLOURS),
            "OPTION": list(recipe.carried()),
            "KIND[:N]": list(FAULT_KINDS),
            "COMMAND|TOPIC": [
                f"{name}\t{about}" for name, about in {**COMMANDS, **TOPICS, **COMMANDS}.items()
            ],
            "TIME": ["today", "yesterday", "7d"],
            "N/s|m|h": ["1/s", "10/m", "100/h"],
            "KEY=V1,V2": [f"{name}=" for name in ("model", *fields.SETTINGS)],
        },
    }
    return json.dumps(known, indent=1) + "\n"


def _command(command: Any, above: typer.Context | None, summary: str) -> Command:
    context = typer.Context(command, parent=above, **command.context_settings)
    parameters = command.get_params(context)
    operands = [one for one in parameters if one.param_type_name == "argument"]
    below = {
        name: command.resolve_command(context, [name])[1]
        for name in getattr(command, "commands", {})
    }
    return {
        "help": summary,
        "options": [
            {
                "flags": sorted(one.opts, key=len, reverse=True),
                "value": None if one.is_flag or one.count else _value(one, context),
                "is_repeatable": (one.multiple or one.count) and one.name not in _ONCE,
                "is_hidden": one.hidden,
                "help": (one.help or "").partition("  [")[0].rstrip("."),
            }
            for one in parameters
            if one.param_type_name == "option"
        ],
        "operands": [name for one in operands for name in _value(one, context).split("] [")],
        "takes_more": any(one.nargs == -1 for one in operands),
        "stops_at_operand": not context.allow_interspersed_args,
        "commands": {
            name: _command(one, context, command.commands[name].get_short_help_str(80))
            for name, one in below.items()
        },
    }


def _value(parameter: Any, context: typer.Context) -> str:
    """Return what a value may be, or what help calls it: CMD for [-- CMD...]."""
    for flag in _FILES.keys() & set(parameter.opts):
        return _FILES[flag]
    choices = getattr(parameter.type, "choices", ())
    if choices:
        return "|".join(choices)
    metavar: str = parameter.metavar or parameter.make_metavar(context)
    if metavar.startswith("["):
        metavar = metavar[1:-1].removeprefix("-- ")
    return metavar.strip("<>").removesuffix("...")


def _model(model: Model, metavars: Mapping[str, str | None]) -> OfferedModel:
    """Return what a model's settings may be, by what help calls the value of their option."""
    values: dict[str, list[str]] = {"KEY=VALUE": []}
    for setting in model.settings:
        allowed = list(setting.choices or setting.likely_choices)
        if setting.type == "boolean":
            allowed = ["true", "false"]
        if setting.status == "refused":
            continue
        metavar = metavars.get(f"--{setting.name.replace('_', '-')}")
        if metavar and allowed:
            values[metavar] = allowed
        listed = [""] if metavar or not allowed else allowed
        about = f"\t{listing.domain(setting)}" if listed == [""] else ""
        values["KEY=VALUE"] += [f"{setting.name}={one}{about}" for one in listed]
    most = f"{model.max_images.value:g} images"
    return {
        "summary": model.summary if most in model.summary else f"{model.summary}; up to {most}",
        "names": [model.short_name, *model.aliases, model.job_type],
        "values": values,
    }


def model_table() -> str:
    """Return the catalogue as a Markdown table."""
    heading, *rows = listing.table(CATALOGUE)
    lines = [" | ".join(heading).lower(), "|".join("---" for _ in heading)]
    lines += [f"`{row[0]}` | {' | '.join(row[1:])}" for row in rows]
    return "\n".join(f"| {line} |" if "---" not in line else f"|{line}|" for line in lines)


def readme(text: str) -> str:
    """Return README with its model table made anew."""
    block = f"<!-- models -->\n{model_table()}\n<!-- /models -->"
    return re.sub(r"<!-- models -->.*?<!-- /models -->", lambda _: block, text, flags=re.DOTALL)


if __name__ == "__main__":
    OFFERS.write_text(offers())
    for shell, path in COMPLETIONS.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(completion(shell))
    README.write_text(readme(README.read_text()))
