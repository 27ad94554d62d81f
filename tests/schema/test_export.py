"""The JSON Schemas that are shipped are those of the models, and say what they can of the rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

import schema.export
from tasks.files import canonical_json

FOLDER = Path(__file__).parents[2] / "schema"
SCHEMAS = schema.export.json_schemas()
MODELS = {model.__name__: model for model in schema.export.MODELS}

BEYOND_JSON_SCHEMA = {
    "value_error",
    "finite_number",
    "timezone_aware",
    "datetime_parsing",
    "date_parsing",
}
"""Errors of rules across fields, of NaN and infinity, and of the format of a time or a day."""


def examples(folder: str) -> list[Path]:
    paths = (FOLDER / "examples" / folder).iterdir()
    return sorted(path for path in paths if path.name.split(".")[0] in MODELS)


def parsed(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def validator(path: Path) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[path.name.split(".")[0]])


def objects(described: object) -> list[dict[str, Any]]:
    """Every description of an object with fields, however deep."""
    if isinstance(described, list):
        return [found for each in described for found in objects(each)]
    if not isinstance(described, dict):
        return []
    own = [described] if isinstance(described.get("properties"), dict) else []
    return own + [found for each in described.values() for found in objects(each)]


def maps(described: object) -> list[dict[str, Any]]:
    """Every description of an object whose keys follow a pattern, however deep."""
    if isinstance(described, list):
        return [found for each in described for found in maps(each)]
    if not isinstance(described, dict):
        return []
    own = [described] if "patternProperties" in described else []
    return own + [found for each in described.values() for found in maps(each)]


def test_shipped_schemas_are_those_of_the_models_byte_for_byte() -> None:
    shipped = {path.name: path.read_bytes() for path in (FOLDER / "json").iterdir()}

    assert shipped == {
        f"{name}.json": canonical_json(content).encode() for name, content in SCHEMAS.items()
    }


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_draft_2020_12_and_names_its_model(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])

    assert SCHEMAS[name]["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert SCHEMAS[name]["title"] == name


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_object_in_a_schema_is_closed_and_described(name: str) -> None:
    found = objects(SCHEMAS[name])

    assert found
    assert all(each["additionalProperties"] is False for each in found)
    assert all(each["description"] for each in found)


def test_a_key_that_breaks_its_pattern_is_refused_by_the_schema() -> None:
    found = maps(SCHEMAS["Result"])

    assert found
    assert all(each["additionalProperties"] is False for each in found)


@pytest.mark.parametrize("path", examples("valid"), ids=lambda path: path.stem)
def test_a_valid_example_is_valid_under_its_schema(path: Path) -> None:
    validator(path).validate(parsed(path))


@pytest.mark.parametrize("path", examples("invalid"), ids=lambda path: path.stem)
def test_a_schema_refuses_what_it_can_express(path: Path) -> None:
    model = MODELS[path.name.split(".")[0]]
    with pytest.raises(ValidationError) as refused:
        model.model_validate_json(path.read_text(encoding="utf-8"))
    kinds = {error["type"] for error in refused.value.errors()}

    assert kinds & BEYOND_JSON_SCHEMA or not validator(path).is_valid(parsed(path))


def test_every_exported_model_is_shown_valid_and_invalid() -> None:
    for folder in ("valid", "invalid"):
        assert {path.name.split(".")[0] for path in examples(folder)} == set(MODELS)
