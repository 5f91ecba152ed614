"""The JSON documents in tests: their schemas, and a reader that takes nothing on trust."""

import functools
import importlib.resources
import json
import operator
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from prodia_compose.progress import visible
from prodia_compose.report import jsontext

PACKAGE = importlib.resources.files("prodia_compose")
SCHEMAS: dict[str, dict[str, Any]] = {
    file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
    for file in sorted(PACKAGE.joinpath("report", "schemas").iterdir(), key=lambda file: file.name)
}


def _closed(schema: Any) -> Any:
    """Return a schema that also refuses every field it does not describe."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(each) for key, each in schema.items()}
    if "properties" in schema and "object" in schema.get("type", ()):
        closed.setdefault("additionalProperties", False)
    return closed


VALIDATORS = {
    name: jsonschema.Draft202012Validator(_closed(schema)) for name, schema in SCHEMAS.items()
}
"""By the names of the documents; they refuse every field that no schema describes."""


def read(line: bytes | str) -> dict[str, Any]:
    """Return a document, once it is all that its readers may count on."""
    text = line.decode() if isinstance(line, bytes) else line
    assert text[-1:] == "\n"
    body = text[:-1]
    assert visible(body) == body  # one line, nothing that a terminal would obey

    found: dict[str, Any] = json.loads(
        body, object_pairs_hook=_without_doubles, parse_constant=pytest.fail
    )
    assert json.dumps(found, ensure_ascii=False).encode()  # no half characters
    assert jsontext.line(found) == body  # compact
    schema = SCHEMAS[name_of(found)]
    VALIDATORS[name_of(found)].validate(found)
    for fields, described in holders(found, schema, schema):
        known = described["properties"]
        assert [key for key in fields if key in known] == [key for key in known if key in fields]
    return found


def name_of(document: Mapping[str, object]) -> str:
    """Return the name of a document's schema."""
    return str(document["schema"]).removeprefix("prodia-compose/")


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def target(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Return what a `$ref` within the file refers to, its siblings added."""
    if "$ref" not in schema:
        return schema
    steps = schema["$ref"].removeprefix("#/").split("/")
    return {**functools.reduce(operator.getitem, steps, root), **schema}


def holders(
    value: object, schema: dict[str, Any], root: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield every object of a document whose fields are described, with its schema."""
    schema = target(schema, root)
    if isinstance(value, list):
        for each in value:
            yield from holders(each, schema.get("items", {}), root)
    if isinstance(value, dict) and "properties" in schema:
        yield value, schema
        for key, each in list(value.items()):
            yield from holders(each, schema["properties"].get(key, {}), root)
