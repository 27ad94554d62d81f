"""The front door: the `lln` command. One line per verb; it delegates and holds no logic."""

from __future__ import annotations

import click

from baseline import predict_commands as answering
from baseline import train_commands as training
from evaluation import commands as scoring
from evaluation.sandbox import commands as sandbox
from evaluation.sandbox import doctor_commands as examination
from leaderboard import commands as board
from leaderboard import simulation_commands as forecast
from leaderboard import site_commands as pages
from tasks import commands as data
from tasks import deidentify_commands as deidentifying
from tasks import import_commands as importing
from tasks import split_commands as parting
from tasks import view_commands as looking
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
def baseline() -> None:
    """The reference nnU-Net: train it, pack it, let it answer."""


@main.group()
def leaderboard() -> None:
    """Keep a board: file results, rank them, publish pages, verify."""


@main.group()
def tasks() -> None:
    """What is asked and how it is scored."""


@main.group()
def schema() -> None:
    """The contract as JSON Schema."""


cohort.add_command(data.phantom, "phantom")
cohort.add_command(data.check_cohort, "check")
cohort.add_command(importing.propose_mapping, "propose-mapping")
cohort.add_command(importing.import_cohort, "import")
cohort.add_command(deidentifying.deidentify, "deidentify")
cohort.add_command(deidentifying.identifiers, "identifiers")
cohort.add_command(parting.split_cohort, "split")
cohort.add_command(parting.seal_cohort, "seal")
submission.add_command(scoring.new_submission, "new")
submission.add_command(data.simulate, "simulate")
submission.add_command(data.control_submission, "control")
submission.add_command(scoring.check_submission, "check")
submission.add_command(sandbox.run_submission, "run")
main.add_command(scoring.evaluate, "evaluate")
main.add_command(examination.doctor, "doctor")
main.add_command(looking.view, "view")
baseline.add_command(training.convert, "convert")
baseline.add_command(training.train, "train")
baseline.add_command(answering.export, "export")
baseline.add_command(answering.predict, "predict")
leaderboard.add_command(board.new_board, "new")
leaderboard.add_command(board.add, "add")
leaderboard.add_command(board.fail, "fail")
leaderboard.add_command(board.rank, "rank")
leaderboard.add_command(board.withdraw, "withdraw")
leaderboard.add_command(board.disqualify, "disqualify")
leaderboard.add_command(board.reinstate, "reinstate")
leaderboard.add_command(board.verify, "verify")
leaderboard.add_command(board.sign, "sign")
leaderboard.add_command(board.rescore, "rescore")
leaderboard.add_command(pages.build, "build")
leaderboard.add_command(forecast.simulate, "simulate")
tasks.add_command(data.metrics, "metrics")
tasks.add_command(data.checks, "checks")
tasks.add_command(data.document, "document")
tasks.add_command(scoring.paper, "paper")
tasks.add_command(importing.labels, "labels")
schema.add_command(data.export, "export")
