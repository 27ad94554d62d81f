"""Checks of whether the parts of a cohort agree, codes from LLN150.

They go beyond the form that scoring needs (`tasks.checks.cohort`, `tasks.checks.masks`): none of
them fails a case. Those marked as a note a sound cohort may have; the others contradict something
that the cohort itself says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from schema.cohort import ClinicalRow, DominantNode
from schema.label import Label
from schema.terms import NodeClass, Side
from tasks.checks.base import Check, Problem
from tasks.node_measurement import Node, dominant_node

ACROSS_SHARE = 0.01
"""Of a compartment's voxels; more on the other side of the body are no slip of the brush."""
SHORT_AXIS_GAP_MM = 2.0
"""Between a reader's calipers and the mask; readers differ by about as much among themselves."""
SMALL_CENTRE_SHARE = 0.05
SHOWN_NAMES = 10
IMBALANCE_P_VALUE = 0.001
"""One sound cohort in a thousand is noted."""


class LabelPlace(NamedTuple):
    """Where one compartment lies.

    Attributes:
        label: which.
        voxels: how many it has.
        across: how many of them lie on the other side of the body's midline.
    """

    label: Label
    voxels: int
    across: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompartmentFacts:
    """The compartments of one case.

    Attributes:
        places: of every label of the map.
        midline_mm: where the body is halved, LPS x.
    """

    places: tuple[LabelPlace, ...]
    midline_mm: float


class LocatedNode(NamedTuple):
    """A measured node and the voxel (i, j, k) nearest to its centre."""

    node: Node
    centre: tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """The nodes of one case, what the consensus says of it, and the rule."""

    nodes: tuple[LocatedNode, ...]
    consensus: DominantNode | None
    threshold_mm: float
    reach_mm: float

    @property
    def dominant(self) -> Node | None:
        """The largest positive node of the mask."""
        return dominant_node([each.node for each in self.nodes])


class ImageFacts(NamedTuple):
    """The least and the greatest value of an image, None where any is no number."""

    extremes: tuple[float, float] | None


class TwiceFacts(NamedTuple):
    """Cases that share one image, in the order of the manifest."""

    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCohortFacts:
    """What this cohort shares with another.

    Attributes:
        other: the other's folder and split, in words.
        images: pairs of a case here and the case there that has the same image.
        names: cases of one name whose images differ or were not compared.
    """

    other: str
    images: tuple[tuple[str, str], ...]
    names: tuple[str, ...]


class CentreFacts(NamedTuple):
    """One centre of the manifest.

    Attributes:
        name: which.
        patients: how many the clinical table has of it.
        positive: how many of them the consensus calls positive; None without a consensus.
        cohort: patients of all centres.
        p_value: of its share of positives against all others', None with one centre.
    """

    name: str
    patients: int
    positive: int | None
    cohort: int
    p_value: float | None


class LabelOnOtherSide(Check[CompartmentFacts]):
    """A compartment lies on the other side of the body than its label says.

    Right and left are the patient's, in physical space. Exchange the two labels, or remove the
    stray part; when every compartment is affected, the image or the masks are mirrored. The midline
    lies half-way between right and left compartments; up to 1 % of a label may cross it.
    """

    code = "LLN150"
    fails_case = False

    @staticmethod
    def find(facts: CompartmentFacts) -> Iterator[Problem]:
        """Every label with more than a hundredth of its voxels past the midline."""
        for label, voxels, across in facts.places:
            if across > ACROSS_SHARE * voxels and label.side is not None:
                other = Side.LEFT if label.side is Side.RIGHT else Side.RIGHT
                sign = "below" if label.side is Side.RIGHT else "above"
                expected = f"the patient's {label.side}, x {sign} {facts.midline_mm:.1f} mm (LPS)"
                got = f"{across} of {voxels} voxels on the {other}"
                yield Problem(expected, got, where=label.name)


class CompartmentAbsent(Check[CompartmentFacts]):
    """A reference lacks a compartment.

    Nothing is scored for that label in this case. Outline it, unless the field of view leaves it
    out.
    """

    code = "LLN151"
    fails_case = False
    note = True

    @staticmethod
    def find(facts: CompartmentFacts) -> Iterator[Problem]:
        """Every label without a voxel."""
        for label, voxels, _ in facts.places:
            if not voxels:
                yield Problem("at least 1 voxel", "no voxel", where=label.name)


class NodeOutside(Check[NodeFacts]):
    """A node lies outside every compartment.

    It touches no compartment and none is within reach_mm of the task file, so that it has no
    region. Correct the compartments or the node, or remove a node that is no lateral one.
    """

    code = "LLN152"
    fails_case = False

    @staticmethod
    def find(facts: NodeFacts) -> Iterator[Problem]:
        """Every node without a place."""
        for node, centre in facts.nodes:
            if node.place.side is None:
                got = f"{node.short_axis_mm:.1f} mm short axis, centre at voxel {centre}"
                expected = f"a compartment within {facts.reach_mm:g} mm"
                yield Problem(expected, got, where=f"node {node.number}")


class NegativeNodeLarge(Check[NodeFacts]):
    """A node is labelled negative, and its short axis makes it positive.

    By the rule of the task file a node is positive at or above the threshold. Correct its label or
    its outline. (The other way round nothing is proven: a smaller node may be positive by its
    features.)
    """

    code = "LLN153"
    fails_case = False

    @staticmethod
    def find(facts: NodeFacts) -> Iterator[Problem]:
        """Every negative node at or above the threshold."""
        for node, centre in facts.nodes:
            if node.node_class is NodeClass.NEGATIVE and node.short_axis_mm >= facts.threshold_mm:
                expected = f"a short axis below {facts.threshold_mm:g} mm, or a positive node"
                got = f"negative, {node.short_axis_mm:.1f} mm, centre at voxel {centre}"
                yield Problem(expected, got, where=f"node {node.number}")


class StatusDiffers(Check[NodeFacts]):
    """The consensus and the node mask disagree on whether the patient is positive.

    A patient is positive with at least one positive node. Correct the consensus line of readers.csv
    or the labels of the mask.
    """

    code = "LLN154"
    fails_case = False

    @staticmethod
    def find(facts: NodeFacts) -> Iterator[Problem]:
        """Positive without a positive node, or negative with one."""
        if facts.consensus is None:
            return
        node = facts.dominant
        if facts.consensus.positive and node is None:
            yield Problem("a positive node", "positive by the consensus, none in the mask")
        if not facts.consensus.positive and node is not None:
            size = f"{node.short_axis_mm:.1f} mm"
            got = f"negative by the consensus, node {node.number} of {size} is positive"
            yield Problem("no positive node", got)


class ShortAxisDiffers(Check[NodeFacts]):
    """The consensus gives the dominant node another short axis than the mask has.

    The dominant node is the positive one with the greatest short axis. Measure again, or correct
    the outline; up to 2 mm are taken for a difference between a reader's calipers and the kit's.
    """

    code = "LLN155"
    fails_case = False

    @staticmethod
    def find(facts: NodeFacts) -> Iterator[Problem]:
        """A gap beyond what two measurements of one node may have."""
        node, said = facts.dominant, facts.consensus
        if node is None or said is None or said.short_axis_mm is None:
            return
        if abs(node.short_axis_mm - said.short_axis_mm) > SHORT_AXIS_GAP_MM:
            expected = f"{said.short_axis_mm:g} mm, as the consensus says"
            yield Problem(expected, f"{node.short_axis_mm:.1f} mm (node {node.number})")


class PlaceDiffers(Check[NodeFacts]):
    """The consensus gives the dominant node another region or side than the masks do.

    The dominant node is the positive one with the greatest short axis, its place the compartment
    that holds most of it. Correct the consensus line of readers.csv or the compartments.
    """

    code = "LLN156"
    fails_case = False

    @staticmethod
    def find(facts: NodeFacts) -> Iterator[Problem]:
        """A region or a side that is given and is another."""
        node, said = facts.dominant, facts.consensus
        if node is None or said is None or node.place.side is None:
            return
        pairs = ((said.region, node.place.region), (said.side, node.place.side))
        if any(each is not None and each != found for each, found in pairs):
            expected = " ".join(each for each, _ in pairs if each is not None)
            got = f"{' '.join(found for _, found in pairs)} (node {node.number})"
            yield Problem(f"{expected}, as the consensus says", got)


class ImageBlank(Check[ImageFacts]):
    """An image shows nothing: one value throughout, or values that are no numbers.

    Export the image again.
    """

    code = "LLN157"
    fails_case = False

    @staticmethod
    def find(facts: ImageFacts) -> Iterator[Problem]:
        """NaN, infinity, or equal extremes."""
        if facts.extremes is None:
            yield Problem("finite values of more than one kind", "NaN or infinity")
        elif facts.extremes[0] == facts.extremes[1]:
            got = f"{facts.extremes[0]:g} everywhere"
            yield Problem("finite values of more than one kind", got)


class ImageTwice(Check[TwiceFacts]):
    """Two cases hold the same image.

    Compared are the voxels, not the files: compression, storage order, voxel type and header do not
    hide it. Keep one of the cases; a patient that counts twice narrows every interval.
    """

    code = "LLN158"
    fails_case = False

    @staticmethod
    def find(facts: TwiceFacts) -> Iterator[Problem]:
        """Every case after the first."""
        first = facts.cases[0]
        for case_id in facts.cases[1:]:
            yield Problem(
                "an image of its own", f"the image of {first}", where=case_id, case_id=case_id
            )


class ImageInOtherCohort(Check[OtherCohortFacts]):
    """An image of this cohort is in another cohort too.

    A patient may be in one split only: a model trained on the one would be tested on what it has
    seen. Remove the case from one of the two; the voxels are compared, not the files.
    """

    code = "LLN159"
    fails_case = False

    @staticmethod
    def find(facts: OtherCohortFacts) -> Iterator[Problem]:
        """Every such pair of cases."""
        for case_id, twin in facts.images:
            got = f"the image of {twin} in {facts.other}"
            yield Problem("an image in no other cohort", got, where=case_id, case_id=case_id)


class NameInOtherCohort(Check[OtherCohortFacts]):
    """Cases have the names of cases in another cohort, and not their images.

    Two patients may bear one name by chance. If it is one patient, exported twice, remove the case
    from one of the two.
    """

    code = "LLN160"
    fails_case = False
    note = True

    @staticmethod
    def find(facts: OtherCohortFacts) -> Iterator[Problem]:
        """All such names of one other cohort at once, the first ones written out."""
        if facts.names:
            shown = ", ".join(facts.names[:SHOWN_NAMES])
            more = len(facts.names) - SHOWN_NAMES
            rest = f" and {more} more" if more > 0 else ""
            got = f"in {facts.other}, with another image or none compared: {shown}{rest}"
            yield Problem("names in no other cohort", got)


class DeathWithoutEvent(Check[ClinicalRow]):
    """A patient died, and disease-free survival has no event.

    Where DFS counts death from any cause, as usual, set dfs_event to 1. Leave it where your
    definition censors at death, and say so in the cohort's description.
    """

    code = "LLN161"
    fails_case = False
    note = True

    @staticmethod
    def find(facts: ClinicalRow) -> Iterator[Problem]:
        """os_event 1 beside dfs_event 0."""
        if facts.os_event == 1 and facts.dfs_event == 0:
            yield Problem("dfs_event 1", "dfs_event 0, os_event 1")


class CentreSmall(Check[CentreFacts]):
    """A centre gives few of the cases.

    Fewer than 5 % of the patients tell little of how a model does there; figures by centre will be
    left out. Add cases, or leave the centre out.
    """

    code = "LLN162"
    fails_case = False
    note = True

    @staticmethod
    def find(facts: CentreFacts) -> Iterator[Problem]:
        """A share below the limit; a listed centre without a patient, too."""
        if facts.patients < SMALL_CENTRE_SHARE * facts.cohort:
            expected = f"at least {SMALL_CENTRE_SHARE:.0%} of {facts.cohort} patients"
            yield Problem(expected, f"{facts.patients} patients")


class CentreImbalance(Check[CentreFacts]):
    """A centre has another share of positive patients than the others.

    Two-sided Fisher's exact test of one centre against all the others together, times the number of
    centres, below 0.001. A model may then tell the centre rather than the nodes: stratify by
    centre, and look whether both applied one definition.
    """

    code = "LLN163"
    fails_case = False
    note = True

    @staticmethod
    def find(facts: CentreFacts) -> Iterator[Problem]:
        """A p value below the limit."""
        if facts.p_value is not None and facts.p_value < IMBALANCE_P_VALUE:
            got = f"{facts.positive} of {facts.patients} positive, p = {facts.p_value:.2g}"
            yield Problem("the share of the other centres", got)


COMPARTMENT_CHECKS: tuple[type[Check[CompartmentFacts]], ...] = (
    LabelOnOtherSide,
    CompartmentAbsent,
)
NODE_CHECKS: tuple[type[Check[NodeFacts]], ...] = (NodeOutside, NegativeNodeLarge)
CONSENSUS_CHECKS: tuple[type[Check[NodeFacts]], ...] = (
    StatusDiffers,
    ShortAxisDiffers,
    PlaceDiffers,
)
OTHER_COHORT_CHECKS: tuple[type[Check[OtherCohortFacts]], ...] = (
    ImageInOtherCohort,
    NameInOtherCohort,
)
CENTRE_CHECKS: tuple[type[Check[CentreFacts]], ...] = (CentreSmall, CentreImbalance)
PLAUSIBILITY_CHECKS: tuple[type[Check[Any]], ...] = (
    *COMPARTMENT_CHECKS,
    *NODE_CHECKS,
    *CONSENSUS_CHECKS,
    ImageBlank,
    ImageTwice,
    *OTHER_COHORT_CHECKS,
    DeathWithoutEvent,
    *CENTRE_CHECKS,
)
"""In the order of their codes."""
NOTES = frozenset(check.code for check in PLAUSIBILITY_CHECKS if check.note)
"""Codes of the notes."""
