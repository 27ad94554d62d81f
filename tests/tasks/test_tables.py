from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from schema.cohort import ClinicalRow, DominantNode, ReaderRow
from schema.submission import PositivityPrediction, SubmissionManifest
from schema.terms import Reader, Region, Side, TaskId
from tasks.layout import CLINICAL_COLUMNS, POSITIVITY_COLUMNS, READER_COLUMNS
from tasks.tables import Complaint, Row, Table, complaints, parse_rows, rows_by_column, table_rows


def table(*lines: str, columns: tuple[str, ...] = READER_COLUMNS) -> Table:
    """A table of unquoted lines; the first one is line 2, as under a header."""
    rows = [Row(number, tuple(line.split(","))) for number, line in enumerate(lines, start=2)]
    return Table(columns, tuple(rows))


def test_rows_are_told_by_line_and_column_without_blanks_around() -> None:
    given = table(" a , b", "1,2,3", "", "\t3,4 ", columns=("x", "y"))
    assert list(rows_by_column(given)) == [
        (2, {"x": "a", "y": "b"}),
        (5, {"x": "3", "y": "4"}),
    ]


def test_a_sound_line_becomes_a_model_whatever_the_order_of_the_columns() -> None:
    columns = tuple(reversed(READER_COLUMNS))
    (parsed,) = parse_rows(table("7.4,left,OB,1,R2,P1", columns=columns), ReaderRow)
    assert parsed.complaints == ()
    assert parsed.model == ReaderRow(
        case_id="P1",
        reader=Reader.R2,
        positive=1,
        region=Region.OB,
        side=Side.LEFT,
        short_axis_mm=7.4,
    )


def test_an_empty_cell_is_a_missing_value() -> None:
    (parsed,) = parse_rows(table("P1,R1,0,, ,"), ReaderRow)
    assert parsed.model == ReaderRow(case_id="P1", reader=Reader.R1, positive=0)
    assert parsed.cells["side"] == ""


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("P1,R4,0,,,", ["reader"]),
        ("P1,R1,2,,,", ["positive"]),
        ("P1,R1,,,,", ["positive"]),
        ("P1,R1,yes,,,", ["positive"]),
        ("P1,R1,0.5,,,", ["positive"]),
        ("P1,R1,1,XX,left,5", ["region"]),
        ("P1,R1,1,ob,left,5", ["region"]),
        ("P1,R1,1,OB,L,5", ["side"]),
        ("P1,R1,1,OB,left,0", ["short_axis_mm"]),
        ("P1,R1,1,OB,left,-3", ["short_axis_mm"]),
        ("P1,R1,1,OB,left,nan", ["short_axis_mm"]),
        ("P1,R1,1,OB,left,inf", ["short_axis_mm"]),
        ("P1,R1,1,OB,left,7 mm", ["short_axis_mm"]),
        ("../P1,R1,0,,,", ["case_id"]),
        (",R1,0,,,", ["case_id"]),
        ("P1,R1,0,OB,,", [""]),
        ("P 1,R9,3,X,Y,Z", ["case_id", "positive", "reader", "region", "short_axis_mm", "side"]),
    ],
)
def test_every_refused_field_of_a_line_is_told_at_once(line: str, fields: list[str]) -> None:
    (parsed,) = parse_rows(table(line), ReaderRow)
    assert parsed.model is None
    assert sorted(each.field for each in parsed.complaints) == fields
    assert all(each.message for each in parsed.complaints)
    assert parsed.line == 2


def test_lines_are_judged_one_by_one() -> None:
    parsed = parse_rows(table("P1,R1,0,,,", "P1,R4,0,,,", "P1", "P2,R1,0,,,"), ReaderRow)
    assert [(each.line, each.model is not None) for each in parsed] == [
        (2, True),
        (3, False),
        (5, True),
    ]


def test_a_complaint_names_a_nested_field_and_never_repeats_what_was_given() -> None:
    class Inner(BaseModel):
        number: int

    class Outer(BaseModel):
        inner: Inner

    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": {"number": "secret"}})
    (found,) = complaints(caught.value)
    assert found.field == "inner.number"
    assert "secret" not in found.message


def test_a_rule_across_fields_has_no_field() -> None:
    with pytest.raises(ValidationError) as caught:
        DominantNode(positive=0, region=Region.EI)
    assert complaints(caught.value) == (
        Complaint("", "Value error, a negative patient has no region, side or short_axis_mm"),
    )


def test_models_become_lines_of_text() -> None:
    models = [
        ReaderRow(case_id="P1", reader=Reader.CONSENSUS, positive=0),
        ReaderRow(
            case_id="P2",
            reader=Reader.R1,
            positive=1,
            region=Region.EI,
            side=Side.RIGHT,
            short_axis_mm=10.0,
        ),
    ]
    assert table_rows(models, columns=READER_COLUMNS) == [
        ["P1", "consensus", "0", "", "", ""],
        ["P2", "R1", "1", "EI", "right", "10.0"],
    ]


CASE_IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True)
# a cell is stripped when it is read, so a name with blanks around it would not come back
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)
BITS = st.none() | st.integers(0, 1)
SHARES = st.floats(0, 1)
NODES = st.fixed_dictionaries(
    {
        "positive": st.just(1),
        "region": st.none() | st.sampled_from(Region),
        "side": st.none() | st.sampled_from(Side),
        "short_axis_mm": st.none() | st.floats(0, 500, exclude_min=True),
    }
) | st.just({"positive": 0})
MONTHS = st.floats(0, 600)


def clinical_rows() -> st.SearchStrategy[ClinicalRow]:
    def build(times: tuple[float, float] | None, **fields: Any) -> ClinicalRow:
        if times is not None:
            fields |= {"dfs_months": times[0], "os_months": times[1]}
            fields |= {"dfs_event": 1, "os_event": 0}
        return ClinicalRow(**fields)

    return st.builds(
        build,
        times=st.none() | st.tuples(MONTHS, MONTHS).map(lambda pair: (min(pair), max(pair))),
        case_id=CASE_IDS,
        centre=NAMES.filter(lambda name: len(name) <= 200),
        age=st.none() | st.floats(0, 120),
        sex=st.sampled_from([None, "male", "female"]),
        mrT=st.sampled_from([None, "T2", "T1-T3"]),
        mrEMVI=BITS,
        pCR=BITS,
    )


def assert_comes_back(model: BaseModel, *, columns: tuple[str, ...]) -> None:
    (cells,) = table_rows([model], columns=columns)
    (parsed,) = parse_rows(Table(columns, (Row(2, tuple(cells)),)), type(model))
    assert parsed.model == model


@settings(max_examples=50)
@given(case_id=CASE_IDS, reader=st.sampled_from(Reader), node=NODES)
def test_readers_come_back_from_their_own_text(
    case_id: str, reader: Reader, node: dict[str, Any]
) -> None:
    model = ReaderRow(case_id=case_id, reader=reader, **node)
    assert_comes_back(model, columns=READER_COLUMNS)


@settings(max_examples=50)
@given(case_id=CASE_IDS, probability=SHARES, node=NODES)
def test_predictions_come_back_from_their_own_text(
    case_id: str, probability: float, node: dict[str, Any]
) -> None:
    model = PositivityPrediction(case_id=case_id, probability=probability, **node)
    assert_comes_back(model, columns=POSITIVITY_COLUMNS)


@settings(max_examples=50)
@given(clinical_rows())
def test_clinical_lines_come_back_from_their_own_text(model: ClinicalRow) -> None:
    assert_comes_back(model, columns=CLINICAL_COLUMNS)


@settings(max_examples=50)
@given(st.lists(st.text(max_size=12), min_size=6, max_size=6))
def test_any_text_gives_a_model_or_complaints(cells: list[str]) -> None:
    (parsed,) = parse_rows(Table(READER_COLUMNS, (Row(2, tuple(cells)),)), ReaderRow)
    assert (parsed.model is None) == bool(parsed.complaints)
    if parsed.model is not None:
        assert parsed.model.positive in (0, 1)
        assert parsed.model.short_axis_mm is None or math.isfinite(parsed.model.short_axis_mm)


def test_a_text_of_the_wrong_form_is_refused_in_words_and_not_in_a_pattern() -> None:
    with pytest.raises(ValidationError) as caught:
        SubmissionManifest(team="\x1b[31m", model="M", tasks=(TaskId.NODES,))

    (complaint,) = complaints(caught.value)
    assert complaint.field == "team"
    assert complaint.message == "characters or a form that the contract does not allow here"
