"""Help of a command, as text: its options under headings, by what they are about."""

from typing import Any

from typer.core import TyperCommand


class Grouped(TyperCommand):
    """A command whose help has a heading for each group of options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the operands, then the options of each group; `--help` stands with the last."""
        operands, options = [], dict[str, list[tuple[str, str]]]()
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if parameter.param_type_name == "argument":
                operands.append(record)
            elif record is not None:  # as of one that is hidden
                last = next(reversed(options), "options")
                group = getattr(parameter, "rich_help_panel", None) or last
                options.setdefault(group, []).append(record)
        for heading, records in {"arguments": operands, **options}.items():
            if records:
                with formatter.section(heading.capitalize()):
                    formatter.write_dl(records)
