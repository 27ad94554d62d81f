"""The verbs that check and score a submission."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from schema.finding import Finding
from tasks.commands import AS_JSON, FOLDER, JOBS, leave_with_findings, refuse_full


@click.command()
@click.argument("name")
@click.option("--out", type=FOLDER, help="A new or empty folder.  [default: NAME]")
def new_submission(name: str, out: Path | None) -> None:
    """Start a submission from the template: a small working model, ready to build.

    \b
    Example: lln submission new my-model --out out/my-model
    """
    from evaluation.scaffold import scaffold_submission

    folder = Path(name) if out is None else out
    refuse_full(folder)
    scaffold_submission(name, out=folder)
    click.echo(folder)


@click.command()
@click.argument("submission", type=FOLDER)
@click.option("--cohort", required=True, type=FOLDER, help="Images suffice; no label is read.")
@AS_JSON
def check_submission(submission: Path, cohort: Path, as_json: bool) -> None:
    """Run the gate on a submission and score nothing.

    \b
    Example: lln submission check out/submission --cohort out/cohort
    """
    from evaluation import gate
    from tasks.cohort import read_inputs
    from tasks.terminal import progress

    found = read_inputs(cohort)
    findings: list[Finding] = []
    with progress("Checking answers", total=gate.steps(submission, cohort=found)) as step:
        for each in gate.check_submission(submission, cohort=found):
            findings += each
            step()
    leave_with_findings(findings, as_json=as_json)


@click.command()
@click.option("--cohort", required=True, type=FOLDER, help="With its reference standard.")
@click.option("--submission", required=True, type=FOLDER, help="Folder with submission.toml.")
@click.option("--out", required=True, type=FOLDER, help="Where the result goes.")
@JOBS
@AS_JSON
def evaluate(cohort: Path, submission: Path, out: Path, jobs: int, as_json: bool) -> None:
    """Score a submission.

    Writes result.json, cases.jsonl (private), report.html, tables/, methods.txt and run.json. Exit
    code 0 without findings, 1 with findings (the score stands), 2 when nothing was scored.

    \b
    Example: lln evaluate --cohort out/cohort --submission out/submission --out out/result
    """
    from evaluation import run, summary
    from tasks.cohort import read_cohort
    from tasks.files import canonical_json
    from tasks.terminal import progress, show_findings, show_table

    started, clock = datetime.now(UTC), time.perf_counter()
    found = read_cohort(cohort)
    with progress("Scoring", total=run.steps(submission, cohort=found)) as step:
        scored = run.evaluate(found, submission, jobs=jobs, on_case=step)
    run.write_evaluation(scored, out=out, started=started, seconds=time.perf_counter() - clock)
    if as_json:
        click.echo(canonical_json(summary.as_json(scored, out=out)), nl=False)
    else:
        show_findings(scored.findings)
        show_table(columns=summary.COLUMNS, rows=list(summary.rows(scored.result)))
        click.echo(f"report: {(out / run.REPORT).resolve()}")
    raise SystemExit(1 if scored.findings else 0)


@click.command()
@click.option(
    "--out",
    default=Path("docs/paper.md"),
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
)
def paper(out: Path) -> None:
    """Write the paper's numbers beside the kit's as Markdown, from the committed cohorts.

    \b
    Example: lln tasks paper --out docs/paper.md
    """
    from evaluation.paper_document import paper_document
    from evaluation.paper_results import paper_results, published_numbers
    from tasks.files import write_text

    write_text(out, paper_document(published_numbers(), paper_results()))
    click.echo(out)
