"""The front door: the `lln` command. One line per verb; it delegates and holds no logic."""

from __future__ import annotations

import click

from evaluation import commands as scoring
from evaluation.sandbox import commands as sandbox
from evaluation.sandbox import doctor_commands as examination
from tasks import commands as data
from tasks.terminal import Verbs

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=Verbs, context_settings=CONTEXT)
@click.version_option(package_name="lln-challenge-kit")
def main() -> None:
    """Lateral lymph nodes in rectal cancer MRI: cohorts, submissions, scores.

    \b
    lln cohort phantom --out out/cohort
    lln submission simulate --cohort out/cohort --out out/submission
    lln evaluate --cohort out/cohort --submission out/submission --out out/result
    """


@main.group()
def cohort() -> None:
    """Make and check a cohort."""


@main.group()
def submission() -> None:
    """Start, simulate, check and run a submission."""


@main.group()
def tasks() -> None:
    """What is asked and how it is scored."""


@main.group()
def schema() -> None:
    """The contract as JSON Schema."""


cohort.add_command(data.phantom, "phantom")
cohort.add_command(data.check_cohort, "check")
submission.add_command(scoring.new_submission, "new")
submission.add_command(data.simulate, "simulate")
submission.add_command(scoring.check_submission, "check")
submission.add_command(sandbox.run_submission, "run")
main.add_command(scoring.evaluate, "evaluate")
main.add_command(examination.doctor, "doctor")
tasks.add_command(data.metrics, "metrics")
tasks.add_command(data.checks, "checks")
tasks.add_command(data.document, "document")
schema.add_command(data.export, "export")
