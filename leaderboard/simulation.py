"""A forecast of a board before it opens: entrants are simulated and ranked by the very code.

It answers what an organiser can still change: whether so many patients can tell so many teams
apart, how often the winner is a matter of luck, whether the schemes agree, and whether the ranking
survives odd inputs. Nothing in it was measured on patients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from threadpoolctl import threadpool_limits

from leaderboard.ranking.board import RankedBoard, rank_board
from leaderboard.ranking.resampling import patient_weights
from leaderboard.ranking.scores import Areas, Key, Part, Ratios, Scores
from leaderboard.ranking.stability import rank_intervals, tau_b
from schema.task import Ranking, Scheme, Task
from schema.terms import TaskId

Floats = NDArray[np.float64]
Figures = Mapping[tuple[str, str], Scores]

DRAWS_OF_A_BOARD = 500
"""Resamples: a mean over many boards needs fewer than one real board."""
FIELD_DICE = 0.75
"""Mean Dice of the best entrant; its NSD is drawn around the same."""
FIELD_SENSITIVITY = 0.75
"""Share of the nodes that the best entrant finds."""
FIELD_AUROC = 0.87
"""Area of the best entrant."""
NODES = 3.0
"""Of a patient, on average."""
SPURIOUS = 0.5
"""The same, found where none is."""
LOG_VOLUME_ML = (-1.0, 0.8)
"""Mean and standard deviation of the logarithm of a node's volume in ml."""
CLASS_RIGHT = 0.85
"""Share of found nodes that are called rightly."""
OUTLINE = 0.8
"""Share of a found node's volume that is outlined, and of what is outlined that is node."""
KEYS_SHARE = 0.8
"""How much of what happens in a patient one key of a mask task shares with the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is planned, and what is assumed of the entrants.

    Attributes:
        patients: of the hidden cohort.
        teams: entrants with a rank.
        gap: true distance between neighbours: in Dice, in detection sensitivity, in AUROC.
        spread: standard deviation of a patient's Dice.
        correlation: of two entrants over the same patients, nodes or probabilities.
        prevalence: share of LLN-positive patients.
        boards: how many are simulated for each task.
        seed: of all that is drawn.
    """

    patients: int
    teams: int
    gap: float
    spread: float
    correlation: float
    prevalence: float
    boards: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OddInput:
    """An input that breaks rankings elsewhere, and what became of it here."""

    name: str
    holds: bool
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What to expect of one task's board; means over the simulated boards.

    Attributes:
        task: which.
        first_stays: share of the resamples in which the board's first entry is first.
        best_is_first: share of the boards on which the truly best entrant is first.
        interval_ranks: ranks within an entry's rank interval; 1 is certain.
        tied_with_first: entries that the tests cannot tell from the first, itself counted.
        scheme: of the board.
        agreement: Kendall's tau-b of each other scheme to it; None where it is never defined.
        odd_inputs: the dry run.
    """

    task: TaskId
    first_stays: float
    best_is_first: float
    interval_ranks: float
    tied_with_first: float
    scheme: Scheme
    agreement: Mapping[Scheme, float | None]
    odd_inputs: tuple[OddInput, ...]


def forecast(task: Task, plan: Plan, *, on_board: Callable[[], None] = lambda: None) -> Forecast:
    """Simulate boards of one task and rank each.

    Args:
        task: with its ranking.
        plan: numbers and assumptions.
        on_board: called after each simulated board.

    Raises:
        ValueError: a key of the task is not one that is simulated.
    """
    rng = np.random.default_rng([plan.seed, list(TaskId).index(task.id)])
    boards = []
    with threadpool_limits(limits=1):
        for number in range(plan.boards):
            figures = FIGURES[task.id](plan, rng)
            boards.append(_ranked(figures, task=task, plan=plan, seed=plan.seed + number))
            on_board()
        odd = tuple(_odd_inputs(FIGURES[task.id](plan, rng), task=task, plan=plan))
    own, level = task.ranking.scheme, task.resampling.level
    return Forecast(
        task=task.id,
        first_stays=float(np.mean([_first_stays(each.ranks[own]) for each in boards])),
        best_is_first=float(np.mean([each.ranks[own][0, 0] == 1 for each in boards])),
        interval_ranks=float(
            np.mean([_interval_ranks(each.ranks[own], level=level) for each in boards])
        ),
        tied_with_first=float(np.mean([_tied(each, ranking=task.ranking) for each in boards])),
        scheme=own,
        agreement={each: _agreement(boards, own, each) for each in task.ranking.alternatives},
        odd_inputs=odd,
    )


def _ranked(figures: Figures, *, task: Task, plan: Plan, seed: int) -> RankedBoard:
    """A board as the real one is ranked, with fewer resamples."""
    ids = [f"case-{index:05d}" for index in range(plan.patients)]
    rules = task.resampling.model_copy(update={"resamples": DRAWS_OF_A_BOARD, "seed": seed})
    return rank_board(
        [_key(task, figures, figure) for figure in task.ranking.ranked_figures],
        [_key(task, figures, figure) for figure in task.ranking.compared_figures],
        ranking=task.ranking,
        weights=patient_weights(ids, centres=None, rules=rules),
        seed=seed,
    )


def _key(task: Task, figures: Figures, figure: tuple[str, str]) -> Key:
    if figure not in figures:
        raise ValueError(f"{figure[0]} ({figure[1]}) of {task.id} is not simulated")
    return Key(metric=task.metric(figure[0]), scope=figure[1], scores=figures[figure])


# --- what the boards say ----------------------------------------------------------------------


def _first_stays(ranks: NDArray[np.intp]) -> float:
    leader = int(np.argmin(ranks[0]))
    drawn = ranks[1:] == 1
    return float((drawn[:, leader] / drawn.sum(axis=1)).mean())


def _interval_ranks(ranks: NDArray[np.intp], *, level: float) -> float:
    low, high = rank_intervals(ranks[1:], level=level)
    return float((high - low + 1).mean())


def _tied(board: RankedBoard, *, ranking: Ranking) -> int:
    leader = int(np.argmin(board.ranks[ranking.scheme][0]))
    pairs = zip(*board.pairs, board.comparisons[0].p_holm, strict=True)
    apart = sum(leader in (one, two) and p_holm <= ranking.alpha for one, two, p_holm in pairs)
    return len(board.letters) - int(apart)


def _agreement(boards: Sequence[RankedBoard], own: Scheme, other: Scheme) -> float | None:
    taus = [tau_b(each.ranks[own][0], each.ranks[other][:1])[0] for each in boards]
    defined = [tau for tau in taus if not np.isnan(tau)]
    return float(np.mean(defined)) if defined else None


# --- entrants ---------------------------------------------------------------------------------


def _levels(best: float, plan: Plan) -> Floats:
    """The true figure of each entrant, the best first, within (0, 1)."""
    return np.clip(best - plan.gap * np.arange(plan.teams), 0.01, 0.99)


def _latent(rows: int, plan: Plan, rng: np.random.Generator) -> Floats:
    """Standard normal, shape (rows, teams), with the plan's correlation between entrants."""
    shared, own = rng.normal(size=(rows, 1)), rng.normal(size=(rows, plan.teams))
    mixed = np.sqrt(plan.correlation) * shared + np.sqrt(1 - plan.correlation) * own
    return np.asarray(mixed, dtype=np.float64)


def _compartments(plan: Plan, rng: np.random.Generator) -> Figures:
    """Dice and NSD of each patient: normal around the entrant's level, cut at 0 and 1."""
    common = _latent(plan.patients, plan, rng)
    return {(name, "macro"): _means(common, plan=plan, rng=rng) for name in ("dice", "nsd")}


def _means(common: Floats, *, plan: Plan, rng: np.random.Generator) -> Ratios:
    own = _latent(plan.patients, plan, rng)
    noise = np.sqrt(KEYS_SHARE) * common + np.sqrt(1 - KEYS_SHARE) * own
    values = np.clip(_levels(FIELD_DICE, plan) + plan.spread * noise, 0, 1)
    part = Part(values, np.ones_like(values))
    return Ratios(parts=(part,), right_nothing=np.zeros(values.shape, dtype=np.bool_))


def _nodes(plan: Plan, rng: np.random.Generator) -> Figures:
    """Nodes found with the entrant's sensitivity, called rightly or not, and spurious ones."""
    of_patient = np.repeat(np.arange(plan.patients), rng.poisson(NODES, plan.patients))
    members = (of_patient == np.arange(plan.patients)[:, None]).astype(np.float64)
    found = _latent(of_patient.size, plan, rng) < ndtri(_levels(FIELD_SENSITIVITY, plan))
    right = _latent(of_patient.size, plan, rng) < ndtri(CLASS_RIGHT)
    positive = np.broadcast_to(rng.random((of_patient.size, 1)) < plan.prevalence, found.shape)
    called = found & (positive == right)
    volume_ml = rng.lognormal(*LOG_VOLUME_ML, (of_patient.size, 1))
    spurious = rng.poisson(SPURIOUS, (plan.patients, plan.teams)).astype(np.float64)
    every, hits, outlined = (members @ each for each in (found | True, found, found * volume_ml))
    volume = members @ (volume_ml * np.ones(plan.teams))
    extra = spurious * np.exp(LOG_VOLUME_ML[0])
    return {
        ("detection_f1", "any"): _ratio(2 * hits, every + hits + spurious),
        ("aggregate_dice", "any"): _ratio(2 * OUTLINE * outlined, volume + outlined + extra),
        ("detection_f1", "positive"): _ratio(
            2 * members @ (called & positive), members @ positive + members @ called
        ),
    }


def _ratio(numerator: Floats, denominator: Floats) -> Ratios:
    return Ratios(parts=(Part(numerator, denominator),))


def _positivity(plan: Plan, rng: np.random.Generator) -> Figures:
    """Binormal probabilities with the entrant's area; called positive halfway between classes."""
    positive = rng.random(plan.patients) < plan.prevalence
    apart = np.sqrt(2) * ndtri(_levels(FIELD_AUROC, plan))
    latent = _latent(plan.patients, plan, rng) + positive[:, None] * apart
    right = ((latent > apart / 2) == positive[:, None]).astype(np.float64)
    one = np.repeat(positive.astype(np.float64)[:, None], plan.teams, axis=1)
    balanced = (Part(right * one, one), Part(right * (1 - one), 1 - one))
    return {
        ("balanced_accuracy", "all"): Ratios(parts=balanced),
        ("auroc", "all"): Areas(positive=positive, probability=ndtr(latent)),
        ("accuracy", "all"): _ratio(right, np.ones_like(right)),
    }


FIGURES: Mapping[TaskId, Callable[[Plan, np.random.Generator], Figures]] = MappingProxyType(
    {
        TaskId.COMPARTMENTS: _compartments,
        TaskId.NODES: _nodes,
        TaskId.POSITIVITY: _positivity,
    }
)
"""The columns of each figure that is simulated, drawn for one board."""


# --- odd inputs -------------------------------------------------------------------------------


def _odd_inputs(figures: Figures, *, task: Task, plan: Plan) -> Iterator[OddInput]:
    """Rank a board after it was spoilt in each of the ways that broke rankings elsewhere."""
    for name, spoilt, expected in (
        ("one entrant", _some(figures, [0]), {0: 1}),
        ("two identical entrants", _some(figures, [0, 0]), {0: 1, 1: 1}),
        (
            "all entrants identical",
            _some(figures, [0] * plan.teams),
            dict.fromkeys(range(plan.teams), 1),
        ),
        ("one entrant worst in every patient", _with_a_worst(figures, task=task), {1: 2}),
        (
            "nothing to find in any patient",
            _with_nothing(figures),
            dict.fromkeys(range(plan.teams), 1),
        ),
    ):
        board = _ranked(spoilt, task=task, plan=plan, seed=plan.seed)
        ranks = {scheme: tuple(map(int, each[0])) for scheme, each in board.ranks.items()}
        wrong = {
            scheme.value
            for scheme, each in ranks.items()
            if any(each[entry] != rank for entry, rank in expected.items())
        }
        own = " ".join(map(str, ranks[task.ranking.scheme]))
        outcome = f"ranks {own}" + (f"; otherwise by {', '.join(sorted(wrong))}" if wrong else "")
        yield OddInput(name=name, holds=not wrong, outcome=outcome)


def _some(figures: Figures, entries: Sequence[int]) -> Figures:
    """Only these entries, in this order; one may come twice."""
    chosen = list(entries)

    def of(scores: Scores) -> Scores:
        if isinstance(scores, Areas):
            return replace(scores, probability=scores.probability[:, chosen])
        parts = tuple(Part(*(column[:, chosen] for column in part)) for part in scores.parts)
        nothing = None if scores.right_nothing is None else scores.right_nothing[:, chosen]
        return Ratios(parts=parts, right_nothing=nothing)

    return {name: of(scores) for name, scores in figures.items()}


def _with_a_worst(figures: Figures, *, task: Task) -> Figures:
    """The best entrant and one who is worst in every patient."""

    def of(name: str, scores: Scores) -> Scores:
        if isinstance(scores, Areas):
            wrong = 1.0 - scores.positive
            return replace(scores, probability=np.column_stack([scores.probability[:, 0], wrong]))
        metric = task.metric(name)
        assert metric.worst is not None, "a simulated figure has a direction"
        parts = tuple(
            Part(
                np.column_stack([above[:, 0], metric.worst * below[:, 0]]),
                np.column_stack([below[:, 0], below[:, 0]]),
            )
            for above, below in scores.parts
        )
        nothing = None if scores.right_nothing is None else scores.right_nothing[:, :2]
        return Ratios(parts=parts, right_nothing=nothing)

    return {(name, scope): of(name, scores) for (name, scope), scores in figures.items()}


def _with_nothing(figures: Figures) -> Figures:
    """No compartment, no node, no positive patient, and nobody says otherwise."""

    def of(scores: Scores) -> Scores:
        if isinstance(scores, Areas):
            return replace(scores, positive=np.zeros_like(scores.positive))
        parts = tuple(Part(np.zeros_like(above), np.zeros_like(above)) for above, _ in scores.parts)
        nothing = None if scores.right_nothing is None else np.ones_like(scores.right_nothing)
        return Ratios(parts=parts, right_nothing=nothing)

    return {name: of(scores) for name, scores in figures.items()}
