"""Learns the atlas and the two rules from a cohort with labels: make train COHORT=..."""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

import atlas
import lymph_nodes
import model
import rules
import volumes
from atlas import Atlas, Pose
from lymph_nodes import Candidate

ROUNDS = 2
"""How often the atlas is laid on every patient and drawn anew."""
SAME = 0.3
"""IoU from which a candidate counts as the node that it covers."""


class Case(NamedTuple):
    """The files of one patient."""

    image: Path
    compartments: Path
    nodes: Path


class Examples(NamedTuple):
    """What one patient teaches the rules.

    Attributes:
        features: of every candidate, with whether it is a node.
        looks: of every small node found, with whether it is positive.
    """

    features: list[tuple[float, ...]]
    is_node: list[bool]
    looks: list[tuple[float, ...]]
    is_positive: list[bool]


def cases_of(cohort: Path) -> list[Case]:
    """The patients that the cohort's manifest lists."""
    manifest = tomllib.loads((cohort / "cohort.toml").read_text(encoding="utf-8"))
    folders = ("t2w", "compartments", "nodes")
    return [
        Case(*(cohort / folder / f"{case_id}.nii.gz" for folder in folders))
        for case_id in manifest["cases"]
    ]


def learn(cases: Sequence[Case], *, workers: Executor) -> model.Model:
    """The model of a training cohort."""
    poses = [atlas.first_guess(volumes.read(case.image)) for case in cases]
    drawn = atlas.average(workers.map(_bring, cases, poses))
    for _ in range(ROUNDS):
        poses = list(workers.map(partial(_fit, drawn), cases))
        drawn = atlas.average(workers.map(_bring, cases, poses))
    taught = list(workers.map(partial(_examples, drawn), cases, poses))
    return model.Model(drawn, *_rules(taught))


def _rules(taught: Sequence[Examples]) -> tuple[rules.Rule, rules.Rule]:
    features, is_node, looks, is_positive = (
        [each for patient in taught for each in patient[part]] for part in range(4)
    )
    if not any(is_node) or not looks:
        raise SystemExit("the cohort has too few lymph nodes to learn from")
    return (
        rules.learn(np.array(features), np.array(is_node, dtype=bool)),
        rules.learn(np.array(looks), np.array(is_positive, dtype=bool)),
    )


def _bring(case: Case, pose: Pose) -> Atlas:
    return atlas.brought(volumes.read(case.image), volumes.read(case.compartments), pose=pose)


def _fit(drawn: Atlas, case: Case) -> Pose:
    return atlas.fit(drawn, volumes.read(case.image))


def _examples(drawn: Atlas, case: Case, pose: Pose) -> Examples:
    """The candidates of one patient beside the reference."""
    image, nodes = volumes.read(case.image), volumes.read(case.nodes).voxels
    prior = atlas.placed_prior(drawn, image, pose=pose).sum(axis=0)
    taught = Examples([], [], [], [])
    numbers, _ = label(nodes > 0, lymph_nodes.EVERYWHERE)
    sizes = np.bincount(numbers.ravel())
    for candidate in lymph_nodes.candidates(image, prior=prior):
        node = _node_under(candidate, numbers, sizes=sizes)
        taught.features.append(candidate.features)
        taught.is_node.append(node > 0)
        if node and candidate.short_axis_mm < lymph_nodes.POSITIVE_MM:
            taught.looks.append(candidate.looks)
            taught.is_positive.append(bool((nodes[numbers == node] == lymph_nodes.POSITIVE).any()))
    return taught


def _node_under(
    candidate: Candidate, numbers: NDArray[np.int32], *, sizes: NDArray[np.int_]
) -> int:
    """Number of the reference node that a candidate covers, 0 when it covers none well."""
    covered = np.bincount(numbers[candidate.box][candidate.inside])
    covered[0] = 0
    number = int(covered.argmax())
    union = int(candidate.inside.sum() + sizes[number] - covered[number])
    return number if covered[number] >= SAME * union else 0


def main() -> None:
    """Train on a cohort folder and write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohort", type=Path, default=Path("/cohort"))
    parser.add_argument("--out", type=Path, default=Path("/model") / model.NAME)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    cases = cases_of(options.cohort)
    with ProcessPoolExecutor(options.jobs) as workers:
        model.save(learn(cases, workers=workers), options.out)
    sys.stderr.write(f"{options.out}: learned from {len(cases)} patients\n")


if __name__ == "__main__":
    main()
