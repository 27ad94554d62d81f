"""What an entry shows of a task beside its figures: chapters of pictures and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evaluation.figures.calibration import calibration_plot
from evaluation.figures.decision import decision_plot
from evaluation.figures.froc import froc_curve
from evaluation.figures.hazard_ratios import hazard_forest
from evaluation.figures.horizons import discrimination, prediction_error
from evaluation.figures.limits import limits_chart
from evaluation.figures.plot import Absent
from evaluation.figures.subgroups import subgroup_forests
from evaluation.figures.survival_groups import grouping_curves
from leaderboard.site.curves import Picture, agreement_picture, matrix_pictures, status_curves
from leaderboard.site.entry_sheets import Offered, task_sheets
from leaderboard.site.inputs import Leaderboard, task_of
from leaderboard.site.pictures import strict
from schema.entry import Entry, PublicTask
from schema.figure import Figure
from schema.statistics import SurvivalGrouping
from schema.task import Task
from schema.terms import Status, TaskId

BY_STATUS = ("model", "consensus")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One task of one entry, as its chapters are drawn.

    Attributes:
        public: what may be shown.
        tasks: the definition of every task.
        prefix: begins every identity, unique within the page.
    """

    public: PublicTask
    tasks: Mapping[TaskId, Task]
    prefix: str

    @property
    def task(self) -> Task:
        """Its definition."""
        return self.tasks[self.public.task]

    @property
    def told(self) -> tuple[Figure, ...]:
        """The figures of which everything is told: the report's pictures print every number."""
        return tuple(
            # the same fields, validated when the entry was read, and n is not None
            Figure.model_construct(**{name: getattr(each, name) for name in Figure.model_fields})
            for each in self.public.figures
            if each.n is not None and each.status is not Status.WITHHELD
        )

    @property
    def groupings(self) -> tuple[SurvivalGrouping, ...]:
        """Kaplan-Meier groupings; none of a hidden cohort."""
        return self.public.statistics.groupings if self.public.statistics else ()


Drawn = Iterator[Picture]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A chapter that an entry may have.

    Attributes:
        id: of its heading, after the task's own.
        title: its heading.
        words: what it shows, in a sentence.
        draw: its pictures.
        sheets: how the ids of its tables begin.
        folded: whether its pictures are shown when they are asked for.
    """

    id: str
    title: str
    words: str
    draw: Callable[[View], Drawn]
    sheets: tuple[str, ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A chapter that has something to show."""

    kind: Kind
    pictures: tuple[Picture, ...] = ()
    sheets: tuple[Offered, ...] = ()


def chapters_of(found: Leaderboard, entry: Entry, task_id: TaskId) -> tuple[Chapter, ...]:
    """Every chapter with a picture or a table, in reading order; no table is left out."""
    public = task_of(entry, task_id)
    assert public is not None, "asked only for tasks that were entered"
    prefix = f"entry-{entry.id}-{task_id}"
    view = View(public=public, tasks=found.tasks, prefix=prefix)
    sheets = [_on_page(each, prefix) for each in task_sheets(found, entry, task_id)]
    made = (
        Chapter(
            kind=kind,
            pictures=tuple(kind.draw(view)),
            sheets=tuple(each for each in sheets if _kind_of(each) is kind),
        )
        for kind in KINDS
    )
    return tuple(each for each in made if each.pictures or each.sheets)


def _on_page(offered: Offered, prefix: str) -> Offered:
    """The table under an anchor that no other table of the page has."""
    sheet = offered.sheet
    return replace(offered, sheet=replace(sheet, id=f"{prefix}-{offered.name}-table"))


def _kind_of(offered: Offered) -> Kind:
    return next(
        (kind for kind in KINDS if offered.name.startswith(kind.sheets or ("?",))), KINDS[-1]
    )


def _matrices(view: View) -> Drawn:
    return matrix_pictures(view.public, tasks=view.tasks, prefix=view.prefix)


def _agreement(view: View) -> Drawn:
    return agreement_picture(view.public, prefix=view.prefix)


def _probabilities(view: View) -> Drawn:
    found = view.public.statistics
    if found is not None:
        identity = f"{view.prefix}-calibration"
        yield strict(calibration_plot(found.calibration, view.told, identity=identity))
        yield strict(decision_plot(found.decision_curve, identity=f"{view.prefix}-decision"))


def _no_picture(_view: View) -> Drawn:
    yield from ()


def _hazard_ratios(view: View) -> Drawn:
    rules = {each.outcome: each for each in view.task.outcomes}
    for table in view.public.statistics.cox if view.public.statistics else ():
        identity = f"{view.prefix}-hazard-{table.outcome}"
        yield strict(hazard_forest(table, rules[table.outcome], identity=identity))


def _by_status(view: View) -> Drawn:
    """From the groupings, which hold the tests too; from the bare curves where there are none."""
    drawn = tuple(_curves(view, [each for each in view.groupings if each.id in BY_STATUS]))
    yield from drawn or status_curves(view.public, view.task, prefix=f"{view.prefix}-survival")


def _by_others(view: View) -> Drawn:
    return _curves(view, [each for each in view.groupings if each.id not in BY_STATUS])


def _curves(view: View, groupings: Sequence[SurvivalGrouping]) -> Drawn:
    """Both outcomes of a grouping side by side."""
    rules = {each.outcome: each for each in view.task.outcomes}
    for name in dict.fromkeys(each.id for each in groupings):
        for each in groupings:
            if each.id == name:
                identity = f"{view.prefix}-survival-{each.outcome}-{name}"
                yield strict(grouping_curves(each, rules[each.outcome], identity=identity))


def _foretelling(view: View) -> Drawn:
    for rules in view.task.outcomes:
        for draw, name in ((discrimination, "discrimination"), (prediction_error, "error")):
            plot = draw(view.told, rules, identity=f"{view.prefix}-{name}-{rules.outcome}")
            if plot is not None:
                yield strict(plot)


def _subgroups(view: View) -> Drawn:
    """The figures that some group has; groups too small for any are told of in the table."""
    groups = view.public.subgroups
    known = {_key(f) for group in groups for f in group.figures if f.value is not None}
    if groups and not known:
        yield Absent(title="Forest plots", reason="no group is large enough, as the table says")
    drawn = [
        group.model_copy(update={"figures": tuple(f for f in group.figures if _key(f) in known)})
        for group in groups
    ]
    prefix = f"{view.prefix}-subgroup"
    yield from map(strict, subgroup_forests(drawn, view.task, everybody=view.told, prefix=prefix))


def _key(figure: Figure) -> tuple[str, str]:
    return figure.metric, figure.scope


def _limits(view: View) -> Drawn:
    if view.public.short_axis:
        yield strict(limits_chart(view.public.short_axis, identity=f"{view.prefix}-limits"))


def _froc(view: View) -> Drawn:
    if view.public.froc is not None:
        yield strict(froc_curve(view.public.froc, identity=f"{view.prefix}-froc"))


KINDS = (
    Kind(
        id="matrices",
        title="Confusion matrices",
        words="Reference in rows, prediction in columns.",
        draw=_matrices,
        sheets=("matrix-",),
    ),
    Kind(
        id="raters",
        title="Agreement with the readers",
        words="The model among the readers, beyond chance.",
        draw=_agreement,
        sheets=("agreement-",),
    ),
    Kind(
        id="probabilities",
        title="Probabilities: calibration and decisions",
        words="Whether a probability can be taken at its word, and what acting on it gains.",
        draw=_probabilities,
        sheets=("calibration", "decision-curve"),
    ),
    Kind(
        id="patients",
        title="The patients",
        words="The patients of the cohort by the model's call.",
        draw=_no_picture,
        sheets=("table-1-",),
    ),
    Kind(
        id="hazards",
        title="Hazard ratios",
        words="Which findings go with a worse course, alone and together, and what the model's "
        "status adds to them.",
        draw=_hazard_ratios,
        sheets=("table-2-", "added-value"),
    ),
    Kind(
        id="survival",
        title="Survival",
        words="Kaplan-Meier curves by the model's and by the readers' status.",
        draw=_by_status,
        sheets=("survival-", "log-rank-", "curves-"),
    ),
    Kind(
        id="groups",
        title="Survival by the dominant node, and by status within other findings",
        words="Region and short axis are those that the model gives.",
        draw=_by_others,
        folded=True,
    ),
    Kind(
        id="foretelling",
        title="How well the course is foretold",
        words="Whether the answer puts the patients into the order of their events.",
        draw=_foretelling,
        sheets=("concordance",),
    ),
    Kind(
        id="subgroups",
        title="Subgroups",
        words="The same figures within some of the patients.",
        draw=_subgroups,
        sheets=("subgroups",),
    ),
    Kind(
        id="lengths",
        title="Short axis",
        words="How far measured short axes are from the reference's.",
        draw=_limits,
        sheets=("short-axis",),
    ),
    Kind(
        id="alarms",
        title="Free-response ROC",
        words="How many nodes are found at how many false alarms.",
        draw=_froc,
        sheets=("froc",),
    ),
    Kind(id="further", title="Further tables", words="", draw=_no_picture),
)
"""In reading order; the last one takes every table that no other one names."""
