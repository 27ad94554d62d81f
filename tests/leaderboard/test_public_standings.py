"""Standings of a hidden cohort tell nothing that its figures do not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leaderboard.board_folder import read_contents
from leaderboard.private_folder import kept_result
from leaderboard.public_ranks import rank_problems
from leaderboard.ranked_board import standings_of
from schema.entry import Entry
from schema.standings import Standings
from schema.terms import Split, Status, TaskId
from tasks.specification import load_tasks
from tests.leaderboard.conftest import Place

TASK = load_tasks()[TaskId.POSITIVITY]
PRIMARY = TASK.ranking.ranked_figures[0]


def standings(place: Place) -> Standings:
    return read_contents(place.results).standings[TaskId.POSITIVITY]


def test_a_difference_is_that_of_the_two_figures_as_they_are_shown(hidden_place: Place) -> None:
    entries = read_contents(hidden_place.results).entries
    found = standings(hidden_place)
    leader = entries[found.standings[0].entry].task(TaskId.POSITIVITY).figure(*PRIMARY)

    for each in found.standings:
        own = entries[each.entry].task(TaskId.POSITIVITY).figure(*PRIMARY)
        assert own.value is not None
        assert leader.value is not None
        assert each.difference == pytest.approx(own.value - leader.value, abs=1e-9)


def test_a_pair_on_a_withheld_figure_is_left_out(hidden_place: Place) -> None:
    entries = read_contents(hidden_place.results).entries
    accuracy = entries["beta-model"].task(TaskId.POSITIVITY).figure("accuracy", "all")
    pairs = standings(hidden_place).pairs

    assert accuracy.status is Status.WITHHELD
    on_accuracy = {(each.first, each.second) for each in pairs if each.metric == "accuracy"}
    assert on_accuracy == {("alpha-model", "gamma-model")}
    on_key = {(each.first, each.second) for each in pairs if each.metric == PRIMARY[0]}
    assert len(on_key) == 3


def test_p_values_and_mean_ranks_are_rounded(hidden_place: Place) -> None:
    found = standings(hidden_place)

    for pair in found.pairs:
        assert float(f"{pair.p_value:.2g}") == pair.p_value
        assert float(f"{pair.p_holm:.2g}") == pair.p_holm
    for each in found.standings:
        assert each.aggregate is not None
        assert round(each.aggregate, 2) == each.aggregate


def test_ranks_are_those_of_the_exact_figures(hidden_place: Place) -> None:
    exact = {
        entry: kept_result(hidden_place.private, entry).task(TaskId.POSITIVITY).figure(*PRIMARY)
        for entry in ("alpha-model", "beta-model", "gamma-model")
    }
    by_primary = {each.scheme: each.ranks for each in standings(hidden_place).schemes}[
        TASK.ranking.schemes[-1]
    ]

    best_first = sorted(exact, key=lambda entry: -(exact[entry].value or 0.0))
    assert sorted(by_primary, key=by_primary.__getitem__) == best_first


def test_standings_of_a_public_cohort_are_as_computed(public_place: Place) -> None:
    contents = read_contents(public_place.results)

    again = standings_of(contents, private=public_place.private)[TaskId.POSITIVITY]

    assert again.standings[0].entry == standings(public_place).standings[0].entry
    assert any(len(repr(each.p_value)) > 6 for each in again.pairs)


# --- ranks by public figures --------------------------------------------------------------------


def entries_with(place: Place, values: dict[str, tuple[float, float | None]]) -> dict[str, Entry]:
    """The board's entries with other values of the two keys, and the step they are rounded to."""
    changed = {}
    for entry_id, (value, step) in values.items():
        content: dict[str, Any] = json.loads((place.results / f"{entry_id}.json").read_text())
        for figure in content["tasks"][0]["figures"]:
            if (figure["metric"], figure["scope"]) in TASK.ranking.ranked_figures:
                figure.update(value=value, rounded_to=step, interval=None)
        changed[entry_id] = Entry.model_validate_json(json.dumps(content))
    return changed


def problems(
    place: Place, ranks: dict[str, int], values: dict[str, tuple[float, float | None]], split: Split
) -> list[tuple[str, str]]:
    found = standings(place)
    scheme = found.schemes[0].model_copy(
        update={"scheme": TASK.ranking.alternatives[0], "ranks": ranks}
    )
    given = found.model_copy(update={"schemes": (scheme,)})
    return list(rank_problems(given, entries_with(place, values), task=TASK, split=split))


A, B, C = "alpha-model", "beta-model", "gamma-model"


@pytest.mark.parametrize(
    ("values", "step", "ranks", "is_possible"),
    [
        ((0.80, 0.70, 0.60), 0.01, (1, 2, 3), True),
        ((0.80, 0.70, 0.60), 0.01, (2, 1, 3), False),
        ((0.80, 0.80, 0.60), 0.01, (1, 2, 3), True),
        ((0.80, 0.80, 0.60), 0.01, (2, 1, 3), True),
        ((0.80, 0.80, 0.60), 0.01, (1, 3, 2), False),
        ((0.80, 0.78, 0.60), 0.05, (2, 1, 3), True),
        ((0.80, 0.70, 0.60), 0.01, (1, 1, 3), False),
    ],
)
def test_rounded_figures_leave_open_only_what_they_do(
    values: tuple[float, float, float],
    step: float,
    ranks: tuple[int, int, int],
    *,
    is_possible: bool,
    hidden_place: Place,
) -> None:
    rounded: dict[str, tuple[float, float | None]] = {
        entry: (value, step) for entry, value in zip((A, B, C), values, strict=True)
    }
    given = dict(zip((A, B, C), ranks, strict=True))

    assert (problems(hidden_place, given, rounded, Split.HIDDEN) == []) is is_possible


def test_exact_figures_leave_nothing_open(public_place: Place) -> None:
    values: dict[str, tuple[float, float | None]] = {A: (0.8, None), B: (0.7, None)}

    assert problems(public_place, {A: 1, B: 2}, values, Split.PUBLIC) == []
    assert problems(public_place, {A: 2, B: 1}, values, Split.PUBLIC) == [
        (f"{A}: rank 1 by its figures", "rank 2"),
        (f"{B}: rank 2 by its figures", "rank 1"),
    ]
