"""How each metric may be shown of a hidden cohort. A metric without a rule is withheld. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from leaderboard.hidden_result import MODEL, NODES, REGION, SIZE, STATUS, HiddenResult
from schema.result import Figure
from schema.terms import NodeClass, Outcome, Reader

SMALL_TABLE = "a count behind it is below the least that is shown"
SMALL_NUMBER = "it is of fewer than the least number that is shown"
NO_RULE = "no rule says how it may be shown of a hidden cohort"
FEW_EVENTS = "a number of events behind it is below the least that is shown"
SHORT_CURVE = "the curve that is shown has no point there"
SINGLE_NODES = "its steps are single nodes"
RATERS = "the table of its raters has a count below the least that is shown, or is not known"

CONSENSUS = Reader.CONSENSUS.value

Rule = Callable[[HiddenResult, Figure], str | None]
"""Why a figure is withheld; None when it is shown."""


def _of_matrix(hidden: HiddenResult, matrix: str) -> str | None:
    return None if hidden.is_open(matrix) else SMALL_TABLE


def _of_status(hidden: HiddenResult, _figure: Figure) -> str | None:
    return _of_matrix(hidden, STATUS)


def _of_region(hidden: HiddenResult, _figure: Figure) -> str | None:
    return _of_matrix(hidden, REGION)


def _of_size(hidden: HiddenResult, _figure: Figure) -> str | None:
    return _of_matrix(hidden, SIZE)


def _of_nodes(hidden: HiddenResult, figure: Figure) -> str | None:
    return SMALL_NUMBER if hidden.is_small(figure.n) else _of_matrix(hidden, NODES)


def _of_single_nodes(_hidden: HiddenResult, _figure: Figure) -> str | None:
    return SINGLE_NODES


def _of_mean(hidden: HiddenResult, figure: Figure) -> str | None:
    return SMALL_NUMBER if hidden.is_small(figure.n) else None


def _of_share(hidden: HiddenResult, figure: Figure) -> str | None:
    """A share of all cases: those it counts, and the others."""
    if figure.value is None:
        return None
    counted = round(figure.value * figure.n)
    cells = ((counted, figure.n - counted),)
    return None if hidden.is_free_of_small(cells) else SMALL_TABLE


def _of_area(hidden: HiddenResult, _figure: Figure) -> str | None:
    rows = [sum(row) for row in hidden.cells.get(STATUS, ())]
    return SMALL_NUMBER if any(map(hidden.is_small, rows)) else None


def _of_raters(hidden: HiddenResult, figure: Figure) -> str | None:
    names = {reader.value.lower(): reader.value for reader in Reader}
    return None if (names.get(figure.scope, ""), MODEL) in hidden.pairs else RATERS


def _of_many_raters(_hidden: HiddenResult, _figure: Figure) -> str | None:
    """More than a table of two raters and two categories: nobody can tell which one it is of."""
    return RATERS


def _outcome(figure: Figure) -> Outcome:
    return Outcome(figure.metric.partition("_")[0])


def _of_events(hidden: HiddenResult, figure: Figure) -> str | None:
    """A figure of two groups: the events of either may be shown, or there is no follow-up."""
    counts = hidden.groups.get((_outcome(figure), figure.scope))
    if counts is None:
        return None if _is_of_nobody(figure) else FEW_EVENTS
    return None if counts.events else FEW_EVENTS


def _is_of_nobody(figure: Figure) -> bool:
    return figure.value is None and not figure.n


def _of_all_events(hidden: HiddenResult, figure: Figure) -> str | None:
    """A figure of all patients: all of the events together are enough, and so are the others."""
    curves = [
        curve
        for curve in hidden.result.survival
        if curve.outcome is _outcome(figure) and curve.scope == CONSENSUS
    ]
    events, patients = (
        sum(curve.events for curve in curves),
        sum(curve.n for curve in curves),
    )
    cells = ((events, patients - events),)
    return None if hidden.is_free_of_small(cells) else FEW_EVENTS


def _of_horizon(hidden: HiddenResult, figure: Figure) -> str | None:
    """A point of a curve: the curve that is shown has it."""
    outcome = _outcome(figure)
    horizon = next(each.horizon_months for each in hidden.task.outcomes if each.outcome is outcome)
    months = hidden.months_shown.get((outcome, figure.scope))
    if months is None:
        return None if _is_of_nobody(figure) else SHORT_CURVE
    return None if horizon in months else SHORT_CURVE


def _of_all_at_horizon(hidden: HiddenResult, figure: Figure) -> str | None:
    """A figure of all patients at a month: both curves of the consensus that are shown have it."""
    if _is_of_nobody(figure):
        return None
    outcome, month = _outcome(figure), figure.scope.rpartition("_")[2]
    curves = [
        hidden.months_shown.get((outcome, f"{CONSENSUS}_{each.value}"), ()) for each in NodeClass
    ]
    is_shown = month.isdigit() and all(float(month) in months for months in curves)
    return None if is_shown else SHORT_CURVE


_TABLES: Mapping[Rule, str] = MappingProxyType(
    {_of_status: STATUS, _of_region: REGION, _of_size: SIZE, _of_nodes: NODES}
)

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        **dict.fromkeys(("accuracy", "sensitivity", "specificity", "ppv", "npv"), _of_status),
        **dict.fromkeys(("balanced_accuracy", "f1", "mcc"), _of_status),
        **dict.fromkeys(("auroc", "auroc_delong", "average_precision", "brier"), _of_area),
        **dict.fromkeys(("calibration_slope", "calibration_intercept"), _of_area),
        **dict.fromkeys(("kappa", "gwet_ac1", "mcnemar"), _of_raters),
        **dict.fromkeys(("fleiss_kappa", "weighted_kappa"), _of_many_raters),
        "region_accuracy": _of_region,
        "size_accuracy": _of_size,
        **dict.fromkeys(("dice", "iou", "hd95_mm", "hd_mm", "assd_mm", "nsd"), _of_mean),
        **dict.fromkeys(("aggregate_dice", "short_axis_error_mm", "short_axis_bias_mm"), _of_mean),
        "side_swap": _of_share,
        **dict.fromkeys(("detection_sensitivity", "detection_precision"), _of_nodes),
        **dict.fromkeys(("detection_f1", "class_accuracy"), _of_nodes),
        "froc": _of_single_nodes,
        **{
            f"{outcome.value}_{name}": rule
            for outcome in Outcome
            for name, rule in (
                ("c_index", _of_all_events),
                ("uno_c_index", _of_all_events),
                ("auc", _of_all_at_horizon),
                ("brier", _of_all_at_horizon),
                ("integrated_brier", _of_all_events),
                ("hazard_ratio", _of_events),
                ("log_rank", _of_events),
                ("at_horizon", _of_horizon),
            )
        },
    }
)
"""How each metric may be shown of a hidden cohort."""

TABLE_OF: Mapping[str, str] = MappingProxyType(
    {
        **{metric: _TABLES[rule] for metric, rule in RULES.items() if rule in _TABLES},
        **dict.fromkeys(("short_axis_error_mm", "short_axis_bias_mm"), NODES),
    }
)
"""The matrix that the number of each metric can be read from."""


def may_show_number(hidden: HiddenResult, figure: Figure) -> bool | None:
    """Whether the number that a figure is of may be shown by what else it would tell.

    None when nothing but the number itself decides.
    """
    table = TABLE_OF.get(figure.metric)
    if table is not None:
        return hidden.is_open(table) and not hidden.is_small(figure.n)
    if RULES.get(figure.metric) is _of_horizon:
        scope = figure.scope.rpartition("_")[0]
        counts = hidden.groups.get((_outcome(figure), scope))
        return counts is not None and counts.sizes
    return None


def why_withheld(hidden: HiddenResult, figure: Figure) -> str | None:
    """Why a figure is withheld; None when it is shown."""
    rule = RULES.get(figure.metric)
    return NO_RULE if rule is None else rule(hidden, figure)
