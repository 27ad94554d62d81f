"""Trained networks at work: a canonical volume in, probabilities of the labels out.

nnU-Net prepares the volume (crop, normalise, resample) and slides the window; the folds and the
way back to the image's grid are here, because nnU-Net's own run on worker processes and shared
memory, and average logits. Here the **probabilities** of the folds are averaged, as nnU-Net v1 and
the paper did: the mean of probabilities is the probability of a mixture and can be calibrated, and
one overconfident fold cannot outvote the others, as it can among logits.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from numpy.typing import NDArray
from torch import Tensor, nn

from baseline.datasets import BACKGROUND, CONFIGURATION
from baseline.images import Image
from schema.errors import LLNError

ARCHITECTURES = "dynamic_network_architectures.architectures."
LAYERS = "torch.nn."
"""A plans file names classes to import; only these may be named."""

Weights = Mapping[str, Tensor]
Floats = NDArray[np.float32]


class NetworkError(LLNError):
    """Plans, labels and weights do not make a network; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What describes a network apart from its weights.

    Attributes:
        plans: nnU-Net's `plans.json`.
        dataset: nnU-Net's `dataset.json`.
    """

    plans: dict[str, Any]
    dataset: dict[str, Any]

    @property
    def exclusive(self) -> bool:
        """Whether the labels exclude each other (softmax), or each has a head of its own (sigmoid).

        nnU-Net's own rule: a label made of several values makes regions of all.
        """
        return not any(_is_region(value) for value in self.dataset["labels"].values())

    @property
    def channels(self) -> dict[str, int]:
        """Output channel of each label by its name, background left out."""
        labels = {name: value for name, value in self.dataset["labels"].items() if name != "ignore"}
        if self.exclusive:
            # the file may list them in any order; channels follow the values
            ordered = sorted(labels, key=lambda name: int(labels[name]))
            return {name: channel for channel, name in enumerate(ordered) if name != BACKGROUND}
        named = [name for name in labels if name != BACKGROUND]
        return {name: channel for channel, name in enumerate(named)}


def _is_region(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) > 1


class _Prepared(NamedTuple):
    """A volume as nnU-Net feeds it to a network; `properties` remembers the way back."""

    data: Tensor
    properties: dict[str, Any]


class Ensemble:
    """The networks of all folds, loaded once, asked one after the other in this process."""

    def __init__(self, recipe: Recipe, *, weights: Sequence[Weights], device: str) -> None:
        """Build the network and check that every fold's weights fit it.

        Args:
            recipe: of the networks.
            weights: of each fold; kept on the processor, moved to the device when asked.
            device: `cpu` or `cuda`.

        Raises:
            NetworkError: the plans name something else than a network, or weights do not fit.
        """
        self._recipe, self._weights = recipe, tuple(weights)
        self._predictor = _predictor(recipe, device=device)
        for each in self._weights:
            _load(self._predictor.network, each)

    @property
    def recipe(self) -> Recipe:
        """What describes the networks."""
        return self._recipe

    def probabilities(self, image: Image, *, names: Sequence[str]) -> Floats:
        """Mean over the folds of the probability of each label, on the image's own grid.

        Args:
            image: the volume.
            names: of the labels wanted, in order.

        Returns:
            Shape (names, i, j, k) in the order of axes of the image's file, values 0 to 1.
        """
        prepared = self._prepare(image)
        channels = [self._recipe.channels[name] for name in names]
        total = sum(self._fold(prepared.data, weights)[channels] for weights in self._weights)
        mean = cast("Tensor", total) / len(self._weights)
        found = np.empty((len(names), *image.geometry.size), dtype=np.float32)
        for index, channel in enumerate(mean.numpy()):
            found[index] = image.orientation.stored(self._restored(channel, prepared.properties))
        return found

    def _prepare(self, image: Image) -> _Prepared:
        using = self._predictor
        preprocessor = using.configuration_manager.preprocessor_class(verbose=False)
        data, _, properties = preprocessor.run_case_npy(
            np.ascontiguousarray(image.canonical)[None],
            None,
            {"spacing": list(image.canonical_spacing_mm)},
            using.plans_manager,
            using.configuration_manager,
            using.dataset_json,
        )
        return _Prepared(torch.from_numpy(np.ascontiguousarray(data)).float(), properties)

    def _fold(self, data: Tensor, weights: Weights) -> Tensor:
        """Probabilities of one fold on the network's grid, shape (channels, ...), float32."""
        _load(self._predictor.network, weights)
        logits = self._predictor.predict_sliding_window_return_logits(data)
        return cast("Tensor", self._predictor.label_manager.apply_inference_nonlin(logits).cpu())

    def _restored(self, channel: Floats, properties: Mapping[str, Any]) -> Floats:
        """One channel resampled to the canonical grid of the image, 0 where it was cropped."""
        using = self._predictor
        forward = using.plans_manager.transpose_forward
        cropped = np.asarray(
            using.configuration_manager.resampling_fn_probabilities(
                channel[None],
                properties["shape_after_cropping_and_before_resampling"],
                using.configuration_manager.spacing,
                [properties["spacing"][axis] for axis in forward],
            )
        )[0]
        whole = np.zeros(properties["shape_before_cropping"], dtype=np.float32)
        box = tuple(slice(low, high) for low, high in properties["bbox_used_for_cropping"])
        whole[box] = np.clip(cropped, 0.0, 1.0)  # a spline may overshoot
        return whole.transpose(using.plans_manager.transpose_backward)


def _load(network: nn.Module, weights: Weights) -> None:
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise NetworkError(f"the weights do not fit the plans: {error}") from error


def _predictor(recipe: Recipe, *, device: str) -> nnUNetPredictor:
    """nnU-Net's sliding window: Gaussian weights, half a window's step, no mirroring."""
    plans = PlansManager(recipe.plans)
    configuration = plans.get_configuration(CONFIGURATION)
    _refuse_unknown_steps(configuration)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints advice, and stdout is for answers
        predictor = nnUNetPredictor(
            use_mirroring=False,
            perform_everything_on_device=True,
            device=torch.device(device),
            allow_tqdm=False,
        )
        predictor.manual_initialization(
            network=build_network(recipe),
            plans_manager=plans,
            configuration_manager=configuration,
            parameters=None,
            dataset_json=recipe.dataset,
            trainer_name="",
            inference_allowed_mirroring_axes=None,
        )
    return predictor


def _refuse_unknown_steps(configuration: Any) -> None:
    """What nnU-Net would look up by name in the middle of the first case."""
    for step in ("preprocessor_class", "resampling_fn_data", "resampling_fn_probabilities"):
        try:
            found = getattr(configuration, step)
        except (KeyError, RuntimeError) as error:
            raise NetworkError(f"plans.json: {step}: {error}") from error
        if found is None:
            raise NetworkError(f"plans.json: nnU-Net has no such {step}")


def build_network(recipe: Recipe) -> nn.Module:
    """The network that the plans describe, without weights.

    Raises:
        NetworkError: they name a class that is no architecture or layer of nnU-Net's libraries.
    """
    plans = PlansManager(recipe.plans)
    configuration = plans.get_configuration(CONFIGURATION)
    if foreign := sorted(_foreign(configuration)):
        raise NetworkError(f"plans.json names classes that are no network's: {', '.join(foreign)}")
    return cast(
        "nn.Module",
        get_network_from_plans(
            configuration.network_arch_class_name,
            configuration.network_arch_init_kwargs,
            configuration.network_arch_init_kwargs_req_import,
            determine_num_input_channels(plans, configuration, recipe.dataset),
            plans.get_label_manager(recipe.dataset).num_segmentation_heads,
            allow_init=False,
            deep_supervision=False,
        ),
    )


def _foreign(configuration: Any) -> Iterator[str]:
    """Names in the plans that would be imported and are no architecture or layer."""
    name = configuration.network_arch_class_name
    if not str(name).startswith(ARCHITECTURES):
        yield str(name)
    for argument in configuration.network_arch_init_kwargs_req_import:
        layer = configuration.network_arch_init_kwargs.get(argument)
        if layer is not None and not str(layer).startswith(LAYERS):
            yield str(layer)


def choose_device(wanted: str) -> str:
    """`cpu` or `cuda`; `auto` takes CUDA where there is one.

    Raises:
        NetworkError: CUDA is asked for and there is none.
    """
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise NetworkError("--device cuda: this machine or container has no CUDA device")
    return "cuda" if wanted in {"auto", "cuda"} and there else "cpu"


def use_threads(threads: int | None) -> None:
    """How many threads a convolution on the processor takes; PyTorch's own choice when None."""
    if threads is not None:
        torch.set_num_threads(threads)
