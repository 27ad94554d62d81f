"""The verb that shows one case."""

from __future__ import annotations

from pathlib import Path

import click

from tasks.commands import FOLDER

PAGE_SUFFIX, PICTURE_SUFFIX = ".html", ".png"


@click.command()
@click.argument("case_id", metavar="CASE")
@click.option("--cohort", required=True, type=FOLDER, help="With its image, and its masks if any.")
@click.option("--submission", type=FOLDER, help="Draw its masks beside the reference.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="case.png for a montage, case.html for every slice with a slider.",
)
def view(case_id: str, cohort: Path, submission: Path | None, out: Path) -> None:
    """Show one case: image, reference, prediction, and every node's short axis.

    Outlines have the colours of the task files: solid is the reference, dashed the prediction. The
    patient's right is on the left. A mask that breaks a rule is not drawn, and the rule is named.
    Of a hidden cohort the picture shows the answers: it is the organiser's, and private.

    \b
    Example: lln view PH-0001 --cohort out/cohort --submission out/submission --out out/case.html
    """
    from schema.errors import UsageError
    from tasks.case_view import read_case_view, view_page, view_png
    from tasks.cohort import read_inputs
    from tasks.files import write_bytes, write_text
    from tasks.terminal import FOUND, show_findings

    if out.suffix.lower() not in {PAGE_SUFFIX, PICTURE_SUFFIX}:
        raise UsageError(f"{out}: end the name in {PICTURE_SUFFIX} or in {PAGE_SUFFIX}")
    shown = read_case_view(read_inputs(cohort), case_id, submission=submission)
    if out.suffix.lower() == PAGE_SUFFIX:
        write_text(out, view_page(shown))
    else:
        write_bytes(out, view_png(shown))
    show_findings(shown.findings)
    click.echo(out)
    if shown.findings:
        raise SystemExit(FOUND)
