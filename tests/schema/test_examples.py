"""Each file of `schema/examples` shows one rule: taken if valid, refused by that rule if not."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import ValidationError

from schema.base import Frozen

EXAMPLES = Path(__file__).parents[2] / "schema" / "examples"
VALID = sorted((EXAMPLES / "valid").iterdir())
INVALID = sorted((EXAMPLES / "invalid").iterdir())


class Refusal(NamedTuple):
    """How the example of a rule must be refused."""

    kind: str
    at: str = ""
    says: str = ""


REFUSALS = {
    rule: Refusal(**expected)
    for rule, expected in tomllib.loads(
        Path(__file__).with_name("refusals.toml").read_text(encoding="utf-8")
    ).items()
}


def subclasses(model: type[Frozen]) -> Iterator[type[Frozen]]:
    for child in model.__subclasses__():
        if child.__module__.startswith("schema."):  # another room's may be loaded too
            yield child
        yield from subclasses(child)


MODELS = {model.__name__: model for model in subclasses(Frozen)}


def model_of(path: Path) -> type[Frozen]:
    return MODELS[path.name.split(".")[0]]


def rule_of(path: Path) -> str:
    return path.name.split(".")[1]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_loads_and_comes_back_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    loaded = model_of(path).model_validate_json(text)

    assert loaded.model_dump(mode="json", exclude_unset=True) == json.loads(text)
    assert type(loaded).model_validate_json(loaded.model_dump_json()) == loaded


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_is_refused_by_the_rule_in_its_name(path: Path) -> None:
    expected = REFUSALS[rule_of(path)]

    with pytest.raises(ValidationError) as refused:
        model_of(path).model_validate_json(path.read_text(encoding="utf-8"))

    errors = refused.value.errors()
    assert {str(error["loc"][0]) if error["loc"] else "" for error in errors} == {expected.at}
    assert errors[0]["type"] == expected.kind
    assert expected.says in errors[0]["msg"]


def test_every_rule_says_how_it_refuses_and_has_an_example() -> None:
    assert set(REFUSALS) == {rule_of(path) for path in INVALID}


def test_a_rule_across_fields_is_known_by_its_words() -> None:
    across = [refusal for refusal in REFUSALS.values() if refusal.kind == "value_error"]

    assert across
    assert all(refusal.says and not refusal.at for refusal in across)


@pytest.mark.parametrize("paths", [VALID, INVALID], ids=["valid", "invalid"])
def test_every_model_has_an_example(paths: list[Path]) -> None:
    assert {path.name.split(".")[0] for path in paths} == set(MODELS)


def test_an_example_is_named_model_dot_rule_and_fits_a_page() -> None:
    for path in (*VALID, *INVALID):
        *name, suffix = path.name.split(".")
        assert [part.isidentifier() for part in name] == [True, True], path.name
        assert suffix == "json"
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 100, path.name
