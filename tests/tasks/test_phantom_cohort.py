"""The phantom cohort on disk and the submission simulated from it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from evaluation.gate import check_submission
from evaluation.run import evaluate
from schema.terms import NodeClass, Reader, Region, Side, TaskId
from tasks.cohort import Cohort, read_cohort
from tasks.cohort_check import check_volumes
from tasks.files import read_header, read_table, read_voxels
from tasks.node_measurement import NodeMap, measure_nodes_of_task
from tasks.phantom_cohort import PREVALENCE, write_phantom_cohort
from tasks.simulated_submission import write_simulated_submission
from tasks.simulation import call_probability, patient_calls
from tasks.specification import label_map, positivity_rules

PATIENTS = 4
PREVALENCE_HERE = 0.5


def draw(out: Path, *, jobs: int = 1) -> Path:
    written = write_phantom_cohort(
        out=out, patients=PATIENTS, seed=3, prevalence=PREVALENCE_HERE, jobs=jobs
    )
    assert len(list(written)) == PATIENTS
    return out


def simulate(cohort: Cohort, out: Path) -> Path:
    list(
        write_simulated_submission(
            cohort, out=out, sensitivity=0.5, specificity=0.5, seed=5, jobs=1
        )
    )
    return out


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return read_cohort(draw(tmp_path_factory.mktemp("phantom") / "cohort"))


@pytest.fixture(scope="module")
def simulated(phantom: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(phantom, tmp_path_factory.mktemp("simulated") / "submission")


def read_nodes(cohort: Cohort, folder: Path, case_id: str) -> NodeMap:
    path = folder / TaskId.NODES.value / f"{case_id}.nii.gz"
    header = read_header(path)
    places = cohort.mask(TaskId.COMPARTMENTS, case_id)
    compartments = read_voxels(places, header=read_header(places))
    assert header.geometry is not None
    return measure_nodes_of_task(
        read_voxels(path, header=header), geometry=header.geometry, compartments=compartments
    )


def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_jobs(
    phantom: Cohort, tmp_path: Path
) -> None:
    assert digests(draw(tmp_path / "again", jobs=2)) == digests(phantom.folder)


def test_a_phantom_passes_its_own_check(phantom: Cohort) -> None:
    assert [finding for found in check_volumes(phantom) for finding in found] == []


def test_the_centres_differ_in_matrix_and_spacing_and_are_oblique(phantom: Cohort) -> None:
    grids = [read_header(phantom.image(case)).geometry for case in phantom.manifest.cases]

    assert len({grid.size for grid in grids if grid}) == 2
    assert len({np.round(grid.spacing_mm, 3).tobytes() for grid in grids if grid}) == 2
    for grid in grids:
        assert grid is not None
        assert abs(grid.direction_matrix[2, 2]) < np.cos(np.deg2rad(4))


def test_every_compartment_lies_on_the_patients_own_side(phantom: Cohort) -> None:
    for case_id in phantom.manifest.cases:
        path = phantom.mask(TaskId.COMPARTMENTS, case_id)
        header = read_header(path)
        mask = read_voxels(path, header=header)
        assert header.geometry is not None
        for (_, side), value in label_map(TaskId.COMPARTMENTS).compartments.items():
            centre = np.argwhere(mask == value).mean(axis=0)
            x = (header.geometry.lps_affine @ [*centre, 1.0])[0]
            assert (x > 0) == (side is Side.LEFT)


def test_the_consensus_is_what_the_masks_say_by_the_tasks_rule(phantom: Cohort) -> None:
    threshold = positivity_rules().short_axis_mm
    for case_id, reading in phantom.readers[Reader.CONSENSUS].items():
        nodes = read_nodes(phantom, phantom.folder, case_id).nodes
        positive = [node for node in nodes if node.node_class is NodeClass.POSITIVE]
        negative = [node for node in nodes if node.node_class is NodeClass.NEGATIVE]
        assert reading.positive == bool(positive)
        assert all(node.short_axis_mm < threshold for node in negative)
        assert all(node.place.region in tuple(Region) for node in nodes)
        if positive:
            largest = max(node.short_axis_mm for node in positive)
            assert reading.short_axis_mm == pytest.approx(largest, abs=0.051)


def test_the_prevalence_is_the_one_asked_for(phantom: Cohort) -> None:
    positive = sum(row.positive for row in phantom.readers[Reader.CONSENSUS].values())

    assert positive == PATIENTS * PREVALENCE_HERE
    assert pytest.approx(0.127, abs=1e-3) == PREVALENCE


def test_a_simulated_submission_is_complete_and_passes_the_gate(
    phantom: Cohort, simulated: Path
) -> None:
    assert [f for found in check_submission(simulated, cohort=phantom) for f in found] == []


def test_a_simulated_submission_is_reproducible(
    phantom: Cohort, simulated: Path, tmp_path: Path
) -> None:
    assert digests(simulate(phantom, tmp_path / "again")) == digests(simulated)


def test_a_simulated_call_agrees_with_its_own_masks(phantom: Cohort, simulated: Path) -> None:
    table = read_table(simulated / "positivity.csv")
    for row in table.rows:
        cells = dict(zip(table.columns, row.cells, strict=True))
        nodes = read_nodes(phantom, simulated, cells["case_id"]).nodes
        called = any(node.node_class is NodeClass.POSITIVE for node in nodes)
        assert cells["positive"] == str(int(called))
        assert (float(cells["probability"]) >= 0.5) == called


def test_calls_meet_the_operating_point_in_whole_patients() -> None:
    reference = np.array([True] * 61 + [False] * 419)
    calls = patient_calls(
        reference, sensitivity=0.738, specificity=0.895, rng=np.random.default_rng(1)
    )

    # 0.738 * 61 = 45.02 and 0.895 * 419 = 375.005: the paper's counts
    assert (calls & reference).sum() == 45
    assert (~calls & ~reference).sum() == 375


@pytest.mark.parametrize("called", [True, False])
@pytest.mark.parametrize("positive", [True, False])
def test_a_probability_is_on_the_side_of_its_call(*, called: bool, positive: bool) -> None:
    rng = np.random.default_rng(0)
    drawn = [call_probability(called=called, positive=positive, rng=rng) for _ in range(200)]

    assert all(0 <= probability <= 1 for probability in drawn)
    assert all((probability >= 0.5) == called for probability in drawn)


def test_a_simulated_submission_is_surer_of_real_nodes_than_of_invented_ones(
    phantom: Cohort, simulated: Path
) -> None:
    cases = [c for c in evaluate(phantom, simulated).cases if c.task is TaskId.NODES]
    real, invented = (
        [
            node.probability
            for case in cases
            for node in case.prediction_nodes
            if node.probability is not None and (node.matched is not None) is found
        ]
        for found in (True, False)
    )

    assert min(*real, *invented) >= 0.5
    assert np.mean(real) > np.mean(invented)
