from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schema.errors import FolderError
from tasks.dicom.choice import (
    CHOICE_LIMITS,
    SERIES_RULES,
    ChoiceLimits,
    HasSlices,
    IsAxial,
    IsBeforeContrast,
    IsFine,
    IsMagneticResonance,
    IsNoDiffusion,
    IsNoLocalizer,
    IsNotFatSuppressed,
    IsOriginal,
    IsSpinEcho,
    IsT2Weighted,
    IsWide,
    SeriesRule,
    choose,
)
from tasks.dicom.definitions import with_dicom_definitions
from tasks.dicom.series import Stack, stacks_of
from tasks.dicom.tree import read_tree
from tasks.dicom.volume import read_t2_volume
from tasks.dicom.words import WORDS, Meaning, words_in
from tests.tasks.dicom.dicom_writer import T2, Series, grid, values_of, write_enhanced, write_series

ROOT = Path(__file__).parents[3]


def stacks(folder: Path) -> tuple[Stack, ...]:
    return stacks_of(read_tree(folder).frames)


def broken_rules(folder: Path, *, limits: ChoiceLimits = CHOICE_LIMITS) -> set[type[SeriesRule]]:
    (judged,) = choose(stacks(folder), limits=limits).judged
    return {type(breach.rule) for breach in judged.breaches}


def named(*, description: str, number: int) -> Series:
    return replace(T2, number=number).with_tags(SeriesDescription=description)


def refusal(folder: Path, **arguments: Any) -> FolderError:
    with pytest.raises(FolderError) as refused:
        read_t2_volume(folder, **arguments)
    return refused.value


def codes(error: FolderError) -> list[str]:
    return [each.code for each in error.findings]


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ({"Modality": "CT"}, IsMagneticResonance),
        ({"ImageType": ["DERIVED", "PRIMARY", "M"]}, IsOriginal),
        ({"ImageType": ["ORIGINAL", "SECONDARY", "M"]}, IsOriginal),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P"]}, IsOriginal),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "MPR"]}, IsOriginal),
        ({"ImageType": None}, IsOriginal),
        ({"SeriesDescription": "t2_tse_sag_MPR"}, IsOriginal),
        ({"SeriesDescription": "3-pl T2 survey"}, IsNoLocalizer),
        ({"DiffusionBValue": 50.0}, IsNoDiffusion),
        ({"ScanningSequence": ["EP", "SE"]}, IsNoDiffusion),
        ({"SequenceName": "*ep_b800t"}, IsNoDiffusion),
        ({"ScanningSequence": "GR"}, IsSpinEcho),
        ({"SeriesDescription": "t2_haste_tra"}, IsSpinEcho),
        ({"EchoTime": 69}, IsT2Weighted),
        ({"EchoTime": 201}, IsT2Weighted),
        ({"RepetitionTime": 1400}, IsT2Weighted),
        ({"SeriesDescription": "t1_tse_tra"}, IsT2Weighted),
        ({"ScanOptions": "FS"}, IsNotFatSuppressed),
        ({"ScanningSequence": ["SE", "IR"]}, IsNotFatSuppressed),
        ({"SeriesDescription": "T2W_SPAIR"}, IsNotFatSuppressed),
        ({"ContrastBolusAgent": "Gadovist"}, IsBeforeContrast),
        ({"SeriesDescription": "t2 tse tra +C"}, IsBeforeContrast),
    ],
    ids=str,
)
def test_one_thing_wrong_breaks_one_rule(
    tmp_path: Path, tags: dict[str, Any], rule: type[SeriesRule]
) -> None:
    write_series(tmp_path, T2.with_tags(**tags))

    assert broken_rules(tmp_path) == {rule}


@pytest.mark.parametrize(
    ("geometry", "rule"),
    [
        (grid(degrees=(0.0, 0.0, 36.0)), IsAxial),
        (grid(degrees=(0.0, -36.0, 0.0)), IsAxial),
        (grid(degrees=(0.0, 0.0, 90.0)), IsAxial),
        (grid(spacing_mm=(1.01, 0.95, 4.0)), IsFine),
        (grid(spacing_mm=(0.89, 0.95, 4.0)), IsWide),
        (grid(size=(168, 164, 14)), HasSlices),
        (grid(spacing_mm=(0.9375, 0.95, 6.1)), HasSlices),
    ],
)
def test_a_grid_just_beyond_a_limit_breaks_its_rule(
    tmp_path: Path, geometry: Any, rule: Any
) -> None:
    write_series(tmp_path, replace(T2, geometry=geometry))

    assert broken_rules(tmp_path) == {rule}


@pytest.mark.parametrize(
    "geometry",
    [
        grid(degrees=(80.0, 0.0, 34.0)),
        grid(spacing_mm=(1.0, 1.0, 6.0)),
        grid(size=(168, 164, 15)),
        grid(degrees=(0.0, 0.0, 180.0)),
    ],
)
def test_a_grid_just_within_the_limits_keeps_every_rule(tmp_path: Path, geometry: Any) -> None:
    write_series(tmp_path, replace(T2, geometry=geometry))

    assert broken_rules(tmp_path) == set()


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        ({"EchoTime": None}, True),
        ({"RepetitionTime": None}, True),
        ({"EchoTime": None, "SeriesDescription": "tse_tra"}, False),
        ({"SeriesDescription": "rectum high resolution"}, True),
    ],
)
def test_a_name_speaks_where_times_are_not_stated(
    tmp_path: Path, tags: dict[str, Any], *, kept: bool
) -> None:
    write_series(tmp_path, T2.with_tags(**tags))

    assert broken_rules(tmp_path) == (set() if kept else {IsT2Weighted})


@pytest.mark.parametrize(
    ("element", "value", "rule"),
    [
        ("SpectrallySelectedSuppression", "FAT", IsNotFatSuppressed),
        ("EchoPulseSequence", "GRADIENT", IsSpinEcho),
        ("EchoPlanarPulseSequence", "YES", IsNoDiffusion),
    ],
)
def test_an_enhanced_file_is_judged_by_its_own_elements(
    tmp_path: Path, element: str, value: str, rule: type[SeriesRule]
) -> None:
    write_enhanced(tmp_path / "file", change=lambda dataset: setattr(dataset, element, value))

    assert broken_rules(tmp_path) == {rule}


# names as three vendors and many hospitals write them
@pytest.mark.parametrize(
    "text",
    [
        "t2_tse_tra_320_p2",
        "t2_blade_tra_rectum",
        "t2_spc_tra_iso",
        "Ax T2 FRFSE HR",
        "OAx T2 PROPELLER",
        "AxT2FRFSE",
        "T2W_TSE_HR ax",
        "sT2W/TSE",
        "eT2W_TSE",
        "HIGH RES T2 RECTUM OBL AX",
        "T2 without FS",
        "T2 tra non-FS",
        "t2w tse nofs",
    ],
)
def test_names_of_t2_series_hold_t2_and_nothing_against_it(text: str) -> None:
    assert {word.meaning for word in words_in(text)} == {Meaning.T2}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("ep2d_diff_b50_400_800_tra", Meaning.DIFFUSION),
        ("ADC (10^-6 mm2/s)", Meaning.DIFFUSION),
        ("DWI_b1000", Meaning.DIFFUSION),
        ("eDWI 3b", Meaning.DIFFUSION),
        ("resolve_4scan_trace_tra", Meaning.DIFFUSION),
        ("dDWIBS", Meaning.DIFFUSION),
        ("t1_vibe_dixon_tra", Meaning.OTHER_WEIGHTING),
        ("Ax LAVA Flex", Meaning.OTHER_WEIGHTING),
        ("eTHRIVE", Meaning.OTHER_WEIGHTING),
        ("T2* GRE", Meaning.OTHER_WEIGHTING),
        ("PDW_TSE", Meaning.OTHER_WEIGHTING),
        ("trufi_cor", Meaning.OTHER_WEIGHTING),
        ("HASTE cor", Meaning.SINGLE_SHOT),
        ("SSFSE Ax", Meaning.SINGLE_SHOT),
        ("T2W SSh", Meaning.SINGLE_SHOT),
        ("t2_tirm_tra", Meaning.FAT_SUPPRESSED),
        ("t2_tse_fs_tra", Meaning.FAT_SUPPRESSED),
        ("T2FatSat", Meaning.FAT_SUPPRESSED),
        ("T2W_SPAIR", Meaning.FAT_SUPPRESSED),
        ("mDIXON-W", Meaning.FAT_SUPPRESSED),
        ("DYN post Gd", Meaning.CONTRAST),
        ("localizer", Meaning.LOCALIZER),
        ("3-Plane Loc", Meaning.LOCALIZER),
        ("AAHScout", Meaning.LOCALIZER),
        ("Survey_SHC", Meaning.LOCALIZER),
        ("ASSET calibration", Meaning.LOCALIZER),
        ("MPR tra", Meaning.COMPUTED),
    ],
)
def test_names_of_other_series_hold_the_word_against_them(text: str, meaning: Meaning) -> None:
    assert meaning in {word.meaning for word in words_in(text)}


@pytest.mark.parametrize("text", ["at2a", "xt1x", "localised disease", "infs", "status", "subject"])
def test_a_word_within_a_word_is_none(text: str) -> None:
    assert words_in(text) == ()


def test_every_rule_is_explained() -> None:
    for rule in SERIES_RULES:
        assert rule.title()
        assert rule.help()
        assert rule(CHOICE_LIMITS).wanted()
    assert len({word.shown for word in WORDS}) == len(WORDS)


def test_the_document_says_what_the_code_does() -> None:
    document = (ROOT / "docs" / "dicom.md").read_text(encoding="utf-8")

    assert with_dicom_definitions(document) == document, "renew it: tasks.dicom.definitions"


def test_one_of_many_series_is_chosen_and_each_other_is_refused_with_its_reasons(
    tmp_path: Path,
) -> None:
    others = [
        named(description="localizer", number=1),
        named(description="ep2d_diff_tra", number=2),
        replace(
            named(description="t2_tse_sag", number=3), geometry=grid(degrees=(90.0, 0.0, 90.0))
        ),
    ]
    for number, series in enumerate((*others, T2)):
        write_series(tmp_path / f"{number}", series)

    volume = read_t2_volume(tmp_path)

    assert volume.series_uid == T2.uid
    assert volume.reason == (
        f"series {T2.uid} (16 slices, 60 mm long, pixels of 0.95 mm, 12 degrees off axial): "
        "it alone qualifies, of 4"
    )
    assert [each.reasons for each in volume.refused] == [
        ("It is no localiser and no calibration: no, a word for localiser in a name",),
        ("It is not diffusion-weighted: no, a word for diffusion in a name",),
        ("Its slices lie across the body: no, a normal 90 degrees off",),
    ]


def test_when_none_qualifies_every_series_is_refused_at_once(tmp_path: Path) -> None:
    write_series(tmp_path / "a", named(description="t1_vibe_fs", number=1))
    write_series(tmp_path / "b", named(description="DWI", number=2))

    error = refusal(tmp_path)

    assert codes(error) == ["LLN303", "LLN303"]
    assert "a word for T1 in a name; a word for FS in a name" in error.findings[0].got
    assert f"{T2.study}.2" in error.findings[1].where


def test_two_equal_series_are_refused_and_both_are_named(tmp_path: Path) -> None:
    write_series(tmp_path / "a", named(description="t2_tse_tra", number=1))
    write_series(tmp_path / "b", named(description="t2_tse_tra repeated", number=2))

    error = refusal(tmp_path)

    (finding,) = error.findings
    assert finding.code == "LLN304"
    assert f"series {T2.study}.1 (" in finding.got
    assert f"series {T2.study}.2 (" in finding.got
    assert "`series`" in finding.fix


@pytest.mark.parametrize("number", [1, 2])
def test_a_named_series_is_taken(tmp_path: Path, number: int) -> None:
    write_series(tmp_path / "a", replace(T2, number=1))
    write_series(tmp_path / "b", replace(T2, number=2, values=values_of(T2.geometry, seed=2)))

    volume = read_t2_volume(tmp_path, series=f"{T2.study}.{number}")

    assert np.array_equal(volume.voxels, values_of(T2.geometry, seed=number).transpose(2, 1, 0))
    assert volume.reason.endswith("it was named")
    assert volume.findings == ()


def test_a_named_series_against_the_rules_is_taken_with_a_note_for_each(tmp_path: Path) -> None:
    write_series(tmp_path, named(description="t2_tse_fs_tra", number=1).with_tags(EchoTime=30))

    volume = read_t2_volume(tmp_path, series=f"{T2.study}.1")

    assert [(each.code, each.fails_case) for each in volume.findings] == [("LLN307", False)] * 2


def test_a_name_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    write_series(tmp_path)

    error = refusal(tmp_path, series="1.2.3")

    assert codes(error) == ["LLN305"]
    assert T2.uid in error.findings[0].expected


def test_a_part_of_a_series_is_named_by_its_number(tmp_path: Path) -> None:
    for part, letter in enumerate("AB", start=1):
        series = replace(T2, values=values_of(T2.geometry, seed=part))
        write_series(
            tmp_path,
            series.with_tags(TemporalPositionIdentifier=part),
            names=f"{letter}{{}}".format,
        )

    error = refusal(tmp_path, series=T2.uid)
    volume = read_t2_volume(tmp_path, series=f"{T2.uid}#2")

    assert codes(error) == ["LLN304"]
    assert f"{T2.uid}#1" in error.findings[0].got
    assert np.array_equal(volume.voxels, values_of(T2.geometry, seed=2).transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [
        # 60 and 80 mm long: the longer one, coarser as it is
        (grid(spacing_mm=(0.95, 0.95, 4.0)), grid(spacing_mm=(1.0, 1.0, 5.3)), 2),
        # as long within a fifth: the finer one
        (
            grid(spacing_mm=(0.95, 0.95, 4.0)),
            grid(spacing_mm=(0.8, 0.8, 3.5), size=(196, 196, 16)),
            2,
        ),
        # as long and as fine within a tenth: neither
        (grid(spacing_mm=(0.95, 0.95, 4.0)), grid(spacing_mm=(0.93, 0.93, 4.2)), None),
    ],
    ids=["longer", "finer", "neither"],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_longest_then_the_finest_is_taken(
    tmp_path: Path, first: Any, second: Any, chosen: int | None, *, turned: bool
) -> None:
    numbers = (2, 1) if turned else (1, 2)
    for number, geometry in zip(numbers, (first, second), strict=True):
        write_series(tmp_path / f"{number}", replace(T2, number=number, geometry=geometry))

    if chosen is None:
        assert codes(refusal(tmp_path)) == ["LLN304"]
    else:
        volume = read_t2_volume(tmp_path)
        assert volume.series_uid == f"{T2.study}.{numbers[chosen - 1]}"
        assert "the best of 2 that qualify" in volume.reason
        assert volume.refused[0].reasons == ("it qualifies, but another one was taken",)


def test_two_patients_in_a_folder_are_refused_unless_a_series_is_named(tmp_path: Path) -> None:
    write_series(tmp_path / "a")
    other = replace(named(description="t1_tse", number=1), study=f"{T2.study}.7", patient="CANARY2")
    write_series(tmp_path / "b", other)

    assert codes(refusal(tmp_path)) == ["LLN306"]
    assert read_t2_volume(tmp_path, series=T2.uid).series_uid == T2.uid


def test_a_folder_without_an_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("nothing")

    assert codes(refusal(tmp_path)) == ["LLN302"]


def test_the_limits_can_be_set(tmp_path: Path) -> None:
    write_series(tmp_path)
    change: Callable[..., ChoiceLimits] = CHOICE_LIMITS._replace

    assert broken_rules(tmp_path, limits=change(slices=17)) == {HasSlices}
    assert broken_rules(tmp_path, limits=change(tilt_degrees=5.0)) == {IsAxial}
    assert codes(refusal(tmp_path, choice_limits=change(pixel_mm=0.5))) == ["LLN303"]
