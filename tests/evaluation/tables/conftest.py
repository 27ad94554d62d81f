"""The replica of the paper's cohort, scored once."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.run import Scored, evaluate
from tasks.cohort import read_cohort

REPLICA = Path(__file__).parents[3] / "tasks" / "replica"


@pytest.fixture(scope="session")
def replica() -> Scored:
    """The paper's submission on the replica."""
    scored = evaluate(read_cohort(REPLICA), REPLICA / "submission")
    assert scored.findings == ()
    return scored
