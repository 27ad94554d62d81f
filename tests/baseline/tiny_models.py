"""Model folders whose networks are small, and two ways to give them weights.

*Hand-set*: the image holds the joint code of the reference masks as intensities, and the network
is a table: a piecewise linear function of the intensity for each label, 8 inside, -8 outside. What
it answers is known in advance, through the real preprocessing, sliding window and resampling.

*Random*: an ordinary small U-Net with random weights. What it answers means nothing, but depends on
the order of every axis.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baseline.calibration import Calibration, uncalibrated
from baseline.checkpoints import slim_checkpoint
from baseline.datasets import Variant, channel_names, dataset_json, joint_code
from baseline.model_folder import (
    CALIBRATION,
    DATASET,
    PARTS,
    PLANS,
    Part,
    json_bytes,
    manifest_of,
    weights_name,
    write_model,
)
from baseline.networks import Recipe, build_network

SURE = 8.0
"""Logit of a hand-set network inside a label; outside it is the negative."""
CODES = 21
"""Seven values of compartments by three of nodes."""
SPACING_MM = (4.0, 1.5, 1.5)


def plans(
    *,
    features: Sequence[int],
    kernel: int,
    normalised: bool,
    spacing_mm: Sequence[float] = SPACING_MM,
    patch: Sequence[int] = (8, 16, 16),
    resampled: bool = True,
) -> dict[str, Any]:
    """nnU-Net's plans for a two-stage U-Net, as its planner writes them."""
    interpolation = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
    if not resampled:
        interpolation = {}
    by = "resample_data_or_seg_to_shape" if resampled else "no_resampling_hack"
    return {
        "dataset_name": "Dataset803_LLNJoint",
        "plans_name": "tiny",
        "image_reader_writer": "NibabelIOWithReorient",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": {}},
        "configurations": {
            "3d_fullres": {
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 2,
                "patch_size": list(patch),
                "spacing": list(spacing_mm),
                "normalization_schemes": [
                    "ZScoreNormalization" if normalised else "NoNormalization"
                ],
                "use_mask_for_norm": [False],
                "resampling_fn_data": by,
                "resampling_fn_data_kwargs": interpolation,
                "resampling_fn_seg": by,
                "resampling_fn_seg_kwargs": {**interpolation, "is_seg": True} if resampled else {},
                "resampling_fn_probabilities": by,
                "resampling_fn_probabilities_kwargs": interpolation,
                "architecture": _architecture(features, kernel=kernel, normalised=normalised),
            }
        },
    }


def _architecture(features: Sequence[int], *, kernel: int, normalised: bool) -> dict[str, Any]:
    return {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": 2,
            "features_per_stage": list(features),
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[kernel] * 3] * 2,
            "strides": [[1, 1, 1], [2, 2, 2]],
            "n_conv_per_stage": [1, 1],
            "n_conv_per_stage_decoder": [1],
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d" if normalised else None,
            "norm_op_kwargs": {"eps": 1e-5, "affine": True} if normalised else {},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.ReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def dataset(variant: Variant) -> dict[str, Any]:
    """nnU-Net's description of the dataset, without its cases."""
    described = dataset_json(variant, cases=(), origin={"cohort": "Tiny"})
    return {key: value for key, value in described.items() if key != "dataset"}


def hand_set_part(
    variant: Variant, *, shifts: Mapping[int, float] | None = None, **planned: Any
) -> Part:
    """A network that reads the joint code.

    Args:
        variant: which labels it tells apart.
        shifts: what each fold adds to every logit; one fold that adds nothing by default.
        planned: of `plans`.
    """
    recipe = Recipe(
        plans=plans(features=(CODES - 1, 1), kernel=1, normalised=False, **planned),
        dataset=dataset(variant),
    )
    weights = {
        fold: _table(recipe, shift=shift, variant=variant)
        for fold, shift in (shifts or {0: 0.0}).items()
    }
    return Part(recipe.plans, recipe.dataset, weights)


def _table(recipe: Recipe, *, shift: float, variant: Variant) -> dict[str, Tensor]:
    """Weights: hinges at every whole intensity, summed so that each logit is 8 or -8 there."""
    network = build_network(recipe)
    hinges = CODES - 1
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    encoder, decoder = network.encoder.stages[0], network.decoder
    first = next(each for each in encoder.modules() if isinstance(each, nn.Conv3d))
    second = next(each for each in decoder.stages[0].modules() if isinstance(each, nn.Conv3d))
    last = decoder.seg_layers[-1]
    with torch.no_grad():
        first.weight[:] = 1.0
        first.bias[:] = -torch.arange(hinges, dtype=torch.float32)
        # the skip connection comes after what was upsampled
        second.weight[range(hinges), range(hinges, 2 * hinges)] = 1.0
        logits = torch.from_numpy(_logits(variant)).float()
        slopes = logits[:, 1:] - logits[:, :-1]
        last.weight[:, :, 0, 0, 0] = torch.diff(slopes, dim=1, prepend=torch.zeros(len(logits), 1))
        last.bias[:] = logits[:, 0] + shift
    return dict(network.state_dict())


def _logits(variant: Variant) -> NDArray[np.float64]:
    """Logit of each channel at each code, shape (channels, codes)."""
    regions = joint_code().regions()
    inside = np.array([np.isin(np.arange(CODES), regions[each]) for each in channel_names(variant)])
    if variant is not Variant.JOINT:
        inside = np.concatenate([~inside.any(axis=0, keepdims=True), inside])
    return np.where(inside, SURE, -SURE)


def random_part(
    variant: Variant, *, folds: Sequence[int] = (0,), seed: int = 1, **planned: Any
) -> Part:
    """A network with random weights, other ones in every fold."""
    recipe = Recipe(
        plans=plans(features=(6, 8), kernel=3, normalised=True, **planned),
        dataset=dataset(variant),
    )
    generator = torch.Generator().manual_seed(seed)
    weights = {fold: _random(build_network(recipe), generator=generator) for fold in folds}
    return Part(recipe.plans, recipe.dataset, weights)


def _random(network: nn.Module, *, generator: torch.Generator) -> dict[str, Tensor]:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
    return dict(network.state_dict())


def write_tiny_model(
    folder: Path, parts: Mapping[str, Part], *, calibration: Calibration | None = None
) -> Path:
    """Write a model folder; returns it."""
    rules = calibration or uncalibrated(reason="a test", minimum_node_ml=0.0)
    files = {CALIBRATION: json_bytes(rules.model_dump(mode="json"))}
    for name, part in parts.items():
        files[f"{name}/{PLANS}"] = json.dumps(part.plans).encode()
        files[f"{name}/{DATASET}"] = json.dumps(part.dataset).encode()
        for fold, weights in part.weights.items():
            files[f"{name}/{weights_name(fold)}"] = slim_checkpoint(weights)
    kind = next(kind for kind, names in PARTS.items() if set(names) == set(parts))
    facts = {
        "name": "tiny",
        "version": "0.0.1",
        "kind": kind,
        "preset": "none",
        "trainer": "none",
        "licence": "CC0-1.0",
        "nnunet": "2.8.1",
        "folds": list(next(iter(parts.values())).weights),
        "labels": list(channel_names(Variant.JOINT)),
    }
    write_model(folder, manifest_of(files, facts=facts), files=files, card="# tiny\n")
    return folder
