"""nnU-Net's plan, a preset's changes to it, and the preprocessed cases. All in this process.

nnU-Net hands fingerprint and preprocessing to pools of spawned processes, which die where shared
memory is short. The work on one case is a function of its own in nnU-Net; it is called here case by
case.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nnunetv2
import numpy as np
from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import (
    DatasetFingerprintExtractor,
)
from nnunetv2.experiment_planning.experiment_planners.network_topology import (
    get_pool_and_conv_props,
)
from nnunetv2.experiment_planning.plan_and_preprocess_api import plan_experiment_dataset
from nnunetv2.imageio.reader_writer_registry import recursive_find_reader_writer_by_name
from nnunetv2.utilities.find_class_by_name import recursive_find_python_class
from nnunetv2.utilities.json_export import recursive_fix_for_json_export
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from baseline.datasets import CONFIGURATION, OURS, Variant
from baseline.environment import PLANNING_WORKERS, PREPROCESSED, RAW, surroundings, variables
from baseline.errors import TrainingError, Untrainable
from baseline.presets import Network, Training
from tasks.files import read_text, write_text

FEWEST_VOXELS = 4
"""nnU-Net's least edge of the coarsest feature map."""
FOREGROUND_SAMPLES = 100_000_000
"""Voxels under labels that the fingerprint samples over the whole dataset, as nnU-Net does."""
PERCENTILES = {"percentile_00_5": 0.5, "median": 50.0, "percentile_99_5": 99.5}

Plans = dict[str, Any]


def plans_name(training: Training) -> str:
    """Name of the plans file, a part of the name of the folder of results."""
    return f"LLNPlans_{training.preset}"


def prepare(work: Path, *, variant: Variant, training: Training) -> Iterator[str]:
    """Plan and preprocess one dataset; yields each case as it is done.

    Writes `nnUNet_preprocessed/<dataset>` as nnU-Net does: fingerprint, `dataset.json`, splits,
    preprocessed cases, the reference masks beside them, and the plans when all the rest is there.
    Cases that were preprocessed by the same plan from the same cohort are left as they are.

    Raises:
        TrainingError: the work folder holds no such dataset.
    """
    folder = work / PREPROCESSED / variant.dataset_name
    dataset = read_raw(work, variant=variant)
    public = public_part(dataset)
    path = folder / f"{plans_name(training)}.json"
    before = _plans_of(path)
    if before is not None and _read_json(folder / "dataset.json") == public:
        told = Training.model_validate_json(json.dumps(before[OURS]))
        if told.recipe.planning == training.recipe.planning:
            write_text(path, _json(before | {OURS: training.model_dump(mode="json")}))
            return
    path.unlink(missing_ok=True)
    (folder / "splits_final.json").unlink(missing_ok=True)
    with surroundings(variables(work, workers=PLANNING_WORKERS)):
        write_text(folder / "dataset_fingerprint.json", _json(fingerprint(dataset)))
        plans = edited(_planned(variant, training=training), training=training)
        path.unlink()  # nnU-Net's planner writes it: it would say that all is done
        write_text(folder / "dataset.json", _json(public))
        yield from _preprocess(dataset, folder=folder, plans=plans)
    write_text(path, _json(plans))


def public_part(dataset: dict[str, Any]) -> dict[str, Any]:
    """`dataset.json` as it goes with the weights: it names no case."""
    return {key: value for key, value in dataset.items() if key != "dataset"}


def _read_json(path: Path) -> Any:
    return json.loads(read_text(path)) if path.is_file() else None


def _plans_of(path: Path) -> Plans | None:
    """Plans that were written when their cases were done, or None."""
    plans = _read_json(path)
    return plans if plans is not None and OURS in plans else None


def read_plans(work: Path, *, variant: Variant, training: Training) -> Plans:
    """The plans of a prepared dataset."""
    path = work / PREPROCESSED / variant.dataset_name / f"{plans_name(training)}.json"
    plans: Plans = json.loads(read_text(path))
    return plans


def read_raw(work: Path, *, variant: Variant) -> dict[str, Any]:
    """`dataset.json` of a raw dataset, its paths made absolute.

    Raises:
        TrainingError: there is none.
    """
    folder = work.resolve() / RAW / variant.dataset_name
    path = folder / "dataset.json"
    if not path.is_file():
        raise TrainingError(
            f"{path} is not there; make it with `lln baseline convert --dataset {variant.value}`",
            kind=Untrainable.NOT_CONVERTED,
        )
    dataset: dict[str, Any] = json.loads(read_text(path))
    for files in dataset["dataset"].values():
        files["images"] = [str(folder / each) for each in files["images"]]
        files["label"] = str(folder / files["label"])
    return dataset


def fingerprint(dataset: dict[str, Any]) -> dict[str, Any]:
    """What nnU-Net's planner knows of a dataset: spacings, sizes and intensities under the labels.

    Args:
        dataset: of `read_raw`.
    """
    reader = recursive_find_reader_writer_by_name(dataset["overwrite_image_reader_writer"])
    samples = int(FOREGROUND_SAMPLES // len(dataset["dataset"]))
    cases = [
        DatasetFingerprintExtractor.analyze_case(each["images"], each["label"], reader, samples)
        for each in dataset["dataset"].values()
    ]
    channels = len(dataset["channel_names"])
    return {
        "spacings": [case[1] for case in cases],
        "shapes_after_crop": [case[0] for case in cases],
        "foreground_intensity_properties_per_channel": {
            str(channel): _intensities(np.concatenate([case[2][channel] for case in cases]))
            for channel in range(channels)
        },
        "median_relative_size_after_cropping": float(np.median([case[4] for case in cases])),
    }


def _intensities(values: np.ndarray[Any, np.dtype[Any]]) -> dict[str, float]:
    low, middle, high = np.percentile(values, tuple(PERCENTILES.values()))
    found = zip(PERCENTILES, (low, middle, high), strict=True)
    statistics = {name: float(value) for name, value in found}
    return statistics | {
        "mean": float(values.mean()),
        "std": float(values.std()),
        "min": float(values.min()),
        "max": float(values.max()),
    }


def _planned(variant: Variant, *, training: Training) -> Plans:
    planning = training.recipe.planning
    planner = recursive_find_python_class(
        str(Path(nnunetv2.__path__[0]) / "experiment_planning"),
        planning.planner,
        current_module="nnunetv2.experiment_planning",
    )
    with contextlib.redirect_stdout(sys.stderr):  # it prints the plan
        plans, _ = plan_experiment_dataset(
            variant.dataset_id,
            planner,
            overwrite_target_spacing=planning.spacing_mm,
            overwrite_plans_name=plans_name(training),
        )
    recursive_fix_for_json_export(plans)
    return dict(plans)


def edited(plans: Plans, *, training: Training) -> Plans:
    """A plan with the changes of a recipe, `3d_fullres` alone.

    Args:
        plans: as nnU-Net's planner makes them; left as they are.
        training: says what to change; kept for the trainer under the key `lln`.
    """
    planning = training.recipe.planning
    changed: Plans = json.loads(json.dumps(plans))
    configuration = changed["configurations"][CONFIGURATION]
    configuration["data_identifier"] = f"{changed['plans_name']}_{CONFIGURATION}"
    if planning.patch_size is not None:
        configuration["patch_size"] = list(planning.patch_size)
    if planning.batch_size is not None:
        configuration["batch_size"] = planning.batch_size
    if planning.network is not None:
        _change_network(configuration, network=planning.network)
    changed["configurations"] = {CONFIGURATION: configuration}
    changed[OURS] = training.model_dump(mode="json")
    return changed


def _change_network(configuration: Plans, *, network: Network) -> None:
    """Number of stages and filters; strides, kernels and the rounded patch by nnU-Net's rule."""
    _, strides, kernels, patch, _ = get_pool_and_conv_props(
        configuration["spacing"], configuration["patch_size"], FEWEST_VOXELS, network.stages - 1
    )
    strides, kernels = strides[: network.stages], kernels[: network.stages]
    stages = len(strides)
    configuration["patch_size"] = [int(each) for each in patch]
    configuration["architecture"]["arch_kwargs"] |= {
        "n_stages": stages,
        "features_per_stage": [
            min(network.base_filters * 2**stage, network.maximum_filters) for stage in range(stages)
        ],
        "strides": [list(each) for each in strides],
        "kernel_sizes": [list(each) for each in kernels],
        "n_conv_per_stage": [network.convolutions] * stages,
        "n_conv_per_stage_decoder": [network.convolutions] * (stages - 1),
    }


def _preprocess(dataset: dict[str, Any], *, folder: Path, plans: Plans) -> Iterator[str]:
    manager = PlansManager(plans)
    configuration = manager.get_configuration(CONFIGURATION)
    preprocessor = configuration.preprocessor_class(verbose=False)
    out = folder / configuration.data_identifier
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    truth = folder / "gt_segmentations"
    truth.mkdir(exist_ok=True)
    for case_id, files in dataset["dataset"].items():
        preprocessor.run_case_save(
            str(out / case_id), files["images"], files["label"], manager, configuration, dataset
        )
        shutil.copyfile(files["label"], truth / f"{case_id}{dataset['file_ending']}")
        yield case_id


def _json(data: object) -> str:
    """JSON that keeps the order of keys: nnU-Net numbers output channels by the order of labels."""
    return json.dumps(data, indent=2, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    """A numpy number as Python's."""
    return value.item()
