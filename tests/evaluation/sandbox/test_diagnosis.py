"""Ends that look alike are told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.sandbox.diagnosis import describe, diagnose
from evaluation.sandbox.runner import Outcome
from schema.execution import FailureCode

OUTCOMES = st.builds(
    Outcome,
    exit_code=st.integers(0, 255),
    oom_killed=st.booleans(),
    timed_out=st.booleans(),
    quota_exceeded=st.booleans(),
    engine_error=st.none() | st.just("gone"),
    peak_memory_mib=st.none() | st.floats(0, 200),
)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome(exit_code=0), None),
        (Outcome(exit_code=3), FailureCode.MODEL_EXIT),
        (Outcome(exit_code=127), FailureCode.MODEL_EXIT),
        (Outcome(exit_code=137, timed_out=True), FailureCode.TIMEOUT),
        (Outcome(exit_code=0, timed_out=True), FailureCode.TIMEOUT),
        (Outcome(exit_code=137, oom_killed=True), FailureCode.OUT_OF_MEMORY),
        # a worker was killed, and the parent gave up in its own way or hung
        (Outcome(exit_code=1, oom_killed=True), FailureCode.OUT_OF_MEMORY),
        (Outcome(exit_code=137, oom_killed=True, timed_out=True), FailureCode.OUT_OF_MEMORY),
        # a worker was killed, and the model did without
        (Outcome(exit_code=0, oom_killed=True), None),
        # the engine missed it
        (Outcome(exit_code=137, peak_memory_mib=97.0), FailureCode.OUT_OF_MEMORY),
        (Outcome(exit_code=137, peak_memory_mib=50.0), FailureCode.MODEL_EXIT),
        (Outcome(exit_code=137), FailureCode.MODEL_EXIT),
        (Outcome(exit_code=137, peak_memory_mib=97.0, timed_out=True), FailureCode.TIMEOUT),
        (Outcome(exit_code=0, quota_exceeded=True), FailureCode.OUTPUT_QUOTA),
        (Outcome(exit_code=137, quota_exceeded=True), FailureCode.OUTPUT_QUOTA),
        (Outcome(exit_code=1, engine_error="gone"), FailureCode.INFRASTRUCTURE),
        (Outcome(engine_error="gone"), FailureCode.INFRASTRUCTURE),
    ],
)
def test_an_end_has_one_code(outcome: Outcome, code: FailureCode | None) -> None:
    assert diagnose(outcome, memory_mib=100) is code


@given(OUTCOMES)
def test_the_engine_is_blamed_exactly_when_it_failed(outcome: Outcome) -> None:
    code = diagnose(outcome, memory_mib=100)

    assert (code is FailureCode.INFRASTRUCTURE) == (outcome.engine_error is not None)
    assert code is not FailureCode.CONTRACT_BREACH


@given(OUTCOMES)
def test_what_ended_well_within_its_limits_has_no_code(outcome: Outcome) -> None:
    faults = (outcome.timed_out, outcome.quota_exceeded, outcome.engine_error, outcome.exit_code)

    if not any(faults):
        assert diagnose(outcome, memory_mib=100) is None


@pytest.mark.parametrize("code", FailureCode)
def test_every_code_is_described(code: FailureCode) -> None:
    assert describe(Outcome(exit_code=9, seconds=600.4), code=code)


def test_the_description_holds_the_figures() -> None:
    assert describe(Outcome(seconds=600.4), code=FailureCode.TIMEOUT) == "killed after 600 s"
    assert describe(Outcome(exit_code=9), code=FailureCode.MODEL_EXIT) == "exit code 9"
