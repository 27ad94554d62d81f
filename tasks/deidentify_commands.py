"""The verbs that take patients out of DICOM files, and look for what is left in a cohort."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema.errors import UsageError
from tasks.commands import AS_JSON, FOLDER, leave_with_findings, refuse_overlap

if TYPE_CHECKING:
    from schema.finding import Finding

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--dicom", required=True, type=FOLDER, help="DICOM files, nested as they come.")
@click.option("--out", required=True, type=FOLDER, help="A new or empty folder.")
@click.option("--key", required=True, type=FILE, help="Who is who; made when it is not there.")
@click.option(
    "--dates",
    default="remove",
    show_default=True,
    type=click.Choice(["remove", "shift", "keep"]),
    help="Of the study; shift moves all dates of a patient back by one secret number of days.",
)
@click.option(
    "--pixels-looked-at",
    is_flag=True,
    help="Somebody looked at the images that say they hold text: they show no identity.",
)
@click.option("--report", type=FILE, help="Counts and reasons as Markdown; names no file.")
@AS_JSON
def deidentify(
    dicom: Path,
    out: Path,
    key: Path,
    dates: Any,
    pixels_looked_at: bool,
    report: Path | None,
    as_json: bool,
) -> None:
    """Write DICOM images and segmentations without their patients.

    Patients get salted case ids, UIDs are replaced alike in all files of one key. Text, private
    attributes, people and places are left behind; docs/deidentification.md lists what stays.
    Whatever cannot be cleaned is left out and told. Findings name files of the source: keep them
    private. Exit code 0: every image was written. 1: some were left out.

    \b
    Example: lln cohort deidentify --dicom PACS --out out/dicom --key private/key.json
    """
    from tasks.dicom.action_table import action_table
    from tasks.dicom.deidentify_tree import (
        Options,
        deidentify_tree,
        files_of,
        read_dicom,
    )
    from tasks.dicom.deidentify_tree import report as report_of
    from tasks.files import write_text
    from tasks.pseudonyms import new_key, read_key, refuse_in_cohort, write_key
    from tasks.terminal import progress
    from tasks.whole_folder import whole_folder

    refuse_in_cohort(key, outside=(out,))
    refuse_overlap(dicom, out=out)
    action_table()
    known = read_key(key) or new_key()
    options = Options(dates=dates, pixels_looked_at=pixels_looked_at)
    with progress("Reading headers", total=None):
        tree = read_dicom(dicom)
    with whole_folder(out) as partial:
        with progress("De-identifying", total=len(files_of(tree))) as step:
            result = deidentify_tree(tree, out=partial, key=known, options=options, step=step)
        # the key first: no file is out of which nobody can tell any more whose it is
        write_key(key, result.key)
    if report is not None:
        write_text(report, report_of(result, options=options))
    click.echo(f"{result.written} files: {out}; who is who, private: {key}", err=True)
    leave_with_findings(result.findings, as_json=as_json)


@click.command()
@click.argument("cohort", type=FOLDER)
@click.option("--key", type=FILE, help="Look for everything by which the hospital knows a patient.")
@click.option("--report", type=FILE, help="What was looked for and how much was found, Markdown.")
@AS_JSON
def identifiers(cohort: Path, key: Path | None, report: Path | None, as_json: bool) -> None:
    """Look for whatever tells who a patient is, in every byte and name of a cohort folder.

    Without a key only the form of a text is known: dates, addresses, numbers. With it every patient
    id and name is searched for, plain, in hexadecimal and in base 64. No finding shows a value.
    Exit code 0: nothing was found. 1: with findings.

    \b
    Example: lln cohort identifiers out/cohort --key private/key.json --report out/identifiers.md
    """
    from tasks.files import write_text
    from tasks.identifier_search import Searched, paths_below, search
    from tasks.identifier_search import report as report_of
    from tasks.pseudonyms import read_key
    from tasks.terminal import progress

    known = None if key is None else read_key(key)
    if key is not None and known is None:
        raise UsageError(f"{key}: no such key file")
    if report is not None and report.resolve().is_relative_to(cohort.resolve()):
        raise UsageError(f"--report {report}: may not lie inside of the cohort folder {cohort}")
    sizes: list[int] = []
    findings: list[Finding] = []
    with progress("Searching files", total=len(paths_below(cohort))) as step:
        for size, found in search(cohort, key=known):
            sizes.append(size)
            findings += found
            step()
    if report is not None:
        searched = Searched(len(sizes), sum(sizes), tuple(findings))
        write_text(report, report_of(searched, key=known))
    leave_with_findings(findings, as_json=as_json)
