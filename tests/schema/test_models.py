"""What holds for every model of the contract, shown on every valid example."""

from __future__ import annotations

import copy
import json
import math
import string
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

import schema
from schema.base import CaseId, Frozen, Line, Prose, Text, Version
from schema.label import LabelMap
from schema.result import Coverage, Interval, Matrix, Result, TaskResult
from schema.submission import PositivityPrediction, SubmissionManifest
from schema.task import IntervalMethod, Task
from schema.terms import NodeClass, Region, Side, TaskId

VALID = sorted((Path(__file__).parents[2] / "schema" / "examples" / "valid").iterdir())

OTHER_TYPES: dict[type, tuple[object, ...]] = {
    str: (7, 7.5, True, ["text"]),
    bool: (0, 1, "true"),
    int: (True, "7", 7.5),
    float: (True, "7.5", math.nan, math.inf, -math.inf),
}
"""What may not stand where JSON has a value of that type."""


class Leaf(NamedTuple):
    """A value in a document and where it stands."""

    path: tuple[str | int, ...]
    value: object


def subclasses(model: type[Frozen]) -> Iterator[type[Frozen]]:
    for child in model.__subclasses__():
        if child.__module__.startswith("schema."):  # another room's may be loaded too
            yield child
        yield from subclasses(child)


MODELS = {model.__name__: model for model in subclasses(Frozen)}


def model_of(path: Path) -> type[Frozen]:
    return MODELS[path.name.split(".")[0]]


def document(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def load(name: str) -> Any:
    path = next(each for each in VALID if each.stem == name)
    return model_of(path).model_validate_json(path.read_text(encoding="utf-8"))


def leaves(content: object, *, path: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from leaves(value, path=(*path, key))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from leaves(value, path=(*path, index))
    else:
        yield Leaf(path, content)


def replaced(content: Any, *, path: tuple[str | int, ...], value: object) -> Any:
    """A copy with another value at the path."""
    changed = copy.deepcopy(content)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


def is_refused(model: type[BaseModel], content: object) -> bool:
    try:
        model.model_validate_json(json.dumps(content))
    except ValidationError:
        return True
    return False


def models_within(value: object, *, path: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    """Every model in a model, itself included."""
    if isinstance(value, BaseModel):
        yield Leaf(path, value)
        for name in type(value).model_fields:
            yield from models_within(getattr(value, name), path=(*path, name))
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from models_within(each, path=(*path, index))


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_field_cannot_be_set_or_deleted(path: Path) -> None:
    model = model_of(path)
    loaded = model.model_validate_json(path.read_text(encoding="utf-8"))

    for name in model.model_fields:
        with pytest.raises(ValidationError, match="frozen_instance"):
            setattr(loaded, name, getattr(loaded, name))
        with pytest.raises(ValidationError, match="frozen_instance"):
            delattr(loaded, name)


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_an_unknown_field_is_refused_at_any_depth(path: Path) -> None:
    content, model = document(path), model_of(path)

    for within in models_within(model.model_validate_json(json.dumps(content))):
        place = (*within.path, "note")
        with pytest.raises(ValidationError, match="extra_forbidden"):
            model.model_validate_json(json.dumps(replaced(content, path=place, value="?")))


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_another_type_is_refused_wherever_it_stands(path: Path) -> None:
    content, model = document(path), model_of(path)
    wrong = [
        (leaf.path, other)
        for leaf in leaves(content)
        for other in OTHER_TYPES.get(type(leaf.value), ())
    ]

    assert wrong or not content
    for place, other in wrong:
        assert is_refused(model, replaced(content, path=place, value=other)), (place, other)


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_required_field_cannot_be_left_out(path: Path) -> None:
    content, model = document(path), model_of(path)

    for name, field in model.model_fields.items():
        if field.is_required():
            with pytest.raises(ValidationError, match="missing"):
                model.model_validate_json(
                    json.dumps({key: value for key, value in content.items() if key != name})
                )


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_model_is_described_and_made_like_every_other(model: type[Frozen]) -> None:
    assert (model.__doc__ or "").strip()
    assert model.model_config == Frozen.model_config


def test_python_values_are_taken_as_strictly_as_json() -> None:
    with pytest.raises(ValidationError, match="tuple_type"):
        SubmissionManifest.model_validate({"team": "T", "model": "M", "tasks": [TaskId.NODES]})
    with pytest.raises(ValidationError, match="is_instance_of"):
        SubmissionManifest.model_validate({"team": "T", "model": "M", "tasks": ("nodes",)})


ALLOWED = string.ascii_letters + string.digits + "_-"
NEARLY_CASE_IDS = st.text(st.sampled_from(ALLOWED + "./ ä\n\0"), max_size=66) | st.text()


@given(NEARLY_CASE_IDS)
def test_a_case_id_is_plain_ascii_that_names_one_file(text: str) -> None:
    plain = 1 <= len(text) <= 64 and set(text) <= set(ALLOWED) and text[0] not in "_-"

    try:
        TypeAdapter(CaseId).validate_python(text)
    except ValidationError:
        assert not plain
    else:
        assert plain
        assert PurePosixPath("nodes", f"{text}.nii.gz").name == f"{text}.nii.gz"


BREAKS = "\u0085\u2028\u2029"
BIDI = "\u061c\u200e\u200f" + "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
SURROGATES = "\ud800\udfff"
NEARLY_TEXT = st.text(
    st.characters()
    | st.sampled_from("\t\n\r\x0b\x1f\x7f \u00a0\u3000" + BREAKS + BIDI + SURROGATES),
    max_size=6,
)


def is_seen(text: str, *, besides: str = "") -> bool:
    """Whether no character is a control, a break or half of a pair, except those named."""
    refused = {*map(chr, range(32)), "\x7f", *BREAKS, *BIDI} - set(besides)
    return not refused & set(text) and not any(0xD800 <= ord(each) < 0xE000 for each in text)


def is_taken(kind: Any, text: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True


@given(NEARLY_TEXT | st.text("é ", min_size=198, max_size=203))
def test_a_line_is_up_to_200_characters_that_show_something(text: str) -> None:
    sound = len(text) <= 200 and text.strip() != "" and is_seen(text)

    assert is_taken(Line, text) == sound


@given(NEARLY_TEXT | st.text(min_size=1).map(lambda text: (text * 4002)[: 3998 + len(text) % 5]))
def test_a_text_may_have_lines_and_prose_is_a_text_that_shows_something(text: str) -> None:
    sound = len(text) <= 4000 and is_seen(text, besides="\t\n")

    assert is_taken(Text, text) == sound
    assert is_taken(Prose, text) == (sound and text.strip() != "")


@given(st.lists(st.text("0123456789", min_size=1, max_size=3), min_size=1, max_size=4))
def test_a_version_is_three_numbers_as_they_are_written(numbers: list[str]) -> None:
    sound = len(numbers) == 3 and all(str(int(each)) == each for each in numbers)

    assert is_taken(Version, ".".join(numbers)) == sound


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(low=FINITE, high=FINITE)
def test_an_interval_is_taken_exactly_when_it_is_the_right_way_up(low: float, high: float) -> None:
    text = json.dumps({"low": low, "high": high, "level": 0.95, "method": IntervalMethod.WALD})

    assert is_refused(Interval, json.loads(text)) == (low > high)


COUNTS = st.integers(min_value=0, max_value=6)


@given(cases=COUNTS, scored=COUNTS, failed=COUNTS)
def test_coverage_is_taken_exactly_when_no_case_is_lost(
    cases: int, scored: int, failed: int
) -> None:
    failures = {"LLN010": failed} if failed else {}
    content = {"cases": cases, "scored": scored, "failed": failed, "failures": failures}

    assert is_refused(Coverage, content) == (scored + failed != cases)


CODES = st.frozensets(st.sampled_from(["LLN010", "LLN033", "LLN041"]), min_size=1)


@given(failed=st.lists(CODES, max_size=4), spoilt=st.sampled_from(["", "LLN010", "LLN099"]))
def test_coverage_takes_the_codes_of_its_failed_cases_and_no_code_of_nobody(
    failed: list[frozenset[str]], spoilt: str
) -> None:
    failures = Counter(code for codes in failed for code in codes)
    content = {"cases": 6, "scored": 6 - len(failed), "failed": len(failed)}
    one_too_many = {**failures, spoilt: len(failed) + 1}

    assert not is_refused(Coverage, {**content, "failures": failures})
    assert is_refused(Coverage, {**content, "failures": one_too_many})


@given(st.data())
def test_a_matrix_sums_to_what_was_sorted(data: st.DataObject) -> None:
    names = st.lists(st.sampled_from(["II", "OB", "EI", "missed"]), min_size=1, unique=True)
    rows, columns = data.draw(names), data.draw(names)
    row = st.lists(COUNTS, min_size=len(columns), max_size=len(columns)).map(tuple)
    cells = data.draw(st.lists(row, min_size=len(rows), max_size=len(rows)))
    matrix = Matrix(
        id="region", title="Region", rows=tuple(rows), columns=tuple(columns), cells=tuple(cells)
    )

    assert matrix.total == sum(
        matrix.cells[i][j] for i in range(len(rows)) for j in range(len(columns))
    )


@given(
    case_id=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True),
    probability=st.floats(0, 1),
    region=st.none() | st.sampled_from(Region),
    side=st.none() | st.sampled_from(Side),
    short_axis_mm=st.none() | st.floats(0, 500, exclude_min=True),
)
def test_a_positive_answer_survives_json(
    case_id: str,
    probability: float,
    region: Region | None,
    side: Side | None,
    short_axis_mm: float | None,
) -> None:
    answer = PositivityPrediction(
        case_id=case_id,
        probability=probability,
        positive=1,
        region=region,
        side=side,
        short_axis_mm=short_axis_mm,
    )

    assert PositivityPrediction.model_validate_json(answer.model_dump_json()) == answer


def test_a_matrix_of_the_published_counts_sums_to_the_patients() -> None:
    assert load("Matrix.status").total == 480  # 45 + 16 + 44 + 375


def test_a_label_map_is_looked_up_by_meaning() -> None:
    compartments: LabelMap = load("LabelMap.compartments")
    nodes: LabelMap = load("LabelMap.nodes")

    assert compartments.values == (1, 2, 3, 4, 5, 6)
    assert compartments.compartments[Region.OB, Side.LEFT] == 4
    assert compartments.node_classes == {}
    assert nodes.values == (1, 2)
    assert nodes.node_classes == {NodeClass.NEGATIVE: 1, NodeClass.POSITIVE: 2}
    assert nodes.compartments == {}


def test_what_is_looked_up_by_name_is_found_or_a_key_error() -> None:
    result: Result = load("Result.complete")
    task: Task = load("Task.nodes")
    scored: TaskResult = result.task(TaskId.POSITIVITY)

    assert scored.figure("sensitivity", "all").n == 61
    assert task.metric("dice").title == "Dice"
    with pytest.raises(KeyError, match="nodes"):
        result.task(TaskId.NODES)
    with pytest.raises(KeyError, match="macro"):
        scored.figure("sensitivity", "macro")
    with pytest.raises(KeyError, match="specificity"):
        task.metric("specificity")


def test_the_contract_offers_models_only() -> None:
    assert {getattr(schema, name) for name in schema.__all__} <= set(MODELS.values())
