"""Decision curve: what acting on the model is worth against acting on everybody or nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from markupsafe import Markup

from evaluation.figures.axes import Frame, Scale, Tick, bottom_axis, left_axis, plain_ticks
from evaluation.figures.node_lengths import rounded_up
from evaluation.figures.numerals import decimal, percent
from evaluation.figures.plot import Absent, Plot, Table
from evaluation.figures.svg import group, line, number, path, picture, text
from schema.statistics import NetBenefit

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 500.0, 66.0, 484.0, 76.0, 380.0
TITLE = "Decision curve"
BELOW_ZERO = 0.5
"""How far the axis goes below 0, as a share of what it goes above."""
LEAST_BENEFIT = 0.02
WAYS = (
    ("negative", "acting on the model"),
    ("positive", "acting as if everybody were positive"),
    ("nobody", "acting as if nobody were: 0"),
)


def decision_plot(curve: Sequence[NetBenefit], *, identity: str) -> Plot | Absent:
    """Draw net benefit against the threshold; what falls below the axis is cut off there."""
    if not curve:
        return Absent(title=TITLE, reason="no patient has a probability")
    return Plot(
        identity=identity,
        title=TITLE,
        caption=(
            "Net benefit: true positives a patient, less false positives weighed by the odds of "
            "the threshold, which is the probability from which one would act. The model is worth "
            "using where its line is above both others."
        ),
        svg=_picture(curve, identity=identity),
        table=Table(
            headers=("Threshold", "Model", "Everybody", "Nobody"), rows=tuple(map(_row, curve))
        ),
    )


def _row(at: NetBenefit) -> tuple[str, str, str, str]:
    return (percent(at.threshold, 0), decimal(at.model, 3), decimal(at.treat_all, 3), "0")


def _picture(curve: Sequence[NetBenefit], *, identity: str) -> Markup:
    frame = _frame(curve)
    benefit = (lambda at: at.model, lambda at: at.treat_all, lambda _: 0.0)
    return picture(
        left_axis(frame, plain_ticks(frame.y.low, frame.y.high), title="Net benefit", away=48),
        *(
            _curve(frame, curve, of, css=css)
            for of, (css, _) in reversed(tuple(zip(benefit, WAYS, strict=True)))
        ),
        bottom_axis(
            frame,
            [Tick(at.threshold, f"{100 * at.threshold:g}") for at in curve],
            title="Threshold probability (%)",
        ),
        *_key(),
        width=WIDTH,
        height=BOTTOM + 46,
        identity=identity,
        title=TITLE,
        description=" ".join(
            f"At {threshold}: model {model}, everybody {everybody}."
            for threshold, model, everybody, _ in map(_row, curve)
        ),
    )


def _frame(curve: Sequence[NetBenefit]) -> Frame:
    most = max(max(at.model, at.treat_all) for at in curve)
    least = min(min(at.model, at.treat_all) for at in curve)
    high = rounded_up(max(most, LEAST_BENEFIT))
    low = max(min(least, 0.0), -BELOW_ZERO * high)
    room = 0.01 if len(curve) == 1 else 0.0
    return Frame(
        Scale(
            low=curve[0].threshold - room, high=curve[-1].threshold + room, start=LEFT, end=RIGHT
        ),
        Scale(low=low, high=high, start=BOTTOM, end=TOP),
    )


def _curve(
    frame: Frame, curve: Sequence[NetBenefit], of: Callable[[NetBenefit], float], *, css: str
) -> Markup:
    points = [(at.threshold, of(at)) for at in curve]
    steps, last = list[str](), None
    for start, end in _visible(points, low=frame.y.low):
        steps += [_at(frame, "M", start)] if start != last else []
        steps.append(_at(frame, "L", end))
        last = end
    return path(steps, css=f"curve {css}")


def _at(frame: Frame, command: str, point: tuple[float, float]) -> str:
    return f"{command}{number(frame.x(point[0]))} {number(frame.y(point[1]))}"


def _visible(
    points: Sequence[tuple[float, float]], *, low: float
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """The stretches of a broken line at or above `low`."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if max(y0, y1) < low:
            continue
        ends = []
        for x, y, other_x, other_y in ((x0, y0, x1, y1), (x1, y1, x0, y0)):
            share = 0.0 if y >= low else (low - y) / (other_y - y)
            ends.append((x + share * (other_x - x), max(y, low)))
        yield ends[0], ends[1]


def _key() -> list[Markup]:
    return [
        group(
            [
                line(x1=LEFT, y1=10 + 18 * i, x2=LEFT + 30, y2=10 + 18 * i, css=f"curve {css}"),
                text(words, x=LEFT + 40, y=14 + 18 * i),
            ]
        )
        for i, (css, words) in enumerate(WAYS)
    ]
