"""Free-response ROC: by hand, against a loop over every threshold, and by what must hold of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.froc import Detections, free_response, sensitivities
from evaluation.intervals import resample_weights
from schema.terms import Status

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


def detections(nodes: list[tuple[int, float, bool]], reference: tuple[int, ...]) -> Detections:
    """Of nodes as (patient, probability, hit)."""
    return Detections(
        probability=np.array([each[1] for each in nodes], dtype=np.float64),
        hit=np.array([each[2] for each in nodes], dtype=np.bool_),
        patient=np.array([each[0] for each in nodes], dtype=np.intp),
        reference=np.array(reference, dtype=np.int64),
    )


def once(patients: int) -> NDArray[np.int32]:
    return np.ones((1, patients), dtype=np.int32)


def of_everybody(found: Detections) -> NDArray[np.float64]:
    (everybody,) = sensitivities(found, rates=RATES, weights=once(found.reference.size))
    return np.asarray(everybody)


def by_loops(found: Detections, times: NDArray[np.int32]) -> list[float]:
    """The definition word by word: every threshold tried, every node counted as often as drawn."""
    total = sum(int(t) * int(r) for t, r in zip(times, found.reference, strict=True))
    patients = int(times.sum())
    best = []
    for rate in RATES:
        highest = 0.0
        for threshold in {math.inf, *found.probability.tolist()}:
            hits = alarms = 0
            for probability, hit, patient in zip(*found[:3], strict=True):
                if probability >= threshold:
                    hits += int(times[patient]) * bool(hit)
                    alarms += int(times[patient]) * (not hit)
            if alarms / patients <= rate:
                highest = max(highest, hits / total if total else math.nan)
        best.append(highest if total else math.nan)
    return best


def test_by_hand() -> None:
    # two patients, three nodes: hits at .9 and .5, false alarms at .8, .5 and .1
    found = detections(
        [(0, 0.9, True), (0, 0.8, False), (1, 0.5, True), (1, 0.5, False), (1, 0.1, False)],
        reference=(1, 2),
    )

    # thresholds: .9 finds 1 with 0 alarms, .8 with 1/2 a patient, .5 finds 2 with 1, .1 with 3/2
    assert of_everybody(found) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3, 2 / 3])
    got = free_response(found, rates=RATES, weights=once(2).repeat(3, axis=0), level=0.95)
    assert got.mean.value == pytest.approx((3 / 3 + 4 * 2 / 3) / 7)
    assert (got.mean.n, got.mean.status) == (3, Status.OK)
    # the same patients in each resample: no spread
    assert got.mean.interval is not None
    assert got.mean.interval.low == got.mean.interval.high == got.mean.value
    assert got.sensitivity == pytest.approx(of_everybody(found))


def test_without_a_reference_node_it_is_undefined() -> None:
    got = free_response(
        detections([(0, 0.5, False)], reference=(0, 0)), rates=RATES, weights=once(2), level=0.95
    )

    assert (got.mean.value, got.mean.status) == (None, Status.UNDEFINED)
    assert got.mean.reason == "no reference node"
    assert got.sensitivity == ()


def test_without_a_predicted_node_nothing_is_found() -> None:
    assert of_everybody(detections([], reference=(2, 1))).tolist() == [0.0] * 7


def test_a_rate_that_is_met_exactly_counts() -> None:
    # eight patients, one false alarm before the only hit: exactly 1/8 a patient
    found = detections([(0, 0.9, False), (1, 0.8, True)], reference=(0, 1, 0, 0, 0, 0, 0, 0))
    assert of_everybody(found)[0] == 1.0
    # of seven it is more than 1/8, and less than 1/4
    found = detections([(0, 0.9, False), (1, 0.8, True)], reference=(0, 1, 0, 0, 0, 0, 0))
    assert of_everybody(found)[:2].tolist() == [0.0, 1.0]


nodes_of = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.booleans()),
    max_size=14,
)


def enough(nodes: list[tuple[int, float, bool]], more: tuple[int, int, int]) -> Detections:
    """As many reference nodes as hits, and some missed."""
    hits = [sum(hit for patient, _, hit in nodes if patient == each) for each in range(3)]
    return detections(nodes, reference=tuple(h + m for h, m in zip(hits, more, strict=True)))


few = st.tuples(*[st.integers(0, 3)] * 3)


@given(nodes=nodes_of, missed=few, seed=st.integers(0, 100))
def test_it_is_what_a_loop_over_every_threshold_gives_in_every_resample(
    nodes: list[tuple[int, float, bool]], missed: tuple[int, int, int], seed: int
) -> None:
    found = enough(nodes, missed)
    strata = np.array([0, 0, 0])
    rng = np.random.default_rng(seed)
    weights = resample_weights(strata=strata, resamples=5, rng=rng)

    got = sensitivities(found, rates=RATES, weights=weights)

    np.testing.assert_allclose(got, [by_loops(found, row) for row in weights], equal_nan=True)


@given(nodes=nodes_of, missed=few)
def test_it_rises_and_ends_at_the_sensitivity_of_the_masks(
    nodes: list[tuple[int, float, bool]], missed: tuple[int, int, int]
) -> None:
    found = enough(nodes, (missed[0] + 1, *missed[1:]))
    got = of_everybody(found)

    assert got.tolist() == sorted(got)
    assert got[0] >= 0
    assert got[-1] == pytest.approx(found.hit.sum() / found.reference.sum())  # below 8 a patient


@given(nodes=nodes_of, missed=few, data=st.data())
def test_the_order_of_the_lines_changes_nothing(
    nodes: list[tuple[int, float, bool]], missed: tuple[int, int, int], data: st.DataObject
) -> None:
    missed = (missed[0] + 1, *missed[1:])
    shuffled = data.draw(st.permutations(nodes))

    assert of_everybody(enough(nodes, missed)).tolist() == pytest.approx(
        of_everybody(enough(shuffled, missed)).tolist()
    )


@given(nodes=nodes_of, missed=few)
def test_only_the_order_of_the_probabilities_counts(
    nodes: list[tuple[int, float, bool]], missed: tuple[int, int, int]
) -> None:
    found = enough(nodes, (missed[0] + 1, *missed[1:]))
    squared = found._replace(probability=found.probability**2)

    assert of_everybody(found).tolist() == of_everybody(squared).tolist()


@given(nodes=nodes_of, missed=few)
def test_equal_probabilities_are_called_at_once(
    nodes: list[tuple[int, float, bool]], missed: tuple[int, int, int]
) -> None:
    found = enough(nodes, (missed[0] + 1, *missed[1:]))
    same = found._replace(probability=np.full(found.probability.shape, 0.5))
    alarms = (~found.hit).sum() / 3
    all_of_them = found.hit.sum() / found.reference.sum()

    assert of_everybody(same).tolist() == pytest.approx(
        [all_of_them if alarms <= rate else 0.0 for rate in RATES]
    )


@given(nodes=nodes_of, missed=few, patient=st.integers(0, 2))
def test_a_false_alarm_below_all_others_never_lowers_it_where_they_were_all_called(
    nodes: list[tuple[int, float, bool]], missed: tuple[int, int, int], patient: int
) -> None:
    missed = (missed[0] + 1, *missed[1:])
    before = of_everybody(enough(nodes, missed))
    after = of_everybody(enough([*nodes, (patient, -1.0, False)], missed))

    assert after.tolist() == before.tolist()


@given(nodes=nodes_of, missed=few, patient=st.integers(0, 2))
def test_a_false_alarm_above_all_others_never_raises_it(
    nodes: list[tuple[int, float, bool]], missed: tuple[int, int, int], patient: int
) -> None:
    missed = (missed[0] + 1, *missed[1:])
    before = of_everybody(enough(nodes, missed))
    after = of_everybody(enough([*nodes, (patient, 2.0, False)], missed))

    assert (after <= before + 1e-12).all()


def test_many_nodes_are_counted_in_blocks_as_few_are() -> None:
    rng = np.random.default_rng(3)
    size = 40_000
    found = Detections(
        probability=rng.integers(0, 500, size) / 500,
        hit=rng.random(size) < 0.3,
        patient=rng.integers(0, 50, size),
        reference=np.full(50, 400),
    )
    weights = resample_weights(strata=np.zeros(50, dtype=int), resamples=7, rng=rng)

    together = sensitivities(found, rates=(50.0, 300.0), weights=weights)
    alone = [sensitivities(found, rates=(50.0, 300.0), weights=row[None])[0] for row in weights]

    np.testing.assert_array_equal(together, alone)
