"""What a proposal sees: keys of studies, files of masks, columns of the spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from schema.errors import FolderError, UnreadableFileError
from schema.importing import SheetRules
from tasks.dicom.checks import NoImage
from tasks.dicom.segmentation import segmentation_study
from tasks.dicom.tree import read_tree
from tasks.files import read_bytes
from tasks.importing.mask_files import MASK_SUFFIXES, MaskError, mask_labels
from tasks.importing.masks import files_below
from tasks.importing.spreadsheet import XLSX, read_sheet, sheet_names
from tasks.importing.studies import READING_LIMITS, stacks_by_study, text_of
from tasks.tables import Table

MATCHES = ("patient-id", "accession-number", "folder", "study-uid")
FILES_OPENED = 20
"""Mask files of one kind that are opened to see their labels."""
WORDS_AT_MOST = 12
"""Different cells of a column of words; more are names or free text."""
SEPARATORS = (",", ";", "\t", "|")
DESCRIPTIONS = (".label", ".txt")
DESCRIPTION_BYTES = 1 << 20


class Matching(NamedTuple):
    """One way to give studies a key, and how well others know it.

    Attributes:
        match: as `CaseRules.match` has it.
        keys: one for each study that has any; study UIDs by key would tell too much.
        studies: how many there are.
        in_masks: how many keys are in a path of a mask.
        columns: how many keys are in each column of the spreadsheet, where any is.
    """

    match: str
    keys: tuple[str, ...]
    studies: int
    in_masks: int
    columns: Mapping[str, int]

    @property
    def is_unique(self) -> bool:
        """Whether every study has a key of its own."""
        return len(set(self.keys)) == self.studies == len(self.keys)


class MaskKind(NamedTuple):
    """Mask files that differ in nothing but the key.

    Attributes:
        template: as `MaskSource.file` has it.
        files: how many there are.
        by: `name` where every label seen has one.
        labels: in how many of the files that were opened each label is.
        named: names of values by a label description of ITK-SNAP.
        opened: how many files were opened.
    """

    template: str
    files: int
    by: str
    labels: Mapping[str, int]
    named: Mapping[str, str]
    opened: int


class Sheet(NamedTuple):
    """The spreadsheet, read as seems right.

    Attributes:
        table: its cells.
        rules: how it was read.
        sheets: of an XLSX file.
        encoding_is_clear: whether it is UTF-8.
    """

    table: Table
    rules: SheetRules
    sheets: tuple[str, ...]
    encoding_is_clear: bool

    def cells(self, column: str) -> list[str]:
        """The cells of a column that are not empty."""
        index = self.table.columns.index(column)
        return [cell for row in self.table.rows if (cell := row.cells[index].strip())]

    def words(self, column: str) -> list[str]:
        """Different cells of a column of words; empty when there are too many."""
        found = sorted(set(self.cells(column)))
        return found if len(found) <= WORDS_AT_MOST else []


def see_matchings(
    dicom: Path, *, masks: Sequence[str], sheet: Sheet | None
) -> tuple[Matching, ...]:
    """Every way to match, and how well masks and spreadsheet know its keys.

    Raises:
        FolderError: there is no DICOM image.
    """
    tree = read_tree(dicom, limits=READING_LIMITS)
    studies = stacks_by_study(tree)
    if not studies:
        findings = NoImage.findings(len(tree.skipped), where="")
        raise FolderError("the folder holds no DICOM image", findings=findings)
    found = []
    for match in MATCHES:
        texts = (text_of(stacks, match=match, folder=dicom) for stacks in studies.values())
        keys = tuple(text for text in texts if text)
        found.append(
            Matching(
                match=match,
                keys=keys,
                studies=len(studies),
                in_masks=sum(any(_place(key, name) for name in masks) for key in keys),
                columns=_columns_with(keys, sheet=sheet),
            )
        )
    return tuple(found)


def _columns_with(keys: Sequence[str], *, sheet: Sheet | None) -> dict[str, int]:
    if sheet is None:
        return {}
    counts = {name: len(set(sheet.cells(name)) & set(keys)) for name in sheet.table.columns if name}
    return {name: count for name, count in counts.items() if count}


def _place(key: str, name: str) -> re.Match[str] | None:
    """Where a key stands in a path, with no letter and no digit beside it."""
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(key)}(?![A-Za-z0-9])", name)


def mask_names(folder: Path | None) -> tuple[str, ...]:
    """Files that may be masks, by their names: DICOM SEG files too."""
    if folder is None:
        return ()
    names = list(files_below(folder))
    return tuple(
        name
        for name in names
        if name.lower().endswith(MASK_SUFFIXES)
        or (not _is_text(name) and segmentation_study(folder / name) is not None)
    )


def _is_text(name: str) -> bool:
    return name.lower().endswith(DESCRIPTIONS)


def see_masks(folder: Path | None, *, names: Sequence[str], keys: Iterable[str]) -> list[MaskKind]:
    """Mask files by kind, the most frequent first."""
    if folder is None:
        return []
    ordered = sorted(set(keys), key=len, reverse=True)
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(_template(name, keys=ordered), []).append(name)
    named = dict(_descriptions(folder))
    found = [_kind(folder, template, files, named=named) for template, files in kinds.items()]
    return sorted(found, key=lambda kind: (-kind.files, kind.template))


def _template(name: str, *, keys: Sequence[str]) -> str:
    """A path with its key taken out; without one, of a SEG file, any path."""
    for key in keys:
        if _place(key, name):
            return re.sub(
                rf"(?<![A-Za-z0-9]){re.escape(key)}(?![A-Za-z0-9])", lambda _: "{key}", name
            )
    return name if name.lower().endswith(MASK_SUFFIXES) else f"**/*{Path(name).suffix}"


def _kind(
    folder: Path, template: str, files: Sequence[str], *, named: Mapping[str, str]
) -> MaskKind:
    names, values = Counter[str](), Counter[str]()
    opened = 0
    for name in files[:FILES_OPENED]:
        try:
            known, present = mask_labels(folder / name)
        except MaskError:
            continue
        opened += 1
        values.update(str(value) for value in present)
        names.update(known[value] for value in present if known.get(value))
    by_name = bool(names) and sum(names.values()) == sum(values.values())
    labels = names if by_name else values
    return MaskKind(
        template=template,
        files=len(files),
        by="name" if by_name else "value",
        labels=dict(sorted(labels.items(), key=lambda item: (len(item[0]), item[0]))),
        named={} if by_name else named,
        opened=opened,
    )


def _descriptions(folder: Path) -> Iterator[tuple[str, str]]:
    """Value and name of each line of the label descriptions of ITK-SNAP that lie there."""
    for name in files_below(folder):
        if not _is_text(name):
            continue
        try:
            text = read_bytes(folder / name, limit=DESCRIPTION_BYTES).decode("utf-8", "replace")
        except UnreadableFileError:
            continue
        if "ITK-SnAP Label Description" in text:
            yield from re.findall(r'(?m)^\s*([1-9]\d*)\s+(?:[\d.]+\s+){6}"(.+)"\s*$', text)


def see_sheet(path: Path | None) -> Sheet | None:
    """The spreadsheet, by the dialect that it seems to be written in.

    Raises:
        FolderError: it cannot be read in any way.
    """
    if path is None:
        return None
    try:
        if path.suffix.lower() == XLSX:
            return _xlsx(path)
        return _csv(path)
    except UnreadableFileError as error:
        raise FolderError(f"{path.name}: {error}") from error


def _xlsx(path: Path) -> Sheet:
    sheets = sheet_names(path)
    several = sheets[0] if len(sheets) > 1 else None
    rules = SheetRules(key="?", sheet=several)
    return Sheet(read_sheet(path, rules=rules), rules, sheets, encoding_is_clear=True)


def _csv(path: Path) -> Sheet:
    content = read_bytes(path)
    try:
        text, encoding = content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = content.decode("cp1252", "replace"), "cp1252"
    head = text.splitlines()[:1]
    separator = max(SEPARATORS, key=lambda mark: head[0].count(mark) if head else 0)
    cells = [cell for line in csv.reader(io.StringIO(text), delimiter=separator) for cell in line]
    comma = separator != "," and any(re.fullmatch(r"\d+,\d+", cell.strip()) for cell in cells)
    rules = SheetRules.model_validate(
        {
            "key": "?",
            "separator": separator,
            "decimal": "," if comma else ".",
            "encoding": encoding,
        }
    )
    table = read_sheet(path, rules=rules)
    return Sheet(table, rules, (), encoding_is_clear=encoding == "utf-8")
