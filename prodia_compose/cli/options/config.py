"""A config file: values of options that hold for every run, by the options' names, in tables.

Loaded only where there is one.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prodia_compose import errors, values
from prodia_compose.cli.options import reading
from prodia_compose.cli.options.declared import ComposeOptions
from prodia_compose.cli.options.reading import Given
from prodia_compose.errors import Warned
from prodia_compose.frozen import frozen
from prodia_compose.inputs import files
from prodia_compose.options import Declared

TABLES = ("compose", "batch")

# Ten times what one that says all there is to say has. The time that reading takes grows with
# the square of a line's length.
_LARGEST_BYTES = 1 << 16
_LONGEST_LINE = 2000
_MOST_SHOWN = 20
_LONGEST_PLAIN = 18  # digits

_TABLES_OF = {
    "compose": ("compose",),
    "validate": ("compose",),
    "batch": ("batch", "compose"),
    "compare": ("batch", "compose"),
}

_OPERANDS = ("image", "images", "operands", "manifest")
_TOKENS = ("api-key", "apikey", "key", "password", "secret")
_TWICE = ("overwrite", "twice", "Duplicate", "Cannot mutate", "Cannot redefine")
"""What Python's reader says of a name that is given twice."""


def tables_of(command: str) -> Sequence[str]:
    """Return the tables that a command reads; what an earlier one says counts more."""
    return _TABLES_OF.get(command, ("compose",))


@frozen
class Config:
    """A config file as it was read.

    Attributes:
        path: As named, or where the platform has it.
        tables: What the known ones hold, by name.
        warnings: What nothing reads, outside of the tables.
    """

    path: str
    tables: Mapping[str, Mapping[str, object]]
    warnings: tuple[Warned, ...] = ()

    def given(
        self, options: Mapping[str, Declared], command: str, findings: errors.Findings
    ) -> dict[str, Given]:
        """Return what the config says of a command's options, by their fields.

        Args:
            options: Those of the command, by field.
            command: Its name.
            findings: Takes what nothing reads, and what may not be in a config.
        """
        by_field: dict[str, Given] = {}
        tables = tables_of(command)
        own_by = {field.long: field for field in options.values() if not field.option.is_operand}
        for rank, table in enumerate(reversed(tables), 1):
            known, unknown, seen = dict(known_in(table)), [], set()
            for key, value in self.tables.get(table, {}).items():
                called, name = f"{self.path}: [{table}] {values.shown(key)}", key.replace("_", "-")
                with findings.collecting():
                    if name in seen:
                        words = f"{called}: is given twice, with - and with _"
                        raise errors.UsageError(words, "keep one of them")
                    seen.add(name)
                    field = known.get(name)
                    if field is None and name not in _OPERANDS:
                        unknown.append((called, name))
                        continue
                    if field is None or field.variable is None or field.name == "config":
                        words = f"{called}: belongs to one run, and is not read from a config"
                        raise errors.UsageError(words, "type it")
                    own = own_by.get(field.long)
                    if own is not None and own.variable is not None:
                        by_field[own.name] = Given(self._typed(own, value, called), called, rank)
            self._warn(table, unknown, known, findings)
        return by_field

    def says_json(self, command: str) -> bool:
        """Return whether a command's documents are to be JSON."""
        said = [self.tables[one].get("json") for one in tables_of(command) if one in self.tables]
        return next((one for one in said if one is not None), None) is True

    def _warn(
        self,
        table: str,
        unknown: Sequence[tuple[str, str]],
        known: Mapping[str, Declared],
        findings: errors.Findings,
    ) -> None:
        """Warn of names that nothing reads."""
        other = next(one for one in TABLES if one != table)
        there = dict(known_in(other)) if unknown else {}
        for called, name in unknown[:_MOST_SHOWN]:
            short = [long for long, one in known.items() if f"-{name}" in one.names]
            cure = f"did you mean {short[0]}?" if short else ""
            if name in there and there[name].variable is not None:
                cure = f"it belongs in [{other}]"
            cure = cure or values.hint(name, known, otherwise="remove it")
            findings.warn("unknown-option", f"{called}: nothing reads it", cure)
        if rest := len(unknown[_MOST_SHOWN:]):
            words = f"{self.path}: [{table}]: nothing reads {rest} more names"
            findings.warn("unknown-option", words, "remove them")

    def _typed(self, field: Declared, value: object, called: str) -> Any:
        """Return a value as it would have been typed.

        Raises:
            errors.UsageError: It never is.
        """
        if field.kind is bool:
            if not isinstance(value, bool):
                raise errors.UsageError(f"{called} {_shown(value)}: must be true or false")
            return value
        if field.option.is_count:
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                wanted = "a whole number, such as 1"
                raise errors.UsageError(f"{called} {_shown(value)}: must be {wanted}")
            return value
        if field.is_many:
            listed = value if isinstance(value, list) else [value]
            return [self._text(field, each, called) for each in listed]
        return self._text(field, value, called)

    def _text(self, field: Declared, value: object, called: str) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            wanted = "one value, text in quotes"
            if field.kind in (int, float) and field.option.example:
                wanted = f"a number, such as {field.option.example}"
            raise errors.UsageError(f"{called} {_shown(value)}: must be {wanted}")
        text = str(value)
        if "\0" in text:
            raise errors.UsageError(f"{called}: holds a NUL, which no option can", "remove it")
        if field.option.metavar in ("FILE", "PATH", "DIR"):
            text = os.path.expanduser(text)  # noqa: PTH111 - a template's final slash stays
        if field.option.metavar == "FILE" and text not in ("", "-"):
            # What is read lies beside the config, whatever folder a run is in; what is made
            # lies where the run is.
            text = os.path.join(os.path.dirname(self.path), text)  # noqa: PTH118, PTH120 - as above
        return text


def _shown(value: object) -> str:
    """Return a value in short."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        return "[...]" if isinstance(value, list) else "{...}"
    return values.shown(str(value))


def known_in(table: str) -> Iterator[tuple[str, Declared]]:
    """Yield the options that a table is about, each after its name there; operands have none."""
    kind: Any = ComposeOptions
    if table == "batch":
        from prodia_compose.cli.options.many import ManyOptions  # noqa: PLC0415 - a tenth of a job's start

        kind = ManyOptions
    for one in reading.options_of(kind):
        if not one.option.is_operand:
            yield one.long.removeprefix("--"), one


def load(path: str, flag: str) -> Config:
    """Return what a config file holds.

    Args:
        path: As named.
        flag: What a message calls it before its path.

    Raises:
        errors.UsageError: It cannot be read, is no TOML, or holds a token.
    """
    called = f"{flag} {path}"
    if path == "-":
        raise errors.UsageError(f"{called}: standard input is no config", "name a file")
    try:
        data = files.read_text(path, flag, None, most_bytes=_LARGEST_BYTES + 1)
    except errors.InputError as exc:
        hints = exc.hints if flag != "config" else ("mend it; --config off does without",)
        raise errors.UsageError(exc.words, *hints, path=exc.path) from exc
    if len(data) > _LARGEST_BYTES:
        raise errors.UsageError(f"{called}: is too large for a config", "is it the right file?")
    if b"\0" in data and (encoding := files.wide_encoding(data)):
        raise errors.UsageError(f"{called}: is {encoding}", "save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeError as exc:
        raise errors.UsageError(f"{called}: is no text in UTF-8", "save it as UTF-8") from exc
    parsed = _parsed(text, called)
    _refuse_tokens(path, parsed)
    findings = errors.Findings()
    for name in [one for one in parsed if one not in TABLES][:_MOST_SHOWN]:
        cure = _cure(name, is_table=isinstance(parsed[name], dict))
        meant = dict(known_in("batch")).get(
            name.replace("_", "-")
        )  # which has compose's limits, too
        if meant is not None and meant.option.is_limit:
            words = f"{path}: {name}: stands in no table, and so limits nothing"
            findings.add(errors.UsageError(words, cure))
            continue
        findings.warn("unknown-option", f"{path}: {values.shown(name)}: nothing reads it", cure)
    tables = {name: parsed[name] for name in TABLES if name in parsed}
    for name, table in tables.items():
        if not isinstance(table, dict):
            message = f"{path}: {name}: must be a table"
            findings.add(errors.UsageError(message, f"write [{name}] above its options"))
    findings.raise_if_any()
    return Config(path=path, tables=tables, warnings=tuple(findings.warnings))


def _cure(name: str, *, is_table: bool) -> str:
    """Return what to do about a table, or a name outside of the tables, that nothing reads."""
    if name in _TABLES_OF and is_table:
        return f"{name} reads [{'] and ['.join(reversed(tables_of(name)))}]"
    if is_table:
        return values.hint(name, TABLES, "did you mean [{}]?", "remove it")
    table = next((one for one in TABLES if name.replace("_", "-") in dict(known_in(one))), None)
    return f"write it below [{table}]" if table else "remove it"


def _parsed(text: str, called: str) -> dict[str, Any]:
    """Return the tables of a text in TOML; numbers that are not whole as they are written.

    Raises:
        errors.UsageError: It is none.
    """
    if (plain := plainly(text)) is not None:
        return plain
    import tomllib  # noqa: PLC0415 - takes 3 ms, as long as all else that a config costs

    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _LONGEST_LINE:
            raise errors.UsageError(
                f"{called}: line {number} is too long for a config", "shorten it"
            )
    try:
        return tomllib.loads(text, parse_float=str)
    except RecursionError:
        raise errors.UsageError(
            f"{called}: is nested too deeply", "a table has only values"
        ) from None
    except tomllib.TOMLDecodeError as exc:
        # The reader's own words tell what a parser expected, and may hold what is written there.
        found = re.search(r"\(at line ([0-9]+), ", str(exc))
        lines = text.count("\n", 0, len(text.rstrip())) + 1
        place = min(int(found[1]), lines) if found else lines
        words, cure = "", 'write NAME = VALUE there, text in quotes, as in model = "flux-2-pro"'
        if any(word in str(exc) for word in _TWICE):
            words, cure = ": a name or a table is given twice", "keep one of them"
        raise errors.UsageError(f"{called}: line {place} is no TOML{words}", cure) from None


def plainly(text: str) -> dict[str, Any] | None:
    """Return the tables of a text in the plainest TOML, a value a line; None of any other.

    Nearly all configs are so, and what is returned is what TOML says of them.
    """
    tables: dict[str, Any] = {}
    table = tables
    for line in text.replace("\r\n", "\n").split("\n"):
        name, equals, value = line.partition("=")
        name = name.strip(" ")
        if not line.isprintable():
            return None
        if not name or name.startswith("#"):
            if equals and not name:
                return None
            continue
        is_table = not equals and name[0] + name[-1] == "[]"
        name = name[1:-1] if is_table else name
        parsed = {} if is_table else _plain_value(value.strip(" "))
        above = tables if is_table else table
        is_bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if not is_bare or parsed is None or name in above:
            return None
        above[name] = parsed
        table = parsed if isinstance(parsed, dict) else table
    return tables


def _plain_value(text: str) -> Any:
    """Return a text without escapes, a truth, or a plain number; None of any other."""
    if text.startswith(("'", '"')):
        body, quote, rest = text[1:].partition(text[0])
        has_escapes = quote == '"' and "\\" in body
        is_plain = quote and not has_escapes and rest.lstrip(" ")[:1] in ("", "#")
        return body if is_plain and not (rest and not body) else None
    text = text.partition("#")[0].rstrip(" ")
    if not text.isascii():
        return None
    if text in ("true", "false"):
        return text == "true"
    whole, point, part = text.partition(".")
    if not whole.isdecimal() or (len(whole) > 1 and whole[0] == "0"):
        return None
    if point:
        return text if part.isdecimal() else None
    return int(text) if len(text) <= _LONGEST_PLAIN else None


def _refuse_tokens(path: str, parsed: Mapping[str, object]) -> None:
    """Refuse what may be a token, without telling it, wherever it stands.

    Raises:
        errors.UsageError: A name says so, or it reads so.
    """
    left = [parsed]
    while left:
        for name, value in left.pop().items():
            bare = name.lower().replace("_", "-")
            if isinstance(value, dict):
                left.append(value)
                continue
            is_named = bare != "token-file" and ("token" in bare or bare in _TOKENS)
            if is_named or (isinstance(value, str) and values.is_secret(value)):
                words = f"{path}: {values.shown(name)}: a token has no place in a config"
                raise errors.UsageError(words, "put it in a file of its own, named by token-file")
