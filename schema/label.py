"""Labels of a mask and the map that holds them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from schema.base import Colour, Frozen, Line, Slug, Version
from schema.terms import NodeClass, Region, Side


class Label(Frozen):
    """One value of a mask and what it means.

    A compartment has a region and a side, a node has a class; a label is one or the other.
    """

    value: Annotated[int, Field(ge=1, le=255)]
    """The voxel value; 0 is background."""
    name: Slug
    title: Line
    colour: Colour
    """The colour of the paper's Figure 1."""
    region: Region | None = None
    side: Side | None = None
    node_class: NodeClass | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        compartment = self.region is not None and self.side is not None
        node = self.node_class is not None
        if compartment == node or (self.region is None) != (self.side is None):
            raise ValueError("a label has either region and side, or node_class")
        return self


class LabelMap(Frozen):
    """Every label of a mask file, in ascending value: all compartments, or all nodes."""

    version: Version
    labels: Annotated[tuple[Label, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        values = [label.value for label in self.labels]
        names = {label.name for label in self.labels}
        if values != sorted(set(values)):
            raise ValueError("label values must be unique and ascending")
        if len(names) != len(values):
            raise ValueError("label names must be unique")
        return self

    @model_validator(mode="after")
    def _one_label_for_each_meaning(self) -> Self:
        places = [(label.region, label.side) for label in self.labels if label.node_class is None]
        classes = [label.node_class for label in self.labels if label.node_class is not None]
        if places and classes:
            raise ValueError("a label map holds compartments or nodes, not both")
        if len(set(places)) != len(places):
            raise ValueError("each region and side has one label")
        if len(set(classes)) != len(classes):
            raise ValueError("each node class has one label")
        return self

    @property
    def values(self) -> tuple[int, ...]:
        """Every foreground value, ascending."""
        return tuple(label.value for label in self.labels)

    @property
    def compartments(self) -> dict[tuple[Region, Side], int]:
        """Voxel value of each compartment; empty for a node map."""
        return {
            (label.region, label.side): label.value
            for label in self.labels
            if label.region is not None and label.side is not None
        }

    @property
    def node_classes(self) -> dict[NodeClass, int]:
        """Voxel value of each node class; empty for a compartment map."""
        return {
            label.node_class: label.value for label in self.labels if label.node_class is not None
        }
