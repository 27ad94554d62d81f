"""How stable a ranking is: rank shares, ranks by scheme, and who differs from whom."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.figures.axes import Frame, Scale
from evaluation.figures.captions import scope_title
from evaluation.figures.numerals import DASH, decimal, p_value
from evaluation.figures.plot import Absent, Plot, Table
from evaluation.figures.svg import element, group, line, number, path, picture, text
from leaderboard.site.inputs import Leaderboard
from leaderboard.site.pictures import strict
from leaderboard.site.rows import probability, rank_span
from schema.standings import PairTest, SchemeRanks, Standing, Standings
from schema.task import Scheme
from schema.terms import Direction, TaskId

SCHEMES: Mapping[Scheme, tuple[str, str]] = {
    Scheme.RANK_THEN_MEAN: (
        "Rank, then mean",
        "ranks within each patient, then the mean of these ranks over patients and keys",
    ),
    Scheme.RANK_THEN_MEDIAN: (
        "Rank, then median",
        "ranks within each patient, then their median over patients",
    ),
    Scheme.MEAN_THEN_RANK: (
        "Mean, then rank",
        "the figures of the board, ranked; over several keys the mean of these ranks",
    ),
    Scheme.MEDIAN_THEN_RANK: (
        "Median, then rank",
        "the median of the figures over patients, ranked",
    ),
    Scheme.TEST_THEN_RANK: (
        "Test, then rank",
        "the share of other entries that an entry beats significantly, ranked",
    ),
    Scheme.PRIMARY_KEY: ("First figure alone", "the first figure that orders the board, ranked"),
}
LONGEST_NAME = 32
NAMES, STEP, ROW = 250.0, 26.0, 24.0
SCHEME_STEP = 145.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TauRow:
    """How much one scheme agrees with the primary one and with its own resamples."""

    scheme: str
    meaning: str
    primary: bool
    to_primary: str
    resampled: str


def stability_plots(found: Leaderboard, task_id: TaskId) -> tuple[Plot | Absent, ...]:
    """Every picture of one board."""
    standings, ranked = found.standings.get(task_id), found.ranked(task_id)
    if standings is None or len(ranked) < 2:
        return ()
    names = labels_of(found, ranked)
    plots = (
        rank_shares(ranked, names, standings, identity=f"stability-{task_id}-shares"),
        scheme_lines(ranked, names, standings, identity=f"stability-{task_id}-schemes"),
        *_maps(found, task_id, ranked, names),
    )
    return tuple(strict(each) for each in plots)


def labels_of(found: Leaderboard, ranked: Sequence[Standing]) -> dict[str, str]:
    """Names that fit: team and model, or the model alone where that is long and tells it apart."""
    known = [found.by_id.get(each.entry) for each in ranked]
    models = Counter(each.manifest.model for each in known if each)
    labels = {}
    for standing, entry in zip(ranked, known, strict=True):
        name = found.name(standing.entry)
        if entry and len(name) > LONGEST_NAME and models[entry.manifest.model] == 1:
            name = entry.manifest.model
        labels[standing.entry] = shortened(name)
    return labels


def shortened(name: str) -> str:
    """A name that fits beside a picture."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def rank_shares(
    ranked: Sequence[Standing], names: Mapping[str, str], standings: Standings, *, identity: str
) -> Plot | Absent:
    """Dots whose area is the share of resamples in which an entry has a rank."""
    title = "Rank of every entry over resampled patients"
    if not any(each.shares for each in ranked):
        return Absent(title=title, reason="no answers to single patients were filed")
    count = len(ranked)
    top, width = 26.0, NAMES + count * STEP + 20
    frame = Frame(
        Scale(low=0.5, high=count + 0.5, start=NAMES, end=NAMES + count * STEP),
        Scale(low=0.0, high=float(count), start=top, end=top + count * ROW),
    )
    return Plot(
        identity=identity,
        title=title,
        caption=(
            f"{standings.resamples} resamples of {standings.cases} patients, the same ones for "
            "every entry. The area of a dot is the share of resamples in which the entry has that "
            "rank; the line is the interval of its rank, the tick its rank."
        ),
        svg=picture(
            *_rank_grid(frame, count),
            *(_share_row(each, names, frame, i) for i, each in enumerate(ranked)),
            width=width,
            height=top + count * ROW + 28,
            identity=identity,
            title=title,
            description=" ".join(_share_sentence(each, names) for each in ranked),
        ),
        table=Table(
            headers=("Entry", "Rank", "Interval", "First", "Among the first three"),
            rows=tuple(_share_cells(each, names) for each in ranked),
        ),
        wide=count > 12,
    )


def _rank_grid(frame: Frame, count: int) -> Iterator[Markup]:
    for rank in range(1, count + 1):
        x = frame.x(rank)
        yield line(x1=x, y1=frame.y.start, x2=x, y2=frame.y.end, css="grid")
        if rank in {1, count} or rank % 5 == 0 or count <= 12:
            yield text(str(rank), x=x, y=frame.y.start - 8, anchor="middle", css="tick")
    middle = (frame.x.start + frame.x.end) / 2
    yield text("Rank", x=middle, y=frame.y.end + 20, anchor="middle", css="axis-title")


def _share_row(standing: Standing, names: Mapping[str, str], frame: Frame, index: int) -> Markup:
    y = frame.y(index + 0.5)
    shapes = [text(names[standing.entry], x=NAMES - 12, y=y + 4, anchor="end")]
    if standing.interval is not None:
        low, high = frame.x(standing.interval.low), frame.x(standing.interval.high)
        shapes.append(line(x1=low, y1=y, x2=high, y2=y, css="span"))
    for rank, share in enumerate(standing.shares, start=1):
        if share > 0:
            radius = max(0.8, math.sqrt(share) * STEP * 0.46)
            shapes.append(element("circle", cx=frame.x(rank), cy=y, r=radius, class_="blob"))
    if standing.rank is not None:
        x = frame.x(standing.rank)
        shapes.append(line(x1=x, y1=y - 9, x2=x, y2=y + 9, css="point"))
    return group(shapes)


def _share_sentence(standing: Standing, names: Mapping[str, str]) -> str:
    interval = f", interval {rank_span(standing.interval)}" if standing.interval else ""
    return f"{names[standing.entry]}: rank {standing.rank or 0:g}{interval}."


def _share_cells(standing: Standing, names: Mapping[str, str]) -> tuple[str, ...]:
    shares = (standing.first, standing.top_three)
    return (
        names[standing.entry],
        f"{standing.rank or 0:g}",
        rank_span(standing.interval) if standing.interval else DASH,
        *(DASH if each is None else probability(each) for each in shares),
    )


def scheme_lines(
    ranked: Sequence[Standing], names: Mapping[str, str], standings: Standings, *, identity: str
) -> Plot | Absent:
    """One line an entry: its rank under each scheme, the primary scheme first."""
    title = "Rank of every entry by scheme"
    schemes = ordered_schemes(standings)
    if len(schemes) < 2:
        return Absent(title=title, reason="the standings hold one scheme only")
    count, top = len(ranked), 46.0
    frame = Frame(
        Scale(
            low=0.0,
            high=len(schemes) - 1.0,
            start=NAMES,
            end=NAMES + SCHEME_STEP * (len(schemes) - 1),
        ),
        Scale(low=1.0, high=float(count), start=top, end=top + (count - 1) * ROW),
    )
    return Plot(
        identity=identity,
        title=title,
        caption=(
            "The board is ordered by the first scheme, which the task file fixes; the others show "
            "whether the order depends on that choice. Lines that cross are entries whose order "
            "does."
        ),
        svg=picture(
            *_scheme_axis(schemes, frame),
            *(_scheme_line(each, schemes, names, frame, i) for i, each in enumerate(ranked)),
            width=frame.x.end + 60,
            height=top + (count - 1) * ROW + 24,
            identity=identity,
            title=title,
            description=" ".join(
                f"{names[each.entry]}: " + ", ".join(_rank_under(s, each) for s in schemes) + "."
                for each in ranked
            ),
        ),
        table=Table(
            headers=("Entry", *(SCHEMES[each.scheme][0] for each in schemes)),
            rows=tuple(
                (names[each.entry], *(_rank_under(s, each) for s in schemes)) for each in ranked
            ),
        ),
        wide=True,
    )


def ordered_schemes(standings: Standings) -> tuple[SchemeRanks, ...]:
    """The schemes, the primary one first."""
    order = list(Scheme)
    return tuple(
        sorted(
            standings.schemes,
            key=lambda each: (each.scheme is not standings.scheme, order.index(each.scheme)),
        )
    )


def _rank_under(scheme: SchemeRanks, standing: Standing) -> str:
    rank = scheme.ranks.get(standing.entry)
    return DASH if rank is None else f"{rank:g}"


def _scheme_axis(schemes: Sequence[SchemeRanks], frame: Frame) -> Iterator[Markup]:
    for index, each in enumerate(schemes):
        x = frame.x(index)
        yield line(x1=x, y1=frame.y.start - 10, x2=x, y2=frame.y.end + 10, css="grid")
        yield text(SCHEMES[each.scheme][0], x=x, y=18, anchor="middle", css="axis-title")


def _scheme_line(
    standing: Standing,
    schemes: Sequence[SchemeRanks],
    names: Mapping[str, str],
    frame: Frame,
    index: int,
) -> Markup:
    points = [
        (frame.x(i), frame.y(rank))
        for i, each in enumerate(schemes)
        if (rank := each.ranks.get(standing.entry)) is not None
    ]
    steps = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    start = frame.y(index + 1.0)
    shapes = [text(names[standing.entry], x=NAMES - 16, y=start + 4, anchor="end")]
    if points:
        shapes.append(path([f"M{steps}"], css=f"scheme dash-{index % 3}"))
        shapes.extend(element("circle", cx=x, cy=y, r=3.5, class_="knot") for x, y in points)
        last = schemes[-1].ranks.get(standing.entry)
        label = "" if last is None else f"{last:g}"
        shapes.append(text(label, x=points[-1][0] + 12, y=points[-1][1] + 4, css="tick"))
    return group(shapes)


def _maps(
    found: Leaderboard, task_id: TaskId, ranked: Sequence[Standing], names: Mapping[str, str]
) -> Iterator[Plot]:
    task, standings = found.tasks[task_id], found.standings[task_id]
    for metric, scope in dict.fromkeys((each.metric, each.scope) for each in standings.pairs):
        tests = [each for each in standings.pairs if (each.metric, each.scope) == (metric, scope)]
        higher = task.metric(metric).direction is Direction.HIGHER
        yield significance_map(
            ranked,
            names,
            _Outcomes(tests, higher=higher, alpha=task.ranking.alpha),
            identity=f"stability-{task_id}-pairs-{metric}-{scope}",
            title=f"Who differs from whom: {task.metric(metric).title}, {scope_title(scope, task)}",
        )


class _Outcomes:
    """Adjusted p value and who is better, by ordered pair."""

    def __init__(self, tests: Sequence[PairTest], *, higher: bool, alpha: float) -> None:
        self.tests, self.alpha = tuple(tests), alpha
        self._signs: dict[tuple[str, str], int] = {}
        for each in tests:
            sign = self._sign(each) if higher else -self._sign(each)
            self._signs[each.first, each.second] = sign
            self._signs[each.second, each.first] = -sign

    def _sign(self, test: PairTest) -> int:
        if test.p_holm >= self.alpha or not test.difference:
            return 0
        return 1 if test.difference > 0 else -1

    def of(self, row: str, column: str) -> int:
        """1 when the row is better, -1 when it is worse, 0 when the two are not told apart."""
        return self._signs.get((row, column), 0)


CELL = 24.0


def significance_map(
    ranked: Sequence[Standing],
    names: Mapping[str, str],
    outcomes: _Outcomes,
    *,
    identity: str,
    title: str,
) -> Plot:
    """Entries by entries: which of the two is better after Holm's adjustment."""
    top, count = 30.0, len(ranked)
    labels = [
        text(names[each.entry], x=NAMES - 12, y=top + i * CELL + 16, anchor="end")
        for i, each in enumerate(ranked)
    ]
    numbers = [
        text(
            f"{each.rank or 0:g}",
            x=NAMES + (i + 0.5) * CELL,
            y=top - 8,
            anchor="middle",
            css="tick",
        )
        for i, each in enumerate(ranked)
    ]
    return Plot(
        identity=identity,
        title=title,
        caption=(
            "▲ the entry of the row is better than that of the column, ▼ worse, both at "
            f"{outcomes.alpha * 100:g} % after adjustment by Holm over every pair of the board; an "
            "empty cell is a pair that cannot be told apart. Columns are numbered by rank."
        ),
        svg=picture(
            *labels,
            *numbers,
            *_map_marks(ranked, outcomes, top=top),
            width=NAMES + count * CELL + 10,
            height=top + count * CELL + 8,
            identity=identity,
            title=title,
            description=_map_sentence(outcomes),
        ),
        table=Table(
            headers=("Entry", "Better than", "Worse than", "Not told apart from"),
            rows=tuple(_map_row(each, ranked, names, outcomes) for each in ranked),
        ),
        wide=count > 12,
    )


def _map_marks(ranked: Sequence[Standing], outcomes: _Outcomes, *, top: float) -> Iterator[Markup]:
    """The grid and its signs, a path each: entries by entries would be thousands of shapes."""
    count = len(ranked)
    size, edge = count * CELL, top + count * CELL
    lines = [f"M{number(NAMES)} {number(top + i * CELL)}h{number(size)}" for i in range(count + 1)]
    lines += [f"M{number(NAMES + i * CELL)} {number(top)}V{number(edge)}" for i in range(count + 1)]
    yield path(lines, css="cell")
    yield path([_square(i, i, top=top) for i in range(count)], css="void")
    places = [(i, j) for i in range(count) for j in range(count)]
    signs = {place: outcomes.of(ranked[place[0]].entry, ranked[place[1]].entry) for place in places}
    for sign, css in ((1, "better"), (-1, "worse")):
        told = [place for place in places if signs[place] == sign]
        yield path([_square(*place, top=top) for place in told], css=f"field {css}")
        yield path([_triangle(*place, sign=sign, top=top) for place in told], css=f"sign {css}")


def _square(row: int, column: int, *, top: float) -> str:
    x, y, side = number(NAMES + column * CELL), number(top + row * CELL), number(CELL)
    return f"M{x} {y}h{side}v{side}h-{side}z"


def _triangle(row: int, column: int, *, sign: int, top: float) -> str:
    """Pointing up for better, down for worse."""
    x, y = NAMES + (column + 0.5) * CELL, top + (row + 0.5) * CELL + 4 * sign
    return f"M{number(x - 5)} {number(y)}h10l-5 {number(-8 * sign)}z"


def _map_sentence(outcomes: _Outcomes) -> str:
    told_apart = sum(each.p_holm < outcomes.alpha for each in outcomes.tests)
    return f"{told_apart} of {len(outcomes.tests)} pairs differ significantly."


def _map_row(
    standing: Standing,
    ranked: Sequence[Standing],
    names: Mapping[str, str],
    outcomes: _Outcomes,
) -> tuple[str, ...]:
    signs = [outcomes.of(standing.entry, e.entry) for e in ranked if e.entry != standing.entry]
    counts = (signs.count(1), signs.count(-1), signs.count(0))
    return (names[standing.entry], *(str(each) for each in counts))


def tau_rows(standings: Standings) -> tuple[TauRow, ...]:
    """Kendall's tau-b of every scheme."""
    return tuple(
        TauRow(
            scheme=SCHEMES[each.scheme][0],
            meaning=SCHEMES[each.scheme][1],
            primary=each.scheme is standings.scheme,
            to_primary=DASH if each.tau_to_primary is None else decimal(each.tau_to_primary, 2),
            resampled=_tau_words(each.tau),
        )
        for each in ordered_schemes(standings)
    )


def _tau_words(tau: tuple[float, float, float] | None) -> str:
    if tau is None:
        return "not resampled"
    low, middle, high = (decimal(each, 2) for each in tau)
    return f"{middle} ({low} to {high})"


def pair_words(test: PairTest) -> str:
    """`p = 0.012`, adjusted."""
    return p_value(test.p_holm)


def pair_verdict(test: PairTest, *, alpha: float) -> str:
    """What an adjusted p value says at the board's level."""
    return "differ" if test.p_holm < alpha else "not told apart"
