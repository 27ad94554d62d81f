"""The verb that forecasts a board before it opens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from tasks.commands import AS_JSON

if TYPE_CHECKING:
    from leaderboard.simulation import Forecast, Plan

COLUMNS = (
    "task",
    "first stays first",
    "best is first",
    "ranks in the interval",
    "tied with the first",
)


@click.command()
@click.option("--patients", required=True, type=click.IntRange(2, 5000), help="Of the hidden set.")
@click.option("--teams", required=True, type=click.IntRange(2, 100), help="Ranked entrants.")
@click.option(
    "--gap",
    default=0.01,
    show_default=True,
    type=click.FloatRange(0, 0.5),
    help="Between neighbours, in Dice, sensitivity, AUROC.",
)
@click.option(
    "--spread",
    default=0.15,
    show_default=True,
    type=click.FloatRange(0, 0.5),
    help="Standard deviation of a patient's Dice.",
)
@click.option(
    "--correlation",
    default=0.6,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Of two entrants over the same patients.",
)
@click.option(
    "--prevalence",
    type=click.FloatRange(0, 1),
    help="Share of LLN-positive patients.  [default: the paper's 61/480]",
)
@click.option("--boards", default=60, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@AS_JSON
def simulate(
    patients: int,
    teams: int,
    gap: float,
    spread: float,
    correlation: float,
    prevalence: float | None,
    boards: int,
    seed: int,
    as_json: bool,
) -> None:
    """Forecast the boards: would so many patients tell so many teams apart?

    Simulated entrants go through the ranking itself. Nothing in the forecast was measured.

    \b
    Example: lln leaderboard simulate --patients 60 --teams 8
    """
    from leaderboard.simulation import Plan, forecast
    from tasks.files import canonical_json
    from tasks.phantom_cohort import PREVALENCE
    from tasks.specification import load_tasks
    from tasks.terminal import progress

    plan = Plan(
        patients=patients,
        teams=teams,
        gap=gap,
        spread=spread,
        correlation=correlation,
        prevalence=PREVALENCE if prevalence is None else prevalence,
        boards=boards,
        seed=seed,
    )
    tasks = load_tasks().values()
    with progress("Ranking simulated boards", total=boards * len(tasks)) as step:
        forecasts = [forecast(task, plan, on_board=step) for task in tasks]
    if as_json:
        click.echo(canonical_json(_as_json(plan, forecasts)), nl=False)
    else:
        _show(forecasts, teams=teams)
    raise SystemExit(0 if all(odd.holds for each in forecasts for odd in each.odd_inputs) else 1)


def _as_json(plan: Plan, forecasts: list[Forecast]) -> dict[str, Any]:
    from dataclasses import asdict

    return {"plan": asdict(plan), "forecasts": [asdict(each) for each in forecasts]}


def _show(forecasts: list[Forecast], *, teams: int) -> None:
    from tasks.terminal import show_table

    show_table(columns=COLUMNS, rows=[_row(each, teams=teams) for each in forecasts])
    show_table(
        columns=("task", "scheme", "agreement with the board's (Kendall's tau-b)"),
        rows=[row for each in forecasts for row in _scheme_rows(each)],
    )
    show_table(
        columns=("task", "odd input", "holds", "outcome"),
        rows=[
            (each.task.value, odd.name, "yes" if odd.holds else "NO", odd.outcome)
            for each in forecasts
            for odd in each.odd_inputs
        ],
    )


def _row(each: Forecast, *, teams: int) -> tuple[str, ...]:
    return (
        each.task.value,
        f"{100 * each.first_stays:.0f} %",
        f"{100 * each.best_is_first:.0f} %",
        f"{each.interval_ranks:.1f} of {teams}",
        f"{each.tied_with_first:.1f} of {teams}",
    )


def _scheme_rows(each: Forecast) -> Iterator[tuple[str, ...]]:
    for scheme, tau in each.agreement.items():
        yield each.task.value, scheme.value, "none" if tau is None else f"{tau:.2f}"
