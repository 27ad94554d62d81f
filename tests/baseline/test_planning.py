"""nnU-Net's plan with a preset's changes, and what preprocessing leaves of a case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import (
    DatasetFingerprintExtractor,
)
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from numpy.typing import NDArray

from baseline.datasets import Variant, joint_code
from baseline.environment import surroundings, variables
from baseline.errors import TrainingError, Untrainable
from baseline.orientation import Orientation
from baseline.planning import edited, fingerprint, prepare, read_plans, read_raw
from baseline.presets import Changes, Network, Planning, Training, preset
from baseline.training import Order
from schema.terms import TaskId
from tasks.cohort import Cohort
from tasks.files import read_header, read_voxels
from tests.baseline.conftest import copied, tiny_order


def plan_of(order: Order) -> dict[str, Any]:
    plans = read_plans(order.work, variant=order.variant, training=order.training)
    configuration: dict[str, Any] = plans["configurations"]["3d_fullres"]
    return configuration


def folder_of(order: Order) -> Path:
    return order.work / "nnUNet_preprocessed" / order.variant.dataset_name


def load(order: Order, case_id: str) -> tuple[NDArray[Any], NDArray[Any], dict[str, Any]]:
    data = nnUNetDatasetBlosc2(str(folder_of(order) / "LLNPlans_tiny_3d_fullres"), [case_id])
    image, mask, _, properties = data.load_case(case_id)
    return np.asarray(image[:])[0], np.asarray(mask[:])[0], properties


def test_the_plan_is_nnunets_with_the_changes_of_the_preset(prepared: Order) -> None:
    plan = plan_of(prepared)
    network = plan["architecture"]["arch_kwargs"]

    assert plan["patch_size"] == [8, 32, 32]
    assert plan["batch_size"] == 2
    assert plan["normalization_schemes"] == ["ZScoreNormalization"]
    assert plan["data_identifier"] == "LLNPlans_tiny_3d_fullres"
    assert network["n_stages"] == len(network["strides"]) == len(network["kernel_sizes"]) == 3
    assert network["features_per_stage"] == [4, 8, 16]
    assert network["n_conv_per_stage"] == [1, 1, 1]


def test_the_trainer_finds_what_it_must_know_in_the_plans(prepared: Order) -> None:
    plans = read_plans(prepared.work, variant=prepared.variant, training=prepared.training)

    assert set(plans["configurations"]) == {"3d_fullres"}
    assert plans["image_reader_writer"] == "NibabelIOWithReorient"
    assert Training.model_validate_json(json.dumps(plans["lln"])) == prepared.training


def test_what_goes_with_the_weights_names_no_case(prepared: Order, small_cohort: Cohort) -> None:
    texts = [
        (folder_of(prepared) / name).read_text() for name in ("dataset.json", "LLNPlans_tiny.json")
    ]

    for text in texts:
        assert [case for case in small_cohort.manifest.cases if case in text] == []


def test_the_fingerprint_is_the_one_nnunet_computes_in_its_processes(converted: Path) -> None:
    ours = fingerprint(read_raw(converted, variant=Variant.NODES))
    with surroundings(variables(converted, workers=1)):
        theirs = DatasetFingerprintExtractor(Variant.NODES.dataset_id, num_processes=1).run(
            overwrite_existing=True
        )

    assert set(ours) == set(theirs)
    np.testing.assert_allclose(ours["spacings"], theirs["spacings"])
    np.testing.assert_array_equal(ours["shapes_after_crop"], theirs["shapes_after_crop"])
    assert (
        ours["median_relative_size_after_cropping"] == theirs["median_relative_size_after_cropping"]
    )
    mine, their = (each["foreground_intensity_properties_per_channel"] for each in (ours, theirs))
    assert mine["0"] == pytest.approx(their[0])


def centroids(mask: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre of mass of each compartment in millimetres, shape (6, 3)."""
    found = [np.argwhere(mask == value).mean(axis=0) for value in range(1, 7)]
    return np.array([affine[:3, :3] @ each + affine[:3, 3] for each in found])


def preprocessed_affine(
    properties: dict[str, Any], *, shape: tuple[int, ...], image: Path
) -> NDArray[np.float64]:
    """Where voxels of a preprocessed case lie, worked out from the image's header alone.

    Slices first, canonical order: index r along an axis of n voxels that were m is at
    (r + 1/2) m / n - 1/2 of the m, which begin at the crop's corner.
    """
    geometry = read_header(image).geometry
    assert geometry is not None
    orientation = Orientation.of(geometry)
    corner = np.array([low for low, _ in properties["bbox_used_for_cropping"]], dtype=float)
    before = np.array(properties["shape_after_cropping_and_before_resampling"], dtype=float)
    scale = before / np.array(shape)
    to_canonical = np.eye(4)
    to_canonical[:3, :3] = np.diag(scale)
    to_canonical[:3, 3] = corner + scale / 2 - 0.5
    return canonical_affine(orientation, geometry.affine, geometry.size) @ to_canonical


def canonical_affine(
    orientation: Orientation, affine: NDArray[np.float64], size: tuple[int, ...]
) -> NDArray[np.float64]:
    """From (superior, anterior, right) indices to millimetres."""
    to_stored = np.zeros((4, 4))
    to_stored[3, 3] = 1.0
    for row, axis in enumerate(orientation.order):
        column = 2 - row
        backwards = orientation.reversed_axes[row]
        to_stored[axis, column] = -1.0 if backwards else 1.0
        to_stored[axis, 3] = size[axis] - 1 if backwards else 0.0
    found: NDArray[np.float64] = affine @ to_stored
    return found


def test_an_oblique_case_stays_where_it_was_in_the_patient(
    prepared: Order, small_cohort: Cohort
) -> None:
    for case_id in small_cohort.manifest.cases[:2]:
        reference = small_cohort.mask(TaskId.COMPARTMENTS, case_id)
        header = read_header(reference)
        assert header.geometry is not None
        assert np.abs(header.geometry.direction_matrix - np.eye(3)).max() > 0.08  # 5 degrees
        wanted = centroids(read_voxels(reference, header=header), header.geometry.affine)
        _, mask, properties = load(prepared, case_id)
        affine = preprocessed_affine(
            properties, shape=mask.shape, image=small_cohort.image(case_id)
        )
        compartments, _ = joint_code().decode(mask.clip(min=0))

        # resampling to 6.6 x 2.8 x 2.8 mm moves borders, and no compartment by a quarter of a slice
        np.testing.assert_allclose(centroids(compartments, affine), wanted, atol=6.6 / 4)


def test_right_stays_right(prepared: Order) -> None:
    _, mask, _ = load(prepared, "SM-01")
    compartments, _ = joint_code().decode(mask.clip(min=0))
    middle = [np.argwhere(compartments == value).mean(axis=0)[2] for value in range(1, 7)]

    # the last axis runs to the patient's right: odd labels are right, even ones left
    for right, left in ((0, 1), (2, 3), (4, 5)):
        assert middle[right] > middle[left] + 5


def test_intensities_are_z_scores(prepared: Order) -> None:
    image, _, _ = load(prepared, "SM-02")

    assert abs(float(image.mean())) < 0.1
    assert 0.8 < float(image.std()) < 1.1


def test_a_case_is_preprocessed_once(prepared: Order, tmp_path: Path) -> None:
    order = tiny_order(copied(prepared.work, tmp_path / "work"))
    longer = order.training.model_copy(
        update={"recipe": Changes(epochs=9).applied(order.training.recipe)}
    )

    assert list(prepare(order.work, variant=order.variant, training=longer)) == []
    plans = read_plans(order.work, variant=order.variant, training=longer)
    assert plans["lln"]["recipe"]["schedule"]["epochs"] == 9


def test_a_dataset_that_was_not_converted_is_named(tmp_path: Path) -> None:
    order = tiny_order(tmp_path)

    with pytest.raises(TrainingError, match="convert --dataset joint") as error:
        list(prepare(order.work, variant=order.variant, training=order.training))
    assert error.value.kind is Untrainable.NOT_CONVERTED


def changed(plans: dict[str, Any], network: Network, patch: tuple[int, int, int]) -> dict[str, Any]:
    planning = Planning(planner="ExperimentPlanner", patch_size=patch, network=network)
    recipe = preset("tiny").model_copy(update={"planning": planning})
    training = Training(preset="tiny", recipe=recipe, seed=1)
    found: dict[str, Any] = edited(plans, training=training)["configurations"]["3d_fullres"]
    return found


def test_the_papers_network_has_five_stages_from_32_filters(prepared: Order) -> None:
    plans = read_plans(prepared.work, variant=prepared.variant, training=prepared.training)
    plans["configurations"]["3d_fullres"]["spacing"] = [3.0, 0.6, 0.6]
    network = preset("paper").planning.network
    assert network is not None
    plan = changed(plans, network, (28, 250, 250))
    arguments = plan["architecture"]["arch_kwargs"]

    assert arguments["features_per_stage"] == [32, 64, 128, 256, 320]
    # slices are five times as far apart as rows: not halved before rows are as coarse, 2 x 2 x 0.6
    assert arguments["strides"] == [[1, 1, 1], [1, 2, 2], [1, 2, 2], [2, 2, 2], [2, 2, 2]]
    assert arguments["kernel_sizes"] == [[1, 3, 3], [1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]]
    assert plan["patch_size"] == [28, 256, 256]  # what 2 x 2 and 16 x 16 divide


def test_the_changed_network_takes_its_patch_and_has_a_channel_a_label(prepared: Order) -> None:
    architecture = plan_of(prepared)["architecture"]
    network = get_network_from_plans(
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        1,
        8,
        allow_init=False,
        deep_supervision=False,
    )
    with torch.inference_mode():
        answer = network(torch.zeros(1, 1, 8, 32, 32))

    assert answer.shape == (1, 8, 8, 32, 32)
