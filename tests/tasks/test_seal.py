"""A sealed cohort: no byte of a label is public, scores are the same, and no label can change."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from evaluation.run import evaluate
from schema.partition import SealManifest
from tasks.cohort import read_cohort, read_inputs
from tasks.cohort_seal import commitment, write_sealed
from tasks.control_submission import Control, write_control_submission
from tasks.files import digest_folder
from tasks.layout import COHORT_NAMES
from tasks.phantom_cohort import write_phantom_cohort
from tasks.split_commands import seal_cohort

CANARY = "CANARYLABEL"


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom, its cases named backwards in the manifest, with canaries in all that is hidden."""
    folder = tmp_path_factory.mktemp("seal") / "cohort"
    list(write_phantom_cohort(out=folder, patients=3, seed=4, prevalence=0.5, jobs=1))
    text = (folder / "cohort.toml").read_text("utf-8")
    (folder / "cohort.toml").write_text(text.replace("Synthetic;", f"{CANARY} Synthetic;"), "utf-8")
    for name in ("compartments", "nodes"):
        for path in (folder / name).iterdir():
            content = bytearray(gzip.decompress(path.read_bytes()))
            content[148 : 148 + len(CANARY)] = CANARY.encode()  # the header's description
            # stored, not compressed: a canary would be seen in the packed bytes as well
            path.write_bytes(gzip.compress(bytes(content), compresslevel=0, mtime=0))
    return folder


def run(*asked: object) -> Result:
    return CliRunner().invoke(seal_cohort, [str(each) for each in asked])


@pytest.fixture
def sealed(cohort: Path, tmp_path: Path) -> Path:
    assert run(cohort, "--out", tmp_path / "sealed").exit_code == 0
    return tmp_path / "sealed"


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_only_inputs_their_digests_and_the_manifest_are_public(sealed: Path, cohort: Path) -> None:
    images = [f"t2w/{case}.nii.gz" for case in sorted(read_cohort(cohort).manifest.cases)]

    names = [
        path.relative_to(sealed / "public").as_posix() for path in files_below(sealed / "public")
    ]

    assert names == ["cohort.toml", "sealed.json", *images]


def test_no_byte_of_a_label_is_public(sealed: Path, cohort: Path) -> None:
    public = b"".join(path.read_bytes() for path in files_below(sealed / "public"))

    assert CANARY.encode() in b"".join(path.read_bytes() for path in files_below(cohort))
    assert CANARY.encode() not in public
    for name in ("clinical.csv", "readers.csv"):
        for line in (cohort / name).read_text("utf-8").splitlines()[1:]:
            assert line.encode() not in public
    for path in files_below(sealed / "private"):
        if "t2w" not in path.parts:
            # neither the file nor a digest with which a guess of it could be checked
            assert hashlib.sha256(path.read_bytes()).hexdigest().encode() not in public
    opens = json.loads((sealed / "private" / "nonces.json").read_text("utf-8"))
    assert all(nonce.encode() not in public for nonce in opens["nonces"].values())
    assert digest_folder(cohort, names=COHORT_NAMES).encode() not in public


def test_the_private_side_is_its_owner_s(sealed: Path) -> None:
    assert stat.S_IMODE((sealed / "private").stat().st_mode) == 0o700


def test_the_public_side_is_what_a_run_reads(sealed: Path, cohort: Path) -> None:
    inputs = read_inputs(sealed / "public")

    assert inputs.manifest.cases == tuple(sorted(read_cohort(cohort).manifest.cases))
    assert inputs.manifest.description == ""
    for case in inputs.manifest.cases:
        assert inputs.image(case).read_bytes() == (cohort / f"t2w/{case}.nii.gz").read_bytes()


def test_the_private_side_is_the_cohort_and_is_scored_the_same(
    sealed: Path, cohort: Path, tmp_path: Path
) -> None:
    list(write_control_submission(read_cohort(cohort), control=Control("R1"), out=tmp_path / "R1"))

    one, two = (
        evaluate(read_cohort(each), tmp_path / "R1", jobs=1)
        for each in (cohort, sealed / "private")
    )

    assert digest_folder(sealed / "private", names=COHORT_NAMES) == digest_folder(
        cohort, names=COHORT_NAMES
    )
    assert one == two


def test_a_seal_that_held_is_verified(sealed: Path) -> None:
    result = run(sealed / "private", "--verify", sealed / "public")

    assert result.exit_code == 0
    assert "the seal held" in result.output


@pytest.mark.parametrize(
    "changed",
    ["readers.csv", "clinical.csv", "cohort.toml", "nodes", "compartments", "t2w", "nonces.json"],
)
def test_any_changed_byte_breaks_it(sealed: Path, changed: str) -> None:
    path = sealed / "private" / changed
    if path.is_dir():
        path = files_below(path)[0]
    if changed == "nonces.json":
        text = json.loads(path.read_text("utf-8"))
        text["nonces"]["readers.csv"] = "0" * 64
        path.write_text(json.dumps(text), "utf-8")
    else:
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)

    result = run(sealed / "private", "--verify", sealed / "public")

    assert result.exit_code == 1
    assert "1 files do not match" in result.output


def test_a_file_that_is_kept_back_breaks_it(sealed: Path) -> None:
    (sealed / "private" / "clinical.csv").unlink()

    assert run(sealed / "private", "--verify", sealed / "public").exit_code == 1


def test_a_path_that_leads_out_is_not_followed(sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("x", "utf-8")
    path = sealed / "public" / "sealed.json"
    text = json.loads(path.read_text("utf-8"))
    text["inputs"]["../../elsewhere"] = "sha256:" + hashlib.sha256(b"x").hexdigest()
    path.write_text(json.dumps(text), "utf-8")

    assert run(sealed / "private", "--verify", sealed / "public").exit_code == 1


def test_a_commitment_is_the_digest_of_nonce_and_file(cohort: Path, tmp_path: Path) -> None:
    nonce = bytes(range(32))
    list(write_sealed(read_cohort(cohort), out=tmp_path, link=False, nonce_of=lambda _: nonce))

    text = (tmp_path / "public" / "sealed.json").read_text("utf-8")
    given = SealManifest.model_validate_json(text).commitments["readers.csv"]

    content = (cohort / "readers.csv").read_bytes()
    assert given == "sha256:" + hashlib.sha256(nonce + content).hexdigest()
    assert given == commitment(content, nonce=nonce)


def test_two_seals_of_one_cohort_have_nothing_in_common_but_inputs(
    cohort: Path, tmp_path: Path
) -> None:
    manifests = []
    for name in ("one", "two"):
        run(cohort, "--out", tmp_path / name, "--link")
        text = (tmp_path / name / "public" / "sealed.json").read_text("utf-8")
        manifests.append(SealManifest.model_validate_json(text))

    assert manifests[0].inputs == manifests[1].inputs
    assert not set(manifests[0].commitments.values()) & set(manifests[1].commitments.values())


def test_the_list_says_of_every_file_whether_it_may_be_published(sealed: Path) -> None:
    listed = (sealed / "CONTENTS.md").read_text("utf-8")

    for path in files_below(sealed):
        where = path.relative_to(sealed)
        folder = f"`{where.parent}/`" if where.name.endswith(".nii.gz") else f"`{where}`"
        assert where.name == "CONTENTS.md" or folder in listed


def test_an_error_leaves_no_half_of_it(cohort: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cohort"
    shutil.copytree(cohort, copy, copy_function=os.link)
    files_below(copy / "nodes")[-1].unlink()

    result = run(copy, "--out", tmp_path / "sealed")

    assert "is missing" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["cohort"]


@pytest.mark.parametrize("options", [(), ("--out", "x", "--verify", "y")])
def test_either_seal_or_verify(cohort: Path, options: tuple[str, ...]) -> None:
    assert "either --out or --verify" in str(run(cohort, *options).exception)
