"""Confusion matrices: counts and row shares, margins set apart, agreement framed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.figures.captions import capital
from evaluation.figures.numerals import counted, share_of
from evaluation.figures.plot import Plot, Table
from evaluation.figures.svg import box, group, picture, text
from schema.result import Matrix

UNSTATED, MISSED, SPURIOUS = "unstated", "missed", "spurious"
MARGINS = {UNSTATED, MISSED, SPURIOUS}
"""Rows and columns that are set apart; a last corner of spurious and missed is in neither."""

CELL_WIDTH, CELL_HEIGHT, MARGIN_GAP, TOTAL_WIDTH = 84.0, 54.0, 8.0, 54.0
TOP, AXIS_TITLE_WIDTH, CHARACTER_WIDTH = 50.0, 22.0, 7.2
SWATCH = 5.0
"""Thickness of the bar in a label's colour, beside its row and above its column."""
FRAMED = "Where both agree the cell is framed."
DARKEST = 0.5
"""Opacity of a full row's shade: the number on it keeps its contrast in either theme."""


def without_unstated(matrix: Matrix) -> Matrix:
    """The matrix without an `unstated` row or column in which every count is 0."""
    rows = [
        index
        for index, name in enumerate(matrix.rows)
        if name != UNSTATED or any(matrix.cells[index])
    ]
    columns = [
        index
        for index, name in enumerate(matrix.columns)
        if name != UNSTATED or any(row[index] for row in matrix.cells)
    ]
    return matrix.model_copy(
        update={
            "rows": tuple(matrix.rows[index] for index in rows),
            "columns": tuple(matrix.columns[index] for index in columns),
            "cells": tuple(tuple(matrix.cells[i][j] for j in columns) for i in rows),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the cells of a matrix lie."""

    matrix: Matrix
    swatches: Mapping[str, str]

    @property
    def left(self) -> float:
        """Left edge of the cells."""
        longest = max(len(heading(name)) for name in self.matrix.rows)
        return AXIS_TITLE_WIDTH + longest * CHARACTER_WIDTH + 14

    def x(self, column: int) -> float:
        """Left edge of a column; margins are set apart."""
        return self.left + column * CELL_WIDTH + _gap(self.matrix.columns, column)

    def y(self, row: int) -> float:
        """Top edge of a row."""
        return TOP + row * CELL_HEIGHT + _gap(self.matrix.rows, row)

    @property
    def right(self) -> float:
        """Right edge of the cells."""
        return self.x(len(self.matrix.columns) - 1) + CELL_WIDTH

    @property
    def bottom(self) -> float:
        """Bottom edge of the cells."""
        return self.y(len(self.matrix.rows) - 1) + CELL_HEIGHT


def heading(name: str) -> str:
    """What a row or column is called; a margin says what it is instead of a label."""
    return f"None: {name}" if name in {MISSED, SPURIOUS} else capital(name)


def _gap(names: Sequence[str], index: int) -> float:
    return MARGIN_GAP if names[index] in MARGINS else 0.0


def confusion(
    matrix: Matrix,
    *,
    identity: str,
    unit: str,
    swatches: Mapping[str, str],
    note: str = "",
) -> Plot:
    """Draw a confusion matrix.

    Args:
        matrix: reference in rows, prediction in columns.
        identity: unique within the page.
        unit: what was counted, in the singular, such as `patient`.
        swatches: colour of the rows and columns that are labels.
        note: added to the caption.
    """
    shown = without_unstated(matrix)
    return Plot(
        identity=identity,
        title=matrix.title,
        caption=_caption(shown, unit=unit, note=note),
        svg=_picture(Layout(matrix=shown, swatches=swatches), identity=identity, unit=unit),
        table=_table(shown),
    )


def _picture(layout: Layout, *, identity: str, unit: str) -> Markup:
    matrix = layout.matrix
    cells = [
        _cell(layout, row, column)
        for row in range(len(matrix.rows))
        for column in range(len(matrix.columns))
    ]
    return picture(
        *_headings(layout),
        *cells,
        *_totals(layout),
        width=layout.right + TOTAL_WIDTH,
        height=layout.bottom + 30,
        identity=identity,
        title=f"Confusion matrix: {matrix.title}",
        description=_description(matrix, unit=unit),
    )


def _headings(layout: Layout) -> list[Markup]:
    matrix = layout.matrix
    middle_x = (layout.left + layout.right) / 2
    middle_y = (TOP + layout.bottom) / 2
    prediction = text("Prediction", x=middle_x, y=14, anchor="middle", css="axis-title")
    reference = text("Reference", x=14, y=middle_y, anchor="middle", css="axis-title", turned=True)
    columns = [_column_name(layout, index) for index in range(len(matrix.columns))]
    rows = [_row_name(layout, index) for index in range(len(matrix.rows))]
    return [prediction, reference, *columns, *rows]


def _column_name(layout: Layout, index: int) -> Markup:
    name, x = layout.matrix.columns[index], layout.x(index)
    css, middle = _name_css(name), x + CELL_WIDTH / 2
    bar = {"x": x + 1, "y": TOP - SWATCH - 1, "width": CELL_WIDTH - 2, "height": SWATCH}
    words = text(heading(name), x=middle, y=TOP - 13, anchor="middle", css=css)
    return group([*_swatch(layout, name, **bar), words])


def _row_name(layout: Layout, index: int) -> Markup:
    name, y = layout.matrix.rows[index], layout.y(index)
    css, middle = _name_css(name), y + CELL_HEIGHT / 2
    bar = {"x": layout.left - SWATCH - 1, "y": y + 1, "width": SWATCH, "height": CELL_HEIGHT - 2}
    words = text(heading(name), x=layout.left - 12, y=middle + 4, anchor="end", css=css)
    return group([*_swatch(layout, name, **bar), words])


def _name_css(name: str) -> str:
    return "margin" if name in MARGINS else ""


def _swatch(
    layout: Layout, name: str, *, x: float, y: float, width: float, height: float
) -> list[Markup]:
    if name not in layout.swatches:
        return []
    fill = layout.swatches[name]
    return [box(x=x, y=y, width=width, height=height, css="swatch", fill=fill)]


def _cell(layout: Layout, row: int, column: int) -> Markup:
    matrix = layout.matrix
    x, y = layout.x(column), layout.y(row)
    count, whole = matrix.cells[row][column], sum(matrix.cells[row])
    corner = (matrix.rows[row], matrix.columns[column]) == (SPURIOUS, MISSED)
    if corner and not count:
        return Markup("")
    shade = DARKEST * count / whole if whole else 0.0
    middle = x + CELL_WIDTH / 2
    size = {"x": x + 1, "y": y + 1, "width": CELL_WIDTH - 2, "height": CELL_HEIGHT - 2}
    agrees = corner or matrix.rows[row] == matrix.columns[column]
    return group(
        [
            box(**size, css="shade", fill_opacity=f"{shade:.2f}"),
            box(**size, css="cell agree" if agrees else "cell"),
            text(str(count), x=middle, y=y + 26, anchor="middle", css="count"),
            text(share_of(count, whole), x=middle, y=y + 43, anchor="middle", css="small"),
        ]
    )


def _totals(layout: Layout) -> list[Markup]:
    matrix = layout.matrix
    rows = [
        text(str(sum(cells)), x=layout.right + 12, y=layout.y(i) + CELL_HEIGHT / 2 + 4, css="total")
        for i, cells in enumerate(matrix.cells)
    ]
    columns = [
        text(
            str(sum(cells)),
            x=layout.x(j) + CELL_WIDTH / 2,
            y=layout.bottom + 18,
            anchor="middle",
            css="total",
        )
        for j, cells in enumerate(zip(*matrix.cells, strict=True))
    ]
    everything = text(f"n {matrix.total}", x=layout.right + 12, y=layout.bottom + 18, css="total")
    title = text("Total", x=layout.right + 12, y=TOP - 13, css="total")
    return [title, *rows, *columns, everything]


def _caption(matrix: Matrix, *, unit: str, note: str) -> str:
    parts = [
        f"{counted(matrix.total, unit)}. In a cell: the count and its share of the row. {FRAMED}"
    ]
    if SPURIOUS in matrix.rows:
        parts.append(
            "Missed: in the reference, not predicted. Spurious: predicted, not in the reference."
        )
        if matrix.cells[-1][-1]:
            parts.append(f"The corner holds the {unit}s that are in neither.")
    return " ".join([*parts, note]).strip()


def _description(matrix: Matrix, *, unit: str) -> str:
    rows = "; ".join(
        f"reference {name}: "
        + ", ".join(
            f"{count} {column}" for column, count in zip(matrix.columns, cells, strict=True)
        )
        for name, cells in zip(matrix.rows, matrix.cells, strict=True)
    )
    return f"{counted(matrix.total, unit)}, reference in rows, prediction in columns. {rows}."


def _table(matrix: Matrix) -> Table:
    return Table(
        headers=("Reference", *(heading(name) for name in matrix.columns), "Total"),
        rows=tuple(
            (
                heading(name),
                *(f"{count} ({share_of(count, sum(cells))})" for count in cells),
                str(sum(cells)),
            )
            for name, cells in zip(matrix.rows, matrix.cells, strict=True)
        ),
    )
