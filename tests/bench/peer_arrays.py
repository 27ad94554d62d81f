"""The same mask as each peer likes it: nobody is timed at turning axes or copying."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from schema.terms import TaskId
from tasks.specification import label_map
from tests.bench.volumes import SPACING_MM, Bytes

SLICES_FIRST_MM = SPACING_MM[::-1]
"""Spacing along (k, j, i)."""

Subject = TypeVar("Subject")
Run = TypeVar("Run")


def prepared(prepare: Callable[[Subject], Run], subject: Subject) -> Run:
    """Prepare a contestant; peers warn as they are imported, and warnings are errors here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return prepare(subject)


def slices_first(mask: Bytes) -> Bytes:
    """Axes (k, j, i), the last one fastest: the same bytes in the same order."""
    return np.ascontiguousarray(mask.T)


def as_image(mask: Bytes) -> Any:
    """An image of SimpleITK."""
    import SimpleITK as sitk  # noqa: N813 - its own documentation's name

    image = sitk.GetImageFromArray(slices_first(mask))
    image.SetSpacing(SPACING_MM)
    return image


def as_tensor(mask: Bytes) -> Any:
    """A batch of one with one channel, for MONAI."""
    import torch

    return torch.from_numpy(slices_first(mask))[None, None]


def as_one_hot(labels: Any) -> Any:
    """A channel for each label and one for the background, as MONAI's metrics ask for."""
    from monai.networks.utils import one_hot

    return one_hot(labels, num_classes=len(label_map(TaskId.COMPARTMENTS).values) + 1)
