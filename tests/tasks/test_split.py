"""A split keeps patients together and strata alike, loses nobody, and writes the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.errors import UsageError
from schema.partition import SplitManifest
from schema.terms import Reader, Split
from tasks.cohort import read_cohort
from tasks.cohort_split import shares_of
from tasks.partition import apportion, divided, groups_of
from tasks.phantom_cohort import write_phantom_cohort
from tasks.split_commands import split_cohort
from tasks.whole_folder import whole_folder

PARTS = ("train", "public", "hidden")


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("split") / "cohort"
    list(write_phantom_cohort(out=folder, patients=12, seed=3, prevalence=0.5, jobs=1))
    return folder


def run(cohort: Path, out: Path, *more: str, seed: int = 1) -> Result:
    asked = [str(cohort), "--out", str(out), "--seed", str(seed), "--jobs", "1", *more]
    return CliRunner().invoke(split_cohort, asked, catch_exceptions=True)


def cases_of(out: Path) -> dict[str, tuple[str, ...]]:
    return {part: read_cohort(out / part).manifest.cases for part in PARTS}


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[int], list[Fraction], int]:
    """Strata of up to 40 patients, and up to four shares in hundredths that sum to one."""
    cuts = sorted(draw(st.sets(st.integers(1, 99), max_size=3)))
    shares = [Fraction(b - a, 100) for a, b in zip([0, *cuts], [*cuts, 100], strict=True)]
    return draw(st.lists(st.integers(0, 40), min_size=1, max_size=12)), shares, draw(st.integers(0))


@given(plans())
@settings(deadline=None)
def test_every_stratum_and_every_part_is_within_one_of_its_share(
    plan: tuple[list[int], list[Fraction], int],
) -> None:
    sizes, shares, seed = plan

    counts = apportion(sizes, shares=shares, rng=np.random.default_rng(seed))

    assert counts.sum(axis=1).tolist() == sizes
    assert counts.min() >= 0
    for row, size in zip(counts.tolist(), sizes, strict=True):
        assert all(abs(n - size * share) < 1 for n, share in zip(row, shares, strict=True))
    for total, share in zip(counts.sum(axis=0).tolist(), shares, strict=True):
        assert abs(total - sum(sizes) * share) < 1


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(0))
@settings(deadline=None)
def test_every_patient_is_in_one_part_and_the_seed_says_which(labels: list[int], seed: int) -> None:
    strata = [sorted(set(labels)).index(each) for each in labels]
    shares = [Fraction(6, 10), Fraction(1, 10), Fraction(3, 10)]

    one, two = (
        divided(strata, shares=shares, rng=np.random.default_rng(seed)).tolist() for _ in range(2)
    )

    assert one == two
    assert set(one) <= {0, 1, 2}
    for stratum, size in Counter(strata).items():
        there = Counter(part for part, of in zip(one, strata, strict=True) if of == stratum)
        assert all(abs(there[part] - size * share) < 1 for part, share in enumerate(shares))


def test_shares_of_small_strata_add_up() -> None:
    """By hand: ten strata of one patient, 0.6/0.1/0.3: rounding each alone gives all to train."""
    shares = [Fraction(6, 10), Fraction(1, 10), Fraction(3, 10)]

    counts = apportion([1] * 10, shares=shares, rng=np.random.default_rng(0))

    assert counts.sum(axis=0).tolist() == [6, 1, 3]


def test_cases_of_a_patient_and_cases_with_one_image_are_together() -> None:
    """a-b by patient, b-c by image, so a, b, c are one patient's; d is alone."""
    groups = groups_of(
        ["d", "c", "b", "a"],
        patients={"a": "P1", "b": "P1", "c": "P2"},
        images={"b": "same", "c": "same", "d": "other"},
    )

    assert groups == (("a", "b", "c"), ("d",))


def test_parts_are_cohorts_that_share_nobody_and_lose_nobody(cohort: Path, tmp_path: Path) -> None:
    assert run(cohort, tmp_path / "out").exit_code == 0

    parts = cases_of(tmp_path / "out")
    assert all(not set(one) & set(two) for one, two in combinations(parts.values(), 2))
    everybody = sorted(case for cases in parts.values() for case in cases)
    assert everybody == sorted(read_cohort(cohort).manifest.cases)
    for part in PARTS:
        assert read_cohort(tmp_path / "out" / part).manifest.split is Split(part)


@pytest.mark.parametrize("link", [False, True])
def test_volumes_and_lines_are_the_same_bytes(cohort: Path, tmp_path: Path, link: bool) -> None:  # noqa: FBT001 - a parameter
    run(cohort, tmp_path / "out", *(["--link"] if link else []))

    lines = Counter[str]()
    for part, cases in cases_of(tmp_path / "out").items():
        for path in (tmp_path / "out" / part).rglob("*.nii.gz"):
            source = cohort / path.relative_to(tmp_path / "out" / part)
            assert path.read_bytes() == source.read_bytes()
            assert path.samefile(source) == link
        for name in ("clinical.csv", "readers.csv"):
            table = (tmp_path / "out" / part / name).read_text("utf-8").splitlines()[1:]
            assert {line.partition(",")[0] for line in table} == set(cases)
            lines.update(table)
    before = [
        line
        for name in ("clinical.csv", "readers.csv")
        for line in (cohort / name).read_text("utf-8").splitlines()[1:]
    ]
    assert lines == Counter(before)


def test_same_seed_same_bytes_and_another_seed_another_split(cohort: Path, tmp_path: Path) -> None:
    run(cohort, tmp_path / "one")
    run(cohort, tmp_path / "two")
    run(cohort, tmp_path / "three", seed=2)

    assert (tmp_path / "one" / "split.json").read_bytes() == (
        tmp_path / "two" / "split.json"
    ).read_bytes()
    assert cases_of(tmp_path / "one") != cases_of(tmp_path / "three")


def test_the_manifest_counts_what_is_there(cohort: Path, tmp_path: Path) -> None:
    run(cohort, tmp_path / "out")

    text = (tmp_path / "out" / "split.json").read_text("utf-8")
    manifest = SplitManifest.model_validate_json(text)
    counted: Counter[tuple[str, bool, str]] = Counter()
    for part, cases in cases_of(tmp_path / "out").items():
        found = read_cohort(tmp_path / "out" / part)
        for case in cases:
            row = found.readers[Reader.CONSENSUS][case]
            counted[found.clinical[case].centre, bool(row.positive), part] += 1
            assert manifest.cases[case].split is Split(part)
    told = {
        (stratum.centre, bool(stratum.positive), part.value): n
        for stratum in manifest.strata
        for part, n in stratum.patients.items()
        if n
    }
    assert told == dict(counted)


def test_a_table_of_patients_keeps_their_cases_together(cohort: Path, tmp_path: Path) -> None:
    cases = read_cohort(cohort).manifest.cases
    lines = [f"{case},P{number // 2}" for number, case in enumerate(cases)]
    (tmp_path / "patients.csv").write_text("case_id,patient\n" + "\n".join(lines) + "\n", "utf-8")

    more = ("--patients", str(tmp_path / "patients.csv"), "--link")
    run(cohort, tmp_path / "out", *more, "--train", "0.5", "--public", "0.2", "--hidden", "0.3")

    where = {case: part for part, of in cases_of(tmp_path / "out").items() for case in of}
    assert all(where[one] == where[two] for one, two in zip(cases[::2], cases[1::2], strict=True))


def test_two_cases_with_one_image_stay_together_for_every_seed(
    cohort: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "cohort"
    for path in cohort.rglob("*"):
        if path.is_file():
            there = copy / path.relative_to(cohort)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(path.read_bytes())
    one, two = read_cohort(copy).manifest.cases[:2]
    (copy / "t2w" / f"{two}.nii.gz").write_bytes((copy / "t2w" / f"{one}.nii.gz").read_bytes())

    for seed in range(4):
        run(copy, tmp_path / f"out{seed}", "--link", seed=seed)
        assert any({one, two} <= set(of) for of in cases_of(tmp_path / f"out{seed}").values())


@pytest.mark.parametrize("shares", [("0.6", "0.1", "0.2"), ("x", "0", "1"), ("-0.1", "0.1", "1")])
def test_shares_that_are_no_whole_are_refused(shares: tuple[str, str, str]) -> None:
    given_shares = dict(zip((Split.TRAIN, Split.PUBLIC, Split.HIDDEN), shares, strict=True))

    with pytest.raises(UsageError):
        shares_of(given_shares)


def test_a_part_without_a_share_is_not_written(cohort: Path, tmp_path: Path) -> None:
    run(cohort, tmp_path / "out", "--public", "0", "--train", "0.7")

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "hidden",
        "split.json",
        "train",
    ]


def test_a_missing_volume_leaves_no_folder(cohort: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cohort"
    copy.mkdir()
    for name in ("cohort.toml", "clinical.csv", "readers.csv"):
        (copy / name).write_bytes((cohort / name).read_bytes())

    result = run(copy, tmp_path / "out")

    assert "is missing" in str(result.exception)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cohort"]


KILLED = """
import sys, time
from pathlib import Path
from tasks.whole_folder import whole_folder
with whole_folder(Path(sys.argv[1])) as partial:
    (partial / "cohort.toml").write_text("half")
    print("written", flush=True)
    time.sleep(60)
"""


def test_a_kill_leaves_nothing_under_the_name_and_the_next_call_clears(tmp_path: Path) -> None:
    out = tmp_path / "out"
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(out)], stdout=subprocess.PIPE, cwd=root
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"written\n"
        os.kill(child.pid, signal.SIGKILL)
        child.wait()

    assert not out.exists()
    with whole_folder(out) as partial:
        assert list(partial.iterdir()) == []
        (partial / "whole").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in out.iterdir()] == ["whole"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_folder(tmp_path / "out") as partial:
            (partial / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()

    with pytest.raises(UsageError, match="not empty"), whole_folder(tmp_path):
        pass

    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
