"""Table E.1-1 of DICOM PS3.15: what the Basic Profile does with each attribute.

The table is that of the package `dicom-anonymizer`, which draws it from the standard's own text,
edition by edition. Only the table is used: that package's functions look at the top level of a
dataset alone, and a name in an item of a sequence stays (`tests/tasks/deidentification` shows it).
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import NamedTuple

from pydicom.tag import BaseTag

from schema.errors import UsageError

EDITION = "2026c"
_MODULE = f"dicomanonymizer.dicom_anonymization_databases.dicomfields_{EDITION}"


class Action(StrEnum):
    """The table's codes; of several the standard lets the type of the attribute decide."""

    D = "D"
    """Replace by a dummy."""
    Z = "Z"
    """Empty."""
    X = "X"
    """Remove."""
    U = "U"
    """Replace a UID, the same way wherever it stands."""
    Z_D = "Z/D"
    X_Z = "X/Z"
    X_D = "X/D"
    X_Z_D = "X/Z/D"
    X_Z_U = "X/Z/U*"


_LISTS = {
    Action.D: "D_TAGS",
    Action.Z: "Z_TAGS",
    Action.X: "X_TAGS",
    Action.U: "U_TAGS",
    Action.Z_D: "Z_D_TAGS",
    Action.X_Z: "X_Z_TAGS",
    Action.X_D: "X_D_TAGS",
    Action.X_Z_D: "X_Z_D_TAGS",
    Action.X_Z_U: "X_Z_U_STAR_TAGS",
}


class Repeating(NamedTuple):
    """Attributes of a repeating group: equal under the mask."""

    tag: int
    mask: int
    action: Action


class Table(NamedTuple):
    """The table: single attributes, then repeating groups."""

    single: dict[int, Action]
    repeating: tuple[Repeating, ...]


@cache
def action_table() -> Table:
    """The table of the edition that the kit follows.

    Raises:
        UsageError: the package is not installed, or no longer carries this edition.
    """
    try:
        lists = import_module(_MODULE)
    except ImportError as error:
        message = f'edition {EDITION} of the action table: pip install "dicom-anonymizer>=2.1"'
        raise UsageError(message) from error
    single: dict[int, Action] = {}
    repeating: list[Repeating] = []
    for action, name in _LISTS.items():
        for group, element, *mask in getattr(lists, name):
            if mask:
                repeating.append(Repeating(group << 16 | element, mask[0] << 16 | mask[1], action))
            else:
                single[group << 16 | element] = action
    return Table(single, tuple(repeating))


def action_of(tag: BaseTag) -> Action | None:
    """What the table says of an attribute; None when it does not list it."""
    table = action_table()
    if (action := table.single.get(int(tag))) is not None:
        return action
    masked = (each for each in table.repeating if tag & each.mask == each.tag & each.mask)
    return next((each.action for each in masked), None)
