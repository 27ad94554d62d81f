"""The verbs that keep a board: start it, add to it, rank, decide, verify, sign, score again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tasks.commands import AS_JSON, FOLDER, JOBS, leave_with_findings, refuse_full

if TYPE_CHECKING:
    from schema.ledger import Event

FILE = click.Path(path_type=Path, dir_okay=False)
RESULTS = click.option(
    "--results", required=True, type=FOLDER, help="The board's folder; all of it is public."
)
PRIVATE = click.option(
    "--private", required=True, type=FOLDER, help="What is kept of every entry; never public."
)
REASON = click.option("--reason", required=True, help="For everybody to read.")
DAY = click.DateTime(formats=["%Y-%m-%d"])


def _day(given: datetime | None) -> date:
    return datetime.now(UTC).date() if given is None else given.date()


@click.command()
@click.option("--cohort", required=True, type=FOLDER, help="With its reference standard.")
@click.option("--results", required=True, type=FOLDER, help="A new folder; all of it is public.")
@PRIVATE
@click.option("--title", required=True)
@click.option("--organiser", required=True)
@click.option("--licence", required=True, help="Of what is published.")
@click.option("--attempts", required=True, type=click.IntRange(min=1), help="Of each team.")
@click.option("--opened", type=DAY, help="First day.  [default: today]")
@click.option("--closes", type=DAY, help="Last day.  [default: none]")
@click.option("--description", default="")
@click.option("--url", help="https address of the challenge.")
@click.option(
    "--suppress-below",
    type=click.IntRange(min=2),
    help="On a hidden cohort counts from 1 to below this are withheld.  [default: 5]",
)
@click.option("--draft", is_flag=True, help="Say so on every page.")
def new_board(cohort: Path, results: Path, private: Path, **rules: Any) -> None:
    """Start a board from a cohort.

    Writes board.toml, an empty ledger and SHA256SUMS. The centres of the cases are kept privately:
    patients are resampled within them.

    \b
    Example: lln leaderboard new --cohort cohort --results board --private private \\
        --title "LLN 2026" --organiser "A Hospital" --licence CC-BY-4.0 --attempts 3
    """
    from leaderboard.new_board import start
    from tasks.cohort import read_cohort

    refuse_full(results)
    closes = rules.pop("closes")
    rules["closes"] = None if closes is None else closes.date()
    opened = _day(rules.pop("opened"))
    start(read_cohort(cohort), results=results, private=private, opened=opened, **rules)
    click.echo(results)


@click.command()
@click.argument("result", type=FILE)
@RESULTS
@PRIVATE
@click.option("--id", "entry_id", help="Name of the entry.  [default: from team and model]")
@click.option(
    "--kind",
    default="submission",
    show_default=True,
    type=click.Choice(["submission", "baseline", "control", "human", "paper"]),
)
@click.option(
    "--run-by",
    default="organiser",
    show_default=True,
    type=click.Choice(["organiser", "entrant"]),
    help="Who ran the model: an organiser-run entry is verified.",
)
@click.option("--date", "submitted", type=DAY, help="When it came in.  [default: today]")
@click.option("--execution", type=FILE, help="run/execution.json of lln submission run.")
@click.option("--reporting", type=FILE, help="TOML: answers to checklists by item id.")
@click.option("--predictions", type=FOLDER, help="What was scored, kept to be scored again.")
@click.option("--paper", help="https address of its description.")
@click.option("--note", "notes", multiple=True, help="What a reader should know; may repeat.")
@AS_JSON
def add(result: Path, results: Path, private: Path, as_json: bool, **options: Any) -> None:
    """File a result: check it, show its public part, keep the rest, write the ledger.

    run.json and cases.jsonl are read from beside RESULT. Exit code 0 when it was filed, 2 with
    every reason when it was not. The board has no ranks of it until lln leaderboard rank.

    \b
    Example: lln leaderboard add out/result/result.json --results board --private private
    """
    from leaderboard import filing
    from leaderboard.bundle import Request
    from schema.entry import Kind
    from tasks.files import canonical_json

    kind, submitted = Kind(options.pop("kind")), _day(options.pop("submitted"))
    request = Request(result=result, kind=kind, submitted=submitted, **options)
    entry = filing.add(request, results=results, private=private, now=datetime.now(UTC))
    if as_json:
        click.echo(canonical_json(entry.model_dump(mode="json")), nl=False)
    else:
        click.echo(results / f"{entry.id}.json")


@click.command()
@click.argument("manifest", type=FILE)
@RESULTS
@REASON
@click.option("--id", "entry_id", help="Name of the attempt.  [default: from team and model]")
@click.option("--date", "submitted", type=DAY, help="When it came in.  [default: today]")
def fail(
    manifest: Path, results: Path, reason: str, entry_id: str | None, submitted: datetime | None
) -> None:
    """Note an attempt that gave nothing to list. It counts as one.

    \b
    Example: lln leaderboard fail submission.toml --results board --reason "No case was answered."
    """
    from evaluation.sandbox.plan import read_manifest
    from leaderboard import filing

    line = filing.fail(
        read_manifest(manifest),
        results=results,
        reason=reason,
        entry_id=entry_id,
        submitted=_day(submitted),
        now=datetime.now(UTC),
    )
    click.echo(f"{line.number} {line.event} {line.entry}")


@click.command()
@RESULTS
@PRIVATE
@AS_JSON
def rank(results: Path, private: Path, as_json: bool) -> None:
    """Compute the standings of every task from the entries and their private cases.

    \b
    Example: lln leaderboard rank --results board --private private
    """
    from leaderboard import ranked_board
    from tasks.files import canonical_json
    from tasks.terminal import show_table

    made = ranked_board.rank(results=results, private=private)
    if as_json:
        click.echo(canonical_json([each.model_dump(mode="json") for each in made]), nl=False)
        return
    rows = [
        (board.task.value, "" if each.rank is None else str(each.rank), each.entry)
        for board in made
        for each in board.standings
    ]
    show_table(columns=("task", "rank", "entry"), rows=rows)


def _decide(event: Event, entry: str, *, results: Path, reason: str) -> None:
    from leaderboard import filing

    line = filing.decide(event, entry, results=results, reason=reason, now=datetime.now(UTC))
    click.echo(f"{line.number} {line.event} {line.entry}: now run lln leaderboard rank")


@click.command()
@click.argument("entry")
@RESULTS
@REASON
def withdraw(entry: str, results: Path, reason: str) -> None:
    """Take an entry out of the ranks at its team's wish. File, line and attempt stay.

    \b
    Example: lln leaderboard withdraw team-model --results board --reason "Trained on test data."
    """
    from schema.ledger import Event

    _decide(Event.WITHDRAWN, entry, results=results, reason=reason)


@click.command()
@click.argument("entry")
@RESULTS
@REASON
def disqualify(entry: str, results: Path, reason: str) -> None:
    """Take an entry out of the ranks by decision of the organiser. File, line and attempt stay.

    \b
    Example: lln leaderboard disqualify team-model --results board --reason "Labels by hand."
    """
    from schema.ledger import Event

    _decide(Event.DISQUALIFIED, entry, results=results, reason=reason)


@click.command()
@click.argument("entry")
@RESULTS
@REASON
def reinstate(entry: str, results: Path, reason: str) -> None:
    """Put a withdrawn or disqualified entry back.

    \b
    Example: lln leaderboard reinstate team-model --results board --reason "It was a mistake."
    """
    from schema.ledger import Event

    _decide(Event.REINSTATED, entry, results=results, reason=reason)


@click.command()
@RESULTS
@click.option("--private", type=FOLDER, help="Recompute entries and standings from it.")
@click.option("--allowed-signers", type=FILE, help="Who may sign: ssh-keygen's ALLOWED SIGNERS.")
@click.option("--head", help="Digest of a ledger line that you noted: it must still be there.")
@AS_JSON
def verify(
    results: Path,
    private: Path | None,
    allowed_signers: Path | None,
    head: str | None,
    as_json: bool,
) -> None:
    """Recompute a board from its files: digests, chain, states, ranks.

    Exit code 0 when everything holds, 1 with findings, 2 when it is no board.

    \b
    Example: lln leaderboard verify --results board
    """
    from leaderboard.verification import Evidence, last_digest
    from leaderboard.verification import verify as examine

    evidence = Evidence(private=private, allowed_signers=allowed_signers, head=head)
    findings = examine(results, evidence=evidence)
    if not findings and not as_json:
        click.echo(f"last line of the ledger: {last_digest(results)}")
    leave_with_findings(findings, as_json=as_json)


@click.command()
@RESULTS
@click.option("--key", required=True, type=FILE, help="Private key, or public key of an agent's.")
def sign(results: Path, key: Path) -> None:
    """Sign SHA256SUMS with an OpenSSH key. Any later change of the board removes the signature.

    \b
    Example: lln leaderboard sign --results board --key ~/.ssh/id_ed25519
    """
    from leaderboard import signature

    click.echo(signature.sign(results=results, key=key))


@click.command()
@RESULTS
@PRIVATE
@click.option("--cohort", required=True, type=FOLDER, help="The board's cohort.")
@click.option("--new-results", required=True, type=FOLDER, help="A new or empty folder.")
@click.option("--new-private", required=True, type=FOLDER, help="For the new board.")
@JOBS
def rescore(
    results: Path, private: Path, cohort: Path, new_results: Path, new_private: Path, jobs: int
) -> None:
    """Score the kept predictions of every entry with this evaluator, onto a new board.

    The old board stays as it is. Exit code 0 when every entry was carried over, 1 when some were
    not, 2 when nothing was done.

    \b
    Example: lln leaderboard rescore --results board --private private --cohort cohort \\
        --new-results board-2 --new-private private-2
    """
    from leaderboard import rescoring
    from leaderboard.board_folder import read_contents
    from tasks.cohort import read_cohort
    from tasks.terminal import progress

    total = len(read_contents(results).entries)
    with progress("Scoring entries again", total=total) as step:
        outcomes = rescoring.rescore(
            rescoring.Place(results, private),
            rescoring.Place(new_results, new_private),
            cohort=read_cohort(cohort),
            jobs=jobs,
            now=datetime.now(UTC),
            on_entry=step,
        )
    for each in outcomes:
        click.echo(f"{each.entry}: {each.problem or 'carried over'}", err=each.problem is not None)
    raise SystemExit(1 if any(each.problem for each in outcomes) else 0)
