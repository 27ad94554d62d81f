"""A cohort as nnU-Net raw datasets: same voxels, same place in the patient, folds beside them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nnunetv2.imageio.nibabel_reader_writer import NibabelIOWithReorient
from numpy.typing import NDArray

from baseline.conversion import convert, strata_of
from baseline.datasets import Variant, joint_code
from baseline.errors import TrainingError, Untrainable
from baseline.folds import Stratum
from schema.terms import NodeClass, TaskId
from tasks.cohort import Cohort, read_cohort
from tasks.files import digest_folder, read_header, read_voxels, write_nifti, write_text
from tasks.geometry import Geometry
from tasks.layout import COHORT_NAMES, mask_name
from tasks.specification import label_map
from tests.baseline.turned_volumes import TURNS, Turn

EXACT = 1e-6


def raw(work: Path, variant: Variant) -> Path:
    return work / "nnUNet_raw" / variant.dataset_name


def voxels(path: Path) -> NDArray[Any]:
    return read_voxels(path, header=read_header(path))


def grid(path: Path) -> Geometry:
    geometry = read_header(path).geometry
    assert geometry is not None
    return geometry


def write_all(cohort: Cohort, work: Path, *, variants: tuple[Variant, ...], folds: int = 3) -> None:
    list(convert(cohort, work=work, variants=variants, folds=folds, seed=1))


@pytest.mark.parametrize("variant", list(Variant))
def test_image_and_reference_keep_voxels_and_place(
    converted: Path, small_cohort: Cohort, variant: Variant
) -> None:
    for case_id in small_cohort.manifest.cases:
        source = small_cohort.image(case_id)
        image = raw(converted, variant) / "imagesTr" / f"{case_id}_0000.nii.gz"
        label = raw(converted, variant) / "labelsTr" / mask_name(case_id)

        np.testing.assert_array_equal(voxels(image), voxels(source))
        for path in (image, label):
            np.testing.assert_allclose(grid(path).affine, grid(source).affine, atol=EXACT)


def test_the_joint_reference_holds_both_masks(converted: Path, small_cohort: Cohort) -> None:
    nodes_seen = 0
    for case_id in small_cohort.manifest.cases:
        both = voxels(raw(converted, Variant.JOINT) / "labelsTr" / mask_name(case_id))
        compartments, nodes = joint_code().decode(both)
        nodes_seen += int(nodes.astype(bool).sum())

        np.testing.assert_array_equal(
            compartments, voxels(small_cohort.mask(TaskId.COMPARTMENTS, case_id))
        )
        np.testing.assert_array_equal(nodes, voxels(small_cohort.mask(TaskId.NODES, case_id)))
    assert nodes_seen > 50


def test_an_image_is_stored_once_for_all_datasets(converted: Path, small_cohort: Cohort) -> None:
    case_id = small_cohort.manifest.cases[0]
    inodes = {
        (raw(converted, each) / "imagesTr" / f"{case_id}_0000.nii.gz").stat().st_ino
        for each in Variant
    }

    assert len(inodes) == 1


def test_the_folds_are_those_of_nnunets_file(converted: Path, small_cohort: Cohort) -> None:
    splits = json.loads((raw(converted, Variant.JOINT) / "splits_final.json").read_text())
    strata = strata_of(small_cohort)

    assert [sorted(split) for split in splits] == [["train", "val"]] * 3
    held_out = [case for split in splits for case in split["val"]]
    assert sorted(held_out) == sorted(small_cohort.manifest.cases)
    assert {strata[case].positive for case in held_out} == {True, False}


def test_the_strata_are_centre_and_consensus(small_cohort: Cohort) -> None:
    assert strata_of(small_cohort) == {
        "SM-01": Stratum("Phantom B", True),
        "SM-02": Stratum("Phantom A", True),
        "SM-03": Stratum("Phantom B", False),
        "SM-04": Stratum("Phantom A", False),
        "SM-05": Stratum("Phantom B", True),
        "SM-06": Stratum("Phantom A", False),
    }


def test_without_tables_the_node_mask_says_who_is_positive(
    small_cohort: Cohort, tmp_path: Path
) -> None:
    folder = shutil.copytree(small_cohort.folder, tmp_path / "cohort")
    for name in ("clinical.csv", "readers.csv"):
        (folder / name).unlink()
    manifest = folder / "cohort.toml"
    write_text(manifest, manifest.read_text().replace('  "positivity",\n', ""))
    bare = strata_of(read_cohort(folder))
    positive = label_map(TaskId.NODES).node_classes[NodeClass.POSITIVE]

    for case_id, stratum in bare.items():
        shown = bool((voxels(small_cohort.mask(TaskId.NODES, case_id)) == positive).any())
        assert stratum == Stratum(None, shown)


def test_the_dataset_remembers_the_cohort(converted: Path, small_cohort: Cohort) -> None:
    content = json.loads((raw(converted, Variant.JOINT) / "dataset.json").read_text())

    assert content["lln"] == {
        "variant": "joint",
        "cohort": "Small phantom",
        "cohort_digest": digest_folder(small_cohort.folder, names=COHORT_NAMES),
        "label_map_version": "1.0.0",
        "folds_seed": 1,
    }


@pytest.mark.parametrize("turn", TURNS[5::14], ids=str)
def test_the_networks_see_one_order_of_axes_whichever_the_file_has(
    converted: Path, small_cohort: Cohort, tmp_path: Path, turn: Turn
) -> None:
    folder = shutil.copytree(small_cohort.folder, tmp_path / "cohort")
    cohort = read_cohort(folder)
    case_id = cohort.manifest.cases[1]
    paths = [cohort.image(case_id), *(cohort.mask(task, case_id) for task in Variant.JOINT.tasks)]
    for path in paths:
        write_nifti(path, turn.turned(voxels(path)), geometry=turn.grid(grid(path)))
    write_all(cohort, tmp_path / "turned", variants=(Variant.JOINT,))
    reader = NibabelIOWithReorient()

    for name in (f"imagesTr/{case_id}_0000.nii.gz", f"labelsTr/{case_id}.nii.gz"):
        one, one_about = reader.read_images((str(raw(converted, Variant.JOINT) / name),))
        other, about = reader.read_images((str(raw(tmp_path / "turned", Variant.JOINT) / name),))
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(one_about["spacing"], about["spacing"], rtol=1e-6)
        np.testing.assert_allclose(
            one_about["nibabel_stuff"]["reoriented_affine"],
            about["nibabel_stuff"]["reoriented_affine"],
            atol=1e-4,
        )


def test_the_other_byte_order_comes_out_right(small_cohort: Cohort, tmp_path: Path) -> None:
    folder = shutil.copytree(small_cohort.folder, tmp_path / "cohort")
    cohort = read_cohort(folder)
    path = cohort.image(cohort.manifest.cases[0])
    before, geometry = voxels(path), grid(path)
    swapped = nib.Nifti1Image(
        before.astype(">i2"), geometry.affine, nib.Nifti1Header(endianness=">")
    )
    nib.save(swapped, path)
    write_all(cohort, tmp_path / "work", variants=(Variant.NODES,))
    image = (
        raw(tmp_path / "work", Variant.NODES)
        / "imagesTr"
        / f"{cohort.manifest.cases[0]}_0000.nii.gz"
    )

    np.testing.assert_array_equal(voxels(image), before)


def test_a_cohort_without_nodes_makes_compartments_and_no_more(
    small_cohort: Cohort, tmp_path: Path
) -> None:
    folder = shutil.copytree(small_cohort.folder, tmp_path / "cohort")
    manifest = folder / "cohort.toml"
    tasks = '  "nodes",\n  "positivity",\n'
    assert tasks in manifest.read_text()
    write_text(manifest, manifest.read_text().replace(tasks, ""))
    cohort = read_cohort(folder)

    write_all(cohort, tmp_path / "work", variants=(Variant.COMPARTMENTS,))
    with pytest.raises(TrainingError, match="lacks nodes") as error:
        write_all(cohort, tmp_path / "work", variants=(Variant.JOINT,))
    assert error.value.kind is Untrainable.NO_REFERENCE


def test_a_mask_on_another_grid_is_refused(small_cohort: Cohort, tmp_path: Path) -> None:
    folder = shutil.copytree(small_cohort.folder, tmp_path / "cohort")
    cohort = read_cohort(folder)
    path = cohort.mask(TaskId.NODES, "SM-03")
    other = grid(cohort.image("SM-02"))
    write_nifti(path, np.zeros(other.size, dtype=np.uint8), geometry=other)

    with pytest.raises(TrainingError, match="SM-03") as error:
        write_all(cohort, tmp_path / "work", variants=(Variant.NODES,))
    assert error.value.kind is Untrainable.UNUSABLE_VOLUME
    assert "shape (80, 80, 14), image (64, 64, 16)" in str(error.value)


def test_a_missing_image_is_named(small_cohort: Cohort, tmp_path: Path) -> None:
    folder = shutil.copytree(small_cohort.folder, tmp_path / "cohort")
    cohort = read_cohort(folder)
    cohort.image("SM-04").unlink()

    with pytest.raises(TrainingError, match=r"t2w/SM-04\.nii\.gz"):
        write_all(cohort, tmp_path / "work", variants=(Variant.NODES,))
    assert not (raw(tmp_path / "work", Variant.NODES) / "dataset.json").exists()


def test_six_patients_do_not_make_seven_folds(small_cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="7 folds of 6 patients"):
        write_all(small_cohort, tmp_path / "work", variants=(Variant.NODES,), folds=7)
    assert not (tmp_path / "work").exists()
