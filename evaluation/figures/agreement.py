"""Heat map of Cohen's kappa, raters by raters."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from evaluation.figures.captions import capital, rater
from evaluation.figures.numerals import DASH, Quote, decimal, quote_kappa
from evaluation.figures.plot import Plot, Table
from evaluation.figures.svg import box, group, picture, text
from schema.result import PairAgreement

CELL_WIDTH, CELL_HEIGHT, LEFT, TOP = 104.0, 64.0, 84.0, 28.0
DARKEST = 0.5


def raters(pairs: Sequence[PairAgreement]) -> tuple[str, ...]:
    """Every rater once, in order of appearance."""
    return tuple(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))


def heat_map(pairs: Sequence[PairAgreement], *, identity: str) -> Plot:
    """Draw the agreement of every pair of raters.

    Args:
        pairs: at least one; each is drawn on both sides of the diagonal.
        identity: unique within the page.
    """
    names = raters(pairs)
    return Plot(
        identity=identity,
        title="Agreement between raters (Cohen's kappa)",
        caption=(
            "0 is the agreement expected by chance, 1 is perfect; a darker cell is a higher kappa. "
            "The words are those of Landis and Koch."
        ),
        svg=_picture(pairs, names, identity=identity),
        table=_table(pairs),
        wide=len(names) > 5,
    )


def _picture(pairs: Sequence[PairAgreement], names: tuple[str, ...], *, identity: str) -> Markup:
    cells = [
        _cell(pair, names.index(row), names.index(column))
        for pair in pairs
        for row, column in ((pair.first, pair.second), (pair.second, pair.first))
    ]
    diagonal = [_diagonal(index) for index in range(len(names))]
    return picture(
        *_headings(names),
        *diagonal,
        *cells,
        width=LEFT + len(names) * CELL_WIDTH + 4,
        height=TOP + len(names) * CELL_HEIGHT + 4,
        identity=identity,
        title="Heat map of Cohen's kappa",
        description=" ".join(_sentence(pair) for pair in pairs),
    )


def _headings(names: tuple[str, ...]) -> list[Markup]:
    columns = [
        text(rater(name), x=LEFT + (i + 0.5) * CELL_WIDTH, y=TOP - 10, anchor="middle")
        for i, name in enumerate(names)
    ]
    rows = [
        text(rater(name), x=LEFT - 10, y=TOP + (i + 0.5) * CELL_HEIGHT + 4, anchor="end")
        for i, name in enumerate(names)
    ]
    return [*columns, *rows]


def _diagonal(index: int) -> Markup:
    x, y = LEFT + index * CELL_WIDTH, TOP + index * CELL_HEIGHT
    return box(x=x + 1, y=y + 1, width=CELL_WIDTH - 2, height=CELL_HEIGHT - 2, css="void")


def _cell(pair: PairAgreement, row: int, column: int) -> Markup:
    x, y = LEFT + column * CELL_WIDTH, TOP + row * CELL_HEIGHT
    size = {"x": x + 1, "y": y + 1, "width": CELL_WIDTH - 2, "height": CELL_HEIGHT - 2}
    shade = DARKEST * max(0.0, pair.value or 0.0)
    middle = x + CELL_WIDTH / 2
    lines = [
        text(words, x=middle, y=y + below, anchor="middle", css=css)
        for words, below, css in zip(
            _lines(pair), (24, 40, 55), ("count", "small", "small"), strict=True
        )
    ]
    return group(
        [box(**size, css="shade", fill_opacity=f"{shade:.2f}"), box(**size, css="cell"), *lines]
    )


def _lines(pair: PairAgreement) -> tuple[str, str, str]:
    """What a cell says: value, interval, word."""
    if pair.value is None:
        return (DASH, "not computable", "")
    limits = pair.interval
    around = f"{decimal(limits.low, 2)} to {decimal(limits.high, 2)}" if limits else "no interval"
    return (decimal(pair.value, 2), around, pair.words or "")


def _sentence(pair: PairAgreement) -> str:
    return f"{rater(pair.first)} and {rater(pair.second)}: {quote_kappa(pair)}."


def _table(pairs: Sequence[PairAgreement]) -> Table:
    return Table(
        headers=("Pair", "Kappa", "95 % CI", "Agreement", "Patients read by both"),
        rows=tuple(_row(pair, quote_kappa(pair, decimals=3)) for pair in pairs),
    )


def _row(pair: PairAgreement, quoted: Quote) -> tuple[str, ...]:
    return (
        f"{rater(pair.first)} and {rater(pair.second)}",
        quoted.value or f"not computable: {quoted.reason}",
        quoted.interval,
        capital(pair.words or ""),
        str(pair.n),
    )
