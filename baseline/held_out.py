"""Answers of a trained fold for the patients it has not seen. Sequential, in this process.

nnU-Net's own validation exports through a pool of spawned processes. Its files are written here as
it writes them: `validation/<case>.nii.gz`, and where wanted `<case>.npz` with the probabilities of
every channel and `<case>.pkl` with what is needed to place them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from batchgenerators.utilities.file_and_folder_operations import save_pickle
from nnunetv2.inference.export_prediction import (
    convert_predicted_logits_to_segmentation_with_correct_shape,
)
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from numpy.typing import NDArray

from baseline.datasets import FILE_ENDING, OURS, Mask, Variant, joint_code, segmentation
from baseline.record import CaseAnswer, LabelOverlap
from tasks.specification import label_map

FOLDER = "validation"


def answer_held_out(trainer: Any, *, probabilities: bool) -> Iterator[CaseAnswer]:
    """Predict the held-out patients of a trainer's fold and compare each with its reference.

    Args:
        trainer: a trained `nnUNetTrainerLLN`.
        probabilities: whether to keep the probabilities, in half precision.
    """
    out = Path(trainer.output_folder) / FOLDER
    out.mkdir(exist_ok=True)
    variant = Variant(trainer.dataset_json[OURS]["variant"])
    predictor = _predictor(trainer)
    _, cases = trainer.do_split()
    data = trainer.dataset_class(trainer.preprocessed_dataset_folder, list(cases))
    truth = Path(trainer.preprocessed_dataset_folder_base) / "gt_segmentations"
    trainer.set_deep_supervision_enabled(False)
    trainer.network.eval()
    try:
        for case_id in data.identifiers:
            voxels, _, _, properties = data.load_case(case_id)
            found = _answer(predictor, torch.from_numpy(np.array(voxels[:])), properties)
            answer = segmentation(variant, found)
            _write(out / case_id, answer, properties=properties, plans=trainer.plans_manager)
            if probabilities:
                np.savez_compressed(out / f"{case_id}.npz", probabilities=found.astype(np.float16))
                save_pickle(properties, str(out / f"{case_id}.pkl"))
            reference = _reference(truth / f"{case_id}{FILE_ENDING}", trainer.plans_manager)
            yield compare(case_id, variant=variant, reference=reference, answer=answer)
    finally:
        trainer.set_deep_supervision_enabled(trainer.enable_deep_supervision)


def _predictor(trainer: Any) -> Any:
    predictor = nnUNetPredictor(
        use_mirroring=False,
        perform_everything_on_device=True,
        device=trainer.device,
        allow_tqdm=False,
    )
    predictor.manual_initialization(
        trainer.network,
        trainer.plans_manager,
        trainer.configuration_manager,
        None,
        trainer.dataset_json,
        type(trainer).__name__,
        None,
    )
    return predictor


def _answer(
    predictor: Any, voxels: torch.Tensor, properties: dict[str, Any]
) -> NDArray[np.floating[Any]]:
    """Probabilities of every channel on the grid of the image as nnU-Net's reader gives it."""
    logits = predictor.predict_sliding_window_return_logits(voxels).cpu()
    _, found = convert_predicted_logits_to_segmentation_with_correct_shape(
        logits,
        predictor.plans_manager,
        predictor.configuration_manager,
        predictor.label_manager,
        properties,
        return_probabilities=True,
        num_threads_torch=torch.get_num_threads(),
    )
    probabilities: NDArray[np.floating[Any]] = found
    return probabilities


def _write(path: Path, answer: Mask, *, properties: dict[str, Any], plans: Any) -> None:
    plans.image_reader_writer_class().write_seg(answer, f"{path}{FILE_ENDING}", properties)


def _reference(path: Path, plans: Any) -> Mask:
    voxels, _ = plans.image_reader_writer_class().read_seg(str(path))
    mask: Mask = voxels[0].astype(np.uint8)
    return mask


def compare(case_id: str, *, variant: Variant, reference: Mask, answer: Mask) -> CaseAnswer:
    """Overlap of every label, both masks encoded as the dataset encodes them."""
    pairs = zip(_masks(variant, reference), _masks(variant, answer), strict=True)
    labels = tuple(
        _overlap(label.name, wanted == label.value, got == label.value)
        for task, (wanted, got) in zip(variant.tasks, pairs, strict=True)
        for label in label_map(task).labels
    )
    return CaseAnswer(case_id=case_id, labels=labels)


def _masks(variant: Variant, encoded: Mask) -> Sequence[Mask]:
    return joint_code().decode(encoded) if variant is Variant.JOINT else (encoded,)


def _overlap(name: str, wanted: NDArray[np.bool_], got: NDArray[np.bool_]) -> LabelOverlap:
    return LabelOverlap(
        label=name,
        reference_voxels=int(wanted.sum()),
        answer_voxels=int(got.sum()),
        common_voxels=int((wanted & got).sum()),
    )
