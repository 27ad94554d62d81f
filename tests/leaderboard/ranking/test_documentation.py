"""What the page on the ranking says is what the code and the task files do."""

from __future__ import annotations

from pathlib import Path

from leaderboard.ranking.pair_tests import EXACT_PATIENTS, LEAST_SWAPS, all_pairs, swaps_for
from leaderboard.ranking.ranks import EQUAL
from schema.standings import Standing
from schema.task import Scheme
from tasks.specification import load_tasks

PAGE = (Path(__file__).parents[3] / "leaderboard" / "RANKING.md").read_text(encoding="utf-8")


def test_every_scheme_and_every_figure_of_certainty_is_defined() -> None:
    for scheme in Scheme:
        assert f"| `{scheme.value}`" in PAGE
    said = {"interval", "first", "top_three", "shares", "tested_ranks", "letters", "difference"}
    assert said <= set(Standing.model_fields)
    for name in (*said, "tau", "tau_to_primary"):
        assert f"| `{name}` |" in PAGE


def test_the_numbers_are_those_of_the_code() -> None:
    pairs = len(all_pairs(50).first)
    alphas = {task.ranking.alpha for task in load_tasks().values()}
    resamples = {task.resampling.resamples for task in load_tasks().values()}

    assert f"m is {LEAST_SWAPS:,} or" in PAGE
    assert [f"({swaps_for(pairs, alpha=alpha):,} for 50 entries)" in PAGE for alpha in alphas] == [
        True
    ]
    assert f"d ≤ {EXACT_PATIENTS} patients" in PAGE
    assert f"Figures within {EQUAL:.0e} are equal".replace("e-0", "e-") in PAGE
    assert [f"{number:,} times" in PAGE for number in resamples] == [True]


def test_the_keys_are_those_of_the_task_files() -> None:
    for task in load_tasks().values():
        (line,) = (each for each in PAGE.splitlines() if each.startswith(f"| `{task.id.value}` |"))
        cell = line.split("|")[2]
        for metric, scope in (*task.ranking.ranked_figures, *task.ranking.compared_figures):
            title = task.metric(metric).title
            shown = title if title[:2].isupper() else title[0].lower() + title[1:]
            assert any(name in cell for name in (title, shown)), (metric, cell)
            assert scope == "all" or f"({scope})" in cell
