"""A cohort whose images hold their own answer, for networks that read it (`tiny_models`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from baseline.datasets import joint_code
from schema.terms import TaskId
from tasks.cohort import read_cohort
from tasks.files import read_header, read_voxels, write_nifti


def encode_images(folder: Path) -> Path:
    """Replace every image of a cohort by the joint code of its reference masks; returns it."""
    cohort = read_cohort(folder)
    for case_id in cohort.manifest.cases:
        paths = [cohort.mask(task, case_id) for task in (TaskId.COMPARTMENTS, TaskId.NODES)]
        compartments, nodes = (read_voxels(path, header=read_header(path)) for path in paths)
        geometry = read_header(cohort.image(case_id)).geometry
        assert geometry is not None
        code = joint_code().encode(compartments, nodes).astype(np.int16)
        write_nifti(cohort.image(case_id), code, geometry=geometry)
    return folder
