"""Whole boards: worked out by hand, in any order, with everything that can go wrong on them."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.run import evaluate
from leaderboard.ranking.contender import NO_CASES, Contender
from leaderboard.ranking.standings import ranks_by_figures, standings
from schema.entry import Kind
from schema.standings import Standings
from schema.task import Scheme, Task
from tasks.cohort import Cohort
from tasks.specification import load_tasks
from tests.leaderboard.ranking.boards import (
    COMPARTMENTS,
    ORIGIN,
    POSITIVITY,
    contender,
    judged,
    outlined,
    ranked,
    ranks_of,
    standing_of,
    with_ranking,
)

BOARD = with_ranking(COMPARTMENTS)
DICE_ONLY = with_ranking(COMPARTMENTS, keys=("dice",), scopes=("macro",))
CALLS = with_ranking(POSITIVITY)


def drawn_board(entries: int, *, patients: int = 30, gap: float = 0.03) -> list[Contender]:
    """Entries whose Dice falls by the gap from one to the next."""
    rng = np.random.default_rng(5)
    common = rng.normal(0.7, 0.08, patients)
    return [
        contender(
            f"team-{index}",
            outlined(
                np.clip(common - gap * index + rng.normal(0, 0.06, patients), 0, 1).tolist(),
                np.clip(common - gap * index + rng.normal(0, 0.06, patients), 0, 1).tolist(),
            ),
        )
        for index in range(entries)
    ]


# --- by hand ----------------------------------------------------------------------------------


def test_three_entries_by_hand() -> None:
    # Dice ranks by patient: a 1 1 2, b 2 2 1, c 3 3 3: means 4/3, 5/3, 3.
    found = ranked(
        DICE_ONLY,
        contender("b", outlined([0.80, 0.80, 0.60], [0.5] * 3)),
        contender("c", outlined([0.10, 0.20, 0.10], [0.5] * 3)),
        contender("a", outlined([0.81, 0.81, 0.30], [0.5] * 3)),
    )

    assert ranks_of(found) == {"a": 1, "b": 2, "c": 3}
    assert [each.entry for each in found.standings] == ["a", "b", "c"]
    assert [each.aggregate for each in found.standings] == pytest.approx([4 / 3, 5 / 3, 3])
    # of the figures: a .64, b .7333, c .1333
    assert standing_of(found, "b").difference == pytest.approx(0.7333 - 0.64, abs=1e-4)
    assert standing_of(found, "c").difference == pytest.approx(0.1333 - 0.64, abs=1e-4)
    by_scheme = {each.scheme: each.ranks for each in found.schemes}
    assert by_scheme[Scheme.MEAN_THEN_RANK] == {"a": 2, "b": 1, "c": 3}
    assert by_scheme[Scheme.TEST_THEN_RANK] == {"a": 1, "b": 1, "c": 1}  # 3 patients prove nothing
    # the last is last in every resample; tau between a b c and b a c is (2 - 1) / 3
    assert standing_of(found, "c").shares == (0, 0, 1)
    taus = {each.scheme: each.tau_to_primary for each in found.schemes}
    assert taus[Scheme.RANK_THEN_MEAN] == 1.0
    assert taus[Scheme.MEAN_THEN_RANK] == pytest.approx(1 / 3)
    assert taus[Scheme.TEST_THEN_RANK] is None
    # patients: drawn 1 1 1, 1 1 2, ...: a is before b unless the third patient comes twice or more
    # of three: 1 - (3 x 1/9 x 2/3 + 1/27) = 20/27
    assert standing_of(found, "a").first == pytest.approx(20 / 27, abs=0.1)


def test_status_calls_by_hand() -> None:
    # 4 positive, 4 negative. a: all right: balanced accuracy 1, area 1. b: one positive missed,
    # .875; its area 15/16. c: always negative, .5 and one probability for all, .5
    reference = [1, 1, 1, 1, 0, 0, 0, 0]
    found = ranked(
        CALLS,
        contender("c", judged(reference, [0] * 8, [0.2] * 8)),
        contender(
            "b", judged(reference, [1, 1, 1, 0, 0, 0, 0, 0], [0.9, 0.8, 0.7, 0.3, 0.4, *[0.1] * 3])
        ),
        contender("a", judged(reference, reference, [0.9, 0.9, 0.8, 0.8, *[0.1] * 4])),
    )

    assert ranks_of(found) == {"a": 1, "b": 2, "c": 3}
    pairs = {(each.metric, each.first, each.second): each for each in found.pairs}
    assert pairs["balanced_accuracy", "a", "b"].difference == pytest.approx(0.125)
    assert pairs["auroc", "a", "b"].difference == pytest.approx(1 / 16)
    assert pairs["accuracy", "a", "c"].difference == pytest.approx(0.5)
    assert pairs["accuracy", "a", "c"].test == "mcnemar"
    assert pairs["accuracy", "a", "c"].p_value == pytest.approx(2 / 2**4)
    assert pairs["accuracy", "a", "b"].p_value == 1.0
    # Holm over three pairs: 1, 2/16 (c against a), 2/8 (c against b): 3/8, 1/2, 1
    assert pairs["accuracy", "b", "c"].p_value == pytest.approx(2 / 2**3)
    assert pairs["accuracy", "a", "c"].p_holm == pytest.approx(3 / 8)
    assert pairs["accuracy", "b", "c"].p_holm == pytest.approx(1 / 2)
    assert pairs["auroc", "a", "c"].p_value == pytest.approx(2 / 2**4)  # both areas are constant


def test_a_failed_patient_counts_against_its_entry_alone() -> None:
    reference = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    answers = [0.9, 0.8, *[0.1] * 8]
    board = with_ranking(POSITIVITY, minimum_coverage=0.9)
    failing: list[int | None] = [None, 1, *[0] * 8]

    found = ranked(
        board,
        contender("failed-one", judged(reference, failing, answers)),
        contender("sound", judged(reference, reference, answers)),
    )

    # sensitivity 1/2, specificity 1
    assert ranks_of(found) == {"sound": 1, "failed-one": 2}
    assert standing_of(found, "failed-one").difference == pytest.approx(-0.25)


def test_nobody_and_one_alone() -> None:
    nobody = ranked(BOARD)
    alone = ranked(BOARD, contender("only", outlined([0.5, 0.7], [0.6, 0.6])))

    assert (nobody.standings, nobody.pairs, nobody.schemes) == ((), (), ())
    only = standing_of(alone, "only")
    assert (only.rank, only.first, only.top_three, only.shares) == (1, 1.0, 1.0, (1.0,))
    assert (only.letters, only.tested_ranks, only.difference) == ("a", (1, 1), 0.0)
    assert only.interval is not None
    assert (only.interval.low, only.interval.high) == (1, 1)
    assert alone.pairs == ()
    assert all(each.ranks == {"only": 1} and each.tau is None for each in alone.schemes)


@pytest.mark.parametrize("task", [BOARD, CALLS], ids=lambda task: task.id)
def test_identical_entries_share_everything(task: Task) -> None:
    cases = outlined([0.5, 0.7, 0.3], [0.6, 0.6, 0.9])
    if task is CALLS:
        cases = judged([1, 0, 1], [1, 0, 0], [0.9, 0.3, 0.4])

    found = ranked(task, *(contender(name, cases) for name in ("x", "y", "z")))

    assert set(ranks_of(found).values()) == {1}
    assert {each.letters for each in found.standings} == {"a"}
    assert [each.first for each in found.standings] == pytest.approx([1 / 3] * 3)
    assert {each.shares for each in found.standings} == {(1.0, 0.0, 0.0)}
    assert {each.p_holm for each in found.pairs} == {1.0}
    assert all(each.tau_to_primary is None for each in found.schemes)


def test_an_entry_without_a_figure_is_last() -> None:
    # nothing to outline in any patient: the first two drew nothing and have no figure
    nothing = contender("nothing", outlined([None, None], [None, None]))
    something = contender("something", outlined([0.0, 0.0], [0.0, 0.0]))
    by_figure = with_ranking(COMPARTMENTS, scheme=Scheme.MEAN_THEN_RANK, alternatives=())

    # by patient, who rightly drew nothing is first; by figure, who has none is last, here with
    # the one that has the worst
    assert ranks_of(ranked(BOARD, nothing, something)) == {"nothing": 1, "something": 2}
    assert ranks_of(ranked(by_figure, nothing, something)) == {"nothing": 1, "something": 1}
    better = contender("better", outlined([0.1, 0.1], [0.1, 0.1]))
    assert ranks_of(ranked(by_figure, nothing, better)) == {"better": 1, "nothing": 2}
    pairs = ranked(by_figure, nothing, better).pairs
    assert all(each.difference is None and each.p_value == 1.0 for each in pairs)


def test_one_class_only_is_a_board_of_ties() -> None:
    found = ranked(
        CALLS,
        contender("a", judged([0, 0], [0, 0], [0.1, 0.2])),
        contender("b", judged([0, 0], [1, 0], [0.8, 0.2])),
    )

    assert ranks_of(found) == {"a": 1, "b": 1}
    assert standing_of(found, "b").difference is None


# --- who is ranked ----------------------------------------------------------------------------


def test_controls_readers_and_the_paper_are_shown_after_and_not_ranked() -> None:
    cases = outlined([0.5, 0.6], [0.5, 0.6])
    best = outlined([1.0, 1.0], [1.0, 1.0])
    found = ranked(
        BOARD,
        contender("a-control", best, kind=Kind.CONTROL),
        contender("model", cases),
        contender("paper", None, kind=Kind.PAPER),
        contender("base", cases, kind=Kind.BASELINE),
        contender("human", cases, kind=Kind.HUMAN),
        contender("gone", best, excluded="withdrawn on 2026-01-02"),
        contender("no-cases", None),
    )

    shown = [(each.entry, each.rank) for each in found.standings]
    assert shown[:2] == [("base", 1), ("model", 1)]
    assert [entry for entry, _ in shown[2:]] == ["a-control", "gone", "human", "no-cases", "paper"]
    assert {rank for _, rank in shown[2:]} == {None}
    assert standing_of(found, "gone").unranked_reason == "withdrawn on 2026-01-02"
    assert standing_of(found, "no-cases").unranked_reason == NO_CASES
    assert standing_of(found, "a-control").difference == pytest.approx(0.45)
    assert standing_of(found, "a-control").difference_interval is not None
    assert standing_of(found, "paper").difference is None
    assert all({each.first, each.second} == {"base", "model"} for each in found.pairs)


@pytest.mark.parametrize(("failures", "rank"), [(1, 1), (2, None)])
def test_an_incomplete_entry_is_not_ranked(failures: int, rank: int | None) -> None:
    reference = [1, *[0] * 9]
    calls: list[int | None] = [1, *[0] * (9 - failures), *[None] * failures]

    found = ranked(CALLS, contender("partly", judged(reference, calls, [0.9, *[0.1] * 9])))

    assert ranks_of(found) == {"partly": rank}
    reason = standing_of(found, "partly").unranked_reason
    assert reason == (None if rank else "incomplete: 8 of 10 cases answered, 90 % needed")


def test_an_unranked_entry_moves_nobody() -> None:
    board = drawn_board(4)
    control = contender("control", outlined([1.0] * 30, [1.0] * 30), kind=Kind.CONTROL)

    with_it, without = ranked(BOARD, *board, control), ranked(BOARD, *board)

    assert with_it.standings[:4] == without.standings
    assert with_it.pairs == without.pairs


# --- input and order --------------------------------------------------------------------------


@settings(max_examples=10)
@given(st.permutations(range(5)))
def test_the_order_of_the_entries_changes_no_byte(order: list[int]) -> None:
    board = drawn_board(5)

    assert ranked(BOARD, *(board[at] for at in order)) == in_order()


def in_order() -> Standings:
    return ranked(BOARD, *drawn_board(5))


def test_a_second_run_has_the_same_bytes() -> None:
    assert in_order().model_dump_json() == in_order().model_dump_json()


def test_letters_and_tested_ranks_are_those_of_the_adjusted_primary_tests() -> None:
    found = ranked(BOARD, *drawn_board(6, patients=60))
    letters = {each.entry: set(re.findall("[a-z][0-9]*", each.letters)) for each in found.standings}
    primary = [each for each in found.pairs if each.metric == "dice"]

    assert {each.p_holm <= 0.05 for each in primary} == {True, False}
    for pair in primary:
        assert bool(letters[pair.first] & letters[pair.second]) == (pair.p_holm > 0.05)
    beaten = sum(
        each.p_holm <= 0.05 and (each.first if each.difference < 0 else each.second) == "team-5"
        for each in primary
        if each.difference is not None
    )
    assert standing_of(found, "team-5").tested_ranks == (1 + beaten, 6)
    assert standing_of(found, "team-0").letters.startswith("a")


def test_chances_add_up() -> None:
    found = ranked(BOARD, *drawn_board(5, gap=0.005))

    assert sum(each.first or 0 for each in found.standings) == pytest.approx(1)
    for each in found.standings:
        assert sum(each.shares) == pytest.approx(1)
        assert sum(each.shares[:3]) == pytest.approx(each.top_three)
        assert each.interval is not None
        assert each.interval.low <= (each.rank or 0) <= each.interval.high


def test_entries_of_one_board_have_one_manifest_and_one_name() -> None:
    cases = outlined([0.5, 0.6], [0.5, 0.6])

    with pytest.raises(ValueError, match="entries must not repeat: a"):
        ranked(BOARD, contender("a", cases), contender("a", cases))
    with pytest.raises(ValueError, match="b not scored on the 2 cases of a"):
        ranked(BOARD, contender("a", cases), contender("b", cases[::-1]))


def test_a_figure_that_is_not_of_its_cases_is_refused() -> None:
    cases = outlined([0.5, 0.6], [0.5, 0.6])
    wrong = replace(contender("a", cases), figures={("dice", "macro"): 0.56})

    with pytest.raises(ValueError, match=r"a: dice \(macro\) is 0.56 .* cases give 0.55"):
        ranked(BOARD, wrong)


# --- the scorer's own -------------------------------------------------------------------------


def test_real_results_are_ranked_as_their_figures_say(
    cohort: Cohort, submission_folder: Path
) -> None:
    worse = shutil.copytree(submission_folder, submission_folder.with_name("worse"))
    shutil.copy(worse / "nodes" / "South_02.nii.gz", worse / "nodes" / "South_01.nii.gz")
    (worse / "compartments" / "North_02.nii.gz").unlink()
    lines = (worse / "positivity.csv").read_text(encoding="utf-8").splitlines()
    lines[2] = "North_02,0.95,1,OB,left,8.0"
    (worse / "positivity.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    scored = {"perfect": evaluate(cohort, submission_folder), "worse": evaluate(cohort, worse)}
    for task in load_tasks().values():
        contenders = []
        for name, each in scored.items():
            result = each.result.task(task.id)
            contenders.append(
                Contender(
                    id=name,
                    kind=Kind.SUBMISSION,
                    coverage=result.coverage,
                    cases=tuple(case for case in each.cases if case.task is task.id),
                    figures={(f.metric, f.scope): f.value for f in result.figures},
                )
            )
        found = standings(
            task=with_ranking(task, minimum_coverage=0.5),
            contenders=contenders,
            centres=None,
            origin=ORIGIN,
        )
        by_scheme = {each.scheme: each.ranks for each in found.schemes}
        figures = {each.id: each.figures for each in contenders}
        assert by_scheme[Scheme.MEAN_THEN_RANK] == ranks_by_figures(figures, task=task)
        assert ranks_of(found) == {"perfect": 1, "worse": 2}, task.id


def test_ranks_by_public_figures_by_hand() -> None:
    # Dice: a 1, b 2.5, c 2.5, d (none) 4; NSD: a 3, b 1, c 2, d 4: means 2, 1.75, 2.25, 4
    figures: dict[str, dict[tuple[str, str], float | None]] = {
        "a": {("dice", "macro"): 0.9, ("nsd", "macro"): 0.5},
        "b": {("dice", "macro"): 0.8, ("nsd", "macro"): 0.9},
        "c": {("dice", "macro"): 0.8, ("nsd", "macro"): 0.7},
        "d": {("dice", "macro"): None},
    }

    assert ranks_by_figures(figures, task=COMPARTMENTS) == {"a": 2, "b": 1, "c": 3, "d": 4}
    assert ranks_by_figures({}, task=COMPARTMENTS) == {}


def test_every_shipped_board_shows_every_scheme() -> None:
    for task in load_tasks().values():
        assert task.ranking.scheme is Scheme.RANK_THEN_MEAN
        assert set(task.ranking.schemes) == set(Scheme)
