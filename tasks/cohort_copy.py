"""Parts of a cohort in another folder: the same bytes of volumes, the same lines of tables."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from schema.cohort import CohortManifest
from schema.errors import CohortError
from tasks.cohort import Cohort
from tasks.cohort_check import mask_tasks
from tasks.files import (
    digest_bytes,
    read_bytes,
    read_table,
    toml_text,
    write_bytes,
    write_table,
    write_text,
)
from tasks.layout import CLINICAL, COHORT_MANIFEST, IMAGES, MASK_TASKS, READERS, mask_name

VOLUME_LIMIT_BYTES = 4 << 30
TABLES = (CLINICAL, READERS)
LABELS = tuple(task.value for task in MASK_TASKS)


def volumes_of(cohort: Cohort, case_id: str, *, folders: Iterable[str]) -> Iterator[str]:
    """Paths of a case's volumes below the cohort.

    Raises:
        CohortError: one that the manifest asks for is missing.
    """
    needed = {task.value for task in mask_tasks(cohort)}
    for folder in folders:
        where = f"{folder}/{mask_name(case_id)}"
        if (cohort.folder / where).exists():
            yield where
        elif folder in needed or (needed and folder == IMAGES):
            raise CohortError(f"{cohort.folder}: {where} is missing; lln cohort check tells more")


def copy_file(source: Path, target: Path, *, link: bool) -> str:
    """Copy a file, or give it a second name, and read it again; returns its digest.

    Raises:
        CohortError: what was written is not what was read.
    """
    content = read_bytes(source, limit=VOLUME_LIMIT_BYTES)
    digest = digest_bytes(content)
    if link:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
    else:
        write_bytes(target, content)
    if digest_bytes(read_bytes(target, limit=VOLUME_LIMIT_BYTES)) != digest:
        raise CohortError(f"{target}: written otherwise than read: is the disk sound?")
    return digest


def write_lines(cohort: Cohort, name: str, *, cases: Collection[str], out: Path) -> None:
    """Write the lines of some cases of a table, cell for cell; nothing when there is no table."""
    if not (cohort.folder / name).exists():
        return
    table = read_table(cohort.folder / name)
    column = table.columns.index("case_id")
    rows = [row.cells for row in table.rows if row.cells[column].strip() in cases]
    write_table(out / name, columns=table.columns, rows=rows)


def write_manifest(manifest: CohortManifest, *, out: Path) -> None:
    """Write cohort.toml, last: before it there is no cohort."""
    write_text(out / COHORT_MANIFEST, toml_text(manifest.model_dump(mode="json")))
