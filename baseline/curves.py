"""Curves of a training as a picture."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from baseline.record import Curves

SIZE_INCHES = (8.0, 9.0)
RESOLUTION_DPI = 110
COLOURS = {"train": "#1f4e79", "held out": "#d35400"}


def draw_curves(curves: Curves, *, title: str, labels: Sequence[str]) -> bytes:
    """Loss, pseudo Dice of every label and learning rate over the epochs, as PNG.

    Args:
        curves: of one fold.
        title: above the picture.
        labels: names, in the order of `curves.pseudo_dice`.
    """
    figure = Figure(figsize=SIZE_INCHES, dpi=RESOLUTION_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    loss, dice, rate = figure.subplots(3, 1, sharex=True, height_ratios=[3, 3, 1])
    figure.suptitle(title)
    _draw_loss(loss, curves)
    _draw_dice(dice, curves, labels=labels)
    rate.plot(_epochs(curves.learning_rate), curves.learning_rate, color="#555555")
    rate.set(ylabel="learning rate", xlabel="epoch", ylim=(0, None))
    for axes in (loss, dice, rate):
        axes.grid(alpha=0.3)
        axes.locator_params(axis="x", integer=True)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def _draw_loss(axes: Axes, curves: Curves) -> None:
    for name, values in (("train", curves.train_loss), ("held out", curves.validation_loss)):
        marker = "o" if len(values) < 2 else None
        axes.plot(_epochs(values), _gaps(values), label=name, color=COLOURS[name], marker=marker)
    axes.set(ylabel="loss: weighted cross-entropy minus Dice")
    axes.legend()


def _draw_dice(axes: Axes, curves: Curves, *, labels: Sequence[str]) -> None:
    for name, values in zip(labels, zip(*curves.pseudo_dice, strict=True), strict=True):
        marker = "o" if len(values) < 2 else None
        axes.plot(_epochs(values), _gaps(values), label=name.replace("_", " "), marker=marker)
    axes.set(ylabel="pseudo Dice, held-out patches", ylim=(-0.02, 1.02))
    axes.legend(fontsize="x-small", ncols=2)


def _epochs(values: Sequence[object]) -> range:
    return range(1, len(values) + 1)


def _gaps(values: Sequence[float | None]) -> list[float]:
    """Undefined values as gaps in the line."""
    return [math.nan if value is None else value for value in values]
