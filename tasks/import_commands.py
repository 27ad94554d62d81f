"""The verbs that make a cohort of a hospital's folders, and label files for outlining tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schema.errors import UsageError
from tasks.commands import AS_JSON, FOLDER, JOBS

if TYPE_CHECKING:
    from schema.finding import Finding
    from schema.importing import ImportMapping
    from tasks.importing.case import CaseOutcome
    from tasks.importing.plan import ImportPlan, Sources

FILE = click.Path(path_type=Path, dir_okay=False)
DICOM = click.option("--dicom", required=True, type=FOLDER, help="Studies, nested as they come.")
MASKS = click.option("--masks", type=FOLDER, help="NIfTI, NRRD, MHA or DICOM SEG, nested.")
KEY_FILE = "key.csv"
TABLE = click.option("--table", type=FILE, help="The spreadsheet: CSV or XLSX.")


@click.command()
@DICOM
@MASKS
@TABLE
@click.option("--mapping", required=True, type=FILE, help="What it all means: import.toml.")
@click.option("--out", required=True, type=FOLDER, help="A new folder, or one to go on with.")
@click.option("--work", type=FOLDER, help="Records and report.  [default: OUT-import]")
@click.option("--key", type=FILE, help="Whose case is whose.  [default: key.csv in WORK]")
@click.option("--salt", type=FILE, help='For case_ids = "salted": key file, made when absent.')
@JOBS
@AS_JSON
def import_cohort(
    dicom: Path,
    masks: Path | None,
    table: Path | None,
    mapping: Path,
    out: Path,
    work: Path | None,
    key: Path | None,
    salt: Path | None,
    jobs: int,
    as_json: bool,
) -> None:
    """Make a cohort of DICOM studies, masks and a spreadsheet.

    The axial high-resolution T2 series of each study is chosen by rule. Masks are turned where
    nothing is lost and never resampled. A study about which anything is doubtful is left out, and
    every reason is listed in findings.csv and import.html. A second call goes on where the first
    one stopped. Exit code 0: all was sound. 1: with findings. 2: no cohort was written.

    \b
    Example: lln cohort import --dicom PACS --masks MASKS --table patients.xlsx \\
      --mapping import.toml --out out/north
    """
    from tasks.importing.mapping import read_mapping
    from tasks.importing.plan import Sources
    from tasks.importing.report import write_report
    from tasks.importing.run import findings_of, import_cases, write_cohort
    from tasks.importing.state import opened
    from tasks.terminal import progress

    rules = read_mapping(mapping)
    folder = work or out.with_name(f"{out.name}-import")
    _refuse_inside(out, names={"--key": key, "--salt": salt, "--mapping": mapping})
    with opened(folder, out=out):
        sources = Sources(dicom=dicom, masks=masks, table=table)
        plan = _planned(sources, rules=rules, key=key or folder / KEY_FILE, salt=salt)
        outcomes: list[CaseOutcome] = []
        with progress("Importing studies", total=len(plan.cases)) as step:
            for outcome in import_cases(plan, out=out, work=folder, jobs=jobs):
                outcomes.append(outcome)
                step()
        findings = findings_of(plan, outcomes)
        write_report(folder, outcomes, findings=findings)
        count = write_cohort(plan, outcomes, out=out)
    _show(findings, outcomes=outcomes, count=count, out=out, work=folder, as_json=as_json)


def _refuse_inside(out: Path, *, names: dict[str, Path | None]) -> None:
    """Keep what tells who the patients are out of the cohort.

    Raises:
        UsageError: one of the files lies inside of it.
    """
    from tasks.importing.state import is_within

    for option, path in names.items():
        if path is not None and is_within(path, out):
            raise UsageError(f"{option} {path}: may not lie inside of the cohort folder {out}")


def _planned(sources: Sources, *, rules: ImportMapping, key: Path, salt: Path | None) -> ImportPlan:
    """Read all headers, name the cases, keep their names, and put everything together."""
    from tasks.importing.naming import named, naming_of, read_key_file, write_key_file
    from tasks.importing.plan import plan_import, read_studies
    from tasks.terminal import progress

    with progress("Reading headers", total=None):
        tree, studies = read_studies(sources, mapping=rules)
    known = read_key_file(key)
    case_id_of = naming_of(rules.cases.case_ids, studies=studies.studies, known=known, salt=salt)
    plan = plan_import(sources, mapping=rules, tree=tree, studies=studies, case_id_of=case_id_of)
    cases, _ = named(studies.studies, case_id_of=case_id_of)
    write_key_file(key, cases, known=known)
    return plan


def _show(
    findings: Sequence[Finding],
    *,
    outcomes: Sequence[CaseOutcome],
    count: int,
    out: Path,
    work: Path,
    as_json: bool,
) -> None:
    from tasks.files import canonical_json
    from tasks.terminal import show_findings

    if as_json:
        data = {
            "out": str(out),
            "work": str(work),
            "imported": [each.record.case_id for each in outcomes if each.record.imported],
            "findings": [finding.model_dump(mode="json") for finding in findings],
        }
        click.echo(canonical_json(data), nl=False)
    else:
        show_findings(findings)
        again = sum(each.resumed for each in outcomes)
        before = f", {again} of them as they were before" if again else ""
        click.echo(f"{count} of {len(outcomes)} studies imported{before}: {out}")
        click.echo(f"what is doubtful: {work / 'import.html'}")
    raise SystemExit(1 if findings else 0)


@click.command()
@DICOM
@MASKS
@TABLE
@click.option(
    "--out", default=Path("import.toml"), show_default=True, type=FILE, help="The new mapping."
)
def propose_mapping(dicom: Path, masks: Path | None, table: Path | None, out: Path) -> None:
    """Write a first mapping from what is seen in the folders; a person decides the rest.

    Each guess has its reason above it. Whatever is not clear is left as "?", which the import
    refuses.

    \b
    Example: lln cohort propose-mapping --dicom PACS --masks MASKS --table patients.xlsx
    """
    from tasks.files import write_text
    from tasks.importing.proposal import propose
    from tasks.terminal import progress

    if out.exists():
        raise UsageError(f"{out} is there already: name another file, or remove it first")
    with progress("Looking at studies, masks and table", total=None):
        proposed = propose(dicom=dicom, masks=masks, table=table)
    write_text(out, proposed.text)
    click.echo(f"{out}: {proposed.guessed} guesses to check, {proposed.open} decisions to make")


@click.command()
@click.option("--itksnap", is_flag=True, help="Label descriptions for ITK-SNAP (.label).")
@click.option("--slicer", is_flag=True, help="Colour tables for 3D Slicer (.ctbl).")
@click.option("--out", default=Path(), show_default="here", type=FOLDER, help="Where to.")
def labels(itksnap: bool, slicer: bool, out: Path) -> None:
    """Write the labels of compartments and nodes for the tool that outlines them.

    \b
    Example: lln tasks labels --itksnap --out out/labels
    """
    from tasks.files import write_text
    from tasks.label_files import ITKSNAP_SUFFIX, SLICER_SUFFIX, itksnap_labels, slicer_colours
    from tasks.layout import MASK_TASKS
    from tasks.specification import label_map

    if not (itksnap or slicer):
        raise UsageError("give --itksnap, --slicer or both")
    for task in MASK_TASKS:
        if itksnap:
            path = out / f"{task.value}{ITKSNAP_SUFFIX}"
            write_text(path, itksnap_labels(label_map(task)))
            click.echo(path)
        if slicer:
            path = out / f"{task.value}{SLICER_SUFFIX}"
            write_text(path, slicer_colours(label_map(task)))
            click.echo(path)
