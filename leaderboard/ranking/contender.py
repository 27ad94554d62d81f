"""Who is on the board, and who of them is ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from schema.entry import Kind
from schema.result import CaseScore, Coverage
from schema.task import Ranking

RANKED = frozenset({Kind.SUBMISSION, Kind.BASELINE})
BESIDE = MappingProxyType(
    {
        Kind.CONTROL: "a control: one end of the scale",
        Kind.HUMAN: "a human reader, shown beside the models",
        Kind.PAPER: "a published figure, not run here",
    }
)
"""Why an entry of this kind is shown and not ranked."""
NO_CASES = "its scores by patient are not at hand, and without them nothing is resampled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """An entry on the board of one task.

    Attributes:
        id: of the entry.
        kind: what it is.
        coverage: how many cases of the manifest it answered.
        cases: a score for each case of the manifest, in its order; None where they are not at hand.
        figures: its public figures by (metric, scope), as far as they are there. Where cases are
            there too, they have to give the same.
        excluded: why it is not ranked, by decision of the organiser (withdrawn, another cohort).
    """

    id: str
    kind: Kind
    coverage: Coverage
    cases: tuple[CaseScore, ...] | None
    figures: Mapping[tuple[str, str], float | None]
    excluded: str | None = None


def unranked_reason(contender: Contender, *, ranking: Ranking) -> str | None:
    """Why an entry is shown without a rank; None when it is ranked."""
    if contender.excluded is not None:
        return contender.excluded
    if contender.kind not in RANKED:
        return BESIDE[contender.kind]
    if contender.cases is None:
        return NO_CASES
    scored, cases = contender.coverage.scored, contender.coverage.cases
    if scored < ranking.minimum_coverage * cases:
        needed = f"{100 * ranking.minimum_coverage:g} %"
        return f"incomplete: {scored} of {cases} cases answered, {needed} needed"
    return None


def manifest_of(contenders: Sequence[Contender]) -> tuple[str, ...]:
    """The cases of the board, in the manifest's order; none when no entry has cases.

    Raises:
        ValueError: an id repeats, or two entries were not scored on the same cases in one order.
    """
    ids = [each.id for each in contenders]
    if repeated := sorted({each for each in ids if ids.count(each) > 1}):
        raise ValueError(f"entries must not repeat: {', '.join(repeated)}")
    manifests = {
        each.id: tuple(case.case_id for case in each.cases)
        for each in contenders
        if each.cases is not None
    }
    if not manifests:
        return ()
    first, cases = next(iter(manifests.items()))
    if others := sorted(each for each, found in manifests.items() if found != cases):
        raise ValueError(
            f"entries of one board have one manifest: {', '.join(others)} "
            f"not scored on the {len(cases)} cases of {first}, or in another order"
        )
    return cases
