"""Tables of nodes: short axes against the reference's, and sensitivity by false alarms."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.figures.numerals import DASH, bare
from evaluation.sheet import Row, Sheet
from evaluation.tables.cells import LENGTH, SHARE, estimate, interval_words, without_value
from schema.statistics import Froc, LimitsOfAgreement
from schema.task import Task

SCOPES = {
    "dominant": "Dominant nodes of patients positive on both sides",
    "matched": "Matched nodes",
}


def short_axis_sheet(found: Sequence[LimitsOfAgreement], *, task: Task) -> Sheet | None:
    """Bland and Altman's figures; None where no task has short axes."""
    if not found:
        return None
    words = interval_words(task)
    return Sheet(
        id="short-axis",
        title="Short axis: bias and limits of agreement (Bland-Altman)",
        columns=(
            "Of",
            "Pairs",
            f"Bias, mm ({words})",
            f"Lower limit, mm ({words})",
            f"Upper limit, mm ({words})",
        ),
        rows=tuple(_limits(each) for each in found),
        notes=(
            (
                "Differences are prediction less reference, below 0 where the model measures too "
                f"little; {100 * task.resampling.level:g} % of them lie between the limits if they "
                "are normal."
            ),
        ),
    )


def _limits(found: LimitsOfAgreement) -> Row:
    ends = (found.bias, found.lower, found.upper)
    return Row(
        cells=(
            SCOPES.get(found.scope, found.scope),
            str(found.bias.n),
            *(estimate(each, LENGTH) for each in ends),
        )
    )


def froc_sheet(found: Froc) -> Sheet:
    """Sensitivity at each rate of false alarms, or one row that says why there is none."""
    if found.value is None:
        why = without_value(found.status, found.reason)
        rows: tuple[Row, ...] = (Row(cells=(DASH, why)),)
    else:
        points = zip(found.false_positives_per_case, found.sensitivity, strict=True)
        rows = (
            *(Row(cells=(f"{rate:g}", bare(share, SHARE))) for rate, share in points),
            Row(cells=("Mean", bare(found.value, SHARE))),
        )
    return Sheet(
        id="froc",
        title="Free-response ROC of nodes",
        columns=("False positives a patient", "Sensitivity, %"),
        rows=rows,
    )
