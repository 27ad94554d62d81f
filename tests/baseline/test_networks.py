from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from nnunetv2.inference.export_prediction import (
    convert_predicted_logits_to_segmentation_with_correct_shape,
)
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from numpy.typing import NDArray

from baseline.datasets import Variant, channel_names, joint_code
from baseline.images import Image, read_image
from baseline.model_folder import Part
from baseline.networks import Ensemble, NetworkError, Recipe, build_network, choose_device
from baseline.orientation import Orientation
from tasks.files import write_nifti
from tests.baseline.tiny_models import CODES, SPACING_MM, SURE, hand_set_part, plans, random_part
from tests.baseline.turned_volumes import TURNS, oblique_grid

SIZE = (20, 18, 7)
GRID = oblique_grid(size=SIZE, spacing_mm=(1.5, 1.5, 4.0), degrees=(9.0, -6.0, 12.0))
NAMES = channel_names(Variant.JOINT)


def recipe_of(part: Part) -> Recipe:
    return Recipe(plans=part.plans, dataset=part.dataset)


def ensemble(part: Part) -> Ensemble:
    return Ensemble(recipe_of(part), weights=list(part.weights.values()), device="cpu")


def image_of(voxels: NDArray[np.float32]) -> Image:
    return Image(GRID, Orientation.of(GRID), voxels)


def noise(seed: int = 3) -> NDArray[np.float32]:
    """A body in air, so that nnU-Net has something to crop."""
    rng = np.random.default_rng(seed)
    voxels = np.zeros(SIZE, dtype=np.float32)
    voxels[2:-3, 1:-2, 1:] = rng.integers(50, 900, (SIZE[0] - 5, SIZE[1] - 3, SIZE[2] - 1))
    return voxels


def logistic(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


def test_a_hand_set_network_says_what_its_table_says() -> None:
    codes = np.random.default_rng(2).integers(0, CODES, SIZE).astype(np.float32)

    found = ensemble(hand_set_part(Variant.JOINT)).probabilities(image_of(codes), names=NAMES)

    for probability, region in zip(found, joint_code().regions().values(), strict=True):
        inside = np.isin(codes, region)
        np.testing.assert_allclose(probability[inside], logistic(SURE), atol=1e-4)
        # where nnU-Net cropped the air away nothing is found, and nothing is asked
        np.testing.assert_array_less(probability[~inside], logistic(-SURE) + 1e-4)


def test_folds_are_averaged_as_probabilities_not_as_logits() -> None:
    codes = np.full(SIZE, 3, dtype=np.float32)  # the obturator compartment on the right
    codes[0, 0, 0] = 0
    part = hand_set_part(Variant.JOINT, shifts={0: 0.0, 1: -9.0, 2: -20.0})

    found = ensemble(part).probabilities(image_of(codes), names=(NAMES[2],))

    # 8, -1 and -12 in logits: their mean would be -5/3, a probability of 0.159
    by_hand = (logistic(8.0) + logistic(-1.0) + logistic(-12.0)) / 3
    assert by_hand == pytest.approx(0.4228, abs=1e-4)
    np.testing.assert_allclose(found[0, 5, 5, 3], by_hand, atol=2e-4)


@pytest.mark.parametrize("variant", list(Variant))
def test_an_ensemble_is_the_mean_of_its_folds(variant: Variant) -> None:
    part = random_part(variant, folds=(0, 1, 2))
    image, names = image_of(noise()), channel_names(variant)

    together = ensemble(part).probabilities(image, names=names)
    alone = [
        ensemble(part._replace(weights={fold: part.weights[fold]})).probabilities(
            image, names=names
        )
        for fold in part.weights
    ]

    assert np.std(alone, axis=0).max() > 0.1  # the folds do differ
    np.testing.assert_allclose(together, np.mean(alone, axis=0), atol=1e-6)


@pytest.mark.parametrize("variant", list(Variant))
@pytest.mark.parametrize(
    ("spacing_mm", "apart"),
    # where both resample, nnU-Net resamples logits and the ensemble probabilities: close, not equal
    [(SPACING_MM, 1e-6), ((3.0, 1.3, 1.7), 0.02)],
    ids=["own grid", "resampled"],
)
def test_one_fold_says_what_nnunet_s_own_predictor_says(
    variant: Variant, spacing_mm: tuple[float, ...], apart: float
) -> None:
    part, image = random_part(variant, spacing_mm=spacing_mm), image_of(noise())

    expected = nnunet_probabilities(part, image)
    channels = [recipe_of(part).channels[name] for name in channel_names(variant)]
    found = ensemble(part).probabilities(image, names=channel_names(variant))

    assert np.abs(found - expected[channels]).mean() < apart
    assert Orientation.of(GRID).order == (0, 1, 2)  # the reference below turns by (2, 1, 0) alone


def nnunet_probabilities(part: Part, image: Image) -> NDArray[np.float32]:
    """By nnU-Net alone: its preprocessor, its predictor, its way back to the image's grid."""
    manager = PlansManager(part.plans)
    configuration = manager.get_configuration("3d_fullres")
    predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.manual_initialization(
        build_network(recipe_of(part)),
        manager,
        configuration,
        list(part.weights.values()),
        part.dataset,
        "",
        None,
    )
    data, _, properties = configuration.preprocessor_class(verbose=False).run_case_npy(
        image.voxels.transpose(2, 1, 0)[None],
        None,
        {"spacing": list(image.geometry.spacing_mm[::-1])},
        manager,
        configuration,
        part.dataset,
    )
    logits = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(data))
    _, probabilities = convert_predicted_logits_to_segmentation_with_correct_shape(
        logits,
        manager,
        configuration,
        manager.get_label_manager(part.dataset),
        properties,
        return_probabilities=True,
        num_threads_torch=torch.get_num_threads(),
    )
    found: NDArray[np.float32] = probabilities.transpose(0, 3, 2, 1)
    return found


def test_how_a_volume_is_stored_changes_nothing_at_all(tmp_path: Path) -> None:
    part = random_part(Variant.JOINT, spacing_mm=(3.0, 1.3, 1.7), patch=(12, 24, 24))
    asked, voxels = ensemble(part), noise()
    expected = asked.probabilities(image_of(voxels), names=NAMES)

    for number, turn in enumerate(TURNS[::5]):  # ten: every order, every reversal
        path = tmp_path / f"{number}.nii.gz"
        write_nifti(path, turn.turned(voxels), geometry=turn.grid(GRID))
        found = asked.probabilities(read_image(path), names=NAMES)
        for name, channel, once in zip(NAMES, found, expected, strict=True):
            np.testing.assert_array_equal(turn.back(channel), once, err_msg=f"{turn} {name}")


@pytest.mark.parametrize("axis", range(3))
def test_a_mirrored_body_is_another_body(axis: int) -> None:
    # what the test above would not see: a network to which the order of voxels is all one
    asked, voxels = ensemble(random_part(Variant.JOINT)), noise()

    seen = asked.probabilities(image_of(voxels), names=NAMES)
    mirrored = asked.probabilities(image_of(np.flip(voxels, axis).copy()), names=NAMES)

    assert np.abs(np.flip(mirrored, axis + 1) - seen).max() > 0.1


def test_the_same_volume_gives_the_same_bits() -> None:
    part = random_part(Variant.JOINT, folds=(0, 1))

    first = ensemble(part).probabilities(image_of(noise()), names=NAMES)
    again = ensemble(part).probabilities(image_of(noise()), names=NAMES)

    assert first.tobytes() == again.tobytes()


def test_a_volume_smaller_than_the_window_is_answered() -> None:
    part = hand_set_part(Variant.JOINT, patch=(16, 64, 64))
    codes = np.full(SIZE, 4, dtype=np.float32)

    found = ensemble(part).probabilities(image_of(codes), names=NAMES)

    assert (found.argmax(axis=0) == 3).all()


@pytest.mark.parametrize("variant", list(Variant))
def test_channels_are_those_that_the_conversion_wrote(variant: Variant) -> None:
    recipe = recipe_of(hand_set_part(variant))

    first = 0 if variant is Variant.JOINT else 1  # softmax has the background first
    assert recipe.exclusive == (variant is not Variant.JOINT)
    assert recipe.channels == {
        name: channel for channel, name in enumerate(channel_names(variant), start=first)
    }


@pytest.mark.parametrize(
    ("field", "named"),
    [("network_class_name", "subprocess.Popen"), ("nonlin", "os.system")],
)
def test_plans_that_name_a_program_are_refused(field: str, named: str) -> None:
    planned = deepcopy(plans(features=(6, 8), kernel=3, normalised=True))
    architecture = planned["configurations"]["3d_fullres"]["architecture"]
    place = architecture if field in architecture else architecture["arch_kwargs"]
    place[field] = named

    with pytest.raises(NetworkError, match=f"no network's: {named}"):
        build_network(Recipe(plans=planned, dataset=hand_set_part(Variant.JOINT).dataset))


@pytest.mark.parametrize(
    ("step", "named"), [("preprocessor_name", "Nothing"), ("resampling_fn_data", "nothing")]
)
def test_plans_with_a_step_that_nnunet_has_not_are_refused_at_once(step: str, named: str) -> None:
    part = deepcopy(random_part(Variant.NODES))
    part.plans["configurations"]["3d_fullres"][step] = named

    with pytest.raises(NetworkError, match=r"plans\.json"):
        ensemble(part)


def test_weights_of_another_network_are_refused() -> None:
    part = random_part(Variant.NODES)
    other = random_part(Variant.JOINT)

    with pytest.raises(NetworkError, match="the weights do not fit the plans"):
        ensemble(part._replace(weights=other.weights))


def test_cuda_is_not_pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert choose_device("auto") == "cpu"
    assert choose_device("cpu") == "cpu"
    with pytest.raises(NetworkError, match="--device cuda"):
        choose_device("cuda")
