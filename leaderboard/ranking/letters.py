"""Compact letter display: which entries cannot be told apart, in letters.

Insert and absorb (Piepho, J Comput Graph Stat 2004): one column holds everybody; each significant
pair splits every column that holds both; a column within another is absorbed. A last sweep drops
columns whose pairs all stand in others (Gramm et al., Comput Stat Data Anal 2008).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

ALPHABET = "abcdefghijklmnopqrstuvwxyz"

Column = frozenset[int]


def letters(entries: int, *, different: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    """The letters of each entry: two share one exactly when they are not significantly different.

    Args:
        entries: how many, in the order of the board; the first letters go to the first of them.
        different: the pairs that are.
    """
    columns = _swept(_columns(entries, different=different))
    names = [_letter(index) for index in range(len(columns))]
    return tuple(
        "".join(name for name, column in zip(names, columns, strict=True) if entry in column)
        for entry in range(entries)
    )


def _letter(index: int) -> str:
    """A to z, then a2 to z2, and so on."""
    round_, letter = divmod(index, len(ALPHABET))
    return ALPHABET[letter] + (str(round_ + 1) if round_ else "")


def _columns(entries: int, *, different: Iterable[tuple[int, int]]) -> list[Column]:
    """The largest sets without a significant pair, from the first entry on."""
    columns = {frozenset(range(entries))} if entries else set()
    for pair in sorted(map(tuple, map(sorted, different))):
        split = {column for column in columns if column.issuperset(pair)}
        columns -= split
        for part in sorted((column - {entry} for column in split for entry in pair), key=_order):
            if not any(part <= other for other in columns):
                columns.add(part)
    return sorted(columns, key=_order)


def _order(column: Column) -> tuple[int, ...]:
    """Columns go by their members, those with better entries first."""
    return tuple(sorted(column))


def _swept(columns: Sequence[Column]) -> list[Column]:
    """Without the columns that add no pair and no entry to the others; the last are tried first."""
    kept = list(columns)
    for column in reversed(columns):
        others = [other for other in kept if other != column]
        if all(any(pair <= other for other in others) for pair in _held(column)):
            kept = others
    return kept


def _held(column: Column) -> list[Column]:
    """Its pairs, and its entries for an entry that has no other letter."""
    return [frozenset(each) for size in (1, 2) for each in combinations(sorted(column), size)]
