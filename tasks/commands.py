"""The verbs about cohorts, simulated submissions and the contract."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from schema.errors import UsageError
from schema.finding import Finding

FOLDER = click.Path(path_type=Path, file_okay=False)
JOBS = click.option(
    "--jobs",
    default=os.cpu_count() or 1,
    show_default="all cores",
    type=click.IntRange(min=1),
    help="Processes to use; any number gives the same bytes.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable on stdout.")


def refuse_full(folder: Path) -> None:
    """Stop before writing among files that are there.

    Raises:
        UsageError: the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: name another folder, or remove it first")


def refuse_overlap(source: Path, *, out: Path) -> None:
    """Keep source and output apart.

    Raises:
        UsageError: one lies inside of the other.
    """
    here, there = source.resolve(), out.resolve()
    if there.is_relative_to(here) or here.is_relative_to(there):
        raise UsageError(f"{source} and {out} may not lie inside of each other: name another --out")


@click.command()
@click.option("--patients", default=48, show_default=True, type=click.IntRange(1, 9999))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("--out", required=True, type=FOLDER, help="A new or empty folder.")
@click.option(
    "--prevalence",
    type=click.FloatRange(0, 1),
    help="Share of LLN-positive patients.  [default: the paper's 61/480]",
)
@JOBS
def phantom(patients: int, seed: int, out: Path, prevalence: float | None, jobs: int) -> None:
    """Write a synthetic cohort in the real layout.

    \b
    Example: lln cohort phantom --patients 48 --seed 1 --out out/cohort
    """
    from tasks.phantom_cohort import PREVALENCE, write_phantom_cohort
    from tasks.terminal import progress

    refuse_full(out)
    share = PREVALENCE if prevalence is None else prevalence
    written = write_phantom_cohort(
        out=out, patients=patients, seed=seed, prevalence=share, jobs=jobs
    )
    with progress("Drawing patients", total=patients) as step:
        for _ in written:
            step()
    click.echo(out)


@click.command()
@click.argument("cohort", type=FOLDER)
@click.option(
    "--against",
    multiple=True,
    type=FOLDER,
    help="Another cohort that may share no patient with this one; may be repeated.",
)
@click.option(
    "--overview",
    type=FOLDER,
    help="A new or empty folder for a page of pictures. They show the reference: keep it private.",
)
@JOBS
@AS_JSON
def check_cohort(
    cohort: Path, against: tuple[Path, ...], overview: Path | None, jobs: int, as_json: bool
) -> None:
    """Check a cohort folder: manifest, tables, every image and mask, and whether they agree.

    A finding contradicts a rule, or what the cohort says elsewhere: exit code 1. A note is worth a
    look, and a sound cohort may have it: exit code 0.

    \b
    Example: lln cohort check out/cohort --against out/train --overview out/overview
    """
    from schema.errors import CohortError
    from tasks.cohort import read_cohort, read_inputs
    from tasks.cohort_check import (
        check_against,
        check_folders,
        check_images,
        check_tables,
        digest_images,
        examine_cases,
    )
    from tasks.overview import write_page, write_strip
    from tasks.terminal import progress

    if overview is not None:
        refuse_full(overview)
    try:
        found = read_cohort(cohort)
    except CohortError as error:
        leave_after_check(error.findings, as_json=as_json)
    others = [read_inputs(each) for each in against]
    findings = [each for step in check_folders(found) for each in step]
    digests = {}
    with progress("Checking cases", total=len(found.manifest.cases)) as step:
        for case in examine_cases(found, pictures=overview is not None, jobs=jobs):
            findings += case.findings
            if case.image_digest is not None:
                digests[case.case_id] = case.image_digest
            if overview is not None and case.picture is not None:
                write_strip(overview, case_id=case.case_id, picture=case.picture)
            step()
    findings += [*check_images(digests), *check_tables(found)]
    for other in others:
        with progress(f"Comparing {other.folder.name}", total=len(other.manifest.cases)) as step:
            theirs = {}
            for case_id, digest in digest_images(other, jobs=jobs):
                theirs[case_id] = digest
                step()
        findings += check_against(found, digests=digests, other=other, other_digests=theirs)
    if overview is not None:
        page = write_page(overview, cohort=found, findings=findings)
        click.echo(f"overview, private: {page}", err=True)
    leave_after_check(findings, as_json=as_json)


def leave_after_check(found: Sequence[Finding], *, as_json: bool) -> NoReturn:
    """Show findings, then notes, and leave: exit code 1 with a finding that is no note, else 0."""
    from tasks.checks.plausibility import NOTES
    from tasks.files import canonical_json
    from tasks.terminal import count_of, show_findings

    findings = [each for each in found if each.code not in NOTES]
    notes = [each for each in found if each.code in NOTES]
    if as_json:
        named = (("findings", findings), ("notes", notes))
        data = {name: [each.model_dump(mode="json") for each in kept] for name, kept in named}
        click.echo(canonical_json(data), nl=False)
    else:
        show_findings(findings)
        if notes:
            click.echo("Notes, worth a look:", err=True)
        show_findings(notes)
        words = {0: "", 1: ", 1 note"}.get(len(notes), f", {len(notes)} notes")
        click.echo(count_of(findings) + words)
    raise SystemExit(1 if findings else 0)


def leave_with_findings(findings: Sequence[Finding], *, as_json: bool) -> NoReturn:
    """Show findings and leave: exit code 0 without any, else 1."""
    from tasks.files import canonical_json
    from tasks.terminal import count_of, show_findings

    if as_json:
        data = {"findings": [finding.model_dump(mode="json") for finding in findings]}
        click.echo(canonical_json(data), nl=False)
    else:
        show_findings(findings)
        click.echo(count_of(findings))
    raise SystemExit(1 if findings else 0)


@click.command()
@click.option("--cohort", required=True, type=FOLDER, help="With its reference standard.")
@click.option("--out", required=True, type=FOLDER, help="A new or empty folder.")
@click.option("--sensitivity", default=45 / 61, type=click.FloatRange(0, 1), show_default="45/61")
@click.option(
    "--specificity", default=375 / 419, type=click.FloatRange(0, 1), show_default="375/419"
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@JOBS
def simulate(
    cohort: Path, out: Path, sensitivity: float, specificity: float, seed: int, jobs: int
) -> None:
    """Write a complete, imperfect submission at a set operating point.

    \b
    Example: lln submission simulate --cohort out/cohort --out out/submission
    """
    from tasks.cohort import read_cohort
    from tasks.simulated_submission import write_simulated_submission
    from tasks.terminal import progress

    refuse_full(out)
    found = read_cohort(cohort)
    with progress("Simulating answers", total=len(found.manifest.cases)) as step:
        for _ in write_simulated_submission(
            found,
            out=out,
            sensitivity=sensitivity,
            specificity=specificity,
            seed=seed,
            jobs=jobs,
        ):
            step()
    click.echo(out)


@click.command()
@click.argument(
    "control",
    type=click.Choice(["oracle", "empty", "always-negative", "R1", "R2", "R3"]),
)
@click.option("--cohort", required=True, type=FOLDER, help="With its reference standard.")
@click.option("--out", required=True, type=FOLDER, help="A new or empty folder.")
def control_submission(control: str, cohort: Path, out: Path) -> None:
    """Write a submission that is no model: the ends of the scale, or a reader of the cohort.

    \b
    Example: lln submission control oracle --cohort out/cohort --out out/oracle
    """
    from tasks.cohort import read_cohort
    from tasks.control_submission import Control, write_control_submission
    from tasks.terminal import progress

    refuse_full(out)
    found = read_cohort(cohort)
    with progress("Writing answers", total=len(found.manifest.cases)) as step:
        for _ in write_control_submission(found, control=Control(control), out=out):
            step()
    click.echo(out)


@click.command()
@click.option("--out", default=Path("schema/json"), show_default=True, type=FOLDER)
def export(out: Path) -> None:
    """Write the JSON Schema of every file that crosses a border of the kit.

    \b
    Example: lln schema export --out schema/json
    """
    from schema.export import json_schemas
    from tasks.files import canonical_json, write_text

    for name, content in json_schemas().items():
        write_text(out / f"{name}.json", canonical_json(content))
    click.echo(out)


@click.command()
def metrics() -> None:
    """Print the definition of every metric as Markdown.

    \b
    Example: lln tasks metrics | less
    """
    from tasks.definitions import metric_definitions
    from tasks.specification import load_tasks

    click.echo(metric_definitions(load_tasks().values()))


@click.command()
def checks() -> None:
    """Print every check with its code and its remedy as Markdown.

    \b
    Example: lln tasks checks | less
    """
    from tasks.checks import COHORT_CHECKS, SUBMISSION_CHECKS
    from tasks.checks.deidentification import DEIDENTIFICATION_CHECKS
    from tasks.checks.identifiers import IDENTIFIER_CHECKS
    from tasks.definitions import check_definitions
    from tasks.dicom.checks import dicom_checks
    from tasks.importing.checks import IMPORT_CHECKS

    of_import = (*dicom_checks(), *IMPORT_CHECKS, *DEIDENTIFICATION_CHECKS, *IDENTIFIER_CHECKS)
    click.echo(check_definitions((*SUBMISSION_CHECKS, *COHORT_CHECKS, *of_import)))


@click.command()
@click.argument("document", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def document(document: Path) -> None:
    """Renew the generated part of a Markdown document.

    \b
    Example: lln tasks document evaluation/README.md
    """
    from tasks.definitions import generated, with_definitions
    from tasks.dicom.definitions import is_of_dicom, with_dicom_definitions
    from tasks.files import read_text, write_text

    text = read_text(document)
    if is_of_dicom(text):
        write_text(document, with_dicom_definitions(text))
    else:
        write_text(document, with_definitions(text, generated=generated()))
