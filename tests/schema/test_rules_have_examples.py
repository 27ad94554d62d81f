"""No rule of the contract without an example that breaks it: rules are read from the models."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError
from pydantic_core import ErrorDetails

import schema.export
from schema.base import Frozen

ROOT = Path(__file__).parents[2]
INVALID = sorted((ROOT / "schema" / "examples" / "invalid").iterdir())

ERROR_OF_A_FIELD = {
    "minimum": "greater_than_equal",
    "exclusiveMinimum": "greater_than",
    "maximum": "less_than_equal",
    "exclusiveMaximum": "less_than",
    "minItems": "too_short",
    "const": "literal_error",
    "enum": "literal_error",
}
"""Keyword of JSON Schema to pydantic's error; each field needs its own example."""
ERROR_OF_A_FORMAT = {"date-time": "timezone_aware", "date": "date_parsing"}
ERROR_OF_A_TYPE = {
    "pattern": ("string_pattern_mismatch", "pattern"),
    "minLength": ("string_too_short", "min_length"),
    "maxLength": ("string_too_long", "max_length"),
}
"""The same with the name of the limit; one example is enough for all fields of the same type."""


class OfField(NamedTuple):
    """A rule of one field of one model; the field is empty for a rule of the whole model."""

    model: str
    field: str
    error: str


class OfType(NamedTuple):
    """A rule of a type that several fields share."""

    error: str
    limit: object


Rule = OfField | OfType


def subclasses(model: type[Frozen]) -> Iterator[type[Frozen]]:
    for child in model.__subclasses__():
        if child.__module__.startswith("schema."):  # another room's may be loaded too
            yield child
        yield from subclasses(child)


MODELS = {model.__name__: model for model in subclasses(Frozen)}


def declared_rules(model: type[Frozen]) -> Iterator[Rule]:
    described = model.model_json_schema()
    definitions = described.get("$defs", {})
    yield OfField(model.__name__, "", "extra_forbidden")
    if described.get("required"):
        yield OfField(model.__name__, "", "missing")
    for field, content in described["properties"].items():
        yield from rules_of_field(content, model.__name__, field, definitions)


def rules_of_field(
    content: object, model: str, field: str, definitions: dict[str, Any]
) -> Iterator[Rule]:
    """Every rule in the description of a field, whatever it is nested in; not those of a model."""
    if isinstance(content, list):
        for each in content:
            yield from rules_of_field(each, model, field, definitions)
    elif isinstance(content, dict):
        yield from rules_of_types(content, definitions)
        for keyword, value in content.items():
            if keyword == "format":
                yield OfField(model, field, ERROR_OF_A_FORMAT[value])
            elif keyword == "minItems" and "prefixItems" in content:
                pass  # a tuple of fixed length: one that is short lacks an item
            elif keyword in ERROR_OF_A_FIELD:
                yield OfField(model, field, ERROR_OF_A_FIELD[keyword])
            elif keyword == "patternProperties":
                yield from rules_of_field(list(value.values()), model, field, definitions)
            elif keyword not in ("default", "description", "title"):
                yield from rules_of_field(value, model, field, definitions)


def rules_of_types(content: dict[str, Any], definitions: dict[str, Any]) -> Iterator[OfType]:
    """The rules of shared types that a description states itself."""
    for keyword, (error, _) in ERROR_OF_A_TYPE.items():
        if keyword in content:
            yield OfType(error, content[keyword])
    for pattern in content.get("patternProperties", ()):
        yield OfType("string_pattern_mismatch", pattern)
    words = definitions.get(content.get("$ref", "").split("/")[-1], {}).get("enum")
    if words:
        yield OfType("enum", frozenset(words))


@cache
def errors_of_examples() -> tuple[tuple[str, ErrorDetails], ...]:
    """Every error of every invalid example, with the model's name."""
    found = []
    for path in INVALID:
        name = path.name.split(".")[0]
        with pytest.raises(ValidationError) as refused:
            MODELS[name].model_validate_json(path.read_text(encoding="utf-8"))
        found += [(name, error) for error in refused.value.errors()]
    return tuple(found)


def broken_rules() -> Iterator[Rule]:
    limits = dict(ERROR_OF_A_TYPE.values())
    for model, error in errors_of_examples():
        kind = error["type"]
        if kind in ("extra_forbidden", "missing"):
            yield OfField(model, "", kind)
        elif kind == "enum":
            yield OfType(kind, frozenset(re.findall("'([^']+)'", error["ctx"]["expected"])))
        elif kind in limits:
            yield OfType(kind, error["ctx"][limits[kind]])
        elif error["loc"]:
            yield OfField(model, str(error["loc"][0]), kind)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_declared_bound_has_an_example_that_breaks_it(model: type[Frozen]) -> None:
    assert set(declared_rules(model)) - set(broken_rules()) == set()


def test_bounds_are_found_in_the_models() -> None:
    rules = set(declared_rules(MODELS["Coverage"])) | set(declared_rules(MODELS["NodeScore"]))

    assert OfField("Coverage", "failures", "greater_than_equal") in rules
    assert OfType("string_pattern_mismatch", "^LLN[0-9]{3}$") in rules
    assert OfField("NodeScore", "iou", "less_than_equal") in rules
    assert OfField("NodeScore", "region", "literal_error") in rules
    assert OfType("enum", frozenset({"EI", "OB", "II"})) in rules


class Refusal(NamedTuple):
    """One `raise ValueError(...)` in a model's own check."""

    model: str
    pattern: str
    """Regular expression of its message."""


def refusals() -> Iterator[Refusal]:
    for path in sorted(Path(schema.export.__file__).parent.glob("*.py")):
        for model in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(model, ast.ClassDef):
                yield from (
                    Refusal(model.name, message_pattern(node.exc.args[0]))
                    for node in ast.walk(model)
                    if isinstance(node, ast.Raise)
                    and isinstance(node.exc, ast.Call)
                    and ast.unparse(node.exc.func) == "ValueError"
                )


def message_pattern(message: ast.expr) -> str:
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    return "".join(
        re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in parts
    )


@pytest.mark.parametrize("refusal", list(refusals()), ids=lambda refusal: refusal.model)
def test_every_check_of_a_model_has_an_example_that_fails_it(refusal: Refusal) -> None:
    owner = MODELS[refusal.model]
    messages = [
        error["msg"]
        for name, error in errors_of_examples()
        if issubclass(MODELS[name], owner) and error["type"] == "value_error"
    ]

    assert any(re.fullmatch(f"Value error, {refusal.pattern}", each) for each in messages)


def test_checks_are_found_in_the_models() -> None:
    assert {"CohortManifest", "ClinicalRow", "DominantNode", "LabelMap", "Task"} <= {
        refusal.model for refusal in refusals()
    }
