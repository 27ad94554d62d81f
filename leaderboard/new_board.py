"""Starting a board from a cohort."""

from __future__ import annotations

from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evaluation.run import KIT
from leaderboard import private_folder
from leaderboard.board_folder import BOARD, LEDGER, SUMS, said, sums_text
from schema.board import Board
from schema.errors import UsageError
from tasks.cohort import Cohort
from tasks.files import digest_folder, toml_text, write_text
from tasks.layout import COHORT_NAMES

UNKNOWN = "unknown"


def start(
    cohort: Cohort,
    *,
    results: Path,
    private: Path,
    opened: date,
    **rules: Any,
) -> Board:
    """Write `board.toml` and an empty ledger, and keep the centres of the cases privately.

    Args:
        cohort: that every entry is scored on.
        results: a new or empty folder; everything in it is public.
        private: for what is not.
        opened: first day of the board.
        rules: the other fields of `schema.board.Board`.

    Raises:
        UsageError: the private folder lies within the public one, or a rule breaks the contract.
    """
    private_folder.refuse_inside(private, results=results)
    given = {name: value for name, value in rules.items() if value is not None}
    try:
        board = Board(
            cohort_name=cohort.manifest.name,
            cohort_digest=digest_folder(cohort.folder, names=COHORT_NAMES),
            kit_version=version(KIT),
            opened=opened,
            **given,
        )
    except ValidationError as error:
        raise UsageError(f"board.toml: {said(error)}") from error
    private_folder.prepare(private)
    if cohort.clinical:
        private_folder.write_centres(private, _centres(cohort))
    write_text(results / BOARD, toml_text(board.model_dump(mode="json", exclude_none=True)))
    write_text(results / LEDGER, "")
    write_text(results / SUMS, sums_text(results))
    return board


def _centres(cohort: Cohort) -> dict[str, str]:
    """Centre of each case; those without a clinical row are resampled among themselves."""
    rows = {case: cohort.clinical.get(case) for case in cohort.manifest.cases}
    return {case: row.centre if row else UNKNOWN for case, row in rows.items()}
