"""How a cohort was divided, and how it was sealed: what can be checked afterwards."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from schema.base import CaseId, Count, Digest, Frozen, Line, Probability
from schema.terms import Split


class SplitStratum(Frozen):
    """Patients of one centre and one status, and how many went where."""

    centre: Line
    positive: bool | None
    """At least one case is LLN-positive by the consensus; None when nobody says."""
    patients: dict[Split, Count]


class SplitCase(Frozen):
    """Where a case went."""

    split: Split
    digest: Digest
    """Over the names and contents of its volumes."""


class SplitManifest(Frozen):
    """`split.json`: the division of a cohort. It names hidden cases: it stays private."""

    seed: Count
    source: Digest
    """Of the cohort that was divided."""
    shares: dict[Split, Probability]
    strata: tuple[SplitStratum, ...]
    cases: dict[CaseId, SplitCase]

    @model_validator(mode="after")
    def _shares_are_a_whole(self) -> Self:
        if abs(sum(self.shares.values()) - 1) > 1e-9:
            raise ValueError("shares must sum to 1")
        return self


class SealManifest(Frozen):
    """`sealed.json`: digests of what is published, commitments to what is not."""

    inputs: dict[Line, Digest]
    """SHA-256 of each published file, by its path."""
    commitments: dict[Line, Digest]
    """SHA-256 of a secret nonce of 32 bytes and the content of each file that is kept back."""

    @model_validator(mode="after")
    def _a_file_is_on_one_side(self) -> Self:
        if set(self.inputs) & set(self.commitments):
            raise ValueError("a file is either published or kept back")
        return self


class SealNonces(Frozen):
    """`nonces.json`: opens the commitments. Private until the files are disclosed."""

    nonces: dict[Line, Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]]
    """Hexadecimal, by path."""
