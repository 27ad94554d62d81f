"""Entrypoint: answers every image under /input/t2w, without network, labels or a home folder.

Writes /output/compartments/<case>.nii.gz, /output/nodes/<case>.nii.gz, /output/positivity.csv and,
for the FROC, /output/nodes.csv.
A case that cannot be answered is named on standard error and left out; the others are answered, and
the exit code is 1.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import atlas
import lymph_nodes
import model
import volumes
from lymph_nodes import Drawn, Found
from volumes import Floats, Volume

SUFFIX = ".nii.gz"
COLUMNS = ("case_id", "probability", "positive", "region", "side", "short_axis_mm")
NODE_COLUMNS = ("case_id", "x_mm", "y_mm", "z_mm", "probability")
PLACES = (
    ("EI", "right"),
    ("EI", "left"),
    ("OB", "right"),
    ("OB", "left"),
    ("II", "right"),
    ("II", "left"),
)
"""Region and the patient's side of compartments 1 to 6."""
HERE = Path(__file__).parent
LEAST, MOST = 0.02, 0.98
"""Nothing is certain."""


class Answer(NamedTuple):
    """Of one case; both masks in the order of `volumes`."""

    compartments: NDArray[np.uint8]
    nodes: NDArray[np.uint8]
    row: dict[str, str]
    node_rows: list[dict[str, str]]


def answer(image: Volume, *, case_id: str, using: model.Model) -> Answer:
    """Lay the atlas on an image, look for nodes in it, and draw the conclusion."""
    nothing = np.zeros(image.voxels.shape, dtype=np.uint8)
    if image.voxels.min() == image.voxels.max():  # a blank image: nothing to see
        row = _row(case_id, [], prior=np.zeros(0, dtype=np.float32))
        return Answer(nothing, nothing, row, [])
    pose = atlas.fit(using.atlas, image)
    prior = atlas.placed_prior(using.atlas, image, pose=pose)
    proposed = lymph_nodes.candidates(image, prior=prior.sum(axis=0))
    found = lymph_nodes.choose(proposed, is_node=using.is_node, is_positive=using.is_positive)
    nodes = lymph_nodes.drawn(found, shape=nothing.shape)
    return Answer(
        atlas.compartments(prior),
        nodes,
        _row(case_id, found, prior=prior),
        list(_node_rows(case_id, lymph_nodes.told_apart(nodes, found), image=image)),
    )


def _node_rows(case_id: str, nodes: list[Drawn], *, image: Volume) -> Iterator[dict[str, str]]:
    """A line for each node of the mask: a place within it, and how likely it is a node at all."""
    for each in nodes:
        place_mm = image.affine @ (*each.voxel, 1.0)
        x, y, z = (f"{value:.3f}" for value in place_mm[:3])
        probability = f"{each.node_probability:.4f}"
        yield dict(zip(NODE_COLUMNS, (case_id, x, y, z, probability), strict=True))


def _row(case_id: str, found: list[Found], *, prior: Floats) -> dict[str, str]:
    """The patient's line: positive when a node is, described by the largest such node."""
    healthy = np.prod([1.0 - each.node_probability * each.positive_probability for each in found])
    positive = [each for each in found if each.positive_probability >= 0.5]
    # never on the other side of the call
    low, high = (0.5, MOST) if positive else (LEAST, 0.49)
    probability = float(np.clip(1.0 - healthy, low, high))
    row = {"case_id": case_id, "probability": f"{probability:.4f}", "positive": "0"}
    if positive:
        largest = max(positive, key=lambda each: each.candidate.short_axis_mm).candidate
        likely = prior[(slice(None), *largest.box)][:, largest.inside].mean(axis=1)
        region, side = PLACES[int(likely.argmax())]
        size = f"{largest.short_axis_mm:.1f}"
        row |= {"positive": "1", "region": region, "side": side, "short_axis_mm": size}
    return row


def predict(images: Sequence[Path], *, using: model.Model, out: Path) -> int:
    """Answer every image; returns how many could not be answered."""
    rows: list[dict[str, str]] = []
    node_rows: list[dict[str, str]] = []
    failed = 0
    for path in images:
        case_id = path.name.removesuffix(SUFFIX)
        try:
            given = answer(volumes.read(path), case_id=case_id, using=using)
            for folder, mask in (("compartments", given.compartments), ("nodes", given.nodes)):
                volumes.write_like(path, mask, out=out / folder / path.name)
            rows.append(given.row)
            node_rows += given.node_rows
        except Exception as error:  # noqa: BLE001 - one bad case must not take the others with it
            failed += 1
            sys.stderr.write(f"{case_id}: {type(error).__name__}: {error}\n")
    _write(rows, columns=COLUMNS, path=out / "positivity.csv")
    _write(node_rows, columns=NODE_COLUMNS, path=out / "nodes.csv")
    return failed


def _write(rows: list[dict[str, str]], *, columns: Sequence[str], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def weights() -> Path:
    """The mounted model, else the one in the image."""
    mounted = Path("/model") / model.NAME
    return mounted if mounted.exists() else HERE / "model" / model.NAME


def main() -> int:
    """Answer a folder of images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, default=Path("/input"))
    parser.add_argument("--output", type=Path, default=Path("/output"))
    parser.add_argument("--model", type=Path, default=weights())
    options = parser.parse_args()
    if not options.model.exists():
        parser.error(f"no {model.NAME}: make train COHORT=..., or mount it at /model")
    images = sorted((options.input / "t2w").glob(f"*{SUFFIX}"))
    failed = predict(images, using=model.load(options.model), out=options.output)
    sys.stderr.write(f"{len(images) - failed} of {len(images)} cases answered\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
